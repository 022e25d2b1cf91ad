"""An appraisal on its way through the phases (economy.md section 1): every road to every end."""

from collections.abc import Callable

import pytest

from ledger.errors import ErrorCode
from ledger.primitives import Address, Hash
from tests.support.land_town import (
    DOCUMENT,
    Call,
    FixedPanels,
    LandTown,
    appraiser,
    land_section,
    zone_section,
)
from tokenomics.oracle.challenges import CHALLENGE, GROUNDS, Verdict, challenge_of
from tokenomics.oracle.land_views import zone_list, zone_round
from tokenomics.oracle.panels import RegistryPanels
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.registry import find
from tokenomics.params import QUARTER_MS, YEAR_MS
from tokenomics.roles import CHAMBER_LANDOWNERS, CHAMBER_PUBLIC

CITY, OWNERS, STRANGER = appraiser(41), appraiser(42), appraiser(43)
BASE = 1_000
NARROW = [BASE, BASE + 20, BASE + 40, BASE + 60, BASE + 80]
WIDE = [BASE, BASE + 10, BASE + 20, BASE + 30, BASE + 101]
"""Highest over lowest: 1101 / 1000 is more than 110 %; the trimmed range is 1010 to 1030."""


def make_town(appraisers: int = 15, **parameters: int) -> LandTown:
    town = LandTown(
        land_section(zone_section("east", base=BASE), appraisers=appraisers, **parameters),
        panels=FixedPanels() if appraisers < 15 else RegistryPanels(),
    )
    town.book.roles = {CHAMBER_PUBLIC: {CITY}, CHAMBER_LANDOWNERS: {OWNERS}}
    town.block(5_000)
    town.begin_appraisal()
    return town


@pytest.fixture
def town() -> LandTown:
    return make_town()


def phase(town: LandTown, number: int | None = None) -> Phase:
    return town.appraisal("east", number).phase


def challenge(
    number: int, sender: Address = CITY, chamber: str = CHAMBER_PUBLIC, ground: str = "method"
) -> Call:
    return sender, CHALLENGE, ("east", number, chamber, ground, DOCUMENT)


def test_reports_within_110_percent_stand_for_challenge_and_become_final(town: LandTown) -> None:
    town.commit_and_reveal(1, {"east": NARROW})
    assert phase(town) is Phase.CHALLENGE
    (found,) = town.named("land.aggregated")
    assert (found["median_krw_per_m2"], found["dispersion_ppm"]) == (1_040, 23_076)
    assert (found["lowest_krw_per_m2"], found["highest_krw_per_m2"]) == (1_000, 1_080)
    town.idle_until(town.appraisal("east").deadline_ms - 1)
    assert phase(town) is Phase.CHALLENGE, "a challenge runs its whole time"
    town.soon()
    assert phase(town) is Phase.FINAL
    assert town.named("land.zone_round_closed")[0]["outcome"] == "FINAL"


@pytest.mark.parametrize(("highest", "further"), [(1_100, False), (1_101, True)])
def test_exactly_110_percent_is_not_too_wide(town: LandTown, highest: int, further: bool) -> None:
    town.commit_and_reveal(1, {"east": [1_000, 1_000, 1_000, 1_000, highest]})
    assert phase(town) is (Phase.REAPPRAISE_COMMIT if further else Phase.CHALLENGE)


def test_phases_end_when_nothing_can_change_any_more(town: LandTown) -> None:
    began_ms = town.time_ms
    town.soon(town.messages(1, {"east": NARROW[:4]}))
    assert phase(town) is Phase.COMMIT, "the fifth may still commit"
    last = town.appraisal("east").panel[4]
    town.soon([town.commit_call("east", 1, last, NARROW[4])])
    assert phase(town) is Phase.REVEAL
    assert town.time_ms == began_ms + 2
    town.soon(town.messages(1, {"east": NARROW[:4]}))
    assert phase(town) is Phase.REVEAL
    town.soon([town.reveal_call("east", 1, last, NARROW[4])])
    assert phase(town) is Phase.CHALLENGE


def test_who_commits_and_does_not_reveal_is_left_out_and_on_record(town: LandTown) -> None:
    town.soon(town.messages(1, {"east": NARROW}))
    town.soon(town.messages(1, {"east": NARROW[:3]}))
    town.idle_until(town.appraisal("east").deadline_ms)
    withheld = {e["appraiser"] for e in town.named("land.report_withheld")}
    assert withheld == set(town.appraisal("east").panel[3:])
    assert phase(town) is Phase.CHALLENGE
    assert town.appraisal("east").median_krw_per_m2 == NARROW[1]


def test_fewer_than_min_reports_give_no_value(town: LandTown) -> None:
    town.commit_and_reveal(1, {"east": NARROW[:2]})
    assert phase(town) is Phase.NO_VALUE
    assert town.named("land.zone_round_closed")[0]["outcome"] == "NO_VALUE"
    assert zone_list(town.state)[0]["counted_krw_per_m2"] == BASE


def test_a_zone_without_a_panel_of_min_reports_is_void() -> None:
    section = land_section(zone_section("east"), appraisers=3)
    section["appraisers"][0]["valid_until_ms"] = 5_500
    town = LandTown(section)
    town.block(5_000)
    town.begin_appraisal()
    assert phase(town) is Phase.VOID
    (begun,) = town.named("land.appraisal_begun")
    assert (begun["phase"], len(begun["panel"])) == ("VOID", 2 * 20)
    assert town.named("land.zone_round_closed")[0]["outcome"] == "VOID"


def reappraise(town: LandTown, *further: int) -> None:
    town.commit_and_reveal(1, {"east": WIDE})
    assert phase(town) is Phase.REAPPRAISE_COMMIT
    town.commit_and_reveal(1, {"east": further})


def test_two_further_reports_are_merged_and_the_extremes_dropped(town: LandTown) -> None:
    reappraise(town, 1_015, 1_025)
    assert phase(town) is Phase.CHALLENGE
    row = town.appraisal("east")
    assert row.median_krw_per_m2 == 1_020, "the lower median of all seven"
    assert not set(row.further) & set(row.panel)
    (found,) = town.named("land.aggregated")
    assert (found["reports"], found["too_wide"]) == (7, 0)
    assert (found["lowest_krw_per_m2"], found["highest_krw_per_m2"]) == (1_015, 1_025)
    assert town.named("land.outlier") == [], "1101 is within 10 % of the trimmed range"
    town.finish(1)
    assert town.named("land.zone_round_closed")[0]["reports"] == 7


def test_reports_that_stay_wide_are_dispersed_and_count_downward_only() -> None:
    town = make_town()
    town.commit_and_reveal(1, {"east": [800, 820, 900, 1_100, 1_200]})
    town.commit_and_reveal(1, {"east": [810, 1_150]})
    assert phase(town) is Phase.DISPERSED
    (zone,) = zone_list(town.state)
    assert (zone["last_outcome"], zone["accepted_krw_per_m2"]) == ("DISPERSED", BASE)
    assert zone["counted_krw_per_m2"] == 900


def test_a_dispersed_value_above_the_last_one_changes_nothing(town: LandTown) -> None:
    town.commit_and_reveal(1, {"east": [1_000, 1_020, 1_300, 1_500, 1_600]})
    town.commit_and_reveal(1, {"east": [1_010, 1_550]})
    (zone,) = zone_list(town.state)
    assert (zone["last_outcome"], zone["accepted_krw_per_m2"]) == ("DISPERSED", BASE)
    assert zone["final_round"] == 0


@pytest.mark.parametrize("said", [(), (1_015,)], ids=["nobody", "one of two"])
def test_a_reappraisal_that_is_not_done_in_time_is_dispersed(
    town: LandTown, said: tuple[int, ...]
) -> None:
    town.commit_and_reveal(1, {"east": WIDE})
    began_ms = town.time_ms
    town.commit_and_reveal(1, {"east": said})
    town.finish(1)
    assert phase(town, 1) is Phase.DISPERSED
    assert town.time_ms <= began_ms + 219, "both halves of 20 days"


def test_without_anybody_left_to_draw_a_wide_value_is_dispersed_at_once() -> None:
    town = make_town(appraisers=6)
    town.commit_and_reveal(1, {"east": WIDE})
    assert len(town.appraisal("east", 1).further) == 1
    town = make_town(appraisers=5)
    town.commit_and_reveal(1, {"east": WIDE})
    town.soon()
    town.soon()
    assert phase(town, 1) is Phase.DISPERSED, "a block for each phase that nobody can fill"


def test_outliers_of_panel_and_further_reports_are_noted(town: LandTown) -> None:
    """Trimmed range 1000 to 1030: above 1133 and below 900 are more than 10 % outside."""
    town.commit_and_reveal(1, {"east": [1_000, 1_010, 1_020, 1_030, 1_134]})
    town.commit_and_reveal(1, {"east": [1_005, 899]})
    assert phase(town) is Phase.CHALLENGE
    row = town.appraisal("east")
    assert {e["appraiser"] for e in town.named("land.outlier")} == {row.panel[4], row.further[1]}
    registered = find(town.state, row.further[1])
    assert registered is not None
    assert (registered.outliers, registered.suspended) == ((1,), False)


def test_two_outliers_in_four_rounds_suspend_and_the_seat_is_filled_anew(town: LandTown) -> None:
    spoiler = town.appraisal("east").panel[0]
    for number in (1, 2):
        if number == 2:
            town.finish(1)
            assert town.begin_appraisal() == 2
        seats = town.appraisal("east").panel
        town.commit_and_reveal(number, {"east": [2_000 if a == spoiler else BASE for a in seats]})
        town.commit_and_reveal(number, {"east": [BASE, BASE]})
    assert town.named("land.appraiser_suspended") == [{"appraiser": spoiler, "round": 2}]
    town.finish(2)
    town.begin_appraisal()
    panel = town.appraisal("east").panel
    assert spoiler not in panel
    assert len(panel) == 5


# -- challenges ------------------------------------------------------------------------------------


def dispute(town: LandTown, *blind: int | None) -> None:
    """Round 1 with a median of 1040, challenged by the city; these blind reports."""
    town.commit_and_reveal(1, {"east": NARROW})
    deadline_ms = town.appraisal("east").deadline_ms
    assert town.soon([challenge(1)]) == [ErrorCode.OK]
    town.idle_until(deadline_ms)
    row = town.appraisal("east")
    assert row.phase is Phase.DISPUTE_COMMIT
    assert (len(row.blind), set(row.blind) & set(row.panel)) == (3, set())
    town.commit_and_reveal(1, {"east": blind})
    town.finish(1)


def verdict(town: LandTown) -> Verdict:
    row = challenge_of(town.state, 1, 0)
    assert row is not None
    return row.verdict


@pytest.mark.parametrize(
    ("blind", "expected", "median"),
    [
        ((980, 985, 990), Verdict.WON, 985),
        ((988, 988, 990), Verdict.LOST, 1_040),
        ((1_093, 1_093, 1_093), Verdict.WON, 1_093),
        ((1_092, 1_092, 1_092), Verdict.LOST, 1_040),
        ((970, 980, None), Verdict.WON, 970),
    ],
    ids=["lower", "exactly 5 % lower", "higher", "5 % higher", "two of three"],
)
def test_blind_reports_replace_a_value_that_differs_by_more_than_5_percent(
    town: LandTown, blind: tuple[int | None, ...], expected: Verdict, median: int
) -> None:
    dispute(town, *blind)
    assert phase(town, 1) is Phase.FINAL
    assert verdict(town) is expected
    assert town.appraisal("east", 1).median_krw_per_m2 == median
    (closed,) = town.named("land.zone_round_closed")
    assert (closed["outcome"], closed["median_krw_per_m2"]) == ("FINAL", median)
    view = zone_round(town.state, "east", 1)
    assert view is not None
    assert view["challenge"]["verdict"] == expected.name
    assert {r["seat"] for r in view["reports"]} == {"PANEL", "BLIND"}


def test_a_dispute_with_one_blind_report_stays_undecided_and_counts_downward() -> None:
    town = make_town()
    town.commit_and_reveal(1, {"east": [950, 950, 960, 960, 970]})
    assert town.soon([challenge(1)]) == [ErrorCode.OK]
    town.idle_until(town.appraisal("east").deadline_ms)
    town.commit_and_reveal(1, {"east": [700]})
    town.finish(1)
    assert phase(town, 1) is Phase.DISPUTED
    assert verdict(town) is Verdict.UNDECIDED
    (zone,) = zone_list(town.state)
    assert (zone["last_outcome"], zone["accepted_krw_per_m2"]) == ("DISPUTED", BASE)
    assert zone["counted_krw_per_m2"] == 960
    dearer = make_town()
    dispute(dearer, 700)
    assert zone_list(dearer.state)[0]["accepted_krw_per_m2"] == BASE, "never upward"


CHALLENGES: dict[str, tuple[Call, ErrorCode, str]] = {
    "no such chamber": (
        challenge(1, chamber="chamber.trees"),
        ErrorCode.INVALID_MESSAGE,
        "chamber: expected one of chamber.public, ",
    ),
    "no such ground": (
        challenge(1, ground="too dear"),
        ErrorCode.INVALID_MESSAGE,
        f"ground: expected one of {', '.join(GROUNDS)}, found 'too dear'",
    ),
    "stranger": (challenge(1, STRANGER), ErrorCode.UNAUTHORISED, "does not act for chamber.public"),
    "another chamber": (
        challenge(1, CITY, CHAMBER_LANDOWNERS),
        ErrorCode.UNAUTHORISED,
        "does not act for chamber.landowners",
    ),
    "another round": (challenge(2), ErrorCode.NOT_NOW, "begins when it ends"),
}


@pytest.mark.parametrize("case", CHALLENGES)
def test_a_wrong_challenge_is_refused_and_leaves_no_trace(town: LandTown, case: str) -> None:
    call, code, sentence = CHALLENGES[case]
    town.commit_and_reveal(1, {"east": NARROW})
    refused(town, call, code, sentence)


def refused(town: LandTown, call: Call, code: ErrorCode, sentence: str) -> None:
    before = list(town.store.iterate(b"land/", b"land0"))
    assert town.soon([call]) == [code]
    assert sentence in town.refusals[0], town.refusals
    assert list(town.store.iterate(b"land/", b"land0")) == before


def test_a_value_is_challenged_once_and_while_it_stands_for_it(town: LandTown) -> None:
    refused(town, challenge(1), ErrorCode.NOT_NOW, "is in phase COMMIT, expected CHALLENGE")
    town.commit_and_reveal(1, {"east": NARROW})
    assert town.soon([challenge(1)]) == [ErrorCode.OK]
    again = challenge(1, OWNERS, CHAMBER_LANDOWNERS)
    refused(town, again, ErrorCode.CONFLICT, "is challenged already")
    town.idle_until(town.appraisal("east").deadline_ms)
    refused(town, again, ErrorCode.NOT_NOW, "is in phase DISPUTE_COMMIT")


def lose(town: LandTown) -> None:
    """A round whose challenge by the city the blind appraisers do not follow."""
    number = town.appraising
    town.commit_and_reveal(number, {"east": NARROW})
    assert town.soon([challenge(number)]) == [ErrorCode.OK]
    town.idle_until(town.appraisal("east").deadline_ms)
    town.commit_and_reveal(number, {"east": [1_040] * 3})
    town.finish(number)


def test_two_lost_challenges_bar_the_challenger_for_a_year_of_the_calendar(town: LandTown) -> None:
    lose(town)
    town.begin_appraisal()
    lose(town)
    (barred,) = town.all_named("land.challenger_barred")
    assert barred["challenger"] == CITY
    until_ms = barred["until_calendar_ms"]
    assert 2 * QUARTER_MS < until_ms - YEAR_MS < 3 * QUARTER_MS, "lost in the third quarter"
    refusals = 0
    for _ in range(5):
        number = town.begin_appraisal()
        town.commit_and_reveal(number, {"east": NARROW})
        code = town.soon([challenge(number)])[0]
        refusals += code is ErrorCode.UNAUTHORISED
        if refusals and code is ErrorCode.UNAUTHORISED:
            assert "lost 2 challenges and is barred for" in town.refusals[0]
        other = town.soon([challenge(number, OWNERS, CHAMBER_LANDOWNERS)])[0]
        assert other is (ErrorCode.OK if code is ErrorCode.UNAUTHORISED else ErrorCode.CONFLICT)
        town.finish(number)
    assert refusals == 4, "values of rounds 3 to 6; a year has passed when that of round 7 stands"


def test_neither_winning_nor_an_undecided_dispute_counts_against_the_challenger() -> None:
    for blind in ([970, 970, 970], [970]):
        town = make_town()
        dispute(town, *blind)
        assert not list(town.store.iterate(b"land/challenger/", b"land/challenger0"))


SILENT: list[Callable[[LandTown], object]] = [
    lambda town: None,
    lambda town: town.soon(town.messages(1, {"east": NARROW})),
]


@pytest.mark.parametrize("until", SILENT, ids=["no commitment", "no reveal"])
def test_silence_is_no_value_at_the_end_of_the_phases(
    town: LandTown, until: Callable[[LandTown], object]
) -> None:
    until(town)
    town.finish(1)
    assert town.named("land.zone_round_closed")[0]["outcome"] == "NO_VALUE"
    assert isinstance(town.named("land.town_round_closed")[0]["reports_hash"], bytes | Hash)
