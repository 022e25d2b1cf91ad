"""Ethereum envelopes: decode(x) encodes to exactly x or is refused, what is signed comes back."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger import ethereum_envelope, rlp
from ledger.errors import DecodeError
from ledger.ethereum_envelope import EthereumEnvelope, intrinsic_gas
from ledger.primitives import MAX_AMOUNT, MAX_NONCE, MAX_UINT64, Address, Hash
from ledger.transaction import decode_transaction, verify_transaction
from tests.support.ethereum import SENDER, Wallet, encoded, raw
from tests.support.transfers import CHAIN_ID

words = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20).map(Address)
keys = st.lists(st.binary(min_size=32, max_size=32).map(Hash), max_size=3).map(tuple)
access_lists = st.lists(st.tuples(addresses, keys), max_size=3).map(tuple)


@st.composite
def wallets(draw: st.DrawFn) -> Wallet:
    kind = draw(st.integers(0, 2))
    low, high = sorted((draw(words), draw(words)))
    access_list = draw(access_lists) if kind else ()
    return Wallet(
        kind=kind,
        nonce=draw(st.integers(0, MAX_NONCE)),
        priority_fee=low,
        max_fee=high,
        gas=draw(st.integers(intrinsic_gas(b"", access_list), MAX_UINT64)),
        to=draw(addresses),
        value=draw(st.integers(0, MAX_AMOUNT)),
        access_list=access_list,
    )


def decoded(data: bytes) -> EthereumEnvelope | None:
    """The fields; None when refused as DecodeError. Any other exception fails the test."""
    try:
        return ethereum_envelope.decode(data, CHAIN_ID)
    except DecodeError:
        return None


@given(wallets())
def test_every_signed_transfer_comes_back_and_verifies(wallet: Wallet) -> None:
    signed = wallet.raw()
    transaction = decode_transaction(signed, CHAIN_ID)
    assert (transaction.raw, transaction.nonce) == (signed, wallet.nonce)
    assert verify_transaction(transaction)
    assert transaction.sender == SENDER
    found = decoded(signed)
    assert found is not None
    assert encoded(found) == signed
    assert (found.to, found.value, found.max_fee) == (wallet.to, wallet.value, wallet.max_fee)


@given(wallets(), st.data())
def test_a_mutated_envelope_is_refused_or_another_ones_exact_encoding(
    wallet: Wallet, data: st.DataObject
) -> None:
    signed = wallet.raw()
    at = data.draw(st.integers(0, len(signed) - 1))
    byte = bytes((data.draw(st.integers(0, 255)),))
    tail = data.draw(st.sampled_from([signed[at + 1 :], signed[at:]]))
    mutated = data.draw(
        st.sampled_from([signed[:at] + byte + tail, signed[:at] + signed[at + 1 :]])
    )
    found = decoded(mutated) if mutated else None
    if found is None or mutated == signed:
        return
    assert encoded(found) == mutated
    sender = found.authority.recover()
    same = (found.r, found.s) == wallet.signature()[1:]
    assert sender != SENDER or not same, "changed content under the old signature: not its sender's"


strings = st.binary(max_size=40)
items: st.SearchStrategy[Any] = st.recursive(
    strings, lambda inner: st.lists(inner, max_size=3), max_leaves=8
)


@given(st.integers(0, 2), st.lists(items, min_size=8, max_size=12), st.data())
def test_any_list_of_fields_is_refused_or_comes_back(
    kind: int, fields: list[Any], data: st.DataObject
) -> None:
    """Right shape outside, anything inside; some positions come from a valid envelope."""
    wallet = Wallet(kind)
    valid, _ = rlp.decode_list(wallet.raw(), 1 if kind else 0)
    fields = (fields + valid)[: len(valid)]
    for position in data.draw(st.lists(st.integers(0, len(valid) - 1), max_size=12)):
        fields[position] = valid[position]
    made = wallet.envelope(fields)
    found = decoded(made)
    assert found is None or encoded(found) == made


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_refused_or_come_back(rest: bytes) -> None:
    for data in (rest, b"\x02" + rest, raw()[:60] + rest):
        found = decoded(data)
        assert found is None or encoded(found) == data
