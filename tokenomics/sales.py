"""Registered sales: nobody registers any yet."""

from collections.abc import Mapping, Sequence

from ledger.message_registry import MessageType
from ledger.module import Handler
from ledger.state import State
from tokenomics.ports import RoleBook
from tokenomics.ratio_study import RatioStudy


def study(state: State, round_number: int, appraised: Sequence[int]) -> RatioStudy:
    """Open: there are no sales to check against."""
    del state, round_number, appraised
    return RatioStudy(0, 0, 0, 0, 0, is_open=True)


def sale_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """None yet."""
    del roles
    return {}
