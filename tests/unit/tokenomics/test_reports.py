"""land.commit and land.reveal: who may send what and when; each refusal leaves no trace."""

from collections.abc import Callable

import pytest

from ledger import codec
from ledger.crypto import sha256
from ledger.errors import DecodeError, ErrorCode
from ledger.primitives import Address
from tests.support.land_town import (
    CHAIN_ID,
    DOCUMENT,
    Call,
    LandTown,
    appraiser,
    land_section,
    zone_section,
)
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.registry import REMOVE, note_outlier
from tokenomics.oracle.reports import (
    COMMIT,
    MAX_COMPARABLES,
    REVEAL,
    Statement,
    commitment_of,
    reports_of,
)
from tokenomics.params import MAX_PRICE_KRW_PER_M2
from tokenomics.roles import AUTHORITY

STRANGER = appraiser(40)
BASE = 250_000
SALT = sha256(b"salt")
START_MS = 5_000


@pytest.fixture
def town() -> LandTown:
    """Round 1's appraisal has begun; round 2 is open."""
    town = LandTown(land_section(zone_section("east", base=BASE), zone_section("west", base=BASE)))
    town.block(START_MS)
    town.begin_appraisal()
    return town


def member(town: LandTown, seat: int = 0, zone: str = "east") -> Address:
    return town.appraisal(zone, 1).panel[seat]


def outsider(town: LandTown) -> Address:
    return next(a for a in map(appraiser, range(15)) if a not in town.appraisal("east", 1).panel)


def refused(town: LandTown, call: Call, code: ErrorCode, sentence: str) -> None:
    """The message is refused with this code and sentence, and nothing of land changes."""
    before = list(town.store.iterate(b"land/", b"land0"))
    assert town.soon([call]) == [code], town.refusals
    assert sentence in town.refusals[0]
    assert list(town.store.iterate(b"land/", b"land0")) == before
    assert town.events == []


def test_a_report_is_committed_to_first_and_revealed_then(town: LandTown) -> None:
    codes = town.commit_and_reveal(1, {"east": [BASE, BASE + 1_000, BASE, BASE, BASE + 500]})
    assert set(codes) == {ErrorCode.OK}
    reports = reports_of(town.state, 1, 0)
    assert {who for who, _ in reports} == set(town.appraisal("east", 1).panel)
    revealed = {e["appraiser"]: e for e in town.all_named("land.revealed")}
    assert revealed[member(town, 1)]["price_krw_per_m2"] == BASE + 1_000
    assert revealed[member(town, 1)]["document_hash"] == DOCUMENT
    assert len(town.all_named("land.committed")) == 5
    assert town.appraisal("east", 1).median_krw_per_m2 == BASE


COMMITS: dict[str, tuple[Callable[[LandTown], Call], ErrorCode, str]] = {
    "stranger": (
        lambda t: t.commit_call("east", 1, STRANGER, BASE),
        ErrorCode.UNAUTHORISED,
        "has no seat in phase COMMIT of zone east in round 1",
    ),
    "appraiser of another panel": (
        lambda t: t.commit_call("east", 1, outsider(t), BASE),
        ErrorCode.UNAUTHORISED,
        "has no seat",
    ),
    "unknown zone": (
        lambda t: (member(t), COMMIT, ("north", 1, SALT)),
        ErrorCode.NOT_FOUND,
        "there is no zone 'north'",
    ),
    "round 0": (
        lambda t: (member(t), COMMIT, ("east", 0, SALT)),
        ErrorCode.NOT_NOW,
        "round 0 has not opened",
    ),
    "round ahead": (
        lambda t: (member(t), COMMIT, ("east", 3, SALT)),
        ErrorCode.NOT_NOW,
        "the newest round is 2",
    ),
    "round far ahead": (
        lambda t: (member(t), COMMIT, ("east", 2**64 - 1, SALT)),
        ErrorCode.NOT_NOW,
        "has not opened",
    ),
    "round that has not ended": (
        lambda t: (member(t), COMMIT, ("east", 2, SALT)),
        ErrorCode.NOT_NOW,
        "begins when it ends, at 7000 ms",
    ),
    "reveal in the committing phase": (
        lambda t: t.reveal_call("east", 1, member(t), BASE),
        ErrorCode.NOT_NOW,
        "is in phase COMMIT, expected REVEAL",
    ),
}


@pytest.mark.parametrize("case", COMMITS)
def test_a_wrong_commitment_is_refused_and_leaves_no_trace(town: LandTown, case: str) -> None:
    make, code, sentence = COMMITS[case]
    refused(town, make(town), code, sentence)


def test_a_second_commitment_is_refused(town: LandTown) -> None:
    assert town.soon([town.commit_call("east", 1, member(town), BASE)]) == [ErrorCode.OK]
    again = town.commit_call("east", 1, member(town), BASE + 1)
    refused(town, again, ErrorCode.CONFLICT, "has committed to a report of zone east in round 1")


def test_a_commitment_of_a_closed_round_is_refused(town: LandTown) -> None:
    town.finish(1)
    refused(
        town,
        (member(town), COMMIT, ("east", 1, SALT)),
        ErrorCode.NOT_NOW,
        "round 1 is closed: the oldest open one is",
    )


def test_a_round_between_anchors_takes_none() -> None:
    town = LandTown(land_section(zone_section("east"), anchor_every_rounds=4))
    town.block(START_MS)
    town.begin_appraisal()
    refused(
        town,
        (appraiser(0), COMMIT, ("east", 2, SALT)),
        ErrorCode.NOT_NOW,
        "round 2 is no anchor",
    )


def test_who_is_off_the_registry_suspended_or_expired_may_not_commit() -> None:
    section = land_section(zone_section("east", base=BASE), appraisers=5)
    until_ms = START_MS + 1_100
    section["appraisers"][0]["valid_until_ms"] = until_ms
    town = LandTown(section)
    town.book.roles[AUTHORITY] = {STRANGER}
    town.block(START_MS)
    town.begin_appraisal()
    assert town.soon([(STRANGER, REMOVE, (appraiser(1), "left the trade"))]) == [ErrorCode.OK]
    town.height += 1
    state = town.state
    for number in (0, 1):
        note_outlier(town.context(state, town.time_ms), appraiser(2), number)
    town._commit(state)
    town.block(until_ms + 1)
    for who, sentence in (
        (0, f"holds a licence that expired at {until_ms}"),
        (1, "is not on the registry"),
        (2, "is suspended for outliers in rounds [0, 1]"),
    ):
        call = town.commit_call("east", 1, appraiser(who), BASE)
        refused(town, call, ErrorCode.UNAUTHORISED, sentence)
    assert town.soon([town.commit_call("east", 1, appraiser(3), BASE)]) == [ErrorCode.OK]


@pytest.fixture
def revealing(town: LandTown) -> LandTown:
    """Four of five have committed to BASE in east; REVEAL has begun. West has nobody."""
    town.soon(town.messages(1, {"east": [BASE] * 4}))
    town.idle_until(town.appraisal("east", 1).deadline_ms)
    assert town.appraisal("east", 1).phase is Phase.REVEAL
    return town


REVEALS: dict[str, tuple[Callable[[LandTown], Call], ErrorCode, str]] = {
    "stranger": (
        lambda t: t.reveal_call("east", 1, STRANGER, BASE),
        ErrorCode.UNAUTHORISED,
        "has no seat in phase REVEAL",
    ),
    "nothing committed": (
        lambda t: t.reveal_call("east", 1, member(t, 4), BASE),
        ErrorCode.NOT_FOUND,
        "committed to no report of zone east in round 1",
    ),
    "another price": (
        lambda t: t.reveal_call("east", 1, member(t), BASE + 1),
        ErrorCode.CONFLICT,
        "does not match its commitment",
    ),
    "another date": (
        lambda t: t.reveal_call("east", 1, member(t), BASE, START_MS + 1),
        ErrorCode.CONFLICT,
        "does not match its commitment",
    ),
    "zone that ended without reports": (
        lambda t: t.reveal_call("west", 1, member(t, zone="west"), BASE),
        ErrorCode.NOT_NOW,
        "is in phase NO_VALUE",
    ),
    "commitment in the revealing phase": (
        lambda t: t.commit_call("east", 1, member(t, 4), BASE),
        ErrorCode.NOT_NOW,
        "is in phase REVEAL, expected COMMIT or REAPPRAISE_COMMIT or DISPUTE_COMMIT",
    ),
}


@pytest.mark.parametrize("case", REVEALS)
def test_a_wrong_reveal_is_refused_and_leaves_no_trace(revealing: LandTown, case: str) -> None:
    make, code, sentence = REVEALS[case]
    refused(revealing, make(revealing), code, sentence)


def test_a_second_reveal_is_refused(revealing: LandTown) -> None:
    call = revealing.reveal_call("east", 1, member(revealing), BASE)
    assert revealing.soon([call]) == [ErrorCode.OK]
    refused(revealing, call, ErrorCode.CONFLICT, "revealed its report of zone east in round 1")


@pytest.mark.parametrize(
    ("price", "date_ms", "sentence"),
    [
        (0, START_MS, "price_krw_per_m2 is 0"),
        (BASE // 10, START_MS, "a wrong unit?"),
        (BASE * 10, START_MS, "a wrong unit?"),
        (BASE, START_MS - 1, "outside round 1, which lasted from 5000 to 6000"),
        (BASE, START_MS + 1_001, "outside round 1"),
    ],
    ids=["zero", "a decade low", "a decade high", "dated before", "dated after"],
)
def test_a_report_that_cannot_be_is_refused_when_it_is_opened(
    town: LandTown, price: int, date_ms: int, sentence: str
) -> None:
    who = member(town)
    town.soon([town.commit_call("east", 1, who, price, date_ms)])
    town.idle_until(town.appraisal("east", 1).deadline_ms)
    call = town.reveal_call("east", 1, who, price, date_ms)
    refused(town, call, ErrorCode.INVALID_MESSAGE, sentence)


def test_a_copied_commitment_opens_nothing(town: LandTown) -> None:
    """The copier knows the whole report by then, and still cannot say it: the name is inside."""
    author, copier = member(town, 0), member(town, 1)
    original = town.commit_call("east", 1, author, BASE)
    copied = (copier, COMMIT, original[2])
    assert town.soon([original, copied]) == [ErrorCode.OK, ErrorCode.OK]
    town.idle_until(town.appraisal("east", 1).deadline_ms)
    opening = town.reveal_call("east", 1, author, BASE)
    assert town.soon([(copier, REVEAL, opening[2])]) == [ErrorCode.CONFLICT]
    assert town.soon([opening]) == [ErrorCode.OK]
    assert [who for who, _ in reports_of(town.state, 1, 0)] == [author]


def test_a_commitment_is_bound_to_every_part() -> None:
    """It is the hash of the array that formats.md names, and each part of it changes it."""
    said = Statement(BASE, START_MS, "comparison", 8, DOCUMENT)
    good = (CHAIN_ID, "east", 1, STRANGER, said, SALT)
    array = (
        CHAIN_ID, "east", 1, STRANGER, BASE, START_MS, "comparison", 8, DOCUMENT, SALT,
    )  # fmt: skip
    assert commitment_of(*good) == sha256(b"poyong/appraisal/1" + codec.encode(array))
    others = [
        (CHAIN_ID + 1, *good[1:]),
        (CHAIN_ID, "west", *good[2:]),
        (CHAIN_ID, "east", 2, *good[3:]),
        (CHAIN_ID, "east", 1, appraiser(1), said, SALT),
        (*good[:4], Statement(BASE + 1, START_MS, "comparison", 8, DOCUMENT), SALT),
        (*good[:4], Statement(BASE, START_MS + 1, "comparison", 8, DOCUMENT), SALT),
        (*good[:4], Statement(BASE, START_MS, "income", 8, DOCUMENT), SALT),
        (*good[:4], Statement(BASE, START_MS, "comparison", 9, DOCUMENT), SALT),
        (*good[:4], Statement(BASE, START_MS, "comparison", 8, SALT), SALT),
        (*good[:5], sha256(b"other")),
    ]
    assert len({commitment_of(*parts) for parts in [good, *others]}) == len(others) + 1


def test_the_messages_bound_every_field() -> None:
    reveal = ("east", 1, BASE, START_MS, "comparison", 8, DOCUMENT, SALT)
    assert REVEAL.decode(REVEAL.encode(*reveal)) == reveal
    for position, wrong in (
        (0, "z" * 33),
        (1, True),
        (2, MAX_PRICE_KRW_PER_M2 + 1),
        (2, "250000"),
        (4, "m" * 33),
        (5, MAX_COMPARABLES + 1),
        (6, DOCUMENT[:-1]),
        (7, SALT[:-1]),
    ):
        body = list(reveal)
        body[position] = wrong
        with pytest.raises(DecodeError):
            REVEAL.decode(tuple(body))
    with pytest.raises(DecodeError):
        COMMIT.decode(("east", 1, SALT[:-1]))


def test_the_town_round_names_its_reports_whatever_their_order(town: LandTown) -> None:
    """Invariant 8 end to end: same reports, other order, same value and same reports_hash."""
    other = LandTown(land_section(zone_section("east", base=BASE), zone_section("west", base=BASE)))
    other.block(START_MS)
    other.begin_appraisal()
    prices = {zone: [BASE + 100 * seat for seat in range(5)] for zone in ("east", "west")}
    for each, step in ((town, 1), (other, -1)):
        each.soon(each.messages(1, prices)[::step])
        each.soon(each.messages(1, prices)[::step])
        each.finish(1)
    assert town.named("land.town_round_closed") == other.named("land.town_round_closed")
    assert town.named("land.town_round_closed")[0]["reports"] == 10
