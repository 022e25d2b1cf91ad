"""Leaving a view, timing it, and entering the next one (rules 2 and 3)."""

from consensus import offences, proposing
from consensus.core import Core
from consensus.events import TimerKind
from consensus.messages import BlockResponse, NewView, PrePrepare, ViewChangeMessage
from consensus.pacemaker import RESEND_MS
from consensus.proposals import judged, may_be_empty, require_header
from consensus.quorum import is_quorum
from consensus.retransmission import own_status
from consensus.transitions import Move
from consensus.view_change import (
    build_new_view,
    must_propose,
    require_new_view,
    require_proposed,
    require_view_change,
)
from ledger.errors import PeerError


def on_view_change(core: Core, message: ViewChangeMessage) -> None:
    """One slot for each validator, highest view, at the running height and the next."""
    state, vote = core.height, message.vote
    if vote.height == state.height and not state.final:
        slots, validators = state.view_changes, state.validators
    elif vote.height == state.height + 1:
        slots, validators = core.next_height.view_changes, core.chain.head.validators_next
    else:
        return
    held = slots.get(vote.validator)
    if held is not None:
        same_claim = held.vote.claim == vote.claim
        if vote.new_view < held.vote.new_view or (
            vote.new_view == held.vote.new_view and same_claim
        ):
            return
    if held is not None and vote.new_view == held.vote.new_view:
        core.authenticator.require_message(validators, message)
        offences.conflict(core, held, message)
        return
    require_view_change(core.authenticator, validators, message)
    slots[vote.validator] = message
    if slots is state.view_changes:
        state.note_view(vote.validator, vote.new_view)


def on_own_view_change(core: Core, message: ViewChangeMessage) -> None:
    """The own ViewChange, signed and sent, fills the own slot."""
    state, vote = core.height, message.vote
    held = state.view_changes.get(vote.validator)
    if (
        vote.height == state.height
        and not state.final
        and (held is None or held.vote.new_view < vote.new_view)
    ):
        state.view_changes[vote.validator] = message


def on_new_view(core: Core, justification: NewView) -> None:
    """Enter any justified view that is not below the own one (rule 3)."""
    state = core.height
    if justification.height != state.height or state.final or core.behind:
        return
    if not _leads_on(core, justification.view):
        return
    require_new_view(core.authenticator, state.validators, justification)
    enter(core, justification)


def _leads_on(core: Core, view: int) -> bool:
    state = core.height
    return view > state.view or (view == state.view and not state.entered)


def on_pre_prepare(core: Core, message: PrePrepare) -> None:
    """A proposal with its justification; kept when its header is valid.

    Everything is verified before anything changes.
    """
    state = core.height
    if message.height == state.height + 1:
        _keep_for_next(core, message)
        return
    if message.height != state.height or state.final:
        return
    held = state.pre_prepares.get(message.view)
    if held is not None and held.proposal.hash == message.proposal.hash:
        _keep_wanted(core, message)
        return
    if message.validator != state.proposer(message.view):
        raise PeerError(
            f"PrePrepare of view {message.view} by validator {message.validator}, expected "
            f"{state.proposer(message.view)}"
        )
    core.authenticator.require_message(state.validators, message)
    if held is not None:
        offences.conflict(core, held, message)
        return
    if message.view < state.view or core.behind:
        _keep_wanted(core, message)
        return
    _require_acceptable(core, message)
    if message.justification is not None and _leads_on(core, message.view):
        enter(core, message.justification)
    state.pre_prepares[message.view] = message
    state.keep_block(message.proposal)
    state.note_view(message.validator, message.view)
    proposing.see_work(core, relay=False)


def _keep_wanted(core: Core, message: PrePrepare) -> None:
    """A proposal that cannot be voted on may still be the block of a held certificate."""
    if core.height.wants(message.proposal.hash):
        core.height.keep_block(message.proposal)


def _keep_for_next(core: Core, message: PrePrepare) -> None:
    """One PrePrepare a validator for the next height; judged when that height starts."""
    held = core.next_height.pre_prepares.get(message.validator)
    if held is not None and held.view >= message.view:
        return
    core.authenticator.require_message(core.chain.head.validators_next, message)
    core.next_height.pre_prepares[message.validator] = message


def _require_acceptable(core: Core, message: PrePrepare) -> None:
    """Raise PeerError unless justification and header allow a vote in this view."""
    state, proposal, config = core.height, message.proposal, core.config
    justification = message.justification
    if message.view == 0:
        if justification is not None:
            raise PeerError("PrePrepare of view 0 with a justification")
    else:
        if justification is None or (justification.height, justification.view) != (
            message.height,
            message.view,
        ):
            raise PeerError(f"PrePrepare of view {message.view} without its justification")
        require_new_view(core.authenticator, state.validators, justification)
    require_proposed(justification, proposal.hash)
    free_choice = must_propose(justification) is None
    interval_ms = config.min_block_interval_ms if free_choice else 0
    require_header(core.chain, core.authenticator, proposal, interval_ms)
    if free_choice and proposal.proposer != message.validator:
        raise PeerError(
            f"freely chosen block names proposer {proposal.proposer}, expected {message.validator}"
        )
    if (
        judged(free_choice)
        and proposal.is_empty
        and not may_be_empty(
            core.chain.head,
            proposal.time_ms,
            # Which view chose a block that is proposed again is not known: the hash omits it.
            message.view if free_choice else 0,
            bool(proposal.participation.evidence),
            config.heartbeat_interval_ms,
        )
    ):
        raise PeerError(f"empty block {proposal.height} before anything is due")


def enter(core: Core, justification: NewView) -> None:
    """Enter a justified view; its ViewChanges show where their signers are."""
    state = core.height
    core.guard.enter(justification, core.out)
    state.enter_view(justification.view, justification)
    state.move(Move.ENTER, core.now_ms)
    for vote in justification.view_changes:
        state.note_view(vote.validator, justification.view)
    _begin_view(core)


def change_view(core: Core, view: int) -> None:
    """Ask for `view`; the block that the claim names goes to its proposer."""
    state = core.height
    core.guard.change_view(view, core.out)
    state.leave_for(view)
    state.move(Move.LEAVE, core.now_ms)
    _begin_view(core)
    push_prepared(core)


def push_prepared(core: Core) -> None:
    """Send the block that the own claim names to the proposer that has to propose it again.

    Not when it signed the Prepare: then it holds the block. Sent again with each ViewChange, since
    the proposer may have been away.
    """
    state = core.height
    prepared, proposer = state.prepared, state.proposer(state.view)
    if prepared is None or proposer == core.own:
        return
    block = state.blocks.get(prepared.block_hash)
    if block is not None and all(index != proposer for index, _ in prepared.signatures):
        core.send(BlockResponse(block), (proposer,))


def _begin_view(core: Core) -> None:
    if not core.height.work:
        core.height.work = True
    if core.pacemaker.timing_view is not None and core.pacemaker.timing_view < core.height.view:
        core.pacemaker.timing_view = None
        core.cancel_timer(TimerKind.VIEW)
    core.set_timer(TimerKind.RESEND, RESEND_MS)


def on_timeout(core: Core) -> None:
    """The view's time is over without a commit."""
    if core.pacemaker.timing_view is None or not core.votes_now:
        return
    core.pacemaker.failed(core.height.n)
    change_view(core, core.height.view + 1)


def settle(core: Core) -> None:
    """Join f + 1 others, leave a view that its proposer gave up, justify the own turn, start the
    timer when a quorum is there."""
    state = core.height
    if core.gives_up_turn and state.given_up_view != state.view:
        state.given_up_view = state.view
        core.send(own_status(core), core.others())
    if not core.votes_now:
        return
    view = state.view_to_join(core.own)
    if view > state.view:
        change_view(core, view)
    elif is_given_up(core):
        change_view(core, state.view + 1)
    if not state.entered and state.proposer(state.view) == core.own:
        held = state.view_changes_for(state.view)
        if is_quorum([message.vote.validator for message in held], state.n):
            enter(core, build_new_view(state.height, state.view, held))
    if state.view == 0 and not state.work:
        return
    if core.pacemaker.timing_view != state.view and may_start_timer(core):
        core.set_timer(TimerKind.VIEW, core.pacemaker.start(state.view))


def is_given_up(core: Core) -> bool:
    """Whether no proposal comes in this view, by its proposer's own word: it says that it is past
    it, and no proposal was seen. Who lies so gets no more than by silence, and others wait less."""
    state = core.height
    proposer = state.proposer(state.view)
    return (
        state.work
        and state.entered
        and proposer != core.own
        and state.view not in state.pre_prepares
        and state.views.get(proposer, 0) > state.view
    )


def may_start_timer(core: Core) -> bool:
    """The timer of view v starts when a quorum is known to be at view v or above (rule 3)."""
    return core.height.quorum_at(core.height.view, core.own)
