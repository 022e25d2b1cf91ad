"""Which parameter changes loosen supply: let more be minted, or the same sooner or on less proof.

governance.md, "Proposal classes": such a change is constitutional and waits a year. A parameter
that is not listed here cannot loosen supply in either direction.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from ledger.errors import DecodeError
from ledger.message_registry import MessageType
from ledger.state import State
from tokenomics.issuance.derivation import has_issuance
from tokenomics.issuance.issuance import SET_ISSUANCE_PARAMETER
from tokenomics.oracle.land_rules import SET_LAND_PARAMETER
from tokenomics.oracle.rounds import has_land
from tokenomics.params import issuance_parameters, land_parameters


class Direction(Enum):
    """Of a change that loosens supply."""

    UP = "up"
    DOWN = "down"
    EITHER = "either"


OF_ISSUANCE: Final[Mapping[str, Direction]] = {
    "mode": Direction.DOWN,  # from NET (2) to GROSS (1)
    "lambda_bps": Direction.UP,
    "price_krw_per_token": Direction.DOWN,
    "hard_cap": Direction.UP,
    "window_anchors": Direction.DOWN,
    "limit_bps": Direction.UP,
    "limit_room_divisor": Direction.DOWN,
    "limit_bound_bps": Direction.UP,
}
OF_LAND: Final[Mapping[str, Direction]] = {
    "quarter_ms": Direction.DOWN,
    "scaled_quarter_ms": Direction.DOWN,
    "scaled_rounds": Direction.EITHER,  # rounds change their length, some of them to a shorter one
    "anchor_every_rounds": Direction.DOWN,  # the window's anchors then lie closer together
    "min_reports": Direction.DOWN,
    "clip_bps_a_year": Direction.UP,
    "stale_ms": Direction.UP,  # old values cover the tokens for longer
}


def loosens_supply(state: State, message_type: str, body: object) -> bool:
    """Whether a message with this body loosens supply, compared with the rules in force.

    What does not decode any more, after an upgrade, is judged strictly; executing it is refused.
    """
    if message_type == SET_ISSUANCE_PARAMETER.name and has_issuance(state):
        return _loosens(issuance_parameters(state), OF_ISSUANCE, SET_ISSUANCE_PARAMETER, body)
    if message_type == SET_LAND_PARAMETER.name and has_land(state):
        return _loosens(land_parameters(state), OF_LAND, SET_LAND_PARAMETER, body)
    return False


def _loosens(
    parameters: object, directions: Mapping[str, Direction], message: MessageType, body: object
) -> bool:
    try:
        fields: tuple[Any, ...] = message.decode(body)
    except DecodeError:
        return True
    name, after = fields
    direction = directions.get(name)
    if direction is None:
        return False
    before = int(getattr(parameters, name))
    if direction is Direction.EITHER:
        return bool(after != before)
    return bool(after > before if direction is Direction.UP else after < before)
