"""What the API shows of the numbers of deciding: value, bounds, unit, and each change by a vote."""

from typing import Final

from governance.proposals.classes import BOUNDS, governance_parameters, has_proposals
from governance.proposals.parameter_changes import CHANGE_PARAMETER, FIXED, changes_of
from governance.proposals.proposal_rows import MODULE
from governance.proposals.proposal_views import View
from ledger.state import State

_COUNTS: Final = {"petition_min": "persons", "open_a_sponsor": "proposals"}
_SCALE: Final = "ms of block time in a day of the calendar"


def parameters(state: State) -> list[View]:
    """Every number in the order of the rules; of those with one for each class, `position` counts
    the classes from 0. changed_by: the message that changes it, None for what genesis fixes."""
    if not has_proposals(state):
        return []
    rules = governance_parameters(state)
    found: list[View] = []
    for name, bounds in BOUNDS.items():
        value = getattr(rules, name)
        values = value if isinstance(value, tuple) else (value,)
        for position, (number, (lowest, highest)) in enumerate(zip(values, bounds, strict=True)):
            found.append(
                {
                    "module": MODULE,
                    "name": name,
                    "position": position if isinstance(value, tuple) else None,
                    "value": str(number),
                    "coming": None,
                    "lowest": str(lowest),
                    "highest": str(highest),
                    "unit": _unit(name),
                    "changed_by": None if name in FIXED else CHANGE_PARAMETER.name,
                }
            )
    return found


def parameter_changes(state: State, *, most: int) -> list[View]:
    """Changes, the newest first, at most `most`. cause: hash of the proposal's content."""
    rules = governance_parameters(state)
    return [
        {
            "module": MODULE,
            "name": row.name,
            "position": row.position if isinstance(getattr(rules, row.name), tuple) else None,
            "before": str(row.before),
            "after": str(row.after),
            "from_round": None,
            "time_ms": row.changed_ms,
            "cause": row.cause,
        }
        for row in changes_of(state, most)
    ]


def _unit(name: str) -> str:
    if name == "day_ms":
        return _SCALE
    if name in _COUNTS:
        return _COUNTS[name]
    return "bps" if name.endswith("_bps") else "ms of the calendar"
