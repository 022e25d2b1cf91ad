"""The transfer messages: what they move, and the events that say so."""

from typing import Any

import pytest

from ledger import accounts
from ledger.errors import DecodeError, ErrorCode, InvariantViolation, LocalError, TransactionError
from ledger.kv import MemoryStore
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State
from ledger.transaction import MAX_TRANSACTION_BYTES
from ledger.transfers import MAX_RECEIVERS, SEND, SEND_MANY, TransfersModule
from tests.support.transfers import signed

A, B, C = (Address(letter * 20) for letter in (b"a", b"b", b"c"))
BLOCK = BlockInfo(82062, 1, 1, ZERO_HASH, 0, 0, Participation(None))
MEMO = b"m" * 32


@pytest.fixture
def context() -> Context:
    """A transaction of A, who holds 100."""
    state = State(MemoryStore())
    accounts.mint(state, A, 100)
    return Context(state, BLOCK, sender=A)


def run(context: Context, message: MessageType, *values: Any) -> None:
    """As the executor does: over the wire form."""
    TransfersModule().handlers[message](context, *message.decode(message.encode(*values)))


def test_send_moves_tokens_and_says_so(context: Context) -> None:
    run(context, SEND, B, 40, MEMO)
    assert (accounts.balance(context.state, A), accounts.balance(context.state, B)) == (60, 40)
    (event,) = context.events
    assert event.name == "transfer.sent"
    assert event.values == (("from", A), ("to", B), ("amount", 40), ("memo_hash", MEMO))


def test_nothing_can_be_sent_and_leaves_an_event(context: Context) -> None:
    """Wallets send transfers of 0 to signal or to cancel."""
    run(context, SEND, B, 0, b"")
    assert len(context.events) == 1
    assert context.state.get(accounts.ACCOUNTS, B) is None


def test_send_many_pays_each_in_order_one_of_them_twice(context: Context) -> None:
    run(context, SEND_MANY, ((B, 1), (C, 2), (B, 3), (A, 90)), MEMO)
    balances = [accounts.balance(context.state, address) for address in (A, B, C)]
    assert balances == [94, 4, 2]
    assert [dict(event.values)["amount"] for event in context.events] == [1, 2, 3, 90]
    assert {dict(event.values)["memo_hash"] for event in context.events} == {MEMO}


def test_send_many_fails_as_a_whole_in_its_overlay(context: Context) -> None:
    context.state.begin()
    with pytest.raises(TransactionError) as failure:
        run(context, SEND_MANY, ((B, 60), (C, 60)), b"")
    context.state.rollback()
    assert failure.value.code is ErrorCode.INSUFFICIENT_FUNDS
    assert failure.value.reason == "insufficient funds: needed 60, available 40"
    assert accounts.balance(context.state, A) == 100


def test_send_many_to_nobody_is_a_mistake(context: Context) -> None:
    with pytest.raises(TransactionError, match="at least one"):
        run(context, SEND_MANY, (), b"")


def test_the_largest_send_many_fits_a_transaction() -> None:
    many = tuple((bytes((i,)) * 20, 2**128 - 1) for i in range(MAX_RECEIVERS))
    transaction = signed(type=SEND_MANY.name, body=SEND_MANY.encode(many, MEMO))
    assert len(transaction.raw) < MAX_TRANSACTION_BYTES
    with pytest.raises(DecodeError, match="at most 256 items"):
        SEND_MANY.decode(SEND_MANY.encode((*many, many[0]), MEMO))


@pytest.mark.parametrize("memo", [b"m" * 31, b"m" * 33])
def test_a_memo_is_a_hash_or_nothing(memo: bytes) -> None:
    with pytest.raises(DecodeError, match="memo_hash"):
        SEND.decode(SEND.encode(B, 1, memo))


def test_a_transfer_outside_a_transaction_is_a_bug(context: Context) -> None:
    context.sender = None
    with pytest.raises(InvariantViolation):
        run(context, SEND, B, 1, b"")


def test_the_module_takes_no_genesis_options(context: Context) -> None:
    TransfersModule().init_genesis(context, {})
    with pytest.raises(LocalError, match="balances"):
        TransfersModule().init_genesis(context, {"balances": []})
