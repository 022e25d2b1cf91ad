"""A chain of stand-in certified blocks for tests of sync: real codec, no execution."""

from dataclasses import dataclass

from consensus.message_wire import encode
from consensus.messages import CertifiedBlock
from ledger import codec
from ledger.crypto import sha256
from ledger.primitives import HASH_BYTES, ZERO_HASH, Hash
from ledger.registry import Certificate, Participation

NOTHING_EMBEDDED = Participation(None)


@dataclass(frozen=True)
class StandInBlock:
    """Satisfies consensus.messages.Proposal; `filler` gives it a size."""

    height: int
    parent_hash: Hash
    filler: bytes = b""
    time_ms: int = 0
    proposer: int = 0
    participation: Participation = NOTHING_EMBEDDED
    is_empty: bool = True
    validators_hash: Hash = ZERO_HASH

    @property
    def encoded(self) -> bytes:
        return codec.encode((self.height, self.parent_hash, self.filler))

    @property
    def hash(self) -> Hash:
        return sha256(self.encoded)


def read_block(data: bytes) -> StandInBlock:
    """The ReadProposal of these blocks."""
    height, parent_hash, filler = codec.as_array(codec.decode(data), "block", 3)
    return StandInBlock(
        codec.as_uint(height, "height"),
        Hash(codec.as_bytes(parent_hash, "parent_hash", HASH_BYTES)),
        codec.as_bytes_up_to(filler, "filler", codec.MAX_MESSAGE_BYTES),
    )


def certified(block: StandInBlock) -> CertifiedBlock:
    return CertifiedBlock(Certificate(block.height, 0, block.hash, ()), block)


def make_chain(length: int, filler_bytes: int = 0) -> dict[int, bytes]:
    """Encoded certified blocks by height, 1..length."""
    parent = ZERO_HASH
    chain: dict[int, bytes] = {}
    for height in range(1, length + 1):
        block = StandInBlock(height, parent, bytes(filler_bytes))
        chain[height] = encode(certified(block))
        parent = block.hash
    return chain
