"""A person whose key was lost goes on with another account: shares, standing and grants move there.

At most one row for each pool, one for each vesting slot and three of the person are moved. A
certificate keeps the account that it was made for; `account_now` leads from there to today's.
"""

from typing import Final

import msgspec

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.module import Context
from ledger.primitives import Address, Hash
from ledger.rows import table
from ledger.state import State
from tokenomics.distribution.persons import NULLIFIERS, PERSONS, Nullifier, find_person
from tokenomics.distribution.pools import PERSON_POOLS
from tokenomics.distribution.shares import HOLDINGS, holding_key
from tokenomics.distribution.vesting import GRANTS, SLOTS, grant_key, grants_of
from tokenomics.distribution.weights import STANDINGS


class Moved(msgspec.Struct, frozen=True, gc=False):
    """Of an account that was a person's: the person's nullifier, which leads to the account now."""

    nullifier: Hash


MOVED: Final = table("distribution", "moved", Moved)
"""Moved by the account that a person had before."""


def account_now(state: State, account: Address) -> Address:
    """The account of today of a person who had `account`; itself when nobody moved away. O(1)."""
    moved = state.get(MOVED, account)
    row = None if moved is None else state.get(NULLIFIERS, moved.nullifier)
    return account if row is None else row.person


def follow(context: Context, old: Address, new: Address) -> None:
    """Move a person's rows from `old` to `new`; nothing when `old` is nobody's here.

    TransactionError CONFLICT when `new` was a person's already.
    """
    state = context.state
    person = find_person(state, old)
    if person is None:
        return
    if find_person(state, new) is not None or state.get(MOVED, new) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{checksum_address(new)} has, or had, shares of its own: take a new account",
        )
    state.delete(PERSONS, old)
    state.put(PERSONS, new, person)
    state.put(NULLIFIERS, person.nullifier, Nullifier(new))
    state.put(MOVED, old, Moved(person.nullifier))
    standing = state.get(STANDINGS, old)
    if standing is not None:
        state.delete(STANDINGS, old)
        state.put(STANDINGS, new, standing)
    pools = 0
    for pool in PERSON_POOLS:
        holding = state.get(HOLDINGS, holding_key(pool, old))
        if holding is not None:
            state.delete(HOLDINGS, holding_key(pool, old))
            state.put(HOLDINGS, holding_key(pool, new), holding)
            pools += 1
    grants = list(grants_of(state, old))
    for row_key, row in grants:
        state.delete(GRANTS, row_key)
        state.put(GRANTS, grant_key(new, row_key[-1] % SLOTS), row)
    context.emit("distribution.rebound", old=old, new=new, pools=pools, grants=len(grants))
