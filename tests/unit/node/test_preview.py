"""A preview shows what a proposal would do, is what execution then does, and changes nothing."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from governance.chambers import CHAMBER_ACADEMIA, CHAMBER_BUILDERS, CHAMBER_LAND, CHAMBER_PUBLIC
from governance.proposals.classes import PARAMETERS
from governance.proposals.lifecycle import Status
from governance.proposals.parameter_changes import CHANGE_PARAMETER
from governance.proposals.proposal_rows import MESSAGES, PROPOSALS, Message
from governance.stakeholders.organisations import REGISTER
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger import codec
from ledger.errors import InvariantViolation, LocalError
from ledger.executor import BlockExecutor
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import BlockInfo, Context, StateModule
from ledger.primitives import ZERO_HASH, Address
from ledger.registry import Participation
from ledger.rows import key
from ledger.state import State
from node.modules import build_executor
from node.opening import CHAIN_FOLDER
from node.reads.preview import mandate_of, plain_row, preview
from node.store.row_keys import STATE_PREFIX
from node.store.stores import open_store
from tests.support.deciding_town import BUDGET, LAMBDA, VALUES, DecidingTown, Value, message
from tests.support.electorate_fake import institution
from tests.support.shell import Shell
from tests.support.stopped_homes import make_home

REGISTRATION = ("builder", "건설", "Builder", CHAMBER_BUILDERS, bytes(range(20)), b"", b"", ())


def info(town: DecidingTown) -> BlockInfo:
    return BlockInfo(
        1, town.height + 1, town.time_ms, ZERO_HASH, town.time_ms, 0, Participation(None)
    )


def queued(value: int) -> DecidingTown:
    """A town whose proposal 1, of class D, has passed both votes and sets review_ms."""
    town = DecidingTown()
    town.organisations()
    town.persons(30, 30)
    number = town.propose(message(CHANGE_PARAMETER, "review_ms", 0, value))
    town.all_vote(number, persons=60)
    town.run_until(Status.SECOND_VOTING)
    town.all_vote(number, persons=60)
    town.run_until(Status.QUEUED)
    return town


DAYS = 86_400_000


def test_a_preview_is_what_execution_then_does_and_changes_nothing() -> None:
    town = queued(5 * DAYS)
    before = town.state_rows()
    found = preview(town.store, mandate_of((town.module,)), info(town), 1)
    assert town.state_rows() == before
    assert (found.refusal, found.changed_rows) == (None, 3)
    rows = {row.table: row for row in found.changes}
    assert list(rows) == [
        "proposals/parameter_change", "proposals/parameter_changes", "proposals/params",
    ]  # fmt: skip
    row = rows["proposals/params"]
    assert row.key == b""
    assert rows["proposals/parameter_change"].before is None
    assert (row.before.review_ms, row.after.review_ms) == (3 * DAYS, 5 * DAYS)  # type: ignore[attr-defined]
    town.run_until(Status.EXECUTED)
    assert town.state.get(PARAMETERS, b"") == row.after
    executed = [event for event in town.events if event in found.events]
    assert tuple(executed) == found.events


def test_a_refusal_is_told_in_its_sentence_and_nothing_would_change() -> None:
    """The second message refuses: what the first one wrote is not shown either."""
    town = queued(5 * DAYS)
    good, bad = MESSAGES_OF["good"], MESSAGES_OF["bad"]
    give(town, good, bad)
    found = preview(town.store, mandate_of((town.module,)), info(town), 1)
    assert found.refusal is not None
    assert found.refusal.startswith("message 1 (proposals.change_parameter): ")
    assert "no_such" in found.refusal
    assert (found.changed_rows, found.changes, found.events) == (0, (), ())


MESSAGES_OF = {
    "good": Message(*message(CHANGE_PARAMETER, "review_ms", 0, 5 * DAYS)),
    "bad": Message(*message(CHANGE_PARAMETER, "no_such", 0, 1)),
}


def give(town: DecidingTown, *messages: Message) -> None:
    """Let proposal 1 carry these, past every check that a submission passes."""
    state = State(town.store)
    proposal = state.get(PROPOSALS, key(1))
    assert proposal is not None
    state.put(PROPOSALS, key(1), replace(proposal, messages=len(messages)))
    for index, each in enumerate(messages):
        state.put(MESSAGES, key(1, index), each)
    town.commit(state)


def test_messages_of_other_modules_run_with_their_own_handlers() -> None:
    town = queued(5 * DAYS)
    give(town, Message(REGISTER.name, codec.encode(REGISTER.encode(*REGISTRATION))))
    found = preview(town.store, mandate_of((town.module, StakeholdersModule())), info(town), 1)
    assert found.refusal is None
    tables = {row.table for row in found.changes}
    assert {"stakeholders/organisation", "stakeholders/seats", "stakeholders/member"} <= tables
    assert all(row.before is None for row in found.changes)
    assert json.loads(json.dumps(found.as_json()))["changes"]


def test_a_type_that_the_chain_does_not_know_refuses() -> None:
    town = queued(5 * DAYS)
    give(town, Message("town.gone", b"\x90"))
    found = preview(town.store, mandate_of((town.module,)), info(town), 1)
    assert found.refusal is not None
    assert "no message type is called 'town.gone'" in found.refusal


def test_what_would_keep_the_chain_from_executing_is_named() -> None:
    """Class D rests on basis 1, which this chain has not registered; the council pauses a type."""
    town = queued(5 * DAYS)
    found = preview(town.store, mandate_of((town.module,)), info(town), 1)
    assert found.obstacles == ("legal basis 1 is not in force",)
    paused = DecidingTown()
    paused.organisations()
    number = paused.propose(message(BUDGET, 1))
    for index, chamber in enumerate((CHAMBER_PUBLIC, CHAMBER_ACADEMIA, CHAMBER_LAND)):
        paused.must(institution(chamber), "name_seat", holder(index))
        paused.must(holder(index), "pause", f"message:{BUDGET.name}", bytes(32))
    found = preview(paused.store, mandate_of((paused.module,)), info(paused), number)
    assert found.obstacles == ("message 0 (town.budget) is paused by the emergency council",)


def test_what_loosens_supply_only_by_now_would_not_be_executed() -> None:
    """From 10 to 5 was decided; since then it fell to 3, so that 5 is more."""
    town = DecidingTown()
    town.organisations()
    town.persons(30, 30)
    ten = State(town.store)
    ten.put(VALUES, LAMBDA.name.encode(), Value(10))
    town.commit(ten)
    number = town.propose(message(LAMBDA, 5))
    found = preview(town.store, town.mandate, info(town), number)
    assert (found.obstacles, found.refusal) == ((), None)
    assert [(row.before, row.after) for row in found.changes] == [(Value(10), Value(5))]
    three = State(town.store)
    three.put(VALUES, LAMBDA.name.encode(), Value(3))
    town.commit(three)
    found = preview(town.store, town.mandate, info(town), number)
    assert found.obstacles == ("message 0 (town.lambda) loosens supply now, which is not voted on",)


def holder(index: int) -> Address:
    """Account of somebody who holds a seat of the council."""
    return Address(bytes((0x77, index)) + bytes(18))


def test_a_module_that_breaks_is_an_invariant_and_no_refusal() -> None:
    breaking = MessageType("broken.now", "Fails.", (Field("value", Kind.UINT64, "any"),))

    def fail(context: Context, value: int) -> None:
        raise ZeroDivisionError(f"{value} in {context.block.height}")

    broken = cast(StateModule, SimpleNamespace(handlers={breaking: fail}))
    town = queued(5 * DAYS)
    give(town, Message(breaking.name, codec.encode(breaking.encode(7))))
    with pytest.raises(InvariantViolation, match="ZeroDivisionError"):
        preview(town.store, mandate_of((broken,)), info(town), 1)


def test_an_unknown_proposal_and_a_chain_without_proposals_are_said_to_be_none() -> None:
    town = DecidingTown()
    with pytest.raises(LocalError, match=r"there is no proposal 9.*poyong gov list"):
        preview(town.store, mandate_of((town.module,)), info(town), 9)
    with pytest.raises(LocalError, match="has no proposals"):
        preview(MemoryStore(), mandate_of((town.module,)), info(town), 1)


def test_rows_are_shown_by_field_with_large_numbers_as_text() -> None:
    assert plain_row(Message("a.b", bytes(20))) == {"type": "a.b", "body": "0x" + "00" * 20}
    assert plain_row((2**53 - 1, 2**53, None, True, Status.QUEUED)) == [
        2**53 - 1, str(2**53), None, True, "queued",
    ]  # fmt: skip


# -- the command, on the folder of a node that does not run ---------------------------------------


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's folder whose state holds the proposals of a town as well."""
    town = queued(5 * DAYS)
    made = make_home(tmp_path / "node", 3)
    store = open_store(made.chain)
    batch = WriteBatch()
    batch.operations.extend((STATE_PREFIX + name, row) for name, row in town.state_rows().items())
    store.write(batch, sync=True)
    store.close()
    others = [each for each in build_executor().modules if each.name != town.module.name]
    executor = BlockExecutor((*others, town.module))
    monkeypatch.setattr("node.cli.gov_preview.build_executor", lambda: executor)
    return made.path


def contents(home: Path) -> dict[bytes, bytes]:
    store = open_store(home / "data" / CHAIN_FOLDER)
    try:
        return dict(store.iterate(b"", b"\xff" * 8))
    finally:
        store.close()


def test_the_command_shows_the_change_and_leaves_the_store_as_it_was(
    home: Path, shell: Shell
) -> None:
    before = contents(home)
    found: dict[str, Any] = shell.json("gov", "preview", "1", "--home", str(home))
    assert (found["height"], found["refusal"], found["changed_rows"]) == (4, None, 3)
    row = found["changes"][-1]
    assert row["table"] == "proposals/params"
    assert (row["before"]["review_ms"], row["after"]["review_ms"]) == (3 * DAYS, 5 * DAYS)
    assert contents(home) == before
    code, table, _ = shell("gov", "preview", "1", "--home", str(home))
    assert code == 0
    assert "proposals/params: 1 row " in table
    words = [line.split() for line in table.splitlines()]
    assert ["review_ms", str(3 * DAYS), str(5 * DAYS)] in words


def test_the_command_on_a_folder_without_chain_says_what_to_do(
    tmp_path: Path, shell: Shell
) -> None:
    home = make_home(tmp_path / "node", 0).path
    assert "has no proposals" in shell.refusal("gov", "preview", "1", "--home", str(home))
