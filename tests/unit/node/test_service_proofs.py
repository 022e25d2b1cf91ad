"""Proofs of a node hold against genesis alone, across set changes that its state forgot."""

from dataclasses import replace

import pytest

from api.light import (
    verify_chain,
    verify_state_proof,
    verify_transaction_proof,
)
from api.ports import ChainProof
from governance.deciding import REMOVE_VALIDATOR
from ledger import accounts
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.validator_tables import RETAINED_HEIGHTS, timeline_of
from tests.support.applied_chain import POOR_ADDRESS, RICH_ADDRESS, AppliedChain
from tests.support.proving_node import ProvingNode


def full_turn(node: ProvingNode) -> None:
    """So many heights that the state forgets the set before the last change."""
    node.advance(RETAINED_HEIGHTS + 5)


@pytest.fixture(scope="module")
def node() -> ProvingNode:
    """A joiner, then a leaver, each so long ago that the state does not know the set before."""
    node = ProvingNode()
    node.advance(2)
    node.changes.append(node.admit_joiner("o4"))
    full_turn(node)
    node.changes.append(node.decide(REMOVE_VALIDATOR, "o1"))
    full_turn(node)
    node.changes.append(node.admit_joiner("o1"))
    full_turn(node)
    return node


def chain_proof(node: ProvingNode) -> ChainProof:
    proof = node.service.prove_account(RICH_ADDRESS)
    assert proof is not None
    return proof.chain


def test_the_state_alone_could_not_prove_it(node: ProvingNode) -> None:
    first = node.changes[0] + 2
    assert all(change.since != first for change in timeline_of(node.state))


def test_every_set_change_since_genesis_is_in_the_proof(node: ProvingNode) -> None:
    proof = chain_proof(node)
    sizes = [len(change.validators) for change in proof.set_changes]
    assert sizes == [5, 4, 5]
    found = verify_chain(node.genesis, proof)
    assert (found.header.height, found.set_changes) == (node.chain.head.height, 3)
    assert (found.seals, found.validators) == (5, 5)


def test_a_proof_of_an_old_block_holds_only_the_changes_before_it(node: ProvingNode) -> None:
    for height in (1, node.changes[0], node.changes[0] + 1, node.changes[1] + 3):
        block = node.service.block(height)
        assert block is not None
        (transaction, *_) = block.block.transactions
        proof = node.service.prove_transaction(transaction.hash)
        assert proof is not None
        before = [change for change in node.changes if change < height]
        assert len(proof.chain.set_changes) == len(before)
        found = verify_transaction_proof(
            node.genesis, proof.chain, proof.transaction, proof.index, proof.proof
        )
        assert (found.transaction.hash, found.block.header.height) == (transaction.hash, height)


def test_a_proof_without_one_change_does_not_hold(node: ProvingNode) -> None:
    proof = chain_proof(node)
    for missing in range(3):
        kept = tuple(c for index, c in enumerate(proof.set_changes) if index != missing)
        with pytest.raises(PeerError):
            verify_chain(node.genesis, replace(proof, set_changes=kept))


def test_a_proof_holds_for_its_own_genesis_only(node: ProvingNode) -> None:
    other = replace(node.genesis, genesis_hash=Hash(bytes(32)))
    with pytest.raises(PeerError):
        verify_chain(other, chain_proof(node))


def test_an_accounts_row_and_its_absence_are_proven(node: ProvingNode) -> None:
    for address, there in ((RICH_ADDRESS, True), (POOR_ADDRESS, True), (bytes(20), False)):
        proof = node.service.prove_account(address)
        assert proof is not None
        assert (proof.value is not None) is there
        assert proof.key == accounts.ACCOUNTS.prefix + address
        verify_state_proof(node.genesis, proof.chain, proof.key, proof.value, proof.proof)
        with pytest.raises(PeerError):
            verify_state_proof(node.genesis, proof.chain, proof.key, b"other", proof.proof)


def test_before_the_first_block_there_is_nothing_to_prove() -> None:
    fresh = ProvingNode()
    assert fresh.service.prove_account(RICH_ADDRESS) is None
    assert fresh.service.prove_transaction(bytes(32)) is None


def test_set_changes_survive_a_restart(node: ProvingNode) -> None:
    again = AppliedChain(node.store)
    heights = [height for height, _ in again.chain.blocks.set_changes(10_000)]
    assert heights == node.changes
