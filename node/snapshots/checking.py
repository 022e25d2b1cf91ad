"""Whether the items of a snapshot are those of a final block: each by itself, as it comes.

Trust starts at genesis, and where the operator has a trusted header also there. The manifest has
the certified header, the changes of the validator set that lead to it, the headers before it, which
it names by their hashes, and the nodes of the state's tree, which give its state root. So nothing
in a manifest is anybody's word, and against it every block and every part is checked alone: who
sent a wrong one is known at once.
"""

from dataclasses import dataclass
from itertools import pairwise

from api.light import TrustedGenesis, TrustedHeader, follow_chain
from api.ports import ChainProof
from consensus.authentication import Verify
from consensus.certificate import verify_certificate
from consensus.light import SetHistory
from consensus.messages import SigningDomain
from ledger import codec, merkle
from ledger.block import Block, decode_block
from ledger.crypto import verify_ed25519
from ledger.errors import DecodeError, PeerError
from ledger.ethereum_envelope import CallDecoder
from ledger.primitives import HASH_BYTES, Hash
from ledger.receipt import decode_leaves
from ledger.registry import Certificate
from ledger.state_parts import Row, part_hash, root_of_parts
from node.snapshots.format import (
    MANIFEST,
    MAX_BLOCK_ITEM_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_PART_BYTES,
    MAX_TAIL,
    BlockItem,
    Manifest,
    decode_block_item,
    decode_manifest,
    decode_part,
)


class OtherChainError(PeerError):
    """A snapshot of another chain than the one that is followed."""


class BeforeTrustedError(PeerError):
    """A snapshot that is older than the header which is trusted: it may be right, and cannot be
    proven."""


@dataclass(frozen=True, slots=True)
class ChainRules:
    """What must be known of the chain beforehand; all of it follows from the genesis document.

    anchor: a header that its operator trusts besides. Then a manifest has to follow from it too,
    so that the keys of validators before it prove nothing, whoever has them now. verify: checks
    seals.
    """

    trusted: TrustedGenesis
    bucket_count: int
    decode_call: CallDecoder
    anchor: TrustedHeader | None = None
    verify: Verify = verify_ed25519

    @property
    def lowest_height(self) -> int:
        """Of a snapshot that can follow from what is trusted."""
        return 1 if self.anchor is None else self.anchor.anchor.height


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """A block item that holds. leaves: of its receipts' tree."""

    item: BlockItem
    block: Block
    leaves: tuple[bytes, ...]


class CheckedManifest:
    """A manifest that holds, and what its items are checked with."""

    def __init__(self, rules: ChainRules, raw: bytes) -> None:
        """PeerError when the bytes are no manifest of a final block of this chain."""
        self.raw = raw
        self.manifest = decode_manifest(raw)
        self._rules = rules
        self._sets = _follow(rules, self.manifest)

    def check(self, item: int, data: bytes) -> CheckedBlock | tuple[Row, ...]:
        """What an item beside the manifest says; PeerError when it is not the one that the
        manifest stands for."""
        part = self.manifest.part_index(item)
        if part >= 0:
            return self._part(part, data)
        return self._block(item - 1, data)

    def _part(self, index: int, data: bytes) -> tuple[Row, ...]:
        manifest = self.manifest
        rows = decode_part(data)
        found = part_hash(rows, manifest.bucket_count, manifest.level, index)
        expected = manifest.parts[index * HASH_BYTES : (index + 1) * HASH_BYTES]
        if found != expected:
            raise PeerError(
                f"part {index} of the state has the hash {found.hex()}, the state root of block "
                f"{manifest.height} stands on {expected.hex()}"
            )
        return rows

    def _block(self, index: int, data: bytes) -> CheckedBlock:
        header = self.manifest.headers[index]
        item = decode_block_item(data)
        block = decode_block(item.block, self._rules.trusted.chain_id, self._rules.decode_call)
        if block.hash != header.hash:
            raise PeerError(
                f"block {header.height} has the hash {block.hash.hex()}, expected "
                f"{header.hash.hex()}"
            )
        certificate = Certificate.from_wire(codec.decode(item.certificate))
        if (certificate.height, certificate.block_hash) != (header.height, header.hash):
            raise PeerError(f"the certificate of block {header.height} is of another block")
        verify_certificate(
            self._domain(), self._sets.at(header.height), certificate, self._rules.verify
        )
        leaves = decode_leaves(item.receipts)
        if merkle.root(leaves) != header.receipts_root:
            raise PeerError(f"the receipts of block {header.height} are not those of its header")
        return CheckedBlock(item, block, leaves)

    def _domain(self) -> SigningDomain:
        trusted = self._rules.trusted
        return SigningDomain(trusted.chain_id, trusted.genesis_hash)


def max_item_bytes(manifest: Manifest | None, item: int) -> int:
    """Most bytes that an item may have."""
    if item == MANIFEST or manifest is None:
        return MAX_MANIFEST_BYTES
    return MAX_PART_BYTES if manifest.part_index(item) >= 0 else MAX_BLOCK_ITEM_BYTES


def _follow(rules: ChainRules, manifest: Manifest) -> SetHistory:
    """The validator sets up to the manifest's block, once all that it says is proven."""
    trusted = rules.trusted
    if manifest.height < rules.lowest_height:
        raise BeforeTrustedError(
            f"it is of block {manifest.height}, before the trusted block {rules.lowest_height}: "
            "who sealed it then vouches for nothing now"
        )
    for name, found, expected in (
        ("chain id", manifest.chain_id, trusted.chain_id),
        ("genesis hash", manifest.genesis_hash.hex(), trusted.genesis_hash.hex()),
        ("number of buckets", manifest.bucket_count, rules.bucket_count),
    ):
        if found != expected:
            raise OtherChainError(
                f"it is of another chain: its {name} is {found}, this chain's {expected}"
            )
    _require_linked(manifest, trusted.genesis_hash)
    header = codec.encode(manifest.header.to_wire())
    proof = ChainProof(header, manifest.certificate, manifest.set_changes)
    _, sets = follow_chain(trusted, proof, rules.verify)
    if rules.anchor is not None:
        _require_from(rules.anchor, manifest, proof, sets, rules.verify)
    root = root_of_parts(manifest.bucket_count, manifest.level, manifest.parts)
    if root != manifest.header.state_root:
        raise PeerError(
            f"its parts give the state root {root.hex()}, the header of block {manifest.height} "
            f"says {manifest.header.state_root.hex()}"
        )
    return sets


def _require_from(
    trusted: TrustedHeader, manifest: Manifest, proof: ChainProof, sets: SetHistory, verify: Verify
) -> None:
    """The manifest follows from the trusted header, by the sets that followed from genesis: the
    way from genesis is kept and shown to others, so it must not be another one."""
    anchor = trusted.anchor
    name = f"the trusted block {anchor.height}"
    try:
        follow_chain(trusted, proof, verify)
    except PeerError as error:
        raise PeerError(f"it does not follow from {name}: {error}") from error
    for first, members in anchor.sets:
        height = max(first, anchor.height)
        if height <= manifest.height and sets.at(height) != members:
            raise PeerError(
                f"it does not follow from {name}: another validator set is said to vote on block "
                f"{height}"
            )
    for header in manifest.headers:
        if header.height == anchor.height and header.hash != anchor.block_hash:
            raise PeerError(
                f"it does not follow from {name}: the hash of that block is "
                f"{header.hash.hex()}, trusted is {anchor.block_hash.hex()}"
            )


def _require_linked(manifest: Manifest, genesis_hash: Hash) -> None:
    """Each header is the one that the next names, and all that are needed are there."""
    first, expected = manifest.headers[0], min(MAX_TAIL, manifest.height)
    if manifest.height == 0 or len(manifest.headers) != expected:
        raise DecodeError(f"manifest: {len(manifest.headers)} headers, expected {expected}")
    for before, after in pairwise(manifest.headers):
        if (after.height, after.parent_hash) != (before.height + 1, before.hash):
            raise PeerError(f"manifest: header {after.height} does not follow the one before it")
    if first.height == 1 and first.parent_hash != genesis_hash:
        raise PeerError("manifest: block 1 does not stand on genesis")
