"""VoteGuard: the sole approver of votes (rules 1, 2 and 6).

Everything that this validator signs passes here, and nowhere else is a Sign effect made. The guard
remembers what it approved: the same phase, height and view gives the stored vote again, never
another. It puts the record that a crash must not lose into the same Effects as the Sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from consensus.effects import Effects, Sign
from consensus.messages import (
    NewView,
    PreparedCertificate,
    PrePrepare,
    Proposal,
    Signable,
    ViewChange,
    ViewChangeMessage,
    Vote,
    signed_claim,
)
from consensus.wal_records import (
    PreparedRecord,
    PrepareRecord,
    ProposalRecord,
    Record,
    ViewChangeRecord,
    ViewEntryRecord,
)
from ledger.errors import ensure
from ledger.primitives import Hash
from ledger.registry import Phase


def never_back(view: int, floor: int) -> bool:
    """After entering or asking for view v, no vote below v (rule 2)."""
    return view >= floor


@dataclass(slots=True)
class VoteGuard:
    """What one validator signed at the running height.

    validator: own index in the set of the running height, None for an observer.
    sign_from: first height at which it signs; None while a lost vote record forbids all (rule 6).
    floor: highest view entered or asked for. prepared: the highest own prepared certificate.
    """

    height: int
    validator: int | None
    sign_from: int | None = 0
    floor: int = 0
    prepared: PreparedCertificate | None = None
    _signed: dict[tuple[Phase, int], Signable] = field(default_factory=dict)
    _recorded: set[Hash] = field(default_factory=set)
    _entered: dict[int, NewView] = field(default_factory=dict)

    @property
    def may_sign(self) -> bool:
        """True when this validator takes part in the running height."""
        return (
            self.validator is not None
            and self.sign_from is not None
            and self.height >= self.sign_from
        )

    @property
    def has_signed(self) -> bool:
        """True once it voted at the running height, or entered or asked for a later view."""
        return bool(self._signed) or self.floor > 0

    def next_height(self, height: int, validator: int | None) -> None:
        """Start a height: nothing is signed yet."""
        ensure(height > self.height, f"height {height} starts after {self.height}")
        self.height, self.validator = height, validator
        self.floor, self.prepared = 0, None
        self._signed, self._recorded, self._entered = {}, set(), {}

    def signed(self, phase: Phase, view: int) -> Signable | None:
        """The vote approved for this phase and view."""
        return self._signed.get((phase, view))

    def propose(
        self, view: int, proposal: Proposal, justification: NewView | None, out: Effects
    ) -> None:
        """Approve PrePrepare and Prepare of an own turn; the block is durable first (1a)."""
        if self.validator is None:
            return
        message = PrePrepare(self.height, view, proposal, self.validator, justification)
        if self._approve(message, self._block_record(proposal, view, own=True), out):
            vote = Vote(Phase.PREPARE, self.height, view, proposal.hash, self.validator)
            self._approve(vote, None, out)

    def prepare(self, view: int, proposal: Proposal, out: Effects) -> None:
        """Approve a Prepare; the block is durable first (1a)."""
        if self.validator is None:
            return
        vote = Vote(Phase.PREPARE, self.height, view, proposal.hash, self.validator)
        self._approve(vote, self._block_record(proposal, view, own=False), out)

    def commit(self, certificate: PreparedCertificate, out: Effects) -> bool:
        """Approve a Commit; its prepared certificate is durable first (1b)."""
        if self.validator is None:
            return False
        ensure(certificate.block_hash in self._recorded, "a prepared block is durably held")
        vote = Vote(
            Phase.COMMIT, self.height, certificate.view, certificate.block_hash, self.validator
        )
        if not self._approve(vote, PreparedRecord(certificate), out):
            return False
        if self.prepared is None or certificate.view > self.prepared.view:
            self.prepared = certificate
        return True

    def change_view(self, new_view: int, out: Effects) -> None:
        """Approve a ViewChange that claims the highest prepared certificate (1c)."""
        if self.validator is None:
            return
        lock = self.prepared
        vote = ViewChange(
            self.height,
            new_view,
            None if lock is None else lock.view,
            None if lock is None else lock.block_hash,
            self.validator,
        )
        if self._approve(ViewChangeMessage(vote, lock), ViewChangeRecord(vote, lock), out):
            self._raise_floor(new_view)

    def enter(self, justification: NewView, out: Effects) -> None:
        """Record that a view was entered (1d); votes below it end."""
        if not self.may_sign or not never_back(justification.view, self.floor):
            return
        self._raise_floor(justification.view)
        self._entered = {justification.view: justification}
        out.records.append(ViewEntryRecord(justification.height, justification.view, justification))

    def resign(self, out: Effects) -> None:
        """After a restart: the votes of the current view again, the very same (rule 1)."""
        if not self.may_sign:
            return
        for phase in Phase:
            message = self.signed(phase, self.floor)
            if message is not None:
                out.sends.append(Sign(message))

    def restore(self, records: Iterable[Record]) -> dict[Hash, Proposal]:
        """Relearn from the records of the running height what was approved before a crash.

        Gives the blocks that the log holds, by hash.
        """
        blocks: dict[Hash, Proposal] = {}
        for record in records:
            match record:
                case ProposalRecord(view=view, own=own, proposal=proposal):
                    blocks[proposal.hash] = proposal
                    self._recorded.add(proposal.hash)
                    self._restore_prepare(view, proposal, own)
                case PrepareRecord(view=view, block_hash=block_hash, own=own):
                    ensure(block_hash in blocks, "a Prepare record names a recorded block")
                    self._restore_prepare(view, blocks[block_hash], own)
                case PreparedRecord(certificate=certificate):
                    self.prepared = certificate
                    self._restore_vote(Phase.COMMIT, certificate.view, certificate.block_hash)
                case ViewChangeRecord(vote=view_change, certificate=claim):
                    message = ViewChangeMessage(view_change, claim)
                    self._signed[Phase.VIEW_CHANGE, view_change.new_view] = message
                    self.floor = max(self.floor, view_change.new_view)
                case ViewEntryRecord(view=view, justification=justification):
                    self._entered[view] = justification
                    self.floor = max(self.floor, view)
        return blocks

    def justification(self, view: int) -> NewView | None:
        """The NewView by which `view` was entered."""
        return self._entered.get(view)

    def _approve(self, message: Signable, record: Record | None, out: Effects) -> bool:
        """Put record and Sign into `out` together, or nothing."""
        phase, height, view, *_ = signed_claim(message)
        stored = self._signed.get((phase, view))
        if stored is not None:
            out.sends.append(Sign(stored))
            return False
        if not self.may_sign or height != self.height or not never_back(view, self.floor):
            return False
        self._signed[phase, view] = message
        if record is not None:
            out.records.append(record)
        if isinstance(record, ProposalRecord):
            self._recorded.add(record.proposal.hash)
        out.sends.append(Sign(message))
        return True

    def _raise_floor(self, view: int) -> None:
        """Votes below the floor can never be asked for again; forgetting them bounds the memory."""
        self.floor = view
        self._signed = {key: vote for key, vote in self._signed.items() if key[1] >= view}

    def _block_record(self, proposal: Proposal, view: int, *, own: bool) -> Record:
        if proposal.hash in self._recorded:
            return PrepareRecord(self.height, view, proposal.hash, own)
        return ProposalRecord(self.height, view, own, proposal)

    def _restore_prepare(self, view: int, proposal: Proposal, own: bool) -> None:
        self._restore_vote(Phase.PREPARE, view, proposal.hash)
        if own and self.validator is not None:
            self._signed[Phase.PRE_PREPARE, view] = PrePrepare(
                self.height, view, proposal, self.validator, self._entered.get(view)
            )

    def _restore_vote(self, phase: Phase, view: int, block_hash: Hash) -> None:
        if self.validator is not None:
            vote = Vote(phase, self.height, view, block_hash, self.validator)
            self._signed[phase, view] = vote
        self.floor = max(self.floor, view)
