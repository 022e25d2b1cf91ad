"""Blocks: header, what the block embeds about consensus, and transactions.

Decoding checks form and that the body is the one the header names; it verifies no signature and
executes nothing. Consensus sees a Block through its Proposal protocol (consensus/messages.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from ledger import codec, merkle
from ledger.errors import DecodeError, PeerError
from ledger.ethereum_envelope import CallDecoder, transfers_only
from ledger.module import BlockInfo
from ledger.primitives import HASH_BYTES, Hash
from ledger.registry import MAX_VALIDATORS, Participation
from ledger.transaction import Transaction, decode_transaction

HEADER_TAG: Final = b"poyong/header/1"
PARTICIPATION_TAG: Final = b"poyong/participation/1"
MAX_BLOCK_TRANSACTIONS: Final = 2000
MAX_BLOCK_BYTES: Final = 4 * 1024 * 1024
MAX_PARTICIPATION_BYTES: Final = 64 * 1024
MAX_HEADER_BYTES: Final = 512
MAX_COMPACT_BLOCK_BYTES: Final = (
    MAX_HEADER_BYTES + MAX_PARTICIPATION_BYTES + MAX_BLOCK_TRANSACTIONS * (HASH_BYTES + 2) + 16
)
_HEADER_FIELDS: Final = 9


@dataclass(frozen=True)
class Header:
    """What a block's hash covers (consensus.md, "Header").

    height 0 is genesis. time_ms: ms since 1970. proposer: index, in the set of this height, of who
    first proposed the block. state_root and receipts_root: after execution. validators_hash: of
    the set of height + 2.
    """

    height: int
    parent_hash: Hash
    time_ms: int
    proposer: int
    transactions_root: Hash
    state_root: Hash
    receipts_root: Hash
    validators_hash: Hash
    participation_root: Hash

    def to_wire(self) -> tuple[object, ...]:
        """The fields in order."""
        return (
            self.height,
            self.parent_hash,
            self.time_ms,
            self.proposer,
            self.transactions_root,
            self.state_root,
            self.receipts_root,
            self.validators_hash,
            self.participation_root,
        )

    @staticmethod
    def from_wire(value: object) -> "Header":
        """Inverse of to_wire; DecodeError for anything else."""
        height, parent_hash, time_ms, proposer, *roots = codec.as_array(
            value, "header", _HEADER_FIELDS
        )
        hashes = [Hash(codec.as_bytes(item, "header roots", HASH_BYTES)) for item in roots]
        return Header(
            codec.as_uint(height, "header.height"),
            Hash(codec.as_bytes(parent_hash, "header.parent_hash", HASH_BYTES)),
            codec.as_uint(time_ms, "header.time_ms"),
            codec.as_uint(proposer, "header.proposer", MAX_VALIDATORS - 1),
            *hashes,
        )

    @cached_property
    def hash(self) -> Hash:
        """The block's hash: SHA-256 of tag || canonical header."""
        return Hash(sha256(HEADER_TAG + codec.encode(self.to_wire())).digest())


def participation_root(participation: Participation) -> Hash:
    """SHA-256 of tag || canonical participation; ValueError when it exceeds 64 KiB."""
    raw = codec.encode(participation.to_wire())
    if len(raw) > MAX_PARTICIPATION_BYTES:
        raise ValueError(
            f"participation has {len(raw)} bytes, at most {MAX_PARTICIPATION_BYTES} are allowed"
        )
    return Hash(sha256(PARTICIPATION_TAG + raw).digest())


def transactions_root(transactions: Sequence[Transaction]) -> Hash:
    """Merkle root over the transaction hashes, in order."""
    return merkle.root([transaction.hash for transaction in transactions])


@dataclass(frozen=True)
class Block:
    """A complete block; satisfies the Proposal protocol of consensus."""

    header: Header
    participation: Participation
    transactions: tuple[Transaction, ...]

    @property
    def hash(self) -> Hash:
        """SHA-256 of the canonical header, with its tag."""
        return self.header.hash

    @property
    def height(self) -> int:
        """1 for the first block after genesis."""
        return self.header.height

    @property
    def parent_hash(self) -> Hash:
        """Hash of the block at height - 1 (genesis hash at height 1)."""
        return self.header.parent_hash

    @property
    def time_ms(self) -> int:
        """Block time, ms since 1970."""
        return self.header.time_ms

    @property
    def proposer(self) -> int:
        """Index, in the set of this height, of who first proposed it."""
        return self.header.proposer

    @property
    def validators_hash(self) -> Hash:
        """Hash of the validator set of height + 2."""
        return self.header.validators_hash

    @property
    def is_empty(self) -> bool:
        """True without transactions."""
        return not self.transactions

    @cached_property
    def encoded(self) -> bytes:
        """Canonical bytes [header, participation, [transaction bytes, ...]]."""
        return codec.encode(
            (
                self.header.to_wire(),
                self.participation.to_wire(),
                [transaction.raw for transaction in self.transactions],
            )
        )

    def compact(self) -> "CompactBlock":
        """The block with transactions named by hash."""
        return CompactBlock(
            self.header, self.participation, tuple([item.hash for item in self.transactions])
        )


def build_block(
    info: BlockInfo,
    transactions: tuple[Transaction, ...],
    state_root: Hash,
    receipts_root: Hash,
    validators_hash: Hash,
) -> Block:
    """The block that a proposer makes of what executing it gave."""
    header = Header(
        height=info.height,
        parent_hash=info.parent_hash,
        time_ms=info.time_ms,
        proposer=info.proposer,
        transactions_root=transactions_root(transactions),
        state_root=state_root,
        receipts_root=receipts_root,
        validators_hash=validators_hash,
        participation_root=participation_root(info.participation),
    )
    return Block(header, info.participation, transactions)


def _check_participation(header: Header, participation: Participation) -> None:
    try:
        found = participation_root(participation)
    except ValueError as error:
        raise DecodeError(str(error)) from error
    if found != header.participation_root:
        raise DecodeError(
            f"block {header.height}: participation root is {found.hex()}, "
            f"the header says {header.participation_root.hex()}"
        )


def _check_transactions(header: Header, found: Hash) -> None:
    if found != header.transactions_root:
        raise DecodeError(
            f"block {header.height}: transactions root is {found.hex()}, "
            f"the header says {header.transactions_root.hex()}"
        )


def decode_block(raw: bytes, chain_id: int, decode_call: CallDecoder = transfers_only) -> Block:
    """The block with canonical bytes `raw`, whose body is the one that its header names.

    Transaction signatures are not verified; decode_call as in decode_transaction. Raises
    DecodeError for anything else.
    """
    header_wire, participation_wire, raws = codec.as_array(
        codec.decode(raw, MAX_BLOCK_BYTES), "block", 3
    )
    header = Header.from_wire(header_wire)
    participation = Participation.from_wire(participation_wire)
    _check_participation(header, participation)
    transactions: list[Transaction] = []
    for item in codec.as_list(raws, "transactions", MAX_BLOCK_TRANSACTIONS):
        if type(item) is not bytes:
            raise DecodeError(f"transactions: expected bytes, found {item!r:.80}")
        transactions.append(decode_transaction(item, chain_id, decode_call))
    _check_transactions(header, transactions_root(transactions))
    block = Block(header, participation, tuple(transactions))
    # Fills the cached property: `raw` is canonical, so encoding again would give the same bytes.
    block.__dict__["encoded"] = raw
    return block


@dataclass(frozen=True)
class CompactBlock:
    """A block on the wire, its transactions named by hash (they were gossiped before)."""

    header: Header
    participation: Participation
    transaction_hashes: tuple[Hash, ...]

    @cached_property
    def encoded(self) -> bytes:
        """Canonical bytes [header, participation, [transaction hash, ...]]."""
        return codec.encode(
            (self.header.to_wire(), self.participation.to_wire(), self.transaction_hashes)
        )

    def complete(self, transactions: Sequence[Transaction]) -> Block:
        """The whole block; PeerError unless these are the named transactions in their order."""
        if [transaction.hash for transaction in transactions] != list(self.transaction_hashes):
            raise PeerError(
                f"block {self.header.height}: the {len(transactions)} transactions given are not "
                f"the {len(self.transaction_hashes)} that it names"
            )
        return Block(self.header, self.participation, tuple(transactions))


def decode_compact_block(raw: bytes) -> CompactBlock:
    """Inverse of CompactBlock.encoded, checked against its header; DecodeError otherwise."""
    header_wire, participation_wire, hashes = codec.as_array(
        codec.decode(raw, MAX_COMPACT_BLOCK_BYTES), "compact block", 3
    )
    header = Header.from_wire(header_wire)
    participation = Participation.from_wire(participation_wire)
    _check_participation(header, participation)
    named: Any = codec.as_list(hashes, "transaction hashes", MAX_BLOCK_TRANSACTIONS)
    for item in named:
        codec.as_bytes(item, "transaction hash", HASH_BYTES)
    _check_transactions(header, merkle.root(named))
    return CompactBlock(header, participation, named)
