"""Certified land-use events: nobody certifies any yet."""

from collections.abc import Mapping

from ledger.message_registry import MessageType
from ledger.module import Handler
from ledger.state import State
from tokenomics.ports import RoleBook


def certified_limit(state: State, zone_number: int, round_number: int) -> int:
    """0: no event lets a zone rise."""
    del state, zone_number, round_number
    return 0


def costs_krw(state: State, round_number: int) -> int:
    """0: no event has a cost."""
    del state, round_number
    return 0


def event_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """None yet."""
    del roles
    return {}
