"""A frozen picture of a replica, for consensusState, whyStalled and metrics."""

from dataclasses import dataclass

from consensus.core import Core
from consensus.proposals import clock_accepts, judged
from consensus.transitions import Step
from consensus.view_change import must_propose
from ledger.primitives import Hash
from ledger.registry import Phase


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a replica stands. Indices are those of the set of `height`; times are wall clock ms.

    missing: validators of whom nothing is held that the current step waits for. heard: by what is
    waited for: Prepares, Commits, or ViewChanges. behind_target: height of a verified certificate
    that is not applied yet, else None. signs_from: first height that it signs, None while a lost
    vote record forbids all. clock_refused_ms: how far the time of the current proposal lies from
    the own clock, when that is why it is not voted on (positive: ahead of it), else None.
    no_vote_reason: None when it votes, and while the block of a height that is final is applied.
    """

    height: int
    view: int
    step: str
    proposer: int
    own_index: int | None
    validators: int
    quorum: int
    height_since_ms: int
    step_since_ms: int
    has_work: bool
    proposal_hash: Hash | None
    prepared_hash: Hash | None
    prepares: tuple[int, ...]
    commits: tuple[int, ...]
    view_changes: tuple[int, ...]
    missing: tuple[int, ...]
    behind_target: int | None
    claimed_heights: tuple[tuple[int, int], ...]
    signs_from: int | None
    clock_refused_ms: int | None
    no_vote_reason: str | None
    timed_views: int
    timer_runs: bool
    timeout_cap_ms: int
    pending_evidence: int


def describe(core: Core) -> Snapshot:
    """Snapshot of `core`; changes nothing."""
    state = core.height
    prepares = tuple(sorted(state.votes.votes(Phase.PREPARE, state.view)))
    commits = tuple(sorted(state.votes.votes(Phase.COMMIT, state.view)))
    changes = tuple(
        sorted(i for i, m in state.view_changes.items() if m.vote.new_view >= state.view)
    )
    waited_for: tuple[int, ...] | None
    match state.step:
        case Step.PREPARING:
            waited_for = prepares
        case Step.COMMITTING:
            waited_for = commits
        case Step.CHANGING_VIEW:
            waited_for = changes
        case _:
            waited_for = None
    missing: tuple[int, ...] = ()
    if waited_for is not None:
        missing = tuple(index for index in range(state.n) if index not in waited_for)
    elif state.step is Step.AWAITING:
        missing = (state.proposer(state.view),)
    current = state.pre_prepares.get(state.view)
    return Snapshot(
        height=state.height,
        view=state.view,
        step=state.step.value,
        proposer=state.proposer(state.view),
        own_index=core.own,
        validators=state.n,
        quorum=state.validators.quorum,
        height_since_ms=state.started_ms,
        step_since_ms=state.step_since_ms,
        has_work=state.work,
        proposal_hash=None if current is None else current.proposal.hash,
        prepared_hash=None if state.prepared is None else state.prepared.block_hash,
        prepares=prepares,
        commits=commits,
        view_changes=changes,
        missing=missing,
        behind_target=core.behind_target if core.behind else None,
        claimed_heights=tuple(sorted(core.claims.items())),
        signs_from=core.guard.sign_from,
        clock_refused_ms=_clock_refused_ms(core),
        no_vote_reason=_no_vote_reason(core),
        timed_views=core.pacemaker.timed_views,
        timer_runs=core.pacemaker.timing_view is not None,
        timeout_cap_ms=core.pacemaker.cap_ms,
        pending_evidence=len(core.evidence),
    )


def _clock_refused_ms(core: Core) -> int | None:
    """Rule 8: drift is judged for free choice only, and again at every event."""
    state = core.height
    current = state.pre_prepares.get(state.view)
    if current is None or core.guard.signed(Phase.PREPARE, state.view) is not None:
        return None
    time_ms, free_choice = current.proposal.time_ms, must_propose(current.justification) is None
    if not judged(free_choice) or clock_accepts(
        core.chain.head, time_ms, core.now_ms, core.config.max_drift_ms
    ):
        return None
    return time_ms - core.now_ms


def _no_vote_reason(core: Core) -> str | None:
    state = core.height
    if core.resting_keys and core.own is None:
        return "it is drained: it votes again once it is resumed or started anew"
    if not core.own_keys:
        return "observer: it has no consensus key"
    if core.own is None:
        return "its key is not in the validator set of this height"
    if core.config.signs_from is None:
        return "it waits for the fencing token of its key, which another machine may be using"
    if core.guard.sign_from is None:
        return "its vote record was lost; waiting for the first certified head"
    if state.height < core.guard.sign_from:
        why = "its vote record was lost" if core.config.vote_record_lost else "its key moved here"
        return f"{why}; it signs from height {core.guard.sign_from}"
    if core.behind:
        return f"behind: height {core.behind_target} is certified; catching up"
    if state.final:
        return None  # nobody's vote is needed for a moment; who looks just then sees no fault
    current = state.pre_prepares.get(state.view)
    if current is not None and state.verdicts.get(current.proposal.hash) is False:
        return "the executor refuses the proposal of this view"
    drift_ms = _clock_refused_ms(core)
    if drift_ms is not None:
        side = "ahead of" if drift_ms > 0 else "behind"
        return (
            f"the block time of the proposal is {abs(drift_ms)} ms {side} the own clock, "
            f"{core.config.max_drift_ms} ms are allowed"
        )
    return None
