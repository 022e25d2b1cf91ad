"""The history of an account for JSON-RPC: pages, their cursors, and what a subscriber is sent."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import orjson

from api import views
from api.encoding import address as address_text
from api.encoding import from_hex, hex_of
from api.errors import HISTORY_UNAVAILABLE, RpcError, invalid_params
from api.history_ports import HistoryEntry, Place
from api.history_results import AccountEvents, HistoryItem, HistoryPage
from api.parameters import CURSOR_BYTES, MAX_HISTORY_ITEMS
from api.ports import NodePort
from ledger.concerned import HOOKS, accounts_of
from ledger.errors import DecodeError
from ledger.module import Event
from ledger.primitives import Address

MAX_SILENT_HEIGHTS: Final = 1_000
"""Without anything about the account, after which a subscriber is told how far it is."""

_CURSOR_VERSION: Final = 1
_HEIGHT_BYTES, _POSITION_BYTES, _ACCOUNT_BYTES = 6, 2, 4


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of an account's history starts, and in which order it goes on."""

    place: Place
    newest_first: bool


def encode_cursor(account: bytes, cursor: Cursor) -> str:
    """0x hex of version, order (1: newest first), height (6 bytes), position (2) and the account's
    first 4 bytes. Callers take it as it is; it holds as long as the blocks are indexed."""
    return hex_of(
        bytes((_CURSOR_VERSION, cursor.newest_first))
        + cursor.place.height.to_bytes(_HEIGHT_BYTES, "big")
        + cursor.place.position.to_bytes(_POSITION_BYTES, "big")
        + account[:_ACCOUNT_BYTES]
    )


def decode_cursor(account: bytes, text: str) -> Cursor:
    """Inverse of encode_cursor; DecodeError for anything else, and for another account's."""
    raw = from_hex(text)
    if len(raw) != CURSOR_BYTES or raw[0] != _CURSOR_VERSION or raw[1] > 1:
        raise DecodeError(f"cursor: expected one that an answer gave, found {text:.60}")
    if raw[-_ACCOUNT_BYTES:] != account[:_ACCOUNT_BYTES]:
        raise DecodeError(f"cursor: it is of another account than {address_text(account)}")
    height = int.from_bytes(raw[2 : 2 + _HEIGHT_BYTES], "big")
    position = int.from_bytes(raw[2 + _HEIGHT_BYTES : -_ACCOUNT_BYTES], "big")
    return Cursor(Place(height, position), raw[1] == 1)


def read_cursor(account: bytes, text: str) -> Cursor:
    """decode_cursor() of what a caller wrote; an invalid parameter for anything wrong."""
    try:
        return decode_cursor(account, text)
    except DecodeError as error:
        raise invalid_params(
            f"parameter {error}: take next_cursor or cursor of an answer about this account, or "
            "leave it out to begin anew"
        ) from error


def after_block(height: int) -> Place:
    """The place after everything of a block."""
    return Place(height, HOOKS)


async def page(
    node: NodePort, account: bytes, cursor: Cursor | None, limit: int, *, newest_first: bool
) -> HistoryPage:
    """Items from the cursor on; without one from the newest or the oldest that is known."""
    first = _require_start(node)
    if cursor is None:
        start = after_block(node.height()) if newest_first else after_block(first - 1)
        # The last place of a block is what the block itself did, and a start is not part of a page.
        cursor = Cursor(Place(start.height + 1, 0) if newest_first else start, newest_first)
    _require_kept(cursor, first)
    found = node.concerning(account, cursor.place, limit, newest_first=newest_first)
    items = await _items(node, account, found.places)
    has_next = found.more or not newest_first
    following = Cursor(found.resume, newest_first)
    return {
        "account": address_text(account),
        "items": items,
        "next_cursor": encode_cursor(account, following) if has_next else None,
        "more": found.more,
        "complete_from_height": first,
    }


async def follow(node: NodePort, account: bytes, start: Place) -> AsyncGenerator[bytes, None]:
    """Encoded AccountEvents of each block after `start` that concerns the account."""
    told_height = start.height
    place = start
    while True:
        _require_kept(Cursor(place, newest_first=False), _require_start(node))
        found = node.concerning(account, place, MAX_HISTORY_ITEMS, newest_first=False)
        items = await _items(node, account, found.places)
        for height, grouped in groupby(items, lambda item: item["height"]):
            together = list(grouped)
            last = together[-1]["position"]
            reached = Place(height, HOOKS if last is None else last)
            yield orjson.dumps(_account_events(account, together, reached))
            told_height = height
        place = found.resume
        if not found.more:
            if place.height - told_height >= MAX_SILENT_HEIGHTS:
                yield orjson.dumps(_account_events(account, [], place))
                told_height = place.height
            await node.wait_for_height(place.height + 1)


def _account_events(account: bytes, items: list[HistoryItem], reached: Place) -> AccountEvents:
    return {
        "account": address_text(account),
        "height": reached.height,
        "cursor": encode_cursor(account, Cursor(reached, newest_first=False)),
        "items": items,
    }


def _require_start(node: NodePort) -> int:
    first = node.history_start()
    if first is None:
        raise RpcError(
            HISTORY_UNAVAILABLE,
            "this node keeps no history of accounts: ask another one, or its operator to set "
            "history.enabled and run poyong history rebuild",
            {"reason": "disabled"},
        )
    return first


def _require_kept(cursor: Cursor, first: int) -> None:
    """RpcError when what the cursor asks for next is older than what the node keeps."""
    place = cursor.place
    lost = place.height < first if cursor.newest_first else place < after_block(first - 1)
    if lost:
        raise RpcError(
            HISTORY_UNAVAILABLE,
            f"this node keeps the history of accounts from height {first:,} on, and height "
            f"{place.height:,} was asked for: begin without a cursor, or ask a node that keeps "
            "more",
            {"reason": "pruned", "complete_from_height": first},
        )


async def _items(node: NodePort, account: bytes, places: Iterable[Place]) -> list[HistoryItem]:
    items: list[HistoryItem] = []
    for _, together in groupby(places, lambda place: place.height):
        for place in together:
            entry = node.history_entry(place)
            if entry is not None and _concerns(entry, account):
                items.append(item(entry, account))
        # Taking a block apart costs up to a millisecond: others have their turn.
        await asyncio.sleep(0)
    return items


def _concerns(entry: HistoryEntry, account: bytes) -> bool:
    """Two accounts may share a row of the index."""
    sent = entry.transaction is not None and entry.transaction.sender == account
    return sent or account in accounts_of(entry.events)


def item(entry: HistoryEntry, account: bytes) -> HistoryItem:
    """One entry, as it concerns the account."""
    naming = [each for each in entry.events if account in accounts_of((each,))]
    transaction, receipt = entry.transaction, entry.receipt
    others = accounts_of(naming)
    if transaction is not None:
        others.add(transaction.sender)
    others.discard(Address(account))
    return {
        "height": entry.place.height,
        "position": None if transaction is None else entry.place.position,
        "time_ms": entry.time_ms,
        "transaction_hash": None if transaction is None else hex_of(transaction.hash),
        "message_type": None if transaction is None else transaction.type,
        "sender": None if transaction is None else address_text(transaction.sender),
        "status": "OK" if receipt is None else receipt.code.name,
        "counterparty": address_text(others.pop()) if len(others) == 1 else None,
        "change": str(sum(balance_change(each, account) for each in naming)),
        "events": [views.event(each) for each in naming],
    }


_MOVES: Final[Mapping[str, tuple[str | None, str | None]]] = {
    "transfer.sent": ("from", "to"),
    "distribution.released": (None, "person"),
    "distribution.spent": (None, "to"),
}
"""Who pays and who receives `amount` of an event; None is a pool."""


def balance_change(event: Event, account: bytes) -> int:
    """By how much an event changes an account's balance, in smallest units."""
    values = dict(event.values)
    if event.name == "distribution.left" and values["person"] == account:
        return (
            _whole(values["vested"])
            + _whole(values["unvested"])
            + _whole(values["unclaimed"])
            - _whole(values["to_reserve"])
        )
    if event.name not in _MOVES:
        return 0
    payer, receiver = _MOVES[event.name]
    change = 0
    if receiver is not None and values[receiver] == account:
        change += _whole(values["amount"])
    if payer is not None and values[payer] == account:
        change -= _whole(values["amount"])
    return change


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"an amount of an event is an integer, found {value!r:.80}")
    return value
