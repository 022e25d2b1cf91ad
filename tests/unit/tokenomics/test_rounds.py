"""Town rounds by block time: opening, closing in order, standstill, pause, anchors, time scale."""

import pytest

from ledger.errors import ErrorCode
from ledger.primitives import ZERO_HASH
from tests.support.land_town import LENGTH_MS, LandTown, appraiser, land_section, zone_section
from tokenomics.oracle.challenges import CHALLENGE, Verdict, challenge_of
from tokenomics.oracle.land_views import zone_list
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.rounds import open_rounds, opened_round, schedule, town_round
from tokenomics.params import QUARTER_MS

START_MS = 5_000
CITY = appraiser(41)
ZONE_IDS = ("east", "west")
AGREED = {zone: [1_000] * 5 for zone in ZONE_IDS}
COMMIT_MS, REVEAL_MS, CHALLENGE_MS = 219, 109, 153
LAST_MS = 920 + 100
"""All phases and the grace of a round, after its end."""


def make_town(genesis_ms: int = 4_000, **parameters: int) -> LandTown:
    section = land_section(*(zone_section(zone) for zone in ZONE_IDS), **parameters)
    return LandTown(section, genesis_ms=genesis_ms)


@pytest.fixture
def town() -> LandTown:
    """Its first block, and so round 1, is of START_MS."""
    town = make_town()
    town.block(START_MS)
    return town


def test_the_first_block_is_due_at_genesis_and_opens_round_1() -> None:
    town = make_town(genesis_ms=4_000)
    assert town.due_ms() == 4_000
    town.block(START_MS)
    (opened,) = town.named("land.round_opened")
    assert (opened["round"], opened["opened_ms"], opened["end_ms"]) == (1, 5_000, 6_000)


def test_a_genesis_at_time_0_and_a_first_block_today_open_round_1_today() -> None:
    town = make_town(genesis_ms=0)
    town.block(1_700_000_000_000)
    assert schedule(town.state).newest == 1
    assert town.due_ms() == 1_700_000_001_000


def test_an_appraisal_begins_in_the_block_that_ends_its_round(town: LandTown) -> None:
    town.block(5_999)
    assert town.named("land.appraisal_begun") == []
    town.block(6_020)
    begun = town.named("land.appraisal_begun")
    assert [(e["zone"], e["round"], e["phase"]) for e in begun] == [
        ("east", 1, "COMMIT"),
        ("west", 1, "COMMIT"),
    ]
    assert begun[0]["deadline_ms"] == 6_020 + COMMIT_MS, "a phase has its whole length"
    (opened,) = town.named("land.round_opened")
    assert (opened["round"], opened["opened_ms"]) == (2, 6_000), "a round begins where one ended"


def test_a_round_closes_when_the_last_zone_is_at_an_end(town: LandTown) -> None:
    town.begin_appraisal()
    town.commit_and_reveal(1, {"east": [1_000] * 5})
    town.idle_until(town.appraisal("east", 1).deadline_ms)
    assert town.appraisal("east", 1).phase is Phase.FINAL
    assert schedule(town.state).closed == 0, "west still waits for commitments"
    town.idle_until(town.appraisal("west", 1).deadline_ms)
    assert schedule(town.state).closed == 1
    outcomes = {e["zone"]: e["outcome"] for e in town.named("land.zone_round_closed")}
    assert outcomes == {"east": "FINAL", "west": "NO_VALUE"}
    (closed,) = town.named("land.town_round_closed")
    assert (closed["zones_final"], closed["reports"], closed["is_anchor"]) == (1, 5, 1)


def test_two_appraisals_overlap_and_close_in_order() -> None:
    """Round 1 is challenged twice as long as a quarter lasts; round 2 is done and waits."""
    town = make_town(challenge_ms=2 * QUARTER_MS, scaled_rounds=50)
    town.block(START_MS)
    town.begin_appraisal()
    town.commit_and_reveal(1, AGREED)
    assert town.begin_appraisal() == 2
    town.idle_until(town.appraisal("east", 2).deadline_ms)
    town.soon()
    assert town.appraisal("east", 2).phase is Phase.NO_VALUE
    assert town.appraisal("east", 1).phase is Phase.CHALLENGE
    assert schedule(town.state).closed == 0, "round 2 is at its end and waits for round 1"
    town.idle_until(town.appraisal("east", 1).deadline_ms)
    assert [e["round"] for e in town.named("land.town_round_closed")] == [1, 2]


def test_the_deadline_closes_a_round_and_voids_what_is_not_at_an_end() -> None:
    """Blocks a little late for each phase of a dispute add up, and there is no grace."""
    town = make_town(grace_bps=0, reappraisal_ms=2)
    town.book.roles["chamber.public"] = {CITY}
    town.block(START_MS)
    town.begin_appraisal()
    deadline_ms = opened_round(town.state, 1).deadline_ms
    town.soon(town.messages(1, {"east": [1_000] * 4}))
    town.block(town.due_ms() + 20)
    town.soon(town.messages(1, {"east": [1_000] * 3}))
    town.block(town.due_ms() + 20)
    values = ("east", 1, "chamber.public", "method", ZERO_HASH)
    assert town.soon([(CITY, CHALLENGE, values)]) == [ErrorCode.OK]
    town.block(town.due_ms() + 20)
    town.soon(town.messages(1, {"east": [1_000]}))
    town.block(town.due_ms() + 20)
    row = town.appraisal("east", 1)
    assert (row.phase, row.deadline_ms > deadline_ms) == (Phase.DISPUTE_REVEAL, True)
    assert town.due_ms() == deadline_ms
    town.block(deadline_ms)
    assert town.appraisal("east", 1).phase is Phase.VOID
    assert schedule(town.state).closed == 1
    assert town.named("land.zone_round_closed")[0]["outcome"] == "VOID"
    challenged = challenge_of(town.state, 1, 0)
    assert challenged is not None
    assert challenged.verdict is Verdict.UNDECIDED


def test_an_idle_chain_closes_rounds_by_deadlines_alone(town: LandTown) -> None:
    while schedule(town.state).newest < 21:
        town.block(town.due_ms())
    assert schedule(town.state).closed == 19
    assert {zone["last_outcome"] for zone in zone_list(town.state)} == {"NO_VALUE"}


def test_a_standstill_gives_a_phase_the_time_that_it_had_left(town: LandTown) -> None:
    """The chain stops 19 ms into COMMIT and is back after an hour: 200 ms are left."""
    for _ in range(3):
        town.play(AGREED)
    number = town.begin_appraisal()
    stopped_ms = town.time_ms + 19
    town.block(stopped_ms, town.messages(number, {zone: [1_000] * 2 for zone in ZONE_IDS}))
    closed, back_ms = schedule(town.state).closed, stopped_ms + 3_600_000
    next_end_ms = opened_round(town.state, number + 1).end_ms
    town.block(back_ms)
    assert town.named("land.schedule_held") == [{"held_ms": 3_600_000, "reason": "standstill"}]
    assert schedule(town.state).closed == closed
    assert town.appraisal("east", number).phase is Phase.COMMIT
    assert town.appraisal("east", number).deadline_ms == back_ms + COMMIT_MS - 19
    assert opened_round(town.state, number + 1).end_ms == next_end_ms + 3_600_000
    late = {zone: [None, None, 1_000, 1_000, 1_000] for zone in ZONE_IDS}
    assert set(town.soon(town.messages(number, late))) == {ErrorCode.OK}
    assert set(town.soon(town.messages(number, AGREED))) == {ErrorCode.OK}
    town.finish(number)
    row = town_round(town.state, number)
    assert row is not None
    assert row.zones_final == 2


def test_a_standstill_in_the_challenge_leaves_time_to_challenge(town: LandTown) -> None:
    number = town.begin_appraisal()
    town.commit_and_reveal(number, AGREED)
    began_ms = town.time_ms
    town.block(began_ms + 10)
    town.block(began_ms + 10_000)
    assert town.appraisal("east", number).phase is Phase.CHALLENGE
    assert town.appraisal("east", number).deadline_ms == began_ms + 9_990 + CHALLENGE_MS


def test_a_long_standstill_makes_no_zone_stale_and_no_burst_of_rounds(town: LandTown) -> None:
    for _ in range(3):
        town.play({zone: [1_010] * 5 for zone in ZONE_IDS})
    for _ in range(6):
        town.block(town.due_ms() + 50 * LENGTH_MS)
        assert len(town.named("land.round_opened")) <= 1
        assert len(town.named("land.town_round_closed")) <= 1
    assert not any(e["outcome"] == "STALE" for e in town.all_named("land.zone_round_closed"))


def test_a_chain_that_is_always_late_gets_on(town: LandTown) -> None:
    """Blocks that come far too late for every phase still end it: tolerance grows with delay."""
    for _ in range(400):
        town.block(town.time_ms + 700)
    assert schedule(town.state).closed > 20


@pytest.mark.parametrize("delay_ms", [1, COMMIT_MS // 4])
def test_a_small_delay_moves_nothing(town: LandTown, delay_ms: int) -> None:
    town.begin_appraisal()
    town.block(6_000 + COMMIT_MS + delay_ms)
    assert town.named("land.schedule_held") == []
    assert town.appraisal("east", 1).phase is Phase.NO_VALUE
    assert opened_round(town.state, 2).end_ms == 7_000


def test_a_pause_stops_the_clocks_and_takes_messages(town: LandTown) -> None:
    number = town.begin_appraisal()
    town.soon(town.messages(number, AGREED))
    left_ms = town.appraisal("east", number).deadline_ms - town.time_ms
    town.emergency.finalising = True
    assert town.land.next_deadline_ms(town.state) is None
    town.block(town.time_ms + 20 * LENGTH_MS)
    assert set(town.block(town.time_ms + 20 * LENGTH_MS, town.messages(number, AGREED))) == {
        ErrorCode.OK
    }
    assert town.named("land.schedule_held") == [{"held_ms": 20_000, "reason": "paused"}]
    assert town.appraisal("east", number).phase is Phase.REVEAL, "nothing moves in a pause"
    assert town.appraisal("east", number).deadline_ms == town.time_ms + left_ms
    assert schedule(town.state).newest == number + 1
    assert opened_round(town.state, number + 1).end_ms == town.time_ms - 1 + LENGTH_MS
    town.emergency.finalising = False
    town.soon()
    assert town.appraisal("east", number).phase is Phase.CHALLENGE
    town.finish(number)
    assert {e["outcome"] for e in town.named("land.zone_round_closed")} == {"FINAL"}


def test_a_round_that_is_done_does_not_close_in_a_pause(town: LandTown) -> None:
    number = town.begin_appraisal()
    town.commit_and_reveal(number, AGREED)
    town.emergency.finalising = True
    town.block(town.time_ms + 100 * LENGTH_MS)
    assert schedule(town.state).closed == 0
    assert town.appraisal("east", number).phase is Phase.CHALLENGE


def test_a_chain_that_starts_in_a_pause_opens_round_1_after_it() -> None:
    town = make_town()
    town.emergency.finalising = True
    town.block(START_MS)
    assert schedule(town.state).newest == 0
    town.emergency.finalising = False
    town.block(START_MS + 10)
    assert opened_round(town.state, 1).opened_ms == START_MS + 10


def test_once_a_year_is_an_anchor_and_other_rounds_close_at_their_end() -> None:
    town = make_town(anchor_every_rounds=4)
    town.block(START_MS)
    for number in (1, 2, 3):
        assert town.begin_appraisal() == number
        (closed,) = town.named("land.town_round_closed")
        assert (closed["round"], closed["is_anchor"], closed["reports"]) == (number, 0, 0)
        assert {e["outcome"] for e in town.named("land.zone_round_closed")} == {"PROVISIONAL"}
    assert town.play(AGREED) == 4
    (closed,) = town.named("land.town_round_closed")
    assert (closed["is_anchor"], closed["zones_final"]) == (1, 2)
    state = town.state
    assert [row.is_anchor for row in open_rounds(state)] == [False]


def test_a_round_waits_for_official_rates_until_its_deadline(
    town: LandTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    awaited: list[tuple[set[str], int]] = []

    def awaits(state: object, regions: set[str], number: int) -> bool:
        del state
        awaited.append((regions, number))
        return True

    monkeypatch.setattr("tokenomics.oracle.closing.awaits_rates", awaits)
    town.begin_appraisal()
    town.commit_and_reveal(1, AGREED)
    deadline_ms = opened_round(town.state, 1).deadline_ms
    assert deadline_ms == 6_000 + LAST_MS
    town.idle_until(deadline_ms - 1)
    assert schedule(town.state).closed == 0
    assert ({"29"}, 1) in awaited
    town.block(deadline_ms)
    assert schedule(town.state).closed == 1
    assert {e["outcome"] for e in town.named("land.zone_round_closed")} == {"FINAL"}


def test_a_round_closes_in_the_block_that_brings_its_rates(
    town: LandTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = True
    monkeypatch.setattr("tokenomics.oracle.closing.awaits_rates", lambda *_: missing)
    town.begin_appraisal()
    town.commit_and_reveal(1, AGREED)
    town.idle_until(town.appraisal("east", 1).deadline_ms + 5)
    assert schedule(town.state).closed == 0
    missing = False
    town.soon()
    assert schedule(town.state).closed == 1


def test_after_the_scaled_rounds_a_quarter_is_a_quarter_again() -> None:
    town = make_town(scaled_rounds=3)
    town.block(START_MS)
    for _ in range(3):
        town.play(AGREED)
    assert town.due_ms() == 8_000 + QUARTER_MS
    for later_ms in (town.time_ms + 1, 20_000, 10_000_000):
        town.block(later_ms)
    assert {zone["last_outcome"] for zone in zone_list(town.state)} == {"FINAL"}
