"""What the chain says of this node's keys, and what its operator does next."""

from collections.abc import Sequence

from api.ports import KeyRotation
from ledger.registry import ValidatorSet
from ledger.state import State
from ledger.validator_tables import observers, set_at, timeline_of

_PAGE = 'docs/operating.md, "New keys of a validator"'


def key_rotation(
    validator_keys: Sequence[bytes], node_keys: Sequence[bytes], state: State, height: int
) -> KeyRotation | None:
    """None while nothing is to be done. Keys: this node's, the present ones first; `height`: the
    state's, so that `height` + 1 runs."""
    running, coming = set_at(state, height + 1), set_at(state, height + 2)
    missing = _missing(validator_keys, node_keys, running)
    if missing is not None:
        return missing
    next_validator = validator_keys[1] if len(validator_keys) > 1 else None
    next_node = node_keys[1] if len(node_keys) > 1 else None
    if next_validator is None and next_node is None:
        return None

    def told(stage: str, since: int | None, advice: str) -> KeyRotation:
        return KeyRotation(stage, next_validator, next_node, since, advice)

    admitted = next_validator is None and next_node in observers(state)
    if admitted or _names(running, next_validator, next_node):
        return told(
            "done",
            _since(state, next_validator, next_node),
            "the next keys are in use: end it by `poyong keys rotate --finish`, then destroy the "
            "old key files",
        )
    if _names(coming, next_validator, next_node):
        return told(
            "decided", height + 2, "nothing: the node takes the next keys into use by itself"
        )
    return told(
        "waiting",
        None,
        "have the chain name the next keys: `poyong keys rotate` prints the message that the "
        "organisation's account signs",
    )


def _missing(
    validator_keys: Sequence[bytes], node_keys: Sequence[bytes], running: ValidatorSet
) -> KeyRotation | None:
    """A seat that is this node's by its node key, with a validator key that is not here."""
    for member in running.validators:
        if validator_keys and member.node_key in node_keys:
            if member.public_key in validator_keys:
                return None
            return KeyRotation(
                "missing",
                member.public_key,
                None,
                None,
                f"the chain names the validator key {member.public_key.hex()} for "
                f"{member.organisation}: name its file by node.next_validator_key and run `poyong "
                f"admin reload`; if it is lost, take new keys ({_PAGE})",
            )
    return None


def _names(members: ValidatorSet, validator_key: bytes | None, node_key: bytes | None) -> bool:
    """Whether a set names all next keys that there are."""
    return any(
        validator_key in (None, member.public_key) and node_key in (None, member.node_key)
        for member in members.validators
    )


def _since(state: State, validator_key: bytes | None, node_key: bytes | None) -> int | None:
    """First height of the sets that are still known which names them."""
    heights = [
        change.since
        for change in timeline_of(state)
        if _names(change.validators, validator_key, node_key)
    ]
    return heights[0] if heights else None
