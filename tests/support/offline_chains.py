"""Chains in the folders of a town's nodes, built by the executor, sealed by who has the keys.

So a test gets a history of validators that change, and another one that the former ones forged.
"""

from pathlib import Path

from api.light import TrustedGenesis, TrustedHeader, verify_chain
from consensus.messages import CertifiedBlock, SigningDomain
from ledger.block import Block
from ledger.crypto import Ed25519Signer
from ledger.registry import Certificate, Phase
from ledger.validator_tables import set_at
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.localnet.creation import PASSWORD, VALIDATOR_KEY
from node.modules import build_executor
from node.opening import CHAIN_FOLDER, read_genesis
from node.reads.chain_proofs import chain_proof
from node.snapshots.making import SnapshotMaker, make_at_once
from node.snapshots.shelf import FOLDER, Shelf
from node.store.stores import open_store
from tests.support.applied_chain import AppliedChain
from tests.support.running_nodes import RunningNodes


class OfflineChain(AppliedChain):
    """The chain in a node's folder, which does not run. signers: by public key, those of genesis
    at first."""

    def __init__(self, nodes: RunningNodes, name: str) -> None:
        self.nodes = nodes
        settings = nodes.settings(name)
        self.genesis = read_genesis(settings.path(settings.node.genesis))
        self.data = settings.path(settings.storage.path)
        store = open_store(self.data / CHAIN_FOLDER)
        super().__init__(store, self.genesis, build_executor())
        self.domain = SigningDomain(self.genesis.chain_id, self.opened.genesis_hash)
        self.signers: dict[bytes, Ed25519Signer] = {}
        for each in nodes.validators:
            file = nodes.folder / each / VALIDATOR_KEY
            self.add(keystore.open_signer(file, PASSWORD, KeyKind.VALIDATOR))

    def add(self, signer: Ed25519Signer) -> None:
        """Whoever has this key seals as well."""
        self.signers[signer.public_key] = signer

    def certified(self, block: Block) -> CertifiedBlock:
        """Sealed by each member of the set."""
        payload = self.domain.payload(Phase.COMMIT, block.height, 0, block.hash)
        members = set_at(self.state, block.height).validators
        seals = tuple(
            (index, self.signers[member.public_key].sign(payload))
            for index, member in enumerate(members)
        )
        return CertifiedBlock(Certificate(block.height, 0, block.hash, seals), block)

    @property
    def height(self) -> int:
        """Of the head."""
        return self.chain.head.height

    def trusted_header(self) -> TrustedHeader:
        """What `poyong verify --keep` writes of a proof at the head."""
        genesis_hash = self.opened.genesis_hash
        trusted = TrustedGenesis(self.genesis.chain_id, genesis_hash, self.genesis.validators)
        final = verify_chain(trusted, chain_proof(self.chain.blocks, self.chain.head))
        return TrustedHeader(trusted.chain_id, genesis_hash, final.anchor)

    def make_snapshot(self, folder: Path | None = None) -> Path:
        """Of the head, in a folder; by default among the node's own."""
        shelf = Shelf(folder or self.data / FOLDER, 2)
        shelf.tidy()
        out = shelf.path_of(self.height)
        chain_id, buckets = self.genesis.chain_id, self.genesis.bucket_count
        blocks, genesis_hash = self.chain.blocks, self.opened.genesis_hash
        make_at_once(SnapshotMaker(blocks, chain_id, genesis_hash, buckets, out))
        return out

    def close(self) -> None:
        """The node may run from now on."""
        self.store.close()
