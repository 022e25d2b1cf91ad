"""Nodes of a real town killed with SIGKILL under load: one, all at once, again and again.

Nothing that a client saw as final is lost, the others go on, and whoever returns catches up.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node import audit
from tests.support.plain_history import assert_complete, rows_of
from tests.support.town_processes import ProcessTown, load, running_town

pytestmark = pytest.mark.timeout(120)

LONGEST_PAUSE_S = 10.0
"""Promised with one of four faulty (consensus.md rule 3)."""
GOING_ON_WITHIN_S = 10.0
STEADY_BATCHES = 12
STEADY_PAUSE_S = 5.0
"""Far below a timed view of 4 s plus a batch: a skipped proposer's turns cost nothing."""
KILL_ROUNDS = 4
SEED = 82062


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessTown]:
    """After all that was done to it, every store of the town is sound."""
    with running_town(tmp_path_factory.mktemp("town")) as made:
        yield made
        assert_sound(made)


def assert_sound(town: ProcessTown) -> None:
    """Stop all: one head, its certificate and state root, and balances sum to supply everywhere."""
    town.wait_until_equal(*town.nodes)
    codes = town.stop(*town.nodes)
    assert set(codes.values()) == {0}, codes
    audits = {name: town.audit(name) for name in town.nodes}
    assert {found.invariants for found in audits.values()} == {"ok"}, audits
    assert len({(found.height, found.block_hash) for found in audits.values()}) == 1
    histories = [history_of(node.home) for node in town.nodes.values()]
    assert histories[0]
    assert all(rows == histories[0] for rows in histories)


def history_of(home: Path) -> dict[bytes, bytes]:
    """Rows of the history of accounts, which are those of every block: no kill left half of one."""
    with audit.opened(home) as (store, blocks):
        assert_complete(blocks, audit.genesis_of(home).chain_id)
        return rows_of(store)


def test_three_of_four_go_on_without_the_killed_one_and_it_catches_up(town: ProcessTown) -> None:
    victim, *others = town.validators
    with load(town, "observer") as sending:
        sending.wait_for_batches(3)
        town.kill(victim)
        killed_at = time.monotonic()
        sending.wait_for_batches(STEADY_BATCHES)
        # The first turns of the killed one are found out; from then on it is skipped.
        steady_from = time.monotonic()
        sending.wait_for_batches(STEADY_BATCHES)
        steady_to = time.monotonic()
        town.start(victim)
        town.wait_ready(victim)
        sending.wait_for_batches(2)
    assert sending.longest_pause_s(killed_at, steady_from) <= LONGEST_PAUSE_S
    assert sending.longest_pause_s(steady_from, steady_to) <= STEADY_PAUSE_S
    town.wait_until_equal(*town.nodes)
    town.assert_one_chain(victim, *others, "observer")
    town.assert_receipts(victim, sending.receipts)


def test_all_killed_at_once_go_on_with_everything_final(town: ProcessTown) -> None:
    """Rule 1: the vote records and the stores are all that is left, and they suffice."""
    with load(town, "observer", "gist") as sending:
        sending.wait_for_batches(6)
        heights = {name: town.height(name) for name in town.nodes}
        town.kill(*town.nodes)
        receipts = dict(sending.receipts)
        town.start(*town.nodes)
        town.wait_ready(*town.nodes)
        ready_at = time.monotonic()
        sending.wait_for_batches(2)
        assert time.monotonic() - ready_at <= GOING_ON_WITHIN_S
    for name, height in heights.items():
        assert town.height(name) >= height
    town.wait_until_equal(*town.nodes)
    town.assert_one_chain(*town.nodes)
    for name in town.nodes:
        town.assert_receipts(name, receipts)


def test_kills_at_random_moments_end_with_equal_chains(town: ProcessTown) -> None:
    """Any number of nodes at any moment, a quorum or not; who is killed may still be starting."""
    choose = random.Random(SEED)
    names = list(town.nodes)
    with load(town, *names, batch=8) as sending:
        for _ in range(KILL_ROUNDS):
            victims = choose.sample(names, choose.randint(1, len(names)))
            sending.wait_for_batches(choose.randint(1, 3))
            time.sleep(choose.random() / 5)  # the moment of the kill is the input of this test
            town.kill(*victims)
            town.start(*victims)
            if choose.random() < 0.5:
                time.sleep(choose.random() / 2)  # so is how far they come before the second one
                town.kill(*victims)
                town.start(*victims)
        town.wait_ready(*names)
        sending.wait_for_batches(2)
    town.wait_until_equal(*names)
    town.assert_one_chain(*names)
    for name in names:
        town.assert_receipts(name, sending.receipts)
