"""What operators are told of offenders; the rest is read off a running node
(tests/integration/test_running_node.py)."""

from dataclasses import replace

from governance.deciding import REMOVE_VALIDATOR
from ledger.registry import Evidence, Participation, Phase
from node.instruments import offenders
from tests.support.applied_chain import AppliedChain
from tests.support.ledger_chain import AUTHORITY


def equivocation(validator: int, height: int) -> Evidence:
    """Two Prepares; the executor receives evidence as verified."""
    return Evidence(Phase.PREPARE, height, 0, validator, b"a" * 32, bytes(64), b"b" * 32, bytes(64))


def record(node: AppliedChain, *evidence: Evidence) -> None:
    request = node.request()
    participation = Participation(request.participation.certificate, (), evidence)
    block = node.chain.build(replace(request, participation=participation))
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
