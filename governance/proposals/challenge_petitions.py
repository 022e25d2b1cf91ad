"""Persons challenge a land value together: a petition that lives as long as the challenge could be
made.

A proposal would come too late: its review and its vote last longer than the fourteen days in which
a value may be challenged. So signatures alone decide, as many of the chamber as a petition needs.
The oracle says whether the challenge could be made now; when it no longer could, the petition takes
no signature any more. There is no clock of its own to keep in step with the oracle's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from governance.chambers import CHAMBERS
from governance.proposals.classes import governance_parameters, least
from governance.proposals.delegation import person_of
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import MODULE
from ledger import codec
from ledger.accounts import module_address
from ledger.crypto import sha256
from ledger.errors import DecodeError, ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import key, present, table
from ledger.state import State

MAX_WORD_BYTES: Final = 64
PETITION_CHALLENGE: Final = MessageType(
    "proposals.petition_challenge",
    "Opens a petition that challenges a land value and signs it; enough signatures of one's "
    "chamber make the challenge.",
    (
        Field("zone", Kind.TEXT, "id of the zone", MAX_WORD_BYTES),
        Field("round", Kind.UINT64, "number of the town round"),
        Field("ground", Kind.TEXT, "why, as in land.challenge", MAX_WORD_BYTES),
        Field("evidence_hash", Kind.HASH, "SHA-256 of the evidence"),
    ),
)
SIGN_CHALLENGE: Final = MessageType(
    "proposals.sign_challenge",
    "Signs a petition that challenges a land value.",
    (Field("petition", Kind.UINT64, "number of the petition"),),
)


@dataclass(frozen=True, slots=True)
class ChallengePetition:
    """needed: signatures, fixed when it was opened. filed_ms: 0 until the challenge was made."""

    chamber: str
    zone: str
    round: int
    ground: str
    evidence_hash: Hash
    account: Address
    opened_ms: int
    needed: int
    signatures: int
    filed_ms: int


@dataclass(frozen=True, slots=True)
class ChallengePetitionBook:
    """How many there ever were."""

    count: int


@dataclass(frozen=True, slots=True)
class ChallengeSignature:
    """The petition that was signed."""

    petition: int


PETITIONS: Final = table(MODULE, "challenge", ChallengePetition)
"""By number from 1."""
PETITION_BOOK: Final = table(MODULE, "challenges", ChallengePetitionBook)
"""One row, at the empty key."""
SIGNATURES: Final = table(MODULE, "challenge_signature", ChallengeSignature)
"""By petition and member identity."""
SIGNED: Final = table(MODULE, "challenge_signed", ChallengeSignature)
"""What a person signed last, by member identity."""
CONTENTS: Final = table(MODULE, "challenge_content", ChallengeSignature)
"""The newest petition of a chamber with a content, by its hash."""


def petitioner(chamber: str) -> Address:
    """The account that challenges for a chamber's persons; nobody has a key of it."""
    return module_address(f"petition.{chamber}")


def challenge_petition_handlers(mandate: Mandate) -> Mapping[MessageType, Handler]:
    """The messages of this file."""
    return {
        PETITION_CHALLENGE: partial(_open, mandate),
        SIGN_CHALLENGE: partial(_sign, mandate),
    }


def find_petition(state: State, number: int) -> ChallengePetition:
    """TransactionError NOT_FOUND for an unknown number."""
    row = state.get(PETITIONS, key(number)) if 0 < number < 2**32 else None
    if row is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no challenge petition {number}")
    return row


def _body(row: ChallengePetition) -> tuple[object, ...]:
    return row.zone, row.round, row.chamber, row.ground, row.evidence_hash


def _refusal(mandate: Mandate, context: Context, row: ChallengePetition) -> str | None:
    """Why the oracle would not take the challenge now; None when it would. Changes nothing."""
    state = context.state
    state.begin()
    try:
        _execute(mandate, context, row)
    except (TransactionError, DecodeError) as error:
        return str(error)
    finally:
        state.rollback()
    return None


def _execute(mandate: Mandate, context: Context, row: ChallengePetition) -> Context:
    state, sender = context.state, petitioner(row.chamber)
    call = Context(state, context.block, sender, context.transaction_hash)
    mandate.router.execute(call, mandate.challenge_type, _body(row), sender)
    return call


def _person(mandate: Mandate, context: Context) -> tuple[str, bytes]:
    state = context.state
    chamber, member = person_of(mandate, state, context.require_sender(), "challenging together")
    if mandate.electorate.seated(state, chamber) < CHAMBERS[chamber].min_members:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"{chamber} is vacant: it can challenge when it has "
            f"{CHAMBERS[chamber].min_members} members",
        )
    row = state.get(SIGNED, member)
    if row is not None:
        signed = find_petition(state, row.petition)
        if not signed.filed_ms and _refusal(mandate, context, signed) is None:
            raise TransactionError(
                ErrorCode.LIMIT_EXCEEDED,
                f"this person has signed challenge petition {row.petition}, which is still open: "
                "one open petition a person",
            )
    return chamber, member


def _open(
    mandate: Mandate, context: Context, zone: str, round_number: int, ground: str, evidence: Hash
) -> None:
    state = context.state
    chamber, member = _person(mandate, context)
    parameters = governance_parameters(state)
    seated = mandate.electorate.seated(state, chamber)
    needed = max(parameters.petition_min, least(seated, parameters.petition_bps, strict=False))
    row = ChallengePetition(
        chamber,
        zone,
        round_number,
        ground,
        evidence,
        context.require_sender(),
        context.block.time_ms,
        needed,
        0,
        0,
    )
    problem = _refusal(mandate, context, row)
    if problem is not None:
        raise TransactionError(ErrorCode.NOT_NOW, f"this could not be challenged now: {problem}")
    content = sha256(codec.encode(_body(row)))
    same = state.get(CONTENTS, content)
    if same is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"challenge petition {same.petition} says the same: sign that one",
        )
    book = state.get(PETITION_BOOK, b"")
    number = 1 if book is None else book.count + 1
    state.put(PETITION_BOOK, b"", ChallengePetitionBook(number))
    state.put(CONTENTS, content, ChallengeSignature(number))
    context.emit(
        "proposals.challenge_petition_opened",
        petition=number,
        chamber=chamber,
        zone=zone,
        round=round_number,
        ground=ground,
        evidence_hash=evidence,
        account=row.account,
        needed=needed,
    )
    _add_signature(mandate, context, number, row, member)


def _sign(mandate: Mandate, context: Context, number: int) -> None:
    state = context.state
    row = find_petition(state, number)
    member = mandate.electorate.member_id(state, context.require_sender())
    if member is not None and state.get(SIGNATURES, key(number) + member) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"this person has already signed challenge petition {number}"
        )
    chamber, member = _person(mandate, context)
    if chamber != row.chamber:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"challenge petition {number} is of {row.chamber}, and this person sits in {chamber}",
        )
    if row.filed_ms:
        raise TransactionError(
            ErrorCode.NOT_NOW, f"challenge petition {number} made its challenge at {row.filed_ms}"
        )
    problem = _refusal(mandate, context, row)
    if problem is not None:
        raise TransactionError(
            ErrorCode.NOT_NOW, f"challenge petition {number} takes no signature any more: {problem}"
        )
    _add_signature(mandate, context, number, row, member)


def _add_signature(
    mandate: Mandate, context: Context, number: int, row: ChallengePetition, member: bytes
) -> None:
    state = context.state
    state.put(SIGNATURES, key(number) + member, ChallengeSignature(number))
    state.put(SIGNED, member, ChallengeSignature(number))
    row = replace(row, signatures=row.signatures + 1)
    context.emit(
        "proposals.challenge_signed",
        petition=number,
        account=context.require_sender(),
        signatures=row.signatures,
        needed=row.needed,
    )
    if row.signatures >= row.needed:
        present(context.transaction_hash, "the hash of a signature's transaction")
        call = _execute(mandate, context, row)  # it was tried just now; a refusal is the signer's
        context.events += call.events
        row = replace(row, filed_ms=context.block.time_ms)
        context.emit("proposals.challenge_filed", petition=number, zone=row.zone, round=row.round)
    state.put(PETITIONS, key(number), row)
