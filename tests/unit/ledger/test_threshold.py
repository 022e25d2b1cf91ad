"""Threshold accounts: addresses, who may act before and after a rotation."""

from typing import Any

import pytest

from ledger import threshold
from ledger.errors import DecodeError, ErrorCode, LocalError, TransactionError
from ledger.kv import MemoryStore
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State
from ledger.threshold import MAX_MEMBERS, ROTATE, ThresholdModule, Witness, witness_problem
from tests.support.transfers import ALICE, BOB, CAROL

KEYS = tuple(sorted((ALICE.public_key, BOB.public_key)))
BLOCK = BlockInfo(82062, 1, 1, ZERO_HASH, 0, 0, Participation(None))


@pytest.fixture
def state() -> State:
    return State(MemoryStore())


def rotate(state: State, account: Address, m: int, keys: tuple[bytes, ...]) -> Context:
    context = Context(state, BLOCK, sender=account)
    ThresholdModule().handlers[ROTATE](context, *ROTATE.decode(ROTATE.encode(m, keys)))
    return context


def test_the_address_depends_on_every_creation_value_but_not_on_the_order_of_keys() -> None:
    base = threshold.create(bytes(32), 1, KEYS)
    assert threshold.create(bytes(32), 1, KEYS[::-1]) == base
    others = {
        threshold.create(b"s" * 32, 1, KEYS).address,
        threshold.create(bytes(32), 2, KEYS).address,
        threshold.create(bytes(32), 1, KEYS[:1]).address,
        base.address,
    }
    assert len(others) == 4


@pytest.mark.parametrize(
    ("m", "keys", "message"),
    [
        (0, KEYS, "found 0"),
        (3, KEYS, "threshold: expected an integer in 0..2"),
        (0, (), "found 0"),
        (1, (KEYS[0], KEYS[0]), "distinct"),
        (1, (bytes(31),), r"members\[0\]"),
        (1, (b"\x04" + bytes(32),), r"members\[0\]"),
        (1, tuple(bytes((i,)) * 32 for i in range(MAX_MEMBERS + 1)), "at most 32 items"),
    ],
)
def test_members_out_of_bounds_are_refused(m: int, keys: Any, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        threshold.create(bytes(32), m, keys)


def test_a_witness_from_the_wire_has_its_keys_in_order() -> None:
    witness = threshold.create(bytes(32), 2, KEYS)
    assert Witness.from_wire(witness.to_wire()) == witness
    address, salt, m, keys = witness.to_wire()
    with pytest.raises(DecodeError, match="ascending"):
        Witness.from_wire((address, salt, m, tuple(reversed(KEYS))))
    with pytest.raises(DecodeError, match="salt"):
        Witness.from_wire((address, b"", m, keys))


def test_before_a_rotation_the_address_must_follow_from_the_witness(state: State) -> None:
    """Nobody may claim the address with members of his own."""
    witness = threshold.create(bytes(32), 2, KEYS)
    assert witness_problem(state, witness) is None
    for forged in (
        Witness(witness.address, bytes(32), threshold.Members(1, KEYS)),
        Witness(witness.address, bytes(32), threshold.Members(1, (CAROL.public_key,))),
        Witness(witness.address, b"x" * 32, witness.members),
    ):
        problem = witness_problem(state, forged)
        assert problem is not None
        assert "does not follow" in problem


def test_after_a_rotation_only_the_new_members_count(state: State) -> None:
    """The creation values, which everybody knows from the chain, are worth nothing any more."""
    witness = threshold.create(bytes(32), 2, KEYS)
    context = rotate(state, witness.address, 1, (CAROL.public_key,))
    problem = witness_problem(state, witness)
    assert problem is not None
    assert "has rotated to 1 of 1" in problem
    new = Witness(witness.address, witness.salt, threshold.Members(1, (CAROL.public_key,)))
    assert witness_problem(state, new) is None
    (event,) = context.events
    assert event.name == "threshold.rotated"
    assert dict(event.values) == {"account": witness.address, "threshold": 1, "members": 1}
    assert witness_problem(state, threshold.create(b"s" * 32, 2, KEYS)) is None, (
        "the same members' other account is untouched"
    )


def test_a_rotation_survives_the_encoding_of_its_row(state: State) -> None:
    witness = threshold.create(bytes(32), 2, KEYS)
    rotate(state, witness.address, 2, tuple(sorted((*KEYS, CAROL.public_key))))
    record = state.get(threshold.ROTATED, witness.address)
    assert record is not None
    assert threshold.ROTATED.decode(threshold.ROTATED.encode(record)) == record


@pytest.mark.parametrize(("m", "keys"), [(0, KEYS), (3, KEYS), (1, KEYS[::-1]), (1, ())])
def test_a_rotation_to_no_valid_members_fails(state: State, m: int, keys: Any) -> None:
    with pytest.raises(TransactionError) as failure:
        rotate(state, Address(b"t" * 20), m, keys)
    assert failure.value.code is ErrorCode.INVALID_MESSAGE


def test_the_module_takes_no_genesis_options(state: State) -> None:
    module, context = ThresholdModule(), Context(state, BLOCK)
    module.init_genesis(context, {})
    assert state.changes() == []
    with pytest.raises(LocalError, match="accounts"):
        module.init_genesis(context, {"accounts": []})
    assert all(isinstance(message, MessageType) for message in module.handlers)
