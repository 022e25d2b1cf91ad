"""All validators are killed at once while a block is being decided, and start again from disk."""

from dataclasses import replace
from unittest.mock import patch

import pytest

from ledger.registry import Phase
from tests.simulation.chains import transfer, verify_once
from tests.simulation.network import Conditions
from tests.simulation.plan import plan_of
from tests.simulation.run import Seed

QUIET = Conditions(least_us=1_000, most_us=3_000)


def quiet_seed() -> Seed:
    """Four honest validators without faults, clients or other surprises."""
    plan = replace(
        plan_of(1, 4), byzantine={}, twins=(), forgetful=(), removal=None, observers=0, faults=()
    )
    plan = replace(plan, blackouts=(), weather=QUIET, skew_ms=(0,) * 4, work_us=((0, 0),) * 4)
    return Seed(plan)


@pytest.mark.parametrize("recorded", [1, 2, 3, 4])
def test_a_block_that_only_vote_records_hold_is_decided(recorded: int) -> None:
    """So many validators have its Prepare on disk; its transaction is in no mempool any more.

    Who has the block must give its transactions to who lacks them, although it has not executed it
    since it started.
    """
    seed = quiet_seed()
    with patch("node.transactions.ingest.verify_transaction", verify_once):
        for item in seed.nodes:
            item.start()
        entry = seed.nodes[0].process
        assert entry is not None
        entry.submit([transfer(0, 0).raw])
        while _recorded(seed) < recorded:
            assert seed.world.step(seed.world.now_us + 1_000_000)
        for item in seed.nodes:
            item.crash()
        seed.network.lose_everything()
        for item in seed.nodes:
            item.start()
        end_us = seed.world.now_us + 10_000_000
        while seed.monitor.height < 1 and seed.world.step(end_us):
            pass
    assert seed.monitor.height == 1


def _recorded(seed: Seed) -> int:
    """Validators whose Prepare of height 1 is durable."""
    return sum(
        any(vote[:2] == (Phase.PREPARE, 1) for vote in item.votes.durable()) for item in seed.nodes
    )
