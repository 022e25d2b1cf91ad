"""Kinds of parameter that Ethereum's methods take, beside those of api.parameters."""

from dataclasses import dataclass
from typing import Any, Final

from api.encoding import from_hex
from api.ethereum.encoding import from_quantity
from api.ethereum.logs import Criteria
from api.parameters import ADDRESS, HASH, MAX_WAIT_MS, ParameterKind
from ledger.errors import DecodeError
from ledger.primitives import MAX_UINT64
from ledger.transaction import MAX_TRANSACTION_BYTES

LATEST: Final = "latest"
PENDING: Final = "pending"
_LATEST_TAGS: Final = (LATEST, "safe", "finalized")
_EARLIEST: Final = "earliest"
BLOCK_TAGS: Final = (*_LATEST_TAGS, PENDING, _EARLIEST)
BlockId = int | bytes | str
"""A height, a block hash, LATEST or PENDING."""

MAX_ADDRESSES: Final = 256
MAX_TOPICS: Final = 4
MAX_ALTERNATIVES: Final = 256
"""Of one topic."""
MAX_PERCENTILES: Final = 100
MAX_STORAGE_KEYS: Final = 64
MAX_FEE_BLOCKS: Final = 1_024
MAX_SHA3_BYTES: Final = 512 * 1024
MAX_FILTER_ID_CHARACTERS: Final = 34

_QUANTITY_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^0x(0|[1-9a-fA-F][0-9a-fA-F]*)$",
}


@dataclass(frozen=True, slots=True)
class CallObject:
    """What eth_call and eth_estimateGas ask about; the other members of the object count for
    nothing here."""

    sender: bytes | None
    to: bytes | None
    value: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LogFilter:
    """first and last: heights or LATEST; or block_hash alone."""

    criteria: Criteria
    first: BlockId
    last: BlockId
    block_hash: bytes | None


def _number(value: object, maximum: int = MAX_UINT64) -> int:
    found = from_quantity(value)
    if found > maximum:
        raise ValueError
    return found


def _block_number(value: object) -> BlockId:
    if value in _LATEST_TAGS:
        return LATEST
    if value == PENDING:
        return PENDING
    return 0 if value == _EARLIEST else _number(value)


def _block_id(value: object) -> BlockId:
    """Number, tag or hash, or an object with one of them (EIP-1898)."""
    if isinstance(value, dict):
        if value.keys() - {"blockHash", "blockNumber", "requireCanonical"}:
            raise ValueError
        if ("blockHash" in value) == ("blockNumber" in value):
            raise ValueError
        if type(value.get("requireCanonical", False)) is not bool:
            raise ValueError
        if "blockNumber" in value:
            return _block_number(value["blockNumber"])
        value = value["blockHash"]
        return _hash(value)
    if type(value) is str and len(value) == 66:
        return _hash(value)
    return _block_number(value)


def _hash(value: object) -> bytes:
    found: bytes = HASH.parse(value)
    return found


def _address(value: object) -> bytes:
    found: bytes = ADDRESS.parse(value)
    return found


def _data(value: object) -> bytes:
    if type(value) is not str or len(value) > 2 + 2 * MAX_TRANSACTION_BYTES:
        raise ValueError
    try:
        return from_hex(value)
    except DecodeError as error:
        raise ValueError from error


def _call(value: object) -> CallObject:
    if not isinstance(value, dict):
        raise ValueError
    sender, to = value.get("from"), value.get("to")
    data, given = value.get("data"), value.get("input")
    if data is not None and given is not None and data != given:
        raise ValueError
    chosen = given if data is None else data
    amount = value.get("value")
    return CallObject(
        None if sender is None else _address(sender),
        None if to is None else _address(to),
        0 if amount is None else from_quantity(amount),
        b"" if chosen is None else _data(chosen),
    )


def _alternatives(value: object) -> frozenset[bytes] | None:
    """One position of topics: null for any, a hash, or an array of hashes."""
    if value is None or value == []:
        return None
    if isinstance(value, list):
        if len(value) > MAX_ALTERNATIVES:
            raise ValueError
        return frozenset([_hash(item) for item in value])
    return frozenset([_hash(value)])


def _addresses(value: object) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MAX_ADDRESSES:
        raise ValueError
    return frozenset([_address(item) for item in listed])


def _log_filter(value: object) -> LogFilter:
    if not isinstance(value, dict):
        raise ValueError
    known = {"fromBlock", "toBlock", "address", "topics", "blockHash"}
    if value.keys() - known:
        raise ValueError
    topics = value.get("topics") or []
    if not isinstance(topics, list) or len(topics) > MAX_TOPICS:
        raise ValueError
    first, last, block_hash = (value.get(name) for name in ("fromBlock", "toBlock", "blockHash"))
    if block_hash is not None and (first is not None or last is not None):
        raise ValueError
    return LogFilter(
        Criteria(_addresses(value.get("address")), tuple([_alternatives(item) for item in topics])),
        LATEST if first is None else _block_number(first),
        LATEST if last is None else _block_number(last),
        None if block_hash is None else _hash(block_hash),
    )


def _percentiles(value: object) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) > MAX_PERCENTILES:
        raise ValueError
    for item in value:
        if type(item) not in (int, float) or not 0 <= item <= 100:
            raise ValueError
    if sorted(value) != value:
        raise ValueError
    return tuple(value)


def _fee_blocks(value: object) -> int:
    """Clients write it as a quantity or as a number."""
    count = value if type(value) is int else from_quantity(value)
    if not 0 <= count <= MAX_UINT64:
        raise ValueError
    return min(count, MAX_FEE_BLOCKS)


def _wait_ms(value: object) -> int:
    wait_ms = value if type(value) is int else from_quantity(value)
    if not 1 <= wait_ms <= MAX_WAIT_MS:
        raise ValueError
    return wait_ms


def _storage_keys(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > MAX_STORAGE_KEYS:
        raise ValueError
    return tuple([_slot(item) for item in value])


def _slot(value: object) -> bytes:
    """32 bytes as they are, or a quantity: clients write both."""
    if type(value) is str and len(value) == 66:
        return _hash(value)
    return from_quantity(value).to_bytes(32, "big")


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _filter_id(value: object) -> str:
    if type(value) is not str or not 3 <= len(value) <= MAX_FILTER_ID_CHARACTERS:
        raise ValueError
    return value


def _subscription_options(value: object) -> LogFilter | bool:
    return value if type(value) is bool else _log_filter(value)


def _overrides(value: object) -> None:
    if value != {}:
        raise ValueError


def _sha3_data(value: object) -> bytes:
    if type(value) is not str or len(value) > 2 + 2 * MAX_SHA3_BYTES:
        raise ValueError
    try:
        return from_hex(value)
    except DecodeError as error:
        raise ValueError from error


_TAG_SCHEMA: Final[dict[str, Any]] = {"type": "string", "enum": list(BLOCK_TAGS)}
_NUMBER_OR_TAG: Final[dict[str, Any]] = {"anyOf": [_QUANTITY_SCHEMA, _TAG_SCHEMA]}

BLOCK_NUMBER: Final = ParameterKind(
    _NUMBER_OR_TAG,
    'a height as 0x hex, or "latest", "safe", "finalized", "pending" or "earliest"',
    _block_number,
)
BLOCK_ID: Final = ParameterKind(
    {"anyOf": [_QUANTITY_SCHEMA, _TAG_SCHEMA, HASH.schema, {"type": "object"}]},
    'a height as 0x hex, a tag such as "latest", a block hash, or an object of EIP-1898',
    _block_id,
)
CALL: Final = ParameterKind(
    {"type": "object"}, "a transaction object with to, and from, value, data when needed", _call
)
LOG_FILTER: Final = ParameterKind(
    {"type": "object"},
    "an object of fromBlock and toBlock, or blockHash; address; at most 4 topics",
    _log_filter,
)
PERCENTILES: Final = ParameterKind(
    {"type": "array"}, "at most 100 numbers from 0 to 100, ascending", _percentiles
)
FEE_BLOCKS: Final = ParameterKind(
    {"anyOf": [_QUANTITY_SCHEMA, {"type": "integer"}]}, "a number of blocks", _fee_blocks
)
WAIT_MS: Final = ParameterKind(
    {"anyOf": [_QUANTITY_SCHEMA, {"type": "integer"}]},
    f"a number of ms in 1..{MAX_WAIT_MS}",
    _wait_ms,
)
INDEX: Final = ParameterKind(_QUANTITY_SCHEMA, "a position as 0x hex", _number)
SLOT: Final = ParameterKind({"type": "string"}, "a storage slot as 0x hex", _slot)
STORAGE_KEYS: Final = ParameterKind(
    {"type": "array"}, f"at most {MAX_STORAGE_KEYS} storage slots as 0x hex", _storage_keys
)
FLAG: Final = ParameterKind({"type": "boolean"}, "true or false", _flag)
FILTER_ID: Final = ParameterKind({"type": "string"}, "the id of a filter", _filter_id)
SUBSCRIPTION_OPTIONS: Final = ParameterKind(
    {"anyOf": [{"type": "object"}, {"type": "boolean"}]},
    "for logs an object of address and topics, for newPendingTransactions true or false",
    _subscription_options,
)
NO_OVERRIDES: Final = ParameterKind(
    {"type": "object"}, "nothing: state and block overrides have no meaning here", _overrides
)
SHA3_DATA: Final = ParameterKind(
    {"type": "string", "pattern": "^0x([0-9a-fA-F]{2})*$"}, "0x and hex digits", _sha3_data
)
