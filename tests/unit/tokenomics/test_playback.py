"""Playback of a town through the pure rules: what each rule does to V, round by round."""

from collections.abc import Callable

import pytest

from tokenomics.issuance.playback import Reserve, play
from tokenomics.issuance.town_playback import Certified, Factor, Land, PlayedTown, play_town
from tokenomics.params import IssuanceParameters

BASE = 100_000
ONE_ZONE = [Land(10, BASE)]
"""Worth its price: V is KRW/m2."""


def everybody(price: int) -> Callable[[int, int, int], int | None]:
    return lambda *_: price


def town(
    rounds: int,
    report: Callable[[int, int, int], int | None],
    *,
    events: list[Certified] | None = None,
    factor: Factor = None,
    anchor_every: int = 1,
) -> list[PlayedTown]:
    return play_town(
        ONE_ZONE,
        rounds,
        report,
        events=events or [],
        factors=[[factor]] * rounds,
        anchor_every=anchor_every,
    )


def values(played: list[PlayedTown]) -> list[int]:
    return [row.town.value_krw for row in played]


def test_a_rise_is_clipped_to_2_percent_a_quarter_and_the_raw_value_is_kept_beside_it() -> None:
    played = town(3, everybody(150_000))
    assert values(played) == [102_000, 104_040, 106_120]
    assert [row.raw_value_krw for row in played] == [150_000] * 3


def test_a_fall_counts_at_once_and_is_undone_at_once() -> None:
    prices = [102_000, 60_000, 102_000]
    assert values(town(3, lambda number, *_: prices[number - 1])) == prices


def test_a_certified_event_lets_the_zone_rise_costs_and_is_certified_room() -> None:
    events = [Certified(2, 0, 15_000, 7_000)]
    played = town(7, everybody(200_000), events=events)
    # Accepted before round 2: 102000. Half as much again, for the four rounds from 2 on.
    assert values(played)[:5] == [102_000, 153_000, 156_060, 159_181, 162_364]
    assert [row.town.costs_krw for row in played[:3]] == [0, 7_000, 7_000]
    # What the clip alone would have let through of it: 104040.
    assert played[1].town.certified_krw == 153_000 - 104_040
    assert played[6].town.certified_krw == 153_000 - 104_040


def test_certified_rise_counts_only_as_far_as_the_zone_stands_above_its_base() -> None:
    prices = [102_000, 153_000, 110_000, 90_000]
    events = [Certified(2, 0, 20_000, 0)]
    played = town(4, lambda number, *_: prices[number - 1], events=events)
    assert [row.town.certified_krw for row in played] == [0, 48_960, 10_000, 0]


def test_too_few_reports_hold_the_value_roll_it_down_never_up_and_go_stale_at_the_base() -> None:
    def two_of_five_withhold(number: int, _zone: int, seat: int) -> int | None:
        return None if number > 1 and seat > 1 else 102_000

    falling = town(9, two_of_five_withhold, factor=(99, 100))
    assert values(falling)[:4] == [102_000, 100_980, 99_970, 98_970]
    rising = town(9, two_of_five_withhold, factor=(101, 100))
    # 550 days are just over six quarters: round 8 is the first that is further away.
    assert values(rising) == [102_000] * 7 + [BASE] * 2
    assert [row.town.zones_final for row in rising] == [1] + [0] * 8


def test_three_of_five_that_are_30_percent_too_high_are_dispersed_and_raise_nothing() -> None:
    played = town(1, lambda _number, _zone, seat: 130_000 if seat < 3 else 101_000)
    assert values(played) == [BASE]
    assert played[0].raw_value_krw == 101_000  # the lower median of seven
    assert played[0].town.zones_final == 0


def test_two_of_five_change_nothing() -> None:
    played = town(1, lambda _number, _zone, seat: 130_000 if seat < 2 else 101_000)
    assert values(played) == [101_000]
    assert played[0].town.zones_final == 1


def test_dispersed_reports_below_the_value_count_downward() -> None:
    played = town(1, lambda _number, _zone, seat: 50_000 if seat < 3 else 100_000)
    assert values(played) == [100_000]
    played = town(1, lambda _number, _zone, seat: (50_000, 60_000, 70_000, 80_000)[seat % 4])
    assert values(played) == [60_000]


def test_between_annual_anchors_values_roll_by_the_official_rate() -> None:
    played = town(4, everybody(105_000), factor=(101, 100), anchor_every=4)
    assert values(played) == [101_000, 102_010, 103_030, 105_000]
    assert [row.town.is_anchor for row in played] == [False, False, False, True]


@pytest.mark.parametrize("rounds", [1, 8, 40])
def test_the_reserve_burns_no_more_than_it_holds(rounds: int) -> None:
    prices = [
        [BASE + min(number, 20) * 1_000 - max(0, number - 20) * 2_000] for number in range(40)
    ]
    zones = [Land(10**9, BASE)]
    played = play(zones, prices, IssuanceParameters(), reserve=Reserve(rounds=rounds))
    last = played[-1]
    assert last.row.issued > 0
    assert 0 <= last.burned <= last.row.issued * 3 // 10
    assert last.burned == sum(row.row.burned for row in played)
