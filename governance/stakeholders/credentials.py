"""Persons: one credential each, granted and revoked by registrars, with nothing personal on chain.

On the chain stand a salted commitment, H(32-byte salt || record), and a nullifier, an HMAC of who
the person is under a key that the registrars share. Once salt and record are destroyed nobody can
tell whose the commitment was; every row and proof stays as it is (governance.md, "Chambers").
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from hashlib import sha256
from typing import Final

from governance.admissible import STAKEHOLDERS
from governance.chambers import CHAMBERS, PERSONS, ChamberKind
from governance.stakeholders import membership
from governance.stakeholders.numbering import next_number
from governance.stakeholders.role_book import PERSON_REGISTRAR, Roles
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import table
from ledger.state import State

SALT_BYTES: Final = 32
_COMMITMENT_TAG: Final = b"poyong/credential/1"
_NULLIFIER_TAG: Final = b"poyong/nullifier/1"
COUNTED: Final = "credential"
MEMBER_BYTES: Final = 8
"""A credential's number as member id; it begins with a zero byte, an organisation's id never."""


class RevocationReason(IntEnum):
    """Why a credential ended. The codes are few and coarse on purpose: they say nothing of a
    person's life."""

    NO_LONGER_ENTITLED = 1
    ASKED_FOR = 2
    GRANTED_IN_ERROR = 3


@dataclass(frozen=True, slots=True)
class Credential:
    """chamber: the persons' chamber it was granted for. registrar: who granted it.

    revoked_ms: block time of the revocation, None while in force; revoked_by and reason with it.
    """

    chamber: str
    commitment: Hash
    nullifier: Hash
    registrar: Address
    granted_ms: int
    revoked_ms: int | None
    revoked_by: Address | None
    reason: RevocationReason | None


@dataclass(frozen=True, slots=True)
class UsedNullifier:
    """The credential, by number, that a nullifier was used for."""

    credential: int


CREDENTIALS: Final = table(STAKEHOLDERS, "credential", Credential)
"""By number from 1, in 8 bytes: the member id."""
NULLIFIERS: Final = table(STAKEHOLDERS, "nullifier", UsedNullifier)
"""By nullifier; never deleted."""

_ACCOUNT: Final = Field("account", Kind.ADDRESS, "the person's account")
GRANT: Final = MessageType(
    "stakeholders.grant_credential",
    "Gives a person a seat in one persons' chamber.",
    (
        _ACCOUNT,
        Field("chamber", Kind.TEXT, "one of " + ", ".join(PERSONS), 32),
        Field("commitment", Kind.HASH, "salted hash of the record, which stays off chain"),
        Field("nullifier", Kind.HASH, "HMAC of who the person is under the registrars' key"),
    ),
)
REVOKE: Final = MessageType(
    "stakeholders.revoke_credential",
    "Ends a person's seat.",
    (
        _ACCOUNT,
        Field(
            "reason",
            Kind.UINT64,
            "1 no longer entitled, 2 asked for, 3 granted in error",
            max(RevocationReason),
        ),
    ),
)


def commitment(salt: bytes, record: bytes) -> Hash:
    """What a registrar puts on the chain for a record, made off chain: SHA-256 of tag || salt ||
    record. The salt has 32 random bytes of its own for each record; without it nobody can try
    out records."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"the salt has {len(salt)} bytes, expected {SALT_BYTES}")
    return Hash(sha256(_COMMITMENT_TAG + salt + record).digest())


def nullifier(shared_key: bytes, identity: bytes) -> Hash:
    """HMAC-SHA256 of tag || identity under the registrars' shared key, made off chain: the same
    for one person at every registrar, and meaningless to anybody else."""
    return Hash(hmac.digest(shared_key, _NULLIFIER_TAG + identity, "sha256"))


def member_of_number(number: int) -> bytes:
    """Member id of the credential with this number."""
    return number.to_bytes(MEMBER_BYTES, "big")


def number_of(member: bytes) -> int:
    """Number of the credential with this member id."""
    return int.from_bytes(member, "big")


def find(state: State, member: bytes) -> Credential | None:
    """The credential of a member; None when that is an organisation."""
    return state.get(CREDENTIALS, member)


def of_account(state: State, account: Address) -> tuple[bytes, Credential]:
    """Member id and credential that an account holds, in force or not.

    TransactionError NOT_FOUND when it holds none.
    """
    member = membership.member_id(state, account)
    row = None if member is None else find(state, member)
    if member is None or row is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"{checksum_address(account)} holds no person's credential"
        )
    return member, row


def credential_handlers(roles: Roles) -> Mapping[MessageType, Handler]:
    """The messages of registrars about credentials."""
    return {GRANT: partial(_grant, roles), REVOKE: partial(_revoke, roles)}


def require_registrar(roles: Roles, context: Context) -> Address:
    """The sender, who is a registrar of persons; else TransactionError UNAUTHORISED."""
    sender = context.require_sender()
    if not roles.holds(context.state, PERSON_REGISTRAR, sender):
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"only a registrar of persons may do this; {checksum_address(sender)} is none",
        )
    return sender


def _grant(
    roles: Roles,
    context: Context,
    account: Address,
    chamber: str,
    committed: Hash,
    used: Hash,
) -> None:
    registrar, state = require_registrar(roles, context), context.state
    if chamber not in CHAMBERS or CHAMBERS[chamber].kind is not ChamberKind.PERSONS:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"chamber: expected one of {', '.join(PERSONS)}, found {chamber!r:.80}",
        )
    if state.get(NULLIFIERS, used) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            "the nullifier is used: this person has a credential, or had one; a lost key is "
            "replaced by a re-binding",
        )
    number = next_number(state, COUNTED)
    member = member_of_number(number)
    membership.create(state, member, account)
    membership.begin(state, member, chamber)
    state.put(NULLIFIERS, used, UsedNullifier(number))
    row = Credential(chamber, committed, used, registrar, context.block.time_ms, None, None, None)
    state.put(CREDENTIALS, member, row)
    context.emit(
        "stakeholders.credential_granted",
        credential=number,
        account=account,
        chamber=chamber,
        commitment=committed,
        registrar=registrar,
        members=membership.seated(state, chamber),
    )


def _revoke(roles: Roles, context: Context, account: Address, reason: int) -> None:
    registrar, state = require_registrar(roles, context), context.state
    if reason not in set(RevocationReason):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"reason: expected one of {[int(code) for code in RevocationReason]}, found {reason}",
        )
    member, row = of_account(state, account)
    if row.revoked_ms is not None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"the credential was revoked at {row.revoked_ms} already"
        )
    membership.end(state, member)
    code = RevocationReason(reason)
    revoked = replace(row, revoked_ms=context.block.time_ms, revoked_by=registrar, reason=code)
    state.put(CREDENTIALS, member, revoked)
    context.emit(
        "stakeholders.credential_revoked",
        credential=number_of(member),
        account=account,
        chamber=row.chamber,
        reason=code.name.lower(),
        registrar=registrar,
        members=membership.seated(state, row.chamber),
    )
