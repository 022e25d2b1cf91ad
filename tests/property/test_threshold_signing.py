"""Any m of n members make the transaction, in any order and by any road; no m-1 ever do."""

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from api.encoding import hex_of
from ledger.crypto import (
    SECP256K1_HALF_ORDER,
    Ed25519Signer,
    Secp256k1Signer,
    Signer,
    keccak256,
)
from ledger.errors import DecodeError, LocalError
from ledger.kv import MemoryStore
from ledger.state import State
from ledger.threshold import MAX_MEMBERS
from ledger.transaction import (
    Transaction,
    authority_problem,
    decode_transaction,
    sign_threshold,
    verify_key,
)
from ledger.transaction import verify_transaction as verify
from node.cli.tx_partial import PartialTransaction, partial_of, start
from node.keys.threshold_account import account_of, new_account
from tests.support.transfers import CHAIN_ID, draft

POOL: Sequence[Signer] = [
    kind(bytes([number + 1]) * 32)
    for number in range(MAX_MEMBERS // 2)
    for kind in (Ed25519Signer, Secp256k1Signer)
]
DRAFT = draft(type="transfer.send")

groups = st.lists(st.sampled_from(POOL), min_size=1, max_size=7, unique_by=lambda s: s.public_key)


def handed_over(partial: PartialTransaction) -> PartialTransaction:
    """Written to a file and read by the next one."""
    found = partial_of(json.loads(json.dumps(partial.fields())), "a test")
    assert found == partial
    return partial


def begin(members: Sequence[Signer], needed: int) -> PartialTransaction:
    account = new_account(needed, {s.public_key: "" for s in members})
    assert account_of(json.loads(account.text()), "a test") == account
    return handed_over(start(DRAFT, account))


def with_one(partial: PartialTransaction, signer: Signer) -> PartialTransaction:
    return handed_over(
        partial.with_signature(signer.public_key, signer.sign(partial.signing_bytes))
    )


def assert_of(found: Transaction | None, partial: PartialTransaction) -> None:
    """A valid transaction of the account, which the chain takes."""
    assert found is not None
    assert decode_transaction(found.raw, CHAIN_ID) == found
    assert verify(found)
    assert found.sender == partial.account.witness.address
    assert authority_problem(State(MemoryStore()), found) is None


@given(groups, st.data())
def test_any_m_in_any_order_give_one_transaction_and_m_less_one_none(
    members: list[Signer], data: st.DataObject
) -> None:
    needed = data.draw(st.integers(1, len(members)))
    signers = data.draw(st.permutations(members))[:needed]
    partial = begin(members, needed)
    for count, signer in enumerate(signers):
        assert partial.transaction() is None
        assert partial.needed == needed - count
        partial = with_one(partial, signer)
    found = partial.transaction()
    assert_of(found, partial)
    assert found == sign_threshold(DRAFT, partial.account.witness, signers)
    other = begin(members, needed)
    for signer in data.draw(st.permutations(signers)):
        other = with_one(other, signer)
    assert other == partial


@given(groups, st.data())
def test_signatures_that_were_made_apart_combine_in_any_order(
    members: list[Signer], data: st.DataObject
) -> None:
    """Each part holds some signatures, also the same ones; what comes out depends on their union
    alone."""
    needed = data.draw(st.integers(1, len(members)))
    empty = begin(members, needed)
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        part = empty
        for signer in data.draw(st.permutations(members))[: data.draw(st.integers(0, needed))]:
            part = with_one(part, signer)
        parts.append(part)
    combined = empty
    for part in parts:
        combined = handed_over(combined.with_those_of(part, "a part"))
    again = empty
    for part in data.draw(st.permutations(parts)):
        again = again.with_those_of(part, "a part")
    assert again == combined
    union = {index for part in parts for index, _ in part.signatures}
    assert {index for index, _ in combined.signatures} == union
    if len(union) >= needed:
        assert_of(combined.transaction(), combined)
    else:
        assert combined.transaction() is None


ORDER = 2 * SECP256K1_HALF_ORDER + 1


def signature_with(nonce: int, secret: int, message: bytes) -> bytes:
    """ECDSA over secp256k1 with a nonce of one's own choice (SEC 1, 4.1.3), low-s."""
    point = PrivateKey(nonce.to_bytes(32, "big")).public_key.format(compressed=True)
    r = int.from_bytes(point[1:], "big") % ORDER
    s = pow(nonce, -1, ORDER) * (int.from_bytes(keccak256(message), "big") + r * secret) % ORDER
    return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")


@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
def test_of_two_signatures_of_one_member_the_same_stays_whatever_the_order(
    one: int, other: int
) -> None:
    """A wallet may draw another nonce each time that it signs."""
    secret = b"w" * 32
    wallet = Secp256k1Signer(secret)
    empty = begin([wallet, POOL[0]], 1)
    first, second = (
        handed_over(
            empty.with_signature(
                wallet.public_key,
                signature_with(nonce, int.from_bytes(secret, "big"), empty.signing_bytes),
            )
        )
        for nonce in (one, other)
    )
    combined = first.with_those_of(second, "a part")
    assert combined == second.with_those_of(first, "a part")
    assert combined in (first, second)


@given(groups, st.data())
def test_fewer_than_m_signatures_are_no_transaction_whatever_is_claimed(
    members: list[Signer], data: st.DataObject
) -> None:
    """Neither fewer signatures, nor one of them twice, nor an empty one, nor a lower threshold."""
    needed = data.draw(st.integers(1, len(members)))
    signers = data.draw(st.permutations(members))[: needed - 1]
    partial = begin(members, needed)
    for signer in signers:
        partial = with_one(partial, signer)
    assert partial.transaction() is None
    witness, present = partial.account.witness, partial.signatures
    twice = tuple(sorted((*present, *present[:1])))
    for signatures in (present, twice):
        with pytest.raises(DecodeError):
            DRAFT.signed(witness, signatures)
    missing = next(index for index in range(len(members)) if index not in dict(present))
    padded = DRAFT.signed(witness, tuple(sorted((*present, (missing, bytes(64))))))
    assert not verify(padded)
    if signers:
        lower = new_account(
            needed - 1, {s.public_key: "" for s in members}, rotated=witness.address
        )
        forged = sign_threshold(DRAFT, lower.witness, signers)
        assert verify(forged), "the signatures are real, but not enough"
        assert authority_problem(State(MemoryStore()), forged) is not None


@given(groups, st.sampled_from(POOL), st.data())
def test_a_foreign_signature_never_counts(
    members: list[Signer], stranger: Signer, data: st.DataObject
) -> None:
    """Not of a stranger, not of a member for something else, not a second time."""
    needed = data.draw(st.integers(1, len(members)))
    partial = begin(members, needed)
    member = data.draw(st.sampled_from(members))
    if stranger.public_key not in partial.account.keys:
        with pytest.raises(LocalError, match="is no member"):
            with_one(partial, stranger)
    with pytest.raises(LocalError, match="no signature of"):
        partial.with_signature(member.public_key, member.sign(partial.signing_bytes + b"!"))
    with pytest.raises(LocalError, match="has signed already"):
        with_one(with_one(partial, member), member)


# Files that somebody else hands in

TWO = begin(POOL[:3], 2)
VALID = with_one(TWO, POOL[0]).fields()

leaves = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=70)
    | st.binary(max_size=70).map(hex_of)
)  # fmt: skip
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


PLACES = [place for place in places(VALID) if place]


@given(st.lists(st.tuples(st.sampled_from(PLACES), anything), min_size=1, max_size=2))
def test_any_file_is_refused_or_holds_only_what_members_signed(
    changes: list[tuple[tuple[Any, ...], object]],
) -> None:
    fields = copy.deepcopy(VALID)
    for place, value in changes:
        with suppress(KeyError, IndexError, TypeError):  # the first change removed the place
            inner = fields
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
    try:
        found = partial_of(fields, "a file")
    except LocalError:
        return
    assert found is not None
    for index, signature in found.signatures:
        assert verify_key(found.account.keys[index], found.signing_bytes, signature)


@given(anything)
def test_any_json_is_refused_as_a_descriptor(value: object) -> None:
    for described in (value, VALID["account"] | {"members": value}):
        with pytest.raises(LocalError):
            account_of(described, "a file")
