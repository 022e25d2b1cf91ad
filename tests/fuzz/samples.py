"""Valid samples: a small executed chain, every consensus message, and a town's documents."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from api.light import TrustedHeader, anchor_to_json
from consensus import message_wire, wal_records
from consensus.light import Anchor
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
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from consensus.wal_records import (
    PreparedRecord,
    PrepareRecord,
    ProposalRecord,
    ViewChangeRecord,
    ViewEntryRecord,
)
from ledger import codec, merkle
from ledger.block import Block
from ledger.crypto import Ed25519Signer, sha256
from ledger.kv import prefix_end
from ledger.proofs import prove_state
from ledger.registry import Certificate, Evidence, LateSeal, Phase
from ledger.threshold import create
from ledger.transaction import Transaction, decode_transaction, sign, sign_threshold
from ledger.transfers import SEND
from ledger.validator_tables import set_at
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.localnet import layout
from node.localnet.creation import Wish, prepare
from tests.support import ethereum, restarted_chain
from tests.support.ledger_chain import CHAIN_ID, RICH, LedgerChain
from tests.support.transfers import BOB, TO, draft

SIGNATURE = b"s" * 64
SEALS = ((0, SIGNATURE), (2, SIGNATURE), (3, SIGNATURE))


@cache
def chain() -> LedgerChain:
    """Two blocks: one with a transfer, one empty."""
    made = LedgerChain(4)
    made.add([made.signed(RICH, SEND.name, SEND.encode(TO, 2**70, b""))])
    made.add()
    return made


def transactions() -> list[Transaction]:
    """Native ones by each kind of key, and each Ethereum envelope."""
    return [
        *native_transactions(),
        *(decode_transaction(raw, CHAIN_ID) for raw in ethereum_envelopes()),
    ]


def native_transactions() -> list[Transaction]:
    """One of each kind of key."""
    made = draft(nonce=3, valid_until=9)
    keys = [Ed25519Signer(bytes((number,)) * 32) for number in range(1, 4)]
    witness = create(b"salt" * 8, 2, tuple(key.public_key for key in keys))
    return [
        sign(made, keys[0]),
        sign(made, BOB),
        sign_threshold(made, witness, keys[:2]),
    ]


def ethereum_envelopes() -> list[bytes]:
    """One of each type, with access lists where there may be one."""
    keys = ((b"a" * 20, (b"k" * 32, b"l" * 32)), (b"b" * 20, ()))
    return [
        ethereum.raw(kind=kind, nonce=3, max_fee=9, gas=40_000, access_list=keys)
        for kind in (0, 1, 2)
    ]


def certificate(block: Block | None = None) -> Certificate:
    """Of a block, by three of four."""
    block = block or chain().blocks[1]
    return Certificate(block.height, 0, block.hash, SEALS)


def late_seal() -> LateSeal:
    """A seal that a certificate did not hold."""
    return LateSeal(1, 2, chain().blocks[1].hash, 3, SIGNATURE)


def evidence() -> Evidence:
    """Two commits for one height and view."""
    return Evidence(Phase.COMMIT, 5, 1, 2, b"a" * 32, SIGNATURE, b"b" * 32, SIGNATURE)


def prepared() -> PreparedCertificate:
    """Prepares of three."""
    return PreparedCertificate(2, 0, chain().blocks[2].hash, SEALS)


def _view_change(validator: int, signature: bytes = SIGNATURE) -> ViewChange:
    return ViewChange(2, 1, 0, chain().blocks[2].hash, validator, signature)


def new_view() -> NewView:
    """A justification with a claim."""
    return NewView(2, 1, tuple(_view_change(index) for index in (0, 1, 3)), prepared())


def consensus_messages() -> list[Message]:
    """One of each type."""
    block = chain().blocks[2]
    return [
        PrePrepare(2, 1, block, 1, new_view(), SIGNATURE),
        PrePrepare(1, 0, chain().blocks[1], 0, None, SIGNATURE),
        Vote(Phase.PREPARE, 2, 0, block.hash, 1, SIGNATURE),
        Vote(Phase.COMMIT, 2, 0, block.hash, 1, SIGNATURE),
        ViewChangeMessage(_view_change(1), prepared()),
        new_view(),
        Status(2, 1, True, 3, 5, 0),
        CertifiedBlock(certificate(chain().blocks[1]), chain().blocks[1]),
        BlockRequest(2, block.hash),
        BlockResponse(block),
        EvidenceMessage(evidence()),
        LateSealMessage(late_seal()),
    ]


def encoded_messages() -> list[bytes]:
    """Their canonical bytes."""
    return [message_wire.encode(message) for message in consensus_messages()]


def encoded_records() -> list[bytes]:
    """One vote record of each type."""
    block = chain().blocks[2]
    return [
        wal_records.encode(record)
        for record in (
            ProposalRecord(2, 0, True, block),
            PreparedRecord(prepared()),
            ViewChangeRecord(_view_change(1, b""), prepared()),
            ViewEntryRecord(2, 1, new_view()),
            PrepareRecord(2, 1, block.hash, False),
        )
    ]


@cache
def documents() -> dict[str, bytes]:
    """Files of a local town by name; the key file has the kind of a validator's."""
    with tempfile.TemporaryDirectory() as folder:
        town = prepare(Path(folder), Wish(validators=1, scenario="gwangju"))
        home = Path(folder) / town.validators[0].name
        key = home / "keys" / "fuzz.json"
        keystore.create_key(key, KeyKind.VALIDATOR, "a password", cost=LOCAL_COST)
        return {
            "config.toml": (home / "config.toml").read_bytes(),
            "genesis.json": (home / "genesis.json").read_bytes(),
            "key.json": key.read_bytes(),
            "town.json": (Path(folder) / layout.TOWN_FILE).read_bytes(),
        }


@cache
def restart_document() -> bytes:
    """A genesis that goes on from the head of a small chain."""
    old = restarted_chain.old_chain(3)
    rows = restarted_chain.rows_of(old)
    return json.dumps(restarted_chain.restart_document(old, rows).document()).encode()


def calls() -> list[bytes]:
    """JSON-RPC bodies: single, batch, notification, and every kind of parameter."""
    send = ["0x" + transactions()[0].raw.hex()]
    bodies: list[Any] = [
        {"jsonrpc": "2.0", "id": 1, "method": "poyong_status"},
        {"jsonrpc": "2.0", "id": "a", "method": "poyong_getBlock", "params": ["latest", "full"]},
        {"jsonrpc": "2.0", "method": "poyong_sendTransaction", "params": send},
        [{"jsonrpc": "2.0", "id": n, "method": "poyong_getAccount", "params": {}} for n in (1, 2)],
    ]
    return [json.dumps(body).encode() for body in bodies]


def objects() -> list[bytes]:
    """Parameters of Ethereum's methods that are objects: of EIP-1898, of a call, of logs."""
    account, digest32 = "0x" + "ab" * 20, "0x" + "cd" * 32
    made: list[Any] = [
        {"blockHash": digest32, "requireCanonical": True},
        {"from": account, "to": account, "value": "0x1", "data": "0x1234"},
        {"fromBlock": "0x1", "toBlock": "latest", "address": [account], "topics": [None, digest32]},
        [1, 2.5, 99],
    ]
    return [json.dumps(item).encode() for item in made]


def proofs() -> list[bytes]:
    """What `poyong verify` reads: a block, a transaction and a state row; seals do not match."""
    block = chain().blocks[1]
    shown = {
        "header": _hex(codec.encode(block.header.to_wire())),
        "certificate": _hex(codec.encode(certificate(block).to_wire())),
        "set_changes": [],
    }
    inclusion = merkle.prove([item.hash for item in block.transactions], 0)
    key, value = next(chain().store.iterate(b"accounts/", prefix_end(b"accounts/")))
    row = prove_state(chain().commitment, key)
    return [
        json.dumps(proof).encode()
        for proof in (
            {"kind": "block", "chain": shown},
            {
                "kind": "transaction",
                "chain": shown,
                "index": 0,
                "transaction": _hex(block.transactions[0].raw),
                "proof": _hex(codec.encode(inclusion.to_wire())),
            },
            {
                "kind": "state",
                "chain": shown,
                "key": _hex(key),
                "value": _hex(value),
                "proof": _hex(codec.encode(row.to_wire())),
            },
            {
                "kind": "statement",
                "chain": shown,
                "statement": "supply",
                "arguments": {},
                "rows": [
                    {
                        "key": _hex(key),
                        "value": _hex(value),
                        "proof": _hex(codec.encode(row.to_wire())),
                    }
                ],
            },
        )
    ]


def trusted_header() -> bytes:
    """What `poyong verify --keep` writes."""
    block = chain().blocks[1]
    members = set_at(chain().state, 1)
    anchor = Anchor(block.height, block.hash, block.header.parent_hash, ((1, members),))
    kept = TrustedHeader(CHAIN_ID, chain().genesis.block.hash, anchor)
    return json.dumps(anchor_to_json(kept)).encode()


def digest(name: str) -> bytes:
    """32 bytes that are nobody's hash."""
    return sha256(name.encode())


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
