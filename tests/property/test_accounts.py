"""Under any mix of transfers, mints, burns and rollbacks, balances sum to the supply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import accounts
from ledger.accounts import ACCOUNTS
from ledger.errors import InvariantViolation, TransactionError
from ledger.kv import MemoryStore, WriteBatch
from ledger.module import BlockInfo
from ledger.primitives import MAX_AMOUNT, ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State

BLOCK = BlockInfo(82062, 1, 1, ZERO_HASH, 0, 0, Participation(None))

addresses = st.sampled_from([Address(bytes((letter,)) * 20) for letter in b"abcd"])
amounts = st.one_of(st.integers(0, 20), st.integers(0, MAX_AMOUNT))
operations = st.tuples(
    st.sampled_from(["transfer", "transfer", "mint", "burn", "nonce"]),
    addresses,
    addresses,
    amounts,
    st.booleans(),
)
blocks = st.lists(st.lists(operations, max_size=8), max_size=5)


def attempt(state: State, operation: tuple[str, Address, Address, int, bool]) -> None:
    """As a transaction: in an overlay that a failure, or its own wish, rolls back."""
    kind, one, other, amount, fails_later = operation
    state.begin()
    try:
        if kind == "transfer":
            accounts.transfer(state, one, other, amount)
        elif kind == "mint":
            accounts.mint(state, one, amount)
        elif kind == "burn":
            accounts.burn(state, one, amount)
        else:
            accounts.bump_nonce(state, one)
    except TransactionError:
        state.rollback()
        return
    (state.rollback if fails_later else state.commit)()


@given(blocks)
def test_balances_sum_to_supply_after_every_block(
    history: list[list[tuple[str, Address, Address, int, bool]]],
) -> None:
    store = MemoryStore()
    for operations_of_block in history:
        state = State(store)
        for operation in operations_of_block:
            attempt(state, operation)
        accounts.check_block_conserves(state)
        accounts.check_balances_sum_to_supply(state, BLOCK)
        batch = WriteBatch()
        for key, value in state.changes():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        store.write(batch, sync=True)
    for _, account in State(store).iterate(ACCOUNTS):
        assert account != accounts.EMPTY


@given(
    st.lists(st.tuples(addresses, addresses, st.integers(0, 50)), max_size=10),
    addresses,
    st.integers(1, 10),
)
def test_one_unmatched_credit_among_honest_transfers_is_always_noticed(
    transfers: list[tuple[Address, Address, int]], thief: Address, stolen: int
) -> None:
    state = State(MemoryStore())
    accounts.mint(state, Address(b"a" * 20), 100)
    for sender, to, amount in transfers:
        attempt(state, ("transfer", sender, to, amount, False))
    accounts.credit(state, thief, stolen)
    with pytest.raises(InvariantViolation, match=f"changed by {100 + stolen} in this block"):
        accounts.check_block_conserves(state)
