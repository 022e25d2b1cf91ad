"""Rule 10: how the validator set changes, and the probes by which a joiner shows it is ready."""

from itertools import pairwise
from typing import Final

from ledger import participation
from ledger.crypto import ED25519_KEY_BYTES, ed25519_address
from ledger.errors import DecodeError, ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context
from ledger.registry import Validator, ValidatorSet, quorum
from ledger.state import State
from ledger.validator_tables import (
    ONE_ROW,
    PROBES,
    PROBES_NEEDED,
    RECENT_ROOTS,
    RETAINED_HEIGHTS,
    ROOTS,
    TIMELINE,
    SetChange,
    history_of,
    root_key,
    set_at,
    timeline_of,
)

PROBE_LIFETIME: Final = 1_000
"""Heights for which a probe shows that a joiner follows the chain."""
MAX_CANDIDATES: Final = 256

PROBE: Final = MessageType(
    "validators.probe",
    "A joining validator shows that it follows the chain: its consensus key sends a recent root.",
    (
        Field("public_key", Kind.BYTES, "Ed25519 consensus key, the sender's", ED25519_KEY_BYTES),
        Field("height", Kind.UINT64, "one of the last 256 heights"),
        Field("state_root", Kind.HASH, "state root in the header of that height"),
    ),
)


def probe(context: Context, public_key: bytes, height: int, state_root: bytes) -> None:
    """Handle PROBE: keep the heights of the joiner's last three probes."""
    state, now = context.state, context.block.height
    if len(public_key) != ED25519_KEY_BYTES or ed25519_address(public_key) != context.sender:
        raise TransactionError(
            ErrorCode.UNAUTHORISED, "public_key: a probe is sent by the joiner's consensus key"
        )
    if set_at(state, now + 2).index_of(public_key) is not None:
        raise TransactionError(ErrorCode.CONFLICT, "public_key: already a validator")
    if state.get(ROOTS, root_key(height)) != (height, state_root):
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"state_root: not that of height {height}, or the height is not one of the last "
            f"{RECENT_ROOTS}",
        )
    probes = state.get(PROBES, public_key)
    if probes is None:
        _require_room_for_candidate(state, now)
        probes = ()
    if probes and height <= probes[-1]:
        raise TransactionError(
            ErrorCode.CONFLICT, f"height: expected more than {probes[-1]}, the last probe's"
        )
    probes = (*probes, height)[-PROBES_NEEDED:]
    state.put(PROBES, public_key, probes)
    context.emit("validators.probed", public_key=public_key, height=height, probes=len(probes))


def _require_room_for_candidate(state: State, height: int) -> None:
    rows = list(state.iterate(PROBES))
    if len(rows) < MAX_CANDIDATES:
        return
    expired = [key for key, probes in rows if probes[-1] + PROBE_LIFETIME < height]
    for key in expired:
        state.delete(PROBES, key)
    if not expired:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED, f"{MAX_CANDIDATES} candidates probe already: try again later"
        )


def _is_ready(state: State, public_key: bytes, height: int) -> bool:
    """Three probes of recent state roots are on the chain."""
    probes = state.get(PROBES, public_key) or ()
    return len(probes) == PROBES_NEEDED and probes[0] + PROBE_LIFETIME >= height


def _live_members(state: State, height: int, proposed: ValidatorSet) -> int:
    """How many of the proposed set are seen to be alive (rule 10)."""
    current, record = set_at(state, height + 1), history_of(state)
    live = 0
    for validator in proposed.validators:
        index = current.index_of(validator.public_key)
        if index is None:
            live += _is_ready(state, validator.public_key, height)
        else:
            live += participation.has_recent_seal(record, index)
    return live


def decide(context: Context, proposed: ValidatorSet, organisation: str) -> None:
    """Make `proposed` the set from height + 2 on; rule 10's refusals are TransactionErrors."""
    state, height = context.state, context.block.height
    timeline = timeline_of(state)
    if timeline[-1].since > height:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"a change of the validator set is pending until height {timeline[-1].since}",
        )
    live, needed = _live_members(state, height, proposed), quorum(len(proposed))
    window = 2 * len(history_of(state).members)
    if live < needed:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"only {live} of the {len(proposed)} validators of the new set are seen to be alive, "
            f"{needed} are needed: a member by a seal in the last {window} "
            f"heights, a new key by {PROBES_NEEDED} validators.probe",
        )
    kept = [
        change for change, after in pairwise(timeline) if after.since + RETAINED_HEIGHTS > height
    ]
    change = SetChange(height + 2, proposed)
    state.put(TIMELINE, ONE_ROW, (*kept, timeline[-1], change))
    context.emit(
        "validators.set_change_decided",
        organisation=organisation,
        since=height + 2,
        validators=len(proposed),
        validators_hash=proposed.hash(),
    )


def proposed_set(validators: tuple[Validator, ...]) -> ValidatorSet:
    """The set of these validators, or TransactionError when two share a key or a name."""
    try:
        return ValidatorSet(validators)
    except DecodeError as error:
        raise TransactionError(ErrorCode.CONFLICT, str(error)) from error
