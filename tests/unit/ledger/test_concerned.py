"""Whom a block concerns: senders, and whoever an event names, each place once and in order."""

import ast

import pytest

from ledger.concerned import HOOKS, JOINED_ACCOUNTS, accounts_of, concerned, positions
from ledger.errors import ErrorCode
from ledger.module import Event, EventValue
from ledger.primitives import Address, Hash
from ledger.receipt import MAX_LEAVES, Receipt
from ledger.transaction import KeySignature, Transaction
from tests.architecture.source_tree import python_files

ALICE, BOB, CAROL = (Address(bytes((number,)) * 20) for number in (1, 2, 3))


def sent(sender: Address, *events: Event) -> tuple[Transaction, Receipt]:
    """A transaction and its receipt with these events."""
    transaction = Transaction(
        hash=Hash(bytes(32)),
        raw=b"",
        chain_id=7,
        nonce=0,
        named_sender=sender,
        type="test.act",
        body=(),
        fee=0,
        valid_until=9,
        authority=KeySignature(b"k" * 32, b"s" * 64),
    )
    return transaction, Receipt(Hash(bytes(32)), ErrorCode.OK, "", events)


def event(**values: EventValue) -> Event:
    return Event("test.acted", tuple(values.items()))


def found(
    *block: tuple[Transaction, Receipt], hooks: tuple[Event, ...] = ()
) -> dict[Address, list[int]]:
    transactions, receipts = [item[0] for item in block], [item[1] for item in block]
    whom = concerned(transactions, receipts, hooks)
    return {account: positions(places) for account, places in whom.items()}


def test_a_transaction_concerns_its_sender_also_when_it_failed() -> None:
    assert found(sent(ALICE), sent(BOB), sent(ALICE)) == {ALICE: [0, 2], BOB: [1]}


def test_whoever_an_event_names_is_concerned_once_a_transaction() -> None:
    twice = (event(to=BOB, amount=1), event(to=BOB, by=ALICE))
    assert found(sent(ALICE, *twice)) == {ALICE: [0], BOB: [0]}


def test_the_hooks_of_a_block_come_after_every_transaction() -> None:
    whom = found(sent(ALICE), hooks=(event(appraiser=BOB), event(appraiser=ALICE)))
    assert whom == {ALICE: [0, HOOKS], BOB: [HOOKS]}
    assert HOOKS > MAX_LEAVES


@pytest.mark.parametrize("name", sorted(JOINED_ACCOUNTS))
def test_accounts_that_stand_together_in_one_value_are_all_concerned(name: str) -> None:
    assert accounts_of([event(**{name: ALICE + BOB + CAROL})]) == {ALICE, BOB, CAROL}
    assert accounts_of([event(**{name: b""})]) == set()


def test_hashes_texts_and_numbers_are_no_accounts() -> None:
    values = event(hash=b"h" * 32, name="n" * 20, count=20, joined=ALICE + BOB, members=3)
    assert accounts_of([values]) == set()


def joined_values_in_events() -> set[str]:
    """Names of event values that the source makes by joining others."""
    names: set[str] = set()
    for path in python_files("ledger", "tokenomics", "governance"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_emit = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "emit"
            )
            if not isinstance(node, ast.Call) or not is_emit:
                continue
            names |= {
                keyword.arg
                for keyword in node.keywords
                if keyword.arg is not None
                and isinstance(keyword.value, ast.Call)
                and isinstance(keyword.value.func, ast.Attribute)
                and keyword.value.func.attr == "join"
            }
    return names


def test_every_joined_value_of_an_event_is_known_to_the_rule() -> None:
    """A module that joins accounts under a new name would leave them without history."""
    assert joined_values_in_events() == JOINED_ACCOUNTS
