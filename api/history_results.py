"""Results about the history of an account and of a search; see api.results."""

from typing import Annotated, Literal, TypedDict

from api.results import AddressText, Event, Form, Hash32

SignedAmount = Annotated[
    str,
    Form("^(0|-?[1-9][0-9]*)$", "amount in smallest units (10^-18 token), decimal, may be below 0"),
]
FoundKind = Literal[
    "block", "transaction", "account", "organisation", "zone", "validator", "proposal"
]
CursorText = Annotated[str, Form("^0x[0-9a-f]{28}$", "where to go on; take it as it is")]


class HistoryItem(TypedDict):
    """A transaction that concerns an account, or what a block itself did that concerns it."""

    height: int
    position: Annotated[
        int | None, "of the transaction in its block; null for what the block itself did"
    ]
    time_ms: Annotated[int, "block time, ms since 1970"]
    transaction_hash: Hash32 | None
    message_type: str | None
    sender: AddressText | None
    status: Annotated[str, "name of the receipt's code: OK, INSUFFICIENT_FUNDS, ..."]
    counterparty: Annotated[
        AddressText | None, "the one other account that is named; null for none and for several"
    ]
    change: Annotated[SignedAmount, "of the account's balance"]
    events: Annotated[list[Event], "those that name the account"]


class HistoryPage(TypedDict):
    """A part of an account's history."""

    account: AddressText
    items: list[HistoryItem]
    next_cursor: Annotated[
        CursorText | None,
        "of the page that follows; null at the oldest item. Oldest first there always is one: what "
        "comes later follows there",
    ]
    more: Annotated[bool, "whether anything may follow now, even after a page without items"]
    complete_from_height: Annotated[
        int, "the node knows nothing of blocks below; 1 for the whole history"
    ]


class AccountEvents(TypedDict):
    """What a block holds about an account, to a subscriber."""

    account: AddressText
    height: int
    cursor: Annotated[CursorText, "subscribe with it to go on after these items"]
    items: list[HistoryItem]


class Found(TypedDict):
    """Something that a search found."""

    kind: FoundKind
    id: Annotated[
        str,
        "height of a block, hash of a transaction, address of an account, id of an organisation or "
        "a zone, number of a proposal, public key of a validator",
    ]
    label: Annotated[str, "for people"]
    account: Annotated[AddressText | None, "of an account or an organisation"]
