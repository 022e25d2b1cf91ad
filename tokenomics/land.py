"""The land oracle as a state module: rounds by block time, reports, accepted values of zones."""

from collections.abc import Mapping
from typing import Any, Final

from ledger.message_registry import MessageType
from ledger.module import Context, Handler, Invariant
from ledger.primitives import Hash
from ledger.rows import present
from ledger.state import State
from tokenomics import rounds, zones
from tokenomics.appraisers import write_panel
from tokenomics.closing import close, closes
from tokenomics.invariants import LAND_INVARIANTS
from tokenomics.params import (
    GENESIS,
    LAND_PARAMETERS,
    LandParameters,
    land_parameters,
    parameters_from,
)
from tokenomics.ports import Roles
from tokenomics.reports import REPORT, Report, take_report
from tokenomics.rounds import Schedule, TownRound


class LandModule:
    """StateModule of zones, rounds and reports; the Oracle that issuance reads."""

    name: Final = "land"
    invariants: Final[Mapping[str, Invariant]] = LAND_INVARIANTS

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self.handlers: Final[Mapping[MessageType, Handler]] = {REPORT: self._report}

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Write zones, appraisers and parameters (docs/economy.md, "Genesis").

        An empty section is a chain without land: no round ever opens. Raises LocalError that names
        the wrong field.
        """
        if not section:
            return
        given = GENESIS.fields(section, "land", ("zones", "appraisers"), ("parameters",))
        parameters = parameters_from(given.get("parameters", {}), "land.parameters", LandParameters)
        state, start_ms = context.state, context.block.time_ms
        state.put(LAND_PARAMETERS, b"", parameters)
        zones.write_zones(state, given["zones"])
        write_panel(state, given["appraisers"], parameters.min_reports)
        state.put(rounds.SCHEDULE, b"", Schedule(start_ms, 0, 0, start_ms))

    def begin_block(self, context: Context) -> None:
        """Let the schedule make up for a standstill, and open the round whose start has come."""
        state, time_ms = context.state, context.block.time_ms
        due_ms = self.next_deadline_ms(state)
        if due_ms is None or time_ms < due_ms:
            return
        if held_ms := rounds.hold(state, time_ms):
            context.emit("land.schedule_held", due_ms=due_ms, held_ms=held_ms)
        opened = rounds.open_next(state, time_ms, land_parameters(state))
        if opened is not None:
            context.emit(
                "land.round_opened",
                round=opened.number,
                opened_ms=opened.opened_ms,
                end_ms=opened.end_ms,
                deadline_ms=opened.deadline_ms,
            )

    def end_block(self, context: Context) -> None:
        """Close the open rounds that end now, in order."""
        for row in rounds.open_rounds(context.state):
            if not closes(context.state, row, context.block.time_ms, self._roles):
                return
            close(context, row, land_parameters(context.state))

    def next_deadline_ms(self, state: State) -> int | None:
        """When the next round opens or the oldest open one runs out of time; None without land."""
        return rounds.due(state)[0] if rounds.has_land(state) else None

    def closed_rounds(self, state: State) -> int:
        """Number of the last closed town round; 0 before the first."""
        return rounds.schedule(state).closed

    def town_round(self, state: State, number: int) -> TownRound | None:
        """A closed town round."""
        return rounds.town_round(state, number)

    def base_value_krw(self, state: State) -> int:
        """V0: worth of the town at base prices."""
        return zones.base_value_krw(state)

    def _report(
        self,
        context: Context,
        zone: str,
        round_number: int,
        price_krw_per_m2: int,
        valuation_date_ms: int,
        method: str,
        comparables: int,
        document_hash: Hash,
    ) -> None:
        report = Report(
            price_krw_per_m2,
            valuation_date_ms,
            method,
            comparables,
            document_hash,
            present(context.transaction_hash, "the hash of a report's transaction"),
        )
        take_report(
            context, self._roles, land_parameters(context.state), zone, round_number, report
        )
