"""Official rates, sales and the gate against naive models, over random histories."""

from dataclasses import replace
from fractions import Fraction
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from ledger.errors import TransactionError
from ledger.primitives import ZERO_HASH
from tests.support.fact_desk import BASE, DOCUMENT, DONG, REGISTRAR, REPORTERS, FactDesk
from tokenomics.facts import months
from tokenomics.facts.rates import (
    HIGHEST_STEP,
    LOWEST_STEP,
    MAX_WAITING_MONTHS,
    REPORT_RATE,
    index_at,
    months_in_order,
    quarter_factor,
)
from tokenomics.facts.ratio_study import study_ratios
from tokenomics.facts.sales import REGISTER_SALE, study
from tokenomics.issuance.derivation import (
    IssuanceState,
    Uplift,
    opening_totals,
    recognise,
    settle,
    totals_after,
)
from tokenomics.oracle.rounds import TownRound
from tokenomics.params import IssuanceParameters

ROUNDS = 8
MONTHS = 3 * ROUNDS
STEPS = st.one_of(st.integers(99_000, 101_500), st.integers(LOWEST_STEP, HIGHEST_STEP))
REPORTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, MONTHS + 3), st.sampled_from([100_057, 99_900])),
    max_size=120,
)


@given(REPORTS)
@settings(max_examples=150, deadline=None)
def test_rates_and_index_are_those_of_all_reports_read_at_once(
    reports: list[tuple[int, int, int]],
) -> None:
    """Whatever arrives in whatever order, twice, conflicting or too early."""
    desk = FactDesk()
    desk.rounds(ROUNDS)
    for reporter, number, step in reports:
        try:
            desk.send(
                REPORTERS[reporter],
                REPORT_RATE,
                "29",
                months.month_at(2012_01, number),
                step,
                DOCUMENT,
            )
        except TransactionError:
            continue
    official: dict[int, int] = {}
    for number in range(1, MONTHS + 1):
        said: dict[int, int] = {}
        for reporter, at, step in reports:
            if at == number and number not in official:
                said.setdefault(reporter, step)
                if list(said.values()).count(step) == 2:
                    official[number] = step
    index, done = 10**12, 0
    while done + 1 in official:
        done += 1
        index = index * official[done] // 100_000
        assert index_at(desk.state, "29", done) == index
    assert months_in_order(desk.state, "29") == done
    assert all(index_at(desk.state, "29", n) is None for n in range(done + 1, MONTHS + 4))


@given(st.lists(STEPS, min_size=MONTHS, max_size=MONTHS), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_arrival_does_not_matter(steps: list[int], random: Random) -> None:
    """Up to two years ahead, which is as far as reports may run."""
    assert MONTHS <= MAX_WAITING_MONTHS
    found = []
    for shuffled in (False, True):
        desk = FactDesk()
        desk.rounds(ROUNDS)
        arriving = list(enumerate(steps, start=1))
        if shuffled:
            random.shuffle(arriving)
        for number, step in arriving:
            desk.rate("29", months.month_at(2012_01, number), step)
        found.append([quarter_factor(desk.state, "29", number + 1) for number in range(ROUNDS)])
    assert found[0] == found[1]
    assert None not in found[0]


SOLD = st.lists(
    st.tuples(st.integers(-20, 6), st.integers(BASE // 10 + 1, 10 * BASE - 1)), max_size=30
)


@given(SOLD, st.lists(STEPS, max_size=6), st.integers(1, 10**6))
@settings(max_examples=150, deadline=None)
def test_a_study_adjusts_each_sale_as_the_naive_computation_does(
    sold: list[tuple[int, int]], steps: list[int], appraised: int
) -> None:
    """By the index from the month sold to the end of round 2, where both are known."""
    desk = FactDesk()
    desk.rounds(2)
    indices = {0: 10**12}
    for number, step in enumerate(steps, start=1):
        desk.rate("29", months.month_at(2012_01, number), step)
        indices[number] = indices[number - 1] * step // 100_000
    pairs = []
    for position, (number, price) in enumerate(sold):
        pnu = f"{DONG}1{position:08}"
        month = months.month_at(2012_01, number)
        if not -17 <= number <= 6:
            continue
        desk.send(REGISTRAR, REGISTER_SALE, "city", pnu, price, month, DOCUMENT)
        moved = Fraction(price)
        if number in indices and 6 in indices:
            moved = Fraction(price * indices[6], indices[number])
        pairs.append((appraised, max(1, int(moved // 1))))
    assert study(desk.state, 2, (appraised, 1)) == study_ratios(pairs)


def closed(number: int, value: int, *, gate: bool, anchor: bool) -> TownRound:
    return TownRound(
        number=number,
        closed_ms=number,
        elapsed_ms=10,
        length_ms=10,
        value_krw=value,
        zones_final=1,
        reports=5,
        reports_hash=ZERO_HASH,
        is_anchor=anchor,
        costs_krw=0,
        certified_krw=value // 3,
        normal_growth_krw=None,
        recognition_open=gate,
    )


@st.composite
def pairs_at_a_level(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Appraisals scattered around a level of the sale prices, so that both answers are common."""
    level = draw(st.integers(900, 1_500))
    count = draw(st.integers(6, 14))
    return [(level + draw(st.integers(-150, 150)), 1_000) for _ in range(count)]


@given(
    st.lists(
        st.tuples(st.integers(500, 3_000), pairs_at_a_level(), st.integers(0, 3)),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 4),
    st.integers(1, 10**6),
)
@settings(max_examples=300, deadline=None)
def test_no_set_of_sales_raises_recognition(
    history: list[tuple[int, list[tuple[int, int]], int]], window: int, price_krw_per_token: int
) -> None:
    """At every round R and Rc with the gate are at most what they are without it, and so are E and
    Ec but for the floor of each rise, one smallest unit a round at most."""
    parameters = IssuanceParameters(window_anchors=window, price_krw_per_token=price_krw_per_token)
    base = 1_000
    gated = free = opening_totals(0)
    earlier: list[Uplift] = []

    def step(before: IssuanceState, town: TownRound) -> tuple[IssuanceState, Uplift | None]:
        found = recognise(before, town, base, earlier, parameters)
        row = settle(before, town, base, found, 0, 0, parameters, paused=False)
        assert found.live_krw is not None
        uplift = Uplift(found.live_krw, found.certified_krw or 0) if town.is_anchor else None
        return totals_after(before, row), uplift

    for number, (value, pairs, kind) in enumerate(history, start=1):
        anchor = kind > 0
        is_open = study_ratios(pairs).is_open
        event(f"gate open: {is_open}")
        town = closed(number, value, gate=is_open, anchor=anchor)
        gated, _ = step(gated, town)
        free, uplift = step(free, replace(town, recognition_open=True))
        if uplift is not None:
            earlier.append(uplift)
        assert gated.recognised_krw <= free.recognised_krw
        assert gated.certified_recognised_krw <= free.certified_recognised_krw
        assert gated.entitlement <= free.entitlement + number
        assert gated.certified_entitlement <= free.certified_entitlement + number
