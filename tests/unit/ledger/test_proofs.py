"""Proofs of a block's transactions and receipts."""

from dataclasses import replace

import pytest

from ledger import codec
from ledger.errors import DecodeError, ErrorCode
from ledger.merkle import InclusionProof
from ledger.primitives import Address, Hash
from ledger.proofs import (
    StateProof,
    prove_receipt,
    prove_state,
    prove_transaction,
    verify_receipt,
    verify_state,
    verify_transaction_inclusion,
)
from ledger.receipt import Receipt
from ledger.transfers import SEND
from tests.support.ledger_chain import RICH, LedgerChain


def chain_of_transfers() -> LedgerChain:
    chain = LedgerChain(1)
    first = chain.signed(RICH, SEND.name, SEND.encode(Address(b"\x77" * 20), 5, b""))
    chain.add([first])
    chain.add([chain.signed(RICH, SEND.name, SEND.encode(Address(b"\x78" * 20), 6, b""))])
    return chain


def test_a_transaction_and_its_receipt_are_proven_under_the_header() -> None:
    chain = chain_of_transfers()
    block, executed = chain.blocks[1], chain.executed[0]
    proof = InclusionProof.from_wire(
        codec.decode(codec.encode(prove_transaction(block, 0).to_wire()))
    )
    assert verify_transaction_inclusion(block.header, block.transactions[0].hash, proof)
    assert not verify_transaction_inclusion(block.header, b"x" * 32, proof)
    assert not verify_transaction_inclusion(
        chain.blocks[2].header, block.transactions[0].hash, proof
    )
    receipt, inclusion = executed.receipts[0], prove_receipt(executed.receipt_leaves, 0)
    assert verify_receipt(block.header, receipt, inclusion)
    lie = Receipt(receipt.transaction_hash, ErrorCode.CONFLICT, "", ())
    assert not verify_receipt(block.header, lie, inclusion)


def test_every_row_of_the_state_is_proven_under_the_header() -> None:
    chain = chain_of_transfers()
    root = chain.blocks[-1].header.state_root
    rows = list(chain.store.iterate(b"a", b"~"))
    assert len(rows) > 5
    for key, value in rows:
        proof = prove_state(chain.commitment, key)
        assert verify_state(root, key, value, proof)
        assert not verify_state(root, key, None, proof)
        assert not verify_state(chain.blocks[1].header.state_root, key, value, proof)
    absent = b"accounts/account/" + bytes(20)
    assert verify_state(root, absent, None, prove_state(chain.commitment, absent))


def test_a_state_proof_of_another_shape_is_refused() -> None:
    chain = chain_of_transfers()
    key = b"accounts/supply/"
    proof, root = prove_state(chain.commitment, key), chain.commitment.root
    value = chain.store.get(key)
    assert verify_state(root, key, value, proof)
    for wrong in (
        replace(proof, bucket_count=100),
        replace(proof, bucket_count=0),
        replace(proof, leaves=proof.leaves + b"x"),
        replace(proof, siblings=proof.siblings[:-1]),
        replace(proof, siblings=(*proof.siblings, Hash(bytes(32)))),
    ):
        assert not verify_state(root, key, value, wrong)
    with pytest.raises(DecodeError):
        StateProof.from_wire((256, b"", (b"short",)))
