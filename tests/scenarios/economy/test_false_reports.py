"""Reports that are copied, replayed, late, withheld, extreme or in a wrong unit."""

from collections.abc import Callable, Sequence

import pytest

from ledger.errors import ErrorCode
from ledger.primitives import Address, Hash
from tests.support.attack_table import percent
from tests.support.attack_town import HONEST, TRUE, AttackedTown, days
from tests.support.land_town import CHAIN_ID, LandTown, salt_of
from tokenomics.oracle.panels import RegistryPanels
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.registry import find
from tokenomics.oracle.reports import COMMIT, REVEAL, commitment_of
from tokenomics.oracle.rounds import opened_round
from tokenomics.oracle.zone_rounds import Outcome
from tokenomics.params import land_parameters

Told = Callable[..., None]
THIEF, VICTIM = 0, 1
"""Seats on the panel."""


def commitment(
    town: LandTown, sender: Address, *, chain: int = CHAIN_ID, zone: str = "a", number: int = 1
) -> Hash:
    said = town.statement(1, TRUE)
    return commitment_of(chain, zone, number, sender, said, salt_of("a", 1, sender))


def test_a_copied_commitment_cannot_be_opened(told: Told) -> None:
    """The thief commits to the victim's commitment, and repeats the victim's reveal."""
    town = AttackedTown()
    town.begin_appraisal()
    panel = town.appraisal("a").panel
    thief, victim = panel[THIEF], panel[VICTIM]
    calls = town.messages(1, {"a": HONEST})
    stolen = (thief, COMMIT, ("a", 1, calls[VICTIM][2][2]))
    town.send(stolen, *calls[1:])
    revealed = town.reveal_call("a", 1, victim, TRUE)
    town.send(revealed)
    assert town.soon([(thief, REVEAL, revealed[2])]) == [ErrorCode.CONFLICT]
    town.send(*(town.reveal_call("a", 1, who, TRUE) for who in panel[2:]))
    assert town.soon([(thief, COMMIT, ("a", 1, commitment(town, thief)))]) == [ErrorCode.NOT_NOW]
    town.finish(1)
    (withheld,) = town.all_named("land.report_withheld")
    assert withheld["appraiser"] == thief
    told(f"{town.closed(1).reports - 4} reports")


WRONG_PLACES: dict[str, dict[str, int | str]] = {
    "another zone": {"zone": "b"},
    "another round": {"number": 2},
    "another chain": {"chain": CHAIN_ID + 1},
}


def test_a_commitment_opens_nothing_elsewhere(told: Told) -> None:
    """Made for another zone, round, chain or appraiser, with the report and salt that it binds."""
    opened = 0
    for place in (*WRONG_PLACES.values(), None):
        town = AttackedTown(2)
        town.begin_appraisal()
        who, other = town.appraisal("a").panel[:2]
        bound: Hash
        if place is None:
            bound = commitment(town, other)
        else:
            bound = commitment(
                town,
                who,
                chain=int(place.get("chain", CHAIN_ID)),
                zone=str(place.get("zone", "a")),
                number=int(place.get("number", 1)),
            )
        town.send((who, COMMIT, ("a", 1, bound)))
        town.idle_until(town.appraisal("a").deadline_ms)
        opened += town.soon([town.reveal_call("a", 1, who, TRUE)]) == [ErrorCode.OK]
    told(f"{opened} reports")


def test_a_late_report_is_refused(told: Told) -> None:
    """After the whole panel was heard the late one changes nothing; its phase waited for it."""
    town = AttackedTown()
    town.begin_appraisal()
    late = town.appraisal("a").panel[4]
    began_ms = town.time_ms
    town.soon(town.messages(1, {"a": HONEST[:4]}))
    town.idle_until(town.appraisal("a").deadline_ms)
    assert town.soon([town.commit_call("a", 1, late, TRUE // 2)]) == [ErrorCode.NOT_NOW]
    told(days(town.time_ms - began_ms))
    town.soon(town.messages(1, {"a": HONEST[:4]}))
    town.finish(1)
    row = town.closed(1)
    assert (row.outcome, row.reports, row.median_krw_per_m2) == (Outcome.FINAL, 4, TRUE)
    told(percent(row.counted_krw_per_m2 - TRUE, TRUE))


def commit_then_reveal(town: AttackedTown, prices: Sequence[int], *keep: int) -> None:
    """All commit; the seats `keep` keep their reports to themselves."""
    number = town.begin_appraisal()
    town.send(*town.messages(number, {"a": prices}))
    kept = [None if seat in keep else price for seat, price in enumerate(prices)]
    town.send(*town.messages(number, {"a": kept}))
    if town.appraisal("a", number).phase is Phase.REVEAL:
        town.idle_until(town.appraisal("a", number).deadline_ms)
    if town.appraisal("a", number).phase is Phase.REAPPRAISE_COMMIT:
        town.commit_and_reveal(number, {"a": HONEST[:2]})
    town.finish(number)


def test_two_who_see_the_others_and_then_withhold(told: Told) -> None:
    """Two of five committed to lies and choose, knowing the rest, which of them to open; and one
    honest appraiser may be absent."""
    moves = {True: 0, False: 0}
    for lie in (TRUE * 110 // 100, -(-TRUE * 100 // 110), TRUE * 5, TRUE // 5):
        for absent in (False, True):
            for keep in ((), (0,), (0, 1)):
                town = AttackedTown()
                prices = [lie, lie, *HONEST[:3]]
                commit_then_reveal(town, prices, *keep, *((4,) if absent else ()))
                move = town.closed(1).counted_krw_per_m2 - TRUE
                moves[absent] = max(moves[absent], abs(move))
    told(percent(moves[False], TRUE), percent(moves[True], TRUE))


def test_three_who_withhold_make_a_round_fail_and_hold_their_zone_alone(told: Told) -> None:
    """Zone a had risen by 8 %; three then say nothing for two years. Zone b goes on."""
    town = AttackedTown(2)
    risen = TRUE * 108 // 100
    town.honest(8, risen)
    outcomes, held_up = [], 0
    for _ in range(8):
        number = town.begin_appraisal()
        began_ms = town.time_ms
        town.send(*town.messages(number, {"a": [risen] * 2, "b": [risen] * 5}))
        town.send(*town.messages(number, {"b": [risen] * 5}))
        town.finish(number)
        held_up = max(held_up, town.time_ms - began_ms)
        outcomes.append(town.closed(number, "a").outcome)
        assert town.closed(number, "b").outcome is Outcome.FINAL
    fresh = outcomes.index(Outcome.STALE)
    assert set(outcomes[:fresh]) == {Outcome.NO_VALUE}
    row = town.derivation
    lost = 2 * (risen - TRUE) - (row.value_krw - row.base_value_krw) * 10 // 1_000_000
    assert lost == risen - TRUE, "zone a counts at its base, zone b whole"
    assert row.issued > 0
    town.honest(1, risen)
    assert town.derivation.value_krw == town.derivation.base_value_krw * 108 // 100
    told(f"{fresh} rounds", days(held_up))


def test_withholding_costs_the_town_limit(told: Told) -> None:
    """A round that three hold up every second quarter: their close is late, the next one early,
    and unused limit does not pile up. Two years in which the limit binds."""

    def issued(held_up: bool) -> int:
        town = AttackedTown()
        for _ in range(25):
            number = town.begin_appraisal()
            silent = held_up and number > 9 and number % 2
            price = town.accepted() * 102 // 100
            town.commit_and_reveal(number, {"a": [price] * (2 if silent else 5)})
            town.finish(number)
        return town.derivation.issued

    honest, attacked = issued(held_up=False), issued(held_up=True)
    told(percent(honest - attacked, honest))


@pytest.mark.parametrize("spoilers", [1, 2])
def test_extreme_reports_move_nothing_and_suspend(spoilers: int, told: Told) -> None:
    """Just under a unit error, up or down: two further appraisers are asked, twice."""
    for lie in (TRUE * 10 - 1, TRUE // 10 + 1):
        town = AttackedTown(panels=RegistryPanels())
        town.begin_appraisal()
        gang = set(town.appraisal("a").panel[:spoilers])
        spoilt = 0
        for number in range(1, 9):
            if number > 1:
                town.begin_appraisal()
            panel = town.appraisal("a").panel
            town.commit_and_reveal(number, {"a": [lie if who in gang else TRUE for who in panel]})
            if town.appraisal("a").phase is Phase.REAPPRAISE_COMMIT:
                spoilt += 1
                further = town.appraisal("a").further
                said = [lie if who in gang else TRUE for who in further]
                town.commit_and_reveal(number, {"a": said})
            town.finish(number)
            assert town.closed(number).median_krw_per_m2 == TRUE
        for who in gang:
            row = find(town.state, who)
            assert row is not None
            assert row.suspended
    told(f"{spoilt} re-appraisals")


def test_reports_just_too_wide_are_no_outliers(told: Told) -> None:
    """Honest reports differ by 2 %; one is 9 % above the middle, in every round of a year: wider
    than 110 % of the lowest, within 10 % of the trimmed range."""
    town = AttackedTown()
    spread = [TRUE * part // 100 for part in (98, 99, 100, 101, 109)]
    moved = 0
    for _ in range(4):
        number = town.begin_appraisal()
        town.commit_and_reveal(number, {"a": spread})
        assert town.appraisal("a", number).phase is Phase.REAPPRAISE_COMMIT
        town.commit_and_reveal(number, {"a": [TRUE, TRUE]})
        town.finish(number)
        moved = max(moved, abs(town.closed(number).median_krw_per_m2 - TRUE))
    assert not town.all_named("land.outlier")
    reappraisal_ms = land_parameters(town.state).reappraisal_ms
    told(
        percent(moved, TRUE),
        days(opened_round(town.state, number).scaled(reappraisal_ms)),
        f"{len(town.all_named('land.aggregated')) // 2} re-appraisals",
    )


@pytest.mark.parametrize("wrong", [1, 5])
def test_a_unit_error_is_refused(wrong: int, told: Told) -> None:
    """A decade or three, up or down, by one or by all."""
    for price in (TRUE * 10, TRUE // 10, TRUE * 1_000, TRUE // 1_000):
        town = AttackedTown()
        number = town.begin_appraisal()
        prices = [price] * wrong + [TRUE] * (5 - wrong)
        town.soon(town.messages(number, {"a": prices}))
        codes = town.soon(town.messages(number, {"a": prices}))
        assert codes == [ErrorCode.INVALID_MESSAGE] * wrong + [ErrorCode.OK] * (5 - wrong)
        town.finish(number)
        row = town.closed(number)
        expected = Outcome.FINAL if wrong < 3 else Outcome.NO_VALUE
        assert (row.outcome, row.counted_krw_per_m2) == (expected, TRUE)
    told(percent(row.counted_krw_per_m2 - TRUE, TRUE))


def test_the_closest_to_a_unit_error_that_all_may_report(told: Told) -> None:
    """A wrong unit of less than a decade, 3.3 m2 taken for 1 m2, by all five and unchallenged."""
    found = []
    for price in (TRUE * 33 // 10, TRUE * 10 // 33):
        town = AttackedTown()
        row = town.appraise([price] * 5)
        assert row.outcome is Outcome.FINAL
        found.append(percent(row.counted_krw_per_m2 - TRUE, TRUE))
        assert town.appraise(HONEST).counted_krw_per_m2 == TRUE, "undone by the next round"
    told(*found)
