"""Status, ticks, and blocks by hash: how a replica asks and answers (rule 6, "Messages")."""

from consensus import finality, proposing, viewing
from consensus.core import Core
from consensus.effects import Reply
from consensus.events import TimerKind
from consensus.messages import BlockRequest, BlockResponse, Status
from consensus.pacemaker import IDLE_STATUS_MS, RESEND_MS
from consensus.retransmission import answer, own_status
from ledger.registry import Phase


def on_status(core: Core, status: Status, sender: int | None, peer: bytes) -> None:
    """Answer what the sender lacks; its claims are hints that fetch and never silence a vote."""
    asker = peer if sender is None else sender
    state = core.height
    if sender is not None and 0 <= sender < state.n and sender != core.own:
        core.note_claim(sender, status.height)
        if status.height == state.height:
            state.note_view(sender, status.view)
        if status.height > state.height and finality.claims_show_lag(core) and not state.final:
            _ask_ahead(core, sender)
    if core.budget.take(asker, core.now_ms):
        answer(core, status)


def _ask_ahead(core: Core, sender: int) -> None:
    """f + 1 validators run higher: ask this one directly, or for the whole range when far."""
    target = core.claimed_by_honest() - 1
    if target > core.height.height:
        if target > core.asked_target:
            finality.request_missing(core)
    elif core.budget.take(sender, core.now_ms):
        core.out.sends.append(Reply(own_status(core)))


def on_block_request(core: Core, request: BlockRequest, sender: int | None, peer: bytes) -> None:
    """Serve a prepared or recent block by hash."""
    asker = peer if sender is None else sender
    block = core.height.blocks.get(request.block_hash)
    if block is None:
        certified = core.chain.block(request.height)
        if certified is not None and certified.proposal.hash == request.block_hash:
            block = certified.proposal
    if block is not None and core.budget.take(asker, core.now_ms):
        core.out.sends.append(Reply(BlockResponse(block)))


def on_block_response(core: Core, response: BlockResponse) -> None:
    """A block is kept only when a certificate or a verified claim names it."""
    state = core.height
    if response.proposal.height == state.height and state.wants(response.proposal.hash):
        state.keep_block(response.proposal)


def on_resend(core: Core) -> None:
    """Every half second while stalled: Status, own ViewChange, and what is still missing."""
    state = core.height
    if state.final:
        return
    core.send(own_status(core), core.others())
    if not state.entered:
        message = core.signed.get((Phase.VIEW_CHANGE, state.view))
        if message is not None and core.votes_now:
            core.send(message, core.others())
            viewing.push_prepared(core)
    if core.behind or finality.claims_show_lag(core):
        finality.request_missing(core)
    proposing.retry(core)
    core.set_timer(TimerKind.RESEND, RESEND_MS)


def on_idle_status(core: Core) -> None:
    """Every five seconds: say where this replica stands."""
    core.send(own_status(core), core.others())
    if not core.height.final and finality.claims_show_lag(core):
        finality.request_missing(core)
    core.set_timer(TimerKind.STATUS, IDLE_STATUS_MS)
