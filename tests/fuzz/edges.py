"""Decoders at the edges: the peer network, files, JSON-RPC."""

import json
from collections.abc import Callable
from pathlib import Path

from api import jsonrpc, keys, light, parameters
from api.encoding import from_hex
from api.errors import RpcError
from api.ethereum import forms
from api.examples import BOB
from api.history import Cursor, decode_cursor, encode_cursor
from api.history_ports import Place
from api.keys import ApiKey
from api.methods import all_methods
from api.registry import Method
from ledger import genesis
from ledger.concerned import HOOKS
from ledger.errors import DecodeError, LocalError, PeerError
from ledger.ethereum_draft import transfer
from ledger.strict_json import read_json
from ledger.validator_tables import set_at
from node import config
from node.cli import tx_ethereum
from node.cli.accounts import parse_address
from node.cli.output import parse_amount, parse_tokens
from node.network.wire import FrameDecoder, FrameKind, Hello, decode_goodbye, encode_frame
from node.store.block_store import Head
from node.sync import sync_wire
from node.sync.sync_wire import (
    BlockAnswer,
    BlockAsk,
    HeadAsk,
    NotHeld,
    PieceAnswer,
    PieceAsk,
    RangeAnswer,
    RangeAsk,
    SnapshotOffer,
    SnapshotsAnswer,
    SnapshotsAsk,
)
from node.transactions import gossip
from node.votes import wal_format
from node.votes.wal_format import Marker
from node.wallet import ethereum_keystore, phrases
from node.wallet.ethereum_keystore import ScryptCost
from tests.fuzz import samples, stores
from tests.fuzz.checking import Decoder
from tests.fuzz.mutation import Shape
from tests.support.ledger_chain import CHAIN_ID

MAX_BATCH = 100
_METHODS = list(all_methods())
_GENESIS = light.TrustedGenesis(
    CHAIN_ID, samples.chain().genesis.block.hash, set_at(samples.chain().state, 1)
)


def network() -> list[Decoder]:
    """Frames between nodes and what they hold."""
    block = samples.chain().blocks[1]
    raws = tuple(item.raw for item in samples.transactions())
    questions: list[sync_wire.SyncMessage] = [
        RangeAsk(1, 5, 9),
        RangeAnswer(2, 9, (block.encoded, block.encoded)),
        BlockAsk(3, 1, block.hash),
        BlockAnswer(3, block.encoded),
        BlockAnswer(3, None),
        HeadAsk(2**32 - 1),
        NotHeld(4, 9, 5),
        SnapshotsAsk(4),
        SnapshotsAnswer(4, (SnapshotOffer(9, block.hash, 2), SnapshotOffer(19, block.hash, 0))),
        PieceAsk(5, 9, 2, 33, 2**20),
        PieceAnswer(5, 2**20, b"piece"),
    ]
    hello = Hello(CHAIN_ID, block.hash, 7, "poyong/0.1.0", "127.0.0.1:26600")
    frames = encode_frame(FrameKind.HELLO, hello.encode()) + b"".join(
        encode_frame(kind, b"x" * 40) for kind in (FrameKind.CONSENSUS, FrameKind.TRANSACTIONS)
    )
    return [
        Decoder(
            "sync frame",
            sync_wire.decode,
            [sync_wire.encode(question) for question in questions],
            (DecodeError,),
            ("sync_wire.decode", "sync_wire._offer_from_wire"),
            sync_wire.encode,
        ),
        Decoder(
            "gossip batch",
            gossip.decode_batch,
            [gossip.encode_batch(raws)],
            (DecodeError,),
            ("gossip.decode_batch",),
            gossip.encode_batch,
        ),
        Decoder(
            "hello",
            Hello.decode,
            [hello.encode()],
            (DecodeError,),
            ("wire.Hello.decode",),
            lambda found: found.encode(),
        ),
        Decoder(
            "goodbye", decode_goodbye, [b"bye"], (), ("wire.decode_goodbye",), None, Shape.BYTES
        ),
        Decoder(
            "frames",
            lambda raw: list(FrameDecoder().feed(raw)),
            [frames],
            (PeerError,),
            ("wire.FrameDecoder.feed",),
            None,
            Shape.BYTES,
        ),
    ]


def files() -> list[Decoder]:
    """What a node reads from its folder."""
    found = samples.documents()
    marker = Marker(b"i" * 16, 4, 3, 99)
    head = Head(9, samples.chain().blocks[1].hash, marker, False)
    frame, _ = wal_format.encode_frame(3, 0, 2, 4096, samples.encoded_records(), seed=7)
    header = wal_format.file_header(b"i" * 16, 1).ljust(wal_format.PAGE_BYTES, b"\0")
    return [
        Decoder(
            "marker",
            Marker.decode,
            [marker.encode()],
            (DecodeError,),
            ("wal_format.Marker.decode",),
            lambda value: value.encode(),
        ),
        Decoder(
            "head row",
            Head.decode,
            [head.encode()],
            (DecodeError,),
            ("block_store.Head.decode",),
            lambda value: value.encode(),
        ),
        Decoder(
            "vote file",
            lambda raw: (wal_format.read_file_header(raw, 1), wal_format.scan(raw, 7)),
            [header + frame * wal_format.COPIES],
            (),
            ("wal_format.read_file_header", "wal_format.scan"),
            None,
            Shape.BYTES,
        ),
        Decoder(
            "key file",
            stores.read_key,
            [found["key.json"]],
            (LocalError,),
            ("keystore.read_key_info",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "configuration",
            lambda raw: config.parse(_text(raw), Path("config.toml"), {}),
            [found["config.toml"]],
            (LocalError,),
            ("config.parse", "options.read_section"),
            None,
            Shape.BYTES,
        ),
        Decoder(
            "genesis",
            lambda raw: genesis.build(genesis.parse(raw), stores.EXECUTOR),
            [stores.small_genesis(found["genesis.json"])],
            (LocalError,),
            ("genesis.parse", "opening.read_genesis", "strict_json.read_json"),
            None,
            Shape.JSON,
        ),
        Decoder(
            "JSON document",
            lambda raw: read_json(raw, "a file", 2**20),
            [found["genesis.json"], b'{"a": [1, "b"]}'],
            (LocalError,),
            ("strict_json.read_json",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "town file",
            stores.read_town,
            [found["town.json"]],
            (LocalError,),
            ("layout.load",),
            None,
            Shape.JSON,
        ),
    ]


def wallets() -> list[Decoder]:
    """What people bring: keystores, files of accounts, drafts, phrases, addresses."""
    keystore = ethereum_keystore.write_keystore(b"k" * 32, "correct horse", ScryptCost(2))
    draft = transfer(chain_id=CHAIN_ID, nonce=1, to=b"t" * 20, value=2**127)
    return [
        Decoder(
            "Ethereum keystore",
            lambda raw: ethereum_keystore.read_keystore(raw, "a file"),
            [keystore],
            (LocalError,),
            ("ethereum_keystore.read_keystore",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "account of a wallet",
            stores.read_account,
            [
                keystore,
                b'{"format": "poyong-watch-1", "address": "0x' + b"77" * 20 + b'"}',
                samples.documents()["key.json"],
            ],
            (LocalError,),
            ("folder.read_account",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "draft of an Ethereum envelope",
            lambda raw: _draft(read_json(raw, "a file", 2**20)),
            [json.dumps(tx_ethereum.ethereum_fields(draft)).encode()],
            (LocalError,),
            ("tx_ethereum.ethereum_draft_of",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "phrase",
            lambda raw: phrases.checked_phrase(_text(raw)),
            [b"test " * 11 + b"junk"],
            (LocalError,),
            ("phrases.checked_phrase",),
            None,
            Shape.BYTES,
        ),
        Decoder(
            "address and amount as typed",
            lambda raw: (_typed(parse_address, raw), _typed(parse_amount, raw)),
            [b"0x" + b"77" * 20, b"1500wei", b"1.5 BJT"],
            (),
            ("accounts.parse_address", "output.parse_amount"),
            None,
            Shape.BYTES,
        ),
    ]


def _draft(value: object) -> object:
    return tx_ethereum.ethereum_draft_of(value) if isinstance(value, dict) else None


def _typed(parse: Callable[[str], object], raw: bytes) -> object:
    try:
        return parse(_text(raw))
    except LocalError:
        return None


def restarts() -> list[Decoder]:
    """What a chain that carries another one's state over is made of."""
    return [
        Decoder(
            "genesis of a restart",
            lambda raw: genesis.header(genesis.parse(raw), stores.EXECUTOR),
            [samples.restart_document()],
            (LocalError,),
            ("genesis.parse", "restart.read_restart"),
            None,
            Shape.JSON,
        ),
        Decoder(
            "exported state",
            stores.read_state_file,
            [stores.state_file_without_checksum()],
            (LocalError,),
            ("state_file.describe", "state_file.read_rows"),
            None,
            Shape.BYTES,
        ),
    ]


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def api_keys() -> list[Decoder]:
    """The file of API keys."""
    return [
        Decoder(
            "API keys",
            lambda raw: keys.parse(raw, "api-keys.json"),
            [keys.encode([ApiKey("exchange", keys.hash_of(bytes(32)), 50, 100)])],
            (LocalError,),
            ("keys.parse",),
            None,
            Shape.JSON,
        )
    ]


def cursors() -> list[Decoder]:
    """Where a page of an account's history starts."""
    return [
        Decoder(
            "cursor of a history",
            lambda raw: decode_cursor(BOB, raw.decode("ascii", "replace")),
            [
                encode_cursor(BOB, Cursor(Place(height, HOOKS), newest_first)).encode()
                for height in (0, 7, 2**40)
                for newest_first in (False, True)
            ],
            (DecodeError,),
            ("history.decode_cursor",),
        ),
    ]


def api() -> list[Decoder]:
    """JSON-RPC, proofs and what people type."""
    kinds = [
        value
        for module in (parameters, forms)
        for value in vars(module).values()
        if isinstance(value, parameters.ParameterKind)
    ]
    return [
        Decoder(
            "JSON-RPC",
            lambda raw: jsonrpc.parse(raw, MAX_BATCH),
            samples.calls(),
            (RpcError,),
            ("jsonrpc.parse",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "JSON-RPC parameters",
            lambda raw: [_parameter(kind, stores.read_json(raw)) for kind in kinds],
            [b'"0x%064x"' % 5, b"7", b'"latest"', b'"0x' + b"ab" * 20 + b'"', *samples.objects()],
            (DecodeError,),
            (
                "parameters._hex_parser.parse",
                "parameters._integer_parser.parse",
                "parameters.one_of.parse",
                "parameters.text.parse",
                "parameters._parse_block",
                "encoding.from_quantity",
            ),
            None,
            Shape.JSON,
        ),
        Decoder(
            "method parameters",
            lambda raw: [_bound(method, raw) for method in _METHODS],
            [b'["0x%064x"]' % 5, b"[7]", b'{"block": "latest", "detail": "full"}', b"[]"],
            (DecodeError,),
            ("registry.Method._parse",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "hex",
            lambda raw: from_hex(_text(raw)),
            [b"0x", b"0xabcdef01"],
            (DecodeError,),
            ("encoding.from_hex",),
            None,  # any case
            Shape.BYTES,
        ),
        Decoder(
            "proof",
            lambda raw: light.verify_json(_GENESIS, stores.read_json(raw, json.loads)),
            samples.proofs(),
            (PeerError,),
            ("light.chain_from_json",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "trusted header",
            lambda raw: light.anchor_from_json(stores.read_json(raw, json.loads)),
            [samples.trusted_header()],
            (DecodeError,),
            ("light.anchor_from_json",),
            None,
            Shape.JSON,
        ),
        Decoder(
            "amount in tokens",
            lambda raw: parse_tokens(_text(raw)),
            [b"1.5", b"1,000"],
            (LocalError,),
            ("output.parse_tokens",),
            None,
            Shape.BYTES,
        ),
    ]


def _bound(method: Method, raw: bytes) -> object:
    """What a method makes of JSON-RPC params, which are a list or an object."""
    value = stores.read_json(raw)
    if not isinstance(value, list | dict):
        return None
    try:
        return method.bind(value)
    except RpcError:
        return None


def _parameter(kind: parameters.ParameterKind, value: object) -> object:
    try:
        return kind.parse(value)
    except ValueError:
        return None
