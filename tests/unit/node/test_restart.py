"""A chain that goes on from another one's state: what is carried over, what starts anew."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from governance.authority import authority
from ledger import accounts, genesis
from ledger.crypto import checksum_address, ed25519_address, sha256
from ledger.errors import LocalError, WrongChainError
from ledger.executor import Inapplicable
from ledger.primitives import MAX_UINT64, UNIT, ZERO_HASH
from ledger.restart import CONSENSUS_PREFIX, MAX_NUMBER
from ledger.state import State
from ledger.transaction import decode_transaction
from ledger.transfers import SEND
from ledger.validator_tables import history_of, observers, set_at
from tests.architecture.source_tree import ROOT
from tests.support.ledger_chain import RICH, STEP_MS, LedgerChain, genesis_document, validator
from tests.support.restarted_chain import (
    NEW_CHAIN_ID,
    POOR,
    QUARTER_MS,
    Rows,
    modules,
    old_chain,
    read_again,
    restart_document,
    rows_of,
)
from tokenomics.oracle import rounds

RICH_ADDRESS = ed25519_address(RICH.public_key)


@pytest.fixture(scope="module")
def old() -> LedgerChain:
    return old_chain()


@pytest.fixture(scope="module")
def rows(old: LedgerChain) -> Rows:
    return rows_of(old)


def started(document: genesis.Genesis) -> LedgerChain:
    """The new chain at height 0; building it checks every registered invariant."""
    return LedgerChain(modules=modules(), document=document)


# What is carried over


def test_every_row_is_carried_over_but_those_about_consensus(old: LedgerChain, rows: Rows) -> None:
    new = started(restart_document(old, rows))
    expected = [row for row in rows if not row[0].startswith(CONSENSUS_PREFIX)]
    found = [row for row in rows_of(new) if not row[0].startswith(CONSENSUS_PREFIX)]
    assert found == expected
    assert {key.partition(b"/")[0] for key, _ in found} == {
        b"accounts", b"governance", b"issuance", b"land",
    }  # fmt: skip
    assert accounts.get(new.state, RICH_ADDRESS) == accounts.get(old.state, RICH_ADDRESS)
    assert accounts.nonce(new.state, RICH_ADDRESS) == 4
    total = sum(account.balance for _, account in new.state.iterate(accounts.ACCOUNTS))
    assert total == accounts.supply(new.state) == accounts.supply(old.state)


def test_heights_seals_and_members_start_anew(old: LedgerChain, rows: Rows) -> None:
    new = started(restart_document(old, rows, [validator("o0"), validator("new")]))
    fresh = LedgerChain(2)
    assert history_of(new.state) == history_of(fresh.state)
    assert [item.organisation for item in set_at(new.state, 1).validators] == ["o0", "new"]
    assert not observers(new.state), "observers are those of the document"
    kinds = {key.split(b"/")[1] for key, _ in rows_of(new) if key.startswith(CONSENSUS_PREFIX)}
    assert kinds == {b"sets", b"participation"}
    assert new.height == 0


def test_the_new_chain_goes_on_and_its_invariants_hold(old: LedgerChain, rows: Rows) -> None:
    new = started(restart_document(old, rows))
    before = accounts.balance(new.state, POOR)
    for _ in range(8):
        sent = new.signed(RICH, SEND.name, SEND.encode(POOR, UNIT, b""))
        (receipt,) = new.add([sent]).receipts
        assert receipt.code == 0
    assert accounts.balance(new.state, POOR) == before + 8 * UNIT
    assert new.height == 8


def test_a_restarted_chain_can_be_restarted_again(old: LedgerChain, rows: Rows) -> None:
    new = started(restart_document(old, rows))
    new.advance(5)
    document = restart_document(new, rows_of(new), chain_id=NEW_CHAIN_ID + 1)
    again = started(document)
    assert accounts.supply(again.state) == accounts.supply(old.state)
    again.advance(3)


def test_who_decides_stays_unless_it_is_named_anew(old: LedgerChain, rows: Rows) -> None:
    """Its keys may be gone together with the validators."""
    kept = started(restart_document(old, rows))
    assert authority(kept.state) == authority(old.state)
    section = {"governance": {"authority": checksum_address(POOR)}}
    replaced = started(restart_document(old, rows, sections=section))
    assert authority(replaced.state) == POOR
    different = set(rows_of(replaced)) ^ set(rows_of(kept))
    assert {key for key, _ in different} == {b"governance/authority/"}


def test_no_module_beside_validators_keeps_heights(old: LedgerChain) -> None:
    """Heights start anew at 0, so a carried row that held one would mean another block. The one
    module whose rows are not carried over may."""
    uses_height = re.compile(
        r"\b(?:block|info)\.height\b"
        r"|\bcontext\.block\b(?!\.(?:time_ms|parent_time_ms|chain_id|parent_hash))"
    )
    sources = [*(ROOT / "tokenomics").rglob("*.py"), *(ROOT / "governance").rglob("*.py")]
    sources += [ROOT / "ledger" / name for name in ("transfers.py", "threshold.py")]
    # Invariants keep nothing; what was scheduled at a height is dropped in the first block.
    sources = [path for path in sources if "invariants" not in path.name]
    sources.remove(ROOT / "governance" / "stakeholders" / "upgrades.py")
    assert len(sources) > 15
    assert uses_height.search((ROOT / "ledger" / "set_changes.py").read_text(encoding="utf-8"))
    found = [
        f"{path.name}: {line.strip()}"
        for path in sources
        for line in path.read_text(encoding="utf-8").splitlines()
        # A context that is passed on keeps nothing.
        if uses_height.search(line) and "Context(state, context.block" not in line
    ]
    assert not found, "carry these rows over in another way, or keep block time in them"


# Replay


def test_what_was_signed_for_the_old_chain_is_of_another_chain(
    old: LedgerChain, rows: Rows
) -> None:
    """Executed, waiting or never sent: the id is signed, and no older chain had the new one."""
    waiting = old.signed(RICH, SEND.name, SEND.encode(POOR, UNIT, b""))
    with pytest.raises(WrongChainError):
        decode_transaction(waiting.raw, restart_document(old, rows).chain_id)


def test_nonces_go_on(old: LedgerChain, rows: Rows) -> None:
    """So even a chain that reused an id would execute nothing twice."""
    new = started(restart_document(old, rows))
    executed = [item for block in old.blocks for item in block.transactions]
    assert executed
    skipped = new.execute(executed, skip_inapplicable=True).skipped
    assert [item.reason for item in skipped] == [Inapplicable.NONCE_TOO_LOW] * len(executed)


@pytest.mark.parametrize("chain_id", [1, NEW_CHAIN_ID - 1])
def test_the_chain_id_has_to_be_higher(old: LedgerChain, rows: Rows, chain_id: int) -> None:
    with pytest.raises(LocalError, match="chain_id: expected more than"):
        read_again(restart_document(old, rows, chain_id=chain_id))


def test_votes_of_the_old_chain_do_not_count(old: LedgerChain, rows: Rows) -> None:
    """The genesis hash is part of what a vote signs, and covers the document with the old head."""
    one = restart_document(old, rows)
    assert one.restart is not None
    other = replace(one, restart=replace(one.restart, block_hash=sha256(b"another head")))
    hashes = {genesis.header(document, old.executor).hash for document in (one, other)}
    assert len(hashes | {old.blocks[0].hash}) == 3


# Time


@pytest.mark.parametrize("later_ms", [0, -1, -(10**6)])
def test_block_time_never_goes_back(old: LedgerChain, rows: Rows, later_ms: int) -> None:
    head_ms = old.blocks[-1].time_ms
    with pytest.raises(LocalError, match="time_ms: expected more than"):
        read_again(restart_document(old, rows, time_ms=head_ms + later_ms))


def test_after_a_short_pause_the_open_round_ends_when_it_would_have(
    old: LedgerChain, rows: Rows
) -> None:
    due = old.executor.next_deadline_ms(old.state)
    assert due is not None
    new = started(restart_document(old, rows))
    assert new.executor.next_deadline_ms(new.state) == due
    newest = rounds.schedule(new.state).newest
    while rounds.schedule(new.state).newest == newest:
        assert new.blocks[-1].time_ms < due
        new.advance(1)
    assert new.blocks[-1].time_ms - due < STEP_MS


def test_after_a_long_pause_the_schedule_is_held_as_after_any_standstill(
    old: LedgerChain, rows: Rows
) -> None:
    """A hundred quarters pass before the restart: no burst of empty rounds, and no lost one."""
    pause_ms = 100 * QUARTER_MS
    document = restart_document(old, rows, time_ms=old.blocks[-1].time_ms + pause_ms)
    new, closed = started(document), rounds.schedule(old.state)
    first = new.add()
    (held,) = [event for event in first.hook_events if event.name == "land.schedule_held"]
    held_ms = dict(held.values)["held_ms"]
    assert isinstance(held_ms, int)
    assert held_ms > pause_ms - QUARTER_MS
    now = rounds.schedule(new.state)
    assert now.newest <= closed.newest + 1
    assert now.closed <= closed.closed + 1
    new.advance(2 * QUARTER_MS // STEP_MS)
    assert now.newest < rounds.schedule(new.state).newest <= now.newest + 3


# The document


def test_the_genesis_hash_follows_from_the_document_alone(old: LedgerChain, rows: Rows) -> None:
    """So that a light verifier, a wallet or poyong verify needs no exported state."""
    document = restart_document(old, rows)
    built = genesis.build(document, old.executor)
    alone = read_again(document)
    assert alone.carried_rows is None
    assert genesis.header(alone, old.executor) == built.block.header
    assert built.block.header.parent_hash == alone.document_hash()
    with pytest.raises(LocalError, match="state of the old chain is needed"):
        genesis.build(alone, old.executor)


def test_the_document_is_read_as_it_was_written(old: LedgerChain, rows: Rows) -> None:
    document = restart_document(old, rows)
    assert read_again(document) == document
    assert "restart" in document.document()
    plain = genesis.parse(json.dumps(genesis_document(2)).encode())
    assert "restart" not in plain.document(), "hashes of documents without it stay as they were"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"height": 0}, "restart.height: expected an integer in 1"),
        ({"height": MAX_NUMBER + 1}, "restart.height"),
        ({"time_ms": MAX_UINT64}, "restart.time_ms"),
        ({"block_hash": "ab"}, "restart.block_hash: expected 64 hex digits"),
        ({"state_root": None}, "restart.state_root: expected 64 hex digits"),
        ({"file": "x"}, "restart.file: unknown option"),
    ],
)
def test_a_wrong_section_is_named(
    old: LedgerChain, rows: Rows, changes: dict[str, Any], expected: str
) -> None:
    document = restart_document(old, rows).document()
    document["restart"] |= changes
    with pytest.raises(LocalError, match=expected):
        genesis.parse(json.dumps(document).encode())


def test_sections_of_carried_modules_are_refused(old: LedgerChain, rows: Rows) -> None:
    """They would mint beside the carried balances."""
    document = restart_document(old, rows).document()
    document["modules"] = genesis_document(2)["modules"]
    with pytest.raises(LocalError, match="accounts cannot be given in a restart"):
        genesis.parse(json.dumps(document).encode())


def test_a_document_changed_after_it_was_made_is_refused(old: LedgerChain, rows: Rows) -> None:
    document = restart_document(old, rows)
    assert document.restart is not None
    another_set = replace(document, validators=LedgerChain(2).view.validators)
    another_root = replace(document, restart=replace(document.restart, state_root=ZERO_HASH))
    for changed in (another_set, another_root):
        with pytest.raises(LocalError, match=r"restart\.state_root"):
            genesis.build(changed, old.executor)


def test_rows_of_a_module_that_this_release_lacks_are_refused(old: LedgerChain, rows: Rows) -> None:
    with pytest.raises(LocalError, match=r"module b'pools', which this release lacks"):
        restart_document(old, [*rows, (b"pools/x/", b"\x01")])


def test_rows_that_break_an_invariant_are_refused(old: LedgerChain, rows: Rows) -> None:
    """As the registered invariants are checked, whoever made the file."""
    state = State(old.store)
    richer = accounts.Account(4, accounts.balance(state, RICH_ADDRESS) + 1)
    key = accounts.ACCOUNTS.prefix + RICH_ADDRESS
    forged = [(k, accounts.ACCOUNTS.encode(richer) if k == key else v) for k, v in rows]
    assert forged != rows
    with pytest.raises(LocalError, match="balances_sum_to_supply"):
        restart_document(old, forged)
    damaged = [(k, b"\xc1" if k == key else v) for k, v in rows]
    with pytest.raises(LocalError, match="the genesis state is not sound"):
        restart_document(old, damaged)
