"""Blocks that were decoded before: found by their bytes, never by their header alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import block as ledger_block
from ledger.block import Block
from ledger.errors import DecodeError
from ledger.ethereum_envelope import transfers_only
from node.sync.known_blocks import KEPT, KnownBlocks
from tests.support.applied_chain import AppliedChain
from tests.support.ledger_chain import CHAIN_ID


def blocks(count: int) -> list[Block]:
    chain, made = AppliedChain(), []
    for _ in range(count):
        block = chain.build(chain.signed())
        chain.take(chain.certified(block))
        made.append(block)
    return made


def test_known_bytes_are_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks(1)
    known = KnownBlocks(CHAIN_ID, transfers_only)
    known.add(block)
    monkeypatch.setattr(ledger_block, "decode_transaction", None)
    assert known.read(block.encoded) is block


def test_another_body_under_a_known_header_is_judged_by_itself() -> None:
    first, second = blocks(2)
    forged = Block(first.header, first.participation, second.transactions)
    known = KnownBlocks(CHAIN_ID, transfers_only)
    known.add(first)
    with pytest.raises(DecodeError, match="transactions root"):
        known.read(forged.encoded)


def test_what_was_read_is_known_and_the_oldest_is_forgotten() -> None:
    made = blocks(KEPT + 1)
    known = KnownBlocks(CHAIN_ID, transfers_only)
    read = [known.read(block.encoded) for block in made]
    assert known.read(made[-1].encoded) is read[-1]
    assert known.read(made[0].encoded) is not read[0]


@given(st.binary(max_size=600), st.integers(0, 200))
def test_any_bytes_give_a_block_or_a_decode_error(noise: bytes, cut: int) -> None:
    known = KnownBlocks(CHAIN_ID, transfers_only)
    known.add(SAMPLE)
    for raw in (noise, SAMPLE.encoded[:cut] + noise):
        with pytest.raises(DecodeError):
            known.read(raw)


SAMPLE = blocks(1)[0]
