"""From work to Prepare: an own proposal, or that of another validator."""

from consensus.core import Core
from consensus.effects import BuildProposal, CheckProposal, FetchBlock, RelayWork
from consensus.events import ProposalBuilt, ProposalChecked, TimerKind, Verdict
from consensus.messages import Proposal
from consensus.pacemaker import RESEND_MS
from consensus.proposals import clock_accepts, due_ms, judged, may_be_empty
from consensus.transitions import Move, Step
from consensus.view_change import must_propose
from ledger.errors import ensure
from ledger.registry import Participation, Phase


def notice_work(core: Core, *, relay: bool = False) -> None:
    """See work that is here by now, or wait for the moment when some is due (rule 4).

    relay: it is new; what was left over by the last block was relayed when it came.
    """
    state, head, config = core.height, core.chain.head, core.config
    if state.work or state.final:
        return
    executable = state.executable or head.set_change_pending
    due = core.now_ms if executable else due_ms(head, config.heartbeat_interval_ms)
    if config.min_block_interval_ms:
        due = max(due, head.time_ms + config.min_block_interval_ms)
    if core.now_ms >= due:
        see_work(core, relay=relay)
    else:
        core.set_timer(TimerKind.WORK, due - core.now_ms)


def on_work_available(core: Core) -> None:
    """The mempool holds an executable transaction."""
    state = core.height
    if state.final:
        core.work_while_applying = True
        return
    state.executable = state.fresh_work = True
    if state.step is Step.AWAITING:
        state.build_asked_view = None
    notice_work(core, relay=True)


def see_work(core: Core, *, relay: bool) -> None:
    """This height has something to decide; transactions are relayed before the timer starts."""
    state = core.height
    if state.work:
        return
    state.work = True
    if relay and core.others():
        core.out.requests.append(RelayWork())
    if state.step is Step.IDLE:
        state.move(Move.WORK, core.now_ms)
    core.set_timer(TimerKind.RESEND, RESEND_MS)


def settle(core: Core) -> None:
    """Take the own turn, or go on with the proposal of the current view."""
    state = core.height
    if not core.votes_now or not state.entered or not state.work:
        return
    if core.guard.signed(Phase.PREPARE, state.view) is not None:
        return
    if state.proposer(state.view) == core.own:
        _take_turn(core)
    else:
        _follow(core)


def _take_turn(core: Core) -> None:
    """Propose the block that the justification names; choose freely only when it names none."""
    state = core.height
    required = must_propose(state.justification)
    if required is None:
        _build(core)
        return
    begins = state.step is Step.AWAITING
    if begins:
        state.move(Move.TURN, core.now_ms)
    block = state.blocks.get(required)
    if block is None:
        if begins:
            fetch_required(core)
        return
    verdict = _verdict(core, block)
    if verdict:
        _propose(core, block)
    elif verdict is False and state.step is Step.PROPOSING:
        state.move(Move.REFUSE, core.now_ms)


def fetch_required(core: Core) -> None:
    """Fetch the block that this proposer must propose, from who signed that it is prepared."""
    state = core.height
    justification = state.justification
    if (
        state.step is Step.PROPOSING
        and justification is not None
        and justification.certificate is not None
        and justification.certificate.block_hash not in state.blocks
    ):
        certificate = justification.certificate
        holders = tuple(index for index, _ in certificate.signatures if index != core.own)
        core.out.requests.append(FetchBlock(state.height, certificate.block_hash, holders))


def _build(core: Core) -> None:
    state, head, config = core.height, core.chain.head, core.config
    if state.build_asked_view == state.view or core.own is None:
        return
    state.build_asked_view, state.fresh_work = state.view, False
    if state.step is Step.AWAITING:
        state.move(Move.TURN, core.now_ms)
    time_ms = max(core.now_ms, head.time_ms + max(1, config.min_block_interval_ms))
    recorded = core.chain.recorded_evidence()
    evidence = tuple(
        item for item in core.evidence.next_items(state.height) if item.key() not in recorded
    )
    core.out.requests.append(
        BuildProposal(
            state.height,
            state.view,
            time_ms,
            core.own,
            Participation(core.chain.parent_certificate(), core.chain.late_seals(), evidence),
            may_be_empty(head, time_ms, state.view, bool(evidence), config.heartbeat_interval_ms),
        )
    )


def on_built(core: Core, event: ProposalBuilt) -> None:
    """The executor built the own proposal, or found nothing to propose."""
    state = core.height
    if (event.height, event.view) != (state.height, state.view) or not core.votes_now:
        return
    if state.step is not Step.PROPOSING or must_propose(state.justification) is not None:
        return
    if event.proposal is None:
        state.move(Move.REFUSE, core.now_ms)
        if state.fresh_work:
            state.build_asked_view = None
        return
    ensure(
        event.proposal.height == state.height
        and event.proposal.parent_hash == core.chain.head.block_hash
        and event.proposal.proposer == core.own,
        "the executor built a block that is not the one asked for",
    )
    state.keep_block(event.proposal)
    state.verdicts[event.proposal.hash] = True
    _propose(core, event.proposal)


def _propose(core: Core, proposal: Proposal) -> None:
    state = core.height
    if state.step is Step.AWAITING:
        state.move(Move.TURN, core.now_ms)
    core.guard.propose(state.view, proposal, state.justification, core.out)
    state.move(Move.PREPARE, core.now_ms)


def _follow(core: Core) -> None:
    """Check the current proposal and sign Prepare when it is valid."""
    state = core.height
    message = state.pre_prepares.get(state.view)
    if message is None:
        return
    proposal = message.proposal
    free_choice = must_propose(message.justification) is None
    if judged(free_choice) and not clock_accepts(
        core.chain.head, proposal.time_ms, core.now_ms, core.config.max_drift_ms
    ):
        return  # judged again at every event: a refusal for the clock is never cached (rule 8)
    verdict = _verdict(core, proposal)
    if verdict is None:
        if proposal.hash in state.asked and state.step is Step.AWAITING:
            state.move(Move.CHECK, core.now_ms)
    elif verdict:
        core.guard.prepare(state.view, proposal, core.out)
        state.move(Move.PREPARE, core.now_ms)
    elif state.step is Step.CHECKING:
        state.move(Move.REFUSE, core.now_ms)


def _verdict(core: Core, proposal: Proposal) -> bool | None:
    """The executor's verdict; asks for it once when it is not known."""
    state = core.height
    verdict = state.verdicts.get(proposal.hash)
    if verdict is None and proposal.hash not in state.asked | state.clock_refused:
        state.asked.add(proposal.hash)
        core.out.requests.append(CheckProposal(proposal))
    return verdict


def on_checked(core: Core, event: ProposalChecked) -> None:
    """The executor's verdict on a block; only what no clock decides is remembered (rule 8)."""
    state = core.height
    if event.block_hash not in state.asked:
        return
    state.asked.discard(event.block_hash)
    if event.verdict is Verdict.CLOCK:
        state.clock_refused.add(event.block_hash)
        if state.step in (Step.CHECKING, Step.PROPOSING):
            state.move(Move.REFUSE, core.now_ms)
        return
    if event.block_hash in state.blocks:
        state.verdicts[event.block_hash] = event.verdict is Verdict.VALID


def retry(core: Core) -> None:
    """Every half second while stalled: relay the work again, for those who never saw it, and try
    what a clock refused or an empty mempool left undone."""
    state = core.height
    if state.executable and core.others():
        core.out.requests.append(RelayWork())
    state.clock_refused.clear()
    if state.step is Step.AWAITING:
        state.build_asked_view = None
    fetch_required(core)
