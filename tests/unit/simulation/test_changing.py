"""Plans of changing sets stay within what the rules tolerate, and together bring every change."""

from functools import cache
from itertools import combinations
from unittest.mock import patch

import pytest

from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import book, find
from governance.stakeholders.key_rotation import KEY_ROTATIONS
from ledger.registry import ValidatorSet, max_faulty
from tests.simulation.chains import chain_template, verify_once
from tests.simulation.changing import (
    LEAST_SET,
    SIZES,
    changing_plan_of,
    faulty_of,
    is_tolerated,
    size_of,
)
from tests.simulation.organisations import changed
from tests.simulation.plan import Plan
from tests.simulation.run import Seed, run_seed

REFUSED = "validators of the new set are seen to be alive"


@cache
def plans() -> list[Plan]:
    return [changing_plan_of(seed, size_of(seed)) for seed in range(400)]


def sets_of(plan: Plan) -> list[ValidatorSet]:
    """Each set that some of the plan's changes make, one after the other."""
    moves = [change for change in plan.changes if change.kind in ("join", "remove")]
    made = []
    for count in range(len(moves) + 1):
        for chosen in combinations(moves, count):
            members = chain_template(plan.kind).document.validators
            for change in chosen:
                members = changed(members, change) or members
            made.append(members)
    return made


def test_no_choice_of_changes_leaves_more_faulty_ones_than_the_set_tolerates() -> None:
    for plan in plans():
        if not is_tolerated(plan):
            continue
        faulty = faulty_of(plan)
        for members in sets_of(plan):
            names = {member.organisation for member in members.validators}
            assert len(names & faulty) <= max_faulty(len(names))
            assert len(names) >= LEAST_SET


def test_where_rule_10_alone_keeps_a_quorum_nobody_lies() -> None:
    hollow = [plan for plan in plans() if not is_tolerated(plan)]
    assert len(hollow) > 20
    for plan in hollow:
        assert not plan.byzantine
        assert not plan.twins
        assert not plan.forgetful
        assert {at_ms for _, at_ms in plan.gone} == {0}


def test_every_kind_of_change_is_planned_for_every_size() -> None:
    for n in SIZES:
        found = [change for plan in plans() if plan.n == n for change in plan.changes]
        assert {change.kind for change in found} == {"join", "remove", "rotate", "lift"}
        for choice in ("proves", "runs", "same_node_key", "registers", "by_itself"):
            assert {getattr(change, choice) for change in found} == {False, True}, choice
    together = [len(plan.changes) for plan in plans()]
    assert (min(together), max(together) >= 5) == (1, True)


def test_changes_come_under_faults_and_what_would_leave_no_live_quorum_is_refused() -> None:
    """In four seeds: every kind of change is carried out, keys are rotated without a vote too, most
    before everything heals, and rule 10 refuses some."""
    refused, before_healing, by_themselves, kinds = 0, 0, 0, set()
    with patch("node.transactions.ingest.verify_transaction", verify_once):
        for seed in (9, 18, 19, 29):
            world = Seed(changing_plan_of(seed, size_of(seed)))
            world.run()
            before_healing += world.changes_at_healing
            process = next(item.process for item in world.honest if item.process)
            state = process.chain.state()
            by_themselves += len(list(state.iterate(KEY_ROTATIONS)))
            for number in range(1, book(state).proposals + 1):
                proposal, progress = find(state, number)
                refused += REFUSED in progress.reason
                if progress.status is Status.EXECUTED:
                    kinds.add(proposal.title.split()[0])
    assert kinds == {"join", "remove", "rotate", "lift"}
    assert before_healing >= 5
    assert by_themselves > 0
    assert refused > 0


@pytest.mark.parametrize("seed", [6, 40])
def test_a_changing_seed_twice_gives_the_same_trace(seed: int) -> None:
    """The second one signs with Ed25519."""
    assert chain_template(plans()[seed].kind).kind.real_signatures == (seed == 40)
    first, again = (run_seed(seed, size_of(seed), changes=True) for _ in range(2))
    assert first == again
    assert first.changes > 0


@pytest.mark.parametrize("seed", [327, 1696, 1821, 1895, 1934, 2712, 30129, 30265])
def test_seeds_that_once_found_something_pass(seed: int) -> None:
    """A vote record lost on a busy chain, node keys that nobody knew, a block that only a node with
    new keys had, an operator who was too early, a watcher that missed a block."""
    assert run_seed(seed, size_of(seed), changes=True).reason is None


@pytest.mark.parametrize("seed", [60472])
def test_an_observer_that_comes_late_reaches_who_took_new_keys(seed: int) -> None:
    """From genesis on it knows two of them by keys that they have no more, and one is gone."""
    assert run_seed(seed, size_of(seed), changes=True).reason is None


@pytest.mark.parametrize("seed", [61928])
def test_a_change_of_the_set_that_a_disk_misreads_stays_proven(seed: int) -> None:
    """The certificate went with its old block, since a read had given no row of the change."""
    assert run_seed(seed, size_of(seed), changes=True).reason is None


@pytest.mark.parametrize("seed", [62938])
def test_a_misread_row_of_validators_makes_nobody_refuse_an_honest_vote(seed: int) -> None:
    """At a start, of a height whose keys were replaced since."""
    assert run_seed(seed, size_of(seed), changes=True).reason is None
