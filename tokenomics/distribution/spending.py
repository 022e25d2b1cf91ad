"""What the treasury pays for: a vote sends its tokens to an account, with the hash of the decision.

Dividends over the shares of a pool are in tokenomics/distribution/claims.py.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import ZERO_ADDRESS, Address, Hash
from tokenomics.distribution.persons import require_role, running_town
from tokenomics.distribution.pools import POOL_ACCOUNTS, VESTING_ACCOUNT, Pool
from tokenomics.ports import RoleBook, Token
from tokenomics.roles import AUTHORITY

SPEND: Final = MessageType(
    "distribution.spend",
    "Pays treasury tokens to an account; only carried out by a vote.",
    (
        Field("to", Kind.ADDRESS, "who is paid"),
        Field("amount", Kind.AMOUNT, "smallest units"),
        Field("memo_hash", Kind.HASH, "SHA-256 of what it is for"),
    ),
)


def spending_handlers(roles: RoleBook, token: Token) -> Mapping[MessageType, Handler]:
    """The message of this file."""
    return {SPEND: partial(_spend, roles, token)}


def _spend(
    roles: RoleBook, token: Token, context: Context, to: Address, amount: int, memo_hash: Hash
) -> None:
    state = context.state
    now = running_town(state)
    require_role(roles, context, AUTHORITY, "spends from the treasury")
    if amount == 0:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "amount: expected more than 0, found 0")
    # Tokens would be lost there: nobody owns what these accounts hold beyond their books.
    if to == ZERO_ADDRESS or to in (*POOL_ACCOUNTS, VESTING_ACCOUNT):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"to: {checksum_address(to)} is an account of the chain itself, not of a payee",
        )
    treasury = POOL_ACCOUNTS[Pool.TREASURY]
    held = token.balance(state, treasury)
    if held < amount:
        raise TransactionError(
            ErrorCode.INSUFFICIENT_FUNDS, f"the treasury holds {held}, {amount} was to be paid"
        )
    token.transfer(state, treasury, to, amount)
    context.emit(
        "distribution.spent", to=to, amount=amount, memo_hash=memo_hash, quarter=now.quarter
    )
