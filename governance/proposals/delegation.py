"""Delegation of persons' votes by class, counted without ever looking at each delegator.

Of each delegate is kept how many delegations end at which calendar mark, so that their number at a
moment is a sum of at most 73 numbers. Both sides keep versions by the number of votes of the class
that had begun, so that a vote sees delegations as they stood when it started. Chains are not
followed: a delegate's own delegation never carries what was delegated to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from governance.chambers import PERSONS
from governance.proposals.classes import GovernanceParameters, ProposalClass, governance_parameters
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import CHAMBER_INDEX, MODULE, book
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError, ensure
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import BPS, Address
from ledger.rows import key, present, table
from ledger.state import State, Table

DELEGATE: Final = MessageType(
    "proposals.delegate",
    "Delegates a person's votes of one class to a member of the same chamber, for at most a year.",
    (
        Field("proposal_class", Kind.TEXT, "A, B, C or D", 1),
        Field("delegate", Kind.ADDRESS, "the delegate's account"),
    ),
)
UNDELEGATE: Final = MessageType(
    "proposals.undelegate",
    "Ends a delegation for votes that start later.",
    (Field("proposal_class", Kind.TEXT, "A, B, C or D", 1),),
)


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a person delegated in one class. begun: votes of the class that had begun when this was
    written. previous: `begun` of the version before it. delegate: member identity, empty for none.
    """

    begun: int
    previous: int | None
    chamber: int
    delegate: bytes
    made_ms: int
    ends_mark: int


@dataclass(frozen=True, slots=True)
class Received:
    """Delegations to one person in one class: counts[i] of them end at mark first_mark + i."""

    begun: int
    previous: int | None
    first_mark: int
    counts: tuple[int, ...]


DELEGATIONS: Final = table(MODULE, "delegation", Delegation)
"""By class and delegator."""
PAST_DELEGATIONS: Final = table(MODULE, "past_delegation", Delegation)
"""Earlier versions: the key above, and the version's `begun`."""
RECEIVED: Final = table(MODULE, "received", Received)
"""By class, position of the chamber, and delegate."""
PAST_RECEIVED: Final = table(MODULE, "past_received", Received)
"""Earlier versions: the key above, and the version's `begun`."""

Version = TypeVar("Version", Delegation, Received)


def delegation_key(proposal_class: ProposalClass, member: bytes) -> bytes:
    """Where a person's delegation lies."""
    return bytes((proposal_class,)) + member


def received_key(proposal_class: ProposalClass, chamber: int, member: bytes) -> bytes:
    """Where what was delegated to a person lies."""
    return bytes((proposal_class, chamber)) + member


def _as_of(
    state: State, now: Table[Version], past: Table[Version], place: bytes, number: int
) -> Version | None:
    """The version that stood when vote `number` of its class began.

    Walks back over votes of the class that began since: no more than sponsors' slots allow.
    """
    row = state.get(now, place)
    while row is not None and row.begun >= number:
        if row.previous is None:
            return None
        row = present(state.get(past, place + key(row.previous)), "an earlier delegation")
    return row


def _write(
    state: State, now: Table[Version], past: Table[Version], place: bytes, row: Version
) -> None:
    """Put a version; the one before it is kept when a vote has begun since it was written."""
    before = state.get(now, place)
    if before is not None:
        if before.begun < row.begun:
            state.put(past, place + key(before.begun), before)
            row = replace(row, previous=before.begun)
        else:
            row = replace(row, previous=before.previous)
    state.put(now, place, row)


def delegate_of(
    state: State, proposal_class: ProposalClass, member: bytes, number: int, opened_mark: int
) -> Delegation | None:
    """Whom a person had delegated to when vote `number` began at `opened_mark`, or None."""
    row = _as_of(
        state, DELEGATIONS, PAST_DELEGATIONS, delegation_key(proposal_class, member), number
    )
    return row if row is not None and row.delegate and row.ends_mark > opened_mark else None


def received_by(
    state: State,
    proposal_class: ProposalClass,
    chamber: int,
    member: bytes,
    number: int,
    opened_mark: int,
) -> int:
    """Delegations that a person held when vote `number` began at `opened_mark`."""
    place = received_key(proposal_class, chamber, member)
    row = _as_of(state, RECEIVED, PAST_RECEIVED, place, number)
    return 0 if row is None else in_force(row, opened_mark)


def in_force(row: Received, mark: int) -> int:
    """Delegations that have not ended at a mark."""
    return sum(row.counts[max(0, mark + 1 - row.first_mark) :])


def cap(seated: int, delegate_bps: int) -> int:
    """Delegations that one delegate may carry in a chamber of this size."""
    return max(1, seated * delegate_bps // BPS)


def _count_in(state: State, proposal_class: ProposalClass, given: Delegation, mark: int) -> None:
    """Count a delegation at its delegate; marks that are over at `mark` are dropped."""
    place = received_key(proposal_class, given.chamber, given.delegate)
    row = state.get(RECEIVED, place)
    first = mark + 1
    counts = [] if row is None else list(row.counts[first - row.first_mark :])
    index = given.ends_mark - first
    counts += [0] * (index + 1 - len(counts))
    counts[index] += 1
    _write_received(state, proposal_class, place, first, counts)


def _count_out(state: State, proposal_class: ProposalClass, given: Delegation) -> None:
    """No longer count a delegation that was counted; nothing when it has ended and was dropped."""
    place = received_key(proposal_class, given.chamber, given.delegate)
    row = present(state.get(RECEIVED, place), "what was delegated to a delegate")
    index = given.ends_mark - row.first_mark
    if index < 0:
        return
    counts = list(row.counts)
    counts[index] -= 1
    ensure(counts[index] >= 0, f"delegations to {given.delegate.hex()} are fewer than none")
    _write_received(state, proposal_class, place, row.first_mark, counts)


def _write_received(
    state: State, proposal_class: ProposalClass, place: bytes, first_mark: int, counts: list[int]
) -> None:
    begun = book(state).begun[proposal_class - 1]
    _write(state, RECEIVED, PAST_RECEIVED, place, Received(begun, None, first_mark, tuple(counts)))


def _end(state: State, proposal_class: ProposalClass, member: bytes, row: Delegation) -> None:
    """End a delegation for votes that start from now on."""
    _count_out(state, proposal_class, row)
    begun = book(state).begun[proposal_class - 1]
    none = Delegation(begun, None, row.chamber, b"", 0, 0)
    place = delegation_key(proposal_class, member)
    _write(state, DELEGATIONS, PAST_DELEGATIONS, place, none)


def drop_delegations(state: State, member: bytes) -> None:
    """End every delegation that a person gave: the membership has ended."""
    for proposal_class in ProposalClass:
        row = state.get(DELEGATIONS, delegation_key(proposal_class, member))
        if row is not None and row.delegate:
            _end(state, proposal_class, member, row)


def delegation_handlers(mandate: Mandate) -> Mapping[MessageType, Handler]:
    """The messages of this file."""
    return {DELEGATE: partial(_delegate, mandate), UNDELEGATE: partial(_undelegate, mandate)}


def class_named(name: str) -> ProposalClass:
    """The class that a message names."""
    if name not in ProposalClass.__members__:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"proposal_class: expected A, B, C or D, found {name!r}"
        )
    return ProposalClass[name]


def person_of(mandate: Mandate, state: State, account: Address, what: str) -> tuple[str, bytes]:
    """(chamber, member identity) of a person of now; TransactionError for anybody else."""
    chamber = mandate.electorate.chamber_of(state, account)
    member = mandate.electorate.member_id(state, account)
    if chamber not in PERSONS or member is None:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(account)} holds no credential in force: {what} is for members of "
            "a persons' chamber",
        )
    return chamber, member


def _ends_mark(parameters: GovernanceParameters, time_ms: int) -> int:
    """The last mark within the length of a delegation."""
    last = parameters.mark_at(time_ms + parameters.block_ms(parameters.delegation_ms))
    return max(last, parameters.mark_at(time_ms) + 1)


def _delegate(mandate: Mandate, context: Context, class_name: str, delegate: Address) -> None:
    state, time_ms = context.state, context.block.time_ms
    sender, proposal_class = context.require_sender(), class_named(class_name)
    chamber, member = person_of(mandate, state, sender, "delegating")
    to_chamber, to_member = person_of(mandate, state, delegate, "being a delegate")
    if to_chamber != chamber or to_member == member:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"delegate: expected another member of {chamber}, found "
            + ("yourself" if to_member == member else f"a member of {to_chamber}"),
        )
    parameters = governance_parameters(state)
    mark = parameters.mark_at(time_ms)
    index = CHAMBER_INDEX[chamber]
    before = state.get(DELEGATIONS, delegation_key(proposal_class, member))
    renews = before is not None and before.delegate == to_member and before.ends_mark > mark
    held = state.get(RECEIVED, received_key(proposal_class, index, to_member))
    count = 0 if held is None else in_force(held, mark)
    limit = cap(mandate.electorate.seated(state, chamber), parameters.delegate_bps)
    if not renews and count >= limit:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{checksum_address(delegate)} already holds {count} delegations of class "
            f"{proposal_class.name}; at most {limit} are allowed "
            f"({parameters.delegate_bps} bps of {chamber}): choose another delegate",
        )
    ends_mark = _ends_mark(parameters, time_ms)
    if before is not None and before.delegate:
        _count_out(state, proposal_class, before)
    begun = book(state).begun[proposal_class - 1]
    after = Delegation(begun, None, index, to_member, time_ms, ends_mark)
    _count_in(state, proposal_class, after, mark)
    place = delegation_key(proposal_class, member)
    _write(state, DELEGATIONS, PAST_DELEGATIONS, place, after)
    context.emit(
        "proposals.delegated",
        delegator=sender,
        delegate=delegate,
        proposal_class=proposal_class.name,
        ends_mark=ends_mark,
    )


def _undelegate(mandate: Mandate, context: Context, class_name: str) -> None:
    state, time_ms = context.state, context.block.time_ms
    sender, proposal_class = context.require_sender(), class_named(class_name)
    _, member = person_of(mandate, state, sender, "delegating")
    mark = governance_parameters(state).mark_at(time_ms)
    row = state.get(DELEGATIONS, delegation_key(proposal_class, member))
    if row is None or not row.delegate or row.ends_mark <= mark:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"no delegation of class {proposal_class.name} is in force"
        )
    _end(state, proposal_class, member, row)
    context.emit("proposals.undelegated", delegator=sender, proposal_class=proposal_class.name)
