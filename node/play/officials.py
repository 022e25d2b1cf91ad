"""What the officials of a scenario owe the chain: change rates, and certified events."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ledger.crypto import checksum_address, sha256
from ledger.primitives import Address
from node.play.outbox import Message
from node.scenarios.model import MONTHS_A_QUARTER, LandEvent, Scenario
from tokenomics.facts import months
from tokenomics.facts.land_events import CERTIFY_EVENT
from tokenomics.facts.rates import REPORT_RATE

MONTHS_A_LOOK: Final = 6
"""Of a region that one reporter sends at once; a player that comes late catches up over several."""


def months_due(scenario: Scenario, land: Mapping[str, Any]) -> int:
    """Up to which month of the chain rates are published: those of the quarters that ended."""
    return min(int(land["newest_round"]) - 1, scenario.rounds) * MONTHS_A_QUARTER


def is_rate_due(scenario: Scenario, land: Mapping[str, Any]) -> bool:
    """Whether a region's official rates stop before the last month that is published."""
    due = months_due(scenario, land)
    return any(
        _official_until(scenario, region["official_until"]) < due
        for region in land["rates"]
        if region["region"] in scenario.rates
    )


def owed_rates(
    scenario: Scenario,
    land: Mapping[str, Any],
    rates: Mapping[str, Any],
    reporters: Sequence[Address],
) -> Iterator[tuple[Address, Message]]:
    """Reports of each reporter that are not on the chain yet, oldest month first."""
    due = months_due(scenario, land)
    for region in rates["regions"]:
        steps = scenario.rates.get(region["region"])
        if steps is None:
            continue
        done = _official_until(scenario, region["official_until"])
        reported = {
            (row["month"], report["reporter"])
            for row in region["waiting"]
            for report in row["reports"]
        }
        last = min(due, done + MONTHS_A_LOOK)
        for number in range(done + 1, last + 1):
            month = months.month_at(scenario.first_month, number)
            step = steps[number - 1]
            gazette = sha256(f"gazette {month}, region {region['region']}: {step}".encode())
            for reporter in reporters:
                if (month, checksum_address(reporter)) not in reported:
                    yield (
                        reporter,
                        Message.of(REPORT_RATE, region["region"], month, step, gazette),
                    )


def _official_until(scenario: Scenario, month: int | None) -> int:
    """The chain's number of a month, 0 for none."""
    return 0 if month is None else months.number_in(scenario.first_month, month)


def due_events(scenario: Scenario, land: Mapping[str, Any]) -> list[LandEvent]:
    """Events to be certified by now: an event lets its zone rise in the round that is open."""
    return [event for event in scenario.events if event.round <= land["newest_round"]]


def certification(scenario: Scenario, event: LandEvent) -> Message:
    """The message by which governance certifies an event."""
    zone = scenario.zones[event.zone].id
    document = sha256(f"{zone}, {event.stage}, {scenario.quarter(event.round)}".encode())
    return Message.of(CERTIFY_EVENT, zone, event.stage, event.factor_bps, event.cost_krw, document)
