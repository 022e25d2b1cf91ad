"""A proposal as a JSON document that a person writes: read strictly, and a template of it.

    {"title": "…", "document": "text.pdf", "legal_basis": 1,
     "messages": [{"type": "land.certify_event", "fields": {"zone": "wolchul", …}}]}

Fields stand by name, in the form in which JSON-RPC shows them: amounts as decimal text in smallest
units (or as tokens, "1.5 BJT"), bytes and hashes as 0x hex.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api import views
from api.encoding import from_hex, hex_of
from governance.proposals.proposal_rows import MAX_BODY_BYTES, MAX_MESSAGES, MAX_TITLE_BYTES
from ledger import codec
from ledger.errors import DecodeError, LocalError
from ledger.message_registry import MAX_TEXT_BYTES, Field, Kind, MessageRegistry, MessageType
from ledger.primitives import MAX_UINT64, Hash
from ledger.strict_json import JsonReader, nearest, read_json
from node.cli.documents import document_digest
from node.cli.output import SYMBOL, parse_tokens
from node.files.disk_errors import os_error

MAX_FILE_BYTES: Final = 1024 * 1024
_MAX_DIGITS: Final = 39
"""Of an amount: 2^128."""
_TOKENS: Final = f" {SYMBOL}"
_FORMS: Final = {
    Kind.ADDRESS: "0x and 40 hex digits",
    Kind.AMOUNT: f"decimal text in smallest units, or tokens as in 1.5{_TOKENS}",
    Kind.UINT64: "an integer",
    Kind.HASH: "0x and 64 hex digits",
    Kind.OPTIONAL_HASH: "0x and 64 hex digits, or null",
    Kind.TEXT: "text",
    Kind.BYTES: "0x and hex digits",
}


@dataclass(frozen=True, slots=True)
class Carried:
    """One message of a proposal: its type and its body in wire form."""

    type: MessageType
    body: tuple[object, ...]

    @property
    def encoded(self) -> bytes:
        """The body as a proposal carries it."""
        return codec.encode(self.body)


@dataclass(frozen=True, slots=True)
class Content:
    """What is proposed; legal_basis 0 for none."""

    title: str
    document_hash: Hash
    legal_basis: int
    messages: tuple[Carried, ...]

    def values(self) -> tuple[object, ...]:
        """Fields of proposals.submit and proposals.petition, in order."""
        items = tuple((item.type.name, item.encoded) for item in self.messages)
        return self.title, self.document_hash, self.legal_basis, items

    def shown(self) -> dict[str, Any]:
        """As one JSON value, each message decoded from the bytes that are sent."""
        return {
            "title": self.title,
            "document_hash": hex_of(self.document_hash),
            "legal_basis": self.legal_basis or None,
            "messages": [
                {
                    "type": item.type.name,
                    "body": hex_of(item.encoded),
                    "fields": views.body_fields(
                        item.type.name, codec.decode(item.encoded), MessageRegistry((item.type,))
                    ),
                }
                for item in self.messages
            ],
        }


def read_content(path: Path, registry: MessageRegistry) -> Content:
    """The proposal in a file; LocalError names the place in it. A `document` is a path from the
    folder of the file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise os_error("read", path, error) from error
    reader = JsonReader(str(path))
    given = reader.fields(
        read_json(data, reader.source, MAX_FILE_BYTES),
        "",
        ("title", "messages"),
        ("document", "document_hash", "legal_basis"),
    )
    basis = given.get("legal_basis")
    messages = reader.items(given["messages"], "messages")
    if len(messages) > MAX_MESSAGES:
        raise reader.error("messages", f"at most {MAX_MESSAGES}", len(messages))
    return Content(
        title=reader.text(
            _written(reader, given["title"], "title", MAX_TITLE_BYTES), "title", MAX_TITLE_BYTES
        ),
        document_hash=_document(reader, given, path.parent),
        legal_basis=0 if basis is None else reader.integer(basis, "legal_basis", 1, MAX_UINT64),
        messages=tuple(
            _message(reader, item, f"messages[{index}]", registry)
            for index, item in enumerate(messages)
        ),
    )


def _document(reader: JsonReader, given: dict[str, Any], folder: Path) -> Hash:
    if ("document" in given) == ("document_hash" in given):
        raise LocalError(
            f"{reader.source}: name the proposal's text by one of document, a file, and "
            "document_hash, its SHA-256"
        )
    if "document_hash" in given:
        return reader.hash(given["document_hash"], "document_hash")
    return document_digest(folder / _written(reader, given["document"], "document", 4_096))


def _message(reader: JsonReader, item: object, place: str, registry: MessageRegistry) -> Carried:
    given = reader.fields(item, place, ("type", "fields"))
    name = given["type"]
    found = registry.find(name) if isinstance(name, str) else None
    if found is None:
        known = {each.name for each in registry.all()}
        raise LocalError(
            f"{reader.source}: {place}.type: no message type is called {name!r:.60}"
            f"{nearest(str(name), known)}"
        )
    values = _fields(reader, found.fields, given["fields"], f"{place}.fields")
    try:
        body = found.encode(*values)
        found.decode(body)
        encoded = codec.encode(body)
    except (DecodeError, ValueError) as error:
        raise LocalError(f"{reader.source}: {place}: {error}") from error
    if len(encoded) > MAX_BODY_BYTES:
        raise reader.error(place, f"at most {MAX_BODY_BYTES} bytes", len(encoded))
    return Carried(found, body)


def _fields(
    reader: JsonReader, fields: Sequence[Field], value: object, place: str
) -> tuple[Any, ...]:
    optional = tuple(field.name for field in fields if field.kind is Kind.OPTIONAL_HASH)
    required = tuple(field.name for field in fields if field.name not in optional)
    given = reader.fields(value, place, required, optional)
    return tuple(
        _value(reader, field, given.get(field.name), f"{place}.{field.name}") for field in fields
    )


def _value(reader: JsonReader, field: Field, value: object, place: str) -> Any:
    """The handler's value of a field."""
    match field.kind:
        case Kind.LIST:
            items = reader.items(value, place)
            places = [(item, f"{place}[{index}]") for index, item in enumerate(items)]
            if len(field.items) == 1:
                return tuple(_value(reader, field.items[0], item, at) for item, at in places)
            return tuple(_fields(reader, field.items, item, at) for item, at in places)
        case Kind.UINT64:
            return reader.integer(value, place, 0, field.maximum or MAX_UINT64)
        case Kind.ADDRESS:
            return reader.address(value, place)
        case Kind.OPTIONAL_HASH if value is None:
            return b""
        case Kind.HASH | Kind.OPTIONAL_HASH:
            return reader.hash(value, place)
        case Kind.TEXT:
            return _written(reader, value, place, field.maximum)
        case Kind.AMOUNT:
            return _amount(reader, value, place)
        case Kind.BYTES:
            try:
                return from_hex(value)
            except DecodeError as error:
                raise reader.error(place, _FORMS[Kind.BYTES], value) from error


def _amount(reader: JsonReader, value: object, place: str) -> int:
    if isinstance(value, str):
        if value.endswith(_TOKENS):
            try:
                return parse_tokens(value.removesuffix(_TOKENS))
            except LocalError as error:
                raise LocalError(f"{reader.source}: {place}: {error}") from error
        if value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
            return int(value)
    raise reader.error(place, _FORMS[Kind.AMOUNT], value)


def _written(reader: JsonReader, value: object, place: str, maximum_bytes: int | None) -> str:
    """Text that is no placeholder of a template any more."""
    if isinstance(value, str) and value.startswith("<") and value.endswith(">"):
        raise reader.error(place, "your own text in place of the template's", value)
    if value == "":
        return ""  # the chain says which texts may be empty
    return reader.text(value, place, maximum_bytes or MAX_TEXT_BYTES)


def template(types: Sequence[MessageType]) -> dict[str, Any]:
    """A document to fill in: it is refused for as long as a placeholder <…> is left."""
    return {
        "title": f"<text of at most {MAX_TITLE_BYTES} bytes: what it is about, in one line>",
        "document": "<file: the text of the proposal; or document_hash with its SHA-256>",
        "legal_basis": "<number of a registered basis, see poyong gov bases; null for none>",
        "messages": [{"type": each.name, "fields": _placeholders(each.fields)} for each in types],
    }


def _placeholders(fields: Sequence[Field]) -> dict[str, Any]:
    return {field.name: _placeholder(field) for field in fields}


def _placeholder(field: Field) -> Any:
    if field.kind is Kind.LIST:
        single = len(field.items) == 1
        return [_placeholder(field.items[0]) if single else _placeholders(field.items)]
    return f"<{_FORMS[field.kind]}: {field.doc}>"
