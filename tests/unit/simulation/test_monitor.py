"""The monitor raises for each thing that must never happen, and for nothing else."""

import pytest

from consensus.messages import SigningDomain
from ledger.crypto import sha256
from ledger.registry import Phase, quorum
from tests.simulation.chains import CHAIN_ID, ChainKind, chain_template
from tests.simulation.monitor import Monitor
from tests.simulation.sets import required_seals
from tests.simulation.violation import Violation
from tests.simulation.vote_files import Durable

KIND = ChainKind(4, False, False, 30_000)
KEY = chain_template(KIND).keys[0][0].public_key
ONE, OTHER = sha256(b"one"), sha256(b"other")


class Record:
    """A vote record that holds what the test says."""

    def __init__(self) -> None:
        self.durable: set[Durable] = set()

    def is_durable(self, vote: Durable) -> bool:
        return vote in self.durable


class Signing:
    """One honest key and its vote record."""

    def __init__(self) -> None:
        template = chain_template(KIND)
        self.monitor = Monitor(template)
        self.domain = SigningDomain(CHAIN_ID, template.genesis_hash)
        self.log = Record()

    def sign(self, phase: Phase, view: int, claim: bytes, durable: bool = True) -> None:
        if durable:
            held = b"" if phase is Phase.VIEW_CHANGE else claim
            vote: Durable = (phase, 1, view, held)
            self.log.durable.add(vote)
        payload = self.domain.payload(phase, 1, view, claim)
        self.monitor.signing(0, KEY, payload, self.log)


def violated(act: object) -> str:
    assert callable(act)
    with pytest.raises(Violation) as found:
        act()
    return found.value.rule


def test_the_same_vote_again_is_fine_and_another_is_not() -> None:
    signing = Signing()
    signing.sign(Phase.PREPARE, 0, ONE)
    signing.sign(Phase.PREPARE, 0, ONE)
    signing.sign(Phase.COMMIT, 0, ONE)
    assert violated(lambda: signing.sign(Phase.PREPARE, 0, OTHER)) == "double vote"


def test_a_vote_before_its_record_is_durable() -> None:
    signing = Signing()
    assert (
        violated(lambda: signing.sign(Phase.COMMIT, 0, ONE, durable=False)) == "durable before sent"
    )


def test_a_vote_below_a_view_that_was_asked_for() -> None:
    signing = Signing()
    signing.sign(Phase.VIEW_CHANGE, 2, b"claim")
    signing.sign(Phase.PREPARE, 2, ONE)
    assert violated(lambda: signing.sign(Phase.PREPARE, 1, ONE)) == "never back"


@pytest.mark.parametrize("n", range(1, 33))
def test_the_monitor_counts_seals_by_its_own_rule(n: int) -> None:
    """Found by search, not by the formula of production; n = 3 and the like have q > n - f."""
    assert required_seals(n) <= quorum(n)
    assert 2 * quorum(n) - n > (n - 1) // 3


def test_what_an_honest_node_sends_is_never_refused() -> None:
    monitor = Signing().monitor
    assert violated(lambda: monitor.refused(0, 1, "bad")) == "refused"
