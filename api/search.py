"""What a chain holds under a text that somebody typed."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from api.encoding import address as address_text
from api.encoding import from_hex, hex_of
from api.history_results import Found, FoundKind
from api.parameters import MAX_ITEMS
from api.ports import NodePort
from ledger.errors import DecodeError
from ledger.primitives import ADDRESS_BYTES, HASH_BYTES, MAX_UINT64

MAX_FOUND: Final = 20
MAX_ORGANISATION_PAGES: Final = 4
"""Of MAX_ITEMS organisations each, whose names are looked at."""
_MAX_DIGITS: Final = len(str(MAX_UINT64))


def find(node: NodePort, text: str) -> list[Found]:
    """At most MAX_FOUND results: what the text names exactly, then names that hold it."""
    wanted = _folded(text)
    if not wanted:
        return []
    found = [*_by_number(node, wanted), *_by_hex(node, wanted), *_by_name(node, wanted)]
    return found[:MAX_FOUND]


def _folded(text: str) -> str:
    """The text as it is compared: Hangul composed, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _by_number(node: NodePort, wanted: str) -> Iterator[Found]:
    digits = wanted.removeprefix("#").replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        return
    number = int(digits)
    header = node.header(number) if 0 < number <= node.height() else None
    if header is not None:
        yield _found("block", str(number), f"block {number:,}")
    proposal = node.proposal(number) if 0 < number <= MAX_UINT64 else None
    if proposal is not None:
        yield _found("proposal", str(number), f"proposal {number:,}, {proposal['status']}")


def _by_hex(node: NodePort, wanted: str) -> Iterator[Found]:
    try:
        raw = from_hex(wanted if wanted.startswith("0x") else f"0x{wanted}")
    except DecodeError:
        return
    if len(raw) == ADDRESS_BYTES:
        address = address_text(raw)
        yield _found("account", address, "account", address)
    elif len(raw) == HASH_BYTES:
        height = node.height_of_block(raw)
        if height:
            yield _found("block", str(height), f"block {height:,}")
        known = node.transaction(raw)
        if known is not None:
            where = "waiting" if known.height is None else f"in block {known.height:,}"
            yield _found("transaction", hex_of(raw), f"{known.transaction.type} {where}")


def _by_name(node: NodePort, wanted: str) -> Iterator[Found]:
    exact: list[Found] = []
    partial: list[Found] = []
    for names, found in (*_organisations(node), *_zones(node), *_validators(node)):
        folded = [_folded(name) for name in names]
        if wanted in folded:
            exact.append(found)
        elif any(wanted in name for name in folded):
            partial.append(found)
    yield from exact
    yield from partial


def _organisations(node: NodePort) -> Iterator[tuple[tuple[str, ...], Found]]:
    after = ""
    for _ in range(MAX_ORGANISATION_PAGES):
        listed = node.organisations(after, MAX_ITEMS)
        for each in listed:
            names = (str(each["id"]), str(each["name_ko"]), str(each["name_en"]))
            yield names, _found("organisation", names[0], _both(names), str(each["account"]))
        if len(listed) < MAX_ITEMS:
            return
        after = str(listed[-1]["id"])


def _zones(node: NodePort) -> Iterator[tuple[tuple[str, ...], Found]]:
    for each in node.zones():
        names = (str(each["zone"]), str(each["name_ko"]), str(each["name_en"]))
        yield names, _found("zone", names[0], _both(names))


def _validators(node: NodePort) -> Iterator[tuple[tuple[str, ...], Found]]:
    now = node.validators(None)
    for member in () if now is None else now.members:
        label = f"{member.organisation}, seat {member.index}"
        yield (member.organisation,), _found("validator", hex_of(member.public_key), label)


def _both(names: tuple[str, ...]) -> str:
    return f"{names[1]} ({names[2]})"


def _found(kind: FoundKind, name: str, label: str, account: str | None = None) -> Found:
    return {"kind": kind, "id": name, "label": label, "account": account}
