"""Decoders of the signer: what a node asks, what it answers, and its record."""

from consensus.messages import ViewChange
from ledger import codec
from ledger.crypto import Ed25519Signer
from ledger.errors import DecodeError, LocalError
from ledger.registry import Phase
from ledger.set_changes import PROBE
from ledger.transaction import Draft
from node.signing import fence, last_signed, payload, wire
from tests.fuzz.checking import Decoder
from tests.fuzz.mutation import Shape
from tests.support.signer_homes import DOMAIN, HOLDER, SEED

KEY = Ed25519Signer(SEED).public_key

CLAIMS = (
    (Phase.PREPARE, b"a" * 32),
    (Phase.VIEW_CHANGE, ViewChange(3, 1, None, None, 0).claim),
    (Phase.VIEW_CHANGE, codec.encode((0, b"a" * 32))),
)


def probe() -> bytes:
    """What KEY signs to show that its node follows the chain."""
    body = PROBE.encode(KEY, 7, b"r" * 32)
    draft = Draft(chain_id=DOMAIN.chain_id, nonce=1, type=PROBE.name, body=body, valid_until=71)
    return draft.signing_bytes(KEY)


def signer() -> list[Decoder]:
    """All of them."""
    payloads = [DOMAIN.payload(phase, 3, 1, claim) for phase, claim in CLAIMS]
    state = last_signed.LastSigned()
    states = [state, state.asked_by(HOLDER)]
    for item in payloads[:2]:
        state = state.with_vote(payload.decode_payload(item, DOMAIN))
        states.append(state)
    answers = (wire.Answer(1, b"s" * 64), wire.Answer(2, refusal="signed already"))
    key, place = b"k" * 32, b"p" * 16
    fences = [fence.Fence(place), fence.Fence(place, (key,), fence.Standing.TAKEN, 3, None)]
    tokens = [fence.Token(key, place, 1, height) for height in (None, 9)]
    return [
        Decoder(
            "fence",
            fence.decode_fence,
            [fence.encode_fence(item) for item in fences],
            (DecodeError,),
            ("fence.decode_fence",),
            fence.encode_fence,
        ),
        Decoder(
            "fencing token",
            lambda raw: fence.decode_token(raw.decode("latin-1")),
            [fence.encode_token(item).encode() for item in tokens],
            (LocalError,),
            ("fence.decode_token",),
            shape=Shape.BYTES,
        ),
        Decoder(
            "vote payload",
            lambda raw: payload.decode_payload(raw, DOMAIN),
            payloads,
            (DecodeError,),
            ("payload.decode_payload",),
        ),
        Decoder(
            "what a signer is asked",
            lambda raw: payload.decode_asked(raw, DOMAIN, KEY),
            [*payloads, probe()],
            (DecodeError,),
            ("payload.decode_asked", "payload._decode_probe"),
        ),
        Decoder(
            "last signed",
            lambda raw: last_signed.decode_state(raw, DOMAIN),
            [last_signed.encode_state(item, DOMAIN) for item in states],
            (DecodeError,),
            ("last_signed.decode_state",),
            lambda value: last_signed.encode_state(value, DOMAIN),
        ),
        Decoder(
            "signer greeting",
            wire.decode_greeting,
            [wire.encode_greeting(wire.Greeting(DOMAIN, (b"k" * 32,)))],
            (DecodeError,),
            ("wire.decode_greeting",),
            wire.encode_greeting,
        ),
        Decoder(
            "signer ask",
            wire.decode_ask,
            [wire.encode_ask(wire.Ask(1, b"k" * 32, item, HOLDER)) for item in payloads],
            (DecodeError,),
            ("wire.decode_ask",),
            wire.encode_ask,
        ),
        Decoder(
            "signer answer",
            wire.decode_answer,
            [wire.encode_answer(item) for item in answers],
            (DecodeError,),
            ("wire.decode_answer",),
            wire.encode_answer,
        ),
    ]
