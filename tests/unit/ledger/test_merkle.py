"""Merkle trees are those of RFC 6962, and only the right leaf verifies."""

from hashlib import sha256

import pytest

from ledger import merkle
from ledger.merkle import InclusionProof
from ledger.primitives import Hash


def rfc6962_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + rfc6962_root(leaves[:split]) + rfc6962_root(leaves[split:])).digest()


LEAVES = [bytes((number,)) * (number % 5) for number in range(33)]


@pytest.mark.parametrize("count", range(34))
def test_the_root_is_that_of_rfc_6962(count: int) -> None:
    assert merkle.root(LEAVES[:count]) == rfc6962_root(LEAVES[:count])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 33])
def test_every_leaf_has_a_proof_and_no_other_leaf_or_place_passes(count: int) -> None:
    leaves = [b"leaf %d" % number for number in range(count)]
    root = merkle.root(leaves)
    for index, leaf in enumerate(leaves):
        proof = merkle.prove(leaves, index)
        assert merkle.verify(root, leaf, proof)
        assert not merkle.verify(root, b"other", proof)
        assert not merkle.verify(bytes(32), leaf, proof)
        for other in range(count):
            moved = InclusionProof(other, count, proof.siblings)
            assert merkle.verify(root, leaf, moved) == (other == index)
        assert not merkle.verify(root, leaf, InclusionProof(index, count, proof.siblings[:-1])) or (
            count == 1
        )
        longer = InclusionProof(index, count, (*proof.siblings, proof_of_nothing()))
        assert not merkle.verify(root, leaf, longer)


def proof_of_nothing() -> Hash:
    return Hash(bytes(32))


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    root = merkle.root([b"a", b"b"])
    assert not merkle.verify(root, left + right, InclusionProof(0, 1, ()))


def test_there_is_no_proof_of_a_leaf_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no leaf 2 in a tree of 2"):
        merkle.prove([b"a", b"b"], 2)
