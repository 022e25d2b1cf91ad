"""What the API shows of parameters: those in force, those to come, and how each came to be.

Values are decimal text, because some are larger than what every language's numbers hold.
"""

from collections.abc import Mapping
from dataclasses import fields

from ledger.state import State
from tokenomics.distribution.distribution_rules import COMING_PARAMETERS
from tokenomics.distribution.pool_params import distribution_parameters, has_distribution
from tokenomics.issuance.derivation import has_issuance
from tokenomics.oracle.land_rules import parameters_of
from tokenomics.oracle.land_views import View
from tokenomics.oracle.rounds import has_land, open_rounds
from tokenomics.parameter_changes import ParameterChange, changes_of
from tokenomics.params import issuance_parameters, land_parameters


def parameters(state: State) -> View:
    """By module, of those that the chain has: `in_force`, and `coming` where that differs.

    Of land, `in_force` is what the oldest open round goes by, and `coming` what the next one will.
    """
    found: dict[str, View] = {}
    if has_land(state):
        newest = land_parameters(state)
        oldest = next(open_rounds(state), None)
        now = newest if oldest is None else parameters_of(state, oldest.number)
        found["land"] = _shown(now, newest)
    if has_issuance(state):
        rules = issuance_parameters(state)
        found["issuance"] = _shown(rules, rules)
    if has_distribution(state):
        pools, coming = distribution_parameters(state), state.get(COMING_PARAMETERS, b"")
        found["distribution"] = _shown(pools, pools if coming is None else coming)
    return found


def parameter_changes(
    state: State, module: str, name: str | None = None, *, most: int = 100
) -> list[View]:
    """Changes of a module's parameters, or of one, the newest first; looks at `most` at most."""
    return [_change(module, row) for row in changes_of(state, module, name, most=most)]


def _shown(now: object, coming: object) -> View:
    shown: dict[str, object] = {"in_force": _values(now)}
    if coming != now:
        shown["coming"] = _values(coming)
    return shown


def _values(rules: object) -> Mapping[str, str]:
    names = [field.name for field in fields(rules)]  # type: ignore[arg-type]  # a dataclass
    return {name: str(int(getattr(rules, name))) for name in names}


def _change(module: str, row: ParameterChange) -> View:
    return {
        "module": module,
        "name": row.name,
        "before": str(row.before),
        "after": str(row.after),
        "from_round": row.from_round,
        "changed_ms": row.changed_ms,
        "cause": row.cause.hex(),
    }
