"""Certified contributions: points become pending shares, revocable until the round closes.

A certifier works within limits by kind and round. The value that an owner gave up for the town is
certified like points of work, one point for each KRW or whatever unit governance sets the limits
in: only proportions within a pool matter.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import table
from ledger.state import State
from tokenomics.distribution.following import account_now
from tokenomics.distribution.persons import (
    PERSON_FIELD,
    PERSONS,
    Person,
    require_person,
    require_role,
    running_town,
)
from tokenomics.distribution.pool_params import distribution_parameters
from tokenomics.distribution.pools import MAX_SHARES, TOWN, Pool, Town, pool_totals
from tokenomics.distribution.shares import (
    add_pending,
    possible_points,
    possible_shares,
    settled,
    take_pending,
)
from tokenomics.distribution.weights import STANDINGS, in_quarter, shares_of, standing
from tokenomics.ports import RoleBook
from tokenomics.roles import AUTHORITY, CERTIFIER

KINDS: Final[Mapping[str, Pool]] = {
    "work": Pool.PARTICIPATION,
    "residence": Pool.PARTICIPATION,
    "research": Pool.ACHIEVEMENT,
    "mission": Pool.ACHIEVEMENT,
    "founding": Pool.FOUNDERS,
    "expropriation": Pool.OWNERS,
}
"""Kinds of contribution, and the pool whose shares each earns."""
MAX_KIND_BYTES: Final = 32
MAX_POINTS: Final = 10**15
"""Of one certificate: values in KRW fit."""
MAX_REASON_BYTES: Final = 256


class Certificate(msgspec.Struct, frozen=True, gc=False):
    """A certified contribution of a round. previous: the person's certificate before it, 0 for
    none. reason: why it was revoked, empty otherwise."""

    certifier: Address
    person: Address
    kind: str
    points: int
    shares: int
    evidence_hash: Hash
    round: int
    previous: int
    revoked: bool
    reason: str


class Certified(msgspec.Struct, frozen=True, gc=False):
    """Points that a certifier certified in a round, the last one with any; revoked ones not."""

    round: int
    points: int


CERTIFICATES: Final = table("distribution", "certificate", Certificate)
"""Certificate by number (8 bytes, big-endian), from 1."""
CERTIFIED: Final = table("distribution", "certified", Certified)
"""Certified by certifier and kind."""

CERTIFY: Final = MessageType(
    "distribution.certify",
    "Certifies a person's contribution, which earns shares of the kind's pool.",
    (
        PERSON_FIELD,
        Field("kind", Kind.TEXT, "one of " + ", ".join(KINDS), MAX_KIND_BYTES),
        Field("points", Kind.UINT64, "how much it is worth", MAX_POINTS),
        Field("evidence_hash", Kind.HASH, "SHA-256 of the evidence"),
    ),
)
REVOKE: Final = MessageType(
    "distribution.revoke",
    "Takes a certificate back before its round closes.",
    (
        Field("certificate", Kind.UINT64, "its number"),
        Field("reason", Kind.TEXT, "why, for the record", MAX_REASON_BYTES),
    ),
)


def certificate_key(number: int) -> bytes:
    """Key in CERTIFICATES."""
    return number.to_bytes(8, "big")


def find_certificate(state: State, number: int) -> Certificate | None:
    """A certificate, revoked or not; None for a number that was never given."""
    return state.get(CERTIFICATES, certificate_key(number))


def certified_points(state: State, certifier: Address, kind: str, quarter: int) -> int:
    """Points of a kind that a certifier certified in a round and did not revoke."""
    row = state.get(CERTIFIED, certifier + kind.encode())
    return row.points if row is not None and row.round == quarter else 0


def certificate_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """The messages of certifiers."""
    return {CERTIFY: partial(_certify, roles), REVOKE: partial(_revoke, roles)}


def _certify(
    roles: RoleBook,
    context: Context,
    account: Address,
    kind: str,
    points: int,
    evidence_hash: Hash,
) -> None:
    state = context.state
    now = running_town(state)
    certifier = require_role(roles, context, CERTIFIER, "certifies contributions")
    if kind not in KINDS:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"kind: expected one of {', '.join(KINDS)}, found {kind!r}"
        )
    if points == 0:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "points: expected at least 1, found 0")
    pool, person = KINDS[kind], require_person(state, account)
    _spend_limit(roles, state, certifier, kind, points, now)
    parameters = distribution_parameters(state)
    row = in_quarter(standing(state, account), now, parameters.idle_quarters)
    shares = _earned_shares(state, pool, account, points, row.open_weight_ppm, now)
    number = now.certificates + 1
    state.put(
        CERTIFICATES,
        certificate_key(number),
        Certificate(
            certifier,
            account,
            kind,
            points,
            shares,
            evidence_hash,
            now.quarter,
            person.newest_certificate,
            revoked=False,
            reason="",
        ),
    )
    state.put(TOWN, b"", replace(now, certificates=number))
    state.put(PERSONS, account, replace(person, newest_certificate=number))
    state.put(STANDINGS, account, replace(row, open_live=row.open_live + 1))
    add_pending(state, pool, account, shares, now)
    context.emit(
        "distribution.certified",
        certificate=number,
        certifier=certifier,
        person=account,
        kind=kind,
        pool=pool.label,
        points=points,
        weight_ppm=row.open_weight_ppm,
        shares=shares,
        quarter=now.quarter,
        evidence_hash=evidence_hash,
    )


def _spend_limit(
    roles: RoleBook, state: State, certifier: Address, kind: str, points: int, now: Town
) -> None:
    limit = roles.certifier_limit(state, certifier, kind)
    spent = certified_points(state, certifier, kind, now.quarter)
    if spent + points > limit:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{checksum_address(certifier)} may certify {limit} points of {kind} a round and has "
            f"certified {spent} in round {now.quarter}: {max(0, limit - spent)} are left",
        )
    state.put(CERTIFIED, certifier + kind.encode(), Certified(now.quarter, spent + points))


def _earned_shares(
    state: State, pool: Pool, account: Address, points: int, weight_ppm: int, now: Town
) -> int:
    """Shares for points, within the holder's cap and what a pool can count."""
    shares, totals = shares_of(points, weight_ppm), pool_totals(state, pool)
    if shares == 0:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"points: {points} at weight {weight_ppm} ppm are less than one share",
        )
    holding = settled(state, pool, totals, now, account)
    held = holding.shares if holding else 0
    holders = totals.holders + (held == 0)
    parameters = distribution_parameters(state)
    possible = possible_shares(held, totals.shares, holders, parameters)
    if possible is not None and shares > possible:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"one person may hold {parameters.holder_cap_bps} bps of pool {pool.label}, or "
            f"{parameters.holder_cap_multiple}/n when that is more: with {held} of {totals.shares} "
            f"shares and {holders} holders {possible_points(possible, weight_ppm)} points are "
            f"possible, found {points}",
        )
    if totals.shares + shares > MAX_SHARES:
        left = possible_points(MAX_SHARES - totals.shares, weight_ppm)
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"pool {pool.label} counts at most 2^64-1 shares: {left} points are possible",
        )
    return shares


def _revoke(roles: RoleBook, context: Context, number: int, reason: str) -> None:
    state = context.state
    now, sender = running_town(state), context.require_sender()
    found = find_certificate(state, number)
    if found is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"there is no certificate {number}; the last is {now.certificates}"
        )
    if sender != found.certifier and not roles.holds(state, AUTHORITY, sender):
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"certificate {number} is revoked by its certifier "
            f"{checksum_address(found.certifier)} or by governance",
        )
    _require_revocable(number, found, reason, now)
    person = account_now(state, found.person)
    require_person(state, person)
    take_pending(state, KINDS[found.kind], person, found.shares, now)
    row = standing(state, person)
    state.put(STANDINGS, person, replace(row, open_live=row.open_live - 1))
    spent = certified_points(state, found.certifier, found.kind, now.quarter)
    state.put(
        CERTIFIED,
        found.certifier + found.kind.encode(),
        Certified(now.quarter, spent - found.points),
    )
    state.put(CERTIFICATES, certificate_key(number), replace(found, revoked=True, reason=reason))
    context.emit(
        "distribution.revoked",
        certificate=number,
        person=person,
        kind=found.kind,
        points=found.points,
        shares=found.shares,
        by=sender,
        reason=reason,
    )


def _require_revocable(number: int, found: Certificate, reason: str, now: Town) -> None:
    if found.revoked:
        raise TransactionError(
            ErrorCode.CONFLICT, f"certificate {number} is revoked already: {found.reason}"
        )
    if found.round != now.quarter:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"certificate {number} is of round {found.round}, which has closed: it stands",
        )
    if not reason:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, "reason: say in words why the certificate is revoked"
        )


def certificates_of(state: State, person: Person, most: int) -> list[tuple[int, Certificate]]:
    """(number, certificate) of a person, the newest first; at most so many."""
    found: list[tuple[int, Certificate]] = []
    number = person.newest_certificate
    while number and len(found) < most:
        row = state.get(CERTIFICATES, certificate_key(number))
        if row is None:
            break
        found.append((number, row))
        number = row.previous
    return found
