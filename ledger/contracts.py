"""System contracts: what an Ethereum transaction says to an address that is no account.

There is no EVM. A contract is a name, an address and functions, each of which is one message type:
its name in camelCase, its fields as arguments in their order. All of it is made from the message
registry, so that every node reads a transaction alike (docs/formats.md, "Calls of system
contracts"). A function is added, never changed or removed: old blocks have to decode for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from ledger import abi, codec
from ledger.abi import AbiType, Array, Parameter, Struct
from ledger.errors import DecodeError, ensure
from ledger.ethereum_envelope import transfers_only
from ledger.message_registry import Field, Kind, MessageRegistry, MessageType
from ledger.primitives import ADDRESS_BYTES, MAX_AMOUNT, ZERO_HASH, Address
from ledger.transfers import SEND


@dataclass(frozen=True)
class SystemContract:
    """name: of its Solidity interface. modules: whose messages are its functions and whose events
    are its logs."""

    address: Address
    name: str
    doc: str
    modules: tuple[str, ...]


def _contract(number: int, name: str, doc: str, *modules: str) -> SystemContract:
    return SystemContract(Address(number.to_bytes(ADDRESS_BYTES, "big")), name, doc, modules)


TOKEN: Final = _contract(
    0x401, "Token", "The development token (발전토큰), in the manner of ERC-20.", "transfer"
)
LAND: Final = _contract(
    0x402, "LandOracle", "Appraisals, rates, sales and certified events of the town's land.", "land"
)
ISSUANCE: Final = _contract(
    0x403, "Issuance", "How many tokens the rise of land values allows.", "issuance"
)
DISTRIBUTION: Final = _contract(
    0x404,
    "Distribution",
    "Pools, shares, claims and vesting of what was issued.",
    "distribution",
    "pool",
)
GOVERNANCE: Final = _contract(
    0x405,
    "Governance",
    "Proposals, votes, the emergency council and validators.",
    "proposals",
    "governance",
    "validators",
)
ORGANISATIONS: Final = _contract(
    0x406,
    "Organisations",
    "Organisations, credentials, roles, agreements, legal bases and upgrades.",
    "stakeholders",
    "threshold",
)
CONTRACTS: Final = (TOKEN, LAND, ISSUANCE, DISTRIBUTION, GOVERNANCE, ORGANISATIONS)
CONTRACT_OF: Final[Mapping[str, SystemContract]] = {
    module: contract for contract in CONTRACTS for module in contract.modules
}
"""By the module's name."""

NOT_CALLED: Final[Mapping[str, str]] = {
    "threshold.rotate": "only a threshold account sends it, whose envelope is native",
    "validators.probe": "a joining validator's node sends it, with its native key",
}
"""Messages that no wallet sends, and why."""

_REFUSED: Final[Mapping[bytes, str]] = {
    abi.selector(signature): "the ledger has no allowances, the owner of tokens sends them itself"
    for signature in (
        "approve(address,uint256)",
        "allowance(address,address)",
        "transferFrom(address,address,uint256)",
    )
}
"""Functions of ERC-20 that there are not; wallets show why."""

_WORDS: Final = (
    "after alias apply auto byte case copyof default define final implements in inline let macro "
    "match mutable null of partial promise reference relocatable sealed sizeof static supports "
    "switch typedef typeof var abstract address anonymous as assembly bool break bytes calldata "
    "catch constant constructor continue contract delete do else emit enum event external fallback "
    "false fixed for function if immutable import indexed interface internal is library mapping "
    "memory modifier new override payable pragma private public pure receive return returns "
    "storage string struct super this throw true try type ufixed unchecked unicode using view "
    "virtual while"
)
_RESERVED: Final = frozenset(_WORDS.split())
"""Words of Solidity, which cannot be names."""


def camel(name: str) -> str:
    """A snake_case name as Solidity has it; a word of Solidity gets an underscore."""
    first, *rest = name.split("_")
    found = first + "".join(word[:1].upper() + word[1:] for word in rest)
    return f"{found}_" if found in _RESERVED else found


def pascal(name: str) -> str:
    """The same with a capital, for events and structs."""
    found = camel(name)
    return found[0].upper() + found[1:]


CALL: Final = Struct(
    (
        Parameter("target", abi.ADDRESS, "the system contract"),
        Parameter("data", abi.BYTES, "calldata of one of its functions"),
    ),
    "Call",
)
"""A message that a proposal carries out."""

_TYPES: Final[Mapping[Kind, AbiType]] = {
    Kind.ADDRESS: abi.ADDRESS,
    Kind.AMOUNT: abi.UINT256,
    Kind.UINT64: abi.UINT64,
    Kind.HASH: abi.BYTES32,
    Kind.OPTIONAL_HASH: abi.BYTES32,
    Kind.TEXT: abi.STRING,
    Kind.BYTES: abi.BYTES,
}


def carries_messages(field: Field) -> bool:
    """True for a list of messages, each a type and an encoded body."""
    return [(item.name, item.kind) for item in field.items] == [
        ("type", Kind.TEXT),
        ("body", Kind.BYTES),
    ]


def abi_type(field: Field, title: str) -> AbiType:
    """The type of a field's argument; title: of the struct that a list of several fields needs."""
    if field.kind is not Kind.LIST:
        return _TYPES[field.kind]
    if carries_messages(field):
        return Array(CALL)
    if len(field.items) == 1:
        return Array(abi_type(field.items[0], title))
    return Array(Struct(_parameters(field.items, title), title))


def _parameters(fields: tuple[Field, ...], title: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(camel(field.name), abi_type(field, title + pascal(field.name)), field.doc)
        for field in fields
    )


@dataclass(frozen=True)
class Function:
    """A function that sends a message. fixed: wire values of the message's last fields, which are
    no arguments."""

    name: str
    message: MessageType
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...] = ()
    fixed: tuple[object, ...] = ()

    @cached_property
    def types(self) -> tuple[AbiType, ...]:
        """Of the arguments."""
        return tuple(item.type for item in self.inputs)

    @cached_property
    def signature(self) -> str:
        """Such as "transfer(address,uint256)"."""
        return abi.signature(self.name, self.types)

    @cached_property
    def selector(self) -> bytes:
        """First 4 bytes of its calldata."""
        return abi.selector(self.signature)

    @property
    def carries_messages(self) -> bool:
        """True when an argument is a list of calls."""
        return any(carries_messages(field) for field in self.message.fields)


def _function(message: MessageType) -> Function:
    verb = message.name.split(".")[1]
    return Function(camel(verb), message, _parameters(message.fields, pascal(verb)))


TRANSFER: Final = Function(
    "transfer",
    SEND,
    (
        Parameter("to", abi.ADDRESS, "receiver"),
        Parameter("value", abi.UINT256, "smallest units; 0 is allowed"),
    ),
    (Parameter("", abi.BOOL, "always true: what cannot be done reverts"),),
    fixed=(b"",),
)
"""ERC-20's name of a transfer without a memo: the one function that no message has by its name."""


class ContractTable:
    """The contracts of one chain, made from its messages alone."""

    def __init__(self, registry: MessageRegistry) -> None:
        """A contract of which the chain has no messages is none of its contracts."""
        found: dict[Address, dict[bytes, Function]] = {}
        self._by_message: dict[str, tuple[Address, Function]] = {}
        for message in registry.all():
            contract = CONTRACT_OF.get(message.name.split(".")[0])
            if contract is None or message.name in NOT_CALLED:
                continue
            functions = found.setdefault(contract.address, {})
            function = _function(message)
            _add(functions, function)
            self._by_message[message.name] = contract.address, function
            if message.name == SEND.name:
                _add(functions, TRANSFER)
        self.functions: Final[Mapping[Address, Mapping[bytes, Function]]] = found
        """By address and selector."""

    @property
    def contracts(self) -> tuple[SystemContract, ...]:
        """In order of their addresses."""
        return tuple(contract for contract in CONTRACTS if contract.address in self.functions)

    def function_of(self, message_type: str) -> tuple[Address, Function] | None:
        """Where a message is sent, or None when no wallet sends it."""
        return self._by_message.get(message_type)

    def decode_call(self, to: Address, value: int, data: bytes) -> tuple[str, tuple[Any, ...]]:
        """ethereum_envelope.CallDecoder: a transfer, or the message that a function sends."""
        if to not in self.functions:
            return transfers_only(to, value, data)
        if value:
            raise DecodeError(
                f"{_shown(to)} takes no tokens: expected value 0, found {value}. Send tokens to an "
                "account"
            )
        return self._called(to, data, carried=False)

    def _called(self, to: Address, data: bytes, *, carried: bool) -> tuple[str, tuple[Any, ...]]:
        """carried: the call is part of a proposal, which carries no proposals."""
        functions = self.functions.get(to)
        if functions is None:
            raise DecodeError(f"0x{to.hex()} is no system contract")
        selector = data[: abi.SELECTOR_BYTES]
        function = functions.get(selector)
        if function is None:
            raise DecodeError(_no_function(to, selector))
        if carried and function.carries_messages:
            raise DecodeError(f"{function.name}: a proposal cannot carry another one")
        try:
            values = abi.decode(function.types, data[abi.SELECTOR_BYTES :])
            body = tuple(
                self._to_wire(field, item)
                for field, item in zip(function.message.fields, values, strict=False)
            )
        except DecodeError as error:
            raise DecodeError(f"{function.signature}: {error}") from error
        return function.message.name, body + function.fixed

    def _to_wire(self, field: Field, value: Any) -> object:
        """An argument as the message's body has it."""
        match field.kind:
            case Kind.AMOUNT:
                if value > MAX_AMOUNT:
                    raise DecodeError(f"{field.name}: at most {MAX_AMOUNT}, found {value}")
                return codec.encode_amount(value)
            case Kind.OPTIONAL_HASH:
                return b"" if value == ZERO_HASH else value
            case Kind.LIST if carries_messages(field):
                return tuple(self._carried(Address(target), data) for target, data in value)
            case Kind.LIST if len(field.items) == 1:
                return tuple(self._to_wire(field.items[0], item) for item in value)
            case Kind.LIST:
                return tuple(
                    tuple(
                        self._to_wire(part, each)
                        for part, each in zip(field.items, item, strict=True)
                    )
                    for item in value
                )
            case _:
                return value

    def _carried(self, target: Address, data: bytes) -> tuple[str, bytes]:
        message_type, body = self._called(target, data, carried=True)
        return message_type, codec.encode(body)

    def encode_call(self, message_type: str, body: object) -> tuple[Address, bytes]:
        """(address, calldata) that say what a body says: what a wallet would sign. DecodeError for
        a message that no function sends, and for a body that does not decode."""
        found = self._by_message.get(message_type)
        if found is None:
            raise DecodeError(f"{message_type} is no function of a system contract")
        address, function = found
        values = function.message.decode(body)
        arguments = [
            self._to_argument(field, value)
            for field, value in zip(function.message.fields, values, strict=True)
        ]
        return address, function.selector + abi.encode(function.types, arguments)

    def _to_argument(self, field: Field, value: Any) -> Any:
        """A handler's value as an argument."""
        match field.kind:
            case Kind.OPTIONAL_HASH:
                return value or ZERO_HASH
            case Kind.LIST if carries_messages(field):
                return [self.encode_call(name, codec.decode(body)) for name, body in value]
            case Kind.LIST if len(field.items) == 1:
                return [self._to_argument(field.items[0], item) for item in value]
            case Kind.LIST:
                return [
                    [
                        self._to_argument(part, each)
                        for part, each in zip(field.items, item, strict=True)
                    ]
                    for item in value
                ]
            case _:
                return value


def _add(functions: dict[bytes, Function], function: Function) -> None:
    ensure(
        function.selector not in functions
        and function.name not in {known.name for known in functions.values()},
        f"two functions of a system contract are called {function.name}, or share its selector",
    )
    functions[function.selector] = function


def _no_function(to: Address, selector: bytes) -> str:
    if selector in _REFUSED:
        return _REFUSED[selector]
    return (
        f"{_shown(to)} has no function 0x{selector.hex()} that a transaction can call"
        if selector
        else f"{_shown(to)} takes no tokens: call one of its functions"
    )


def _shown(to: Address) -> str:
    (name,) = (contract.name for contract in CONTRACTS if contract.address == to)
    return f"the system contract {name} (0x{to.hex()})"
