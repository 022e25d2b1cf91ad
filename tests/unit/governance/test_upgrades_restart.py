"""What the chain before a restart had scheduled is dropped in the first block."""

from dataclasses import replace

from governance.stakeholders.upgrades import (
    PLAN,
    UPGRADES,
    Plan,
    Upgrade,
    UpgradeStatus,
    execute_due,
    find,
    plan,
)
from ledger.kv import MemoryStore
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH
from ledger.registry import Participation
from ledger.rows import key
from ledger.state import State

COMING = Upgrade("spring", 900, "1.1.0", "2.0.0", ZERO_HASH, UpgradeStatus.SCHEDULED, 5, None)


def block(height: int) -> BlockInfo:
    return BlockInfo(1, height, 1_000, ZERO_HASH, 0, 0, Participation(None))


def test_an_upgrade_of_the_old_chain_is_cancelled_in_the_first_block() -> None:
    state = State(MemoryStore())
    state.put(UPGRADES, key(1), replace(COMING, status=UpgradeStatus.EXECUTED, ended_ms=9))
    state.put(UPGRADES, key(2), COMING)
    state.put(PLAN, b"", Plan(1, (2,)))
    context = Context(state, block(1))
    execute_due(context)
    assert plan(state) == Plan(1, ())
    found = find(state, 2)
    assert found is not None
    assert (found.status, found.ended_ms) == (UpgradeStatus.CANCELLED, 1_000)
    assert [event.name for event in context.events] == ["stakeholders.upgrade_cancelled"]


def test_later_blocks_wait_for_the_height() -> None:
    state = State(MemoryStore())
    state.put(UPGRADES, key(1), COMING)
    state.put(PLAN, b"", Plan(0, (1,)))
    execute_due(Context(state, block(899)))
    assert plan(state) == Plan(0, (1,))
    execute_due(Context(state, block(900)))
    assert plan(state) == Plan(1, ())
