"""What eth_call reads of system contracts: each is a method of poyong_*, by its name and types.

A view reads the state of the last committed block. What a method answers with null is refused:
there is nothing of that name or number.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from api.errors import RpcError
from api.ethereum.view_types import argument, given, shown
from api.registry import Context, Method, MethodRegistry
from ledger import abi, contracts
from ledger.abi import AbiType, Parameter
from ledger.contracts import SystemContract
from ledger.errors import InvariantViolation
from ledger.primitives import DECIMALS, Address

TOKEN_NAME: Final = "발전토큰"
TOKEN_SYMBOL: Final = "BJT"

VIEWS: Final[Mapping[SystemContract, tuple[str, ...]]] = {
    contracts.LAND: (
        "poyong_getZones",
        "poyong_getRound",
        "poyong_getLandIndex",
        "poyong_listRounds",
        "poyong_getRates",
        "poyong_getZoneEvents",
        "poyong_getSales",
        "poyong_getAppraisers",
    ),
    contracts.ISSUANCE: ("poyong_getIssuance",),
    contracts.DISTRIBUTION: ("poyong_getPools", "poyong_getPosition"),
    contracts.GOVERNANCE: (
        "poyong_listProposals",
        "poyong_getProposal",
        "poyong_getTally",
        "poyong_getCouncil",
        "poyong_listChallengePetitions",
        "poyong_getParams",
    ),
    contracts.ORGANISATIONS: (
        "poyong_getChambers",
        "poyong_listOrganisations",
        "poyong_getPerson",
        "poyong_getRoles",
        "poyong_listAgreements",
        "poyong_listLegalBases",
    ),
}
"""The methods that are views of each contract."""


class Reverted(Exception):
    """A contract refuses; says why."""


@dataclass(frozen=True)
class ViewFunction:
    """A function that only reads. answer: (context, arguments) -> values of `outputs`; raises
    Reverted."""

    name: str
    doc: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    answer: Callable[[Context, Sequence[Any]], Awaitable[Sequence[Any]]]

    @cached_property
    def types(self) -> tuple[AbiType, ...]:
        """Of the arguments."""
        return tuple(item.type for item in self.inputs)

    @cached_property
    def signature(self) -> str:
        """Such as "balanceOf(address)"."""
        return abi.signature(self.name, self.types)

    @property
    def selector(self) -> bytes:
        """First 4 bytes of its calldata."""
        return abi.selector(self.signature)


ViewTable = Mapping[Address, Mapping[bytes, ViewFunction]]
"""By address and selector."""


@lru_cache(maxsize=2)
def view_table(methods: MethodRegistry) -> ViewTable:
    """The views of every contract; made once for a server."""
    found = {
        contract: [_of_method(methods, name) for name in names] for contract, names in VIEWS.items()
    }
    return {
        contract.address: {view.selector: view for view in views}
        for contract, views in {contracts.TOKEN: _token_views(), **found}.items()
    }


def _of_method(methods: MethodRegistry, name: str) -> ViewFunction:
    method = methods.find(name)
    if method is None:
        raise InvariantViolation(f"no method is called {name}")
    return _view(method)


def _view(method: Method) -> ViewFunction:
    result = shown(method.result)
    if result is None:
        raise TypeError(f"the result of {method.name} has no form in the ABI")

    async def answer(context: Context, arguments: Sequence[Any]) -> Sequence[Any]:
        values = [
            given(parameter, value)
            for parameter, value in zip(method.parameters, arguments, strict=True)
        ]
        try:
            found = await method.single(context, *method.bind(values))
        except RpcError as error:
            raise Reverted(error.message) from error
        if found is None:
            raise Reverted(f"{method.name} finds nothing of this name or number")
        return [result.value(found)]

    return ViewFunction(
        method.name.split("_")[1],
        method.doc,
        tuple(argument(parameter) for parameter in method.parameters),
        (Parameter("", result.type),),
        answer,
    )


# -- the token ------------------------------------------------------------------------------------


def _token_views() -> list[ViewFunction]:
    """Those of ERC-20 that there are; no allowances exist."""
    owner = Parameter("owner", abi.ADDRESS, "any account")
    return [
        _token("name", "The token's name.", abi.STRING, lambda _: TOKEN_NAME),
        _token("symbol", "The token's symbol.", abi.STRING, lambda _: TOKEN_SYMBOL),
        _token("decimals", "Digits after the point.", abi.UINT8, lambda _: DECIMALS),
        _token(
            "totalSupply",
            "Smallest units that exist: issued and not burned.",
            abi.UINT256,
            lambda context: context.node.supply(),
        ),
        _token(
            "balanceOf",
            "Smallest units that an account holds.",
            abi.UINT256,
            lambda context, account: context.node.account(account).balance,
            owner,
        ),
    ]


def _token(
    name: str, doc: str, result: AbiType, read: Callable[..., Any], *inputs: Parameter
) -> ViewFunction:
    async def answer(context: Context, arguments: Sequence[Any]) -> Sequence[Any]:
        return [read(context, *arguments)]

    return ViewFunction(name, doc, inputs, (Parameter("", result),), answer)
