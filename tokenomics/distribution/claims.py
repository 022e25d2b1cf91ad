"""Claims of what shares earned, the release of what vested, and dividends from the treasury."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from msgspec.structs import replace

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address
from ledger.state import State
from tokenomics.distribution.persons import require_person, require_role, running_town
from tokenomics.distribution.pool_params import distribution_parameters
from tokenomics.distribution.pools import (
    PERSON_POOL_NAMES,
    POOL_ACCOUNTS,
    POOL_KEYS,
    POOLS,
    VESTING_ACCOUNT,
    Pool,
    PoolTotals,
    Town,
    paid,
    pool_totals,
)
from tokenomics.distribution.shares import HOLDINGS, holding_key, settled
from tokenomics.distribution.vesting import add_grant, grants_of, next_vesting, release_vested
from tokenomics.ports import RoleBook, Token
from tokenomics.roles import AUTHORITY

MAX_POOL_BYTES: Final = 32

_POOL: Final = Field("pool", Kind.TEXT, "one of " + ", ".join(PERSON_POOL_NAMES), MAX_POOL_BYTES)
CLAIM: Final = MessageType(
    "distribution.claim", "Turns what the sender's shares earned into a vesting grant.", (_POOL,)
)
RELEASE: Final = MessageType(
    "distribution.release", "Moves everything that has vested to the sender's balance.", ()
)
DIVIDEND: Final = MessageType(
    "distribution.dividend",
    "Pays treasury tokens over the active shares of a pool.",
    (_POOL, Field("amount", Kind.AMOUNT, "smallest units")),
)


def claim_handlers(roles: RoleBook, token: Token) -> Mapping[MessageType, Handler]:
    """The messages of holders, and the dividend of governance."""
    return {
        CLAIM: partial(_claim, token),
        RELEASE: partial(_release, token),
        DIVIDEND: partial(_dividend, roles, token),
    }


def person_pool(name: str) -> Pool:
    """The pool of persons that is called so; TransactionError lists them."""
    if name not in PERSON_POOL_NAMES:
        known = ", ".join(PERSON_POOL_NAMES)
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"pool: expected one of {known}, found {name!r}"
        )
    return PERSON_POOL_NAMES[name]


def _claim(token: Token, context: Context, pool_name: str) -> None:
    state, person = context.state, context.require_sender()
    now, pool = running_town(state), person_pool(pool_name)
    totals = pool_totals(state, pool)
    holding = settled(state, pool, totals, now, person)
    amount = holding.claimable if holding else 0
    if holding is None or amount == 0:
        require_person(state, person)
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"there is nothing to claim in pool {pool_name}: it pays active shares when a round "
            f"closes, and round {now.round} closed last",
        )
    left = holding.claimed()
    if left.shares or left.earned:
        state.put(HOLDINGS, holding_key(pool, person), left)
    else:
        state.delete(HOLDINGS, holding_key(pool, person))
    state.put(POOLS, POOL_KEYS[pool], replace(totals, owed=totals.owed - amount))
    token.transfer(state, POOL_ACCOUNTS[pool], VESTING_ACCOUNT, amount)
    add_grant(state, person, amount, now)
    context.emit(
        "distribution.claimed", person=person, pool=pool_name, amount=amount, quarter=now.quarter
    )


def _release(token: Token, context: Context) -> None:
    state, person = context.state, context.require_sender()
    now = running_town(state)
    amount = release_vested(state, person, now, distribution_parameters(state))
    if amount == 0:
        raise TransactionError(ErrorCode.NOT_NOW, _why_nothing(state, person, now))
    token.transfer(state, VESTING_ACCOUNT, person, amount)
    context.emit("distribution.released", person=person, amount=amount, quarter=now.quarter)


def _why_nothing(state: State, person: Address, now: Town) -> str:
    parameters = distribution_parameters(state)
    coming = [
        quarter
        for _, row in grants_of(state, person)
        if (quarter := next_vesting(row, now, parameters)) is not None
    ]
    if not coming:
        return f"{checksum_address(person)} has no grant: claim what a pool owes first"
    return (
        f"nothing has vested that is not released: it is quarter {now.quarter}, more vests in "
        f"quarter {min(coming)}"
    )


def _dividend(roles: RoleBook, token: Token, context: Context, pool_name: str, amount: int) -> None:
    state = context.state
    now = running_town(state)
    require_role(roles, context, AUTHORITY, "pays dividends")
    pool = person_pool(pool_name)
    if amount == 0:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "amount: expected more than 0, found 0")
    totals = pool_totals(state, pool)
    if totals.active == 0:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"pool {pool_name} has no active shares: nobody would receive the dividend",
        )
    treasury = POOL_ACCOUNTS[Pool.TREASURY]
    held = token.balance(state, treasury)
    if held < amount:
        raise TransactionError(
            ErrorCode.INSUFFICIENT_FUNDS, f"the treasury holds {held}, {amount} was to be paid"
        )
    token.transfer(state, treasury, POOL_ACCOUNTS[pool], amount)
    state.put(POOLS, POOL_KEYS[pool], paid_dividend(totals, amount))
    context.emit(
        "distribution.dividend",
        pool=pool_name,
        amount=amount,
        shares=totals.active,
        quarter=now.quarter,
    )


def paid_dividend(row: PoolTotals, amount: int) -> PoolTotals:
    """A pool's row after a dividend."""
    return replace(paid(row, amount), dividends=row.dividends + amount)
