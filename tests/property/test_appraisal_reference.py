"""Land and issuance agree with the two naive references on random histories, to the last unit:
appraisals of every kind, anchors a quarter and a year, rates, events, costs, gates, growth."""

from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ledger.errors import ErrorCode
from ledger.rows import key
from tests.support.appraisal_reference import QUARTER, Said, ZoneFacts, ZoneFigures, zone_history
from tests.support.issuance_reference import Facts, Rules, replay
from tests.support.land_town import (
    LENGTH_MS,
    FixedPanels,
    LandTown,
    appraiser,
    land_section,
    zone_section,
)
from tokenomics.facts.ratio_study import RatioStudy
from tokenomics.issuance.derivation import issuance_round
from tokenomics.issuance.views import issuance
from tokenomics.oracle.challenges import CHALLENGE
from tokenomics.oracle.phases import Phase, is_terminal
from tokenomics.oracle.rounds import opened_round, schedule, town_round
from tokenomics.oracle.zone_rounds import ZONE_ROUNDS
from tokenomics.roles import CHAMBER_PUBLIC

START_MS = 1
CITY = appraiser(41)
PANEL, FURTHER, BLIND = 5, 2, 3

# A price as permille of the base: slow growth, crashes, manias, and a unit error now and then.
PRICES = st.one_of(
    st.integers(900, 1_300), st.integers(300, 3_000), st.sampled_from([50, 9_000, 100_000])
)
DATES = st.integers(0, LENGTH_MS)


@st.composite
def zone_rounds(draw: st.DrawFn, level: int, silent: bool) -> dict[str, Any]:
    """What is said of a zone in a round, as permille of its base, with dates in the round."""

    def said(count: int, *, wild: bool) -> list[tuple[int, int] | None]:
        near = st.integers(max(1, level - 30), level + 30)
        price = draw(st.lists(st.one_of(st.none(), PRICES) if wild else near,
                              min_size=count, max_size=count))  # fmt: skip
        return [None if p is None else (p, draw(DATES)) for p in price]

    wild = draw(st.integers(0, 4)) == 0
    return {
        "panel": [None] * PANEL if silent else said(PANEL, wild=wild),
        "further": said(FURTHER, wild=draw(st.integers(0, 3)) == 0),
        "challenged": draw(st.integers(0, 5)) == 0,
        "blind": said(BLIND, wild=draw(st.integers(0, 2)) == 0),
        "rate": draw(st.one_of(st.none(), st.integers(900, 1_080))),
        "certified": draw(st.sampled_from([0, 0, 0, 0, 0, 1_500])),
    }


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """Zones, rules and rounds; most reports follow a trend so that something gets minted."""
    zones = draw(
        st.lists(st.tuples(st.integers(1, 10**8), st.integers(200, 10**6)), min_size=1, max_size=2)
    )
    rounds = []
    level, silent = 1_000, False
    for _ in range(draw(st.integers(1, 16))):
        level = max(200, level + draw(st.integers(-20, 50)))
        # Silence lasts, so that values go stale now and then.
        silent = draw(st.integers(0, 9)) < (8 if silent else 1)
        rounds.append(
            {
                "zones": [draw(zone_rounds(level, silent)) for _ in zones],
                "costs": draw(st.sampled_from([0, 0, 10**6])),
                "open": draw(st.integers(0, 7)) > 0,
            }
        )
    return {
        "zones": zones,
        "rounds": rounds,
        "every": draw(st.sampled_from([1, 1, 4])),
        "window": draw(st.integers(1, 5)),
        "lambda_bps": draw(st.integers(1, 10_000)),
        "price_per_token": draw(st.sampled_from([1, 7, 1_000, 10**6])),
        "hard_cap": draw(st.sampled_from([10**27, 10**24, 10**30])),
        "genesis": draw(st.sampled_from([0, 0, 123_456_789, 5 * 10**23])),
    }


def scripted(history: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    """Rates, events, costs and the gate are what the history says of them."""

    def zone(name: str, number: int) -> tuple[dict[str, Any], int]:
        return history["rounds"][number - 1]["zones"][int(name)], history["zones"][int(name)][1]

    def factor(_state: object, region: str, number: int) -> tuple[int, int] | None:
        rate = zone(region, number)[0]["rate"]
        return None if rate is None else (rate, 1_000)

    def limit(_state: object, position: int, number: int) -> int:
        row, base = zone(str(position), number)
        return int(row["certified"] * base // 1_000)

    def study(_state: object, number: int, _appraised: object) -> RatioStudy:
        return RatioStudy(0, 0, 0, 0, 0, history["rounds"][number - 1]["open"])

    patch.setattr("tokenomics.oracle.zone_rounds.quarter_factor", factor)
    patch.setattr("tokenomics.oracle.zone_rounds.certified_limit", limit)
    patch.setattr("tokenomics.oracle.closing.costs_krw", lambda _state, n: costs(history, n))
    patch.setattr("tokenomics.oracle.closing.study", study)


def costs(history: dict[str, Any], number: int) -> int:
    return sum(row["costs"] for row in history["rounds"][:number])


def make_town(history: dict[str, Any]) -> LandTown:
    zones = [
        zone_section(f"z{i}", *zone) | {"rate_region": str(i)}
        for i, zone in enumerate(history["zones"])
    ]
    town = LandTown(
        land_section(*zones, anchor_every_rounds=history["every"]),
        {
            "parameters": {
                "window_anchors": history["window"],
                "lambda_bps": history["lambda_bps"],
                "price_krw_per_token": history["price_per_token"],
                "hard_cap": str(history["hard_cap"]),
            }
        },
        balance=history["genesis"],
        panels=FixedPanels(),
    )
    town.book.roles[CHAMBER_PUBLIC] = {CITY}
    town.block(START_MS)
    return town


SEATS = {"COMMIT": "panel", "REAPPRAISE_COMMIT": "further", "DISPUTE_COMMIT": "blind"}
SEATS |= {name.replace("COMMIT", "REVEAL"): seats for name, seats in SEATS.items()}


def act(town: LandTown, number: int, history: dict[str, Any], done: set[tuple[int, Phase]]) -> bool:
    """One block with everything that the zones' phases ask for and was not sent yet."""
    calls = []
    opened_ms = opened_round(town.state, number).opened_ms
    for position, (_, base) in enumerate(history["zones"]):
        row = town.appraisal(f"z{position}", number)
        if is_terminal(row.phase) or (position, row.phase) in done:
            continue
        done.add((position, row.phase))
        facts = history["rounds"][number - 1]["zones"][position]
        if row.phase is Phase.CHALLENGE:
            values = (f"z{position}", number, CHAMBER_PUBLIC, "method", bytes(32))
            calls += [(CITY, CHALLENGE, values)] if facts["challenged"] else []
            continue
        make = town.commit_call if row.phase.name.endswith("COMMIT") else town.reveal_call
        calls += [
            make(f"z{position}", number, who, one[0] * base // 1_000, opened_ms + one[1])
            for who, one in zip(row.seats, facts[SEATS[row.phase.name]], strict=True)
            if one is not None
        ]
    if calls:
        codes = town.soon(calls)
        # Two lost challenges bar the city: then nobody challenges.
        assert {*codes} <= {ErrorCode.OK, ErrorCode.INVALID_MESSAGE, ErrorCode.UNAUTHORISED}
    return bool(calls)


def play(town: LandTown, history: dict[str, Any]) -> None:
    for number in range(1, len(history["rounds"]) + 1):
        assert town.begin_appraisal() == number
        done: set[tuple[int, Phase]] = set()
        while schedule(town.state).closed < number:
            if not act(town, number, history, done):
                town.block(max(town.due_ms(), town.time_ms + 1))


def facts_of(history: dict[str, Any], town: LandTown, position: int) -> list[ZoneFacts]:
    """The history of a zone in the reference's terms. Whether a challenge was heard is the
    town's to say: a challenger may be barred."""
    base, found = history["zones"][position][1], []
    heard = {e["round"] for e in town.all_named("land.challenged") if e["zone"] == f"z{position}"}

    def said(number: int, given: list[tuple[int, int] | None]) -> tuple[Said | None, ...]:
        start = (number - 1) * QUARTER
        return tuple(
            None if one is None else (one[0] * base // 1_000, start + one[1] * QUARTER // LENGTH_MS)
            for one in given
        )

    for number, row in enumerate(history["rounds"], start=1):
        zone = row["zones"][position]
        found.append(
            ZoneFacts(
                panel=said(number, zone["panel"]),
                further=said(number, zone["further"]),
                challenged=number in heard,
                blind=said(number, zone["blind"]),
                rate=None if zone["rate"] is None else (zone["rate"], 1_000),
                certified=zone["certified"] * base // 1_000,
            )
        )
    return found


def issuance_facts(
    history: dict[str, Any], town: LandTown, figures: list[ZoneFigures]
) -> list[Facts]:
    rules = Rules(
        window=history["window"],
        lambda_bps=history["lambda_bps"],
        price_per_token=history["price_per_token"],
        hard_cap=history["hard_cap"],
    )
    found, last_close_ms = [], START_MS
    for at, row in enumerate(history["rounds"]):
        zones = list(zip(history["zones"], figures, strict=True))
        closed = town_round(town.state, at + 1)
        assert closed is not None
        found.append(
            Facts(
                rules=rules,
                value=sum(area * zone.counted[at] // 10 for (area, _), zone in zones),
                costs=costs(history, at + 1),
                certified_rise=sum(
                    area * min(zone.certified[at], max(0, zone.accepted[at] - base)) // 10
                    for (area, base), zone in zones
                ),
                growth=None,
                anchor=(at + 1) % history["every"] == 0,
                zones_final=sum(zone.outcome[at] == "FINAL" for _, zone in zones),
                gate_open=row["open"],
                elapsed_ms=closed.closed_ms - last_close_ms,
                length_ms=LENGTH_MS,
            )
        )
        last_close_ms = closed.closed_ms
    return found


@settings(max_examples=200)
@given(histories())
def test_land_and_issuance_agree_with_the_references_on_every_figure(
    history: dict[str, Any],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        scripted(history, patch)
        town = make_town(history)
        play(town, history)
    state = town.state
    figures = [
        zone_history(base, facts_of(history, town, position), every=history["every"])
        for position, (_, base) in enumerate(history["zones"])
    ]
    for position, zone in enumerate(figures):
        for at, outcome in enumerate(zone.outcome):
            event(outcome)
            row = state.get(ZONE_ROUNDS, key(at + 1, position))
            assert row is not None
            found = (row.outcome.name, row.accepted_krw_per_m2, row.counted_krw_per_m2,
                     row.certified_krw_per_m2, row.reports)  # fmt: skip
            expected = (outcome, zone.accepted[at], zone.counted[at], zone.certified[at],
                        zone.reports[at])  # fmt: skip
            assert found == expected, f"zone {position} in round {at + 1}"
    facts = issuance_facts(history, town, figures)
    base_value = sum(area * base // 10 for area, base in history["zones"])
    expected_figures = replay(base_value, history["genesis"], facts)
    event(f"mints: {any(expected_figures.minted)}")
    for at, fact in enumerate(facts):
        settled = issuance_round(state, at + 1)
        assert settled is not None
        assert settled.value_krw == fact.value
        assert settled.live_krw == expected_figures.live[at]
        assert settled.certified_krw == expected_figures.certified[at]
        assert settled.recognised_krw == expected_figures.recognised[at]
        assert settled.entitlement == expected_figures.entitlement[at]
        assert settled.ceiling == expected_figures.ceiling[at]
        assert settled.cover == expected_figures.cover[at]
        assert settled.limit == expected_figures.limit[at]
        assert settled.minted == expected_figures.minted[at]
        assert settled.issued == expected_figures.issued[at]
    view = issuance(state, town.token)
    assert view is not None
    assert view["issued"] == str(expected_figures.issued[-1])
