"""Votes on the rules of distribution: in force when the running round has closed.

What was granted keeps at least the pace of vesting that was promised: cliff and vesting may become
shorter, for earlier grants too, and never longer.
"""

from collections.abc import Mapping
from typing import Final

from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import MessageType
from ledger.module import Context, Handler
from ledger.rows import table
from ledger.state import State
from tokenomics.distribution.persons import running_town
from tokenomics.distribution.pool_params import (
    DISTRIBUTION_PARAMETERS,
    DistributionParameters,
    distribution_parameters,
)
from tokenomics.parameter_changes import (
    note_changes,
    require_vote,
    set_parameter_type,
    with_parameter,
)

COMING_PARAMETERS: Final = table("distribution", "coming_params", DistributionParameters)
"""One row, at the empty key, while a change waits for the close of the running round."""
ONLY_SHORTER: Final = ("cliff_quarters", "vesting_quarters")

SET_DISTRIBUTION_PARAMETER: Final = set_parameter_type("distribution", "from the next round on")


def distribution_rule_handlers() -> Mapping[MessageType, Handler]:
    """The message that changes a rule."""
    return {SET_DISTRIBUTION_PARAMETER: _set_parameter}


def take_effect(state: State) -> None:
    """A round has closed: what was decided in it is in force."""
    coming = state.get(COMING_PARAMETERS, b"")
    if coming is not None:
        state.put(DISTRIBUTION_PARAMETERS, b"", coming)
        state.delete(COMING_PARAMETERS, b"")


def _set_parameter(context: Context, name: str, value: int) -> None:
    require_vote(context)
    state = context.state
    now = running_town(state)
    before = state.get(COMING_PARAMETERS, b"") or distribution_parameters(state)
    after = with_parameter(before, name, value)
    if name in ONLY_SHORTER and value > getattr(distribution_parameters(state), name):
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{name}: {value} would let grants that exist vest later than was promised; at most "
            f"{getattr(distribution_parameters(state), name)}",
        )
    state.put(COMING_PARAMETERS, b"", after)
    note_changes(context, "distribution", before, after, now.quarter + 1)
