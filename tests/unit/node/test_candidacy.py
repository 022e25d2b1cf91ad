"""A candidate's node proves by itself that it follows the chain, and only a candidate's does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from api import ports
from governance.deciding import ADD_VALIDATOR
from governance.stakeholders.organisations import REGISTER, SUSPEND
from ledger.crypto import Ed25519Signer
from ledger.primitives import Hash
from ledger.set_changes import PROBE, PROBE_LIFETIME
from ledger.transaction import Transaction, decode_transaction
from ledger.validator_tables import PROBES, PROBES_NEEDED, set_at
from node.candidacy import MAX_LAG, RENEWED_AFTER, Candidacy, is_candidate, needs_probe
from node.signing.ring import KeyRing
from tests.support.governed_town import GovernedTown, account
from tests.support.ledger_chain import CHAIN_ID

OWN = Ed25519Signer(b"\x61" * 32)
NODE_KEY = Ed25519Signer(b"\x62" * 32).public_key
KEY = OWN.public_key


class Joiner:
    """A node beside the town: what it hands in waits for the next block."""

    def __init__(self, town: GovernedTown) -> None:
        self.town = town
        self.lag = 0
        self.refusal: ports.Refusal | None = None
        self.asked = 0
        self.waiting: list[Transaction] = []
        self.candidacy = Candidacy(
            KeyRing((OWN,)), CHAIN_ID, lambda: town.state, lambda: self.lag, self._submit, _run
        )

    async def _submit(self, raws: list[bytes]) -> list[ports.SubmitOutcome]:
        self.asked += 1
        if self.refusal is not None:
            return [self.refusal]
        self.waiting += [decode_transaction(raw, CHAIN_ID) for raw in raws]
        return [each.hash for each in self.waiting]

    def blocks(self, count: int) -> None:
        """So many blocks, each with what waited, and the node told of each."""
        for _ in range(count):
            waiting, self.waiting = self.waiting, []
            self.town.block(also=waiting)
            assert all(receipt.code == 0 for receipt in self.town.receipts)
            self.candidacy.on_block(self.town.chain.blocks[-1])


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def registered() -> GovernedTown:
    """A town on whose registry an institute stands with the key of a validator to come."""
    town = GovernedTown()
    names = ("institute", "연구원", "institute", "chamber.academia")
    town.decide(1, (REGISTER, (*names, account("institute"), KEY, NODE_KEY, ())))
    return town


def test_three_probes_of_following_heights_make_it_ready_for_the_vote() -> None:
    town = registered()
    joiner = Joiner(town)
    joiner.blocks(PROBES_NEEDED + 1)
    first = town.chain.height - PROBES_NEEDED
    assert town.state.get(PROBES, KEY) == tuple(range(first, first + PROBES_NEEDED))
    joiner.blocks(5)
    assert joiner.asked == PROBES_NEEDED, "enough is enough"
    town.decide(2, (ADD_VALIDATOR, ("institute", KEY, NODE_KEY)))
    coming = set_at(town.state, town.chain.height + 2)
    assert coming.index_of(KEY) == 4
    assert not is_candidate(town.state, KEY, town.chain.height)


def test_a_key_that_no_active_organisation_names_sends_nothing() -> None:
    town = GovernedTown()
    joiner = Joiner(town)
    joiner.blocks(3)
    assert joiner.asked == 0
    town = registered()
    town.decide(2, (SUSPEND, ("institute", "under review")))
    assert not is_candidate(town.state, KEY, town.chain.height)


def test_the_key_of_an_observer_is_no_candidate() -> None:
    assert not is_candidate(registered().state, NODE_KEY, 1)


def test_a_node_that_is_behind_waits_until_it_is_there() -> None:
    joiner = Joiner(registered())
    joiner.lag = MAX_LAG + 1
    joiner.blocks(2)
    assert joiner.asked == 0
    joiner.lag = MAX_LAG
    joiner.blocks(1)
    assert joiner.asked == 1


def test_a_refused_probe_is_not_repeated_at_once() -> None:
    joiner = Joiner(registered())
    joiner.refusal = ports.Refusal(ports.RefusalReason.MEMPOOL_FULL, "all places are taken")
    joiner.blocks(4)
    assert joiner.asked == 1


@pytest.mark.parametrize(
    ("probes", "height", "needed"),
    [
        ((), 1, True),
        ((5, 6), 7, True),
        ((5, 6), 6, False),
        ((5, 6, 7), 7 + RENEWED_AFTER - 2, False),
        ((5, 6, 7), 5 + RENEWED_AFTER + 1, True),
    ],
)
def test_probes_are_renewed_before_they_count_no_longer(
    probes: tuple[int, ...], height: int, needed: bool
) -> None:
    town = GovernedTown()
    state = town.state
    if probes:
        state.put(PROBES, KEY, probes)
    assert needs_probe(state, KEY, height) == needed
    assert RENEWED_AFTER < PROBE_LIFETIME


def test_what_it_sends_names_the_root_in_the_header() -> None:
    town = registered()
    joiner = Joiner(town)
    joiner.blocks(1)
    (probe,) = joiner.waiting
    head = town.chain.blocks[-1]
    assert probe.type == PROBE.name
    assert probe.body == (KEY, head.height, Hash(head.header.state_root))
