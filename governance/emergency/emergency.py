"""Emergency pauses: two thirds of the council's seats stop one thing for 72 hours at most.

A pause ends by itself in the first block at or after its end, before that block's transactions. It
stops minting, the finalisation of rounds, or one message type; never votes, petitions, challenges,
reveals or blocks. A vote of 48 hours may prolong it once; then the same thing cannot be paused for
a while, and the council owes a report.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from governance.admissible import require_decided
from governance.chambers import ALL_CHAMBERS, PERSONS
from governance.emergency.council import holders, seat_of
from governance.proposals.classes import ProposalClass, governance_parameters
from governance.proposals.lifecycle import Step
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import MODULE, Message, Origin, Proposal
from governance.proposals.proposals import content_hash, create, start_review
from governance.proposals.voting import open_vote
from ledger import codec
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import MAX_TYPE_BYTES, Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import key, present, table
from ledger.state import State
from ledger.strict_json import did_you_mean

MINTING: Final = "minting"
FINALISING: Final = "finalising"
MESSAGE_PREFIX: Final = "message:"
MAX_PAUSES: Final = 16
"""In force at one time; and as many may wait for their report."""

PAUSE: Final = MessageType(
    "proposals.pause",
    "A council member's agreement to pause something; two thirds of the seats pause it.",
    (
        Field("target", Kind.TEXT, "minting, finalising, or message:<type>", 64),
        Field("reason_hash", Kind.HASH, "SHA-256 of the reasons given"),
    ),
)
RENEW: Final = MessageType(
    "proposals.renew",
    "A council member calls the vote of 48 hours on prolonging a pause once.",
    (Field("pause", Kind.UINT64, "number of the pause"),),
)
REPORT: Final = MessageType(
    "proposals.report",
    "Puts the council's report on a pause on record.",
    (
        Field("pause", Kind.UINT64, "number of the pause"),
        Field("document_hash", Kind.HASH, "SHA-256 of the report"),
    ),
)
PROLONG: Final = MessageType(
    "proposals.prolong",
    "Prolongs a pause; only carried out by the vote that a renewal calls.",
    (Field("pause", Kind.UINT64, "number of the pause"),),
)


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause on record. ended_ms: 0 while in force. renewal: its proposal, 0 for none.

    report_due_ms: 0 until the pause has ended. report_hash: empty until the report is there.
    """

    target: str
    reason_hash: Hash
    started_ms: int
    until_ms: int
    ended_ms: int
    renewal: int
    is_renewed: bool
    report_due_ms: int
    report_hash: bytes


@dataclass(frozen=True, slots=True)
class Register:
    """pauses: how many there ever were. active: numbers in force. unreported: without report."""

    pauses: int
    active: tuple[int, ...]
    unreported: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Motion:
    """Agreements to one pause that are gathered: the account by chamber, empty for none."""

    opened_ms: int
    accounts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class NewestPause:
    """Of one target."""

    pause: int


PAUSES: Final = table(MODULE, "pause", Pause)
"""By number from 1."""
REGISTER: Final = table(MODULE, "pauses", Register)
"""One row, at the empty key."""
MOTIONS: Final = table(MODULE, "motion", Motion)
"""By target."""
NEWEST_PAUSES: Final = table(MODULE, "newest_pause", NewestPause)
"""By target."""
_NONE: Final = Register(0, (), ())


def register(state: State) -> Register:
    """Counters and pauses in force."""
    return state.get(REGISTER, b"") or _NONE


def pause_of(state: State, number: int) -> Pause:
    """A pause that exists."""
    return present(state.get(PAUSES, key(number)), f"pause {number}")


def _is_paused(state: State, target: str) -> bool:
    if not register(state).active:
        return False
    row = state.get(NEWEST_PAUSES, target.encode())
    return row is not None and pause_of(state, row.pause).ended_ms == 0


def minting_paused(state: State) -> bool:
    """True while no round mints."""
    return _is_paused(state, MINTING)


def finalising_paused(state: State) -> bool:
    """True while no value becomes final."""
    return _is_paused(state, FINALISING)


def message_paused(state: State, message_type: str) -> bool:
    """True while messages of a type are refused."""
    return _is_paused(state, MESSAGE_PREFIX + message_type)


class EmergencyCouncil:
    """tokenomics.ports.Emergency, and message_paused for the executor."""

    def minting_paused(self, state: State) -> bool:
        """True while no round mints."""
        return minting_paused(state)

    def finalising_paused(self, state: State) -> bool:
        """True while no value becomes final; the rounds' clocks stop with it."""
        return finalising_paused(state)

    def message_paused(self, state: State, message_type: str) -> bool:
        """True while messages of a type are refused."""
        return message_paused(state, message_type)


def next_end_ms(state: State) -> int | None:
    """When the next pause ends, or None."""
    return min((pause_of(state, n).until_ms for n in register(state).active), default=None)


def end_pauses(context: Context) -> None:
    """End every pause whose time is over; the report is due from now on."""
    state, time_ms = context.state, context.block.time_ms
    found = register(state)
    for number in found.active:
        row = pause_of(state, number)
        if time_ms < row.until_ms:
            continue
        parameters = governance_parameters(state)
        due_ms = time_ms + parameters.block_ms(parameters.report_ms)
        state.put(PAUSES, key(number), replace(row, ended_ms=time_ms, report_due_ms=due_ms))
        active = tuple(n for n in register(state).active if n != number)
        state.put(REGISTER, b"", replace(register(state), active=active))
        context.emit("proposals.pause_ended", pause=number, target=row.target, report_due_ms=due_ms)


def emergency_handlers(mandate: Mandate) -> Mapping[MessageType, Handler]:
    """The messages of this file."""
    return {
        PAUSE: partial(_pause, mandate),
        RENEW: partial(_renew, mandate),
        REPORT: partial(_report, mandate),
        PROLONG: _prolong,
    }


def _require_pausable(mandate: Mandate, target: str) -> None:
    message_type = target.removeprefix(MESSAGE_PREFIX)
    if target not in (MINTING, FINALISING) and (
        message_type == target or message_type.count(".") != 1 or len(message_type) > MAX_TYPE_BYTES
    ):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"target: expected {MINTING}, {FINALISING} or {MESSAGE_PREFIX}<type>, found {target!r}"
            + did_you_mean(target, (MINTING, FINALISING)),
        )
    if message_type.startswith(f"{MODULE}.") or message_type in mandate.never_paused:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{message_type} can never be paused: votes, petitions, challenges, reveals and blocks "
            "go on in an emergency too",
        )
    # A mistyped target would gather agreements, and then stop nothing.
    known = mandate.router.types()
    if target not in (MINTING, FINALISING) and message_type not in known:
        raise TransactionError(
            ErrorCode.NOT_FOUND,
            f"target: no message type is called {message_type!r}"
            + did_you_mean(message_type, known),
        )


def _require_free(context: Context, target: str) -> None:
    state, time_ms = context.state, context.block.time_ms
    found, parameters = register(state), governance_parameters(state)
    newest = state.get(NEWEST_PAUSES, target.encode())
    if newest is not None:
        last = pause_of(state, newest.pause)
        if last.ended_ms == 0:
            raise TransactionError(
                ErrorCode.CONFLICT, f"{target} is paused until {last.until_ms} already"
            )
        free_ms = last.ended_ms + parameters.block_ms(parameters.cooldown_ms)
        if time_ms < free_ms:
            raise TransactionError(
                ErrorCode.NOT_NOW,
                f"{target} was paused until {last.ended_ms}: again at {free_ms}",
            )
    for number in found.unreported:
        due_ms = pause_of(state, number).report_due_ms
        if due_ms and time_ms >= due_ms:
            raise TransactionError(
                ErrorCode.NOT_NOW,
                f"the report on pause {number} was due at {due_ms}: put it on record first",
            )
    if max(len(found.active), len(found.unreported)) >= MAX_PAUSES:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{MAX_PAUSES} pauses are in force or wait for their report: report on one first",
        )


def _agrees(council: Mapping[int, Address | None], motion: Motion) -> list[int]:
    """Seats whose holder of now has agreed."""
    return [
        chamber
        for chamber, account in council.items()
        if account is not None and motion.accounts[chamber] == account
    ]


def is_carried(council: Mapping[int, Address | None], agreeing: list[int]) -> bool:
    """Two thirds of the seats, with a persons' seat if a persons' chamber is seated."""
    persons = {index for index in council if ALL_CHAMBERS[index].name in PERSONS}
    with_persons = not persons or bool(persons & set(agreeing))
    return bool(council) and 3 * len(agreeing) >= 2 * len(council) and with_persons


def _pause(mandate: Mandate, context: Context, target: str, reason_hash: Hash) -> None:
    state, time_ms = context.state, context.block.time_ms
    chamber = seat_of(mandate, state, context.require_sender())
    _require_pausable(mandate, target)
    _require_free(context, target)
    parameters = governance_parameters(state)
    motion = state.get(MOTIONS, target.encode())
    if motion is None or time_ms >= motion.opened_ms + parameters.block_ms(parameters.motion_ms):
        motion = Motion(time_ms, (b"",) * len(ALL_CHAMBERS))
    if motion.accounts[chamber] == context.require_sender():
        raise TransactionError(ErrorCode.CONFLICT, f"this seat already agrees to pause {target}")
    accounts = list(motion.accounts)
    accounts[chamber] = context.require_sender()
    motion = replace(motion, accounts=tuple(accounts))
    council = holders(mandate, state)
    agreeing = _agrees(council, motion)
    context.emit(
        "proposals.pause_agreed",
        target=target,
        chamber=ALL_CHAMBERS[chamber].name,
        account=context.require_sender(),
        reason_hash=reason_hash,
        agreeing=len(agreeing),
        seats=len(council),
    )
    if not is_carried(council, agreeing):
        state.put(MOTIONS, target.encode(), motion)
        return
    state.delete(MOTIONS, target.encode())
    _start(context, target, reason_hash)


def _start(context: Context, target: str, reason_hash: Hash) -> None:
    state, time_ms = context.state, context.block.time_ms
    parameters, found = governance_parameters(state), register(state)
    number = found.pauses + 1
    until_ms = time_ms + parameters.block_ms(parameters.pause_ms)
    row = Pause(target, reason_hash, time_ms, until_ms, 0, 0, False, 0, b"")
    state.put(PAUSES, key(number), row)
    state.put(NEWEST_PAUSES, target.encode(), NewestPause(number))
    after = Register(number, (*found.active, number), (*found.unreported, number))
    state.put(REGISTER, b"", after)
    context.emit("proposals.paused", pause=number, target=target, until_ms=until_ms)


def _find(state: State, number: int) -> Pause:
    if not 0 < number <= register(state).pauses:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no pause {number}")
    return pause_of(state, number)


def _require_in_force(row: Pause, number: int) -> None:
    if row.ended_ms:
        raise TransactionError(ErrorCode.NOT_NOW, f"pause {number} ended at {row.ended_ms}")


def _renew(mandate: Mandate, context: Context, number: int) -> None:
    state, sender = context.state, context.require_sender()
    seat_of(mandate, state, sender)
    row = _find(state, number)
    _require_in_force(row, number)
    if row.renewal:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"proposal {row.renewal} was called to renew pause {number}: once is enough",
        )
    message = Message(PROLONG.name, codec.encode(PROLONG.encode(number)))
    time_ms = context.block.time_ms
    proposal = Proposal(
        origin=Origin.COUNCIL,
        title=f"Renewal of pause {number}: {row.target}",
        document_hash=row.reason_hash,
        content_hash=content_hash([message], row.reason_hash),
        legal_basis=0,
        messages=1,
        account=sender,
        sponsor=sender,
        submitted_ms=time_ms,
        signatures_needed=0,
    )
    renewal = create(context, proposal, [message], ProposalClass.B, time_ms)
    start_review(context, renewal)
    open_vote(context, mandate, renewal, Step.OPEN)
    state.put(PAUSES, key(number), replace(row, renewal=renewal))


def _prolong(context: Context, number: int) -> None:
    require_decided(context, "the length of a pause")
    state = context.state
    row = _find(state, number)
    _require_in_force(row, number)
    if row.is_renewed:
        raise TransactionError(ErrorCode.CONFLICT, f"pause {number} was renewed once already")
    parameters = governance_parameters(state)
    until_ms = row.until_ms + parameters.block_ms(parameters.renewal_ms)
    state.put(PAUSES, key(number), replace(row, until_ms=until_ms, is_renewed=True))
    context.emit("proposals.pause_prolonged", pause=number, until_ms=until_ms)


def _report(mandate: Mandate, context: Context, number: int, document_hash: Hash) -> None:
    state, sender = context.state, context.require_sender()
    seat_of(mandate, state, sender)
    row = _find(state, number)
    if row.report_hash:
        raise TransactionError(ErrorCode.CONFLICT, f"the report on pause {number} is on record")
    state.put(PAUSES, key(number), replace(row, report_hash=document_hash))
    found = register(state)
    unreported = tuple(each for each in found.unreported if each != number)
    state.put(REGISTER, b"", replace(found, unreported=unreported))
    context.emit("proposals.pause_reported", pause=number, document_hash=document_hash)
