"""A governed chain that goes on from an exported state: its chambers decide as before."""

import pytest

from governance.admissible import GOVERNANCE
from governance.authority import authority
from governance.emergency.council import NAME_SEAT
from governance.emergency.emergency import MINTING, PAUSE, minting_paused, pause_of
from governance.proposals.lifecycle import Status
from governance.stakeholders.organisations import REGISTER
from ledger.crypto import checksum_address, ed25519_address
from ledger.errors import LocalError
from node.modules import build_executor
from tests.support.governed_town import ORGANISATIONS, GovernedTown, account, hash_of
from tests.support.ledger_chain import AUTHORITY, LedgerChain
from tests.support.restarted_chain import restart_document, rows_of

DAYS_LATER_MS = 10_000


def stopped() -> GovernedTown:
    """Stopped for good while minting is paused and a proposal waits in its timelock."""
    town = GovernedTown()
    new = ("institute", "연구원", "institute", "chamber.academia", account("new"), b"", b"", ())
    town.propose(1, (REGISTER, new))
    town.vote(1, *ORGANISATIONS)
    town.run_until(1, Status.QUEUED)
    town.must(*[(name, NAME_SEAT, (account(name),)) for name in ORGANISATIONS], after_ms=1)
    seats = ("city", "gist", "land")
    town.must(*[(name, PAUSE, (MINTING, hash_of("why"))) for name in seats], after_ms=1)
    return town


def test_what_was_under_way_goes_on() -> None:
    """The pause ended while the chain stood still; the first block says so."""
    town = stopped()
    later_ms = town.time_ms + DAYS_LATER_MS
    document = restart_document(town.chain, rows_of(town.chain), time_ms=later_ms)
    town.chain = LedgerChain(document=document, whole=build_executor())
    assert minting_paused(town.state)
    assert authority(town.state) == GOVERNANCE
    town.block(after_ms=1)
    assert pause_of(town.state, 1).ended_ms == town.time_ms
    # Its time to be carried out, 30 days, was over meanwhile: it has to be proposed again.
    assert town.progress(1).status is Status.EXPIRED


def test_a_queued_action_is_carried_out_on_the_new_chain() -> None:
    town = stopped()
    later_ms = town.progress(1).executable_ms
    document = restart_document(town.chain, rows_of(town.chain), time_ms=later_ms)
    town.chain = LedgerChain(document=document, whole=build_executor())
    town.block(after_ms=1)
    assert town.progress(1).status is Status.EXECUTED


def test_a_restart_cannot_put_an_authority_over_the_chambers() -> None:
    town = stopped()
    decider = checksum_address(ed25519_address(AUTHORITY.public_key))
    with pytest.raises(LocalError, match="expected nothing beside stakeholders"):
        restart_document(
            town.chain,
            rows_of(town.chain),
            time_ms=town.time_ms + 1,
            sections={"governance": {"authority": decider}},
        )
