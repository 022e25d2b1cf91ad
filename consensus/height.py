"""Everything that one running height has heard. A new height is a new object."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from consensus.events import BlockApplied
from consensus.messages import (
    NewView,
    PreparedCertificate,
    PrePrepare,
    Proposal,
    ViewChangeMessage,
)
from consensus.quorum import one_honest, quorum
from consensus.rotation import proposer_of
from consensus.transitions import Move, Step, next_step
from consensus.votes import OLD_VIEWS, VoteBook
from ledger.primitives import Hash
from ledger.registry import Certificate, ValidatorSet

MAX_BLOCKS_HELD: Final = 16
"""Blocks of one height in memory; the prepared one is never dropped, others can be fetched."""


@dataclass(slots=True)
class HeightState:
    """Facts about the height above the applied head.

    view: entered, or asked for by the own ViewChange (entered is then False). views: the highest
    view at which each validator is known to be. wanted: hashes of blocks that a certificate or a
    verified claim names. verdicts: the executor's, never one that depends on a clock (rule 8).
    asked: blocks that the executor checks now. work: this height has something to decide;
    executable: transactions wait; fresh_work: some came since the last BuildProposal.
    given_up_view: the last one of which the others were told that no proposal comes.
    """

    parent: BlockApplied
    started_ms: int
    view: int = 0
    entered: bool = True
    step: Step = Step.IDLE
    step_since_ms: int = 0
    work: bool = False
    executable: bool = False
    fresh_work: bool = False
    votes: VoteBook = field(default_factory=VoteBook)
    pre_prepares: dict[int, PrePrepare] = field(default_factory=dict)
    view_changes: dict[int, ViewChangeMessage] = field(default_factory=dict)
    justification: NewView | None = None
    views: dict[int, int] = field(default_factory=dict)
    blocks: dict[Hash, Proposal] = field(default_factory=dict)
    verdicts: dict[Hash, bool] = field(default_factory=dict)
    asked: set[Hash] = field(default_factory=set)
    clock_refused: set[Hash] = field(default_factory=set)
    prepared: PreparedCertificate | None = None
    certificate: Certificate | None = None
    final: bool = False
    build_asked_view: int | None = None
    given_up_view: int | None = None

    @property
    def height(self) -> int:
        """The running height."""
        return self.parent.height + 1

    @property
    def validators(self) -> ValidatorSet:
        """The set of this height."""
        return self.parent.validators

    @property
    def n(self) -> int:
        """Number of validators of this height."""
        return len(self.parent.validators)

    def proposer(self, view: int) -> int:
        """Index of the proposer of a view (rule 9)."""
        return proposer_of(view, self.parent.proposer, self.parent.eligible, self.n)

    def move(self, move: Move, now_ms: int) -> None:
        """Take a legal step (transitions.TRANSITIONS)."""
        after = next_step(self.step, move)
        if after is not self.step:
            self.step, self.step_since_ms = after, now_ms

    def note_view(self, validator: int, view: int) -> None:
        """`validator` is known to be at `view` or above."""
        if view > self.views.get(validator, 0):
            self.views[validator] = view

    def quorum_at(self, view: int, own: int | None) -> bool:
        """True when a quorum is known to be at `view` or above (view 0: everyone is)."""
        if view == 0:
            return True
        there = {index for index, at in self.views.items() if at >= view}
        if own is not None and self.view >= view:
            there.add(own)
        return len(there) >= quorum(self.n)

    def view_to_join(self, own: int | None) -> int:
        """Highest view such that f + 1 distinct others are at or above it (rule 3)."""
        others = sorted((at for index, at in self.views.items() if index != own), reverse=True)
        needed = one_honest(self.n)
        return others[needed - 1] if len(others) >= needed else 0

    def keep_block(self, proposal: Proposal) -> None:
        """Hold a block; the oldest that nothing names is dropped when there are too many."""
        self.blocks[proposal.hash] = proposal
        for block_hash in list(self.blocks):
            if len(self.blocks) <= MAX_BLOCKS_HELD:
                break
            if block_hash != proposal.hash and block_hash not in self._named():
                del self.blocks[block_hash]
                self.verdicts.pop(block_hash, None)

    def wants(self, block_hash: Hash) -> bool:
        """True when a certificate or a verified claim names a block that is not held."""
        return block_hash in self._named() and block_hash not in self.blocks

    def enter_view(self, view: int, justification: NewView | None) -> None:
        """Move to a view that a NewView justifies."""
        self.view, self.entered, self.justification = view, True, justification
        self._left_view()

    def leave_for(self, view: int) -> None:
        """Move to a view that is only asked for."""
        self.view, self.entered, self.justification = view, False, None
        self._left_view()

    def view_changes_for(self, view: int) -> list[ViewChangeMessage]:
        """ViewChanges for exactly `view`, by validator."""
        held = (m for m in self.view_changes.values() if m.vote.new_view == view)
        return sorted(held, key=lambda m: m.vote.validator)

    def _left_view(self) -> None:
        self.build_asked_view = None
        self.clock_refused.clear()
        self.votes.prune(self.view)
        for old in [view for view in self.pre_prepares if view < self.view - OLD_VIEWS]:
            del self.pre_prepares[old]

    def _named(self) -> Iterable[Hash]:
        names = {m.vote.prepared_hash for m in self.view_changes.values() if m.vote.prepared_hash}
        if self.prepared is not None:
            names.add(self.prepared.block_hash)
        if self.certificate is not None:
            names.add(self.certificate.block_hash)
        if self.justification is not None and self.justification.certificate is not None:
            names.add(self.justification.certificate.block_hash)
        current = self.pre_prepares.get(self.view)
        if current is not None:
            names.add(current.proposal.hash)
        return names
