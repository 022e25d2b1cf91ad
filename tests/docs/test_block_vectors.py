"""The test vectors of docs/formats.md on blocks, state commitment and genesis are what the code
gives. Run `python -m tests.docs.test_block_vectors` to print them."""

import json
from typing import Any

import pytest

from ledger import codec, genesis, merkle
from ledger.block import Block, build_block
from ledger.commitment import StateCommitment
from ledger.errors import ErrorCode
from ledger.genesis import Genesis
from ledger.local_accounts import ed25519_accounts
from ledger.module import BlockInfo, Event
from ledger.primitives import UNIT, Address, Hash
from ledger.proofs import StateProof, prove_state, prove_transaction, verify_state
from ledger.receipt import Receipt, hook_leaf
from ledger.registry import Certificate, LateSeal, Participation
from ledger.transaction import Draft, sign
from ledger.transfers import SEND
from tests.docs.documents import vectors

CHAIN_ID = 82062
LEAVES = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31"]
ROWS = {b"accounts/account/" + bytes((number,)) * 20: b"value %d" % number for number in range(40)}
GENESIS = """
{"chain_id": 82062, "name": "포용", "time_ms": 1700000000000,
 "validators": [{"organisation": "city hall", "public_key": "KEY1", "node_key": "KEY2"}],
 "modules": {"accounts": {"accounts": []}}}
""".replace("KEY1", "01" * 32).replace("KEY2", "02" * 32)


def block() -> Block:
    """Two transfers and a late seal, on a parent whose hash is 32 bytes 0x50."""
    signer, to = ed25519_accounts()[0].signer, ed25519_accounts()[1].address
    parent = Hash(b"\x50" * 32)
    info = BlockInfo(
        chain_id=CHAIN_ID,
        height=9,
        time_ms=1_700_000_000_123,
        parent_hash=parent,
        parent_time_ms=1_700_000_000_000,
        proposer=2,
        participation=Participation(
            Certificate(8, 0, parent, ((0, b"\x01" * 64), (2, b"\x02" * 64))),
            (LateSeal(7, 1, Hash(b"\x07" * 32), 3, b"\x03" * 64),),
        ),
    )
    transactions = tuple(
        sign(
            Draft(
                chain_id=CHAIN_ID,
                nonce=nonce,
                type=SEND.name,
                body=SEND.encode(to, 5 * UNIT, b""),
                valid_until=1_000,
            ),
            signer,
        )
        for nonce in (0, 1)
    )
    roots = (Hash(b"\x0a" * 32), Hash(b"\x0b" * 32), Hash(b"\x0c" * 32))
    return build_block(info, transactions, *roots)


def receipts() -> tuple[list[Receipt], tuple[Event, ...]]:
    """One that took effect with a large and a small number, one that failed; one hook event."""
    address = Address(b"\x11" * 20)
    sent = Event("transfer.sent", (("to", address), ("amount", 20 * UNIT), ("index", 3)))
    return (
        [
            Receipt(Hash(b"\x01" * 32), ErrorCode.OK, "", (sent,)),
            Receipt(Hash(b"\x02" * 32), ErrorCode.INSUFFICIENT_FUNDS, "insufficient funds", ()),
        ],
        (Event("land.round_final", (("zone", "z1"),)),),
    )


def merkle_and_block_vectors() -> dict[str, Any]:
    example, (made, events) = block(), receipts()
    leaves = [*(receipt.encoded for receipt in made), hook_leaf(events)]
    return {
        "merkle": {
            "leaves": [leaf.hex() for leaf in LEAVES],
            "roots_of_first": [merkle.root(LEAVES[:count]).hex() for count in range(6)],
            "proof_of_2_of_5": [item.hex() for item in merkle.prove(LEAVES, 2).siblings],
        },
        "block": {
            "header": codec.encode(example.header.to_wire()).hex(),
            "hash": example.hash.hex(),
            "participation": codec.encode(example.participation.to_wire()).hex(),
            "participation_root": example.header.participation_root.hex(),
            "transactions": [item.hash.hex() for item in example.transactions],
            "transactions_root": example.header.transactions_root.hex(),
            "proof_of_1": codec.encode(prove_transaction(example, 1).to_wire()).hex(),
            "compact": example.compact().encoded.hex(),
        },
        "receipts": {
            "leaves": [leaf.hex() for leaf in leaves],
            "receipts_root": merkle.root(leaves).hex(),
        },
    }


def commitment_vectors() -> dict[str, Any]:
    commitment = StateCommitment.build(ROWS.items(), 16)
    present, absent = b"accounts/account/" + bytes((7,)) * 20, b"accounts/supply/"
    return {
        "rows": {key.hex(): value.hex() for key, value in list(ROWS.items())[:2]},
        "buckets": 16,
        "root_of_no_rows": StateCommitment.build((), 16).root.hex(),
        "root_of_40_rows": commitment.root.hex(),
        "root_of_40_rows_in_65536_buckets": StateCommitment.build(ROWS.items(), 65536).root.hex(),
        "proof_of_presence": {
            "key": present.hex(),
            "value": ROWS[present].hex(),
            "proof": codec.encode(prove_state(commitment, present).to_wire()).hex(),
        },
        "proof_of_absence": {
            "key": absent.hex(),
            "proof": codec.encode(prove_state(commitment, absent).to_wire()).hex(),
        },
    }


def parsed_genesis() -> Genesis:
    return genesis.parse(GENESIS.encode())


def genesis_vectors() -> dict[str, Any]:
    return {
        "document": json.loads(GENESIS),
        "canonical": parsed_genesis().canonical().decode(),
        "document_hash": parsed_genesis().document_hash().hex(),
    }


SECTIONS = {
    "Blocks, Merkle trees and proofs": merkle_and_block_vectors,
    "State commitment": commitment_vectors,
    "Genesis": genesis_vectors,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_gives_the_vectors_of_the_code(section: str) -> None:
    assert vectors(section) == SECTIONS[section]()


def test_the_documented_state_proofs_verify() -> None:
    page = vectors("State commitment")
    root = bytes.fromhex(page["root_of_40_rows"])
    for name in ("proof_of_presence", "proof_of_absence"):
        vector = page[name]
        value = bytes.fromhex(vector["value"]) if "value" in vector else None
        proof = StateProof.from_wire(codec.decode(bytes.fromhex(vector["proof"])))
        assert verify_state(root, bytes.fromhex(vector["key"]), value, proof)


if __name__ == "__main__":
    for title, vectors_of in SECTIONS.items():
        print(f"## {title}\n{json.dumps(vectors_of(), indent=2, ensure_ascii=False)}")
