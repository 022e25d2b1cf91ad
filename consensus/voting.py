"""Prepares and Commits: counting them, and committing to what is prepared."""

from consensus import offences
from consensus.certificate import prepared_certificate
from consensus.chain import late_seal_of
from consensus.core import Core
from consensus.messages import Vote
from consensus.transitions import Move, Step
from consensus.votes import VoteBook, in_window
from ledger.registry import Phase, ValidatorSet


def on_vote(core: Core, vote: Vote) -> None:
    """A vote of the running height, of the next one, or a seal of a finished one."""
    state = core.height
    if vote.height == state.height and not state.final:
        if in_window(vote.view, state.view) and _keep(core, state.votes, state.validators, vote):
            state.note_view(vote.validator, vote.view)
    elif vote.height == state.height + 1:
        if in_window(vote.view, 0):
            _keep(core, core.next_height.votes, core.chain.head.validators_next, vote)
    elif vote.height <= state.height and vote.phase is Phase.COMMIT:
        core.chain.add_late_seal(core.authenticator, late_seal_of(vote))


def _keep(core: Core, book: VoteBook, validators: ValidatorSet, vote: Vote) -> bool:
    """Fill the vote's slot; the first valid vote wins and a conflict goes to evidence."""
    held = book.get(vote.phase, vote.view, vote.validator)
    if held is not None and held.block_hash == vote.block_hash:
        return False
    core.authenticator.require_message(validators, vote)
    if held is not None:
        offences.conflict(core, held, vote)
        return False
    book.add(vote)
    return True


def settle(core: Core) -> None:
    """Commit to what a quorum prepared in a view in which this replica signed Prepare.

    Prepares of a view that was left may complete late: the guard refuses a Commit there (rule 2).
    """
    state = core.height
    if not core.votes_now:
        return
    for (phase, view), own in list(core.signed.items()):
        if phase is not Phase.PREPARE or not isinstance(own, Vote):
            continue
        if (Phase.COMMIT, view) in core.signed or core.guard.signed(Phase.COMMIT, view):
            continue
        votes = state.votes.quorum_for(Phase.PREPARE, view, state.n)
        if votes is None or votes[0].block_hash != own.block_hash:
            continue
        if core.guard.commit(prepared_certificate(votes), core.out):
            state.prepared = core.guard.prepared
            if view == state.view and state.step is Step.PREPARING:
                state.move(Move.COMMIT, core.now_ms)
