"""The real series through the formula gives the figures of the design's stress table.

economy.md section 6: Gwangju 2012-2026, six equal zones, GROSS issues 71.0 million tokens of a live
entitlement of 93.7 million; NET 3.6 million. Zero deviation, quarterly anchors.
"""

import pytest

from ledger.primitives import UNIT, ZERO_HASH
from node.scenarios.gwangju import (
    BASE_KRW_PER_M2,
    MONTHS_A_QUARTER,
    QUARTERS,
    ZONES,
    monthly_changes,
    quarterly_indices,
    quarterly_prices,
)
from tests.support.uplift_reference import (
    ReferenceFigures,
    ReferenceRound,
    ReferenceRules,
    ReferenceZone,
    replay,
)
from tokenomics import uplift
from tokenomics.derivation import (
    IssuanceRound,
    Uplift,
    opening_totals,
    recognise,
    settle,
    totals_after,
)
from tokenomics.params import QUARTER_MS, IssuanceParameters, Mode
from tokenomics.rounds import TownRound
from tokenomics.valuation import accepted_price, clip_limit

MILLION_TOKENS = 10**6 * UNIT


def nation_rates() -> list[int]:
    return [change.nation_milli_percent for change in monthly_changes()]


def through_the_formula(*, net: bool) -> list[IssuanceRound]:
    """Every zone at the real price; only pure functions of tokenomics, no state."""
    parameters = IssuanceParameters(mode=Mode.NET if net else Mode.GROSS)
    base_value = sum(zone.base_value_krw for zone in ZONES)
    nation = quarterly_indices(nation_rates(), QUARTERS)
    totals = opening_totals(0)
    accepted = [BASE_KRW_PER_M2]
    rounds: list[IssuanceRound] = []
    for number, price in enumerate(quarterly_prices(), start=1):
        clip = clip_limit(accepted[-1], QUARTER_MS, 800)
        accepted.append(accepted_price(price, max(clip, *accepted[-4:])))
        value = sum(uplift.zone_value_krw(zone.area_tenth_m2, accepted[-1]) for zone in ZONES)
        growth = uplift.normal_growth_krw(
            [zone.base_value_krw for zone in ZONES], nation[number - 1]
        )
        town = TownRound(number, 0, 1, 1, value, len(ZONES), 0, ZERO_HASH, True, 0, 0, growth, True)
        earlier = [Uplift(row.live_krw or 0, 0) for row in rounds[1 - parameters.window_anchors :]]
        found = recognise(totals, town, base_value, earlier, parameters)
        row = settle(totals, town, base_value, found, 0, 0, parameters, paused=False)
        rounds.append(row)
        totals = totals_after(totals, row)
    return rounds


def through_the_reference(*, net: bool) -> ReferenceFigures:
    rates = nation_rates()
    return replay(
        [ReferenceZone(zone.area_tenth_m2, zone.base_krw_per_m2) for zone in ZONES],
        [
            ReferenceRound(
                tuple(tuple((price, q * QUARTER_MS) for _ in range(5)) for _ in ZONES),
                nation_milli_percent=tuple(
                    rates[q * MONTHS_A_QUARTER : (q + 1) * MONTHS_A_QUARTER]
                ),
            )
            for q, price in enumerate(quarterly_prices())
        ],
        ReferenceRules(net=net),
    )


def test_gross_issues_71_0_million_of_a_live_entitlement_of_93_7_million() -> None:
    last = through_the_formula(net=False)[-1]
    assert last.issued == 71_030471853500000000000000
    assert last.cover == 93_683726405500000000000000
    assert round(last.issued / MILLION_TOKENS, 1) == 71.0
    assert round(last.cover / MILLION_TOKENS, 1) == 93.7


def test_net_of_the_nations_growth_issues_3_6_million() -> None:
    last = through_the_formula(net=True)[-1]
    assert round(last.issued / MILLION_TOKENS, 1) == 3.6


def test_nothing_is_minted_before_w_anchors_and_something_at_once_after() -> None:
    rounds = through_the_formula(net=False)
    assert [row.minted for row in rounds[:8]] == [0] * 8
    assert rounds[8].minted > 0


@pytest.mark.parametrize("net", [False, True])
def test_the_reference_gives_the_same_to_the_last_unit(net: bool) -> None:
    rounds, figures = through_the_formula(net=net), through_the_reference(net=net)
    assert [row.live_krw for row in rounds] == figures.live
    assert [row.recognised_krw for row in rounds] == figures.recognised
    assert [row.minted for row in rounds] == figures.minted
    assert [row.issued for row in rounds] == figures.issued
