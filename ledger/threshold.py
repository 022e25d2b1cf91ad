"""Threshold accounts: m of n member keys sign for an organisation or the treasury.

The address comes from the creation values (salt, m, members) and never changes. Each transaction
reveals m and the members, so signatures are checked without state; at execution what was revealed
must match state: the creation values as long as the account never rotated, its record afterwards.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ledger import codec
from ledger.crypto import ED25519_KEY_BYTES, SECP256K1_KEY_BYTES, keccak256
from ledger.errors import DecodeError, ErrorCode, LocalError, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler, Invariant
from ledger.primitives import ADDRESS_BYTES, Address
from ledger.state import State, Table

MAX_MEMBERS: Final = 32
SALT_BYTES: Final = 32
_ADDRESS_TAG: Final = b"\x02"


class Members(msgspec.Struct, frozen=True):
    """`threshold` (m) of `keys` must sign; keys distinct and ascending, 1 <= m <= n <= 32."""

    threshold: int
    keys: tuple[bytes, ...]


class Witness(msgspec.Struct, frozen=True):
    """What a transaction reveals of its threshold account; `salt` is that of creation."""

    address: Address
    salt: bytes
    members: Members

    def to_wire(self) -> tuple[object, ...]:
        """[address, salt, m, [member key, ...]]."""
        return (self.address, self.salt, self.members.threshold, self.members.keys)

    @staticmethod
    def from_wire(value: object) -> "Witness":
        """Inverse of to_wire; DecodeError for anything else."""
        address, salt, threshold, keys = codec.as_array(value, "sender", 4)
        return Witness(
            Address(codec.as_bytes(address, "sender.address", ADDRESS_BYTES)),
            codec.as_bytes(salt, "sender.salt", SALT_BYTES),
            members_from_wire(threshold, keys),
        )


def members_from_wire(threshold: object, keys: object) -> Members:
    """m and the member keys; raises DecodeError that names the broken rule."""
    found = codec.as_list(keys, "members", MAX_MEMBERS)
    for position, key in enumerate(found):
        check_key(key, f"members[{position}]")
        if position and key <= found[position - 1]:
            raise DecodeError(
                f"members[{position}]: expected distinct keys in ascending byte order"
            )
    needed = codec.as_uint(threshold, "threshold", len(found))
    if needed == 0:
        raise DecodeError(f"threshold: expected 1..{len(found)}, the number of members, found 0")
    return Members(needed, found)


def check_key(key: object, name: str) -> bytes:
    """An Ed25519 key (32 bytes) or a compressed secp256k1 key (33 bytes), or DecodeError."""
    if type(key) is bytes:
        if len(key) == ED25519_KEY_BYTES:
            return key
        if len(key) == SECP256K1_KEY_BYTES and key[0] in (2, 3):
            return key
    raise DecodeError(
        f"{name}: expected an Ed25519 key of {ED25519_KEY_BYTES} bytes or a compressed secp256k1 "
        f"key of {SECP256K1_KEY_BYTES}, found {key!r:.80}"
    )


def threshold_address(salt: bytes, members: Members) -> Address:
    """Last 20 bytes of keccak256(0x02 || canonical [salt, m, [member key, ...]])."""
    creation = codec.encode((salt, members.threshold, members.keys))
    return Address(keccak256(_ADDRESS_TAG + creation)[-ADDRESS_BYTES:])


def create(salt: bytes, threshold: int, keys: tuple[bytes, ...]) -> Witness:
    """The witness of a new threshold account; `keys` in any order, DecodeError when not valid."""
    members = members_from_wire(threshold, tuple(sorted(keys)))
    codec.as_bytes(salt, "salt", SALT_BYTES)
    return Witness(threshold_address(salt, members), salt, members)


def _encode_members(members: Members) -> bytes:
    return codec.encode((members.threshold, members.keys))


def _decode_members(data: bytes) -> Members:
    threshold, keys = codec.as_array(codec.decode(data), "threshold record", 2)
    return members_from_wire(threshold, keys)


ROTATED: Final = Table("threshold", "members", _encode_members, _decode_members)
"""Members by account address, present once an account has rotated."""


def witness_problem(state: State, witness: Witness) -> str | None:
    """None when the revealed members may act for the address now, else a sentence that says why.

    To be asked before a transaction is included: members who were rotated out must not even
    consume the account's nonces.
    """
    record = state.get(ROTATED, witness.address)
    if record is None:
        if threshold_address(witness.salt, witness.members) == witness.address:
            return None
        return (
            f"threshold account 0x{witness.address.hex()}: the address does not follow from the "
            "salt, threshold and members of the transaction; use those of its creation"
        )
    if record == witness.members:
        return None
    return (
        f"threshold account 0x{witness.address.hex()}: the account has rotated to "
        f"{record.threshold} of {len(record.keys)} members, other than the transaction names"
    )


ROTATE: Final = MessageType(
    "threshold.rotate",
    "Replaces the members of the sending threshold account, and how many of them must sign.",
    (
        Field("threshold", Kind.UINT64, "signatures that will be needed", MAX_MEMBERS),
        Field(
            "members",
            Kind.LIST,
            "public keys in ascending byte order",
            MAX_MEMBERS,
            (Field("member", Kind.BYTES, "Ed25519 or secp256k1 key", SECP256K1_KEY_BYTES),),
        ),
    ),
)


def _rotate(context: Context, threshold: int, keys: tuple[bytes, ...]) -> None:
    # Only a threshold account gets here: transaction.authority_problem refuses the message from
    # any other, whose own key would otherwise stay valid beside the members.
    account = context.require_sender()
    try:
        members = members_from_wire(threshold, keys)
    except DecodeError as error:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, str(error)) from error
    context.state.put(ROTATED, account, members)
    context.emit(
        "threshold.rotated",
        account=account,
        threshold=threshold,
        members=len(members.keys),
    )


class ThresholdModule:
    """StateModule of threshold accounts: their rotation."""

    name: Final = "threshold"
    handlers: Final[Mapping[MessageType, Handler]] = {ROTATE: _rotate}
    invariants: Final[Mapping[str, Invariant]] = {}

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Nothing to write: an account needs no record before it rotates. Takes no options."""
        del context
        if section:
            raise LocalError(
                f"genesis section threshold: takes no options, remove {sorted(section)}"
            )

    def begin_block(self, context: Context) -> None:
        """Nothing to do."""

    def end_block(self, context: Context) -> None:
        """Nothing to do."""

    def next_deadline_ms(self, state: State) -> int | None:
        """None: nothing depends on time."""
        del state
        return None
