"""The state module "proposals": how stakeholders decide (docs/governance.md)."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from governance.emergency.council import council_handlers
from governance.emergency.emergency import (
    EmergencyCouncil,
    emergency_handlers,
    end_pauses,
    next_end_ms,
)
from governance.proposals import due
from governance.proposals.challenge_petitions import challenge_petition_handlers
from governance.proposals.classes import PARAMETERS, ProposalClass, has_proposals, parameters_from
from governance.proposals.delegation import delegation_handlers
from governance.proposals.execution import MAX_EXECUTIONS_A_BLOCK, execute_due
from governance.proposals.lifecycle import Status, Step
from governance.proposals.mandate import Mandate
from governance.proposals.parameter_changes import OWN_CLASSES, parameter_handlers
from governance.proposals.petitions import petition_handlers
from governance.proposals.progress import move
from governance.proposals.proposal_invariants import proposal_invariants
from governance.proposals.proposal_rows import BOOK, MODULE, Book, progress_of
from governance.proposals.proposals import proposals_handlers
from governance.proposals.voting import close_vote, open_vote, voting_handlers
from governance.stakeholders.stakeholder_genesis import has_stakeholders
from ledger.errors import ErrorCode, InvariantViolation, TransactionError, ensure
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context, Handler, Invariant
from ledger.state import State
from ledger.strict_json import JsonReader

_GENESIS: Final = JsonReader("genesis")


class ProposalsModule(EmergencyCouncil):
    """StateModule of proposals, votes and emergency pauses. Its hooks have to run before those of
    modules that ask for pauses, and its end_block after whoever changes membership."""

    name: Final = MODULE

    def __init__(self, mandate: Mandate) -> None:
        self._mandate = replace(mandate, class_of={**mandate.class_of, **OWN_CLASSES})
        handlers: Mapping[MessageType, Handler] = {
            **proposals_handlers(self._mandate),
            **petition_handlers(self._mandate),
            **challenge_petition_handlers(self._mandate),
            **voting_handlers(self._mandate),
            **delegation_handlers(self._mandate),
            **council_handlers(self._mandate),
            **emergency_handlers(self._mandate),
            **parameter_handlers(),
        }
        self.handlers: Final[Mapping[MessageType, Handler]] = {
            message_type: partial(_where_decided, handler)
            for message_type, handler in handlers.items()
        }
        self.invariants: Final[Mapping[str, Invariant]] = {
            "stakeholders_have_proposals": _stakeholders_have_proposals,
            **{
                name: partial(_checked_where_decided, invariant)
                for name, invariant in proposal_invariants(self._mandate).items()
            },
        }

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """section: {"parameters": {...}}, each optional (docs/governance.md, "Parameters").

        Without one, a chain with stakeholders takes the defaults, and any other has no proposals.
        """
        if not section and not has_stakeholders(context.state):
            return
        given = _GENESIS.fields(section, MODULE, optional=("parameters",))
        parameters = parameters_from(given.get("parameters", {}), "proposals.parameters")
        context.state.put(PARAMETERS, b"", parameters)
        begun = (0,) * len(ProposalClass)
        context.state.put(BOOK, b"", Book(0, context.block.time_ms, begun))

    def begin_block(self, context: Context) -> None:
        """End the pauses whose time is over."""
        end_pauses(context)

    def end_block(self, context: Context) -> None:
        """Take the steps that are due; what exceeds a block's bounds waits for the next one."""
        executions = 0
        for number in due.due_now(context.state, context.block.time_ms):
            if progress_of(context.state, number).status is Status.QUEUED:
                executions += 1
                if executions > MAX_EXECUTIONS_A_BLOCK:
                    continue
            self._take_step(context, number)

    def next_deadline_ms(self, state: State) -> int | None:
        """When the next proposal moves by itself or the next pause ends, or None."""
        times = (due.earliest_ms(state), next_end_ms(state))
        return min((time for time in times if time is not None), default=None)

    def _take_step(self, context: Context, number: int) -> None:
        status = progress_of(context.state, number).status
        if status is Status.SUBMITTED:
            move(context, number, Step.RUN_OUT, reason="too few supported it in time")
        elif status in (Status.REVIEW, Status.INTERVAL):
            open_vote(context, self._mandate, number, Step.OPEN)
        elif status in (Status.VOTING, Status.SECOND_VOTING, Status.RECALL_VOTING):
            close_vote(context, self._mandate, number)
        elif status is Status.QUEUED:
            execute_due(context, self._mandate, number)
        else:
            raise InvariantViolation(f"proposal {number} is {status.name} and still in the queue")


def _where_decided(handler: Handler, context: Context, *values: object) -> None:
    """A message of this module, on a chain that has proposals."""
    if not has_proposals(context.state):
        raise TransactionError(
            ErrorCode.NOT_NOW,
            "this chain has no proposals: its genesis names no stakeholders, and its authority "
            "decides",
        )
    handler(context, *values)


def _checked_where_decided(invariant: Invariant, state: State, info: BlockInfo) -> None:
    if has_proposals(state):
        invariant(state, info)


def _stakeholders_have_proposals(state: State, info: BlockInfo) -> None:
    """A chain that names who is there can decide; a restart that adds the one needs the other."""
    del info
    ensure(
        has_proposals(state) or not has_stakeholders(state),
        "genesis has modules.stakeholders and the chain no proposals: add modules.proposals",
    )
