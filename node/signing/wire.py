"""Frames between a node and its signer: four bytes of length, then canonical bytes.

The signer greets with the chain that it serves and its public keys; then the node asks and the
signer answers in the same order, so that several votes may be under way.
"""

from dataclasses import dataclass
from typing import Final

from consensus.messages import SigningDomain
from ledger import codec
from ledger.crypto import ED25519_KEY_BYTES
from ledger.errors import DecodeError, PeerError
from ledger.primitives import HASH_BYTES, SIGNATURE_BYTES, Hash
from node.signing.fence import MAX_NUMBER, PLACE_BYTES
from node.signing.payload import MAX_PAYLOAD_BYTES

GREETING_TAG: Final = "poyong/signer/2"
LENGTH_BYTES: Final = 4
MAX_FRAME_BYTES: Final = 1_024
MAX_REASON_BYTES: Final = 512
MAX_KEYS: Final = 4
"""A validator's key and, while it is replaced, the next one; a few more do no harm."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a signer serves."""

    domain: SigningDomain
    public_keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks: the number by which its folder holds the right to sign, and the folder's place
    (node.signing.fence)."""

    number: int
    place: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """Sign `payload` by this key; number: counts on within a connection."""

    number: int
    public_key: bytes
    payload: bytes
    holder: Holder


@dataclass(frozen=True, slots=True)
class Answer:
    """A signature (64 bytes), or the reason of a refusal in its place."""

    number: int
    signature: bytes = b""
    refusal: str = ""


def frame(body: bytes) -> bytes:
    """A body with its length before it."""
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def take_frames(buffer: bytearray) -> list[bytes]:
    """Remove the complete frames from the front of `buffer`; PeerError for one that is too long."""
    found = []
    while len(buffer) >= LENGTH_BYTES:
        length = int.from_bytes(buffer[:LENGTH_BYTES], "big")
        if length > MAX_FRAME_BYTES:
            raise PeerError(f"a frame has at most {MAX_FRAME_BYTES} bytes, found {length}")
        end = LENGTH_BYTES + length
        if len(buffer) < end:
            break
        found.append(bytes(buffer[LENGTH_BYTES:end]))
        del buffer[:end]
    return found


def encode_greeting(greeting: Greeting) -> bytes:
    """Canonical bytes."""
    domain = greeting.domain
    return codec.encode((GREETING_TAG, domain.chain_id, domain.genesis_hash, greeting.public_keys))


def decode_greeting(data: bytes) -> Greeting:
    """Inverse of encode_greeting, or DecodeError."""
    value = codec.decode(data, MAX_FRAME_BYTES)
    tag, chain_id, genesis_hash, keys = codec.as_array(value, "greeting", 4)
    if tag != GREETING_TAG:
        raise DecodeError(f"greeting.tag: expected {GREETING_TAG!r}, found {tag!r:.40}")
    return Greeting(
        SigningDomain(
            codec.as_uint(chain_id, "greeting.chain_id"),
            Hash(codec.as_bytes(genesis_hash, "greeting.genesis_hash", HASH_BYTES)),
        ),
        tuple(
            codec.as_bytes(key, "greeting.key", ED25519_KEY_BYTES)
            for key in codec.as_list(keys, "greeting.keys", MAX_KEYS)
        ),
    )


def encode_ask(ask: Ask) -> bytes:
    """Canonical bytes."""
    holder = ask.holder
    return codec.encode((ask.number, ask.public_key, ask.payload, holder.number, holder.place))


def decode_ask(data: bytes) -> Ask:
    """Inverse of encode_ask, or DecodeError. The payload is not yet read."""
    number, key, payload, fence, place = codec.as_array(
        codec.decode(data, MAX_FRAME_BYTES), "ask", 5
    )
    return Ask(
        codec.as_uint(number, "ask.number"),
        codec.as_bytes(key, "ask.key", ED25519_KEY_BYTES),
        codec.as_bytes_up_to(payload, "ask.payload", MAX_PAYLOAD_BYTES),
        Holder(
            codec.as_uint(fence, "ask.holder", MAX_NUMBER),
            codec.as_bytes(place, "ask.place", PLACE_BYTES),
        ),
    )


def encode_answer(answer: Answer) -> bytes:
    """Canonical bytes; a long reason is cut."""
    reason = answer.refusal.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
    return codec.encode((answer.number, answer.signature, reason))


def decode_answer(data: bytes) -> Answer:
    """Inverse of encode_answer, or DecodeError."""
    number, signature, reason = codec.as_array(codec.decode(data, MAX_FRAME_BYTES), "answer", 3)
    answer = Answer(
        codec.as_uint(number, "answer.number"),
        codec.as_bytes_up_to(signature, "answer.signature", SIGNATURE_BYTES),
        codec.as_text(reason, "answer.refusal", MAX_REASON_BYTES),
    )
    if len(answer.signature) not in (0, SIGNATURE_BYTES) or bool(answer.signature) == bool(reason):
        raise DecodeError("answer: expected a signature of 64 bytes or a reason")
    return answer
