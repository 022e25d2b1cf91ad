"""Every event that a unit test makes has the types that its log is made of."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from api.ethereum.event_table import EVENTS
from ledger.module import Context, EventValue

_FITS: Final[dict[str, Callable[[EventValue], bool]]] = {
    "uint256": lambda value: isinstance(value, int) and 0 <= value < 2**256,
    "address": lambda value: isinstance(value, bytes) and len(value) == 20,
    "bytes32": lambda value: isinstance(value, bytes) and len(value) in (0, 32),
    "bytes": lambda value: isinstance(value, bytes),
    "string": lambda value: isinstance(value, str),
    "address[]": lambda value: isinstance(value, bytes) and len(value) % 20 == 0,
}


def _types(values: str) -> dict[str, str]:
    pairs = [item.split(" ") for item in values.split(", ")]
    return {key: kind for kind, key in pairs}


_TYPES: Final = {event: _types(values) for event, values in EVENTS.items()}


@pytest.fixture(autouse=True, scope="session")
def _typed_events() -> Iterator[None]:
    """Context.emit, with the values compared with api/ethereum/event_table.py."""
    emit = Context.emit

    def checked(self: Context, name: str, **values: EventValue) -> None:
        for key, value in values.items() if name in _TYPES else ():
            kind = _TYPES[name][key]
            assert _FITS[kind](value), f"{name}: {key} is {value!r}, the table says {kind}"
        emit(self, name, **values)

    patch = pytest.MonkeyPatch()
    patch.setattr(Context, "emit", checked)
    yield
    patch.undo()
