"""Registered invariants: conditions on the whole state, checked in tests and by `poyong doctor`.

They may read every row, so a running node checks only what is cheap for each block
(accounts.check_block_conserves).
"""

from collections.abc import Iterable, Mapping

from ledger.errors import InvariantViolation, ensure
from ledger.module import BlockInfo, Invariant, StateModule
from ledger.state import State


def collect(modules: Iterable[StateModule]) -> Mapping[str, Invariant]:
    """Every module's invariants as "module.name", in order; a duplicate is fatal at start."""
    found: dict[str, Invariant] = {}
    for module in modules:
        for name, invariant in module.invariants.items():
            full = f"{module.name}.{name}"
            ensure(full not in found, f"invariant {full} is registered twice")
            found[full] = invariant
    return found


def first_broken(
    invariants: Mapping[str, Invariant], state: State, info: BlockInfo
) -> tuple[str, str] | None:
    """(name, what was found) of the first invariant that does not hold, or None."""
    for name, invariant in invariants.items():
        try:
            invariant(state, info)
        except InvariantViolation as violation:
            return name, str(violation)
    return None


def check(invariants: Mapping[str, Invariant], state: State, info: BlockInfo) -> None:
    """Raise InvariantViolation that names the first invariant that does not hold."""
    broken = first_broken(invariants, state, info)
    if broken is not None:
        name, found = broken
        raise InvariantViolation(f"invariant {name} is broken at height {info.height}: {found}")
