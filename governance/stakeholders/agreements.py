"""Agreements (합의): a document's hash and its parties, effective once each party has signed.

A signature is a transaction of the party's account. Until the last one any party may withdraw,
which ends the agreement; afterwards nothing changes it. Whoever sits in a chamber may open one that
it is a party to, and a vote may open one for any parties.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from governance.admissible import GOVERNANCE, STAKEHOLDERS, require_text
from governance.stakeholders import membership
from governance.stakeholders.numbering import MAX_NUMBER, last_number, next_number
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.rows import key, table
from ledger.state import State

MIN_PARTIES: Final = 2
MAX_PARTIES: Final = 32
MAX_TITLE_BYTES: Final = 128
MAX_OPEN_BY_ONE: Final = 8
"""Agreements that one account has opened and that wait for signatures."""
COUNTED: Final = "agreement"


class AgreementStatus(IntEnum):
    """OPEN until all have signed or one withdraws."""

    OPEN = 1
    EFFECTIVE = 2
    WITHDRAWN = 3


@dataclass(frozen=True, slots=True)
class Agreement:
    """document_hash: SHA-256 of its text. parties: accounts ascending. signed: how many have.

    ended_ms: block time at which it became effective or was withdrawn, by `ended_by`.
    """

    title: str
    document_hash: Hash
    parties: tuple[Address, ...]
    signed: int
    status: AgreementStatus
    opened_by: Address
    opened_ms: int
    ended_by: Address | None
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Signature:
    """transaction: hash of the party's transaction, zero when a vote signed."""

    time_ms: int
    transaction: Hash


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many agreements of one account wait for signatures."""

    agreements: int


AGREEMENTS: Final = table(STAKEHOLDERS, "agreement", Agreement)
"""By number from 1; never deleted."""
SIGNATURES: Final = table(STAKEHOLDERS, "signature", Signature)
"""By agreement and party's account; never deleted."""
OPEN_COUNTS: Final = table(STAKEHOLDERS, "open_agreements", OpenCount)
"""By the account that opened them."""

_NUMBER: Final = Field("agreement", Kind.UINT64, "number of the agreement", MAX_NUMBER)
OPEN: Final = MessageType(
    "stakeholders.open_agreement",
    "Puts an agreement on record for its parties to sign; a sender who is a party signs with it.",
    (
        Field("title", Kind.TEXT, "what it is about, without personal data", MAX_TITLE_BYTES),
        Field("document_hash", Kind.HASH, "SHA-256 of its text"),
        Field(
            "parties",
            Kind.LIST,
            "accounts that have to sign",
            MAX_PARTIES,
            (Field("party", Kind.ADDRESS, "account"),),
        ),
    ),
)
SIGN: Final = MessageType(
    "stakeholders.sign_agreement", "Signs an agreement that names the sender.", (_NUMBER,)
)
WITHDRAW: Final = MessageType(
    "stakeholders.withdraw_agreement",
    "Ends an agreement that is not effective yet; by a party, or by who opened it.",
    (_NUMBER,),
)


def find(state: State, number: int) -> Agreement | None:
    """An agreement by number, whatever its status."""
    return state.get(AGREEMENTS, key(number)) if 0 < number <= MAX_NUMBER else None


def opened(state: State) -> int:
    """How many were ever opened: their numbers are 1 to this."""
    return last_number(state, COUNTED)


def signature(state: State, number: int, party: Address) -> Signature | None:
    """When and by which transaction a party signed."""
    return state.get(SIGNATURES, key(number) + party)


def agreement_handlers() -> Mapping[MessageType, Handler]:
    """The messages about agreements."""
    return {OPEN: _open, SIGN: _sign, WITHDRAW: _withdraw}


def _open(context: Context, title: str, document_hash: Hash, parties: tuple[Address, ...]) -> None:
    sender, state = context.require_sender(), context.state
    require_text(title, "title")
    _require_may_open(state, sender, parties)
    if len(parties) < MIN_PARTIES or len(set(parties)) != len(parties):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"parties: expected {MIN_PARTIES} to {MAX_PARTIES} different accounts, found "
            f"{len(parties)}, {len(set(parties))} of them different",
        )
    waiting = _open_count(state, sender)
    if waiting >= MAX_OPEN_BY_ONE:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{waiting} agreements that {checksum_address(sender)} opened wait for signatures, "
            f"at most {MAX_OPEN_BY_ONE}: withdraw one first",
        )
    number = next_number(state, COUNTED)
    row = Agreement(
        title,
        document_hash,
        tuple(sorted(parties)),
        0,
        AgreementStatus.OPEN,
        sender,
        context.block.time_ms,
        None,
        None,
    )
    state.put(AGREEMENTS, key(number), row)
    state.put(OPEN_COUNTS, sender, OpenCount(waiting + 1))
    context.emit(
        "stakeholders.agreement_opened",
        agreement=number,
        title=title,
        document_hash=document_hash,
        parties=len(parties),
        opened_by=sender,
    )
    if sender in parties:
        _add_signature(context, number, row, sender)


def _sign(context: Context, number: int) -> None:
    sender = context.require_sender()
    row = _require_open(context.state, number)
    if sender not in row.parties:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} is no party to agreement {number}",
        )
    if signature(context.state, number, sender) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"{checksum_address(sender)} has signed agreement {number} already"
        )
    _add_signature(context, number, row, sender)


def _withdraw(context: Context, number: int) -> None:
    sender = context.require_sender()
    row = _require_open(context.state, number)
    if sender != row.opened_by and sender not in row.parties:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} neither opened agreement {number} nor is a party to it",
        )
    _end(context, number, row, AgreementStatus.WITHDRAWN, sender)
    context.emit("stakeholders.agreement_withdrawn", agreement=number, withdrawn_by=sender)


def _require_may_open(state: State, sender: Address, parties: tuple[Address, ...]) -> None:
    if sender == GOVERNANCE:
        return
    if membership.chamber_of(state, sender) is None or sender not in parties:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            "who sits in a chamber may open an agreement that it is a party to; "
            f"{checksum_address(sender)} is not both",
        )


def _require_open(state: State, number: int) -> Agreement:
    row = find(state, number)
    if row is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no agreement {number}")
    if row.status is not AgreementStatus.OPEN:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"agreement {number} is {row.status.name.lower()} since {row.ended_ms}: nothing "
            "changes it, open another one",
        )
    return row


def _add_signature(context: Context, number: int, row: Agreement, party: Address) -> None:
    state = context.state
    transaction = context.transaction_hash or ZERO_HASH
    state.put(SIGNATURES, key(number) + party, Signature(context.block.time_ms, transaction))
    now = replace(row, signed=row.signed + 1)
    context.emit(
        "stakeholders.agreement_signed",
        agreement=number,
        party=party,
        signed=now.signed,
        parties=len(row.parties),
    )
    if now.signed < len(row.parties):
        state.put(AGREEMENTS, key(number), now)
        return
    _end(context, number, now, AgreementStatus.EFFECTIVE, party)
    context.emit(
        "stakeholders.agreement_effective", agreement=number, document_hash=row.document_hash
    )


def _end(
    context: Context, number: int, row: Agreement, status: AgreementStatus, by: Address
) -> None:
    ended = replace(row, status=status, ended_by=by, ended_ms=context.block.time_ms)
    context.state.put(AGREEMENTS, key(number), ended)
    left = _open_count(context.state, row.opened_by) - 1
    if left:
        context.state.put(OPEN_COUNTS, row.opened_by, OpenCount(left))
    else:
        context.state.delete(OPEN_COUNTS, row.opened_by)


def _open_count(state: State, account: Address) -> int:
    row = state.get(OPEN_COUNTS, account)
    return 0 if row is None else row.agreements
