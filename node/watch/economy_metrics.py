"""Prometheus series of land, issuance and governance; see node.watch.metrics.

What a phase or a round waits for shows in the town's series, without a label for each appraiser.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from ledger.primitives import UNIT
from tokenomics.oracle.phases import Phase, is_terminal
from tokenomics.oracle.zone_rounds import Outcome

PREFIX: Final = "poyong_"
ROUND_OPEN: Final = "OPEN"
ROUND_STATES: Final = (ROUND_OPEN, *Outcome.__members__)
MAX_ZONES: Final = 1_024
WAITING_PHASES: Final = tuple(phase.name for phase in Phase if not is_terminal(phase))


class ZoneState(StrEnum):
    """How a zone's last closed round left its value.

    HELD: without a new one, the last counts as it stands or moved down; also before the first.
    """

    FINAL = "FINAL"
    HELD = "HELD"
    STALE = "STALE"
    DISPUTED = "DISPUTED"


_STATES: Final = {
    Outcome.FINAL.name: ZoneState.FINAL,
    Outcome.STALE.name: ZoneState.STALE,
    Outcome.DISPUTED.name: ZoneState.DISPUTED,
}


def zone_state(outcome: str | None) -> ZoneState:
    """The state that an outcome (None before the first close) leaves a zone in."""
    return ZoneState.HELD if outcome is None else _STATES.get(outcome, ZoneState.HELD)


class EconomyMetrics:
    """Series on a registry; each exists with value 0 from the start. zones: names of the zones."""

    def __init__(self, registry: CollectorRegistry, zones: Iterable[str] = ()) -> None:
        self._registry = registry
        self._oracle()
        self._issuance()
        self.open_proposals = self._gauge(
            "governance_open_proposals", "Proposals that wait for votes."
        )
        self.next_proposal_deadline_seconds = self._gauge(
            "governance_next_deadline_timestamp_seconds",
            "When the first open proposal closes, Unix time; 0 without one.",
        )
        self.set_zones(zones)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(PREFIX + name, meaning, labels, registry=self._registry)

    def _oracle(self) -> None:
        gauge = self._gauge
        self._round_state = gauge(
            "oracle_round_state",
            "1 for the state that the zone's latest round is in.",
            "zone",
            "state",
        )
        self._round_age = gauge(
            "oracle_round_age_seconds", "Block time since the zone's last FINAL value.", "zone"
        )
        self._round_states: dict[str, dict[str, Gauge]] = {}
        self._round_ages: dict[str, Gauge] = {}
        self.rounds_final = gauge("oracle_rounds_final", "Town rounds with every zone FINAL.")
        self.closed_rounds = gauge("oracle_closed_rounds", "Town rounds that have closed.")
        self.open_rounds = gauge("oracle_open_rounds", "Town rounds that have not closed.")
        self.oldest_open_round_age_seconds = gauge(
            "oracle_oldest_open_round_age_seconds",
            "Block time since the oldest of them opened; 0 without one.",
        )
        states = gauge(
            "oracle_zones", "Zones by how their last closed round left their value.", "state"
        )
        self._zones = {state: states.labels(state.value) for state in ZoneState}
        waiting = gauge(
            "oracle_waiting_zones", "Appraisals of zones that are not at an end, by phase.", "phase"
        )
        self._waiting = {phase: waiting.labels(phase) for phase in WAITING_PHASES}
        self.recognition_open = gauge(
            "oracle_recognition_open",
            "1 unless the ratio gate of the last closed round holds recognition back.",
        )
        self.land_index = gauge("oracle_land_index", "Value of the land; 100000 is the base.")

    def _issuance(self) -> None:
        gauge = self._gauge
        self._ceiling = gauge("issuance_ceiling_tokens", "The most that may ever be issued now.")
        self._issued = gauge("issuance_issued_tokens", "Tokens issued so far.")
        self._supply = gauge("issuance_supply_tokens", "Tokens issued and not burned.")
        self._headroom = gauge("issuance_headroom_tokens", "Ceiling less issued.")
        self._outstanding = gauge(
            "issuance_outstanding_tokens",
            "What land had to cover in the last settled round, before its mint.",
        )
        self._coverage = gauge(
            "issuance_coverage_bps",
            "Live entitlement over that, in basis points; 0 also when nothing was outstanding.",
        )

    def set_zones(self, zones: Iterable[str]) -> None:
        """Zones of the chain; those not known before start at 0. Beyond MAX_ZONES none is added."""
        for zone in zones:
            if zone in self._round_ages or len(self._round_ages) >= MAX_ZONES:
                continue
            self._round_states[zone] = {
                name: self._round_state.labels(zone, name) for name in ROUND_STATES
            }
            self._round_ages[zone] = self._round_age.labels(zone)

    def set_round(self, zone: str, state: str, age_seconds: float) -> None:
        """State (one of ROUND_STATES) of a zone's latest round, age of its last FINAL value.

        A zone that set_zones did not take is left out."""
        if zone not in self._round_ages:
            return
        for name, child in self._round_states[zone].items():
            child.set(name == state)
        self._round_ages[zone].set(age_seconds)

    def set_zone_states(self, counts: Mapping[ZoneState, int]) -> None:
        """How many zones are in each state; 0 for one that is left out."""
        for state, child in self._zones.items():
            child.set(counts.get(state, 0))

    def set_waiting(self, counts: Mapping[str, int]) -> None:
        """How many appraisals stand in each of WAITING_PHASES; 0 for one that is left out."""
        for phase, child in self._waiting.items():
            child.set(counts.get(phase, 0))

    def set_issuance(self, *, ceiling: int, issued: int, supply: int) -> None:
        """Amounts in smallest units; shown in tokens, to the precision of a float."""
        self._ceiling.set(ceiling / UNIT)
        self._issued.set(issued / UNIT)
        self._supply.set(supply / UNIT)
        self._headroom.set((ceiling - issued) / UNIT)

    def set_coverage(self, outstanding: int, coverage_bps: int | None) -> None:
        """Of the last settled round, before its mint; `outstanding` in smallest units."""
        self._outstanding.set(outstanding / UNIT)
        self._coverage.set(coverage_bps or 0)
