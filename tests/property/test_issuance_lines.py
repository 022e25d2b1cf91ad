"""Each line of `poyong issuance show` follows from the numbers that stand in it, to the last unit,
and takes those that the lines above it gave."""

import random
from fractions import Fraction
from typing import Any

import pytest

from ledger import accounts
from ledger.primitives import UNIT, ZERO_HASH
from ledger.rows import key
from ledger.state import State
from node.cli.issuance_show import derivation_lines
from tests.property.test_issuance_reference import BASE_VALUE, ScriptedTown, play, random_history
from tests.support.calculator import Line, read_line
from tests.support.issuance_reference import Facts
from tests.support.land_town import LandTown, appraiser, land_section, zone_section
from tokenomics.facts import months
from tokenomics.facts.land_events import CERTIFY_EVENT
from tokenomics.facts.rates import (
    NATION,
    RATE_REGIONS,
    REGION_INDICES,
    REPORT_RATE,
    RateRegions,
    RegionIndex,
)
from tokenomics.issuance.views import issuance
from tokenomics.oracle.rounds import TOWN_ROUNDS
from tokenomics.oracle.uplift import INDEX_SCALE
from tokenomics.oracle.zone_rounds import ZONE_ROUNDS, Outcome, ZoneRound
from tokenomics.oracle.zones import write_zones
from tokenomics.roles import AUTHORITY, RATE_REPORTER

HISTORIES = 150
SOURCES = {
    "L  live uplift": ("V  value", "V0 base value", "C  costs", "N  normal growth"),
    "K  its certified part": ("L  live uplift", "Q  certified rise", "C  costs"),
    "E  entitlement": ("R  recognised",),
    "Ec its certified part": ("Rc its certified part",),
    "ceiling": ("E  entitlement",),
    "room": ("ceiling",),
    "coverage": ("cover", "outstanding"),
    "E0 the town's scale": ("V0 base value",),
    "certified room": ("Ec its certified part", "room"),
    "limit of a quarter": ("E0 the town's scale", "certified room", "room"),
    "limit": ("limit of a quarter",),
    "mint": ("room", "cover", "outstanding", "limit"),
    "its certified part": ("mint", "certified room"),
    "issued": ("mint",),
}
"""Which lines a computation takes its numbers from."""
ORDER = [
    "V  value", "V0 base value", "C  costs", "N  normal growth", "L  live uplift",
    "S  lasting uplift", "R  recognised", "E  entitlement", "ceiling", "cover", "outstanding",
    "limit", "mint",
]  # fmt: skip


def check(derivation: dict[str, Any]) -> dict[str, Line]:
    """Recompute every line; the lines by name."""
    lines: dict[str, Line] = {}
    for text in derivation_lines(derivation):  # type: ignore[arg-type]  # the view is of its shape
        if not text.startswith("  "):
            continue
        line = read_line(text)
        assert line.name not in lines, f"{line.name} stands there twice"
        lines[line.name] = line
        if not line.computation:
            assert line.remark, f"{line.name} has neither computation nor reason"
            continue
        assert line.recomputed() == line.result, text
        for source in SOURCES.get(line.name, ()):
            assert lines[source].result in line.numbers, f"{text} does not use {source}"
    shown = list(lines)
    assert [name for name in shown if name in ORDER] == ORDER
    return lines


def stated(history: list[Facts], state: State, town: ScriptedTown) -> None:
    """Write the land rows that a scripted town has none of: one zone, and the nation's index."""
    write_zones(state, [zone_section("all", 10, BASE_VALUE)])
    state.put(RATE_REGIONS, b"", RateRegions(2012_01, (NATION,)))
    for number, facts in enumerate(history, start=1):
        row = town.town_round(state, number)
        assert row is not None
        state.put(TOWN_ROUNDS, key(number), row)
        rise = facts.certified_rise
        zone = ZoneRound(
            Outcome.FINAL, 5, facts.value, 0, 0, 0, 0, BASE_VALUE + rise, facts.value, rise, 0, 0,
            ZERO_HASH,
        )  # fmt: skip
        state.put(ZONE_ROUNDS, key(number, 0), zone)
        if facts.growth is not None:
            index = INDEX_SCALE + facts.growth * (INDEX_SCALE // BASE_VALUE)
            state.put(REGION_INDICES, key(0, months.last_month(number)), RegionIndex(index))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_histories_are_recomputed_from_what_is_printed(seed: int) -> None:
    """Modes and their changes, parameters that change, rates that are missing, gates, pauses,
    burns, certified events."""
    chance = random.Random(seed)
    remarks, seen = set(), set()
    for _ in range(HISTORIES):
        history = random_history(chance)
        _, state, town = play(history, chance.choice([0, 5 * UNIT]))
        stated(history, state, town)
        for number in range(1, len(history) + 1):
            found = issuance(state, accounts, number)
            assert found is not None
            lines = check(found["derivation"])
            remarks |= {line.remark for line in lines.values()}
            seen |= {name for name, line in lines.items() if line.computation and line.result}
    assert {
        "mode GROSS",
        "each zone's base value with the nation's index",
        "official rates of the quarter are missing",
        "as before: the ratio gate is closed",
        "as before: no anchor",
        "governance had paused minting",
        "L is unknown",
        "at most the last anchor's L",
        "no anchor before",
    } <= remarks
    assert {*SOURCES, *ORDER, "Q  certified rise"} <= seen | {"C  costs"}, (
        "a line that is always 0 proves little"
    )


def test_a_chains_own_derivations_are_recomputed() -> None:
    """Two zones of odd areas in mode NET, an event, appraisers who miss each other's price."""
    section = land_section(zone_section("east", 333_333, 977), zone_section("west", 77_777, 1_013))
    town = LandTown(
        {**section, "rates": {"first_month": 2012_01}},
        {"parameters": {"mode": "NET", "window_anchors": 2, "price_krw_per_token": 7}},
        balance=3,
    )
    reporters = (appraiser(41), appraiser(42))
    town.book.roles = {RATE_REPORTER: set(reporters), AUTHORITY: {reporters[0]}}
    town.block(1)
    values = ("east", "site works", 13_333, 10**6, bytes(32))
    assert not any(town.soon([(reporters[0], CERTIFY_EVENT, values)]))
    for number in range(1, 7):
        town.begin_appraisal()
        rates = [
            (who, REPORT_RATE, (region, months.month_at(2012_01, month), 100_057, bytes(32)))
            for region in (NATION, "29")
            for month in range(3 * number - 2, 3 * number + 1)
            for who in reporters
        ]
        assert not any(town.soon(rates)), town.refusals
        price = 1_000 + 37 * number
        town.commit_and_reveal(
            number, {"east": [price + seat for seat in range(5)], "west": [price] * 5}
        )
        town.finish(number)
    found = [issuance(town.state, town.token, number) for number in range(1, 7)]
    checked = [check(view["derivation"]) for view in found if view is not None]
    assert len(checked) == 6
    minted = [lines["mint"].result for lines in checked]
    assert sum(item for item in minted if item) > 0
    for name in ("N  normal growth", "Q  certified rise", "K  its certified part", "C  costs"):
        assert checked[-1][name].result, name
    assert {"V east", "V west", "V0 east", "V0 west"} <= checked[-1].keys()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("  x = 7 × 3 // 2 = 10 KRW", 10),
        ("  x = 1 // 3 = 0.333333333333333333 BJT; and; why", Fraction(10**18 // 3, 10**18)),
        ("  x = max(0, min(5, 1,000 - 2)) = 5 KRW", 5),
        ("  x = max(0, 5 - 1,000) + 2 = 2 KRW", 2),
    ],
)
def test_the_calculator_computes(text: str, result: Fraction) -> None:
    line = read_line(text)
    assert line.recomputed() == line.result == result


def test_the_calculator_finds_a_wrong_line() -> None:
    line = read_line("  x = 7 × 3 = 22 KRW")
    assert line.recomputed() != line.result
    assert line.numbers == [7, 3]
