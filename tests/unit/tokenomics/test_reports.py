"""land.report: who may send what and when; each refusal has its code and leaves no trace."""

from typing import Any

import pytest

from ledger.errors import DecodeError, ErrorCode
from tests.support.land_town import DOCUMENT, LandTown, appraiser, zone_section
from tokenomics.params import MAX_PRICE_KRW_PER_M2
from tokenomics.reports import MAX_COMPARABLES, REPORT, reports_of
from tokenomics.views import zone_round

START_MS = 5_000
PANEL = [appraiser(i) for i in range(5)]
STRANGER = appraiser(40)


@pytest.fixture
def town() -> LandTown:
    town = LandTown(
        {
            "parameters": {"scaled_quarter_ms": 1_000, "scaled_rounds": 50},
            "zones": [zone_section("east", base=250_000), zone_section("west", base=250_000)],
            "appraisers": ["0x" + member.hex() for member in PANEL],
        }
    )
    town.block(START_MS)
    return town


def test_a_report_is_on_the_record_with_its_document_and_transaction(town: LandTown) -> None:
    assert town.block(5_100, [(PANEL[0], ("east", 1, 251_000, 5_050))]) == [ErrorCode.OK]
    ((sender, report),) = reports_of(town.state, 1, 0)
    assert sender == PANEL[0]
    assert (report.price_krw_per_m2, report.valuation_date_ms) == (251_000, 5_050)
    (event,) = town.named("land.reported")
    assert (event["appraiser"], event["document_hash"]) == (PANEL[0], DOCUMENT)
    view = zone_round(town.state, "east", 1)
    assert view is not None
    assert view["state"] == "OPEN"
    assert view["reports"][0]["transaction"] == "0x" + report.transaction.hex()


@pytest.mark.parametrize(
    ("sender", "values", "code"),
    [
        (STRANGER, ("east", 1, 250_000, START_MS), ErrorCode.UNAUTHORISED),
        (PANEL[0], ("north", 1, 250_000, START_MS), ErrorCode.NOT_FOUND),
        (PANEL[0], ("east", 0, 250_000, START_MS), ErrorCode.NOT_NOW),
        (PANEL[0], ("east", 2, 250_000, START_MS), ErrorCode.NOT_NOW),
        (PANEL[0], ("east", 2**64 - 1, 250_000, START_MS), ErrorCode.NOT_NOW),
        (PANEL[0], ("east", 1, 0, START_MS), ErrorCode.INVALID_MESSAGE),
        (PANEL[0], ("east", 1, 25_000, START_MS), ErrorCode.INVALID_MESSAGE),
        (PANEL[0], ("east", 1, 2_500_000, START_MS), ErrorCode.INVALID_MESSAGE),
        (PANEL[0], ("east", 1, 250_000, START_MS - 1), ErrorCode.INVALID_MESSAGE),
        (PANEL[0], ("east", 1, 250_000, 5_101), ErrorCode.INVALID_MESSAGE),
    ],
    ids=[
        "stranger",
        "zone",
        "round 0",
        "round ahead",
        "round far ahead",
        "price 0",
        "unit low",
        "unit high",
        "dated before the round",
        "dated after the block",
    ],
)
def test_a_wrong_report_is_refused_and_leaves_no_trace(
    town: LandTown, sender: Any, values: Any, code: ErrorCode
) -> None:
    before = list(town.store.iterate(b"land/", b"land0"))
    assert town.block(5_100, [(sender, values)]) == [code]
    assert list(town.store.iterate(b"land/", b"land0")) == before
    assert town.events == []


def test_one_report_for_each_appraiser_zone_and_round(town: LandTown) -> None:
    first = (PANEL[0], ("east", 1, 250_000, START_MS))
    again = (PANEL[0], ("east", 1, 260_000, START_MS))
    elsewhere = (PANEL[0], ("west", 1, 260_000, START_MS))
    assert town.block(5_100, [first, again, elsewhere]) == [
        ErrorCode.OK,
        ErrorCode.CONFLICT,
        ErrorCode.OK,
    ]
    ((_, report),) = reports_of(town.state, 1, 0)
    assert report.price_krw_per_m2 == 250_000


def test_the_message_bounds_every_field() -> None:
    good = ("east", 1, 250_000, START_MS, "comparison", 8, DOCUMENT)
    assert REPORT.decode(REPORT.encode(*good)) == good
    for position, wrong in (
        (0, "z" * 33),
        (2, MAX_PRICE_KRW_PER_M2 + 1),
        (4, "m" * 33),
        (5, MAX_COMPARABLES + 1),
        (6, DOCUMENT[:-1]),
        (1, True),
    ):
        body = list(good)
        body[position] = wrong
        with pytest.raises(DecodeError):
            REPORT.decode(tuple(body))


def test_the_town_round_names_its_reports_whatever_their_order(town: LandTown) -> None:
    """Invariant 8 end to end: same reports, other order, same value and same reports_hash."""
    other = LandTown(
        {
            "parameters": {"scaled_quarter_ms": 1_000, "scaled_rounds": 50},
            "zones": [zone_section("east", base=250_000), zone_section("west", base=250_000)],
            "appraisers": ["0x" + member.hex() for member in reversed(PANEL)],
        }
    )
    other.block(START_MS)
    reports = [
        (member, (zone, 1, 250_000 + 100 * number, START_MS))
        for number, member in enumerate(PANEL)
        for zone in ("east", "west")
    ]
    town.block(5_100, reports)
    other.block(5_100, reversed(reports))
    for each in (town, other):
        each.block(6_000)
    assert town.named("land.town_round_closed") == other.named("land.town_round_closed")
