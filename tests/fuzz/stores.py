"""Decoders of what a node keeps: bodies of every message, rows of every table, the commitment."""

import importlib
import json
import pkgutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson

import governance
import ledger
import tokenomics
from ledger import codec, genesis
from ledger.commitment import StateCommitment
from ledger.contracts import carries_messages
from ledger.crypto import sha256
from ledger.errors import DecodeError, LocalError
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import Field, Kind, MessageType
from ledger.primitives import HASH_BYTES, Address
from ledger.state import Table
from node.keys import keystore
from node.localnet import layout
from node.modules import build_executor
from node.state_files import state_file
from node.state_files.state_file import Description
from node.store.account_index import AccountIndex, HistoryRules
from node.store.block_store import BlockStore, lowest_rows
from node.store.storage import write_genesis
from node.wallet import folder as wallet_folder
from tests.docs.test_proposal_vectors import ROWS as PROPOSAL_ROWS
from tests.docs.test_row_vectors import OF_DISTRIBUTION, OF_LAND, OF_VALIDATORS
from tests.docs.test_stakeholder_vectors import ROWS as STAKEHOLDER_ROWS
from tests.fuzz import samples
from tests.fuzz.checking import Decoder
from tests.support.fact_desk import DOCUMENT, DONG, GOVERNANCE, REGISTRAR, FactDesk
from tests.support.land_town import LandTown, appraiser, land_section, zone_section
from tests.support.ledger_chain import CHAIN_ID
from tests.support.pool_town import PoolTown
from tests.support.transfers import TO
from tokenomics.facts.land_events import CERTIFY_EVENT
from tokenomics.facts.sales import REGISTER_SALE, STRIKE_SALE
from tokenomics.oracle.challenges import CHALLENGE
from tokenomics.roles import CHAMBER_PUBLIC

EXECUTOR = build_executor()
_GUESSES: tuple[Any, ...] = (
    5,
    ((b"k" * 20,),),
    (b"k" * 20,),
    (b"c" * 32, b"s" * 32),
    ("chamber.land", b"l" * 32, 9, False, (1, 2)),
    b"",
    b"k" * 20,
    "name",
    (1, 2),
    (7, b"r" * 32),
    (1, (b"k" * 32,)),
    (1, 2, 3, 4, 5, 6, 7, 8),
)
"""Where no sample chain has a row of a table."""


# -- files that are read by path -------------------------------------------------------------------


def read_key(raw: bytes) -> object:
    """A key file with this content, its open part and then its seed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key.json"
        path.touch(mode=0o600)
        path.write_bytes(raw)
        info = keystore.read_key_info(path)
        if json.loads(raw)["kdf"]["memory_kib"] > keystore.LOCAL_COST.memory_kib * 128:
            return info  # the file may ask for a second of work, which is its owner's choice
        return keystore.open_seed(path, "a password", info.kind)


def read_account(raw: bytes) -> object:
    """A file of a wallet with this content, its open part."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "mine.json"
        path.touch(mode=0o600)
        path.write_bytes(raw)
        return wallet_folder.read_account(path, "mine")


def read_town(raw: bytes) -> object:
    """A town file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / layout.TOWN_FILE).write_bytes(raw)
        return layout.load(Path(folder))


def read_state_file(raw: bytes) -> object:
    """An exported state with this content and its checksum, so that all of it is looked at."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        path.write_bytes(raw + sha256(raw))
        return state_file.describe(path), list(state_file.read_rows(path))


def state_file_without_checksum() -> bytes:
    """The state of the sample chain, exported."""
    chain = samples.chain()
    header = chain.blocks[-1].header
    description = Description(
        CHAIN_ID, "fuzz", chain.blocks[0].hash, False, 256, genesis.Parameters(), header
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        with state_file.writing(path, description) as writer:
            for _ in writer.through(chain.store.iterate(b"", b"\x7f")):
                pass
        return path.read_bytes()[:-HASH_BYTES]


def read_json(raw: bytes, loads: Callable[[bytes], object] = orjson.loads) -> object:
    """JSON for decoders that take values: orjson reads it in the API, json in the commands."""
    try:
        return loads(raw)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"no JSON: {error}") from error


def small_genesis(raw: bytes) -> bytes:
    """The document with few buckets, which is built in a few milliseconds."""
    document: dict[str, Any] = json.loads(raw)
    return json.dumps(document | {"bucket_count": 16}).encode()


# -- message bodies --------------------------------------------------------------------------------


def message_bodies() -> list[Decoder]:
    """Every message type of the chain."""
    return [_body(message) for message in EXECUTOR.registry.all()]


def _body(message: MessageType) -> Decoder:
    return Decoder(
        f"body of {message.name}",
        lambda raw: message.decode(codec.decode(raw)),
        [codec.encode(body_of(message))],
        (DecodeError,),
        (
            "message_registry.MessageType.decode",
            "message_registry.Field.decode",
            "message_registry.decode_fields",
        ),
        lambda values: codec.encode(message.encode(*values)),
    )


def contract_calls() -> list[bytes]:
    """Address and calldata of each function of the system contracts."""
    table = EXECUTOR.contracts
    return [
        b"".join(table.encode_call(message.name, body_of(message)))
        for message in EXECUTOR.registry.all()
        if table.function_of(message.name) is not None
    ]


def body_of(message: MessageType) -> tuple[object, ...]:
    """Wire form of some body; what a proposal carries is a message of this chain."""
    return tuple(
        (("distribution.claim", codec.encode(("land",))),) * 2
        if carries_messages(field)
        else _sample(field)
        for field in message.fields
    )


def _sample(field: Field) -> object:
    """Wire form of some value of the field."""
    match field.kind:
        case Kind.ADDRESS:
            return TO
        case Kind.AMOUNT:
            return codec.encode_amount(300)
        case Kind.UINT64:
            return 1
        case Kind.HASH | Kind.OPTIONAL_HASH:
            return samples.digest(field.name)
        case Kind.TEXT:
            return "a"
        case Kind.BYTES:
            return b"k" * 32
        case Kind.LIST:
            inner = tuple(_sample(item) for item in field.items)
            return (inner[0] if len(inner) == 1 else inner,) * 2


# -- state rows ------------------------------------------------------------------------------------


def state_tables() -> list[Decoder]:
    """Every Table of the three rooms that have state."""
    return [_table(name, table) for name, table in sorted(all_tables().items())]


def all_tables() -> dict[str, Table[Any]]:
    """By prefix, as the modules declare them."""
    found: dict[str, Table[Any]] = {}
    for room in (ledger, tokenomics, governance):
        for entry in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            for value in vars(importlib.import_module(entry.name)).values():
                if isinstance(value, Table):
                    found[value.prefix.decode()] = value
    return found


def _table(name: str, table: Table[Any]) -> Decoder:
    found = [
        raw for store in _stores() for _, raw in store.iterate(table.prefix, table.prefix + b"\xff")
    ][:8]
    return Decoder(
        f"row of {name}",
        table.decode,
        found or [codec.encode(guess) for guess in _GUESSES],
        (DecodeError,),
        (
            "rows.table.decode",
            "rows._enumeration.decode",
            "rows._decode_scaled",
            "state._decoded",
            "accounts._decode_account",
            "accounts._decode_supply",
            "threshold._decode_members",
            "validator_tables._decode_timeline",
            "validator_tables._decode_root",
            "validator_tables._decode_heights",
            "validator_tables._decode_name",
            "validator_tables._decode_recorded",
            "authority._decode_authority",
            "roles._decode_limits",
            "roles._decode_since",
            "proposal_rows._decode_message",
        ),
        table.encode,
    )


@cache
def _stores() -> list[MemoryStore]:
    """State of the small chain, of a town's genesis, of a town with reports, and of facts."""
    town = MemoryStore()
    document = genesis.parse(small_genesis(samples.documents()["genesis.json"]))
    batch = WriteBatch()
    batch.operations.extend(genesis.build(document, EXECUTOR).rows)
    town.write(batch, sync=True)
    return [samples.chain().store, town, _reported(), _facts(), _distributed(), _documented()]


def _documented() -> MemoryStore:
    """The rows of docs/formats.md of what no chain here has yet."""
    store, batch = MemoryStore(), WriteBatch()
    for table, key, value in (
        *STAKEHOLDER_ROWS,
        *PROPOSAL_ROWS,
        *OF_VALIDATORS,
        *OF_LAND,
        *OF_DISTRIBUTION,
    ):
        batch.put(table.prefix + key, table.encode(value))
    store.write(batch, sync=True)
    return store


def _distributed() -> MemoryStore:
    """Pools with holders, pending shares, a grant, tranches and somebody who left."""
    made = PoolTown()
    made.enrol(0, 1)
    made.certify(0)
    made.certify(1)
    for _ in range(3):
        made.close(10**21)
    made.claim(0)
    made.certify(0)
    made.revoke(3)
    made.certify(0)
    made.leave(1)
    return made.stored()


def _reported() -> MemoryStore:
    """A town with one closed round, and a re-appraisal, a challenge and reports in the next."""
    made = LandTown(land_section(zone_section("east"), zone_section("west")), genesis_ms=4_000)
    city = appraiser(41)
    made.book.roles[CHAMBER_PUBLIC] = {city}
    made.block(5_000)
    made.play({"east": [1_000, 1_010, 1_020, 1_030, 1_200], "west": [1_000] * 5})
    number = made.begin_appraisal()
    made.soon(made.messages(number, {"east": [1_000] * 5, "west": [1_000] * 5}))
    made.soon(made.messages(number, {"east": [1_000] * 5, "west": [1_000] * 4}))
    values = ("east", number, CHAMBER_PUBLIC, "method", bytes(32))
    made.soon([(city, CHALLENGE, values)])
    return made.store


def _facts() -> MemoryStore:
    """One of each fact beside reports."""
    desk = FactDesk()
    desk.rate("29", 2012_01, 100_057)
    desk.send(GOVERNANCE, CERTIFY_EVENT, "city", "completion", 14_000, 10**12, DOCUMENT)
    for pnu in (f"{DONG}111100010", f"{DONG}111100011"):
        desk.send(REGISTRAR, REGISTER_SALE, "city", pnu, 900, 2012_02, DOCUMENT)
    desk.send(GOVERNANCE, STRIKE_SALE, "city", pnu, 2012_02, "typing error")
    store = MemoryStore()
    batch = WriteBatch()
    for key, value in desk.state.changes():
        if value is not None:
            batch.put(key, value)
    store.write(batch, sync=True)
    return store


# -- commitment and database -----------------------------------------------------------------------


def _packed(rows: list[tuple[bytes, bytes]]) -> bytes:
    return codec.encode([(key, value) for key, value in rows])


def _unpacked(raw: bytes) -> MemoryStore:
    store = MemoryStore()
    batch = WriteBatch()
    for item in codec.as_list(codec.decode(raw), "rows", 4096):
        key, value = codec.as_array(item, "row", 2)
        batch.put(
            codec.as_bytes_up_to(key, "key", 4096), codec.as_bytes_up_to(value, "value", 2**20)
        )
    store.write(batch, sync=True)
    return store


def commitment() -> list[Decoder]:
    """The copy of the state commitment that a stop leaves, as a start reads it."""
    small = StateCommitment.build([(b"a/b/%d" % i, b"%d" % i) for i in range(20)], 16)
    return [
        Decoder(
            "saved commitment",
            StateCommitment.restore,
            [b"".join(small.save())],
            (DecodeError,),
            ("commitment.StateCommitment.restore",),
        )
    ]


def database() -> list[Decoder]:
    """Meta rows of a database with its genesis and one block's history."""
    store = MemoryStore()
    document = genesis.parse(small_genesis(samples.documents()["genesis.json"]))
    write_genesis(BlockStore(store, "chain"), document, EXECUTOR)
    index = AccountIndex(store, HistoryRules())
    indexed = WriteBatch()
    index.add(indexed.operations, 1, {Address(b"a" * 20): b"\0\0"})
    indexed.operations += lowest_rows(1)
    store.write(indexed, sync=True)
    rows = [(key, value) for key, value in store.iterate(b"", b"C")]
    return [
        Decoder(
            "database rows",
            lambda raw: BlockStore(_unpacked(raw), "chain").head(),
            [_packed(rows)],
            (DecodeError, LocalError),
            (
                "block_store.Head.decode",
                "block_store.decode_lowest",
                "account_index.IndexRange.decode",
            ),
        )
    ]
