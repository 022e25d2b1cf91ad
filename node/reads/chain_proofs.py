"""Puts together what anyone who knows genesis needs to trust a header (consensus/light.py)."""

from api.ports import ChainProof, SetChange
from ledger import codec
from ledger.block import Header
from ledger.errors import InvariantViolation
from ledger.registry import Certificate, ValidatorSet
from node.store.block_store import BlockStore


def stored_certificate(blocks: BlockStore, height: int) -> Certificate | None:
    """The commit certificate with which this node finalised `height`."""
    raw = blocks.certificate_bytes(height) if height > 0 else None
    return None if raw is None else Certificate.from_wire(codec.decode(raw))


def chain_proof(blocks: BlockStore, header: Header) -> ChainProof:
    """Proof of a committed header: its certificate, and every set change before it."""
    changes = tuple(
        _set_change(blocks, height, row) for height, row in blocks.set_changes(header.height)
    )
    return ChainProof(codec.encode(header.to_wire()), _certificate(blocks, header.height), changes)


def _set_change(blocks: BlockStore, height: int, row: bytes) -> SetChange:
    header, members = codec.as_array(codec.decode(row), "set change", 2)
    return SetChange(
        codec.encode(header), _certificate(blocks, height), ValidatorSet.from_wire(members)
    )


def _certificate(blocks: BlockStore, height: int) -> Certificate:
    found = stored_certificate(blocks, height)
    if found is None:
        raise InvariantViolation(f"the store has block {height} and no certificate of it")
    return found
