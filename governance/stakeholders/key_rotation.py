"""An organisation gives its validator new keys by itself: no vote, since it has no vote to win.

Its seat stays, and rule 10 of consensus applies as to any change of the set: a new key counts as
alive by three probes, and a change that could leave the set without a live quorum is refused. One
rotation a day keeps an organisation from holding up everybody's changes, which come one at a time;
who needs another proposes it (governance.rotate_key).
"""

from dataclasses import dataclass, replace
from typing import Final

from governance.ports import ValidatorAdmission
from governance.proposals.classes import governance_parameters
from governance.stakeholders import membership
from governance.stakeholders.organisations import (
    KEY_OWNERS,
    ORGANISATIONS,
    Organisation,
    OrganisationStatus,
    claim,
)
from governance.stakeholders.stakeholder_genesis import has_stakeholders
from ledger.crypto import ED25519_KEY_BYTES, checksum_address
from ledger.errors import DecodeError, ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context
from ledger.registry import Validator
from ledger.rows import table
from ledger.state import State

REST_DAYS: Final = 1
"""Between two rotations of one organisation by itself."""

ROTATE_OWN_KEY: Final = MessageType(
    "governance.rotate_own_key",
    "Gives the sender's own validator new keys two heights later.",
    (
        Field("public_key", Kind.BYTES, "Ed25519 consensus key, 32 bytes", ED25519_KEY_BYTES),
        Field("node_key", Kind.BYTES, "Ed25519 node key, 32 bytes", ED25519_KEY_BYTES),
    ),
)


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """rotated_ms: block time at which an organisation last gave itself new keys."""

    rotated_ms: int


KEY_ROTATIONS: Final = table("governance", "key_rotation", KeyRotation)
"""By the organisation's id."""


def rotate_own_key(
    validators: ValidatorAdmission, context: Context, public_key: bytes, node_key: bytes
) -> None:
    """Handle ROTATE_OWN_KEY; TransactionError names what is missing, and nothing is changed."""
    state, time_ms = context.state, context.block.time_ms
    name, row = _organisation_of(context)
    seat = validators.coming_seat(context, row.validator_key) if row.validator_key else None
    if seat is None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"organisation {name} has no validator in the set that is to come: its first keys "
            "come by a vote",
        )
    _require_rested(state, name, time_ms)
    if public_key == row.validator_key:
        raise TransactionError(
            ErrorCode.CONFLICT,
            "public_key: the validator has this key already; a node key alone changes by a vote",
        )
    validators.rotate_key(context, _with_keys(seat, public_key, node_key))
    for key in row.keys:
        state.delete(KEY_OWNERS, key)
    after = replace(row, validator_key=public_key, node_key=node_key, changed_ms=time_ms)
    claim(state, name, after.keys)
    state.put(ORGANISATIONS, name.encode(), after)
    state.put(KEY_ROTATIONS, name.encode(), KeyRotation(time_ms))
    context.emit("governance.key_rotated", organisation=name, public_key=public_key)


def _with_keys(seat: Validator, public_key: bytes, node_key: bytes) -> Validator:
    try:
        return Validator(seat.organisation, public_key, node_key)
    except DecodeError as error:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, str(error)) from error


def _organisation_of(context: Context) -> tuple[str, Organisation]:
    """The active organisation whose account sent the message."""
    state, sender = context.state, context.require_sender()
    member = membership.member_id(state, sender) if has_stakeholders(state) else None
    row = None if member is None else state.get(ORGANISATIONS, member)
    if member is None or row is None or row.status is not OrganisationStatus.ACTIVE:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} is the account of no active organisation, whose validator "
            "it could give new keys",
        )
    return member.decode(), row


def _require_rested(state: State, name: str, time_ms: int) -> None:
    last = state.get(KEY_ROTATIONS, name.encode())
    if last is None:
        return
    again_ms = last.rotated_ms + REST_DAYS * governance_parameters(state).day_ms
    if time_ms < again_ms:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"organisation {name} rotated its keys at {last.rotated_ms}, and may again from "
            f"{again_ms} on (block time in ms): until then propose governance.rotate_key",
        )
