"""Messages of a golden chain by their names: an import of each constant would name the release's
own places, and a type keeps its name for ever."""

from typing import Any, Final

from ledger.message_registry import MessageType
from node.modules import build_executor
from tests.support.governed_town import Sent

REGISTRY: Final = build_executor().registry
CONTRACTS: Final = build_executor().contracts


def message(name: str) -> MessageType:
    """A message type of this release by its name."""
    found = REGISTRY.find(name)
    assert found is not None, name
    return found


def said(who: str, name: str, *values: Any) -> Sent:
    """A message of somebody of the town."""
    return who, message(name), values
