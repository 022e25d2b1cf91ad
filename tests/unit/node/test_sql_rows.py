"""From a block to rows: what the tables of events say adds up to what the chain's state holds."""

from collections import Counter

import pytest

from api.encoding import address
from ledger.accounts import ACCOUNTS
from ledger.crypto import ed25519_address
from ledger.errors import LocalError
from ledger.primitives import UNIT, Address
from node.sqlindex.event_rows import READERS, Place
from node.sqlindex.links import check_block
from node.sqlindex.rows import rows_of, time_of
from node.sqlindex.schema import Words, to_json
from tests.support.indexed_town import TITLE, played
from tests.support.ledger_chain import RICH
from tokenomics.distribution.pools import POOL_ACCOUNTS, VESTING_ACCOUNT, Pool

PLACE = Place(7, 3, None, time_of(1_700_000_000_500))
PERSON = "0x" + "ab" * 20


def moves(name: str, **values: str) -> list[tuple[str | None, str | None, int]]:
    """(sender, receiver, amount) of the rows in `transfers` of an event."""
    return [
        (row["sender"], row["receiver"], row["amount"])
        for table, row in READERS[name](PLACE, values)
        if table == "transfers"
    ]


def test_transfers_add_up_to_every_balance_of_the_chain() -> None:
    state = played().town.state
    found = Counter({address(ed25519_address(RICH.public_key)): 1_000 * UNIT})  # of genesis
    for block in played().blocks:
        for row in rows_of(block).tables.get("transfers", []):
            if row["sender"]:
                found[row["sender"]] -= row["amount"]
            if row["receiver"]:
                found[row["receiver"]] += row["amount"]
    held = {address(Address(key)): row.balance for key, row in state.iterate(ACCOUNTS)}
    assert {who: amount for who, amount in found.items() if amount} == {
        who: amount for who, amount in held.items() if amount
    }


def test_rows_follow_from_the_block_alone() -> None:
    for block in played().blocks:
        assert rows_of(block) == rows_of(block)


def test_events_are_numbered_through_the_block_and_hooks_come_last() -> None:
    for block in played().blocks:
        rows = rows_of(block).tables["events"]
        assert [row["position"] for row in rows] == list(range(len(rows)))
        hooks = [row for row in rows if row["transaction_hash"] is None]
        assert rows[len(rows) - len(hooks) :] == hooks
        assert len(hooks) == len(block["hook_events"])


def test_a_failed_transaction_is_there_with_its_reason_and_moves_nothing() -> None:
    rows = [row for block in played().blocks for row in rows_of(block).tables["transactions"]]
    (failed,) = [row for row in rows if row["status"] == "INSUFFICIENT_FUNDS"]
    assert failed["reason"]
    assert (failed["module"], failed["message_type"]) == ("transfer", "transfer.send")
    titles = [row["fields"]["title"] for row in rows if row["message_type"] == "proposals.submit"]
    assert titles == [TITLE]


def test_what_a_person_is_paid_on_leaving_is_three_movements() -> None:
    vesting, reserve = address(VESTING_ACCOUNT), address(POOL_ACCOUNTS[Pool.RESERVE])
    given = {"person": PERSON, "vested": "5", "unvested": "7", "unclaimed": "11"}
    assert moves("distribution.left", **given, to_reserve="18") == [
        (vesting, PERSON, 5),
        (vesting, reserve, 7),
        (None, reserve, 11),
    ]
    assert moves("distribution.left", **given, to_reserve="0") == [
        (vesting, PERSON, 5),
        (vesting, PERSON, 7),
        (None, PERSON, 11),
    ]


def test_movements_of_the_pools() -> None:
    vesting = address(VESTING_ACCOUNT)
    pools = {pool: address(POOL_ACCOUNTS[pool]) for pool in Pool}
    claim = moves("distribution.claimed", person=PERSON, pool="founders", amount="3", quarter="1")
    assert claim == [(pools[Pool.FOUNDERS], vesting, 3)]
    released = moves("distribution.released", person=PERSON, amount="3", quarter="1")
    assert released == [(vesting, PERSON, 3)]
    spent = moves("distribution.spent", to=PERSON, amount="3", memo_hash="0x", quarter="1")
    assert spent == [(pools[Pool.TREASURY], PERSON, 3)]
    dividend = moves("distribution.dividend", pool="owners", amount="3", shares="1", quarter="1")
    assert dividend == [(pools[Pool.TREASURY], pools[Pool.OWNERS], 3)]
    matured = {"round": "1", "due": "3", "uncovered": "3", "burned": "3", "to_treasury": "0"}
    assert moves("distribution.reserve_matured", **matured) == [(pools[Pool.RESERVE], None, 3)]


def test_an_event_of_another_release_is_said_to_be_one() -> None:
    block = played().blocks[0].copy()
    block["hook_events"] = [{"name": "issuance.minted", "values": {"round": "1"}}]
    with pytest.raises(LocalError, match=r"block 1: event issuance.minted is not as this release"):
        rows_of(block)


def test_a_character_that_postgresql_lacks_is_replaced_and_a_backslash_is_not() -> None:
    assert to_json({"이름": ["가\0", {"a": 1}]}) == '{"이름":["가\ufffd",{"a":1}]}'
    assert to_json({"a": "\\u0000"}) == '{"a":"\\\\u0000"}'
    assert Words().process_bind_param("월\0출동", None) == "월\ufffd출동"  # type: ignore[arg-type]


def test_block_time_is_exact_to_the_millisecond() -> None:
    assert time_of(1_700_000_000_501).isoformat() == "2023-11-14T22:13:20.501000+00:00"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"height": 3}, "expected block 2, found 3"),
        ({"parent_hash": "0x" + "00" * 32}, "block 2 stands on 0x00"),
        ({"time_ms": 1}, "the header of block 2 has hash"),
        ({"hash": "0x" + "00" * 32}, "the header of block 2 has hash"),
        ({"state_root": "0x00"}, "block 2 of the node is malformed|the header of block 2"),
        ({"transaction_hashes": ["0x" + "00" * 32]}, "the transactions of block 2 have the root"),
        ({"transactions": []}, "the transactions of block 2 are not those"),
        ({"receipts": []}, "the receipts of block 2 are not those"),
    ],
)
def test_a_block_that_does_not_fit_is_refused(change: dict[str, object], sentence: str) -> None:
    blocks = played().blocks
    number = next(n for n, block in enumerate(blocks) if n and block["transactions"])
    block = {**blocks[number], **change}
    height = blocks[number]["height"]
    parent = blocks[number]["parent_hash"]
    expected = sentence.replace("block 2", f"block {height}")
    if "height" in change:
        block["height"], expected = height + 1, f"expected block {height}, found {height + 1}"
    with pytest.raises(LocalError, match=expected):
        check_block(block, height, parent)  # type: ignore[arg-type]
    check_block(blocks[number], height, parent)
