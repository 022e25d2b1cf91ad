"""Each refused message of distribution has its code, a sentence, and changes nothing."""

from collections.abc import Callable

import pytest

from ledger.errors import ErrorCode
from ledger.primitives import UNIT
from tests.support.pool_town import (
    CERTIFIERS,
    EVIDENCE,
    REGISTRAR,
    PoolTown,
    nullifier,
    person,
    working_town,
)
from tokenomics.distribution.certificates import CERTIFY, REVOKE
from tokenomics.distribution.claims import CLAIM, DIVIDEND, RELEASE
from tokenomics.distribution.leaving import LEAVE
from tokenomics.distribution.persons import ENROL

MINT = 1_000 * UNIT
PART = 250 * UNIT
"""The participation pool's part of MINT."""


def leave_alone(desk: PoolTown) -> ErrorCode:
    desk.leave(0)
    return desk.certify(0)


def claim_twice(desk: PoolTown) -> ErrorCode:
    desk.close(MINT)
    desk.claim(0)
    return desk.claim(0)


def revoke_twice(desk: PoolTown) -> ErrorCode:
    desk.certify(0)
    desk.revoke(3)
    return desk.revoke(3)


def enrol_after_leaving(desk: PoolTown) -> ErrorCode:
    desk.leave(0)
    return desk.send(REGISTRAR, ENROL, person(7), nullifier(0))


def dividend_beyond_the_treasury(desk: PoolTown) -> ErrorCode:
    return desk.dividend(1)


STRANGER = person(99)
REFUSALS: dict[str, tuple[Callable[[PoolTown], ErrorCode], ErrorCode, str]] = {
    "a stranger enrols": (
        lambda d: d.send(STRANGER, ENROL, person(5), nullifier(5)),
        ErrorCode.UNAUTHORISED,
        "only a holder of the role person_registrar enrols persons",
    ),
    "enrolled twice": (
        lambda d: d.send(REGISTRAR, ENROL, person(0), nullifier(5)),
        ErrorCode.CONFLICT,
        "is enrolled already",
    ),
    "one person, two credentials": (
        lambda d: d.send(REGISTRAR, ENROL, person(5), nullifier(0)),
        ErrorCode.CONFLICT,
        "was used for",
    ),
    "a nullifier after leaving": (enrol_after_leaving, ErrorCode.CONFLICT, "also after leaving"),
    "a stranger certifies": (
        lambda d: d.send(STRANGER, CERTIFY, person(0), "work", 1, EVIDENCE),
        ErrorCode.UNAUTHORISED,
        "certifies contributions",
    ),
    "unknown kind": (
        lambda d: d.certify(0, "sleep"),
        ErrorCode.INVALID_MESSAGE,
        "expected one of work, residence",
    ),
    "unknown person": (lambda d: d.certify(9), ErrorCode.NOT_FOUND, "is not enrolled"),
    "no points": (lambda d: d.certify(0, points=0), ErrorCode.INVALID_MESSAGE, "at least 1"),
    "less than a share": (
        lambda d: d.certify(2, points=1),
        ErrorCode.INVALID_MESSAGE,
        "less than one share",
    ),
    "over the limit": (
        lambda d: d.certify(0, points=10**6 + 1),
        ErrorCode.LIMIT_EXCEEDED,
        "may certify 1000000 points of work a round and has certified 0 in round 2",
    ),
    "who left": (leave_alone, ErrorCode.CONFLICT, "left in quarter 2"),
    "no such certificate": (lambda d: d.revoke(9), ErrorCode.NOT_FOUND, "the last is 2"),
    "another's certificate": (
        lambda d: d.send(CERTIFIERS[1], REVOKE, 1, "x"),
        ErrorCode.UNAUTHORISED,
        "by its certifier",
    ),
    "revoked after the close": (lambda d: d.revoke(1), ErrorCode.NOT_NOW, "has closed"),
    "revoked twice": (revoke_twice, ErrorCode.CONFLICT, "revoked already: a mistake"),
    "revoked without a word": (
        lambda d: (d.certify(0), d.revoke(3, ""))[1],
        ErrorCode.INVALID_MESSAGE,
        "say in words",
    ),
    "nothing to claim": (lambda d: d.claim(0), ErrorCode.NOT_NOW, "nothing to claim"),
    "claimed twice": (claim_twice, ErrorCode.NOT_NOW, "nothing to claim"),
    "a stranger claims": (
        lambda d: d.send(STRANGER, CLAIM, "participation"),
        ErrorCode.NOT_FOUND,
        "is not enrolled",
    ),
    "no pool of persons": (
        lambda d: d.claim(0, "reserve"),
        ErrorCode.INVALID_MESSAGE,
        "expected one of participation, achievement, founders, owners",
    ),
    "nothing to release": (
        lambda d: d.send(STRANGER, RELEASE),
        ErrorCode.NOT_NOW,
        "has no grant",
    ),
    "unknown cause": (
        lambda d: d.leave(0, "boredom"),
        ErrorCode.INVALID_MESSAGE,
        "expected one of left, death, illness, relocation",
    ),
    "left twice": (lambda d: (d.leave(0), d.leave(0))[1], ErrorCode.CONFLICT, "left in quarter"),
    "never here": (lambda d: d.leave(9), ErrorCode.NOT_FOUND, "is not enrolled"),
    "hardship by oneself": (
        lambda d: d.send(person(0), LEAVE, person(0), "illness"),
        ErrorCode.UNAUTHORISED,
        "person_registrar",
    ),
    "sent away by a colleague": (
        lambda d: d.send(person(1), LEAVE, person(0), "left"),
        ErrorCode.UNAUTHORISED,
        "person_registrar",
    ),
    "a stranger's dividend": (
        lambda d: d.send(STRANGER, DIVIDEND, "participation", 1),
        ErrorCode.UNAUTHORISED,
        "pays dividends",
    ),
    "a dividend of nothing": (lambda d: d.dividend(0), ErrorCode.INVALID_MESSAGE, "more than 0"),
    "a dividend for nobody": (
        lambda d: d.dividend(1, "founders"),
        ErrorCode.CONFLICT,
        "no active shares",
    ),
    "a dividend of more than there is": (
        dividend_beyond_the_treasury,
        ErrorCode.INSUFFICIENT_FUNDS,
        "the treasury holds 0",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_code_and_a_sentence_and_changes_nothing(name: str) -> None:
    attempt, code, words = REFUSALS[name]
    desk = working_town()
    desk.book.limit = 10**6
    assert attempt(desk) is code, desk.refusal
    assert words in desk.refusal
    before = desk.state.changes()
    assert desk.send(*desk.last) is code
    assert desk.state.changes() == before
    desk.check()
