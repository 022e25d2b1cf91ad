"""decode_transaction is total and canonical, and no change of bytes keeps a signature valid."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger import codec, threshold
from ledger.errors import DecodeError
from ledger.primitives import MAX_UINT64
from ledger.transaction import Draft, Transaction, decode_transaction, sign, sign_threshold
from ledger.transaction import verify_transaction as verify
from tests.support.transfers import ALICE, BOB, CAROL, CHAIN_ID, signed

WITNESS = threshold.create(bytes(32), 2, (ALICE.public_key, BOB.public_key, CAROL.public_key))

scalars = st.one_of(
    st.integers(0, MAX_UINT64), st.binary(max_size=40), st.text(max_size=20), st.booleans()
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12)
bodies = st.lists(values, max_size=4).map(tuple)
drafts = st.builds(
    Draft,
    chain_id=st.just(CHAIN_ID),
    nonce=st.integers(0, MAX_UINT64 - 1),
    type=st.text(max_size=12),
    body=bodies,
    fee=st.integers(0, MAX_UINT64),
    valid_until=st.integers(1, MAX_UINT64),
)


def by_anyone(draft: Draft, kind: str) -> Transaction:
    if kind == "threshold":
        return sign_threshold(draft, WITNESS, (CAROL, ALICE))
    return sign(draft, ALICE if kind == "ed25519" else BOB)


kinds = st.sampled_from(["ed25519", "secp256k1", "threshold"])
SAMPLES = [by_anyone(Draft(chain_id=CHAIN_ID, nonce=1, type="a.b", body=((), b"x"), valid_until=9),
                     kind) for kind in ("ed25519", "secp256k1", "threshold")]  # fmt: skip


def decoded(raw: bytes) -> Transaction | None:
    """The transaction; None when refused as DecodeError. Any other exception fails the test."""
    try:
        return decode_transaction(raw, CHAIN_ID)
    except DecodeError:
        return None


@given(drafts, kinds)
def test_every_signed_draft_decodes_to_itself_and_verifies(draft: Draft, kind: str) -> None:
    transaction = by_anyone(draft, kind)
    assert decoded(transaction.raw) == transaction
    assert (transaction.type, transaction.body) == (draft.type, draft.body)
    assert (transaction.nonce, transaction.fee) == (draft.nonce, draft.fee)
    assert verify(transaction)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_transaction_or_a_decode_error(raw: bytes) -> None:
    for head in (b"", b"\x98", signed().raw[:40]):
        transaction = decoded(head + raw)
        assert transaction is None or transaction.raw == head + raw


@given(st.lists(values, min_size=8, max_size=8), st.lists(st.integers(0, 7), max_size=8))
def test_any_array_of_eight_gives_a_transaction_or_a_decode_error(
    fields: list[Any], kept: list[int]
) -> None:
    """Right shape outside, anything inside; `kept` positions come from a valid envelope."""
    valid = codec.decode(signed().raw)
    for position in kept:
        fields[position] = valid[position]
    decoded(codec.encode(tuple(fields)))


@given(st.sampled_from(SAMPLES), st.data())
def test_a_mutated_envelope_is_refused_or_fails_verification(
    transaction: Transaction, data: st.DataObject
) -> None:
    """One byte changed, inserted or removed anywhere: another transaction, which nobody signed."""
    raw = transaction.raw
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = bytes((data.draw(st.integers(0, 255)),))
    tail = data.draw(st.sampled_from([raw[at + 1 :], raw[at:]]))
    mutated = data.draw(st.sampled_from([raw[:at] + byte + tail, raw[:at] + raw[at + 1 :]]))
    found = decoded(mutated)
    if mutated == raw:
        assert found == transaction
    elif found is not None:
        assert found.hash != transaction.hash
        assert not verify(found)


@given(st.sampled_from(SAMPLES), st.binary(min_size=1, max_size=8))
def test_trailing_bytes_are_refused(transaction: Transaction, tail: bytes) -> None:
    assert decoded(transaction.raw + tail) is None
