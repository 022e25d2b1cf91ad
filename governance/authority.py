"""The account that decides. On a chain with stakeholders it is the one that sends what a vote
decided, and nobody has its key. On one without, genesis names it: normally a threshold account of
the organisations, so that m of them have to sign each decision."""

from typing import Final

from governance.admissible import GOVERNANCE
from governance.stakeholders.stakeholder_genesis import has_stakeholders
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
"""One row, at the empty key; absent when genesis names nobody, of no effect with stakeholders."""


def authority(state: State) -> Address | None:
    """The account that decides, or None when genesis names none."""
    if has_stakeholders(state):
        return GOVERNANCE
    return state.get(AUTHORITY, b"")


def write_authority(state: State, given: object) -> None:
    """Write `governance.authority` of genesis, a 0x address; LocalError when it is none."""
    state.put(AUTHORITY, b"", GENESIS.address(given, "governance.authority"))


def require_authority(context: Context) -> None:
    """TransactionError UNAUTHORISED unless the authority sent the message."""
    decides = authority(context.state)
    if decides is None or context.sender != decides:
        if decides == GOVERNANCE:
            raise TransactionError(
                ErrorCode.UNAUTHORISED, "this is decided by a vote alone: propose it"
            )
        named = "nobody" if decides is None else f"0x{decides.hex()}"
        raise TransactionError(
            ErrorCode.UNAUTHORISED, f"only the authority that genesis names may decide: {named}"
        )
