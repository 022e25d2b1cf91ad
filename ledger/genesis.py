"""The genesis document: what every node of a chain must agree on before the first block.

JSON, parsed strictly; a mistake is a LocalError that names the place and the remedy. From it and
the modules follow the state of height 0 and its header, whose hash is the genesis hash: it covers
the document (as parent_hash) and the state root.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ledger import accounts, merkle
from ledger.block import Block, Header, participation_root, transactions_root
from ledger.commitment import BUCKET_COUNTS, DEFAULT_BUCKET_COUNT, StateCommitment
from ledger.crypto import sha256
from ledger.errors import DecodeError, InvariantViolation, LocalError
from ledger.executor import BlockExecutor
from ledger.kv import MemoryStore, WriteBatch
from ledger.local_accounts import local_accounts
from ledger.module import BlockInfo, Context, Event, StateModule
from ledger.primitives import Hash
from ledger.receipt import hook_leaf
from ledger.registry import MAX_ORGANISATION_BYTES, Participation, Validator, ValidatorSet
from ledger.restart import Restart, RowSource, carried, read_restart, require_sound
from ledger.state import State
from ledger.strict_json import JsonReader, nearest, read_json
from ledger.validators import MAX_OBSERVERS, ValidatorsModule

DOCUMENT_TAG: Final = b"poyong/genesis/1"
FORMAT: Final = 1
"""Of the document; one that names no `format` is of the first. No part of its hash."""
MAX_GENESIS_BYTES: Final = 16 * 1024 * 1024
MAX_CHAIN_ID: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly."""
MAX_NAME_BYTES: Final = 64
MAX_TIME_MS: Final = 2**53 - 1
MAX_INTERVAL_MS: Final = 24 * 60 * 60 * 1000
HEARTBEAT_INTERVAL_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Parameters:
    """Part of block validity. heartbeat_interval_ms: an empty block is due so long after its
    parent. min_block_interval_ms: least block time between two blocks (consensus.md rule 4)."""

    heartbeat_interval_ms: int = HEARTBEAT_INTERVAL_MS
    min_block_interval_ms: int = 0


@dataclass(frozen=True)
class Genesis:
    """A parsed genesis document.

    time_ms: ms since 1970. bucket_count: of the state commitment, for ever. observers: name by
    node key. sections: by module name, as JSON gave them. local: development keys are allowed.
    restart: the chain whose state this one carries over, None for a chain that begins.
    carried_rows: opens that state; no part of the document, and needed by build() alone.
    """

    chain_id: int
    name: str
    time_ms: int
    validators: ValidatorSet
    observers: Mapping[bytes, str]
    sections: Mapping[str, Any]
    bucket_count: int = DEFAULT_BUCKET_COUNT
    parameters: Parameters = Parameters()
    local: bool = False
    restart: Restart | None = None
    carried_rows: RowSource | None = field(default=None, compare=False, repr=False)

    def document(self) -> dict[str, Any]:
        """The JSON document with every option present, in the order in which people read it."""
        restart = {} if self.restart is None else {"restart": self.restart.document()}
        return {
            "chain_id": self.chain_id,
            "name": self.name,
            "time_ms": self.time_ms,
            "local": self.local,
            **restart,
            "bucket_count": self.bucket_count,
            "parameters": {
                "heartbeat_interval_ms": self.parameters.heartbeat_interval_ms,
                "min_block_interval_ms": self.parameters.min_block_interval_ms,
            },
            "validators": [
                {
                    "organisation": validator.organisation,
                    "public_key": validator.public_key.hex(),
                    "node_key": validator.node_key.hex(),
                }
                for validator in self.validators.validators
            ],
            "observers": [
                {"name": name, "node_key": node_key.hex()}
                for node_key, name in self.observers.items()
            ],
            "modules": dict(self.sections),
        }

    def canonical(self) -> bytes:
        """UTF-8 JSON of document(): keys sorted, no spaces, no escapes beyond those needed."""
        return json.dumps(
            self.document(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    def document_hash(self) -> Hash:
        """SHA-256 of tag || canonical document."""
        return sha256(DOCUMENT_TAG + self.canonical())


@dataclass(frozen=True, slots=True)
class GenesisBlock:
    """Height 0. rows: the whole state; commitment: of that state; block.hash: genesis hash."""

    block: Block
    rows: list[tuple[bytes, bytes | None]]
    commitment: StateCommitment


def parse(data: bytes, source: str = "genesis.json") -> Genesis:
    """The document in `data`; `source` is what messages call it. LocalError for any mistake."""
    document = read_json(data, source, MAX_GENESIS_BYTES)
    reader = JsonReader(source)
    if isinstance(document, dict) and document.get("format", FORMAT) != FORMAT:
        raise LocalError(
            f"{source} has genesis format {document['format']!r:.40}, this release reads {FORMAT}: "
            "use the release that made it, or a later one"
        )
    fields = reader.fields(
        document,
        "",
        required=("chain_id", "name", "time_ms", "validators"),
        optional=(
            "format",
            "local",
            "restart",
            "bucket_count",
            "parameters",
            "observers",
            "modules",
        ),
    )
    bucket_count = reader.integer(
        fields.get("bucket_count", DEFAULT_BUCKET_COUNT), "bucket_count", 1, BUCKET_COUNTS[-1]
    )
    if bucket_count not in BUCKET_COUNTS:
        raise reader.error("bucket_count", f"one of {BUCKET_COUNTS}", bucket_count)
    local = fields.get("local", False)
    if type(local) is not bool:
        raise reader.error("local", "true or false", local)
    sections = fields.get("modules", {})
    if not isinstance(sections, dict):
        raise reader.error("modules", "an object with a section for each module", sections)
    genesis = Genesis(
        chain_id=reader.integer(fields["chain_id"], "chain_id", 1, MAX_CHAIN_ID),
        name=reader.text(fields["name"], "name", MAX_NAME_BYTES),
        time_ms=reader.integer(fields["time_ms"], "time_ms", 0, MAX_TIME_MS),
        validators=_parse_validators(reader, fields["validators"]),
        observers=_parse_observers(reader, fields.get("observers", [])),
        sections=sections,
        bucket_count=bucket_count,
        parameters=_parse_parameters(reader, fields.get("parameters", {})),
        local=local,
        restart=read_restart(reader, fields["restart"]) if "restart" in fields else None,
    )
    _refuse_development_keys(genesis, source)
    if genesis.restart is not None:
        require_sound(genesis.restart, source, genesis.chain_id, genesis.time_ms, genesis.sections)
    return genesis


def build(genesis: Genesis, executor: BlockExecutor) -> GenesisBlock:
    """State, commitment and block of height 0. LocalError when a section is wrong, or when the
    rows that a restart carries over are missing or not those that the document names."""
    if genesis.restart is not None:
        built = build_carried_state(genesis, executor)
        if built.commitment.root != genesis.restart.state_root:
            raise LocalError(
                f"genesis restart.state_root: the exported state and the validators give "
                f"{built.commitment.root.hex()}, the document says "
                f"{genesis.restart.state_root.hex()}: somebody changed the document; make it anew "
                "with poyong genesis from-state"
            )
        return built
    known = {module.name for module in executor.modules} - {ValidatorsModule.name}
    for name in genesis.sections:
        if name not in known:
            raise LocalError(f"genesis modules: no module is called {name!r}{nearest(name, known)}")
    state = State(MemoryStore())
    info = genesis_info(genesis)
    events: list[Event] = []
    for module in executor.modules:
        context = Context(state, info)
        module.init_genesis(context, _section(genesis, module))
        events.extend(context.events)
    return _built(genesis, executor, state, state.changes(), tuple(events))


def build_carried_state(genesis: Genesis, executor: BlockExecutor) -> GenesisBlock:
    """build() of a restart, whatever state root the document names."""
    if genesis.carried_rows is None:
        raise LocalError("the state of the old chain is needed to build that of this genesis")
    names = [module.name for module in executor.modules]
    batch = WriteBatch()
    batch.operations.extend(carried(genesis.carried_rows(), names))
    base = MemoryStore()
    base.write(batch, sync=False)
    state = State(base)
    context = Context(state, genesis_info(genesis))
    for module in executor.modules:
        if module.name == ValidatorsModule.name or module.name in genesis.sections:
            module.init_genesis(context, _section(genesis, module))
    rows = sorted({**dict(batch.operations), **dict(state.changes())}.items())
    return _built(genesis, executor, state, rows, tuple(context.events))


def header(genesis: Genesis, executor: BlockExecutor) -> Header:
    """Header of height 0; its hash is the genesis hash. Of a restart it follows from the document
    alone, so that whoever checks a proof needs no exported state."""
    if genesis.restart is None:
        return build(genesis, executor).block.header
    return _header(genesis, genesis.restart.state_root, ())


def _built(
    genesis: Genesis,
    executor: BlockExecutor,
    state: State,
    rows: list[tuple[bytes, bytes | None]],
    events: tuple[Event, ...],
) -> GenesisBlock:
    info = genesis_info(genesis)
    try:
        accounts.check_block_conserves(state)
        executor.check_invariants(state, info)
    except InvariantViolation as violation:
        raise LocalError(f"the genesis state is not sound: {violation}") from violation
    commitment = StateCommitment.build(rows, genesis.bucket_count)
    head = _header(genesis, commitment.root, events)
    return GenesisBlock(Block(head, info.participation, ()), rows, commitment)


def _header(genesis: Genesis, state_root: Hash, events: tuple[Event, ...]) -> Header:
    info = genesis_info(genesis)
    return Header(
        height=0,
        parent_hash=info.parent_hash,
        time_ms=info.time_ms,
        proposer=info.proposer,
        transactions_root=transactions_root(()),
        state_root=state_root,
        receipts_root=merkle.root((hook_leaf(events),)),
        validators_hash=genesis.validators.hash(),
        participation_root=participation_root(info.participation),
    )


def genesis_info(genesis: Genesis) -> BlockInfo:
    """What modules know of height 0. The last validator counts as its proposer, so that the first
    one proposes height 1."""
    return BlockInfo(
        chain_id=genesis.chain_id,
        height=0,
        time_ms=genesis.time_ms,
        parent_hash=genesis.document_hash(),
        parent_time_ms=0,
        proposer=len(genesis.validators) - 1,
        participation=Participation(None),
    )


def _section(genesis: Genesis, module: StateModule) -> Mapping[str, Any]:
    if module.name == ValidatorsModule.name:
        return {"validators": genesis.validators, "observers": genesis.observers}
    section = genesis.sections.get(module.name, {})
    if not isinstance(section, dict):
        raise LocalError(
            f"genesis modules.{module.name}: expected an object, found {section!r:.60}"
        )
    return section


def _refuse_development_keys(genesis: Genesis, source: str) -> None:
    """Everybody has those keys, so that whatever names one outside a local town is open to all."""
    if genesis.local:
        return
    text = genesis.canonical().decode().lower()
    for account in local_accounts():
        for shown in (account.address.hex(), account.signer.public_key.hex()):
            if shown in text:
                raise LocalError(
                    f"{source}: it names 0x{shown}, a development key that everybody has; replace "
                    'it, or set "local": true if this is a town on one machine'
                )


def _parse_parameters(reader: JsonReader, value: object) -> Parameters:
    names = ("heartbeat_interval_ms", "min_block_interval_ms")
    fields = reader.fields(value, "parameters", optional=names)
    defaults = Parameters()
    heartbeat, least = (
        reader.integer(
            fields.get(name, getattr(defaults, name)), f"parameters.{name}", lowest, MAX_INTERVAL_MS
        )
        for name, lowest in zip(names, (1, 0), strict=True)
    )
    if least > heartbeat:
        raise reader.error(
            "parameters.min_block_interval_ms", f"at most the heartbeat of {heartbeat}", least
        )
    return Parameters(heartbeat, least)


def _parse_validators(reader: JsonReader, value: object) -> ValidatorSet:
    seats = []
    for position, item in enumerate(reader.items(value, "validators")):
        name = f"validators[{position}]"
        fields = reader.fields(item, name, required=("organisation", "public_key", "node_key"))
        seats.append(
            Validator(
                reader.text(fields["organisation"], f"{name}.organisation", MAX_ORGANISATION_BYTES),
                reader.key(fields["public_key"], f"{name}.public_key"),
                reader.key(fields["node_key"], f"{name}.node_key"),
            )
        )
    try:
        return ValidatorSet(tuple(seats))
    except DecodeError as error:
        raise LocalError(f"{reader.source}: validators: {error}") from error


def _parse_observers(reader: JsonReader, value: object) -> Mapping[bytes, str]:
    found: dict[bytes, str] = {}
    items = reader.items(value, "observers")
    if len(items) > MAX_OBSERVERS:
        raise reader.error("observers", f"at most {MAX_OBSERVERS}", len(items))
    for position, item in enumerate(items):
        name = f"observers[{position}]"
        fields = reader.fields(item, name, required=("name", "node_key"))
        node_key = reader.key(fields["node_key"], f"{name}.node_key")
        if node_key in found:
            raise LocalError(f"{reader.source}: {name}.node_key: it is listed twice")
        found[node_key] = reader.text(fields["name"], f"{name}.name", MAX_ORGANISATION_BYTES)
    return found
