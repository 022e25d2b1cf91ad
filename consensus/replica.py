"""The sans-IO PBFT replica: one event in, its effects out (architecture.md, "The core is pure").

`step` never reads a clock, never waits and never calls out. It is driven level by level: an event
adds facts; then `_settle` derives what follows from all facts held, so the order in which messages
arrive does not matter and nothing is done twice.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from consensus import catching_up, finality, offences, proposing, recovery, viewing, voting
from consensus.authentication import Verify
from consensus.chain import FinishedHeight, late_seal_of
from consensus.core import Core, ReplicaConfig, own_seat
from consensus.describe import Snapshot, describe
from consensus.effects import Effects
from consensus.events import (
    BlockApplied,
    Event,
    MessageReceived,
    ProposalBuilt,
    ProposalChecked,
    TimerFired,
    TimerKind,
    VoteSigned,
    WorkAvailable,
)
from consensus.future import NextHeight
from consensus.height import HeightState
from consensus.messages import (
    BlockRequest,
    BlockResponse,
    CertifiedBlock,
    EvidenceMessage,
    LateSealMessage,
    Message,
    NewView,
    PrePrepare,
    Signable,
    Status,
    ViewChangeMessage,
    Vote,
    signed_claim,
)
from consensus.pacemaker import IDLE_STATUS_MS, RESEND_MS
from consensus.retransmission import own_status
from consensus.transitions import Move, Step
from consensus.votes import OLD_VIEWS
from consensus.wal_records import Record
from ledger.crypto import verify_ed25519
from ledger.errors import PeerError, ensure
from ledger.registry import Phase

__all__: Final = ["Replica", "ReplicaConfig"]


class Replica:
    """One validator's or observer's consensus state machine.

    config: ReplicaConfig. head: BlockApplied of the applied head (height 0 is genesis). recent: the
    last chain.RECENT_HEIGHTS finished heights up to the head (fewer on a young chain). head_block:
    the head with its certificate, served to peers that lack just that. records: the log's records,
    in order. verify: signature check, Ed25519 by default.

    Call `start` once before the first `step`.
    """

    def __init__(
        self,
        config: ReplicaConfig,
        head: BlockApplied,
        recent: Iterable[FinishedHeight] = (),
        head_block: CertifiedBlock | None = None,
        records: Iterable[Record] = (),
        verify: Verify = verify_ed25519,
    ) -> None:
        self._core = recovery.recover(config, head, recent, head_block, records, verify)

    def start(self, now_ms: int) -> Effects:
        """Effects of (re)starting: the votes of the log again, Status, timers, own turn."""
        core = self._begin(now_ms)
        core.height.started_ms = core.height.step_since_ms = now_ms
        core.guard.resign(core.out)
        core.send(own_status(core), core.others())
        self._start_timers()
        self._settle()
        return core.out

    def step(self, event: Event, now_ms: int) -> Effects:
        """Take one event at wall clock `now_ms` (only differences and drift matter).

        Raises PeerError for a message that is wrong; nothing has changed then but that valid
        signatures are remembered. Raises InvariantViolation when this node itself is wrong.
        """
        core = self._begin(now_ms)
        match event:
            case MessageReceived():
                self._receive(event.message, event.sender, event.peer)
            case VoteSigned():
                self._signed(event.message)
            case TimerFired():
                self._timer(event)
            case WorkAvailable():
                proposing.on_work_available(core)
            case ProposalBuilt():
                proposing.on_built(core, event)
            case ProposalChecked():
                proposing.on_checked(core, event)
            case BlockApplied():
                self._applied(event)
        self._settle()
        return core.out

    def take_keys(self, own_keys: tuple[bytes, ...]) -> None:
        """Sign with these keys from the next height on. The running height keeps its seat: what was
        signed at it, perhaps before a restart, is remembered for that seat alone."""
        self._core.own_keys, self._core.resting_keys = own_keys, ()

    def sit_out(self) -> None:
        """Sign nothing more from the next height on; from now on when this one has no vote of this
        replica yet. What it voted in it helps to finish. When it is its turn to propose, it tells
        the others that they need not wait. take_keys ends it."""
        core = self._core
        if core.own_keys:
            core.own_keys, core.resting_keys = (), core.own_keys
        if not core.guard.has_signed and core.height.step in (Step.IDLE, Step.AWAITING):
            core.guard.validator = None

    def status(self) -> Status:
        """Where this replica stands; the node sends it to each peer that connects, so that who is
        behind catches up at once, and not with the next idle Status."""
        return own_status(self._core)

    @property
    def core(self) -> Core:
        """The parts, for tests and metrics to look at; nothing but `step` changes them."""
        return self._core

    def describe(self) -> Snapshot:
        """Where this replica stands, for operators."""
        return describe(self._core)

    def _begin(self, now_ms: int) -> Core:
        self._core.out = Effects()
        self._core.now_ms = now_ms
        return self._core

    def _settle(self) -> None:
        core = self._core
        finality.settle(core)
        viewing.settle(core)
        proposing.settle(core)
        voting.settle(core)

    def _receive(self, message: Message, sender: int | None, peer: bytes = b"") -> None:
        core = self._core
        match message:
            case PrePrepare():
                viewing.on_pre_prepare(core, message)
            case Vote():
                voting.on_vote(core, message)
                core.note_direct_vote(message, sender)
            case ViewChangeMessage():
                viewing.on_view_change(core, message)
            case NewView():
                viewing.on_new_view(core, message)
            case Status():
                catching_up.on_status(core, message, sender, peer)
            case CertifiedBlock():
                finality.on_certified_block(core, message)
            case BlockRequest():
                catching_up.on_block_request(core, message, sender, peer)
            case BlockResponse():
                catching_up.on_block_response(core, message)
            case EvidenceMessage():
                offences.on_evidence(core, message.evidence)
            case LateSealMessage():
                core.chain.add_late_seal(core.authenticator, message.seal)

    def _signed(self, message: Signable) -> None:
        core, state = self._core, self._core.height
        phase, height, view, *_ = signed_claim(message)
        if height != state.height or state.final:
            if isinstance(message, Vote) and message.phase is Phase.COMMIT:
                core.chain.add_late_seal(core.authenticator, late_seal_of(message))
            return
        core.signed[phase, view] = message
        for old in [key for key in core.signed if key[1] < state.view - OLD_VIEWS]:
            del core.signed[old]
        match message:
            case PrePrepare():
                state.pre_prepares.setdefault(view, message)
            case Vote():
                state.votes.add(message)
            case ViewChangeMessage():
                viewing.on_own_view_change(core, message)

    def _timer(self, event: TimerFired) -> None:
        core = self._core
        if core.generations.get(event.kind) != event.generation:
            return
        match event.kind:
            case TimerKind.VIEW:
                viewing.on_timeout(core)
            case TimerKind.RESEND:
                catching_up.on_resend(core)
            case TimerKind.WORK:
                proposing.notice_work(core)
            case TimerKind.STATUS:
                catching_up.on_idle_status(core)

    def _applied(self, head: BlockApplied) -> None:
        """The running height is applied: start the next one with what was kept for it."""
        core = self._core
        ensure(
            head.height == core.height.height,
            f"BlockApplied({head.height}) while height {core.height.height} runs",
        )
        ensure(
            head.validators == core.chain.head.validators_next,
            f"the set of height {head.height + 1} changed after it was named two heights before",
        )
        core.height.move(Move.APPLY, core.now_ms)
        core.chain.apply(head)
        if head.validators != core.height.validators:
            core.claims.clear()  # indices mean other validators now
            core.first_claims.clear()
        kept, core.next_height, core.signed = core.next_height, NextHeight(), {}
        core.height = HeightState(head, core.now_ms, step_since_ms=core.now_ms)
        core.guard.next_height(head.height + 1, own_seat(head.validators, core.own_keys))
        recovery.replay(core)
        core.guard.resign(core.out)
        self._start_timers()
        for message in kept.messages():
            # It was verified when it came; what this height's state refuses is dropped.
            with suppress(PeerError):
                self._receive(message, None)

    def _start_timers(self) -> None:
        core = self._core
        core.set_timer(TimerKind.STATUS, IDLE_STATUS_MS)
        core.height.executable = core.chain.head.has_work or core.work_while_applying
        core.work_while_applying = False
        if core.height.work or not core.guard.may_sign:
            core.set_timer(TimerKind.RESEND, RESEND_MS)
        proposing.notice_work(core)
