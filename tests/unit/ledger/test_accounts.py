"""Balances, nonces, supply and genesis: nothing appears, nothing vanishes."""

from typing import Any

import pytest

from ledger import accounts
from ledger.accounts import ACCOUNTS, SUPPLY, Account, AccountsModule, generated_address
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, InvariantViolation, LocalError, TransactionError
from ledger.kv import MemoryStore, WriteBatch
from ledger.module import BlockInfo, Context
from ledger.primitives import MAX_AMOUNT, UNIT, ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State

A, B = Address(b"a" * 20), Address(b"b" * 20)
BLOCK = BlockInfo(82062, 1, 1, ZERO_HASH, 0, 0, Participation(None))


def stored(state: State) -> State:
    """The next block's state: a new one over what this block wrote."""
    store, batch = MemoryStore(), WriteBatch()
    for key, value in state.changes():
        if value is not None:
            batch.put(key, value)
    store.write(batch, sync=True)
    return State(store)


@pytest.fixture
def state() -> State:
    """A holds 10, stored."""
    fresh = State(MemoryStore())
    accounts.mint(fresh, A, 10)
    return stored(fresh)


def genesis(section: Any) -> State:
    state = State(MemoryStore())
    AccountsModule().init_genesis(Context(state, BLOCK), section)
    return state


def test_an_unknown_account_is_empty_and_reading_it_stores_nothing(state: State) -> None:
    assert accounts.get(state, B) == Account(0, 0)
    assert (accounts.balance(state, B), accounts.nonce(state, B)) == (0, 0)
    assert state.changes() == []


def test_a_transfer_moves_the_amount(state: State) -> None:
    accounts.transfer(state, A, B, 4)
    assert (accounts.balance(state, A), accounts.balance(state, B)) == (6, 4)
    accounts.check_block_conserves(state)


@pytest.mark.parametrize("amount", [0, 1, 10])
def test_a_transfer_to_oneself_changes_nothing(state: State, amount: int) -> None:
    accounts.transfer(state, A, A, amount)
    assert accounts.get(state, A) == Account(0, 10)


def test_a_transfer_to_oneself_still_needs_the_funds(state: State) -> None:
    with pytest.raises(TransactionError, match="insufficient funds"):
        accounts.transfer(state, A, A, 11)


def test_insufficient_funds_say_what_was_needed_and_what_there_is(state: State) -> None:
    with pytest.raises(TransactionError) as failure:
        accounts.transfer(state, A, B, 11)
    assert failure.value.code is ErrorCode.INSUFFICIENT_FUNDS
    assert failure.value.reason == "insufficient funds: needed 11, available 10"
    assert state.changes() == []


def test_moving_nothing_writes_nothing(state: State) -> None:
    accounts.transfer(state, A, B, 0)
    accounts.transfer(state, B, A, 0)
    accounts.mint(state, B, 0)
    accounts.burn(state, B, 0)
    assert state.changes() == []


def test_an_emptied_account_leaves_no_row_unless_it_has_sent(state: State) -> None:
    """State does not grow by addresses that only passed tokens on."""
    accounts.transfer(state, A, B, 10)
    assert state.get(ACCOUNTS, A) is None
    accounts.bump_nonce(state, B)
    accounts.transfer(state, B, A, 10)
    assert state.get(ACCOUNTS, B) == Account(1, 0)


def test_mint_and_burn_move_the_supply(state: State) -> None:
    accounts.mint(state, B, 5)
    assert accounts.supply(state) == 15
    accounts.burn(state, A, 10)
    assert (accounts.supply(state), accounts.balance(state, A)) == (5, 0)
    accounts.check_block_conserves(state)
    accounts.check_balances_sum_to_supply(state, BLOCK)
    with pytest.raises(TransactionError, match="needed 1, available 0"):
        accounts.burn(state, A, 1)


def test_the_supply_never_passes_the_largest_amount(state: State) -> None:
    accounts.mint(state, B, MAX_AMOUNT - 10)
    with pytest.raises(TransactionError) as failure:
        accounts.mint(state, B, 1)
    assert failure.value.code is ErrorCode.LIMIT_EXCEEDED
    accounts.transfer(state, B, A, MAX_AMOUNT - 10)
    assert accounts.balance(state, A) == MAX_AMOUNT


def test_a_balance_never_passes_the_largest_amount(state: State) -> None:
    """Unreachable while balances sum to the supply, and refused all the same."""
    with pytest.raises(TransactionError, match=r"would pass 2\^128-1"):
        accounts.credit(state, A, MAX_AMOUNT)


@pytest.mark.parametrize(
    "move",
    [accounts.credit, accounts.debit, accounts.mint, accounts.burn],
    ids=lambda f: f.__name__,
)
def test_a_negative_amount_is_a_bug_of_the_caller(state: State, move: Any) -> None:
    with pytest.raises(InvariantViolation):
        move(state, A, -1)


def test_a_transfer_writes_two_rows_and_no_supply(state: State) -> None:
    """The supply is one row that every transfer would otherwise contend for."""
    accounts.transfer(state, A, B, 1)
    assert {key for key, _ in state.changes()} == {ACCOUNTS.prefix + A, ACCOUNTS.prefix + B}


def test_tokens_from_nowhere_are_noticed_in_their_block(state: State) -> None:
    accounts.credit(state, B, 1)
    with pytest.raises(InvariantViolation, match="changed by 1 in this block, the supply by 0"):
        accounts.check_block_conserves(state)
    with pytest.raises(InvariantViolation, match="sum to 11, the supply is 10"):
        accounts.check_balances_sum_to_supply(state, BLOCK)


def test_vanished_tokens_are_noticed_even_where_the_row_was_never_read(state: State) -> None:
    state.delete(ACCOUNTS, A)
    with pytest.raises(InvariantViolation, match="changed by -10 in this block"):
        accounts.check_block_conserves(state)


def test_a_supply_that_moves_alone_is_noticed(state: State) -> None:
    state.put(SUPPLY, b"", 11)
    with pytest.raises(InvariantViolation, match="the supply by 1"):
        accounts.check_block_conserves(state)


@pytest.mark.parametrize("account", [Account(0, 1), Account(2**64 - 1, MAX_AMOUNT)])
def test_a_row_decodes_to_what_was_encoded(account: Account) -> None:
    assert ACCOUNTS.decode(ACCOUNTS.encode(account)) == account


def test_module_addresses_differ_by_name() -> None:
    names = ("pool.treasury", "pool.reserve", "pool.treasury2")
    assert len({accounts.module_address(name) for name in names}) == len(names)


def test_genesis_mints_what_it_lists() -> None:
    state = genesis(
        {
            "accounts": [
                {"address": checksum_address(A), "balance": str(5 * UNIT)},
                {"address": "0x" + B.hex(), "balance": "0"},
            ]
        }
    )
    assert accounts.get(state, A) == Account(0, 5 * UNIT)
    assert state.get(ACCOUNTS, B) is None
    assert accounts.supply(state) == 5 * UNIT
    assert genesis({}).changes() == []


def test_generated_accounts_stand_beside_the_listed_ones() -> None:
    listed = [{"address": "0x" + A.hex(), "balance": "7"}]
    state = genesis(
        {"accounts": listed, "generated": {"count": 100, "balance": "3", "seed": "town"}}
    )
    assert accounts.supply(state) == 307
    assert accounts.balance(state, generated_address("town", 99)) == 3
    assert accounts.balance(state, generated_address("town", 100)) == 0
    accounts.check_block_conserves(state)
    accounts.check_balances_sum_to_supply(state, BLOCK)


GENERATED = {"count": 1, "balance": "1", "seed": "s"}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"account": []}, "unknown option account, known are"),
        ({"accounts": {}}, "accounts.accounts: expected a list"),
        ({"accounts": ["0x"]}, r"accounts\[0\]: expected an object"),
        ({"accounts": [{"address": "0x" + "aa" * 20, "balanc": "1"}]}, "unknown option balanc"),
        ({"accounts": [{"address": "0x" + "aa" * 20}]}, "balance: expected smallest units"),
        ({"accounts": [{"address": "0x" + "aa" * 20, "balance": 1}]}, "decimal text"),
        ({"accounts": [{"address": "0x" + "aa" * 20, "balance": "1.5"}]}, "decimal text"),
        ({"accounts": [{"address": "0x" + "aa" * 20, "balance": "²"}]}, "decimal text"),
        ({"accounts": [{"address": "0x" + "aa" * 20, "balance": str(2**128)}]}, "2.128-1"),
        ({"accounts": [{"address": "aa" * 20, "balance": "1"}]}, "40 hex digits"),
        ({"accounts": [{"address": "0x" + "zz" * 20, "balance": "1"}]}, "40 hex digits"),
        ({"accounts": [{"address": "0xaA" + "aa" * 19, "balance": "1"}]}, "checksum"),
        ({"accounts": [{"address": "0x" + "aa" * 20, "balance": "1"}] * 2}, "listed twice"),
        ({"generated": {**GENERATED, "count": 0}}, "count: expected 1"),
        ({"generated": {**GENERATED, "count": "9"}}, "count: expected 1"),
        ({"generated": {**GENERATED, "seed": 1}}, "seed: expected text"),
        ({"generated": {**GENERATED, "balance": "0"}}, "more than 0"),
        ({"generated": {**GENERATED, "count": 2, "balance": str(2**127)}}, "supply would be"),
        ({"generated": {**GENERATED, "extra": 1}}, "unknown option extra"),
        (
            {
                "accounts": [{"address": "0x" + generated_address("s", 0).hex(), "balance": "1"}],
                "generated": GENERATED,
            },
            "is also listed",
        ),
        (
            {
                "accounts": [
                    {"address": "0x" + "aa" * 20, "balance": str(2**128 - 1)},
                    {"address": "0x" + "bb" * 20, "balance": "1"},
                ]
            },
            r"accounts\[1\]: supply would be",
        ),
    ],
)
def test_a_wrong_genesis_section_is_refused_by_name(section: Any, message: str) -> None:
    with pytest.raises(LocalError, match=message):
        genesis(section)
