"""Each registered event as a Solidity event: its contract, its topics and its data. Pure.

The rule of names is that of functions. Indexed are, in the event's order, the first three values
that are an address or the number of a thing (NUMBERED); strings are never, so that logs can be
read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from api.ethereum.event_table import EVENTS
from ledger import abi
from ledger.abi import AbiType, Array, Parameter
from ledger.contracts import CONTRACT_OF, TOKEN, SystemContract, camel, pascal
from ledger.module import Event, EventValue
from ledger.primitives import ADDRESS_BYTES

MAX_INDEXED: Final = 3
NUMBERED: Final = frozenset(
    (
        "agreement",
        "basis",
        "certificate",
        "credential",
        "grant",
        "pause",
        "petition",
        "proposal",
        "rebinding",
        "round",
    )
)

_TYPES: Final[Mapping[str, AbiType]] = {
    "uint256": abi.UINT256,
    "address": abi.ADDRESS,
    "bytes32": abi.BYTES32,
    "bytes": abi.BYTES,
    "string": abi.STRING,
    "address[]": Array(abi.ADDRESS),
}
_ZEROS: Final[Mapping[str, EventValue]] = {
    "uint256": 0,
    "address": bytes(ADDRESS_BYTES),
    "bytes32": bytes(abi.WORD_BYTES),
    "bytes": b"",
    "string": "",
    "address[]": b"",
}


@dataclass(frozen=True)
class EventForm:
    """keys: of the event's values, in the order of `parameters`. indexed: positions of topics."""

    event: str
    contract: SystemContract
    name: str
    keys: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    indexed: tuple[int, ...]

    @cached_property
    def signature(self) -> str:
        """Such as "Transfer(address,address,uint256)"."""
        return abi.signature(self.name, [item.type for item in self.parameters])

    @cached_property
    def topic(self) -> bytes:
        """The log's first topic."""
        return abi.topic(self.signature)

    def topics_and_data(self, event: Event) -> tuple[tuple[bytes, ...], bytes]:
        """What the log of an event holds beside its address."""
        given = dict(event.values)
        values = [
            _value(parameter.type, given.get(key))
            for key, parameter in zip(self.keys, self.parameters, strict=True)
        ]
        topics = [self.parameters[at].type.write(values[at]) for at in self.indexed]
        rest = [at for at in range(len(values)) if at not in self.indexed]
        data = abi.encode([self.parameters[at].type for at in rest], [values[at] for at in rest])
        return (self.topic, *topics), data


def _value(kind: AbiType, given: EventValue | None) -> Any:
    """A value of an event as the ABI takes it; an empty hash is the zero hash."""
    if not given:
        given = _ZEROS[kind.name]
    if isinstance(kind, Array) and isinstance(given, bytes):
        return [given[at : at + ADDRESS_BYTES] for at in range(0, len(given), ADDRESS_BYTES)]
    return given


def _form(event: str, values: str) -> EventForm:
    module, name = event.split(".")
    types, keys = zip(*(item.split(" ") for item in values.split(", ")), strict=True)
    indexed = [
        at
        for at, (kind, key) in enumerate(zip(types, keys, strict=True))
        if kind == "address" or key in NUMBERED
    ]
    return EventForm(
        event,
        CONTRACT_OF[module],
        pascal(name),
        keys,
        tuple(Parameter(camel(key), _TYPES[kind]) for kind, key in zip(types, keys, strict=True)),
        tuple(indexed[:MAX_INDEXED]),
    )


TRANSFER: Final = EventForm(
    "transfer.sent",
    TOKEN,
    "Transfer",
    ("from", "to", "amount"),
    (
        Parameter("from", abi.ADDRESS),
        Parameter("to", abi.ADDRESS),
        Parameter("value", abi.UINT256),
    ),
    (0, 1),
)
"""ERC-20's event. The memo's hash is not in it: poyong_getReceipt has it."""

FORMS: Final[Mapping[str, EventForm]] = {
    name: TRANSFER if name == TRANSFER.event else _form(name, values)
    for name, values in EVENTS.items()
}
"""By the event's name."""
