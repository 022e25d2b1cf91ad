"""Which rules of land a round goes by: those that were in force when it opened.

So a vote changes nothing of an appraisal that has begun, nor of the length of a running round.
"""

from collections.abc import Mapping
from typing import Final

from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import MessageType
from ledger.module import Context, Handler
from ledger.rows import key, table
from ledger.state import State
from tokenomics.oracle.rounds import has_land, schedule
from tokenomics.parameter_changes import (
    note_changes,
    require_vote,
    set_parameter_type,
    with_parameter,
)
from tokenomics.params import LAND_PARAMETERS, LandParameters, land_parameters

EARLIER_PARAMETERS: Final = table("land", "earlier_params", LandParameters)
"""Parameters that were replaced, by the last round that goes by them."""

SET_LAND_PARAMETER: Final = set_parameter_type("land", "from the next round that opens on")


def parameters_of(state: State, round_number: int) -> LandParameters:
    """The rules that an opened round goes by. One read for each round that opened since."""
    for number in range(round_number, schedule(state).newest + 1):
        row = state.get(EARLIER_PARAMETERS, key(number))
        if row is not None:
            return row
    return land_parameters(state)


def parameters_by_round(state: State) -> Mapping[int, LandParameters]:
    """The rules of every round that opened, in one pass over them."""
    found: dict[int, LandParameters] = {}
    for row_key, row in state.iterate(EARLIER_PARAMETERS):
        for number in range(len(found) + 1, int.from_bytes(row_key, "big") + 1):
            found[number] = row
    for number in range(len(found) + 1, schedule(state).newest + 1):
        found[number] = land_parameters(state)
    return found


def land_rule_handlers() -> Mapping[MessageType, Handler]:
    """The message that changes a rule."""
    return {SET_LAND_PARAMETER: _set_parameter}


def _set_parameter(context: Context, name: str, value: int) -> None:
    require_vote(context)
    state = context.state
    if not has_land(state):
        raise TransactionError(
            ErrorCode.NOT_NOW, "this chain has no land: its genesis has no such section"
        )
    before = land_parameters(state)
    after = with_parameter(before, name, value)
    newest = schedule(state).newest
    # A second change while the same round is the newest must not take the first one's place.
    if newest and state.get(EARLIER_PARAMETERS, key(newest)) is None:
        state.put(EARLIER_PARAMETERS, key(newest), before)
    state.put(LAND_PARAMETERS, b"", after)
    note_changes(context, "land", before, after, newest + 1)
