"""The test vectors of docs/formats.md on consensus and on what travels between nodes are what the
code gives. Run `python -m tests.docs.test_wire_vectors` to print them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from consensus import message_wire
from consensus.messages import (
    BlockRequest,
    BlockResponse,
    CertifiedBlock,
    EvidenceMessage,
    LateSealMessage,
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    SigningDomain,
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from ledger.block import Block, build_block, decode_block
from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.module import BlockInfo
from ledger.primitives import Hash
from ledger.registry import Certificate, Evidence, LateSeal, Participation, Phase
from node.network import consensus_wire
from node.network.tls import NodeIdentity, peer_node_key
from node.network.wire import FrameKind, Hello, encode_frame, encode_goodbye
from node.sync import sync_wire
from node.transactions import gossip
from tests.docs.documents import vectors

CHAIN_ID = 82062
GENESIS_HASH = Hash(b"\x50" * 32)
DOMAIN = SigningDomain(CHAIN_ID, GENESIS_HASH)
SEED = bytes(range(32))
SIGNATURES = tuple((index, bytes((index + 1,)) * 64) for index in (0, 1, 2))


def snapshots() -> dict[str, sync_wire.SyncMessage]:
    """Questions and answers about snapshots."""
    offer = sync_wire.SnapshotOffer(800, block().hash, 2)
    return {
        "snapshots_ask": sync_wire.SnapshotsAsk(9),
        "snapshots_answer": sync_wire.SnapshotsAnswer(9, (offer,)),
        "piece_ask": sync_wire.PieceAsk(10, 800, 2, 33, 524_288),
        "piece_answer": sync_wire.PieceAnswer(10, 524_290, b"xy"),
    }


def block() -> Block:
    """Height 1 without transactions, on the genesis hash."""
    info = BlockInfo(
        chain_id=CHAIN_ID,
        height=1,
        time_ms=1_700_000_000_123,
        parent_hash=GENESIS_HASH,
        parent_time_ms=1_700_000_000_000,
        proposer=0,
        participation=Participation(None),
    )
    return build_block(info, (), *(Hash(bytes((byte,)) * 32) for byte in b"\x0a\x0b\x0c"))


def payloads() -> dict[str, tuple[Phase, int, int, bytes]]:
    """Name: phase, height, view and claim of what is signed."""
    block_hash = block().hash
    return {
        "pre_prepare": (Phase.PRE_PREPARE, 1, 0, block_hash),
        "prepare": (Phase.PREPARE, 1, 0, block_hash),
        "commit": (Phase.COMMIT, 1, 0, block_hash),
        "view_change without a claim": (
            Phase.VIEW_CHANGE,
            1,
            2,
            ViewChange(1, 2, None, None, 3).claim,
        ),
        "view_change prepared in view 0": (
            Phase.VIEW_CHANGE,
            1,
            2,
            ViewChange(1, 2, 0, block_hash, 3).claim,
        ),
    }


def examples() -> dict[str, Message]:
    """One message of each kind; the signatures are fillers."""
    example = block()
    prepared = PreparedCertificate(1, 0, example.hash, SIGNATURES)
    vote = ViewChange(1, 2, 0, example.hash, 3, b"\x03" * 64)
    others = tuple(replace(vote, validator=index) for index in (0, 2))
    return {
        "pre_prepare": PrePrepare(1, 0, example, 0, None, b"\x01" * 64),
        "prepare": Vote(Phase.PREPARE, 1, 0, example.hash, 1, b"\x02" * 64),
        "commit": Vote(Phase.COMMIT, 1, 0, example.hash, 1, b"\x02" * 64),
        "view_change": ViewChangeMessage(vote, prepared),
        "view_change without a claim": ViewChangeMessage(
            ViewChange(1, 2, None, None, 3, b"\x03" * 64), None
        ),
        "new_view": NewView(1, 2, (*others, vote), prepared),
        "status": Status(1, 2, False, 0b1011, 0, 0b0100),
        "certified_block": CertifiedBlock(Certificate(1, 0, example.hash, SIGNATURES), example),
        "block_request": BlockRequest(1, example.hash),
        "block_response": BlockResponse(example),
        "evidence": EvidenceMessage(
            Evidence(Phase.COMMIT, 1, 0, 3, b"\x01" * 32, b"\x04" * 64, b"\x02" * 32, b"\x05" * 64)
        ),
        "late_seal": LateSealMessage(LateSeal(1, 0, example.hash, 3, b"\x06" * 64)),
    }


def consensus_vectors() -> dict[str, Any]:
    signer = Ed25519Signer(SEED)
    signed = {name: DOMAIN.payload(*claim) for name, claim in payloads().items()}
    return {
        "chain_id": CHAIN_ID,
        "genesis_hash": GENESIS_HASH.hex(),
        "seed": SEED.hex(),
        "public_key": signer.public_key.hex(),
        "block": block().encoded.hex(),
        "block_hash": block().hash.hex(),
        "signed": {
            name: {"payload": payload.hex(), "signature": signer.sign(payload).hex()}
            for name, payload in signed.items()
        },
        "messages": {name: message_wire.encode(item).hex() for name, item in examples().items()},
    }


def peer_vectors() -> dict[str, Any]:
    example, identity = block(), NodeIdentity.from_seed(SEED)
    hello = Hello(CHAIN_ID, GENESIS_HASH, 7, "poyong/0.1.0", "127.0.0.1:26656")
    proposal = examples()["pre_prepare"]
    raws = (b"transaction 1", b"transaction 2")
    frames = {
        "hello": (FrameKind.HELLO, hello.encode()),
        "ping": (FrameKind.PING, b""),
        "pong": (FrameKind.PONG, b""),
        "goodbye": (FrameKind.GOODBYE, encode_goodbye("the node stops")),
        "transactions": (FrameKind.TRANSACTIONS, gossip.encode_batch(raws)),
        "status": (FrameKind.CONSENSUS, consensus_wire.encode_message(examples()["status"])),
        "proposal by hashes": (FrameKind.CONSENSUS, consensus_wire.encode_message(proposal)),
        "ask": (FrameKind.CONSENSUS, consensus_wire.encode_ask(example.hash, (0, 2))),
        "answer": (FrameKind.CONSENSUS, consensus_wire.encode_answer(example.hash, raws)),
        "range_ask": (FrameKind.SYNC, sync_wire.encode(sync_wire.RangeAsk(5, 1, 64))),
        "range_answer": (FrameKind.SYNC, sync_wire.encode(sync_wire.RangeAnswer(5, 900, (b"x",)))),
        "block_ask": (FrameKind.SYNC, sync_wire.encode(sync_wire.BlockAsk(6, 1, example.hash))),
        "block_answer": (FrameKind.SYNC, sync_wire.encode(sync_wire.BlockAnswer(6, None))),
        "head_ask": (FrameKind.SYNC, sync_wire.encode(sync_wire.HeadAsk(7))),
        "not_held": (FrameKind.SYNC, sync_wire.encode(sync_wire.NotHeld(8, 900, 500))),
        **{name: (FrameKind.SYNC, sync_wire.encode(found)) for name, found in snapshots().items()},
    }
    return {
        "seed": SEED.hex(),
        "node_key": identity.node_key.hex(),
        "leaf_der": identity._leaf.public_bytes(Encoding.DER).hex(),
        "frames": {name: encode_frame(*frame).hex() for name, frame in frames.items()},
    }


SECTIONS = {"Consensus": consensus_vectors, "Between nodes": peer_vectors}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_gives_the_vectors_of_the_code(section: str) -> None:
    assert vectors(section) == SECTIONS[section]()


def test_the_documented_signatures_verify() -> None:
    page = vectors("Consensus")
    for name, signed in page["signed"].items():
        payload, signature = bytes.fromhex(signed["payload"]), bytes.fromhex(signed["signature"])
        assert verify_ed25519(bytes.fromhex(page["public_key"]), payload, signature), name


def test_the_documented_messages_decode() -> None:
    def read(data: bytes) -> Block:
        return decode_block(data, CHAIN_ID)

    for name, encoded in vectors("Consensus")["messages"].items():
        assert message_wire.decode(bytes.fromhex(encoded), read) == examples()[name]


def test_the_documented_leaf_names_the_documented_key() -> None:
    page = vectors("Between nodes")
    assert peer_node_key(bytes.fromhex(page["leaf_der"])).hex() == page["node_key"]


if __name__ == "__main__":
    for title, vectors_of in SECTIONS.items():
        print(f"## {title}\n{json.dumps(vectors_of(), indent=2, ensure_ascii=False)}")
