"""What operators are told of offenders; the rest is read off a running node
(tests/integration/test_running_node.py)."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from governance.deciding import ADD_OBSERVER, REMOVE_VALIDATOR
from governance.proposals.proposal_rows import ballot_of
from ledger.registry import Evidence, Participation, Phase
from ledger.state import State
from ledger.steps import finish
from node.replica.execution import AppliedBlock
from node.watch.economy_metrics import EconomyMetrics
from node.watch.instruments import offenders, show_proposals, tells_a_clock
from tests.support.applied_chain import AppliedChain
from tests.support.governed_town import ORGANISATIONS, GovernedTown
from tests.support.ledger_chain import AUTHORITY, STEP_MS


def equivocation(validator: int, height: int) -> Evidence:
    """Two Prepares; the executor receives evidence as verified."""
    return Evidence(Phase.PREPARE, height, 0, validator, b"a" * 32, bytes(64), b"b" * 32, bytes(64))


def record(node: AppliedChain, *evidence: Evidence) -> None:
    request = node.request()
    participation = Participation(request.participation.certificate, (), evidence)
    block = finish(node.chain.build(replace(request, participation=participation)))
    assert block is not None
    node.take(node.certified(block))


def shown(node: AppliedChain) -> frozenset[str]:
    return offenders(node.state, node.chain.head.height)


def test_an_offender_is_counted_once_by_its_organisation() -> None:
    node = AppliedChain()
    node.grow()
    assert shown(node) == frozenset()
    record(node, equivocation(2, 1), replace(equivocation(2, 1), phase=Phase.COMMIT))
    assert shown(node) == {"o2"}


def test_who_left_the_set_is_no_longer_counted() -> None:
    node = AppliedChain()
    node.grow()
    record(node, equivocation(1, 1), equivocation(3, 1))
    assert shown(node) == {"o1", "o3"}
    body = REMOVE_VALIDATOR.encode("o3")
    node.grow(node.signed(REMOVE_VALIDATOR.name, body, AUTHORITY))
    assert node.applied[-1].executed.receipts[0].code == 0
    assert shown(node) == {"o1", "o3"}  # until the new set is in force
    node.grow()
    assert shown(node) == {"o1"}


def votes_shown(state: State) -> tuple[float | None, float | None]:
    registry = CollectorRegistry()
    show_proposals(EconomyMetrics(registry), state)
    return (
        registry.get_sample_value("poyong_governance_open_proposals"),
        registry.get_sample_value("poyong_governance_next_deadline_timestamp_seconds"),
    )


def test_open_votes_are_counted_with_the_end_of_the_first() -> None:
    """A proposal in review or in its timelock takes no votes."""
    assert votes_shown(AppliedChain().state) == (0, 0)
    town = GovernedTown(day_ms=10_000)
    assert votes_shown(town.state) == (0, 0)
    town.propose(1, (ADD_OBSERVER, (bytes(range(32)), "Library")))
    first_ends_ms = ballot_of(town.state, 1, 1)[1].ends_ms
    assert votes_shown(town.state) == (1, first_ends_ms / 1000)
    town.propose(2, (ADD_OBSERVER, (bytes(range(1, 33)), "Museum")))
    assert votes_shown(town.state) == (2, first_ends_ms / 1000)
    town.vote(1, *ORGANISATIONS)
    while town.time_ms < first_ends_ms:
        town.block()
    assert votes_shown(town.state) == (1, ballot_of(town.state, 2, 1)[1].ends_ms / 1000)


@pytest.mark.parametrize(
    ("view", "least_interval_ms", "told"),
    [(0, 1, True), (0, STEP_MS - 1, True), (0, STEP_MS, False), (1, 1, False)],
)
def test_only_a_time_that_the_proposer_chose_tells_its_clock(
    view: int, least_interval_ms: int, told: bool
) -> None:
    node = AppliedChain()
    node.grow()
    applied = node.applied[-1]
    assert applied.block.time_ms - applied.executed.info.parent_time_ms == STEP_MS
    certificate = replace(applied.certified.certificate, view=view)
    certified = replace(applied.certified, certificate=certificate)
    found: AppliedBlock = replace(applied, certified=certified)
    assert tells_a_clock(found, least_interval_ms) is told
