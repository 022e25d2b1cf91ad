"""Persons: each enrolled once, by a nullifier that stays used.

The nullifier is an HMAC of the person's record under a key that the registrars share, so that one
person cannot hold two credentials, and nobody else learns who a credential belongs to.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import table
from ledger.state import State
from tokenomics.distribution.pools import TOWN, Town
from tokenomics.ports import Credentials, RoleBook
from tokenomics.roles import PERSON_REGISTRAR


class Person(msgspec.Struct, frozen=True, gc=False):
    """newest_certificate: number of the last one for this person, 0 for none. left_round: the
    quarter in which the person left, 0 while here; cause: why, empty while here."""

    nullifier: Hash
    enrolled_round: int
    newest_certificate: int
    left_round: int
    cause: str


class Nullifier(msgspec.Struct, frozen=True, gc=False):
    """For whom a nullifier was used."""

    person: Address


PERSONS: Final = table("distribution", "person", Person)
"""Person by account."""
NULLIFIERS: Final = table("distribution", "nullifier", Nullifier)
"""Nullifier by its 32 bytes; never deleted."""

PERSON_FIELD: Final = Field("person", Kind.ADDRESS, "the person's account")
ENROL: Final = MessageType(
    "distribution.enrol",
    "Enrols a person, once and with one account.",
    (
        PERSON_FIELD,
        Field("nullifier", Kind.HASH, "HMAC of the person's record under the registrars' key"),
    ),
)


def running_town(state: State) -> Town:
    """Where distribution stands; TransactionError on a chain without distribution."""
    now = state.get(TOWN, b"")
    if now is None:
        raise TransactionError(
            ErrorCode.NOT_NOW, "this chain has no distribution: its genesis has no such section"
        )
    return now


def require_role(roles: RoleBook, context: Context, role: str, deed: str) -> Address:
    """The sender, who holds the role; TransactionError UNAUTHORISED says who may do the deed."""
    sender = context.require_sender()
    if not roles.holds(context.state, role, sender):
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"only a holder of the role {role} {deed}; {checksum_address(sender)} does not hold it",
        )
    return sender


def find_person(state: State, account: Address) -> Person | None:
    """An enrolled person, also one who left; None for anybody else."""
    return state.get(PERSONS, account)


def require_person(state: State, account: Address) -> Person:
    """An enrolled person who has not left."""
    row = find_person(state, account)
    if row is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND,
            f"{checksum_address(account)} is not enrolled: a registrar of persons enrols",
        )
    if row.left_round:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{checksum_address(account)} left in quarter {row.left_round} ({row.cause}): "
            "its shares have ended",
        )
    return row


def person_handlers(roles: RoleBook, credentials: Credentials) -> Mapping[MessageType, Handler]:
    """The message that enrols."""
    return {ENROL: partial(_enrol, roles, credentials)}


def _require_credential(
    credentials: Credentials, state: State, account: Address, nullifier: Hash
) -> None:
    """TransactionError unless the account's credential is in force and has this nullifier."""
    if not credentials.are_needed(state):
        return
    expected = credentials.nullifier(state, account)
    if expected is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND,
            f"{checksum_address(account)} has no credential in force: a registrar grants one first",
        )
    if nullifier != expected:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"nullifier: expected that of the credential, 0x{expected.hex()}, found "
            f"0x{nullifier.hex()}",
        )


def _enrol(
    roles: RoleBook,
    credentials: Credentials,
    context: Context,
    account: Address,
    nullifier: Hash,
) -> None:
    state = context.state
    now = running_town(state)
    registrar = require_role(roles, context, PERSON_REGISTRAR, "enrols persons")
    _require_credential(credentials, state, account, nullifier)
    known = find_person(state, account)
    if known is not None:
        what = "left, and cannot come back" if known.left_round else "is enrolled already"
        raise TransactionError(ErrorCode.CONFLICT, f"{checksum_address(account)} {what}")
    used = state.get(NULLIFIERS, nullifier)
    if used is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"nullifier 0x{nullifier.hex()} was used for {checksum_address(used.person)}: a person "
            "is enrolled once, also after leaving",
        )
    state.put(PERSONS, account, Person(nullifier, now.quarter, 0, 0, ""))
    state.put(NULLIFIERS, nullifier, Nullifier(account))
    context.emit(
        "distribution.enrolled",
        person=account,
        nullifier=nullifier,
        registrar=registrar,
        quarter=now.quarter,
    )
