"""The account that decides, named in genesis: normally a threshold account of the organisations, so
that m of them have to sign each decision. Proposals and votes take its place later."""

from typing import Final

from ledger import codec
from ledger.errors import ErrorCode, TransactionError
from ledger.module import Context
from ledger.primitives import ADDRESS_BYTES, Address
from ledger.state import State, Table
from ledger.strict_json import JsonReader

GENESIS: Final = JsonReader("genesis")
"""Reads this room's section of genesis."""


def _decode_authority(raw: bytes) -> Address:
    return Address(codec.as_bytes(codec.decode(raw), "authority", ADDRESS_BYTES))


AUTHORITY: Final[Table[Address]] = Table("governance", "authority", codec.encode, _decode_authority)
"""One row, at the empty key; absent when genesis names nobody."""


def authority(state: State) -> Address | None:
    """The account that decides, or None when genesis names none."""
    return state.get(AUTHORITY, b"")


def write_authority(state: State, given: object) -> None:
    """Write `governance.authority` of genesis, a 0x address; LocalError when it is none."""
    state.put(AUTHORITY, b"", GENESIS.address(given, "governance.authority"))


def require_authority(context: Context) -> None:
    """TransactionError UNAUTHORISED unless the authority sent the message."""
    decides = authority(context.state)
    if decides is None or context.sender != decides:
        named = "nobody" if decides is None else f"0x{decides.hex()}"
        raise TransactionError(
            ErrorCode.UNAUTHORISED, f"only the authority that genesis names may decide: {named}"
        )
