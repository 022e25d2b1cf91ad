"""Invariants 7 to 10 of economy.md section 5 through whole appraisals, block by block.

The pure functions have their own properties in tests/unit/tokenomics/test_valuation.py.
"""

import random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from ledger.primitives import Address
from tests.support.land_town import Call, FixedPanels, LandTown, land_section, zone_section
from tokenomics.oracle.phases import is_terminal
from tokenomics.oracle.valuation import clip_limit
from tokenomics.oracle.zone_rounds import Outcome, ZoneRound, zone_round
from tokenomics.params import LandParameters

BASE = 1_000
SEATS = 7
"""Five on the panel, two further."""
HONEST = st.integers(950, 1_040)
ANY = st.integers(101, 9_999)


def make_town() -> LandTown:
    town = LandTown(land_section(zone_section("east", base=BASE)), panels=FixedPanels())
    town.block(1)
    return town


def appraise(
    town: LandTown, prices: dict[int, int], order: random.Random | None = None
) -> ZoneRound:
    """A round in which the seats 0 to 6 say these prices when they are asked; `order` shuffles
    what is sent in a block."""
    number = town.begin_appraisal()
    while not is_terminal(town.appraisal("east", number).phase):
        row = town.appraisal("east", number)
        seats = {who: seat for seat, who in enumerate((*row.panel, *row.further))}
        calls = messages(town, number, {who: prices.get(seats[who]) for who in row.seats})
        if order is not None:
            order.shuffle(calls)
        if calls:
            town.soon(calls)
        if town.appraisal("east", number).phase is row.phase:
            town.idle_until(row.deadline_ms)
    town.finish(number)
    found = zone_round(town.state, number, 0)
    assert found is not None
    return found


def messages(town: LandTown, number: int, said: dict[Address, int | None]) -> list[Call]:
    commits = town.appraisal("east", number).phase.name.endswith("COMMIT")
    make = town.commit_call if commits else town.reveal_call
    return [make("east", number, who, price) for who, price in said.items() if price is not None]


@settings(max_examples=100)
@given(
    st.lists(HONEST, min_size=SEATS, max_size=SEATS),
    st.sets(st.integers(0, 4), max_size=2),
    st.lists(ANY, min_size=2, max_size=2),
)
def test_invariant_7_two_faulty_of_five_never_lift_a_value_above_the_honest(
    honest: list[int], faulty: set[int], lies: list[int]
) -> None:
    prices = dict(enumerate(honest))
    prices.update(zip(sorted(faulty), lies, strict=False))
    kept = [honest[seat] for seat in range(SEATS) if seat not in faulty]
    found = appraise(make_town(), prices)
    event(found.outcome.name)
    assert found.accepted_krw_per_m2 <= max(BASE, *kept)
    if found.outcome is Outcome.FINAL:
        assert min(kept) <= found.median_krw_per_m2 <= max(kept)


@settings(max_examples=60)
@given(
    st.dictionaries(st.integers(0, SEATS - 1), st.one_of(HONEST, ANY)),
    st.randoms(use_true_random=False),
)
def test_invariant_8_the_order_of_messages_does_not_matter(
    prices: dict[int, int], order: random.Random
) -> None:
    assert appraise(make_town(), prices) == appraise(make_town(), prices, order)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1_000, 1_050), min_size=5, max_size=5),
    st.integers(0, 4),
    st.integers(0, 50),
)
def test_invariant_9_raising_one_report_never_lowers_the_value(
    prices: list[int], seat: int, by: int
) -> None:
    """Within 110 %, so that the same five reports are heard both times."""
    raised = [price + by * (at == seat) for at, price in enumerate(prices)]
    before, after = (appraise(make_town(), dict(enumerate(said))) for said in (prices, raised))
    assert before.median_krw_per_m2 <= after.median_krw_per_m2
    assert before.accepted_krw_per_m2 <= after.accepted_krw_per_m2


@settings(max_examples=40)
@given(st.lists(st.lists(ANY, min_size=SEATS, max_size=SEATS), min_size=1, max_size=8))
def test_invariant_10_a_rise_is_within_the_clip_or_a_return(said: list[list[int]]) -> None:
    """From the closed rounds alone, beside the registered invariant that each block checks."""
    town, rules = make_town(), LandParameters()
    accepted, final = [BASE], 0
    for number, prices in enumerate(said, start=1):
        found = appraise(town, dict(enumerate(prices)))
        elapsed_ms = (number - final) * rules.quarter_ms
        clip = clip_limit(accepted[-1], elapsed_ms, rules.clip_bps_a_year)
        assert found.accepted_krw_per_m2 <= max(clip, *accepted[-4:])
        accepted.append(found.accepted_krw_per_m2)
        final = number if found.outcome is Outcome.FINAL else final
        event(found.outcome.name)
