"""Registered sales and the study of a round (economy.md section 1, "Ratio gate")."""

from typing import Any

import pytest

from ledger.errors import DecodeError, ErrorCode
from ledger.primitives import Address
from tests.support.fact_desk import (
    BASE,
    DOCUMENT,
    DONG,
    GOVERNANCE,
    REGISTRAR,
    STRANGER,
    FactDesk,
)
from tokenomics.facts import fact_views, months, sales
from tokenomics.facts.ratio_study import RatioStudy, study_ratios
from tokenomics.facts.sales import (
    PRUNED_A_MESSAGE,
    REGISTER_SALE,
    SALES,
    STRIKE_SALE,
    STRUCK_SALES,
    sales_book,
    study,
)

FLAT = (BASE, BASE)
"""Both zones appraised at their base."""


def pnu(number: int, code: str = DONG) -> str:
    """A parcel below a legal dong; of a township, in one of its villages."""
    return f"{code}1{number:08}"


VILLAGE = "4688031021"


def register(desk: FactDesk, number: int, price: int, month: int = 2012_01) -> None:
    desk.send(REGISTRAR, REGISTER_SALE, "city", pnu(number), price, month, DOCUMENT)


def shown_sales(desk: FactDesk, round_number: int | None = None) -> dict[str, Any]:
    found = fact_views.registered_sales(desk.state, round_number)
    assert found is not None
    return found


def test_a_sale_counts_in_the_study_of_its_round() -> None:
    desk = FactDesk()
    context = desk.send(REGISTRAR, REGISTER_SALE, "city", pnu(7), 800, 2012_02, DOCUMENT)
    assert study(desk.state, 1, (1_000, 5)) == study_ratios([(1_000, 800)])
    (event,) = context.events
    assert event.name == "land.sale_registered"
    assert dict(event.values) == {
        "zone": "city",
        "pnu": pnu(7),
        "price_krw_per_m2": 800,
        "sold_month": 2012_02,
        "registrar": REGISTRAR,
        "document_hash": DOCUMENT,
    }


def test_the_villages_of_a_township_lie_in_its_zone() -> None:
    """A township's code ends with zeros where its parcels name their village."""
    desk = FactDesk()
    village = pnu(7, VILLAGE)
    desk.send(REGISTRAR, REGISTER_SALE, "country", village, 900, 2012_01, DOCUMENT)
    values = ("city", village, 900, 2012_01, DOCUMENT)
    error = desk.refused(REGISTRAR, REGISTER_SALE, *values)
    assert "begins with 29170139" in error.reason


@pytest.mark.parametrize(
    ("sender", "changes", "code", "reason"),
    [
        (STRANGER, {}, ErrorCode.UNAUTHORISED, "role sales_registrar"),
        (GOVERNANCE, {}, ErrorCode.UNAUTHORISED, "role sales_registrar"),
        (REGISTRAR, {"zone": "town"}, ErrorCode.NOT_FOUND, "no zone 'town'"),
        (REGISTRAR, {"pnu": pnu(7)[:-1]}, ErrorCode.INVALID_MESSAGE, "expected 19 digits"),
        (REGISTRAR, {"pnu": "x" * 19}, ErrorCode.INVALID_MESSAGE, "expected 19 digits"),
        (REGISTRAR, {"zone": "country"}, ErrorCode.INVALID_MESSAGE, "begins with 46880310"),
        (REGISTRAR, {"price": 0}, ErrorCode.INVALID_MESSAGE, "is 0"),
        (REGISTRAR, {"price": 10 * BASE}, ErrorCode.INVALID_MESSAGE, "a wrong unit?"),
        (REGISTRAR, {"price": BASE // 10}, ErrorCode.INVALID_MESSAGE, "a wrong unit?"),
        (REGISTRAR, {"month": 2012_13}, ErrorCode.INVALID_MESSAGE, "as yyyymm"),
        (REGISTRAR, {"month": 2012_04}, ErrorCode.NOT_NOW, "sales of 201004 to 201203"),
        (REGISTRAR, {"month": 2010_03}, ErrorCode.NOT_NOW, "sales of 201004 to 201203"),
    ],
)
def test_a_sale_that_cannot_be_is_refused(
    sender: Address, changes: dict[str, Any], code: ErrorCode, reason: str
) -> None:
    values = {"zone": "city", "pnu": pnu(7), "price": 900, "month": 2012_01, **changes}
    error = FactDesk().refused(sender, REGISTER_SALE, *values.values(), DOCUMENT)
    assert error.code is code
    assert reason in error.reason


def test_a_parcel_has_one_sale_a_month() -> None:
    desk = FactDesk()
    register(desk, 7, 900)
    error = desk.refused(REGISTRAR, REGISTER_SALE, "city", pnu(7), 901, 2012_01, DOCUMENT)
    assert error.code is ErrorCode.CONFLICT
    register(desk, 7, 901, 2012_02)
    register(desk, 8, 901)


def test_a_chain_without_a_calendar_takes_no_sales_and_its_gate_is_open() -> None:
    desk = FactDesk(with_rates=False)
    error = desk.refused(REGISTRAR, REGISTER_SALE, "city", pnu(7), 900, 2012_01, DOCUMENT)
    assert error.code is ErrorCode.NOT_FOUND
    assert "no calendar of months" in error.reason
    assert study(desk.state, 1, FLAT) == RatioStudy(0, 0, 0, 0, 0, True)
    assert shown_sales(desk)["first_month"] is None


def test_prices_move_with_the_zones_index_to_the_rounds_end() -> None:
    """Sold at the end of January at 1,000; February and March bring 10 % each."""
    desk = FactDesk()
    register(desk, 7, 1_000)
    for month, step in ((2012_01, 150_000), (2012_02, 110_000), (2012_03, 110_000)):
        assert study(desk.state, 1, FLAT) == study_ratios([(BASE, 1_000)])
        desk.rate("29", month, step)
    assert study(desk.state, 1, FLAT) == study_ratios([(BASE, 1_210)])


def test_a_sale_from_before_the_chain_is_taken_as_it_was_paid() -> None:
    desk = FactDesk()
    register(desk, 7, 1_000, 2011_11)
    register(desk, 8, 1_000, 2011_12)
    for month in (2012_01, 2012_02, 2012_03):
        desk.rate("29", month, 110_000)
    # The base date is the end of December 2011: from there on there is an index.
    assert study(desk.state, 1, FLAT) == study_ratios([(BASE, 1_000), (BASE, 1_331)])


def test_a_study_counts_two_years_up_to_its_rounds_end() -> None:
    desk = FactDesk()
    register(desk, 1, 500, 2010_04)
    register(desk, 2, 600, 2012_03)
    desk.rounds(2)
    register(desk, 3, 700, 2012_04)
    register(desk, 4, 800, 2010_07)
    assert study(desk.state, 1, FLAT).sales == 3
    assert study(desk.state, 2, FLAT) == study_ratios([(BASE, p) for p in (600, 700, 800)])
    assert [row["sold_month"] for row in shown_sales(desk)["sales"]] == [
        2010_07,
        2012_03,
        2012_04,
    ]
    assert shown_sales(desk, 1)["last_month"] == 2012_03
    newest = shown_sales(desk)["round"]
    for never_opened in (0, newest + 1, 2**64 - 1):
        assert fact_views.registered_sales(desk.state, never_opened) is None


def test_ten_sales_well_below_the_appraisals_close_the_gate_and_a_struck_one_opens_it() -> None:
    desk = FactDesk()
    for number in range(10):
        register(desk, number, 800)
    found = study(desk.state, 1, FLAT)
    assert (found.sales, found.lower_bound_ppm, found.is_open) == (10, 1_250_000, False)
    desk.send(GOVERNANCE, STRIKE_SALE, "city", pnu(3), 2012_01, "between relatives")
    assert study(desk.state, 1, FLAT).is_open


def test_a_struck_sale_stays_readable_and_the_right_one_takes_its_place() -> None:
    desk = FactDesk()
    register(desk, 7, 900)
    context = desk.send(GOVERNANCE, STRIKE_SALE, "city", pnu(7), 2012_01, "typing error")
    assert dict(context.events[0].values)["reason"] == "typing error"
    register(desk, 7, 950)
    shown = shown_sales(desk)
    assert [row["price_krw_per_m2"] for row in shown["sales"]] == [950]
    (struck,) = shown["struck"]
    assert (struck["pnu"], struck["price_krw_per_m2"], struck["reason"]) == (
        pnu(7),
        900,
        "typing error",
    )
    desk.send(GOVERNANCE, STRIKE_SALE, "city", pnu(7), 2012_01, "again")
    assert len(shown_sales(desk)["struck"]) == 2
    assert shown["kept"] == sales_book(desk.state).kept == 2


@pytest.mark.parametrize(
    ("sender", "values", "code", "reason"),
    [
        (REGISTRAR, ("city", pnu(7), 2012_01, "x"), ErrorCode.UNAUTHORISED, "governance alone"),
        (GOVERNANCE, ("town", pnu(7), 2012_01, "x"), ErrorCode.NOT_FOUND, "no zone"),
        (GOVERNANCE, ("country", pnu(7), 2012_01, "x"), ErrorCode.NOT_FOUND, "has no sale"),
        (GOVERNANCE, ("city", pnu(8), 2012_01, "x"), ErrorCode.NOT_FOUND, "has no sale"),
        (GOVERNANCE, ("city", pnu(7), 2012_02, "x"), ErrorCode.NOT_FOUND, "has no sale"),
        (GOVERNANCE, ("city", pnu(7), 2012_00, "x"), ErrorCode.INVALID_MESSAGE, "as yyyymm"),
        (GOVERNANCE, ("city", pnu(7), 2012_01, ""), ErrorCode.INVALID_MESSAGE, "for a reason"),
    ],
)
def test_a_strike_that_cannot_stand_is_refused(
    sender: Address, values: tuple[object, ...], code: ErrorCode, reason: str
) -> None:
    desk = FactDesk()
    register(desk, 7, 900)
    error = desk.refused(sender, STRIKE_SALE, *values)
    assert error.code is code
    assert reason in error.reason


def test_the_record_is_bounded_and_old_sales_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """With twelve for two thousand: full, refused, then room as months leave every coming study."""
    monkeypatch.setattr(sales, "MAX_SALES", 12)
    desk = FactDesk()
    for number in range(12):
        register(desk, number, 900, 2012_01 if number < 6 else 2012_02)
    desk.send(GOVERNANCE, STRIKE_SALE, "city", pnu(0), 2012_01, "struck ones count too")
    full = ("city", pnu(99), 900, 2012_03, DOCUMENT)
    error = desk.refused(REGISTRAR, REGISTER_SALE, *full)
    assert error.code is ErrorCode.LIMIT_EXCEEDED
    assert "12 sales are kept" in error.reason
    # Round 9 counts sales from April 2012 on, but round 8, which is open still, those of January.
    desk.rounds(9, closed=7)
    desk.refused(REGISTRAR, REGISTER_SALE, "city", pnu(99), 900, 2014_01, DOCUMENT)
    desk.rounds(9, closed=8)
    register(desk, 99, 900, 2014_01)
    assert sales_book(desk.state).kept == 12 - PRUNED_A_MESSAGE + 1
    for number in range(100, 104):
        register(desk, number, 900, 2014_01)
    assert sales_book(desk.state).kept == 5
    assert len(list(desk.state.iterate(SALES))) == 5
    assert list(desk.state.iterate(STRUCK_SALES)) == []


def test_a_month_that_no_coming_study_counts_changes_no_study() -> None:
    """Pruning removes only what is older than the window of the oldest open round."""
    desk = FactDesk()
    first = months.ordinal(2010_04)
    for number in range(24):
        register(desk, number, 900, months.month_of(first + number))
    desk.rounds(3, closed=2)
    assert sales_book(desk.state).kept == 24
    before = study(desk.state, 3, FLAT)
    assert before.sales == 18
    register(desk, 50, 900, 2012_09)
    register(desk, 51, 900, 2012_09)
    assert sales_book(desk.state).kept == 24 - 6 + 2
    assert study(desk.state, 3, FLAT).sales == 20


def test_every_row_of_a_sale_is_read_again() -> None:
    desk = FactDesk()
    register(desk, 1, 900)
    register(desk, 2, 900)
    desk.send(GOVERNANCE, STRIKE_SALE, "city", pnu(1), 2012_01, "x" * 200)
    for rows in sales._KEPT:
        ((_, row),) = desk.state.iterate(rows)
        assert rows.decode(rows.encode(row)) == row


def test_a_reason_has_a_bound() -> None:
    with pytest.raises(DecodeError, match="reason"):
        STRIKE_SALE.decode(STRIKE_SALE.encode("city", pnu(1), 2012_01, "x" * 201))
