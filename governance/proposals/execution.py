"""The chain carries out what has passed: at its time, in an overlay of its own, all or nothing."""

from typing import Final

from governance.admissible import GOVERNANCE
from governance.emergency import emergency
from governance.proposals.classes import ProposalClass, governance_parameters
from governance.proposals.lifecycle import Step
from governance.proposals.mandate import Mandate, loosens_supply
from governance.proposals.progress import move, update
from governance.proposals.proposal_rows import (
    EXECUTIONS,
    Execution,
    Message,
    Progress,
    Proposal,
    ballot_of,
    execution_key,
    find,
    messages_of,
)
from governance.proposals.tally import Outcome
from ledger import codec
from ledger.errors import DecodeError, ErrorCode, TransactionError, ensure
from ledger.module import MAX_EVENTS_PER_TRANSACTION, Context, Event
from ledger.receipt import truncated_reason
from ledger.state import State

MAX_TRIES: Final = 3
MAX_EXECUTIONS_A_BLOCK: Final = 4
"""With at most MAX_MESSAGES messages each, and no more events than a transaction."""


def execute_due(context: Context, mandate: Mandate, number: int) -> None:
    """The timelock of a queued action is over: carry it out, or say why not."""
    state, time_ms = context.state, context.block.time_ms
    proposal, progress = find(state, number)
    ensure(
        time_ms >= progress.executable_ms, f"proposal {number} was to be executed in its timelock"
    )
    if time_ms >= progress.expires_ms:
        move(context, number, Step.RUN_OUT, reason=progress.reason or "its time to execute is over")
        return
    if _lacks_basis(mandate, state, proposal, progress):
        reason = f"legal basis {proposal.legal_basis} is not in force"
        move(context, number, Step.BLOCK, reason=reason)
        return
    messages = messages_of(state, number, proposal.messages)
    if (until_ms := _paused_until(state, messages)) is not None:
        update(state, number, due_ms=min(until_ms, progress.expires_ms))
        return
    problem = _attempt(context, mandate, number, proposal, progress, messages)
    tries = progress.tries + 1
    if problem is None:
        done = execution_key(proposal.content_hash, time_ms)
        state.put(EXECUTIONS, done, Execution(number))
        move(context, number, Step.EXECUTE, tries=tries, reason="")
    elif tries >= MAX_TRIES:
        move(context, number, Step.FAIL, tries=tries, reason=truncated_reason(problem))
    else:
        parameters = governance_parameters(state)
        retry_ms = time_ms + max(1, parameters.block_ms(parameters.retry_ms))
        due_ms = min(retry_ms, progress.expires_ms)
        reason = truncated_reason(problem)
        update(state, number, due_ms=due_ms, tries=tries, reason=reason)
        context.emit("proposals.try_failed", proposal=number, tries=tries, reason=reason)


def _lacks_basis(mandate: Mandate, state: State, proposal: Proposal, progress: Progress) -> bool:
    return progress.proposal_class >= ProposalClass.C and not (
        proposal.legal_basis and mandate.legal_bases.in_force(state, proposal.legal_basis)
    )


def _paused_until(state: State, messages: list[Message]) -> int | None:
    """When the emergency ends that stops one of the messages, or None. No try is counted."""
    if any(emergency.message_paused(state, message.type) for message in messages):
        return emergency.next_end_ms(state)
    return None


def _attempt(
    context: Context,
    mandate: Mandate,
    number: int,
    proposal: Proposal,
    progress: Progress,
    messages: list[Message],
) -> str | None:
    """Execute everything, or nothing and say what refused."""
    state = context.state
    rules, ballot = ballot_of(state, number, progress.votes)
    ensure(ballot.outcome is Outcome.PASSED, f"proposal {number} is queued without a majority")
    events: list[Event] = []
    state.begin()
    try:
        for index, message in enumerate(messages):
            # Rules may have changed since voting started: what loosens supply only now was never
            # decided as that, and would have had to wait a year.
            if not rules.loosens_supply and loosens_supply(mandate, state, message):
                raise TransactionError(
                    ErrorCode.NOT_NOW,
                    f"message {index} ({message.type}) loosens supply now, which was not voted on",
                )
            # What handlers record as the cause is the content that was decided.
            call = Context(state, context.block, GOVERNANCE, proposal.content_hash)
            mandate.router.execute(call, message.type, codec.decode(message.body), GOVERNANCE)
            events += call.events
            if len(events) > MAX_EVENTS_PER_TRANSACTION:
                raise TransactionError(
                    ErrorCode.LIMIT_EXCEEDED,
                    f"the proposal makes more than {MAX_EVENTS_PER_TRANSACTION} events",
                )
    except (TransactionError, DecodeError) as error:
        state.rollback()
        return str(error)
    state.commit()
    context.events += events
    return None
