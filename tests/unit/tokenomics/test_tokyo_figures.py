"""Tokyo's bubble through the formula gives the figures of the design's stress table (economy.md
section 6), and nobody is left holding what a naive ratchet would have issued."""

import pytest

from ledger.primitives import UNIT
from node.scenarios import gwangju, tokyo
from node.scenarios.figures import returned
from tokenomics.issuance.playback import Played, Reserve, play
from tokenomics.issuance.town_playback import Land
from tokenomics.params import IssuanceParameters

MILLION_TOKENS = 10**6 * UNIT


def through_the_bubble(scale_percent: int, anchor_every: int) -> Played:
    """The first quarter with the raw index back at its start, or below."""
    parameters = IssuanceParameters(window_anchors=9 if anchor_every == 1 else 3)
    played = play(
        tokyo.zones(scale_percent),
        tokyo.quarterly_prices(),
        parameters,
        anchor_every=anchor_every,
        reserve=Reserve(),
    )
    back = returned(played)
    assert back is not None
    return back


def test_the_series_rises_more_than_twofold_and_comes_back() -> None:
    assert len(tokyo.ward_indices()) == 23
    values = [sum(prices) for prices in tokyo.quarterly_prices()]
    assert max(values) > 2 * values[0]
    assert values[-1] < max(values) // 2


def test_at_the_return_100_9_million_are_issued_and_81_5_outstanding_of_454_6_naive() -> None:
    figures = through_the_bubble(100, 1)
    assert round(figures.row.issued / MILLION_TOKENS, 1) == 100.9
    assert round(figures.outstanding / MILLION_TOKENS, 1) == 81.5
    assert round(figures.naive_issued / MILLION_TOKENS, 1) == 454.6


def test_annual_anchors_give_nearly_the_same() -> None:
    figures = through_the_bubble(100, 4)
    assert round(figures.row.issued / MILLION_TOKENS, 1) == 99.6
    assert round(figures.outstanding / MILLION_TOKENS, 1) == 81.4


@pytest.mark.parametrize("scale_percent", [25, 100, 200])
@pytest.mark.parametrize("anchor_every", [1, 4])
def test_a_quarter_of_the_naive_issue_at_most_at_every_scale(
    scale_percent: int, anchor_every: int
) -> None:
    figures = through_the_bubble(scale_percent, anchor_every)
    assert figures.row.issued * 4 <= figures.naive_issued
    assert figures.outstanding * 4 <= figures.naive_issued


def test_playing_gwangju_gives_what_the_modules_give() -> None:
    zones = [Land(zone.area_tenth_m2, zone.base_krw_per_m2) for zone in gwangju.ZONES]
    prices = [[price] * len(zones) for price in gwangju.quarterly_prices()]
    played = play(zones, prices, IssuanceParameters())
    assert played[-1].row.issued == 71_030471853500000000000000
    assert returned(played) is None
