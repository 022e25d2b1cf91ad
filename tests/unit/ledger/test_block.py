"""Blocks: canonical bytes, hash, what a body must match, bounds, and the compact form."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.messages import Proposal
from ledger import codec
from ledger.block import (
    MAX_BLOCK_TRANSACTIONS,
    MAX_PARTICIPATION_BYTES,
    Block,
    Header,
    build_block,
    decode_block,
    decode_compact_block,
    participation_root,
)
from ledger.errors import DecodeError, PeerError, WrongChainError
from ledger.module import BlockInfo
from ledger.primitives import ZERO_HASH, Hash
from ledger.registry import (
    LATE_SEAL_HEIGHTS,
    MAX_EVIDENCE_ITEMS,
    MAX_VALIDATORS,
    Certificate,
    Evidence,
    LateSeal,
    Participation,
    Phase,
)
from tests.support.transfers import ALICE, BOB, CHAIN_ID, signed

INFO = BlockInfo(
    chain_id=CHAIN_ID,
    height=7,
    time_ms=123,
    parent_hash=Hash(b"p" * 32),
    parent_time_ms=100,
    proposer=2,
    participation=Participation(Certificate(6, 1, Hash(b"p" * 32), ((0, bytes(64)),))),
)
TRANSACTIONS = (signed(ALICE), signed(BOB), signed(ALICE, nonce=1))
BLOCK = build_block(INFO, TRANSACTIONS, Hash(b"s" * 32), Hash(b"r" * 32), Hash(b"v" * 32))


def test_a_block_is_what_consensus_proposes() -> None:
    proposal: Proposal = BLOCK
    assert (proposal.height, proposal.time_ms, proposal.proposer) == (7, 123, 2)
    assert proposal.parent_hash == INFO.parent_hash
    assert proposal.validators_hash == b"v" * 32
    assert proposal.participation is INFO.participation
    assert not proposal.is_empty


def test_a_block_decodes_to_itself_and_keeps_its_bytes() -> None:
    decoded = decode_block(BLOCK.encoded, CHAIN_ID)
    assert decoded == BLOCK
    assert decoded.hash == BLOCK.hash
    assert decoded.encoded is not None
    assert build_block(INFO, decoded.transactions, *roots()).encoded == BLOCK.encoded


def roots() -> tuple[Hash, Hash, Hash]:
    header = BLOCK.header
    return header.state_root, header.receipts_root, header.validators_hash


def test_the_hash_covers_every_field_of_the_header() -> None:
    hashes = {BLOCK.hash}
    for name, value in vars(BLOCK.header).items():
        if name != "hash":
            other: Any = value + 1 if isinstance(value, int) else Hash(b"x" * 32)
            hashes.add(replace(BLOCK.header, **{name: other}).hash)
    assert len(hashes) == 10


def with_body(**changes: object) -> bytes:
    wire = {
        "header": BLOCK.header.to_wire(),
        "participation": BLOCK.participation.to_wire(),
        "transactions": [item.raw for item in BLOCK.transactions],
    } | changes
    return codec.encode(tuple(wire.values()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transactions": [TRANSACTIONS[0].raw]}, "transactions root"),
        ({"transactions": [item.raw for item in TRANSACTIONS[::-1]]}, "transactions root"),
        ({"participation": Participation(None).to_wire()}, "participation root"),
        ({"transactions": [b"\x01"]}, "RLP: expected a list"),
        ({"transactions": [5]}, "expected bytes"),
        ({"transactions": [b""] * (MAX_BLOCK_TRANSACTIONS + 1)}, "at most 2000"),
        ({"header": ()}, "header"),
        ({"header": (*BLOCK.header.to_wire()[:8], b"short")}, "header roots"),
        ({"participation": ()}, "participation"),
    ],
)
def test_a_body_that_the_header_does_not_name_is_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DecodeError, match=message):
        decode_block(with_body(**changes), CHAIN_ID)


def test_a_block_with_another_chains_transaction_is_refused() -> None:
    with pytest.raises(WrongChainError):
        decode_block(BLOCK.encoded, CHAIN_ID + 1)


def test_a_block_over_the_byte_limit_is_refused() -> None:
    with pytest.raises(DecodeError, match="at most 4194304"):
        decode_block(bytes(4 * 1024 * 1024 + 1), CHAIN_ID)


def test_the_largest_legal_participation_fits_its_bound() -> None:
    seals = tuple((index, bytes(64)) for index in range(MAX_VALIDATORS))
    huge = 2**64 - 1
    late = tuple(
        LateSeal(huge, 2**32 - 1, ZERO_HASH, index, bytes(64))
        for index in range(MAX_VALIDATORS)
        for _ in range(LATE_SEAL_HEIGHTS)
    )
    evidence = tuple(
        Evidence(Phase.VIEW_CHANGE, huge, 2**32 - 1, 31, b"a" * 64, bytes(64), b"b" * 64, bytes(64))
        for _ in range(MAX_EVIDENCE_ITEMS)
    )
    largest = Participation(Certificate(huge, 2**32 - 1, ZERO_HASH, seals), late, evidence)
    assert len(codec.encode(largest.to_wire())) <= MAX_PARTICIPATION_BYTES
    assert participation_root(largest) != participation_root(Participation(None))


def test_the_compact_form_names_transactions_and_is_completed_by_them_alone() -> None:
    compact = decode_compact_block(BLOCK.compact().encoded)
    assert compact == BLOCK.compact()
    assert compact.complete(TRANSACTIONS) == BLOCK
    for wrong in (TRANSACTIONS[:2], TRANSACTIONS[::-1], ()):
        with pytest.raises(PeerError, match="are not the 3"):
            compact.complete(wrong)


def test_a_compact_block_whose_hashes_the_header_does_not_name_is_refused() -> None:
    compact = BLOCK.compact()
    wrong = replace(compact, transaction_hashes=compact.transaction_hashes[:2])
    with pytest.raises(DecodeError, match="transactions root"):
        decode_compact_block(wrong.encoded)
    other = replace(compact, participation=Participation(None))
    with pytest.raises(DecodeError, match="participation root"):
        decode_compact_block(other.encoded)


def test_a_block_without_transactions_is_empty() -> None:
    assert build_block(INFO, (), *roots()).is_empty


def test_header_from_wire_refuses_a_proposer_beyond_the_largest_set() -> None:
    wire = replace(BLOCK.header, proposer=MAX_VALIDATORS).to_wire()
    with pytest.raises(DecodeError, match=r"header\.proposer"):
        Header.from_wire(wire)
    assert isinstance(BLOCK, Block)
