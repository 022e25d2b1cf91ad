"""One node of the consensus test cluster: what outlives its process, and what it executes.

The Cluster carries messages and time between nodes; here is what a node does by itself.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from consensus.authentication import Verify
from consensus.chain import FinishedHeight
from consensus.effects import BuildProposal, Request
from consensus.events import BlockApplied, ProposalBuilt, TimerKind, Verdict
from consensus.messages import (
    CertifiedBlock,
    Message,
    Proposal,
    Signable,
    ViewChangeMessage,
    signed_claim,
)
from consensus.recovery import record_height
from consensus.replica import Replica, ReplicaConfig
from consensus.wal_records import Record
from consensus.wal_records import decode as decode_record
from consensus.wal_records import encode as encode_record
from ledger.primitives import Hash
from ledger.registry import ValidatorSet
from tests.support.consensus_blocks import DOMAIN, Block, TestSigner, read_block


def sign(signer: TestSigner, message: Any) -> Any:
    """The message with its signature, for votes of whatever validator."""
    phase, height, view, claim, *_ = signed_claim(message)
    signature = signer.sign(DOMAIN.payload(phase, height, view, claim))
    if isinstance(message, ViewChangeMessage):
        return replace(message, vote=replace(message.vote, signature=signature))
    return replace(message, signature=signature)


def view_of(message: Message) -> int:
    """The view that a message is about."""
    if isinstance(message, ViewChangeMessage):
        return message.vote.new_view
    return int(getattr(message, "view", -1))


@dataclass
class Node:
    """One replica with its log, its applied blocks and its mempool."""

    index: int
    signer: TestSigner
    config: ReplicaConfig
    replica: Replica
    head: BlockApplied
    log: list[tuple[int, bytes]] = field(default_factory=list)
    blocks: list[CertifiedBlock] = field(default_factory=list)
    heads: dict[int, BlockApplied] = field(default_factory=dict)
    sets: dict[int, ValidatorSet] = field(default_factory=dict)
    mempool: list[bytes] = field(default_factory=list)
    applied: set[bytes] = field(default_factory=set)
    alive: bool = True
    incarnation: int = 0
    clock_skew_ms: int = 0
    timers: dict[TimerKind, int] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    signed: list[Signable] = field(default_factory=list)
    peer_errors: list[str] = field(default_factory=list)
    next_signer: TestSigner | None = None
    verdict: Callable[[Proposal], Verdict] = lambda _: Verdict.VALID

    @property
    def height(self) -> int:
        return self.head.height

    @property
    def signer_of_now(self) -> TestSigner:
        """The one whose key has this node's seat at the running height."""
        core, coming = self.replica.core, self.next_signer
        if coming is None or core.own is None:
            return self.signer
        seat = core.height.validators.validators[core.own]
        return coming if seat.public_key == coming.public_key else self.signer

    @property
    def view(self) -> int:
        return self.replica.describe().view

    # -- the process, its log and its store

    def end(self) -> None:
        """The process ends: events on their way to this incarnation are lost."""
        self.alive = False
        self.incarnation += 1

    def recover(self, verify: Verify) -> None:
        """A new process, from log and store."""
        records = [decode_record(data, read_block) for _, data in self.log]
        facts = [
            FinishedHeight(
                block.certificate, self.sets[block.certificate.height], block.proposal.participation
            )
            for block in self.blocks[-32:]
        ]
        newest = self.blocks[-1] if self.blocks else None
        self.alive, self.incarnation = True, self.incarnation + 1
        self.replica = Replica(self.config, self.head, facts, newest, records, verify)

    def rewind(self, height: int) -> None:
        """The store is restored from a backup of `height`."""
        self.head = self.heads[height]
        del self.blocks[height:]

    def record(self, records: Sequence[Record]) -> None:
        """Append to the log."""
        self.log.extend((record_height(item), encode_record(item)) for item in records)

    def slots_signed_twice(self) -> list[object]:
        """(phase, height, view) of every slot for which it signed two different claims."""
        claims: dict[object, set[bytes]] = {}
        for message in self.signed:
            phase, height, view, claim, *_ = signed_claim(message)
            claims.setdefault((phase, height, view), set()).add(claim)
        return [slot for slot, kinds in claims.items() if len(kinds) > 1]

    # -- its transactions and blocks

    def take(self, transactions: Iterable[bytes]) -> bool:
        """Put those that are new into the mempool; whether there were any."""
        known = self.applied.union(self.mempool)
        fresh = [item for item in transactions if item not in known]
        self.mempool.extend(fresh)
        return bool(fresh)

    def build(
        self, request: BuildProposal, omitted: Collection[bytes], validators_hash: Hash
    ) -> ProposalBuilt:
        """A block of everything in the mempool but what is omitted."""
        chosen = tuple(item for item in self.mempool if item not in omitted)
        if not chosen and not request.allow_empty:
            return ProposalBuilt(request.height, request.view, None)
        block = Block(
            request.height,
            self.head.block_hash,
            request.time_ms,
            request.proposer,
            validators_hash,
            request.participation,
            chosen,
        )
        return ProposalBuilt(request.height, request.view, block)

    def apply(
        self,
        certified: CertifiedBlock,
        next_set: ValidatorSet | None,
        *,
        deadline_ms: int | None,
        eligible: tuple[int, ...],
        set_change_pending: bool,
    ) -> None:
        """One write batch: block, certificate, state. next_set: of two heights later, None when
        it is that of the height before; the rest is what the state says after this block."""
        block = certified.proposal
        assert block.height == self.height + 1, "a block is applied exactly once, in order"
        if isinstance(block, Block):
            self.applied.update(block.transactions)
        self.mempool = [item for item in self.mempool if item not in self.applied]
        self.blocks.append(certified)
        after = block.height + 2
        self.sets[after] = next_set or self.sets[after - 1]
        self.head = BlockApplied(
            height=block.height,
            block_hash=block.hash,
            time_ms=block.time_ms,
            proposer=block.proposer,
            deadline_ms=deadline_ms,
            eligible=eligible,
            validators=self.sets[block.height + 1],
            validators_next=self.sets[after],
            set_change_pending=set_change_pending,
            has_work=bool(self.mempool),
        )
        self.log = [entry for entry in self.log if entry[0] > block.height]
        self.heads[block.height] = self.head
