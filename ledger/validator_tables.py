"""Rows of the validators module: sets by height, participation, probes, evidence, observers."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ledger import codec, participation
from ledger.errors import InvariantViolation
from ledger.participation import History
from ledger.primitives import HASH_BYTES
from ledger.registry import MAX_ORGANISATION_BYTES, Evidence, ValidatorSet
from ledger.state import State, Table

RETAINED_HEIGHTS: Final = 64
"""Past heights whose set stays known: evidence and late seals name validators by index in it."""
RECENT_ROOTS: Final = 256
"""Heights whose state root a probe may name."""
PROBES_NEEDED: Final = 3


class SetChange(msgspec.Struct, frozen=True):
    """`validators` are the set from height `since` on."""

    since: int
    validators: ValidatorSet


def _encode_timeline(timeline: tuple[SetChange, ...]) -> bytes:
    return codec.encode([(item.since, item.validators.to_wire()) for item in timeline])


def _decode_timeline(raw: bytes) -> tuple[SetChange, ...]:
    changes = []
    for item in codec.as_list(codec.decode(raw), "validator sets", RETAINED_HEIGHTS + 2):
        since, validators = codec.as_array(item, "validator set", 2)
        changes.append(SetChange(codec.as_uint(since, "since"), ValidatorSet.from_wire(validators)))
    return tuple(changes)


def _decode_root(raw: bytes) -> tuple[int, bytes]:
    height, root = codec.as_array(codec.decode(raw), "recent root", 2)
    return codec.as_uint(height, "height"), codec.as_bytes(root, "state root", HASH_BYTES)


def _decode_heights(raw: bytes) -> tuple[int, ...]:
    heights = codec.as_list(codec.decode(raw), "probes", PROBES_NEEDED)
    return tuple(codec.as_uint(height, "probe") for height in heights)


def _decode_name(raw: bytes) -> str:
    return codec.as_text(codec.decode(raw), "observer", MAX_ORGANISATION_BYTES)


def _decode_recorded(raw: bytes) -> int:
    return codec.as_uint(codec.decode(raw), "recorded at")


ONE_ROW: Final = b""
TIMELINE: Final = Table("validators", "sets", _encode_timeline, _decode_timeline)
HISTORY: Final = Table(
    "validators", "participation", participation.encode_history, participation.decode_history
)
ROOTS: Final[Table[tuple[int, bytes]]] = Table("validators", "root", codec.encode, _decode_root)
"""(height, state root) by height modulo RECENT_ROOTS."""
PROBES: Final[Table[tuple[int, ...]]] = Table("validators", "probe", codec.encode, _decode_heights)
"""Heights of the last probes, ascending, by the joiner's consensus key."""
OBSERVERS: Final[Table[str]] = Table("validators", "observer", codec.encode, _decode_name)
"""Name by node key."""
EVIDENCE: Final[Table[int]] = Table("validators", "evidence", codec.encode, _decode_recorded)
"""Height that recorded it, by height || view || phase || validator of the evidence."""


def timeline_of(state: State) -> tuple[SetChange, ...]:
    """Sets by the height from which they hold, ascending; the last may be decided only."""
    timeline = state.get(TIMELINE, ONE_ROW)
    if not timeline:
        raise InvariantViolation("the state holds no validator set: it was not built from genesis")
    return timeline


def history_of(state: State) -> History:
    """Participation of the last heights."""
    history = state.get(HISTORY, ONE_ROW)
    if history is None:
        raise InvariantViolation("the state holds no participation: it was not built from genesis")
    return history


def find_set(state: State, height: int) -> ValidatorSet | None:
    """The set of `height`; None for heights more than RETAINED_HEIGHTS before a later change."""
    for change in reversed(timeline_of(state)):
        if change.since <= height:
            return change.validators
    return None


def set_at(state: State, height: int) -> ValidatorSet:
    """The set of `height`, which has to be recent."""
    found = find_set(state, height)
    if found is None:
        raise InvariantViolation(f"the validator set of height {height} is no longer known")
    return found


def observers(state: State) -> Mapping[bytes, str]:
    """Names of the observers by node key."""
    return dict(state.iterate(OBSERVERS))


def recorded_evidence(state: State) -> tuple[tuple[int, int, int, int], ...]:
    """(phase, height, view, validator) of the evidence on record that has not expired."""
    return tuple(_evidence_from_key(key) for key, _ in state.iterate(EVIDENCE))


def evidence_key(evidence: Evidence) -> bytes:
    """Row key of one offence; ascending with the height of the offence."""
    return (
        evidence.height.to_bytes(8, "big")
        + evidence.view.to_bytes(4, "big")
        + bytes((evidence.phase, evidence.validator))
    )


def _evidence_from_key(key: bytes) -> tuple[int, int, int, int]:
    return key[12], int.from_bytes(key[:8], "big"), int.from_bytes(key[8:12], "big"), key[13]


def seat_of(validators: ValidatorSet, organisation: str) -> int | None:
    """Index of the organisation's validator, or None."""
    for index, validator in enumerate(validators.validators):
        if validator.organisation == organisation:
            return index
    return None


def root_key(height: int) -> bytes:
    """Row key of a recent height's state root."""
    return (height % RECENT_ROOTS).to_bytes(2, "big")
