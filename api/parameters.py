"""Kinds of parameter: what a caller may write, and the value that a method receives.

A kind's parse raises ValueError for any value that is not of its form; the registry turns it into
an error that names the parameter and says what was expected.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from api.encoding import from_hex
from api.statements import STATEMENTS
from governance.proposals.lifecycle import Status
from ledger.errors import DecodeError
from ledger.primitives import ADDRESS_BYTES, HASH_BYTES, MAX_UINT64
from ledger.transaction import MAX_TRANSACTION_BYTES

MAX_STATE_KEY_BYTES: Final = 256
MAX_ZONE_CHARACTERS: Final = 64
MAX_REGION_CHARACTERS: Final = 16
MAX_ROLE_CHARACTERS: Final = 32
MAX_WAIT_MS: Final = 60_000
MAX_ROUNDS: Final = 256
"""That one answer lists."""
MAX_PROPOSALS: Final = 100
MAX_PARAMETER_CHARACTERS: Final = 64
MAX_CHANGES: Final = 1_000
"""Of a module's parameters that one answer looks at."""
USUAL_CHANGES: Final = 100
MAX_ITEMS: Final = 256
"""Organisations, agreements or legal bases that one answer lists."""
MAX_ID_CHARACTERS: Final = 32
MAX_HISTORY_ITEMS: Final = 100
MAX_SEARCH_CHARACTERS: Final = 80
CURSOR_BYTES: Final = 14
"""Of an account's history; see api.history."""


@dataclass(frozen=True)
class ParameterKind:
    """JSON schema, the same in words for error messages, and the parser."""

    schema: dict[str, Any]
    expected: str
    parse: Callable[[object], Any]


def _hex_parser(minimum_bytes: int, maximum_bytes: int) -> Callable[[object], bytes]:
    maximum_characters = 2 + 2 * maximum_bytes

    def parse(value: object) -> bytes:
        if type(value) is not str or len(value) > maximum_characters:
            raise ValueError
        try:
            data = from_hex(value)
        except DecodeError as error:
            raise ValueError from error
        if len(data) < minimum_bytes:
            raise ValueError
        return data

    return parse


def _integer_parser(minimum: int, maximum: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if type(value) is not int or not minimum <= value <= maximum:
            raise ValueError
        return value

    return parse


def hex_bytes(minimum_bytes: int, maximum_bytes: int, expected: str) -> ParameterKind:
    """0x hex of so many bytes, any case; the method receives bytes."""
    pattern = f"^0x([0-9a-fA-F]{{2}}){{{minimum_bytes},{maximum_bytes}}}$"
    if minimum_bytes == maximum_bytes:
        pattern = f"^0x[0-9a-fA-F]{{{2 * minimum_bytes}}}$"
    return ParameterKind(
        {"type": "string", "pattern": pattern}, expected, _hex_parser(minimum_bytes, maximum_bytes)
    )


def integer(minimum: int, maximum: int = MAX_UINT64) -> ParameterKind:
    """A JSON integer in minimum..maximum."""
    return ParameterKind(
        {"type": "integer", "minimum": minimum, "maximum": maximum},
        f"an integer in {minimum}..{maximum}",
        _integer_parser(minimum, maximum),
    )


def one_of(*names: str) -> ParameterKind:
    """One of some names."""

    def parse(value: object) -> str:
        if type(value) is not str or value not in names:
            raise ValueError
        return value

    quoted = ", ".join(f'"{name}"' for name in names)
    return ParameterKind({"type": "string", "enum": list(names)}, f"one of {quoted}", parse)


def _parse_yes_no(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def text(maximum_characters: int) -> ParameterKind:
    """Text of 1 to so many characters."""

    def parse(value: object) -> str:
        if type(value) is not str or not 1 <= len(value) <= maximum_characters:
            raise ValueError
        return value

    return ParameterKind(
        {"type": "string", "minLength": 1, "maxLength": maximum_characters},
        f"text of 1 to {maximum_characters} characters",
        parse,
    )


HASH: Final = hex_bytes(HASH_BYTES, HASH_BYTES, "0x and 64 hex digits")
ADDRESS: Final = hex_bytes(ADDRESS_BYTES, ADDRESS_BYTES, "0x and 40 hex digits")
SIGNED_TRANSACTION: Final = hex_bytes(
    1, MAX_TRANSACTION_BYTES, f"0x and the hex digits of 1 to {MAX_TRANSACTION_BYTES} bytes"
)
STATE_KEY: Final = hex_bytes(
    1, MAX_STATE_KEY_BYTES, f"0x and the hex digits of 1 to {MAX_STATE_KEY_BYTES} bytes"
)
HEIGHT: Final = integer(1)
WAIT_MS: Final = integer(1, MAX_WAIT_MS)
ZONE: Final = text(MAX_ZONE_CHARACTERS)
ROUND: Final = integer(0)
ROUNDS: Final = integer(1, MAX_ROUNDS)
REGION: Final = text(MAX_REGION_CHARACTERS)
ROLE: Final = text(MAX_ROLE_CHARACTERS)
STATEMENT: Final = one_of(*STATEMENTS)
DETAIL: Final = one_of("none", "hashes", "full")
LOG_LEVEL: Final = one_of("debug", "info", "warning", "error")
YES_NO: Final = ParameterKind({"type": "boolean"}, "true or false", _parse_yes_no)
MODULE: Final = one_of("land", "issuance", "distribution", "proposals")
PARAMETER: Final = text(MAX_PARAMETER_CHARACTERS)
CHANGES: Final = integer(0, MAX_CHANGES)
PROPOSAL: Final = integer(1)
PROPOSALS: Final = integer(1, MAX_PROPOSALS)
PROPOSAL_STATUS: Final = one_of(*(status.name for status in Status))
NUMBER: Final = integer(0)
ITEMS: Final = integer(1, MAX_ITEMS)
ORGANISATION: Final = text(MAX_ID_CHARACTERS)
SUBSCRIPTION_ID: Final = text(20)
CURSOR: Final = ParameterKind(
    {"type": "string", "pattern": f"^0x[0-9a-f]{{{2 * CURSOR_BYTES}}}$"},
    "a cursor that an answer gave",
    text(2 + 2 * CURSOR_BYTES).parse,
)
"""What it holds is checked with the account that it has to be of."""
HISTORY_ITEMS: Final = integer(1, MAX_HISTORY_ITEMS)
ORDER: Final = one_of("newest", "oldest")
SEARCH: Final = text(MAX_SEARCH_CHARACTERS)

LATEST: Final = "latest"
BlockReference = int | bytes | str
"""A height, a block hash, or LATEST."""


def _parse_block(value: object) -> BlockReference:
    if value == LATEST:
        return LATEST
    if type(value) is int:
        parsed: int = HEIGHT.parse(value)
        return parsed
    block_hash: bytes = HASH.parse(value)
    return block_hash


BLOCK: Final = ParameterKind(
    {"anyOf": [HEIGHT.schema, HASH.schema, {"const": LATEST}]},
    'a height from 1, a block hash (0x and 64 hex digits) or "latest"',
    _parse_block,
)
