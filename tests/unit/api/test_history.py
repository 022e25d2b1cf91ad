"""poyong_getAccountHistory and poyong_search over a node in memory: pages, cursors, refusals."""

from typing import Any

import pytest

from api import examples, governance_examples, land_examples, parameters
from api.encoding import address as address_text
from api.encoding import hex_of
from api.errors import HISTORY_UNAVAILABLE, INVALID_PARAMS
from api.history import (
    Cursor,
    balance_change,
    decode_cursor,
    encode_cursor,
    read_cursor,
)
from api.history_ports import Place
from api.search import MAX_FOUND
from ledger.concerned import HOOKS
from ledger.errors import DecodeError
from ledger.module import Event
from ledger.primitives import MAX_UINT64, Address
from tests.support.api_fakes import FakeNode, transfer
from tests.support.json_schema import problems
from tests.unit.api.test_dispatch import REGISTRY, Caller

ALICE, BOB = examples.TRANSACTION.sender, examples.BOB
STRANGER = Address(b"\x77" * 20)


async def grown(blocks: int) -> Caller:
    """Each block: a transfer from Alice to Bob, and a hook event that names both."""
    caller = Caller()
    for nonce in range(blocks):
        await caller.node.submit([transfer(nonce).raw])
        await caller.node.commit()
    return caller


async def ask(caller: Caller, method: str, **params: Any) -> Any:
    return await caller.ask({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


async def history(caller: Caller, account: bytes = BOB, **params: Any) -> Any:
    answer = await ask(caller, "poyong_getAccountHistory", account=address_text(account), **params)
    assert "result" in answer, answer
    page = answer["result"]
    method = REGISTRY.find("poyong_getAccountHistory")
    assert method is not None
    assert problems(page, method.result) == []
    return page


async def refusal(caller: Caller, account: bytes = BOB, **params: Any) -> Any:
    answer = await ask(caller, "poyong_getAccountHistory", account=address_text(account), **params)
    return answer["error"]


async def walk(caller: Caller, order: str, limit: int) -> list[Any]:
    """Every item, page by page."""
    items: list[Any] = []
    page = await history(caller, order=order, limit=limit)
    while True:
        assert len(page["items"]) <= limit
        items += page["items"]
        if not page["more"]:
            return items
        page = await history(caller, cursor=page["next_cursor"], limit=limit)


def places(items: list[Any]) -> list[tuple[int, int | None]]:
    return [(item["height"], item["position"]) for item in items]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_hold_everything_once_in_both_orders(limit: int) -> None:
    caller = await grown(3)
    expected = [(1, 0), (1, None), (2, 0), (2, None), (3, 0), (3, None)]
    assert places(await walk(caller, "oldest", limit)) == expected
    assert places(await walk(caller, "newest", limit)) == expected[::-1]


async def test_an_item_says_who_and_how_much() -> None:
    caller = await grown(1)
    hook, item = (await history(caller, ALICE))["items"]
    sent = caller.node.blocks[0].block.transactions[0]
    assert item == {
        "height": 1,
        "position": 0,
        "time_ms": caller.node.blocks[0].block.time_ms,
        "transaction_hash": hex_of(sent.hash),
        "message_type": "transfer.send",
        "sender": address_text(ALICE),
        "status": "OK",
        "counterparty": address_text(BOB),
        "change": str(-(2**100)),
        "events": item["events"],
    }
    assert [event["name"] for event in item["events"]] == ["transfer.sent"]
    assert hook["transaction_hash"] is hook["message_type"] is hook["sender"] is None
    assert (hook["position"], hook["status"]) == (None, "OK")
    assert (await history(caller, BOB))["items"][1]["change"] == str(2**100)


async def test_who_was_never_concerned_has_no_history() -> None:
    caller = await grown(2)
    page = await history(caller, STRANGER)
    assert (page["items"], page["more"], page["next_cursor"]) == ([], False, None)
    assert page["complete_from_height"] == 1


async def test_a_cursor_goes_on_where_it_was_when_blocks_were_added() -> None:
    caller = await grown(3)
    newest = await history(caller, limit=2)
    oldest = await history(caller, order="oldest")
    assert oldest["more"] is False
    await caller.node.submit([transfer(3).raw])
    await caller.node.commit()
    page = await history(caller, cursor=newest["next_cursor"])
    assert places(page["items"]) == [(2, None), (2, 0), (1, None), (1, 0)]
    assert page["next_cursor"] is None
    page = await history(caller, cursor=oldest["next_cursor"])
    assert places(page["items"]) == [(4, 0), (4, None)]


# What is refused


@pytest.mark.parametrize(
    ("cursor", "says"),
    [
        ("0x", "expected one that an answer gave"),
        ("next", "hex text starts with 0x"),
        ("0x02" + "00" * 13, "expected one that an answer gave"),
        ("0x0102" + "00" * 12, "expected one that an answer gave"),
        (encode_cursor(ALICE, Cursor(Place(1, 0), newest_first=True)), "of another account"),
    ],
)
async def test_a_cursor_that_no_answer_gave_is_refused(cursor: str, says: str) -> None:
    error = await refusal(await grown(1), cursor=cursor)
    assert error["code"] == INVALID_PARAMS
    assert says in error["message"]
    assert "next_cursor" in error["message"]


async def test_the_other_order_than_that_of_the_cursor_is_refused() -> None:
    caller = await grown(2)
    cursor = (await history(caller, limit=1))["next_cursor"]
    error = await refusal(caller, cursor=cursor, order="oldest")
    assert (error["code"], "newest first" in error["message"]) == (INVALID_PARAMS, True)
    assert (await history(caller, cursor=cursor, order="newest"))["items"]


async def test_what_was_dropped_is_said_and_not_passed_over() -> None:
    """A cursor into blocks whose history is gone since: no page that begins after the hole."""
    caller = await grown(4)
    newest = (await history(caller, limit=5))["next_cursor"]  # goes on at height 2
    oldest = (await history(caller, order="oldest", limit=2))["next_cursor"]  # after height 1
    caller.node.history_from = 3
    for cursor in (newest, oldest):
        error = await refusal(caller, cursor=cursor)
        assert error["code"] == HISTORY_UNAVAILABLE
        assert error["data"] == {"reason": "pruned", "complete_from_height": 3}
        assert "from height 3 on" in error["message"]
    page = await history(caller)
    assert (len(page["items"]), page["complete_from_height"]) == (4, 3)
    assert page["next_cursor"] is None
    assert places((await history(caller, order="oldest"))["items"])[0] == (3, 0)


async def test_a_node_that_keeps_no_history_says_so_and_what_to_do() -> None:
    caller = await grown(1)
    caller.node.history_from = None
    error = await refusal(caller)
    assert (error["code"], error["data"]) == (HISTORY_UNAVAILABLE, {"reason": "disabled"})
    assert "poyong history rebuild" in error["message"]


@pytest.mark.parametrize("limit", [0, 101, "5"])
async def test_a_limit_out_of_bounds_is_refused(limit: object) -> None:
    error = await refusal(await grown(1), limit=limit)
    assert (error["code"], "1..100" in error["message"]) == (INVALID_PARAMS, True)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("place", [Place(0, 0), Place(2**40, 7), Place(9, HOOKS)])
def test_a_cursor_decodes_to_itself(place: Place, newest_first: bool) -> None:
    cursor = Cursor(place, newest_first)
    text = encode_cursor(BOB, cursor)
    assert decode_cursor(BOB, text) == read_cursor(BOB, text) == cursor
    assert len(text) == 2 + 2 * parameters.CURSOR_BYTES
    with pytest.raises(DecodeError):
        decode_cursor(BOB, text + "00")


def test_balances_change_by_the_events_that_move_tokens() -> None:
    sent = Event("transfer.sent", (("from", ALICE), ("to", BOB), ("amount", 5)))
    assert [balance_change(sent, who) for who in (ALICE, BOB, STRANGER)] == [-5, 5, 0]
    to_self = Event("transfer.sent", (("from", BOB), ("to", BOB), ("amount", 5)))
    assert balance_change(to_self, BOB) == 0
    spent = Event("distribution.spent", (("to", BOB), ("amount", 7)))
    assert balance_change(spent, BOB) == 7
    left = Event(
        "distribution.left",
        (("person", BOB), ("vested", 1), ("unvested", 20), ("unclaimed", 300), ("to_reserve", 320)),
    )
    assert [balance_change(left, who) for who in (BOB, ALICE)] == [1, 0]
    assert balance_change(Event("land.outlier", (("appraiser", BOB),)), BOB) == 0


# Search


async def search(caller: Caller, text: str) -> list[tuple[str, str]]:
    answer = await ask(caller, "poyong_search", text=text)
    method = REGISTRY.find("poyong_search")
    assert method is not None
    assert problems(answer["result"], method.result) == []
    return [(found["kind"], found["id"]) for found in answer["result"]]


async def test_a_number_is_a_block_and_a_proposal() -> None:
    caller = await grown(8)
    number = governance_examples.PROPOSAL["number"]
    assert await search(caller, f" #{number} ") == [
        ("block", str(number)),
        ("proposal", str(number)),
    ]
    assert await search(caller, "8") == [("block", "8")]
    for nothing in ("9", "0", str(MAX_UINT64), "9" * 80, "٣"):
        assert await search(caller, nothing) == [], nothing


async def test_hex_is_a_block_a_transaction_or_an_account() -> None:
    caller = await grown(1)
    block = caller.node.blocks[0].block
    transaction = block.transactions[0].hash.hex()
    assert await search(caller, f"0x{block.hash.hex()}") == [("block", "1")]
    assert await search(caller, transaction.upper()) == [("transaction", f"0x{transaction}")]
    assert await search(caller, address_text(BOB)) == [("account", address_text(BOB))]
    assert await search(caller, "0x" + "ab" * 32) == []


async def test_organisations_and_zones_are_found_by_id_and_in_both_languages() -> None:
    caller = await grown(1)
    row, zone = governance_examples.ORGANISATION, land_examples.ZONE
    for name in (row["id"], row["name_ko"], row["name_en"].upper(), row["name_ko"][:2]):
        assert ("organisation", row["id"]) in await search(caller, name), name
    for name in (zone["zone"], zone["name_ko"], zone["name_en"][:4].lower()):
        assert ("zone", zone["zone"]) in await search(caller, name), name
    validator = examples.VALIDATORS.members[1]
    assert await search(caller, validator.organisation.lower()) == [
        ("validator", hex_of(validator.public_key))
    ]
    assert await search(caller, "   ") == []


async def test_an_exact_name_comes_first_and_the_answer_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        dict(governance_examples.ORGANISATION) | {"id": f"builder{n:03}", "name_en": f"Builder {n}"}
        for n in range(600)
    ]

    def organisations(node: FakeNode, after: str, count: int) -> list[dict[str, object]]:
        del node
        return [row for row in rows if str(row["id"]) > after][:count]

    monkeypatch.setattr(FakeNode, "organisations", organisations)
    caller = await grown(1)
    found = await search(caller, "builder 59")
    assert found[0] == ("organisation", "builder059")
    assert len(found) == 11
    assert len(await search(caller, "builder")) == MAX_FOUND


@pytest.mark.parametrize("text", ["", "x" * 81, 7, None])
async def test_a_text_that_is_none_is_refused(text: object) -> None:
    answer = await ask(await grown(1), "poyong_search", text=text)
    assert answer["error"]["code"] == INVALID_PARAMS
