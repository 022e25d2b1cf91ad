"""System contracts by eth_call: views answer what poyong_* does, other functions are tried."""

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import (
    fact_examples,
    governance_examples,
    land_examples,
    pool_examples,
)
from api.encoding import from_hex, hex_of
from api.errors import EXECUTION_REVERTED
from api.ethereum.contract_views import VIEWS, ViewFunction, view_table
from api.ethereum.view_types import shown, zero
from api.examples import BOB
from api.methods import all_methods
from api.schema import schema_of
from ledger import abi
from ledger.abi import Array, Parameter, Struct
from ledger.contracts import (
    CONTRACTS,
    DISTRIBUTION,
    GOVERNANCE,
    ISSUANCE,
    LAND,
    ORGANISATIONS,
    TOKEN,
    TRANSFER,
    SystemContract,
)
from ledger.primitives import Address
from tests.support.api_fakes import CONTRACTS as TABLE
from tests.support.ethereum_calls import REGISTRY, Caller

NO_VIEWS = {
    "poyong_status": "of the node, not of the state",
    "poyong_getBlock": "of history, which eth_getBlockByNumber reads",
    "poyong_getCertificate": "of history",
    "poyong_getGenesis": "of no use to a contract",
    "poyong_getTransaction": "of history",
    "poyong_getReceipt": "of history",
    "poyong_getAccount": "eth_getBalance, eth_getTransactionCount and the token's balanceOf",
    "poyong_sendTransaction": "sends",
    "poyong_sendTransactionAndWait": "sends",
    "poyong_getProof": "proofs",
    "poyong_getTransactionProof": "proofs",
    "poyong_getStatement": "proofs",
    "poyong_getAccountHistory": "of history",
    "poyong_search": "of history",
    "poyong_validators": "of consensus",
    "poyong_consensusState": "of the node",
    "poyong_peers": "of the node",
    "poyong_whyStalled": "of the node",
    "poyong_subscribe": "follows",
    "poyong_unsubscribe": "follows",
}


def view(contract: SystemContract, name: str) -> ViewFunction:
    (found,) = (item for item in view_table(REGISTRY)[contract.address].values()
                if item.name == name)  # fmt: skip
    return found


def named(kind: abi.AbiType, value: Any) -> Any:
    """A decoded value with the names of its structs' places."""
    match kind:
        case Struct():
            return {
                part.name: named(part.type, item)
                for part, item in zip(kind.parts, value, strict=True)
            }
        case Array():
            return [named(kind.item, item) for item in value]
        case _:
            return hex_of(value) if isinstance(value, bytes) else value


async def read(contract: SystemContract, name: str, *arguments: Any) -> Any:
    """What a wallet decodes of a view's answer."""
    asked = view(contract, name)
    data = asked.selector + abi.encode(asked.types, arguments)
    found = await Caller().result(
        "eth_call", {"to": hex_of(contract.address), "data": hex_of(data)}
    )
    kind = asked.outputs[0].type
    (value,) = abi.decode((kind,), from_hex(found))
    return named(kind, value)


def test_every_method_is_a_view_or_there_is_a_reason_why_not() -> None:
    methods = {method.name for method in REGISTRY if method.name.startswith("poyong_")}
    views = {name for names in VIEWS.values() for name in names}
    missing = methods - views - set(NO_VIEWS)
    assert not missing, f"add to VIEWS of api/ethereum/contract_views.py, or to NO_VIEWS: {missing}"
    assert views | set(NO_VIEWS) <= methods
    assert not views & set(NO_VIEWS)


def test_views_and_functions_of_a_contract_have_different_names_and_selectors() -> None:
    for contract in CONTRACTS:
        views = view_table(REGISTRY)[contract.address]
        functions = TABLE.functions[contract.address]
        assert not views.keys() & functions.keys()
        names = [item.name for item in views.values()]
        names += [item.name for item in functions.values()]
        assert len(names) == len(set(names))


def test_the_table_is_made_once_for_a_server() -> None:
    assert view_table(REGISTRY) is view_table(REGISTRY)
    assert view_table(all_methods()) is not view_table(REGISTRY)


async def test_the_token_answers_as_erc20() -> None:
    assert await read(TOKEN, "name") == "발전토큰"
    assert await read(TOKEN, "symbol") == "BJT"
    assert await read(TOKEN, "decimals") == 18
    assert await read(TOKEN, "totalSupply") == 10**26
    assert await read(TOKEN, "balanceOf", BOB) == 2**127
    assert view(TOKEN, "balanceOf").selector.hex() == "70a08231"
    assert view(TOKEN, "totalSupply").selector.hex() == "18160ddd"


async def test_a_view_answers_what_the_method_does() -> None:
    (zone,) = await read(LAND, "getZones")
    assert zone["zone"] == land_examples.ZONE["zone"]
    assert zone["acceptedKrwPerM2"] == land_examples.ZONE["accepted_krw_per_m2"]
    assert zone["valueKrw"] == int(land_examples.ZONE["value_krw"])
    assert zone["parcelRoot"] == land_examples.ZONE["parcel_root"]
    issuance = await read(ISSUANCE, "getIssuance", 0)
    assert issuance["ceiling"] == int(land_examples.ISSUANCE["ceiling"])
    assert issuance["parameters"]["mode"] == land_examples.ISSUANCE["parameters"]["mode"]
    account = pool_examples.POSITION["account"]
    position = await read(DISTRIBUTION, "getPosition", from_hex(account))
    assert position["account"] == account.lower()
    proposal = await read(GOVERNANCE, "getProposal", 7)
    assert proposal["title"] == governance_examples.PROPOSAL["title"]
    assert proposal["class"] == governance_examples.PROPOSAL["class"]
    assert list(proposal["messages"][0]) == ["type_", "body"]
    (role,) = await read(ORGANISATIONS, "getRoles", fact_examples.ROLE["role"])
    assert role["role"] == fact_examples.ROLE["role"]


@pytest.mark.parametrize(
    ("contract", "asked"),
    [
        (contract, asked)
        for contract in CONTRACTS
        for asked in view_table(REGISTRY)[contract.address].values()
    ],
    ids=lambda found: found.name,
)
async def test_every_view_answers(contract: SystemContract, asked: ViewFunction) -> None:
    """With the arguments of the method's own example."""
    method = REGISTRY.find(f"poyong_{asked.name}")
    arguments: list[Any] = [BOB] * len(asked.inputs)
    if method is not None:
        given = method.example
        arguments = [
            zero(item.type) if parameter.name not in given else given[parameter.name]
            for item, parameter in zip(asked.inputs, method.parameters, strict=True)
        ]
        arguments = [
            from_hex(value) if item.type == abi.ADDRESS else value
            for item, value in zip(asked.inputs, arguments, strict=True)
        ]
    assert await read(contract, asked.name, *arguments) is not None


async def test_an_argument_that_is_zero_is_left_out() -> None:
    newest = await read(LAND, "getRound", "wolchul", 0)
    assert newest == await read(LAND, "getRound", "wolchul", land_examples.ROUND["round"])


def test_null_is_the_zero_of_its_type() -> None:
    kind = shown(schema_of(int | None))
    assert kind is not None
    assert (kind.value(None), kind.value(7)) == (0, 7)
    pair = Struct((Parameter("a", abi.ADDRESS), Parameter("b", Array(abi.STRING))), "Pair")
    assert zero(pair) == (bytes(20), ())
    assert (zero(abi.STRING), zero(abi.BYTES), zero(abi.BYTES32)) == ("", b"", bytes(32))


def test_what_has_no_fixed_form_is_left_out() -> None:
    assert shown({"type": "object"}) is None
    assert shown({"type": "array", "items": {}}) is None
    assert shown({"anyOf": [{"type": "integer"}, {"type": "string"}]}) is None


def reason(error: dict[str, Any]) -> str:
    """The sentence in the data of a revert, which its message repeats."""
    data = from_hex(error["data"])
    assert error["code"] == EXECUTION_REVERTED
    assert data[:4].hex() == "08c379a0"
    (found,) = abi.decode((abi.STRING,), data[4:])
    assert error["message"] == f"execution reverted: {found}"
    return str(found)


def call_of(contract: SystemContract, data: bytes, **more: str) -> dict[str, str]:
    return {"to": hex_of(contract.address), "data": hex_of(data), **more}


REFUSED = [
    (view(LAND, "getRound").selector + abi.encode((abi.STRING, abi.UINT64), ("nowhere", 0)),
     "poyong_getRound finds nothing"),
    (view(LAND, "getRound").selector, "are needed, 0 are there"),
    (view(LAND, "getZones").selector + b"\0", "1 bytes after the last value"),
    (view(LAND, "listRounds").selector + abi.encode((abi.UINT64,) * 2, (1, 257)),
     "parameter count of poyong_listRounds: expected an integer in 1..256, found 257"),
    (b"\1\2\3\4", "LandOracle .* has no function 0x01020304"),
    (b"\1\2", "has no function 0x0102"),
    (b"", "takes no tokens: call one of its functions"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "sentence"), REFUSED)
@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
async def test_what_a_contract_refuses_is_a_revert(method: str, data: bytes, sentence: str) -> None:
    error = await Caller().error(method, call_of(LAND, data))
    found = reason(error)
    assert re.search(sentence, found), found


TRANSFER_DATA = TRANSFER.selector + abi.encode(TRANSFER.types, (BOB, 5))
SENDER = "0x" + "11" * 20


async def test_another_function_is_tried_as_the_sender_and_dropped() -> None:
    caller = Caller()
    found = await caller.result("eth_call", {**call_of(TOKEN, TRANSFER_DATA), "from": SENDER})
    assert abi.decode((abi.BOOL,), from_hex(found)) == (True,)
    address, vote = TABLE.encode_call("proposals.vote", (7, "yes"))
    assert address == GOVERNANCE.address
    assert await caller.result("eth_call", call_of(GOVERNANCE, vote)) == "0x"
    assert caller.node.simulated == [
        (from_hex(SENDER), "transfer.send", (Address(BOB), b"\5", b"")),
        (bytes(20), "proposals.vote", (7, "yes")),
    ]


async def test_what_would_fail_reverts_with_the_sentence_of_the_receipt() -> None:
    caller = Caller()
    caller.node.refusal = "the balance 3 is below 5"
    for method in ("eth_call", "eth_estimateGas"):
        error = await caller.error(method, call_of(TOKEN, TRANSFER_DATA))
        assert reason(error) == "the balance 3 is below 5"


async def test_a_call_moves_no_tokens_beside_its_message() -> None:
    error = await Caller().error("eth_call", call_of(TOKEN, TRANSFER_DATA, value="0x1"))
    assert "expected value 0, found 1" in reason(error)


async def test_gas_of_a_call_is_that_of_its_data() -> None:
    zeros = TRANSFER_DATA.count(0)
    expected = 21_000 + 4 * zeros + 16 * (len(TRANSFER_DATA) - zeros)
    assert await Caller().result("eth_estimateGas", call_of(TOKEN, TRANSFER_DATA)) == hex(expected)


@given(st.sampled_from(CONTRACTS), st.data())
def test_any_calldata_is_answered_or_reverts(contract: SystemContract, data: st.DataObject) -> None:
    """Nothing that a caller writes is an internal error, or costs more than its own length."""
    views = view_table(REGISTRY)[contract.address]
    selectors = [*views, *TABLE.functions[contract.address]]
    noise = data.draw(st.sampled_from(selectors)) + data.draw(st.binary(max_size=300))
    (answer,) = asyncio.run(Caller().answers(("eth_call", call_of(contract, noise))))
    if "error" in answer:
        assert reason(answer["error"])
