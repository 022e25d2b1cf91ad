"""The module "proposals" on a store, with fakes at its ports: blocks at given times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from governance.chambers import (
    CHAMBER_BUILDERS,
    CHAMBER_LAND,
    CHAMBER_LANDOWNERS,
    CHAMBER_PARTICIPANTS,
    CHAMBER_PUBLIC,
    INSTITUTIONAL,
)
from governance.departures import membership_ended
from governance.proposals.classes import DAY_MS, ProposalClass
from governance.proposals.lifecycle import Status
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import find
from governance.proposals.proposals_module import ProposalsModule
from ledger import codec, invariants
from ledger.crypto import sha256
from ledger.errors import DecodeError, ErrorCode, TransactionError
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import BlockInfo, Context, Event
from ledger.primitives import ZERO_HASH, Address
from ledger.registry import Participation
from ledger.rows import table
from ledger.state import State
from tests.support.electorate_fake import FakeElectorate, institution, person

DOCUMENT = sha256(b"text of the proposal")
BASIS = 1
START_MS = 1_000 * DAY_MS

_VALUE = (Field("value", Kind.UINT64, "any number"),)
BUDGET = MessageType("town.budget", "Class B.", _VALUE)
ZONE = MessageType("town.zone", "Class C; land and builders are recused.", _VALUE)
LAMBDA = MessageType("town.lambda", "Class D; more than now loosens supply.", _VALUE)
REGISTRAR = MessageType("town.registrar", "Class B; replaces a registrar.", _VALUE)
BROKEN = MessageType("town.broken", "Class B; refuses while it is told to.", _VALUE)
TYPES = {each.name: each for each in (BUDGET, ZONE, LAMBDA, REGISTRAR, BROKEN)}
CLASS_OF = {
    BUDGET.name: ProposalClass.B,
    ZONE.name: ProposalClass.C,
    LAMBDA.name: ProposalClass.D,
    REGISTRAR.name: ProposalClass.B,
    BROKEN.name: ProposalClass.B,
}


@dataclass(frozen=True, slots=True)
class Value:
    value: int


VALUES = table("town", "value", Value)
"""What the fake messages last wrote, by their type; the town's lambda is under LAMBDA's."""


def value(state: State, message_type: MessageType) -> int:
    row = state.get(VALUES, message_type.name.encode())
    return 0 if row is None else row.value


def loosens_supply(state: State, message_type: str, body: object) -> bool:
    return message_type == LAMBDA.name and LAMBDA.decode(body)[0] > value(state, LAMBDA)


class FakeRouter:
    """Writes the value of a message; BROKEN writes, then refuses as often as it is told."""

    def __init__(self) -> None:
        self.refusals = 0
        self.senders: list[Address] = []
        self.module: ProposalsModule | None = None
        self.others: set[str] = set()

    def types(self) -> set[str]:
        return {*TYPES, *self.others}

    def check(self, message_type: str, body: object) -> None:
        try:
            self._type(message_type).decode(body)
        except DecodeError as error:
            raise TransactionError(ErrorCode.INVALID_MESSAGE, str(error)) from error

    def execute(self, context: Context, message_type: str, body: object, sender: Address) -> None:
        found = self._type(message_type)
        self.senders.append(sender)
        if found.name not in TYPES and self.module is not None:
            self.module.handlers[found](context, *found.decode(body))
            return
        (number,) = found.decode(body)
        context.state.put(VALUES, message_type.encode(), Value(number))
        context.emit("town.written", type=message_type, value=number)
        if found is BROKEN and self.refusals > 0:
            self.refusals -= 1
            raise TransactionError(ErrorCode.NOT_NOW, "the treasury is empty")

    def _type(self, name: str) -> MessageType:
        own = {} if self.module is None else {each.name: each for each in self.module.handlers}
        found = {**TYPES, **own}.get(name)
        if found is None:
            raise TransactionError(ErrorCode.INVALID_MESSAGE, f"no message type is called {name}")
        return found


class FakeBases:
    def __init__(self) -> None:
        self.numbers = {BASIS}

    def in_force(self, state: State, basis_id: int) -> bool:
        del state
        return basis_id in self.numbers


class DecidingTown:
    """Runs blocks; each is committed to the store and, unless told otherwise, checked against all
    invariants."""

    def __init__(self, parameters: dict[str, Any] | None = None, *, checks: bool = True) -> None:
        self.checks = checks
        self.store = MemoryStore()
        self.electorate = FakeElectorate()
        self.router = FakeRouter()
        self.bases = FakeBases()
        self.mandate = Mandate(
            self.electorate,
            self.router,
            self.bases,
            CLASS_OF,
            loosens_supply,
            {ZONE.name: frozenset((CHAMBER_LAND, CHAMBER_BUILDERS))},
            frozenset((REGISTRAR.name,)),
            frozenset(("land.challenge", "land.reveal")),
        )
        self.module = ProposalsModule(self.mandate)
        self.router.module = self.module
        self.by_name = {each.name: each for each in self.module.handlers}
        self.height, self.time_ms = 0, START_MS
        self.events: list[Event] = []
        self.reasons: list[str] = []
        state = State(self.store)
        self.module.init_genesis(self.context(state), {"parameters": parameters or {}})
        self.commit(state)

    @property
    def state(self) -> State:
        return State(self.store)

    def context(self, state: State, sender: Address | None = None) -> Context:
        info = BlockInfo(1, self.height, self.time_ms, ZERO_HASH, self.time_ms, 0, _NOBODY)
        return Context(state, info, sender, None if sender is None else DOCUMENT)

    def commit(self, state: State) -> None:
        batch = WriteBatch()
        self.rows_written = state.changes()
        batch.operations.extend(self.rows_written)
        self.store.write(batch, sync=True)

    def organisations(self, each: int = 1) -> None:
        for chamber in INSTITUTIONAL:
            for index in range(each):
                self.electorate.join(institution(chamber, index), chamber)

    def persons(self, participants: int, landowners: int = 0) -> None:
        """Participants are person(0..), landowners follow."""
        for index in range(participants + landowners):
            chamber = CHAMBER_PARTICIPANTS if index < participants else CHAMBER_LANDOWNERS
            self.electorate.join(person(index), chamber)

    def block(
        self,
        *sent: tuple[Address, str, tuple[Any, ...]],
        after_ms: int = 1_000,
        leaves: Sequence[Address] = (),
        at_ms: int | None = None,
    ) -> list[ErrorCode]:
        """One block with these messages (sender, verb, fields); the code of each. leaves: members
        whose membership ends in this block, before the messages."""
        self.height += 1
        self.time_ms = self.time_ms + after_ms if at_ms is None else at_ms
        state = State(self.store)
        start = self.context(state)
        self.module.begin_block(start)
        for account in leaves:
            membership_ended(state, self.electorate.leave(account))
        codes, self.events = [], list(start.events)
        self.reasons = []
        for sender, verb, values in sent:
            codes.append(self._message(state, sender, verb, values))
        end = self.context(state)
        self.module.end_block(end)
        self.events += end.events
        self.commit(state)
        if self.checks:
            found = invariants.collect((self.module,))
            invariants.check(found, self.state, end.block)
        return codes

    def _message(
        self, state: State, sender: Address, verb: str, values: tuple[Any, ...]
    ) -> ErrorCode:
        found = self.by_name[f"proposals.{verb}"]
        context = self.context(state, sender)
        before = dict(state.writes())
        state.begin()
        try:
            self.module.handlers[found](context, *found.decode(found.encode(*values)))
        except TransactionError as error:
            state.rollback()
            assert dict(state.writes()) == before
            self.reasons.append(error.reason)
            return error.code
        state.commit()
        self.events += context.events
        return ErrorCode.OK

    def must(self, sender: Address, verb: str, *values: Any, after_ms: int = 1_000) -> None:
        """A block with one message that has to succeed."""
        codes = self.block((sender, verb, values), after_ms=after_ms)
        assert codes == [ErrorCode.OK], self.reasons

    def refused(self, sender: Address, verb: str, *values: Any) -> tuple[ErrorCode, str]:
        """Code and sentence of a message that has to fail, in a block of its own."""
        before = self.state_rows()
        (code,) = self.block((sender, verb, values), after_ms=0)
        assert code is not ErrorCode.OK
        assert self.state_rows() == before
        return code, self.reasons[0]

    def state_rows(self) -> dict[bytes, bytes]:
        return dict(self.store.iterate(b"", b"\xff"))

    def status(self, number: int = 1) -> Status:
        return find(self.state, number)[1].status

    def run_until(self, *statuses: Status, number: int = 1) -> Status:
        """Blocks at each deadline until the proposal has one of these."""
        for _ in range(100):
            if self.status(number) in statuses:
                return self.status(number)
            due_ms = self.module.next_deadline_ms(self.state)
            assert due_ms is not None, f"nothing is due, the proposal is {self.status(number).name}"
            self.block(at_ms=max(due_ms, self.time_ms))
        raise AssertionError(f"after 100 steps the proposal is {self.status(number).name}")

    def propose(self, *messages: tuple[str, bytes], basis: int = BASIS, run: bool = True) -> int:
        """A proposal of city hall, sponsored by the land corporation, up to its vote."""
        by, other = institution(CHAMBER_PUBLIC), institution(CHAMBER_LAND)
        self.must(by, "submit", "A proposal", DOCUMENT, basis, messages)
        number = max(
            dict(event.values)["proposal"]
            for event in self.events
            if event.name == "proposals.submitted"
        )
        assert isinstance(number, int)
        self.must(other, "sponsor", number)
        if run:
            self.run_until(Status.VOTING, number=number)
        return number

    def all_vote(self, number: int, choice: str = "yes", persons: int = 0) -> None:
        """One block in which every organisation, and the first persons, vote the same; those who
        may not vote are refused."""
        accounts = [institution(chamber) for chamber in INSTITUTIONAL]
        accounts += [person(index) for index in range(persons)]
        self.block(*[(account, "vote", (number, choice)) for account in accounts])


def message(found: MessageType, *values: Any) -> tuple[str, bytes]:
    """As a proposal carries it."""
    return found.name, codec.encode(found.encode(*values))


_NOBODY = Participation(None)
