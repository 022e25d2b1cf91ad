"""Blocks that this node has decoded lately, so that the same bytes are not decoded again.

Under overload every peer that is asked by Status sends the whole block; decoding a full one costs
5 ms, finding it here microseconds.
"""

from typing import Final

import msgpack

from ledger.block import MAX_HEADER_BYTES, Block, Header, decode_block
from ledger.errors import DecodeError
from ledger.ethereum_envelope import CallDecoder
from ledger.primitives import Hash

KEPT: Final = 8


class KnownBlocks:
    """The last KEPT blocks by hash."""

    def __init__(self, chain_id: int, decode_call: CallDecoder) -> None:
        self._chain_id = chain_id
        self._decode_call = decode_call
        self._blocks: dict[Hash, Block] = {}

    def add(self, block: Block) -> None:
        """Remember a block; the oldest is forgotten."""
        self._blocks[block.hash] = block
        while len(self._blocks) > KEPT:
            del self._blocks[next(iter(self._blocks))]

    def read(self, raw: bytes) -> Block:
        """The block with these canonical bytes; DecodeError for any others."""
        known = self._blocks.get(_claimed_hash(raw)) if self._blocks else None
        if known is not None and known.encoded == raw:
            return known
        block = decode_block(raw, self._chain_id, self._decode_call)
        self.add(block)
        return block


def _claimed_hash(raw: bytes) -> Hash:
    """Hash of the header that the bytes begin with; nothing is checked but its form."""
    unpacker = msgpack.Unpacker(use_list=False, raw=False)
    unpacker.feed(raw[: MAX_HEADER_BYTES + 16])
    try:
        unpacker.read_array_header()
        header = unpacker.unpack()
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise DecodeError(f"block: no header at its start ({error or 'cut short'})") from error
    return Header.from_wire(header).hash
