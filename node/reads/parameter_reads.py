"""Every parameter of a chain, with the class of the vote that changes it and each change so far."""

from collections.abc import Mapping
from typing import Any, Final

from governance.proposals import parameter_views as of_governance
from governance.proposals.classes import ProposalClass, has_proposals
from governance.proposals.proposal_rows import executed_by
from ledger.state import State
from node.mandate import CLASS_OF
from tokenomics import parameter_views as of_economy
from tokenomics.loosening import OF_ISSUANCE, OF_LAND

_LOOSENING: Final = {"land": OF_LAND, "issuance": OF_ISSUANCE}
"""By module, the direction in which a change of a parameter loosens supply."""

View = Mapping[str, Any]


def parameters(state: State, module: str | None, name: str | None, most: int) -> list[View]:
    """Parameters of all modules, of one, or with one name, each with those of its changes that are
    among the newest `most` of its module."""
    decided = has_proposals(state)
    rows = of_economy.parameters(state) + of_governance.parameters(state)
    changes = of_economy.parameter_changes(state, most=most)
    changes += of_governance.parameter_changes(state, most=most) if decided else []
    return [
        _shown(state, row, [change for change in changes if _is_of(change, row)], decided=decided)
        for row in rows
        if module in (None, row["module"]) and name in (None, row["name"])
    ]


def _is_of(change: View, row: View) -> bool:
    return all(change[field] == row[field] for field in ("module", "name", "position"))


def _shown(state: State, row: View, changes: list[View], *, decided: bool) -> View:
    """Nobody can change anything on a chain without proposals."""
    changed_by = row["changed_by"] if decided else None
    direction = _LOOSENING.get(row["module"], {}).get(row["name"])
    return {
        **row,
        "changed_by": changed_by,
        "class": None if changed_by is None else CLASS_OF[changed_by].name,
        "loosens": None if direction is None else direction.value,
        "class_loosening": None
        if changed_by is None or direction is None
        else ProposalClass.D.name,
        "changes": [_change(state, change) for change in changes],
    }


def _change(state: State, change: View) -> View:
    kept = ("before", "after", "from_round", "time_ms")
    return {
        **{name: change[name] for name in kept},
        "proposal": executed_by(state, change["cause"], change["time_ms"]),
        "content_hash": f"0x{change['cause'].hex()}",
    }
