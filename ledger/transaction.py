"""Signed transactions: decoding, the native envelope, its checks, and building one.

Envelope: canonical array [chain_id, nonce, sender, type, body, fee, valid_until, signature]
(docs/formats.md, "Accounts and transactions"), or a raw Ethereum transaction
(ledger.ethereum_envelope). Whatever brought it, the rest of the node knows one operation:
Transaction.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ledger import codec, ethereum_envelope
from ledger.crypto import (
    ED25519_KEY_BYTES,
    Signer,
    ed25519_address,
    keccak256,
    secp256k1_address,
    verify_ed25519,
    verify_secp256k1,
)
from ledger.errors import DecodeError, PeerError, WrongChainError
from ledger.ethereum_envelope import CallDecoder, EthereumSignature, transfers_only
from ledger.message_registry import MAX_TYPE_BYTES
from ledger.primitives import MAX_NONCE, MAX_UINT64, SIGNATURE_BYTES, Address, Hash
from ledger.state import State
from ledger.threshold import ROTATE, Witness, check_key, witness_problem

MAX_TRANSACTION_BYTES: Final = 16 * 1024
MAX_ITEMS: Final = 512
"""Of any list in a transaction; message types set their own, smaller bounds."""
NO_LAST_HEIGHT: Final = MAX_UINT64
"""valid_until of an Ethereum envelope, which names none: mempools drop it in their own time, and
afterwards it may come again until its nonce is used."""

_NATIVE_FIRST_BYTE: Final = 0x98  # msgpack array of 8
SIGNING_TAG: Final = "poyong/tx/1"
# The signing bytes are the envelope with the tag in front and no signature: 8 positions again.
_SIGNING_PREFIX: Final = bytes((_NATIVE_FIRST_BYTE,)) + codec.encode(SIGNING_TAG)
_SIGNATURE_WIRE_BYTES: Final = 2 + SIGNATURE_BYTES  # msgpack bin8 header and the signature


class KeySignature(msgspec.Struct, frozen=True, gc=False):
    """One key signed: Ed25519 (32 bytes) or compressed secp256k1 (33 bytes)."""

    public_key: bytes
    signature: bytes


class ThresholdSignatures(msgspec.Struct, frozen=True):
    """Exactly m members signed: (index into witness.members.keys, signature), ascending."""

    witness: Witness
    signatures: tuple[tuple[int, bytes], ...]


Authority = KeySignature | ThresholdSignatures | EthereumSignature
"""What has to be verified before the transaction may count as its sender's."""


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One operation of one account, decoded, its signature not yet verified.

    hash: keccak256 of `raw`, the exact signed bytes. named_sender: whom the envelope names; None
    when it names nobody and the signature tells (Ethereum). body: wire form of the message `type`,
    decoded by its MessageType. fee only orders replacement; nothing is charged. valid_until: last
    height at which it may be included. gc=False: nothing in it can refer back to it.
    """

    hash: Hash
    raw: bytes
    chain_id: int
    nonce: int
    named_sender: Address | None
    type: str
    body: tuple[Any, ...]
    fee: int
    valid_until: int
    authority: Authority

    @property
    def sender(self) -> Address:
        """Whose operation it is; PeerError when it names nobody and no key made its signature."""
        if self.named_sender is not None:
            return self.named_sender
        found = None
        if isinstance(self.authority, EthereumSignature):
            found = self.authority.recover()
        if found is None:
            raise PeerError(f"transaction {self.hash.hex()}: no key made its signature")
        return found


def decode_transaction(
    raw: bytes, chain_id: int, decode_call: CallDecoder = transfers_only
) -> Transaction:
    """Decode an envelope of the chain `chain_id`; total and canonical, signature not verified.

    decode_call: what Ethereum transactions say to the chain's system contracts. Raises DecodeError,
    and WrongChainError when it is signed for another chain.
    """
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise DecodeError(
            f"transaction has {len(raw)} bytes, at most {MAX_TRANSACTION_BYTES} are allowed"
        )
    if not raw:
        raise DecodeError("transaction is empty")
    if raw[0] == _NATIVE_FIRST_BYTE:
        return _decode_native(raw, chain_id)
    if ethereum_envelope.is_ethereum(raw):
        return _decode_ethereum(raw, chain_id, decode_call)
    raise DecodeError(
        f"first byte 0x{raw[0]:02x} is none of a transaction: expected an array of 8 (0x98) "
        "or an Ethereum envelope (0x01, 0x02, 0xc0 and above)"
    )


def _decode_ethereum(raw: bytes, chain_id: int, decode_call: CallDecoder) -> Transaction:
    envelope = ethereum_envelope.decode(raw, chain_id)
    message_type, body = decode_call(envelope.to, envelope.value, envelope.data)
    return Transaction(
        hash=keccak256(raw),
        raw=raw,
        chain_id=chain_id,
        nonce=envelope.nonce,
        named_sender=None,
        type=message_type,
        body=body,
        fee=min(envelope.max_fee, MAX_UINT64),
        valid_until=NO_LAST_HEIGHT,
        authority=envelope.authority,
    )


def _decode_native(raw: bytes, chain_id: int) -> Transaction:
    (chain, nonce, sender_wire, message_type, body, fee, valid_until, signature) = codec.decode(
        raw, MAX_TRANSACTION_BYTES, MAX_ITEMS
    )
    if codec.as_uint(chain, "chain_id") != chain_id:
        raise WrongChainError(f"transaction is signed for chain {chain}, this chain is {chain_id}")
    if type(body) is not tuple:
        raise DecodeError(f"body: expected an array, found {body!r:.80}")
    if codec.as_uint(valid_until, "valid_until") == 0:
        raise DecodeError("valid_until: expected the last height of inclusion, found 0")
    sender, authority = _decode_authority(sender_wire, signature)
    return Transaction(
        hash=keccak256(raw),
        raw=raw,
        chain_id=chain_id,
        nonce=codec.as_uint(nonce, "nonce", MAX_NONCE),
        named_sender=sender,
        type=codec.as_text(message_type, "type", MAX_TYPE_BYTES),
        body=body,
        fee=codec.as_uint(fee, "fee"),
        valid_until=valid_until,
        authority=authority,
    )


def _decode_authority(sender: object, signature: object) -> tuple[Address, Authority]:
    """Address and what to verify, from the positions sender and signature."""
    if type(sender) is tuple:
        witness = Witness.from_wire(sender)
        return witness.address, ThresholdSignatures(
            witness, _decode_member_signatures(signature, witness)
        )
    key = check_key(sender, "sender")
    return key_address(key), KeySignature(
        key, codec.as_bytes(signature, "signature", SIGNATURE_BYTES)
    )


def _decode_member_signatures(value: object, witness: Witness) -> tuple[tuple[int, bytes], ...]:
    needed, keys = witness.members.threshold, witness.members.keys
    signatures: list[tuple[int, bytes]] = []
    for item in codec.as_array(value, "signature", needed):
        index, signature = codec.as_array(item, "signature", 2)
        index = codec.as_uint(index, "signature index", len(keys) - 1)
        if signatures and index <= signatures[-1][0]:
            raise DecodeError(
                f"signature: index {index} after {signatures[-1][0]}, expected ascending"
            )
        signatures.append((index, codec.as_bytes(signature, "signature", SIGNATURE_BYTES)))
    return tuple(signatures)


def key_address(public_key: bytes) -> Address:
    """Address of an Ed25519 or compressed secp256k1 key; DecodeError when it is none."""
    if len(check_key(public_key, "public key")) == ED25519_KEY_BYTES:
        return ed25519_address(public_key)
    try:
        return secp256k1_address(public_key)
    except ValueError as error:
        raise DecodeError(f"0x{public_key.hex()} is no point of secp256k1") from error


def verify_key(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """True when the key signed what Draft.signing_bytes gives: Ed25519 signs the message itself,
    secp256k1 its keccak256."""
    if len(public_key) == ED25519_KEY_BYTES:
        return verify_ed25519(public_key, message, signature)
    return verify_secp256k1(public_key, keccak256(message), signature)


def verify_transaction(transaction: Transaction) -> bool:
    """True when every signature is valid for the revealed keys. Reads no state, costs m checks.

    That a threshold account's revealed members are its members is authority_problem's question.
    """
    authority, raw = transaction.authority, transaction.raw
    if isinstance(authority, EthereumSignature):
        return authority.recover() is not None
    # The encoding is canonical, so the signing bytes are the raw bytes with head and tail changed.
    if isinstance(authority, KeySignature):
        message = _SIGNING_PREFIX + raw[1:-_SIGNATURE_WIRE_BYTES]
        return verify_key(authority.public_key, message, authority.signature)
    message = _SIGNING_PREFIX + raw[1 : -len(codec.encode(authority.signatures))]
    keys = authority.witness.members.keys
    return all(
        verify_key(keys[index], message, signature) for index, signature in authority.signatures
    )


def authority_problem(state: State, transaction: Transaction) -> str | None:
    """None when the verified keys may act for the sender in this state, else a sentence why not.

    Ask it before admission and again before inclusion: a rotation may have come between. A
    transaction that fails here is not included and consumes no nonce.
    """
    authority = transaction.authority
    if isinstance(authority, ThresholdSignatures):
        return witness_problem(state, authority.witness)
    if transaction.type == ROTATE.name:
        return f"{ROTATE.name} can only be sent by a threshold account"
    return None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to sign; the fields are those of Transaction."""

    chain_id: int
    nonce: int
    type: str
    body: tuple[Any, ...]
    valid_until: int
    fee: int = 0

    def signing_bytes(self, sender: bytes | Witness) -> bytes:
        """What each key signs; `sender` is a public key, or the witness of a threshold account."""
        return codec.encode((SIGNING_TAG, *self._envelope(sender)))

    def _envelope(self, sender: bytes | Witness) -> tuple[object, ...]:
        wire = sender.to_wire() if isinstance(sender, Witness) else sender
        return (
            self.chain_id,
            self.nonce,
            wire,
            self.type,
            self.body,
            self.fee,
            self.valid_until,
        )

    def signed(
        self, sender: bytes | Witness, signature: bytes | tuple[tuple[int, bytes], ...]
    ) -> Transaction:
        """The transaction with this signature (or member signatures); DecodeError when invalid."""
        raw = codec.encode((*self._envelope(sender), signature))
        return decode_transaction(raw, self.chain_id)


def sign(draft: Draft, signer: Signer) -> Transaction:
    """Sign with one key, Ed25519 or secp256k1."""
    signature = signer.sign(draft.signing_bytes(signer.public_key))
    return draft.signed(signer.public_key, signature)


def sign_threshold(draft: Draft, witness: Witness, signers: Sequence[Signer]) -> Transaction:
    """Sign with m member keys in any order; DecodeError when their number is not exactly m."""
    message = draft.signing_bytes(witness)
    keys = witness.members.keys
    for signer in signers:
        if signer.public_key not in keys:
            raise DecodeError(f"key 0x{signer.public_key.hex()} is no member of the account")
    signatures = [(keys.index(signer.public_key), signer.sign(message)) for signer in signers]
    return draft.signed(witness, tuple(sorted(signatures)))
