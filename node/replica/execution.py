"""The applied chain: builds, checks and applies blocks on the head's state.

Synchronous, over ports: the asyncio runtime and the simulator run the same code. A block commits
in ONE synced write batch; whoever sees its height sees all of it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from consensus.effects import BuildProposal
from consensus.events import BlockApplied, Verdict
from consensus.messages import CertifiedBlock, Proposal
from ledger import codec, validators
from ledger.block import Block, Header, build_block
from ledger.commitment import CommittedRows
from ledger.concerned import concerned
from ledger.errors import InvariantViolation, ensure
from ledger.executor import (
    ExecutedBlock,
    Inapplicable,
    InvalidBlock,
    require_roots,
)
from ledger.mempool import Mempool
from ledger.module import BlockInfo
from ledger.primitives import Address, Hash
from ledger.receipt import encode_leaves
from ledger.registry import Participation
from ledger.state import RowCache, State
from ledger.steps import Steps, finish
from ledger.transaction import Transaction
from node.meter import Meter, Part
from node.store.block_store import BlockParts
from node.store.set_changes import set_change
from node.store.storage import OpenedChain
from node.votes.wal_format import Marker

MAX_EXECUTED: Final = 8
"""Executed proposals of the running height that are kept, so that applying does not repeat it."""
PROPOSAL_TRANSACTIONS: Final = 1_000
"""A proposer stops here (performance.md, finding 4)."""
PROPOSAL_BYTES: Final = 2 * 1024 * 1024
MAX_CACHED_ROWS: Final = 50_000
"""Decoded rows of the head's state in memory, about 300 bytes each."""


class VoteRecord(Protocol):
    """What a commit must tell and learn of the write-ahead log (rule 1)."""

    def marker(self) -> Marker:
        """The newest durable frame."""

    def cut(self, committed: Marker) -> None:
        """Records up to `committed` are no longer needed."""


@dataclass(frozen=True, slots=True)
class AppliedBlock:
    """A block that has just become the head, with what executing it gave.

    execution_s, commit_s: how long executing and writing it took, in seconds, for the metrics.
    """

    block: Block
    certified: CertifiedBlock
    executed: ExecutedBlock
    execution_s: float
    commit_s: float


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A block of the running height that was executed here."""

    block: Block
    executed: ExecutedBlock
    seconds: float


VerifyAll = Callable[[Sequence[Transaction]], bool]
"""True when the signature of every transaction is valid."""


class Chain:
    """Head, state commitment and the executed proposals of the running height."""

    def __init__(
        self,
        opened: OpenedChain,
        mempool: Mempool,
        verify_all: VerifyAll,
        vote_record: VoteRecord,
        on_applied: Callable[[AppliedBlock], None],
        *,
        max_transactions: int = PROPOSAL_TRANSACTIONS,
        meter: Meter | None = None,
    ) -> None:
        """on_applied is called when a block is durable, before the replica learns of it."""
        self.chain_id = opened.chain_id
        self.executor = opened.executor
        self.blocks = opened.blocks
        self.commitment = opened.commitment
        self.head = opened.head
        self.mempool = mempool
        self.vote_record_lost = opened.vote_record_lost
        self._verify_all = verify_all
        self._vote_record = vote_record
        self._on_applied = on_applied
        self._max_transactions = max_transactions
        self._meter = meter or Meter()
        self._rows = RowCache(MAX_CACHED_ROWS)
        self._executed: dict[Hash, _Outcome] = {}
        self._invalid: set[Hash] = set()

    def state(self) -> State:
        """The head's state, to read from until the next block is applied."""
        return State(CommittedRows(self.commitment, self.blocks.live_state()), self._rows)

    def simulate(self, sender: Address, message_type: str, body: object, now_ms: int) -> None:
        """TransactionError if this message would fail in a block on the head at `now_ms` by own
        clock. Hooks are not run, nothing is changed."""
        head = self.head
        time_ms = max(now_ms, head.time_ms + 1)
        info = self._info(head.height + 1, time_ms, head.proposer, Participation(None))
        info = replace(info, parent_state_root=self.commitment.root)
        self.executor.simulate(self.state(), info, sender, message_type, body)

    def block_of_running_height(self, block_hash: Hash) -> Block | None:
        """A proposal that this node built or found valid at the running height."""
        found = self._executed.get(block_hash)
        return None if found is None else found.block

    def applied_event(self) -> BlockApplied:
        """What the replica must know of the head."""
        return self._applied(self.head, self.state())

    def build(self, request: BuildProposal) -> Steps[Block | None]:
        """A block for the request from executable transactions; None when it would be empty and
        may not be. The head must stay what it is until all steps are done."""
        ensure(request.height == self.head.height + 1, "a proposal is built on the head")
        info = self._info(request.height, request.time_ms, request.proposer, request.participation)
        with self._meter.part(Part.EXECUTE):
            chosen = self.mempool.take(self._max_transactions, PROPOSAL_BYTES)
        executed, seconds = yield from self._execute(info, chosen, skip_inapplicable=True)
        self.mempool.discard(
            skipped.transaction.hash
            for skipped in executed.skipped
            if skipped.reason is not Inapplicable.NONCE_TOO_HIGH
        )
        if not executed.included and not request.allow_empty:
            return None
        with self._meter.part(Part.EXECUTE):
            block = build_block(
                info,
                executed.included,
                executed.state_root,
                executed.receipts_root,
                validators.validators_hash_after(executed.state, request.height),
            )
        self._remember(_Outcome(block, executed, seconds))
        return block

    def check(self, proposal: Proposal) -> Steps[Verdict]:
        """Execute a proposal on the head, which must stay what it is until all steps are done, and
        compare its roots."""
        block = _as_block(proposal)
        if block.hash in self._executed:
            return Verdict.VALID
        if block.hash in self._invalid:
            return Verdict.INVALID
        try:
            yield from self._check(block)
        except InvalidBlock:
            if len(self._invalid) < MAX_EXECUTED:
                self._invalid.add(block.hash)
            return Verdict.INVALID
        return Verdict.VALID

    def apply(self, certified: CertifiedBlock, signs_from: int | None = None) -> BlockApplied:
        """Make a final block the head, in one synced batch. Each height is applied once.

        signs_from: first height that the replica signs, None while a lost vote record forbids all.
        Once the next height is one of those the loss is over, and a restart need not know of it.
        Raises InvariantViolation when this node cannot reproduce a certified block.
        """
        block = _as_block(certified.proposal)
        ensure(
            block.height == self.head.height + 1 and block.parent_hash == self.head.hash,
            f"block {block.height} on {block.parent_hash.hex()} does not follow the head "
            f"{self.head.height} {self.head.hash.hex()}",
        )
        if block.hash not in self._executed:
            try:
                finish(self._check(block))
            except InvalidBlock as error:
                raise InvariantViolation(
                    f"a quorum certified block {block.height} which is invalid here: {error}"
                ) from error
        outcome = self._executed[block.hash]
        if signs_from is not None and block.height + 1 >= signs_from:
            self.vote_record_lost = False
        block, executed = outcome.block, outcome.executed
        started_s = time.perf_counter()
        with self._meter.part(Part.STORE):
            self._commit(block, certified, executed)
        commit_s = time.perf_counter() - started_s
        self._executed.clear()
        self._invalid.clear()
        self.mempool.applied(block.height, block.transactions)
        self._on_applied(AppliedBlock(block, certified, executed, outcome.seconds, commit_s))
        return self._applied(block.header, executed.state, executed.next_deadline_ms)

    def _commit(self, block: Block, certified: CertifiedBlock, executed: ExecutedBlock) -> None:
        marker = self._vote_record.marker()
        parts = BlockParts(
            height=block.height,
            block_hash=block.hash,
            block=block.encoded,
            certificate=codec.encode(certified.certificate.to_wire()),
            receipts=encode_leaves(executed.receipt_leaves),
            transactions=[transaction.hash for transaction in block.transactions],
            state=executed.changes,
            set_change=set_change(self.head, block, executed.state),
            concerned=self._concerned(block, executed),
            time_ms=block.time_ms,
        )
        batch = self.blocks.batch_for(parts, marker, vote_record_lost=self.vote_record_lost)
        self.blocks.commit(batch)
        self._vote_record.cut(marker)
        self.commitment.apply(executed.delta)
        self._rows.committed(executed.state.writes())
        self.head = block.header

    def _concerned(self, block: Block, executed: ExecutedBlock) -> dict[Address, bytes]:
        if not self.blocks.index.rules.enabled:
            return {}
        return concerned(block.transactions, executed.receipts, executed.hook_events)

    def _check(self, block: Block) -> Steps[None]:
        if not self._verify_all(block.transactions):
            raise InvalidBlock(f"block {block.height}: a transaction's signature is wrong")
        info = self._info(block.height, block.time_ms, block.proposer, block.participation)
        executed, seconds = yield from self._execute(
            info, block.transactions, skip_inapplicable=False
        )
        named = validators.validators_hash_after(executed.state, block.height)
        require_roots(block.header, executed, named)
        self._remember(_Outcome(block, executed, seconds))

    def _execute(
        self, info: BlockInfo, transactions: Sequence[Transaction], *, skip_inapplicable: bool
    ) -> Steps[tuple[ExecutedBlock, float]]:
        """The executed block, and the seconds that it took without what ran between the steps."""
        steps = self.executor.execution(
            self.blocks.live_state(),
            self.commitment,
            info,
            transactions,
            skip_inapplicable=skip_inapplicable,
            cache=self._rows,
        )
        seconds = 0.0
        while True:
            started_s = time.perf_counter()
            with self._meter.part(Part.EXECUTE):
                try:
                    next(steps)
                except StopIteration as done:
                    return done.value, seconds + time.perf_counter() - started_s
            seconds += time.perf_counter() - started_s
            yield

    def _info(
        self, height: int, time_ms: int, proposer: int, participation: Participation
    ) -> BlockInfo:
        return BlockInfo(
            chain_id=self.chain_id,
            height=height,
            time_ms=time_ms,
            parent_hash=self.head.hash,
            parent_time_ms=self.head.time_ms,
            proposer=proposer,
            participation=participation,
        )

    def _remember(self, outcome: _Outcome) -> None:
        while len(self._executed) >= MAX_EXECUTED:
            del self._executed[next(iter(self._executed))]
        self._executed[outcome.block.hash] = outcome

    def _applied(self, head: Header, state: State, deadline_ms: int | None = None) -> BlockApplied:
        view = validators.view(state, head.height)
        if deadline_ms is None:
            deadline_ms = self.executor.next_deadline_ms(state)
        return BlockApplied(
            height=head.height,
            block_hash=head.hash,
            time_ms=head.time_ms,
            proposer=head.proposer,
            deadline_ms=deadline_ms,
            eligible=view.eligible,
            validators=view.validators,
            validators_next=view.validators_next,
            set_change_pending=view.set_change_pending,
            has_work=self.mempool.has_executable,
        )


def _as_block(proposal: Proposal) -> Block:
    if not isinstance(proposal, Block):
        raise InvariantViolation(f"a {type(proposal).__name__} came where a Block is needed")
    return proposal
