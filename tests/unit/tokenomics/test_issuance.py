"""The mint at a round's end: window, cover, limits, events, views, invariants."""

from dataclasses import replace
from typing import Any

import pytest

from ledger import accounts
from ledger.errors import InvariantViolation
from ledger.kv import WriteBatch
from ledger.primitives import UNIT
from ledger.rows import key
from ledger.state import State
from tests.support.land_town import FixedPanels, LandTown, appraiser, land_section, zone_section
from tokenomics.issuance.ceiling import coverage_bps, mint_amount, prorated, quarter_limit
from tokenomics.issuance.derivation import ISSUANCE_ROUNDS, TOTALS, issuance_round, totals
from tokenomics.issuance.views import issuance, summary
from tokenomics.oracle.land_views import land_index
from tokenomics.oracle.reports import COMMITMENTS, REPORTS, report_key
from tokenomics.oracle.zone_rounds import ZONE_ROUNDS, Outcome
from tokenomics.oracle.zones import ZONE_VALUES, zone_value
from tokenomics.params import IssuanceParameters
from tokenomics.standins import TREASURY_POOL

START_MS = 5_000
PANEL = [appraiser(i) for i in range(5)]
BASE = 250_000


def make_town(balance: int = 0, **issuance_parameters: Any) -> LandTown:
    town = LandTown(
        land_section(zone_section("east", 1_000_000, BASE), zone_section("west", 1_000_000, BASE)),
        {"parameters": issuance_parameters},
        balance=balance,
        panels=FixedPanels(),
    )
    town.block(START_MS)
    return town


def play(town: LandTown, *prices: int) -> None:
    """Close one round for each price, reported by all for both zones."""
    for price in prices:
        town.play({zone: [price] * 5 for zone in ("east", "west")})


RISING = [BASE + 1_000 * step for step in range(1, 13)]


def test_the_first_mint_comes_with_anchor_w_and_goes_to_the_treasury_pool() -> None:
    town = make_town()
    play(town, *RISING[:8])
    assert totals(town.state).issued == 0
    play(town, RISING[8])
    # S = the first round's L: 2 zones * 100000 m2 * 1000 KRW, at 25 % and 1000 KRW a token.
    expected = 2 * 100_000 * 1_000 * 2_500 * UNIT // (10_000 * 1_000)
    assert totals(town.state).issued == expected
    assert accounts.balance(town.state, TREASURY_POOL) == expected
    (event,) = town.named("issuance.minted")
    (closed,) = town.named("land.town_round_closed")
    assert (event["amount"], event["round"]) == (expected, 9)
    assert event["reports_hash"] == closed["reports_hash"]


def test_recognition_holds_and_minting_stops_when_land_falls() -> None:
    town = make_town()
    play(town, *RISING)
    before = totals(town.state)
    play(town, BASE, BASE)
    after = totals(town.state)
    assert after.recognised_krw == before.recognised_krw
    assert after.issued == before.issued > 0
    view = issuance(town.state, town.token)
    assert view is not None
    assert view["derivation"]["coverage_bps"] == 0


def test_a_genesis_allocation_counts_as_issued_and_is_never_covered() -> None:
    town = make_town(balance=7 * UNIT)
    play(town, *RISING[:9])
    row = issuance_round(town.state, 9)
    assert row is not None
    assert row.ceiling == 7 * UNIT + row.entitlement
    assert row.outstanding == 0
    assert totals(town.state).issued == 7 * UNIT + row.minted
    assert summary(town.state, town.token)["minted"] == str(row.minted)


def test_the_hard_cap_ends_issuance() -> None:
    town = make_town(hard_cap=str(UNIT))
    play(town, *RISING[:10])
    assert totals(town.state).issued == UNIT


def test_a_late_close_does_not_pile_up_limit() -> None:
    """The limit grows with block time since the last close, and for one quarter at most."""
    assert prorated(1_000, 250, 1_000) == 250
    assert prorated(1_000, 9_000, 1_000) == 1_000


def test_the_limit_is_0_8_percent_or_a_24th_of_the_room_and_5_percent_at_most() -> None:
    parameters = IssuanceParameters()
    assert quarter_limit(1_000_000, 0, 0, parameters) == 8_000
    assert quarter_limit(1_000_000, 0, 24 * 20_000, parameters) == 20_000
    assert quarter_limit(1_000_000, 0, 24 * 90_000, parameters) == 50_000
    assert quarter_limit(1_000_000, 30_000, 30_000, parameters) == 38_000
    assert quarter_limit(1_000_000, 30_000, 30_000 + 24 * 15_000, parameters) == 45_000
    assert quarter_limit(1_000_000, 90_000, 90_000, parameters) == 50_000


def test_a_mint_is_bounded_by_room_cover_and_limit() -> None:
    assert mint_amount(room=5, cover=100, outstanding=0, limit=100) == 5
    assert mint_amount(room=100, cover=50, outstanding=45, limit=100) == 5
    assert mint_amount(room=100, cover=100, outstanding=0, limit=5) == 5
    assert mint_amount(room=100, cover=1, outstanding=2, limit=100) == 0


def test_coverage_is_unknown_when_nothing_is_outstanding() -> None:
    assert coverage_bps(10, 0) is None
    assert coverage_bps(3, 2) == 15_000


def test_views_say_what_was_computed_in_ints_and_decimal_strings() -> None:
    town = make_town()
    play(town, *RISING[:9])
    view = issuance(town.state, town.token)
    assert view is not None
    derivation = view["derivation"]
    assert derivation["window_live_krw"] == [str(200_000 * 1_000 * n) for n in range(1, 10)]
    assert derivation["lasting_krw"] == derivation["recognised_krw"] == "200000000"
    assert derivation["issued"] == view["issued"] == view["minted"]
    assert [zone["zone"] for zone in derivation["zones"]] == ["east", "west"]
    town.begin_appraisal()
    index = land_index(town.state)
    assert index["land_index"] == index["rounds"][-1]["land_index"] == 103_600
    assert index["rounds_final"] == 9
    appraised, running = index["open_rounds"]
    assert [(z["zone"], z["phase"], len(z["missing"])) for z in appraised["zones"]] == [
        ("east", "COMMIT", 5),
        ("west", "COMMIT", 5),
    ]
    assert running["zones"] == []
    figures = summary(town.state, town.token)
    assert figures["land_index"] == 103_600
    assert figures["live"] == str(200_000 * 9_000)
    assert figures["recognised"] == "200000000"


def test_views_before_the_first_close_show_the_base() -> None:
    town = make_town(balance=5)
    view = issuance(town.state, town.token)
    assert view is not None
    assert (view["derivation"], view["issued"], view["minted"]) == (None, "5", "0")
    assert issuance(town.state, town.token, 1) is None
    assert land_index(town.state)["land_index"] == 100_000


TAMPERING = {
    "issued_within_the_ceiling": lambda s: s.put(
        TOTALS, b"", replace(totals(s), issued=totals(s).issued + 10**30)
    ),
    "only_rounds_mint": lambda s: s.put(
        TOTALS, b"", replace(totals(s), issued=totals(s).issued - 1)
    ),
    "recognition_never_falls": lambda s: s.put(
        ISSUANCE_ROUNDS, key(10), replace(s.get(ISSUANCE_ROUNDS, key(10)), recognised_krw=0)
    ),
    "mints_within_limit_and_cover": lambda s: s.put(
        ISSUANCE_ROUNDS, key(10), replace(s.get(ISSUANCE_ROUNDS, key(10)), limit=0)
    ),
    "base_stands": lambda s: s.put(
        ISSUANCE_ROUNDS, key(10), replace(s.get(ISSUANCE_ROUNDS, key(10)), base_value_krw=1)
    ),
    "rises_within_the_clip": lambda s: s.put(
        ZONE_ROUNDS,
        key(10, 0),
        replace(s.get(ZONE_ROUNDS, key(10, 0)), accepted_krw_per_m2=2 * BASE),
    ),
    "only_final_zones_rise": lambda s: s.put(
        ZONE_ROUNDS, key(10, 0), replace(s.get(ZONE_ROUNDS, key(10, 0)), outcome=Outcome.NO_VALUE)
    ),
    "values_name_their_reports": lambda s: s.delete(REPORTS, report_key(10, 1, PANEL[2])),
    "reports_keep_to_commitments": lambda s: s.delete(COMMITMENTS, report_key(11, 1, PANEL[2])),
    "unappraised_zones_stay_at_base": lambda s: s.put(
        ZONE_VALUES, key(1), replace(zone_value(s, 1), final_round=0)
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_every_invariant_notices_what_it_is_for(name: str) -> None:
    town = make_town()
    play(town, *RISING[:10])
    town.commit_and_reveal(town.begin_appraisal(), {"west": [BASE] * 5})
    invariants = {**town.land.invariants, **town.issuance.invariants}
    assert set(invariants) == set(TAMPERING)
    block = town.context(town.state, town.time_ms).block
    state = town.state
    invariants[name](state, block)
    TAMPERING[name](state)
    with pytest.raises(InvariantViolation):
        invariants[name](state, block)


def test_tokens_that_no_round_minted_are_noticed() -> None:
    """Invariant 18: nothing but the mint rule changes what is issued."""
    town = make_town()
    play(town, *RISING[:10])
    state = town.state
    accounts.mint(state, TREASURY_POOL, 1)
    with pytest.raises(InvariantViolation, match="only"):
        town.issuance.invariants["only_rounds_mint"](state, town.context(state, town.time_ms).block)


def test_what_was_burned_stays_burned() -> None:
    """Invariant 1: nothing burned comes back, in the supply or in what rounds say of it."""
    town = make_town()
    play(town, *RISING[:10])
    row = issuance_round(town.state, 10)
    assert row is not None
    check = town.issuance.invariants["only_rounds_mint"]
    block = town.context(town.state, town.time_ms).block
    for tampered, found in (
        (replace(row, burned_in_all=1), "1 of it burned"),
        (replace(row, burned=1), "0 was burned in all"),
    ):
        state = town.state
        check(state, block)
        state.put(ISSUANCE_ROUNDS, key(10), tampered)
        with pytest.raises(InvariantViolation, match=found):
            check(state, block)


def test_a_copy_of_the_store_replays_to_the_same_rows() -> None:
    """Invariant 16 in small: the same blocks give the same bytes."""
    first, second = make_town(), make_town()
    for town in (first, second):
        play(town, *RISING)
    assert list(first.store.iterate(b"", b"\xff")) == list(second.store.iterate(b"", b"\xff"))
    batch = WriteBatch()
    batch.put(b"land/schedule/", b"\xc0")
    second.store.write(batch, sync=True)
    with pytest.raises(InvariantViolation):
        second.land.next_deadline_ms(State(second.store))
