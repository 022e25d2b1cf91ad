"""The land oracle as a state module: rounds by block time, appraisals, accepted values of zones.

Time moves things in begin_block: what is due ends before the block's messages are heard. What can
change no more ends in end_block, and town rounds close there.
"""

from collections.abc import Mapping
from typing import Any, Final

from ledger.message_registry import MessageType
from ledger.module import Context, Handler, Invariant
from ledger.state import State
from tokenomics.facts.land_events import event_handlers
from tokenomics.facts.rate_corrections import correction_handlers
from tokenomics.facts.rates import rate_handlers, rate_regions, write_rates
from tokenomics.facts.sales import sale_handlers
from tokenomics.invariants import LAND_INVARIANTS
from tokenomics.oracle import clocks, proceedings, rounds, zones
from tokenomics.oracle.challenges import challenge_handlers
from tokenomics.oracle.closing import close, closes
from tokenomics.oracle.land_rules import land_rule_handlers, parameters_of
from tokenomics.oracle.panels import panel_handlers
from tokenomics.oracle.registry import registry_handlers, write_registry
from tokenomics.oracle.reports import report_handlers
from tokenomics.oracle.rounds import Schedule, TownRound
from tokenomics.params import (
    GENESIS,
    LAND_PARAMETERS,
    LandParameters,
    land_parameters,
    parameters_from,
)
from tokenomics.ports import Emergency, Panels, RoleBook, Voices


class LandModule:
    """StateModule of zones, rounds and appraisals; the Oracle that issuance reads."""

    name: Final = "land"
    invariants: Final[Mapping[str, Invariant]] = LAND_INVARIANTS

    def __init__(
        self, panels: Panels, roles: RoleBook, emergency: Emergency, voices: Voices
    ) -> None:
        self._panels = panels
        self._emergency = emergency
        self.handlers: Final[Mapping[MessageType, Handler]] = {
            **report_handlers(),
            **challenge_handlers(roles),
            **registry_handlers(roles),
            **panel_handlers(voices),
            **rate_handlers(roles),
            **correction_handlers(roles),
            **event_handlers(roles),
            **sale_handlers(roles),
            **land_rule_handlers(),
        }

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Write zones, appraisers and parameters (docs/economy.md, "Genesis").

        An empty section is a chain without land: no round ever opens. Raises LocalError that names
        the wrong field.
        """
        if not section:
            return
        given = GENESIS.fields(section, "land", ("zones", "appraisers"), ("parameters", "rates"))
        parameters = parameters_from(given.get("parameters", {}), "land.parameters", LandParameters)
        state, start_ms = context.state, context.block.time_ms
        state.put(LAND_PARAMETERS, b"", parameters)
        zones.write_zones(state, given["zones"])
        write_registry(state, given["appraisers"], parameters.min_reports)
        if "rates" in given:
            write_rates(state, given["rates"])
        state.put(rounds.SCHEDULE, b"", Schedule(start_ms, 0, 0, start_ms))

    def begin_block(self, context: Context) -> None:
        """End what is due: phases, and the newest round, whose appraisal begins; open the next."""
        state, time_ms = context.state, context.block.time_ms
        if not rounds.has_land(state) or self._stands_still(context):
            return
        due_ms = self.next_deadline_ms(state)
        if due_ms is None or time_ms < due_ms:
            return
        proceedings.move_due(context, self._panels)
        newest = rounds.find_round(state, rounds.schedule(state).newest)
        if newest is not None and time_ms < newest.end_ms:
            return
        if newest is not None:
            parameters = parameters_of(state, newest.number)
            ended = rounds.end_newest(state, time_ms, parameters)
            if ended.is_anchor:
                proceedings.begin(context, self._panels, parameters, ended)
        opened = rounds.open_next(state, time_ms, land_parameters(state))
        context.emit(
            "land.round_opened",
            round=opened.number,
            is_anchor=int(opened.is_anchor),
            opened_ms=opened.opened_ms,
            end_ms=opened.end_ms,
            deadline_ms=opened.deadline_ms,
        )

    def end_block(self, context: Context) -> None:
        """End phases that can change no more, and close the rounds that can, in order."""
        state = context.state
        if not rounds.has_land(state) or self._emergency.finalising_paused(state):
            return
        proceedings.move_complete(context, self._panels)
        for row in list(rounds.ended_rounds(state)):
            if not closes(state, row, context.block.time_ms):
                return
            parameters = parameters_of(state, row.number)
            proceedings.lapse(context, self._panels, parameters, row)
            close(context, row, parameters)

    def next_deadline_ms(self, state: State) -> int | None:
        """When the next phase or round ends by time alone; None without land, and while governance
        has stopped the rounds' clocks."""
        if not rounds.has_land(state) or self._emergency.finalising_paused(state):
            return None
        return clocks.due(state)[0]

    def closed_rounds(self, state: State) -> int:
        """Number of the last closed town round; 0 before the first."""
        return rounds.schedule(state).closed

    def town_round(self, state: State, number: int) -> TownRound | None:
        """A closed town round."""
        return rounds.town_round(state, number)

    def base_value_krw(self, state: State) -> int:
        """V0: worth of the town at base prices."""
        return zones.base_value_krw(state)

    def takes_rates(self, state: State) -> bool:
        """Whether official change rates are reported on this chain."""
        return rate_regions(state) is not None

    def _stands_still(self, context: Context) -> bool:
        """Move everything on when the chain stood still, or while governance has stopped the
        clocks; True for the latter."""
        state, reason = context.state, "standstill"
        paused = self._emergency.finalising_paused(state)
        if paused:
            by_ms, reason = context.block.time_ms - context.block.parent_time_ms, "paused"
        else:
            by_ms = clocks.lost_ms(context)
        if by_ms and rounds.schedule(state).newest:
            clocks.move_on(state, by_ms)
            context.emit("land.schedule_held", held_ms=by_ms, reason=reason)
        return paused
