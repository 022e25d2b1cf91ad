"""Message fields as a person types them: NAME=VALUE, by the kind of the field."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.encoding import from_hex
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.message_registry import Field, Kind, MessageType
from node.cli.output import parse_tokens

WRITTEN: Final[Mapping[Kind, str]] = {
    Kind.ADDRESS: "0x and 40 hex digits",
    Kind.AMOUNT: "tokens, such as 1.5",
    Kind.UINT64: "an integer",
    Kind.HASH: "0x and 64 hex digits",
    Kind.OPTIONAL_HASH: "0x and 64 hex digits, or nothing",
    Kind.TEXT: "text",
    Kind.BYTES: "0x and hex digits",
    Kind.LIST: "a JSON array, items as arrays of values",
}


def body_of(message_type: MessageType, arguments: Sequence[str]) -> tuple[Any, ...]:
    """The wire form of a message from NAME=VALUE arguments; LocalError names the wrong one."""
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            raise LocalError(f"expected NAME=VALUE, found {argument!r:.60}")
        if name in given:
            raise LocalError(f"field {name} is given twice")
        given[name] = text
    known = [field.name for field in message_type.fields]
    if unknown := sorted(given.keys() - set(known)):
        raise LocalError(
            f"{message_type.name} has no field {unknown[0]}; its fields are {', '.join(known)}"
        )
    values = [_value(field, given.get(field.name)) for field in message_type.fields]
    try:
        body = message_type.encode(*values)
        message_type.decode(body)
    except (DecodeError, ValueError) as error:
        raise LocalError(f"{message_type.name}: {error}") from error
    return body


def _value(field: Field, text: object) -> Any:
    """The handler's value; `text` as typed, None when it was not."""
    if text is None:
        if field.kind is Kind.OPTIONAL_HASH:
            return b""
        raise LocalError(f"{field.name} is missing: {field.doc} ({WRITTEN[field.kind]})")
    try:
        return _parsed(field, text)
    except (DecodeError, ValueError, LocalError) as error:
        raise LocalError(
            f"{field.name}: expected {WRITTEN[field.kind]}, found {text!r:.60}"
        ) from error


def _parsed(field: Field, text: object) -> Any:
    match field.kind:
        case Kind.LIST:
            items = json.loads(text) if isinstance(text, str) else text
            if not isinstance(items, list):
                raise ValueError
            return tuple(_item(field, item) for item in items)
        case Kind.AMOUNT:
            return parse_tokens(str(text))
        case Kind.UINT64:
            return int(str(text))
        case Kind.TEXT:
            return str(text)
        case Kind.OPTIONAL_HASH if text == "":
            return b""
        case Kind.ADDRESS:
            return _address(from_hex(text), str(text))
        case _:
            return from_hex(text)


def _item(field: Field, item: object) -> Any:
    if len(field.items) == 1:
        return _value(field.items[0], item)
    if not isinstance(item, list) or len(item) != len(field.items):
        raise ValueError
    return tuple(_value(part, value) for part, value in zip(field.items, item, strict=True))


def _address(address: bytes, text: str) -> bytes:
    """Mixed case must be the right checksum: it catches mistyped digits."""
    if text not in (text.lower(), checksum_address(address)):
        raise ValueError
    return address
