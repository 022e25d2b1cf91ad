"""The cited series of Gwangju, its prices, and the seeded deviations of reports."""

import pytest

from node.scenarios.gwangju import (
    QUARTERS,
    ZONES,
    milli_percent,
    monthly_changes,
    quarterly_prices,
)
from node.scenarios.noise import DEFAULT_SEED, MAX_DEVIATION_PPM, deviation_ppm
from tokenomics.params import PANEL_SEATS


def test_the_series_has_every_month_from_2012_01_to_2026_01() -> None:
    changes = monthly_changes()
    months = [f"{2012 + n // 12}-{n % 12 + 1:02}" for n in range(169)]
    assert [change.month for change in changes] == months
    assert (changes[0].city_milli_percent, changes[0].nation_milli_percent) == (57, 87)
    assert changes[18].city_milli_percent == -55


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.057", 57), ("0.12", 120), ("-0.055", -55), ("1", 1000), ("-2.5", -2500)],
)
def test_percentages_are_read_exactly(text: str, expected: int) -> None:
    assert milli_percent(text) == expected


@pytest.mark.parametrize("text", ["", "0.0571", "1e3", "--1", "0,1", "nan"])
def test_anything_else_is_no_percentage(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        milli_percent(text)


def test_prices_compound_the_monthly_rates_from_the_base() -> None:
    prices = quarterly_prices()
    assert len(prices) == QUARTERS
    # 250000 * 1.00057 * 1.00067 * 1.00096 = 250550.3
    assert prices[0] == 250_550
    assert prices[-1] == 353_608


def test_reports_miss_the_real_price_by_2_percent_at_most_and_differ() -> None:
    deviations = {
        deviation_ppm(DEFAULT_SEED, number, zone.id, seat)
        for number in range(1, QUARTERS + 1)
        for zone in ZONES
        for seat in range(PANEL_SEATS)
    }
    assert -MAX_DEVIATION_PPM <= min(deviations) < -15_000
    assert 15_000 < max(deviations) <= MAX_DEVIATION_PPM
    assert len(deviations) > 1_500


def test_a_report_depends_on_the_seed_and_nothing_that_came_before() -> None:
    assert deviation_ppm(1, 20, "bia-dong", 3) == deviation_ppm(1, 20, "bia-dong", 3)
    assert deviation_ppm(1, 20, "bia-dong", 3) != deviation_ppm(2, 20, "bia-dong", 3)
