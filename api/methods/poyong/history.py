"""poyong_*: the history of an account, and a search over what a chain holds."""

from typing import Annotated, Literal

from api import examples, history, parameters
from api import history_results as results
from api.encoding import address as address_text
from api.encoding import hex_of
from api.errors import invalid_params
from api.history import Cursor
from api.history_ports import Place
from api.registry import Context, method
from api.search import find

_ITEM = history.item(examples.HISTORY_ENTRY, examples.BOB)
_PAGE: results.HistoryPage = {
    "account": address_text(examples.BOB),
    "items": [_ITEM],
    "next_cursor": history.encode_cursor(examples.BOB, Cursor(Place(1, 0), newest_first=True)),
    "more": True,
    "complete_from_height": 1,
}
_FOUND: results.Found = {
    "kind": "transaction",
    "id": hex_of(examples.TRANSACTION.hash),
    "label": "transfer.send in block 1",
    "account": None,
}


@method(
    "poyong",
    example={
        "account": address_text(examples.BOB),
        "cursor": history.encode_cursor(examples.BOB, Cursor(Place(2, 0), newest_first=True)),
        "limit": 1,
    },
    result=_PAGE,
)
async def get_account_history(
    context: Context,
    account: Annotated[bytes, parameters.ADDRESS, "Any address, in any case."],
    cursor: Annotated[
        str | None,
        parameters.CURSOR,
        "next_cursor of the page before, or cursor of a subscription; by default from the newest "
        "or the oldest item. It stays valid as blocks are added.",
    ] = None,
    limit: Annotated[
        int, parameters.HISTORY_ITEMS, "How many items, at most."
    ] = parameters.MAX_HISTORY_ITEMS,
    order: Annotated[
        Literal["newest", "oldest"] | None,
        parameters.ORDER,
        "Which items come first; that of the cursor, and without one the newest.",
    ] = None,
) -> results.HistoryPage:
    """What concerns an account: the transactions that it sent or that an event names it in, also
    those that failed, and what blocks themselves did with it.

    One call looks at a bounded part of the chain: a page may hold fewer items than asked for, even
    none, while `more` is true. The accounts of pools have no history of their own. A node that
    keeps no history, or not so far back, answers with error 4444.
    """
    wanted = None if order is None else order == "newest"
    given = None if cursor is None else history.read_cursor(account, cursor)
    if given is not None and wanted is not None and given.newest_first != wanted:
        raise invalid_params(
            f"parameter order: the cursor goes on with the "
            f"{'newest' if given.newest_first else 'oldest'} first, found {order!r}: leave order "
            "out, or begin without a cursor"
        )
    newest_first = given.newest_first if given is not None else wanted is not False
    return await history.page(context.node, account, given, limit, newest_first=newest_first)


@method("poyong", example={"text": hex_of(examples.TRANSACTION.hash)}, result=[_FOUND])
async def search(
    context: Context,
    text: Annotated[
        str,
        parameters.SEARCH,
        "A height, a block's or a transaction's hash, an address, the number of a proposal, or a "
        "part of the id or name of an organisation, a zone or a validator, in Korean or English.",
    ],
) -> list[results.Found]:
    """What a chain holds under a text, at most 20 results, exact ones first. Persons are not found
    by name: the chain knows none."""
    return find(context.node, text)


METHODS = (get_account_history, search)
