"""Clients: accounts that send transfers, and appraisers that report on chains with land.

A client goes on from the nonce that is final and sends the next few to one or two nodes, again and
again: a transaction that is lost with a crashed node is sent anew, as a wallet does.
"""

from random import Random
from typing import Any, Final

from ledger import accounts, transaction
from ledger.crypto import ed25519_address, sha256
from ledger.primitives import Address
from ledger.transaction import Draft
from tests.simulation.chains import (
    CHAIN_ID,
    CLIENTS,
    appraiser_signers,
    authority_signer,
    client_signers,
    removal,
    transfer,
)
from tests.simulation.governed import organisation
from tests.simulation.node import SimulatedNode, Site
from tests.simulation.process import Process
from tokenomics.oracle.appraisals import running
from tokenomics.oracle.land_views import missing
from tokenomics.oracle.phases import COMMITTING, Phase
from tokenomics.oracle.reports import COMMIT, REVEAL, Statement, commitment_of
from tokenomics.oracle.rounds import Round
from tokenomics.oracle.zones import zones

MAX_DECISIONS: Final = 8
AHEAD: Final = 3
"""Transactions that a client has under way at most."""


class Clients:
    """Sends transactions from the seed's load stream, at intervals of least..most ms."""

    def __init__(
        self,
        site: Site,
        nodes: list[SimulatedNode],
        rng: Random,
        interval_ms: tuple[int, int],
        removal: int | None,
    ) -> None:
        """removal: index of the validator that the authority removes when it can."""
        self._site = site
        self._nodes = nodes
        self._rng = rng
        self._removal = removal
        self._next: dict[int, int] = {}
        self.interval_ms = interval_ms
        self.until_height: int | None = None
        """When set: no more transactions once a block of this height is final."""

    def start(self) -> None:
        """Send for ever."""
        self._site.world.later(self._rng.randint(*self.interval_ms) * 1000, self._turn)

    def _turn(self) -> None:
        running = [node.process for node in self._nodes if node.honest and node.process]
        satisfied = self.until_height is not None and self._site.monitor.height >= self.until_height
        if running and not satisfied:
            entry = self._rng.choice(running)
            self._transfer(entry, running)
            if self._site.template.kind.economy:
                self._report(entry)
            if self._removal is not None:
                self._remove(entry, self._removal)
        self.start()

    def _transfer(self, entry: Process, running: list[Process]) -> None:
        rng = self._rng
        client = rng.randrange(CLIENTS)
        address = ed25519_address(client_signers()[client].public_key)
        final = self._site.monitor.final_nonces.get(address, 0)
        nonce = max(final, self._next.get(client, 0))
        if nonce >= final + AHEAD:
            nonce = final
        self._next[client] = nonce + 1
        raw = transfer(client, nonce).raw
        entry.submit([raw])
        if rng.randrange(4) == 0:
            rng.choice(running).submit([raw])

    def _remove(self, entry: Process, index: int) -> None:
        """The decision, anew when rule 10 refused it: the remaining ones did not seal enough."""
        members = entry.chain.applied_event().validators_next.validators
        if all(member.organisation != organisation(index) for member in members):
            return
        address = ed25519_address(authority_signer().public_key)
        nonce = self._site.monitor.final_nonces.get(address, 0)
        if nonce < MAX_DECISIONS:
            entry.submit([removal(organisation(index), nonce).raw])

    def _report(self, entry: Process) -> None:
        """What every other appraiser still has to say, as the node that is asked sees it."""
        state = entry.chain.state()
        town, cases = zones(state), running(state)
        for number, signer in enumerate(appraiser_signers()):
            if self._rng.randrange(2):
                continue
            address = ed25519_address(signer.public_key)
            nonce = accounts.nonce(state, address)
            owed = [
                _said(town[at].id, row, number, address, appraisal.phase)
                for row, at, appraisal in cases
                if address in missing(state, row.number, at, appraisal)
            ]
            drafts = [
                Draft(chain_id=CHAIN_ID, nonce=at, type=name, body=body, valid_until=1_000)
                for at, (name, body) in enumerate(owed, start=nonce)
            ]
            if drafts:
                entry.submit([transaction.sign(draft, signer).raw for draft in drafts])


def _said(
    zone_id: str, row: Round, number: int, address: Address, phase: Phase
) -> tuple[str, tuple[Any, ...]]:
    """Type and body of what an appraiser says of the zone; land rises, and they differ."""
    price = 250_000 + 4_000 * row.number + 500 * number
    said = Statement(price, row.opened_ms, "comparison", 8, sha256(b"document"))
    salt = sha256(f"{zone_id}/{row.number}/{number}".encode())
    if phase in COMMITTING:
        commitment = commitment_of(CHAIN_ID, zone_id, row.number, address, said, salt)
        return COMMIT.name, (zone_id, row.number, commitment)
    body = (
        zone_id,
        row.number,
        said.price_krw_per_m2,
        said.valuation_date_ms,
        said.method,
        said.comparables,
        said.document_hash,
        salt,
    )
    return REVEAL.name, body
