"""Every decoder of blocks, receipts and proofs is total, and accepts one encoding of a value."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codec, participation
from ledger.block import Block, CompactBlock, decode_block, decode_compact_block
from ledger.errors import DecodeError
from ledger.merkle import InclusionProof
from ledger.participation import History
from ledger.proofs import StateProof
from ledger.receipt import Receipt, decode_hook_leaf, decode_receipt, hook_leaf
from tests.fuzz import samples
from tests.support.ledger_chain import CHAIN_ID

CHAIN = samples.chain()


def _encoded(value: object) -> bytes:
    match value:
        case Block() | CompactBlock() | Receipt():
            return value.encoded
        case History():
            return participation.encode_history(value)
        case InclusionProof() | StateProof():
            return codec.encode(value.to_wire())
        case tuple():
            return hook_leaf(value)
        case _:
            raise TypeError(type(value))


DECODERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "block": (partial(decode_block, chain_id=CHAIN_ID), CHAIN.blocks[1].encoded),
    "compact": (decode_compact_block, CHAIN.blocks[1].compact().encoded),
    "receipt": (decode_receipt, CHAIN.executed[0].receipt_leaves[0]),
    "hook events": (decode_hook_leaf, CHAIN.executed[0].receipt_leaves[-1]),
    "history": (participation.decode_history, participation.encode_history(CHAIN.history)),
    "inclusion": (
        lambda raw: InclusionProof.from_wire(codec.decode(raw)),
        codec.encode((1, 3, (bytes(32), bytes(32)))),
    ),
    "state proof": (
        lambda raw: StateProof.from_wire(codec.decode(raw)),
        codec.encode((256, bytes(64), (bytes(32),))),
    ),
}


@pytest.mark.parametrize("name", DECODERS)
def test_a_value_decodes_and_encodes_to_the_same_bytes(name: str) -> None:
    decode, sample = DECODERS[name]
    assert _encoded(decode(sample)) == sample


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_any_bytes_give_a_value_or_a_decode_error(name: str, data: st.DataObject) -> None:
    decode, sample = DECODERS[name]
    mutated = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert"])):
            case "set":
                mutated[place] = data.draw(st.integers(0, 255))
            case "cut":
                del mutated[place : place + data.draw(st.integers(0, len(mutated) - 1))]
            case _:
                mutated[place:place] = data.draw(st.binary(max_size=8))
        mutated = mutated or bytearray(b"\0")
    raw = data.draw(st.sampled_from([bytes(mutated), data.draw(st.binary(max_size=80))]))
    try:
        value = decode(raw)
    except DecodeError:
        return
    assert _encoded(value) == raw
