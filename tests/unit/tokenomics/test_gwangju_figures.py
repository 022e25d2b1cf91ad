"""The real series through the formula gives the figures of the design's stress table.

economy.md section 6: Gwangju 2012-2026, six equal zones, GROSS issues 71.0 million tokens of a live
entitlement of 93.7 million; NET 3.6 million. Zero deviation, quarterly anchors.
"""

import pytest

from ledger.primitives import UNIT
from node.scenarios.gwangju import (
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
from tokenomics.issuance.derivation import IssuanceRound
from tokenomics.issuance.playback import play
from tokenomics.issuance.town_playback import Land
from tokenomics.oracle import uplift
from tokenomics.params import QUARTER_MS, IssuanceParameters, Mode

MILLION_TOKENS = 10**6 * UNIT


def nation_rates() -> list[int]:
    return [change.nation_milli_percent for change in monthly_changes()]


def through_the_formula(*, net: bool) -> list[IssuanceRound]:
    """Every zone at the real price; only pure functions of tokenomics, no state."""
    nation = quarterly_indices(nation_rates(), QUARTERS)
    bases = [zone.base_value_krw for zone in ZONES]
    played = play(
        [Land(zone.area_tenth_m2, zone.base_krw_per_m2) for zone in ZONES],
        [[price] * len(ZONES) for price in quarterly_prices()],
        IssuanceParameters(mode=Mode.NET if net else Mode.GROSS),
        normal_growth_krw=[uplift.normal_growth_krw(bases, index) for index in nation],
    )
    return [quarter.row for quarter in played]


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
