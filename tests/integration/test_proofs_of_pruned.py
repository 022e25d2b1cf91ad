"""Who trusts genesis alone believes a node that has removed the blocks that changed its validators:
their headers and certificates stay (docs/adr/0023)."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from api import views
from api.encoding import hex_of
from api.light import (
    FinalStatement,
    TrustedHeader,
    verify_chain,
    verify_json,
    verify_state_proof,
    verify_transaction_proof,
)
from api.ports import ChainProof
from consensus.chain import RECENT_HEIGHTS
from governance.deciding import REMOVE_VALIDATOR
from ledger.errors import InvariantViolation, PeerError
from ledger.kv import WriteBatch
from ledger.validator_tables import RETAINED_HEIGHTS
from node.store.pruning import PruningRules
from node.store.stores import installed_engines, open_store
from tests.support.applied_chain import RICH_ADDRESS
from tests.support.proving_node import ProvingNode

RULES = PruningRules(keep_blocks=RECENT_HEIGHTS)
ARCHIVE_UNTIL = 8
"""Who follows a pruned node may have begun with a proof of this height."""


@dataclass
class Grown:
    """A pruned node on disk: heights that changed its validators, and what it proved early."""

    node: ProvingNode
    changes: list[int]
    early: ChainProof
    removed_transaction: bytes


def chain_proof(node: ProvingNode) -> ChainProof:
    proof = node.service.prove_account(RICH_ADDRESS)
    assert proof is not None
    return proof.chain


@pytest.fixture(scope="module", params=installed_engines())
def grown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    """A joiner, a leaver and the leaver again; the blocks of all three are removed, and the state
    knows the sets before them no longer. The node was started anew."""
    folder = tmp_path_factory.mktemp("pruned") / "chain"
    store = open_store(folder, request.param)
    node = ProvingNode(store, RULES)
    node.advance(ARCHIVE_UNTIL)
    early, removed = chain_proof(node), node.applied[0].block.transactions[0].hash
    changes = [node.admit_joiner("o4")]
    node.advance(RETAINED_HEIGHTS + 5)
    changes.append(node.decide(REMOVE_VALIDATOR, "o1"))
    node.advance(RETAINED_HEIGHTS + 5)
    changes.append(node.admit_joiner("o1"))
    node.advance(RETAINED_HEIGHTS + RECENT_HEIGHTS + 5)
    blocks = node.chain.blocks
    blocks.compact(*blocks.removed_ranges()[1])
    store.close()
    store = open_store(folder, request.param)
    yield Grown(ProvingNode(store, RULES), changes, early, removed)
    store.close()


def test_blocks_of_set_changes_are_gone_and_their_certificates_are_not(grown: Grown) -> None:
    blocks, head = grown.node.chain.blocks, grown.node.chain.head.height
    assert blocks.lowest_height == head - RECENT_HEIGHTS + 1 > max(grown.changes)
    held = [height for height in range(1, head + 1) if blocks.certificate_bytes(height)]
    assert held == [*grown.changes, *range(blocks.lowest_height, head + 1)]
    for height in grown.changes:
        assert blocks.block_bytes(height) is None
        assert blocks.receipts_bytes(height) is None


def test_the_head_is_proven_from_genesis(grown: Grown) -> None:
    node = grown.node
    found = verify_chain(node.genesis, chain_proof(node))
    assert found.header == node.chain.head
    assert (found.set_changes, found.validators) == (len(grown.changes), 5)


def test_a_row_of_the_state_and_a_held_transaction_are_proven_from_genesis(grown: Grown) -> None:
    node = grown.node
    row = node.service.prove_account(RICH_ADDRESS)
    assert row is not None
    verify_state_proof(node.genesis, row.chain, row.key, row.value, row.proof)
    lowest = node.service.block(node.chain.blocks.lowest_height)
    assert lowest is not None
    proof = node.service.prove_transaction(lowest.block.transactions[0].hash)
    assert proof is not None
    found = verify_transaction_proof(
        node.genesis, proof.chain, proof.transaction, proof.index, proof.proof
    )
    assert found.block.header.height == node.chain.blocks.lowest_height
    assert node.service.prove_transaction(grown.removed_transaction) is None


def test_a_statement_is_proven_from_genesis_as_a_file_gives_it(grown: Grown) -> None:
    """What `poyong prove` writes and `poyong verify` reads."""
    node = grown.node
    proof = node.service.prove_statement("balance", {"account": hex_of(RICH_ADDRESS)})
    assert proof is not None
    found = verify_json(node.genesis, views.statement_proof(proof))
    assert isinstance(found, FinalStatement)
    assert found.answer is not None
    assert found.block.set_changes == len(grown.changes)


def test_a_header_from_before_the_changes_is_enough_too(grown: Grown) -> None:
    node = grown.node
    anchor = verify_chain(node.genesis, grown.early).anchor
    kept = TrustedHeader(node.genesis.chain_id, node.genesis.genesis_hash, anchor)
    assert verify_chain(kept, chain_proof(node)).header == node.chain.head


def test_without_one_of_the_changes_nothing_is_proven(grown: Grown) -> None:
    proof = chain_proof(grown.node)
    for missing in range(len(grown.changes)):
        kept = proof.set_changes[:missing] + proof.set_changes[missing + 1 :]
        with pytest.raises(PeerError):
            verify_chain(grown.node.genesis, ChainProof(proof.header, proof.certificate, kept))


def test_a_node_whose_certificate_of_a_change_is_lost_says_so(grown: Grown) -> None:
    """Damage, which is no proof of less."""
    node, height = grown.node, grown.changes[1]
    key = b"C" + height.to_bytes(8, "big")
    kept = node.store.get(key)
    assert kept is not None
    lose, restore = WriteBatch(), WriteBatch()
    lose.delete(key)
    restore.put(key, kept)
    node.store.write(lose, sync=True)
    with pytest.raises(InvariantViolation, match=f"block {height} and no certificate"):
        chain_proof(node)
    node.store.write(restore, sync=True)
    verify_chain(node.genesis, chain_proof(node))
