"""Blocks of a governed town for the index: rounds that mint, votes, transfers, text of every kind;
and a served node that holds them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from api import examples, ports, results, views
from api.encoding import hex_of
from api.view_ports import View
from governance.proposals.lifecycle import Status
from governance.proposals.proposals import SPONSOR, SUBMIT
from ledger.crypto import ed25519_address
from ledger.message_registry import MessageRegistry
from ledger.primitives import UNIT, Address
from ledger.transaction import Draft, Transaction, sign
from ledger.transfers import SEND
from tests.support.api_fakes import FakeNode
from tests.support.governed_town import (
    BASIS,
    DOCUMENT,
    OWNERS,
    RESIDENTS,
    ZONES,
    GovernedTown,
    account,
    hash_of,
    messages,
)
from tests.support.ledger_chain import CHAIN_ID, RICH
from tokenomics.facts.land_events import CERTIFY_EVENT
from tokenomics.oracle.land_views import zone_list

TITLE = "북측 공원 준공"
RECEIVER = Address(b"p" * 20)


@dataclass(frozen=True)
class Played:
    """The town at its head, and its blocks as a node hands them out, from height 1."""

    town: GovernedTown
    committed: tuple[ports.CommittedBlock, ...]
    genesis_hash: str

    @property
    def messages(self) -> MessageRegistry:
        return self.town.chain.executor.registry

    @property
    def blocks(self) -> list[results.Block]:
        return [views.full_block(item, self.messages) for item in self.committed]


def _transfer(nonce: int, amount: int) -> Transaction:
    draft = Draft(
        chain_id=CHAIN_ID,
        nonce=nonce,
        type=SEND.name,
        body=SEND.encode(RECEIVER, amount, b""),
        valid_until=10_000,
    )
    return sign(draft, RICH)


@cache
def played() -> Played:
    """Played once for all tests that read it."""
    town = GovernedTown()
    town.appraise(110)
    town.block(also=[_transfer(nonce, UNIT + nonce) for nonce in range(3)])
    town.block(also=[_transfer(3, 2_000 * UNIT)])  # more than it holds: final, and refused
    town.seat_persons()
    event = (ZONES[0].id, "completion", 14_000, 10**9, hash_of("approval"))
    submit = (TITLE, DOCUMENT, BASIS, messages((CERTIFY_EVENT, event)))
    town.must(("city", SUBMIT, submit), ("gist", SPONSOR, (1,)), after_ms=1)
    town.run_until(1, Status.VOTING)
    town.vote(1, "gist", choice="no")
    town.vote(1, "city", "gist")
    town.vote(1, *RESIDENTS, *OWNERS[:20])
    town.run_until(1, Status.EXECUTED, Status.FAILED, Status.REJECTED)
    chain = town.chain
    committed = tuple(
        ports.CommittedBlock(block, executed.receipts, executed.hook_events)
        for block, executed in zip(chain.blocks[1:], chain.executed, strict=True)
    )
    return Played(town, committed, hex_of(chain.blocks[0].hash))


class TownFake(FakeNode):
    """A node that holds the first blocks of the played town."""

    def __init__(self, height: int | None = None) -> None:
        super().__init__()
        self.blocks = list(played().committed[:height])

    @property
    def messages(self) -> MessageRegistry:
        return played().messages

    def status(self) -> ports.NodeStatus:
        return replace(
            examples.STATUS,
            chain_id=CHAIN_ID,
            height=self.height(),
            genesis_hash=played().town.chain.blocks[0].hash,
        )

    def zones(self) -> Sequence[View]:
        return zone_list(played().town.state)

    async def extend(self, to: int) -> None:
        """Commit the played town's next blocks."""
        for item in played().committed[self.height() : to]:
            self.blocks.append(item)
        async with self._changed:
            self._changed.notify_all()


def address_of(name: str) -> Address:
    """Of an organisation or person of the town, or of "rich"."""
    return ed25519_address(RICH.public_key) if name == "rich" else account(name)
