"""What some of five appraisers can move when the others are right and land stands still."""

from collections.abc import Callable, Sequence

import pytest

from ledger.errors import ErrorCode
from ledger.primitives import Address
from tests.support.attack_table import percent
from tests.support.attack_town import CITY, HONEST, TRUE, AttackedTown
from tests.support.land_town import LandTown, Prices
from tokenomics.oracle.panels import NOMINATE, RegistryPanels
from tokenomics.oracle.registry import NOMINATORS, registered
from tokenomics.oracle.zone_rounds import Outcome

Told = Callable[..., None]
Lie = Callable[[int], int]
"""What colluders report, of the last accepted price."""

YEAR = 4
TENURE = 8
"""Rounds that a panel sits at most."""
AGREED_UP = TRUE * 110 // 100
AGREED_DOWN = -(-TRUE * 100 // 110)
"""As far from honest reports as five may lie apart."""
UPWARD: Sequence[Lie] = (
    lambda _: AGREED_UP,
    lambda _: TRUE * 100 // 95,
    lambda _: TRUE * 111 // 100,
    lambda last: last * 10 - 1,
)
"""To the edge of 110 %, within 5 % (so that no challenge is won), past 110 %, to a unit error."""
DOWNWARD: Sequence[Lie] = (
    lambda _: AGREED_DOWN,
    lambda _: -(-TRUE * 100 // 105),
    lambda _: TRUE * 90 // 100,
    lambda last: last // 10 + 1,
)


def seats(colluders: int, lie: int, honest: Sequence[int] = HONEST) -> Prices:
    return [lie] * colluders + list(honest[colluders:])


def moved(colluders: int, lie: Lie, rounds: int, *, challenged: bool = False) -> list[int]:
    """Counted prices, round by round, of an attack with the same lie."""
    town, counted = AttackedTown(), []
    for _ in range(rounds):
        panel = seats(colluders, lie(town.accepted()))
        row = town.appraise(panel, blind=HONEST[:3] if challenged else None)
        counted.append(row.counted_krw_per_m2)
    return counted


def most(colluders: int, rounds: int, *, up: bool, challenged: bool = False) -> str:
    """The best of the lies, after `rounds`, as a share of the true price."""
    found = [
        moved(colluders, lie, rounds, challenged=challenged)[-1] - TRUE
        for lie in (UPWARD if up else DOWNWARD)
    ]
    best = max(0, *found) if up else max(0, *(-fall for fall in found))
    return percent(best, TRUE)


@pytest.mark.parametrize("colluders", [1, 2])
def test_one_or_two_colluders_stay_within_the_honest_reports(colluders: int, told: Told) -> None:
    """With honest reports 2 % above and below, a lie moves the median to another of them."""
    spread = [TRUE * part // 100 for part in (98, 99, 100, 101, 102)]
    found = []
    for lie in (*(TRUE * part // 100 for part in (15, 92, 93, 107, 108, 900)), TRUE):
        for honest in (spread, spread[::-1]):
            town = AttackedTown()
            row = town.appraise(seats(colluders, lie, honest), spread[1:4:2])
            assert row.outcome is Outcome.FINAL
            left = honest[colluders:]
            assert min(left) <= row.median_krw_per_m2 <= max(left)
            found.append(abs(row.median_krw_per_m2 - TRUE))
    for up in (True, False):
        assert most(colluders, YEAR, up=up) == "0.00 %", "where the others agree"
    told(percent(max(found), TRUE))


@pytest.mark.parametrize("colluders", [3, 4, 5])
def test_colluders_raise_a_value(colluders: int, told: Told) -> None:
    """The best of the lies after a round, a year and a panel's tenure; then with challenges."""
    told(*(most(colluders, rounds, up=True) for rounds in (1, YEAR, TENURE)))
    told(most(colluders, TENURE, up=True, challenged=True))


@pytest.mark.parametrize("colluders", [3, 4, 5])
def test_colluders_lower_a_value(colluders: int, told: Told) -> None:
    told(*(most(colluders, rounds, up=False) for rounds in (1, YEAR)))
    told(most(colluders, YEAR, up=False, challenged=True))


def rounds_to_recover(town: AttackedTown) -> int:
    """Honest rounds until the zone counts at its true price again."""
    for rounds in range(1, 9):
        town.honest(1)
        if town.accepted() == TRUE == town.closed(town.appraising).counted_krw_per_m2:
            return rounds
    raise AssertionError(f"the zone is still accepted at {town.accepted()}")


def test_what_four_colluders_did_is_undone_by_the_next_panel(told: Told) -> None:
    """Their value is DISPERSED, so no chamber can challenge it; it lasts as long as they sit."""
    town = AttackedTown()
    for _ in range(TENURE):
        row = town.appraise(seats(4, DOWNWARD[3](town.accepted())))
        assert row.outcome is Outcome.DISPERSED
    told(f"{TENURE} rounds", f"in round {rounds_to_recover(town)}")


def test_a_whole_panel_unopposed_for_three_rounds_is_undone(told: Told) -> None:
    """All five agree, so their value is FINAL; within four anchors the fall is undone at once."""
    town = AttackedTown()
    for _ in range(YEAR - 1):
        assert town.appraise(seats(5, DOWNWARD[3](town.accepted()))).outcome is Outcome.FINAL
    lowest = town.accepted()
    told(f"{lowest:,} KRW", f"in round {rounds_to_recover(town)}")


def test_a_whole_panel_unopposed_for_a_tenure_ruins_its_zone(told: Told) -> None:
    """Past four anchors the way back is the clip's: the next panels say as much as is taken, for
    ten years."""
    town = AttackedTown()
    for _ in range(TENURE):
        town.appraise(seats(5, DOWNWARD[3](town.accepted())))
    lowest = town.accepted()
    for _ in range(10 * YEAR):
        town.honest(1, min(TRUE, town.accepted() * 10 - 1))
    told(f"{lowest:,} KRW", f"{town.accepted():,} KRW")


def minted_after(rounds: int, lie: Callable[[int, int], Prices]) -> AttackedTown:
    """Rounds of one zone: `lie` gives the panel's reports by round and last accepted price."""
    town = AttackedTown()
    for number in range(1, rounds + 1):
        town.appraise(lie(number, town.accepted()))
    return town


def test_a_panel_that_inflates_for_its_whole_tenure_mints_nothing(told: Told) -> None:
    """S is the lowest L of nine anchors, and a panel sits for eight."""

    def lie(number: int, last: int) -> Prices:
        return seats(5, last * 2) if number <= TENURE else HONEST

    town = minted_after(24, lie)
    assert town.closed(TENURE).accepted_krw_per_m2 > TRUE
    row = town.derivation
    assert row.recognised_krw == row.issued == 0
    told("0 tokens")


@pytest.mark.parametrize("colluders", [3, 5])
def test_colluders_in_every_panel_mint(colluders: int, told: Told) -> None:
    """Three years, unchallenged: the first year with mints (rounds 9 to 12), and the third."""
    lie = UPWARD[0] if colluders < 5 else UPWARD[3]
    rows = []
    for rounds in (12, 20, 40):
        row = minted_after(rounds, lambda _, last: seats(colluders, lie(last))).derivation
        rows.append(percent(row.issued, row.town_scale))
    told(*rows)


def test_a_gang_that_moves_from_zone_to_zone(told: Told) -> None:
    """Three colluders sit in each of three zones for two terms of three, in turn: no tenure is
    longer than eight rounds, but some zone is always inflated."""
    town = AttackedTown(3)
    for number in range(1, 37):
        term = (number - 1) // 4
        inflated = [zone for at, zone in enumerate(town.ids) if (term + at) % 3 != 0]
        lies = {zone: seats(3, AGREED_UP) if zone in inflated else HONEST for zone in town.ids}
        town.play(lies)
    row = town.derivation
    told(percent(row.recognised_krw, row.base_value_krw), percent(row.issued, row.town_scale))


def test_colluders_use_room_that_a_fall_has_uncovered(told: Told) -> None:
    """Land rose by 16 % in two years and is back: R stands, nothing is covered. Three colluders
    then raise cover, and mint from the room that honest years had earned."""
    steps = [*range(1, 9), *[8] * 8, *[0] * 2]
    town = AttackedTown()
    for step in steps:
        town.honest(1, TRUE * (100 + 2 * step) // 100)
    before = town.derivation
    assert before.cover == 0 < before.room
    for _ in range(YEAR):
        town.appraise(seats(3, AGREED_UP))
    row = town.derivation
    assert row.recognised_krw == before.recognised_krw
    told(
        percent(before.issued, row.town_scale),
        percent(row.issued - before.issued, row.town_scale),
    )


def test_the_same_three_are_not_seated_for_a_third_term(told: Told) -> None:
    """The three chambers nominate the same three year after year."""
    town = AttackedTown(panels=RegistryPanels())
    town.book.roles |= {chamber: {CITY} for chamber in NOMINATORS}
    gang = one_of_each_chamber(town)
    running = longest = 0
    for term in range(1, 5):
        for chamber, who in zip(NOMINATORS, gang, strict=True):
            code = town.soon([(CITY, NOMINATE, (chamber, "a", term, who))])[0]
            expected = ErrorCode.CONFLICT if term == 3 else ErrorCode.OK
            assert code is expected, town.refusals
        for _ in range(YEAR):
            number = town.begin_appraisal()
            sits = set(gang) <= set(town.appraisal("a").panel)
            assert sits is (term != 3)
            running = running + 1 if sits else 0
            longest = max(longest, running)
            town.commit_and_reveal(number, {"a": HONEST})
            town.finish(number)
    told(f"{longest} rounds")


def one_of_each_chamber(town: LandTown) -> list[Address]:
    """Appraisers whom the chambers with a seat nominated."""
    rows = registered(town.state)
    return [next(a for a, row in rows.items() if row.nominator == c) for c in NOMINATORS]
