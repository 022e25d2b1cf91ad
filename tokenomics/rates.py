"""Official change rates: nobody reports them yet, so values stand between appraisals."""

from collections.abc import Iterable, Mapping

from ledger.message_registry import MessageType
from ledger.module import Handler
from ledger.state import State
from tokenomics.params import GENESIS
from tokenomics.ports import RoleBook


def write_rates(state: State, given: object) -> None:
    """No section is known yet."""
    del state
    raise GENESIS.error("land.rates", "nothing", given)


def quarter_factor(state: State, region: str, round_number: int) -> tuple[int, int] | None:
    """None: no rate is known."""
    del state, region, round_number
    return None


def normal_growth_krw(
    state: State, base_values_krw: Iterable[int], round_number: int
) -> int | None:
    """None: no rate is known."""
    del state, base_values_krw, round_number
    return None


def awaits_rates(state: State, regions: Iterable[str], round_number: int) -> bool:
    """False: none are expected."""
    del state, regions, round_number
    return False


def rate_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """None yet."""
    del roles
    return {}
