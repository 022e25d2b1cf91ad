"""The native envelope: what is refused and how it says so, and which signatures count."""

from typing import Any

import pytest

from ledger import codec, threshold
from ledger.crypto import ed25519_address, secp256k1_address
from ledger.errors import DecodeError, WrongChainError
from ledger.kv import MemoryStore
from ledger.primitives import MAX_UINT64
from ledger.state import State
from ledger.threshold import ROTATE
from ledger.transaction import (
    MAX_TRANSACTION_BYTES,
    KeySignature,
    ThresholdSignatures,
    Transaction,
    authority_problem,
    decode_transaction,
    sign_threshold,
    verify_transaction,
)
from tests.support.transfers import ALICE, BOB, CAROL, CHAIN_ID, draft, signed

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WITNESS = threshold.create(bytes(32), 2, (ALICE.public_key, BOB.public_key, CAROL.public_key))


def envelope(transaction: Transaction, **changes: Any) -> bytes:
    """The transaction's envelope with some positions replaced; signatures stay."""
    names = ("chain_id", "nonce", "sender", "type", "body", "fee", "valid_until", "signature")
    fields = dict(zip(names, codec.decode(transaction.raw), strict=True)) | changes
    return codec.encode(tuple(fields.values()))


@pytest.mark.parametrize(
    ("signer", "address"),
    [
        (ALICE, ed25519_address(ALICE.public_key)),
        (BOB, secp256k1_address(BOB.public_key)),
    ],
    ids=["ed25519", "secp256k1"],
)
def test_a_signed_transaction_comes_back_with_every_field(signer: Any, address: bytes) -> None:
    transaction = signed(signer, nonce=3, fee=7, valid_until=9)
    again = decode_transaction(transaction.raw, CHAIN_ID)
    assert again == transaction
    assert (again.chain_id, again.nonce, again.fee, again.valid_until) == (CHAIN_ID, 3, 7, 9)
    assert (again.sender, again.type) == (address, "transfer.send")
    assert verify_transaction(again)


def test_threshold_members_of_both_kinds_sign_in_any_order() -> None:
    first = sign_threshold(draft(), WITNESS, (BOB, CAROL))
    second = sign_threshold(draft(), WITNESS, (CAROL, BOB))
    assert first == second
    assert first.sender == WITNESS.address
    assert verify_transaction(first)


@pytest.mark.parametrize("signers", [(ALICE,), (ALICE, BOB, CAROL), (), (ALICE, ALICE)])
def test_a_threshold_transaction_needs_exactly_m_distinct_members(signers: Any) -> None:
    with pytest.raises(DecodeError, match="signature"):
        sign_threshold(draft(), WITNESS, signers)


def test_a_stranger_cannot_sign_for_a_threshold_account() -> None:
    witness = threshold.create(bytes(32), 1, (ALICE.public_key,))
    with pytest.raises(DecodeError, match="no member"):
        sign_threshold(draft(), witness, (CAROL,))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nonce": MAX_UINT64}, "nonce"),
        ({"nonce": b""}, "nonce"),
        ({"nonce": True}, "nonce"),
        ({"fee": -1}, "fee"),
        ({"valid_until": 0}, "valid_until: expected the last height"),
        ({"type": "x" * 49}, "type"),
        ({"type": b"x"}, "type"),
        ({"body": b""}, "body"),
        ({"sender": bytes(31)}, "sender"),
        ({"sender": b"\x04" + bytes(32)}, "sender"),
        ({"sender": b"\x02" + bytes(32)}, "no point of secp256k1"),
        ({"signature": bytes(63)}, "signature"),
        ({"signature": ((0, bytes(64)),)}, "signature"),
        ({"chain_id": "1"}, "chain_id"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode_transaction(envelope(signed(), **changes), CHAIN_ID)


@pytest.mark.parametrize(
    ("signatures", "message"),
    [
        (((1, bytes(64)), (0, bytes(64))), "ascending"),
        (((1, bytes(64)), (1, bytes(64))), "ascending"),
        (((0, bytes(64)), (3, bytes(64))), "index"),
        (((0, bytes(64)), (1, bytes(63))), "signature"),
        (((0, bytes(64)), (1, bytes(64)), (2, bytes(64))), "array of 2"),
        (bytes(64), "array of 2"),
    ],
)
def test_member_signatures_have_one_form(signatures: Any, message: str) -> None:
    transaction = sign_threshold(draft(), WITNESS, (BOB, CAROL))
    with pytest.raises(DecodeError, match=message):
        decode_transaction(envelope(transaction, signature=signatures), CHAIN_ID)


def test_another_chains_transaction_says_so() -> None:
    """Its own error: the wallet is connected to the wrong network."""
    with pytest.raises(WrongChainError, match="signed for chain 82062, this chain is 1"):
        decode_transaction(signed().raw, 1)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\x97" + bytes(7), b"\x98", b"\x98" + bytes(8)])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_transaction(raw, CHAIN_ID)


def test_an_oversize_transaction_is_refused_before_it_is_parsed() -> None:
    largest = MAX_TRANSACTION_BYTES - len(signed(body=(b"x" * 10_000,)).raw) + 10_000
    assert len(signed(body=(b"x" * largest,)).raw) == MAX_TRANSACTION_BYTES
    with pytest.raises(DecodeError, match="at most 16384"):
        signed(body=(b"x" * (largest + 1),))
    with pytest.raises(DecodeError, match="at most 16384"):
        decode_transaction(b"\x98" * 10**6, CHAIN_ID)


@pytest.mark.parametrize(
    "changes",
    [{"nonce": 1}, {"type": "a.b"}, {"body": ()}, {"fee": 1}, {"valid_until": 101}],
    ids=lambda changes: next(iter(changes)),
)
@pytest.mark.parametrize("signer", [ALICE, BOB], ids=["ed25519", "secp256k1"])
def test_the_signature_covers_every_field(signer: Any, changes: dict[str, Any]) -> None:
    transaction = decode_transaction(envelope(signed(signer), **changes), CHAIN_ID)
    assert not verify_transaction(transaction)


def test_the_signature_covers_the_chain_and_the_sender() -> None:
    """Moved to another chain, or under another key, a signature is worth nothing."""
    assert not verify_transaction(decode_transaction(envelope(signed(), chain_id=1), 1))
    stolen = envelope(signed(), sender=CAROL.public_key)
    assert not verify_transaction(decode_transaction(stolen, CHAIN_ID))


def test_every_member_signature_counts() -> None:
    transaction = sign_threshold(draft(), WITNESS, (BOB, CAROL))
    assert isinstance(transaction.authority, ThresholdSignatures)
    pairs = transaction.authority.signatures
    for position in range(2):
        forged = list(pairs)
        forged[position] = (pairs[position][0], bytes(64))
        raw = envelope(transaction, signature=tuple(forged))
        assert not verify_transaction(decode_transaction(raw, CHAIN_ID))


def test_a_high_s_signature_is_no_second_valid_form() -> None:
    """(r, n - s) verifies in textbook ECDSA; accepting it would give a second hash."""
    transaction = signed(BOB)
    assert isinstance(transaction.authority, KeySignature)
    signature = transaction.authority.signature
    mirrored = SECP256K1_ORDER - int.from_bytes(signature[32:], "big")
    raw = envelope(transaction, signature=signature[:32] + mirrored.to_bytes(32, "big"))
    assert not verify_transaction(decode_transaction(raw, CHAIN_ID))


def test_a_secp256k1_key_as_sender_has_one_encoding() -> None:
    """The uncompressed form of the same key is refused."""
    with pytest.raises(DecodeError, match="compressed secp256k1"):
        decode_transaction(envelope(signed(BOB), sender=bytes(65)), CHAIN_ID)


def test_the_hash_pins_the_signature_too() -> None:
    """docs/adr/0010."""
    transaction = signed()
    other = decode_transaction(envelope(transaction, signature=bytes(64)), CHAIN_ID)
    assert other.hash != transaction.hash


def test_only_a_threshold_account_may_send_a_rotation() -> None:
    """Else the old key would stay valid beside the members it names."""
    state = State(MemoryStore())
    body = ROTATE.encode(1, (CAROL.public_key,))
    problem = authority_problem(state, signed(type=ROTATE.name, body=body))
    assert problem is not None
    assert "threshold account" in problem
    rotation = sign_threshold(draft(type=ROTATE.name, body=body), WITNESS, (ALICE, BOB))
    assert authority_problem(state, rotation) is None
    assert authority_problem(state, signed()) is None
