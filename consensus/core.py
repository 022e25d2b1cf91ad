"""The parts of one replica, and the few things that every flow does with them.

Flows (finality, voting, proposing, viewing, catching_up) are modules of functions over Core; the
replica calls them in turn. Core itself decides nothing.
"""

from dataclasses import dataclass, field
from typing import Final

from consensus.authentication import Authenticator
from consensus.chain import Chain
from consensus.effects import CancelTimer, Effects, Send, SetTimer
from consensus.events import TimerKind
from consensus.evidence import EvidencePool
from consensus.future import NextHeight
from consensus.height import HeightState
from consensus.messages import Message, Signable, SigningDomain, Vote
from consensus.pacemaker import HIGHEST_CAP_MS, LOWEST_CAP_MS, Pacemaker
from consensus.retransmission import AnswerBudget
from consensus.safety import VoteGuard
from consensus.wal_records import Record
from ledger.errors import LocalError
from ledger.registry import MAX_VALIDATORS, Phase, ValidatorSet

MAX_DRIFT_MS: Final = 10_000
HEARTBEAT_INTERVAL_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class ReplicaConfig:
    """Settings of one replica; times in milliseconds.

    public_key: own consensus key, None for an observer. coming_keys: keys that take its place at
    some height; each height is signed with the one that its set names. heartbeat_interval_ms and
    min_block_interval_ms are part of block validity: the same on every node (genesis).
    vote_record_lost: the log of own votes is missing, older than the store, or restored from a
    backup; the replica then signs only from two heights above the first certified head that it sees
    (rule 6). The node keeps the flag set until describe().signs_from is reached. It is ignored for
    a single validator, and with two it can never end: the other cannot go on alone.
    signs_from: lowest height that it signs, when others of its key may have signed below; None: it
    follows and signs nothing as long as it runs, since another machine may be using its key.
    """

    domain: SigningDomain
    public_key: bytes | None
    base_timeout_ms: int = 1_000
    lowest_cap_ms: int = LOWEST_CAP_MS
    highest_cap_ms: int = HIGHEST_CAP_MS
    heartbeat_interval_ms: int = HEARTBEAT_INTERVAL_MS
    max_drift_ms: int = MAX_DRIFT_MS
    min_block_interval_ms: int = 0
    vote_record_lost: bool = False
    signs_from: int | None = 0
    coming_keys: tuple[bytes, ...] = ()

    @property
    def own_keys(self) -> tuple[bytes, ...]:
        """Every key that this replica may sit in a set with; the present one first."""
        return self.coming_keys if self.public_key is None else (self.public_key, *self.coming_keys)

    def __post_init__(self) -> None:
        for name in ("base_timeout_ms", "lowest_cap_ms", "heartbeat_interval_ms", "max_drift_ms"):
            if getattr(self, name) < 1:
                raise LocalError(f"{name} is {getattr(self, name)}; set it to at least 1")
        if self.min_block_interval_ms < 0:
            raise LocalError("min_block_interval_ms is negative; set it to 0 or more")
        if self.highest_cap_ms < self.lowest_cap_ms:
            raise LocalError(
                f"highest_cap_ms {self.highest_cap_ms} is below lowest_cap_ms "
                f"{self.lowest_cap_ms}; set it to at least that"
            )


def own_seat(validators: ValidatorSet, own_keys: tuple[bytes, ...]) -> int | None:
    """Index of the one seat that this replica takes; None for an observer.

    Where a set named two of its keys the first one counts: one replica has one voice.
    """
    seats = (validators.index_of(key) for key in own_keys)
    return next((seat for seat in seats if seat is not None), None)


@dataclass(slots=True)
class Core:
    """State of a replica. `out` and `now_ms` are those of the step that is running.

    own_keys: see ReplicaConfig; what changes while the replica runs counts from the next height on.
    claims: height at which each validator said it runs (Status); a hint for fetching, nothing else.
    first_claims: the first such word of each since the start.
    resting_keys: keys that sign nothing, though a set may name them: this replica sits out.
    behind_target: highest height that a verified certificate names.
    work_while_applying: WorkAvailable came between a final block and its BlockApplied.
    signed: own signed messages of the running height, by phase and view, for retransmission.
    later_records: log records of heights above the running one (the store was restored).
    """

    config: ReplicaConfig
    own_keys: tuple[bytes, ...]
    chain: Chain
    authenticator: Authenticator
    guard: VoteGuard
    pacemaker: Pacemaker
    height: HeightState
    next_height: NextHeight = field(default_factory=NextHeight)
    evidence: EvidencePool = field(default_factory=EvidencePool)
    budget: AnswerBudget = field(default_factory=AnswerBudget)
    claims: dict[int, int] = field(default_factory=dict)
    first_claims: dict[int, int] = field(default_factory=dict)
    resting_keys: tuple[bytes, ...] = ()
    behind_target: int = 0
    asked_target: int = 0
    work_while_applying: bool = False
    signed: dict[tuple[Phase, int], Signable] = field(default_factory=dict)
    later_records: dict[int, list[Record]] = field(default_factory=dict)
    generations: dict[TimerKind, int] = field(default_factory=dict)
    out: Effects = field(default_factory=Effects)
    now_ms: int = 0

    @property
    def own(self) -> int | None:
        """Own index in the set of the running height."""
        return self.guard.validator

    @property
    def behind(self) -> bool:
        """A verified certificate at or above the running height is held (rule 6)."""
        return self.behind_target >= self.height.height and not self.height.final

    @property
    def votes_now(self) -> bool:
        """True when this replica signs at the running height."""
        return self.guard.may_sign and not self.behind and not self.height.final

    @property
    def gives_up_turn(self) -> bool:
        """Whether the others wait for a proposal that this replica, which sits out, never makes."""
        state = self.height
        return (
            bool(self.resting_keys)
            and self.own is None
            and state.work
            and state.entered
            and not state.final
            and state.proposer(state.view) == own_seat(state.validators, self.resting_keys)
        )

    def others(self) -> tuple[int, ...]:
        """Indices of all other validators."""
        return tuple(index for index in range(self.height.n) if index != self.own)

    def send(self, message: Message, to: tuple[int, ...]) -> None:
        """Send to validators; nothing when there is nobody."""
        if to:
            self.out.sends.append(Send(message, to))

    def set_timer(self, kind: TimerKind, delay_ms: int) -> None:
        """(Re)start the timer of this kind; earlier ones of the kind are void."""
        generation = self.generations.get(kind, 0) + 1
        self.generations[kind] = generation
        self.out.timers.append(SetTimer(kind, generation, max(0, delay_ms)))

    def cancel_timer(self, kind: TimerKind) -> None:
        """Void the timer of this kind."""
        self.generations[kind] = self.generations.get(kind, 0) + 1
        self.out.timers.append(CancelTimer(kind))

    def claimed_by_honest(self) -> int:
        """A running height that at least one honest validator claims (f + 1 distinct claims)."""
        claims = sorted(self.claims.values(), reverse=True)
        needed = self.height.validators.max_faulty + 1
        return claims[needed - 1] if len(claims) >= needed else 0

    def note_claim(self, sender: int, height: int) -> None:
        """A Status said where its sender runs; the newest word replaces the one before."""
        if 0 <= sender < MAX_VALIDATORS:
            self.claims[sender] = height
            self.first_claims.setdefault(sender, height)

    def note_direct_vote(self, vote: Vote, sender: int | None) -> None:
        """After a lost vote record: who sends an own vote of this height says that it runs it.

        Others who are as far as this replica owe it no Status, and on a busy chain send none.
        """
        if (
            self.guard.sign_from is None
            and sender == vote.validator
            and vote.height == self.height.height
        ):
            self.first_claims.setdefault(sender, vote.height)
