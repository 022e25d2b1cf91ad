"""False official rates, events that raise nothing, and costs that are understated."""

from collections.abc import Callable, Sequence

from ledger.errors import ErrorCode
from tests.support.attack_table import percent
from tests.support.attack_town import (
    CITY_REGION,
    FIRST_MONTH,
    GOVERNANCE,
    HONEST,
    REPORTERS,
    TRUE,
    AttackedTown,
    days,
)
from tests.support.land_town import DOCUMENT, Call, Prices
from tokenomics.facts.land_events import CERTIFY_EVENT, HIGHEST_FACTOR_BPS
from tokenomics.facts.months import MONTHS_A_QUARTER, month_at
from tokenomics.facts.rate_corrections import CORRECT_RATE
from tokenomics.facts.rates import HIGHEST_STEP, LOWEST_STEP, NATION, index_at
from tokenomics.issuance.derivation import IssuanceRound
from tokenomics.oracle.uplift import RATE_SCALE
from tokenomics.oracle.zone_rounds import Outcome

Told = Callable[..., None]

GROWTH = 300
"""Of the nation a month, in 0.001 %: 0.9 % a quarter; land rises by 2 %."""
ZONE_VALUE_KRW = 100_000 * TRUE


def rising(
    rounds: int,
    *,
    lie: int | None = None,
    mode: str = "NET",
    at: int = 0,
    corrected_in: int = 0,
) -> IssuanceRound:
    """Land rises by 2 % of its base a quarter; in round `at`, or in all, the nation's steps are
    `lie`, which a vote corrects in round `corrected_in`."""
    town = AttackedTown(rates=True, issuance={"mode": mode})
    for number in range(1, rounds + 1):
        is_lie = lie is not None and at in (0, number)
        town.steps[NATION] = lie if is_lie and lie is not None else RATE_SCALE + GROWTH
        if number == corrected_in:
            false = range(MONTHS_A_QUARTER * (at - 1) + 1, MONTHS_A_QUARTER * at + 1)
            corrections = [month_at(FIRST_MONTH, month) for month in false]
            right = (RATE_SCALE + GROWTH, DOCUMENT)
            town.send(
                *((GOVERNANCE, CORRECT_RATE, (NATION, month, *right)) for month in corrections)
            )
        town.honest(1, TRUE * (100 + 2 * number) // 100)
    return town.derivation


def test_one_false_reporter_makes_no_rate_official(told: Told) -> None:
    """The other says otherwise, and no third decides: mode NET waits for its deadline and mints
    nothing; mode GROSS waits as long and mints."""
    moved = 0
    for mode in ("NET", "GROSS"):
        town = AttackedTown(rates=True, issuance={"mode": mode, "window_anchors": 1})
        town.steps = {}
        number = town.begin_appraisal()
        began_ms = town.time_ms
        for who, step in zip(REPORTERS, (RATE_SCALE, LOWEST_STEP), strict=True):
            steps = {CITY_REGION: step, NATION: step}
            town.send(*town.rate_calls(number, steps, [who]))
        town.commit_and_reveal(number, {"a": [TRUE * 102 // 100] * 5})
        town.finish(number)
        moved += index_at(town.state, NATION, 1) is not None
        row = town.derivation
        assert (row.minted == 0) is (mode == "NET")
    told(f"{moved} rates", days(town.time_ms - began_ms))


def test_two_reporters_understate_the_nation(told: Told) -> None:
    """Three years of no growth, or of the lowest step, in mode NET: at most what GROSS gives."""
    honest, gross = rising(12), rising(12, mode="GROSS")
    found = {
        rising(12, lie=lie).recognised_krw for lie in (RATE_SCALE, RATE_SCALE - 1, LOWEST_STEP)
    }
    assert found == {gross.recognised_krw}
    told(
        percent(honest.recognised_krw, honest.base_value_krw),
        percent(gross.recognised_krw, honest.base_value_krw),
    )


def test_two_reporters_overstate_the_nation_for_a_quarter(told: Told) -> None:
    """Three months of the highest step, once: while that stands, L is 0 in mode NET, and R and what
    is issued stand. A vote corrects it: N and L are as if nobody had lied from the next round on,
    and once the window of anchors is past, R is too."""
    before, after = rising(12), rising(30, lie=HIGHEST_STEP, at=13)
    honest, mended = rising(14), rising(14, lie=HIGHEST_STEP, at=13, corrected_in=14)
    assert mended.normal_growth_krw == honest.normal_growth_krw is not None
    assert mended.live_krw == honest.live_krw
    late, mended_late = rising(30), rising(30, lie=HIGHEST_STEP, at=13, corrected_in=14)
    assert mended_late.recognised_krw == late.recognised_krw > after.recognised_krw
    assert after.recognised_krw >= before.recognised_krw
    assert after.normal_growth_krw is not None
    told(
        percent(after.normal_growth_krw, after.base_value_krw),
        percent(after.live_krw or 0, after.base_value_krw),
        percent(after.issued - before.issued, before.town_scale),
        percent(mended.normal_growth_krw or 0, mended.base_value_krw),
        percent(mended.live_krw or 0, mended.base_value_krw),
    )


def test_two_reporters_move_provisional_quarters(told: Told) -> None:
    """Anchors once a year, land flat at 8 % above its base: a false local rate of the highest step
    raises V between anchors, not cover, not R; one of the lowest ends cover until the next anchor.
    """
    town = AttackedTown(rates=True, anchor_every_rounds=4, issuance={"window_anchors": 1})
    level = TRUE * 108 // 100

    def quarter(step: int, *, is_anchor: bool = False) -> IssuanceRound:
        town.steps[CITY_REGION] = step
        if is_anchor:
            town.honest(1, level)
        else:
            number = town.begin_appraisal()
            town.finish(number)
        return town.derivation

    for _ in range(3):
        quarter(RATE_SCALE)
    anchor = quarter(RATE_SCALE, is_anchor=True)
    high = quarter(HIGHEST_STEP)
    assert high.value_krw == 8 * anchor.value_krw
    assert (high.cover, high.recognised_krw) == (anchor.cover, anchor.recognised_krw)
    low = quarter(LOWEST_STEP)
    assert low.recognised_krw == anchor.recognised_krw
    ended = quarter(LOWEST_STEP)
    back = quarter(RATE_SCALE, is_anchor=True)
    assert (back.value_krw, back.cover) == (anchor.value_krw, anchor.cover)
    told(*(percent(moved.cover - anchor.cover, anchor.cover) for moved in (high, ended)))


def test_two_reporters_lower_a_held_zone_only(told: Told) -> None:
    """Nobody appraises; the local rate is false by a factor of eight a quarter, up or down."""
    found = []
    for step in (HIGHEST_STEP, LOWEST_STEP):
        town = AttackedTown(rates=True)
        town.honest(1)
        town.steps[CITY_REGION] = step
        row = town.appraise([None] * 5)
        assert row.outcome is Outcome.NO_VALUE
        found.append(percent(row.counted_krw_per_m2 - TRUE, TRUE))
        town.steps[CITY_REGION] = RATE_SCALE
        assert town.appraise(HONEST).counted_krw_per_m2 == TRUE, "undone by the next value"
    told(*found)


# -- certified events ------------------------------------------------------------------------------


def certify(stage: str, cost: int, factor_bps: int = HIGHEST_FACTOR_BPS) -> Call:
    return GOVERNANCE, CERTIFY_EVENT, ("a", stage, factor_bps, cost, DOCUMENT)


def developed(reports: Sequence[Prices], cost: int | None = 0) -> AttackedTown:
    """A round for each panel's reports; site works are certified in the first one at the highest
    factor, unless there is no cost."""
    town = AttackedTown()
    if cost is not None:
        town.send(certify("site works", cost))
    for panel in reports:
        town.appraise(panel)
    return town


def test_an_event_without_a_rise_of_land(told: Told) -> None:
    """All three stages at the highest factor, free and then at a hundredth of the zone's worth
    each; appraisers go on reporting that land rises by 1 % a quarter."""
    rises = [[TRUE * (100 + number) // 100] * 5 for number in range(1, 17)]
    plain = developed(rises, cost=None).derivation
    for cost in (0, ZONE_VALUE_KRW // 100):
        town = AttackedTown()
        town.send(*(certify(s, cost) for s in ("site works", "completion", "change of use")))
        for panel in rises:
            town.appraise(panel)
        row = town.derivation
        assert row.certified_issued == 0
        told(percent(max(0, row.issued - plain.issued), row.town_scale))
        assert row.issued <= plain.issued


def test_a_false_event_with_colluding_appraisers(told: Told) -> None:
    """Certified at x3 for nothing; three of five report 110 % of the truth, or five three times it.
    The certified rise passes the clip at once; S still waits for nine anchors."""
    for colluders, lie in ((3, TRUE * 110 // 100), (5, TRUE * 3)):
        lies = [*[lie] * colluders, *HONEST[colluders:]]
        first = developed([lies])
        told(percent(first.accepted() - TRUE, TRUE))
        tenure = developed([lies] * 8 + [HONEST] * 8)
        assert tenure.derivation.issued == 0, "the panel's tenure ends before S"
        year = developed([lies] * 12).derivation
        told(percent(year.issued, year.town_scale))


def test_a_cost_that_is_understated(told: Told) -> None:
    """Land really doubles by site works that cost half of the zone's worth; certified as free."""
    doubled = [[TRUE * 2] * 5] * 20
    true, false = (developed(doubled, cost).derivation for cost in (ZONE_VALUE_KRW // 2, 0))
    assert true.recognised_krw == ZONE_VALUE_KRW // 2
    assert false.recognised_krw == ZONE_VALUE_KRW
    told(
        percent(true.entitlement, true.town_scale),
        percent(false.entitlement, true.town_scale),
        percent(false.issued, true.town_scale),
    )


def test_each_stage_is_certified_once(told: Told) -> None:
    """A stage again is refused; the most that three give with a whole panel in league."""
    town = AttackedTown()
    price = TRUE
    for stage in ("site works", "completion", "change of use"):
        town.send(certify(stage, 0))
        price *= 3
        assert town.appraise([price] * 5).counted_krw_per_m2 == price
    assert town.soon([certify("completion", 0)]) == [ErrorCode.CONFLICT]
    told(f"{price // TRUE} times")
