"""Each registered invariant of distribution notices what it is for."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ledger import accounts
from ledger.errors import InvariantViolation
from ledger.primitives import UNIT
from ledger.rows import key
from ledger.state import State, Table
from tests.support.pool_town import (
    BLOCK,
    PoolTown,
    nullifier,
    person,
    working_town,
)
from tokenomics.distribution.certificates import CERTIFICATES, certificate_key
from tokenomics.distribution.persons import NULLIFIERS, PERSONS, Nullifier
from tokenomics.distribution.pools import (
    CLOSES,
    POOL_ACCOUNTS,
    POOL_KEYS,
    POOLS,
    TOWN,
    VESTING_ACCOUNT,
    Pool,
)
from tokenomics.distribution.shares import HOLDINGS, holding_key
from tokenomics.distribution.vesting import GRANTS, grant_key, grants_of
from tokenomics.distribution.weights import STANDINGS

MINT = 1_000 * UNIT
PART = 250 * UNIT
"""The participation pool's part of MINT."""


STRANGER = person(99)


def rich_town() -> PoolTown:
    """Something in every table: holders, pending shares, grants, tranches, somebody who left."""
    desk = working_town()
    desk.certify(2)
    desk.close(MINT)
    desk.claim(0)
    for _ in range(4):
        desk.close(MINT)
    desk.release(0)
    desk.certify(0, "research")
    desk.leave(1)
    return desk


def grant(state: State) -> tuple[bytes, Any]:
    return next(iter(grants_of(state, person(0))))


def tampered_standing(state: State) -> None:
    row = state.get(STANDINGS, person(2))
    assert row is not None
    state.put(STANDINGS, person(2), replace(row, open_weight_ppm=10**6 + 1))


def tampered_close(state: State) -> None:
    row = state.get(CLOSES, key(2))
    assert row is not None
    state.put(CLOSES, key(2), replace(row, parts=(MINT, 0, 0, 0, 0, 0)))


TAMPERING: dict[str, Callable[[State], None]] = {
    "accounts_hold_what_is_owed": lambda s: accounts.transfer(
        s, VESTING_ACCOUNT, STRANGER, accounts.balance(s, VESTING_ACCOUNT)
    ),
    "totals_are_those_of_persons": lambda s: s.delete(
        HOLDINGS, holding_key(Pool.PARTICIPATION, person(2))
    ),
    "splits_are_exact": tampered_close,
    "grants_vest_within_bounds": lambda s: s.put(
        GRANTS, grant(s)[0], replace(grant(s)[1], released=grant(s)[1].amount)
    ),
    "earlier_weighs_no_less": tampered_standing,
    "credentials_are_single": lambda s: s.put(NULLIFIERS, nullifier(50), Nullifier(person(0))),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_every_invariant_notices_what_it_is_for(name: str) -> None:
    desk = rich_town()
    assert set(desk.module.invariants) == set(TAMPERING)
    desk.check()
    TAMPERING[name](desk.state)
    with pytest.raises(InvariantViolation):
        desk.module.invariants[name](desk.state, BLOCK)


def test_a_pool_that_lacks_what_it_owes_stops_the_node_in_the_same_block() -> None:
    desk = rich_town()
    accounts.transfer(desk.state, POOL_ACCOUNTS[Pool.PARTICIPATION], STRANGER, 1)
    with pytest.raises(InvariantViolation, match="pool participation holds"):
        desk.close()


def test_rows_survive_their_encoding() -> None:
    desk = rich_town()
    rows: list[tuple[Table[Any], bytes]] = [
        (POOLS, POOL_KEYS[0]),
        (TOWN, b""),
        (CLOSES, key(2)),
        (PERSONS, person(1)),
        (CERTIFICATES, certificate_key(1)),
        (GRANTS, grant(desk.state)[0]),
    ]
    for table, row_key in rows:
        row = desk.state.get(table, row_key)
        assert row is not None
        assert table.decode(table.encode(row)) == row
    assert grant_key(person(0), 18)[-1] == 1
