"""What a validator's key may sign, strictly read: votes of one chain, and probes of its own.

The inverse of consensus.messages.SigningDomain.payload, for a signer that trusts no node. Of
transactions it signs `validators.probe` alone, which moves nothing: a key that is to come shows by
it that its node follows the chain. Pure.
"""

from dataclasses import dataclass
from typing import Final

from consensus.messages import SIGNATURE_TAG, SigningDomain
from ledger import codec
from ledger.crypto import sha256
from ledger.errors import DecodeError
from ledger.primitives import HASH_BYTES, MAX_NONCE, Hash
from ledger.registry import MAX_VIEW, Phase
from ledger.set_changes import PROBE
from ledger.transaction import SIGNING_TAG

MAX_PAYLOAD_BYTES: Final = 256
"""The longest payload, a ViewChange with a claim, has fewer than 160."""
MAX_PAYLOAD_ITEMS: Final = 16


@dataclass(frozen=True, slots=True)
class VotePayload:
    """A vote by its place (height, view, phase); digest: SHA-256 of the whole payload."""

    phase: Phase
    height: int
    view: int
    digest: Hash


@dataclass(frozen=True, slots=True)
class ProbePayload:
    """A probe of this key; it contradicts nothing, so that no record of it is kept."""

    height: int


def decode_asked(
    data: bytes, domain: SigningDomain, public_key: bytes
) -> VotePayload | ProbePayload:
    """Read what this key is asked to sign. DecodeError for all else, and for another chain's."""
    value = codec.decode(data, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_ITEMS)
    if isinstance(value, (list, tuple)) and value and value[0] == SIGNING_TAG:
        return _decode_probe(value, domain, public_key)
    return decode_payload(data, domain)


def _decode_probe(value: object, domain: SigningDomain, public_key: bytes) -> ProbePayload:
    _, chain_id, nonce, sender, message_type, body, fee, valid_until = codec.as_array(
        value, "transaction", 8
    )
    if message_type != PROBE.name:
        raise DecodeError(
            f"transaction.type: of transactions {PROBE.name} alone is signed, "
            f"found {message_type!r:.40}"
        )
    if codec.as_uint(chain_id, "transaction.chain_id") != domain.chain_id:
        raise DecodeError(f"transaction.chain_id: expected {domain.chain_id}, found {chain_id}")
    codec.as_uint(nonce, "transaction.nonce", MAX_NONCE)
    codec.as_uint(valid_until, "transaction.valid_until")
    if codec.as_uint(fee, "transaction.fee") != 0:
        raise DecodeError(f"transaction.fee: a probe has none, found {fee}")
    of, height, _ = PROBE.decode(tuple(codec.as_array(body, "transaction.body", len(PROBE.fields))))
    if sender != public_key or of != public_key:
        raise DecodeError(f"transaction.sender: expected the key {public_key.hex()} in both places")
    return ProbePayload(height)


def decode_payload(data: bytes, domain: SigningDomain) -> VotePayload:
    """Read a payload of this chain. DecodeError for any other bytes, and for another chain's."""
    value = codec.decode(data, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_ITEMS)
    tag, chain_id, genesis_hash, phase, height, view, claim = codec.as_array(value, "payload", 7)
    if tag != SIGNATURE_TAG:
        raise DecodeError(f"payload.tag: expected {SIGNATURE_TAG!r}, found {tag!r:.40}")
    if codec.as_uint(chain_id, "payload.chain_id") != domain.chain_id:
        raise DecodeError(f"payload.chain_id: expected {domain.chain_id}, found {chain_id}")
    genesis = codec.as_bytes(genesis_hash, "payload.genesis_hash", HASH_BYTES)
    if genesis != domain.genesis_hash:
        raise DecodeError(
            f"payload.genesis_hash: expected {domain.genesis_hash.hex()}, found {genesis.hex()}"
        )
    number = codec.as_uint(phase, "payload.phase", max(Phase))
    if number not in list(Phase):
        raise DecodeError(f"payload.phase: expected 1 to {max(Phase):d}, found {number}")
    read = VotePayload(
        Phase(number),
        codec.as_uint(height, "payload.height"),
        codec.as_uint(view, "payload.view", MAX_VIEW),
        sha256(data),
    )
    if read.height == 0:
        raise DecodeError("payload.height: genesis is not voted on, expected at least 1")
    if read.phase is Phase.VIEW_CHANGE:
        _check_view_claim(claim, read.view)
    else:
        codec.as_bytes(claim, "payload.claim", HASH_BYTES)
    return read


def _check_view_claim(claim: object, new_view: int) -> None:
    encoded = codec.as_bytes_up_to(claim, "payload.claim", MAX_PAYLOAD_BYTES)
    prepared_view, prepared_hash = codec.as_array(
        codec.decode(encoded, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_ITEMS), "payload.claim", 2
    )
    if prepared_view is None and prepared_hash is None:
        return
    view = codec.as_uint(prepared_view, "payload.claim.view", MAX_VIEW)
    codec.as_bytes(prepared_hash, "payload.claim.hash", HASH_BYTES)
    if view >= new_view:
        raise DecodeError(f"payload.claim.view: expected below {new_view}, found {view}")
