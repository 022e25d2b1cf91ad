"""Whom a node dials: its operator's list, and the coming keys of the seats in it."""

import pytest

from ledger.errors import LocalError
from node.network.address_book import AddressBook
from node.network.peers import Role

OLD, NEW, NEWER, OTHER, STRANGER = (name * 32 for name in (b"o", b"n", b"m", b"t", b"s"))
AT, THERE = "a.example:1", "b.example:2"
BEFORE = {OLD: Role(0, "one"), OTHER: Role(1, "two")}
CHANGING = {**BEFORE, NEW: Role(0, "one")}
AFTER = {NEW: Role(0, "one"), OTHER: Role(1, "two")}


def book(*registries: dict[bytes, Role]) -> AddressBook:
    found = AddressBook({OLD: AT, STRANGER: THERE})
    for registry in registries:
        found.registry_changed(registry)
    return found


def test_a_seats_coming_key_has_the_address_of_the_present_one() -> None:
    assert {NEW}.isdisjoint(book(BEFORE).keys())
    changing = book(BEFORE, CHANGING)
    assert changing[NEW] == changing[OLD] == AT
    after = book(BEFORE, CHANGING, AFTER)
    assert after[NEW] == AT
    assert OLD not in after.unknown(AFTER), "who left is not dialled again"


def test_it_follows_through_several_changes() -> None:
    again = {**AFTER, NEWER: Role(0, "one")}
    found = book(BEFORE, CHANGING, AFTER, again, {NEWER: Role(0, "one")})
    assert found[NEWER] == AT
    assert {NEW}.isdisjoint(found.keys())


def test_what_the_operator_says_comes_first() -> None:
    found = AddressBook({OLD: AT, NEW: THERE})
    found.registry_changed(BEFORE)
    found.registry_changed(CHANGING)
    assert found[NEW] == THERE


def test_observers_have_no_seat_to_follow() -> None:
    found = AddressBook({OLD: AT})
    found.registry_changed({OLD: Role(None, "archive"), NEW: Role(None, "archive")})
    assert {NEW}.isdisjoint(found.keys())


def test_strangers_of_the_list_are_unknown_until_the_registry_names_them() -> None:
    found = book(BEFORE)
    assert found.unknown(BEFORE) == {STRANGER}
    assert found.unknown({**BEFORE, STRANGER: Role(None, "s")}) == frozenset()


def test_a_wrong_address_changes_nothing() -> None:
    found = book(BEFORE)
    with pytest.raises(LocalError, match="expected host:port"):
        found.replace({OLD: "nowhere"})
    assert found[OLD] == AT
