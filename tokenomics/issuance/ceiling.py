"""Ceiling, coverage, limit and the amount of a mint (economy.md section 2).

Pure integer arithmetic on token amounts in smallest units.
"""

from ledger.primitives import BPS
from tokenomics.params import IssuanceParameters


def ceiling(hard_cap: int, genesis_allocation: int, entitlement: int) -> int:
    """Tokens that may ever be issued as of now; never falls while hard_cap stands."""
    return min(hard_cap, genesis_allocation + entitlement)


def outstanding(issued: int, genesis_allocation: int, burned: int) -> int:
    """Tokens that land has to cover: the genesis allocation was never backed by land."""
    return max(0, issued - genesis_allocation - burned)


def coverage_bps(cover: int, outstanding: int) -> int | None:
    """Live entitlement over what is outstanding; None when nothing is."""
    return None if outstanding == 0 else cover * BPS // outstanding


def quarter_limit(
    town_scale: int, room_certified: int, room: int, parameters: IssuanceParameters
) -> int:
    """The most that a full quarter may mint. `town_scale` is E0, the base value's entitlement;
    room_certified is the part of `room` that certified events opened, which need not wait."""
    room_other = room - room_certified
    usual = max(
        town_scale * parameters.limit_bps // BPS, room_other // parameters.limit_room_divisor
    )
    return min(town_scale * parameters.limit_bound_bps // BPS, room_certified + usual)


def prorated(limit: int, elapsed_ms: int, quarter_ms: int) -> int:
    """The part of a quarter's limit for the time since the last close; unused time is lost."""
    return limit * min(elapsed_ms, quarter_ms) // quarter_ms


def mint_amount(room: int, cover: int, outstanding: int, limit: int) -> int:
    """The mint of a round: within the ceiling, covered by live uplift, within the limit."""
    return max(0, min(room, cover - outstanding, limit))
