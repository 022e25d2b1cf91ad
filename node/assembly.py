"""Puts a node together from its folder, runs it, and takes it apart again.

The composition root: the only place, with node.modules, that names every part.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import structlog
import uvloop

from api.server import ApiConfig, ApiServer
from consensus import wal_records
from consensus.messages import SigningDomain
from consensus.replica import ReplicaConfig
from consensus.wal_records import Record
from ledger.block import decode_block
from ledger.errors import LocalError
from ledger.mempool import MempoolLimits
from ledger.primitives import Address
from ledger.state import State
from ledger.validator_tables import observers, seat_of, set_at
from node import config as configuration
from node.admin_desk import AdminDesk
from node.admin_socket import admin_socket
from node.backups.backup_rows import RowGiver
from node.candidacy import Candidacy
from node.config import Config
from node.keys.api_keys import read_keys
from node.memory import give_back_regularly
from node.modules import ROLE_BOOK, TOKEN, build_executor
from node.network.connection import ConnectionTimes
from node.network.peers import Role
from node.node_keys import open_keys
from node.opening import CHAIN_FOLDER, Opened, open_files, read_genesis
from node.replica.execution import AppliedBlock
from node.runtime import Network, Runtime
from node.service import Service
from node.signing.choice import public_keys_of
from node.snapshots.joining import Joining, start_of, trusted_file_of
from node.snapshots.keeping import SnapshotKeeper
from node.snapshots.progress import watched
from node.snapshots.restoring import beginning_alone
from node.snapshots.shelf import FOLDER as SNAPSHOTS_FOLDER
from node.snapshots.shelf import Shelf
from node.software import require_version
from node.store import saved_commitment
from node.store.data_folder import require_openable
from node.store.pruning import Compactor
from node.store.stores import has_chain
from node.version import VERSION
from node.watch.health import HealthServer, Readiness
from node.watch.instruments import Instruments
from node.watch.log_setup import configure_logging
from node.watch.metrics import Metrics
from tokenomics.oracle import registry

CONFIG_FILE: Final = "config.toml"
GC_THRESHOLD: Final = 100_000
"""Objects of a start are frozen and the collector seldom runs (performance.md, finding 5)."""
EXIT_OK: Final = 0

log = structlog.get_logger(__name__)


def run_node(home: Path) -> int:
    """Run the node of this folder until SIGTERM or SIGINT; the exit code.

    LocalError when the operator has to act before it can start.
    """
    if sys.flags.optimize:
        raise LocalError("the node does not run under `python -O`: start it without -O")
    config = configuration.load(home / CONFIG_FILE)
    write_out_log = configure_logging(config.log)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(config))
    finally:
        write_out_log()


def vote_records(opened: Opened) -> list[Record]:
    """The vote record's records; damage was found when it was opened."""
    chain_id = opened.genesis.chain_id
    decode_call = opened.chain.executor.contracts.decode_call
    return [
        wal_records.decode(raw, lambda block: decode_block(block, chain_id, decode_call))
        for raw in opened.votes.records
    ]


def replica_config(opened: Opened) -> ReplicaConfig:
    """Settings of the replica from genesis (what all share) and configuration."""
    config, parameters = opened.config.consensus, opened.genesis.parameters
    keys = opened.ring.public_keys
    return ReplicaConfig(
        domain=SigningDomain(opened.genesis.chain_id, opened.chain.genesis_hash),
        public_key=keys[0] if keys else None,
        coming_keys=keys[1:],
        base_timeout_ms=config.base_timeout_ms,
        lowest_cap_ms=config.lowest_cap_ms,
        highest_cap_ms=config.highest_cap_ms,
        heartbeat_interval_ms=parameters.heartbeat_interval_ms,
        max_drift_ms=config.max_drift_ms,
        min_block_interval_ms=parameters.min_block_interval_ms,
        vote_record_lost=opened.chain.vote_record_lost,
        signs_from=opened.signs_from,
    )


def roles_at_head(state: State, height: int) -> Mapping[bytes, Role]:
    """Node keys that may connect: both coming validator sets, and observers.

    A seat's coming node key speaks for the seat already: who rotates its keys may be the only one
    that has the last block of the old ones, and the others have to ask it.
    """
    roles = {key: Role(None, name) for key, name in observers(state).items()}
    current = set_at(state, height + 1)
    for validator in set_at(state, height + 2).validators:
        seat = seat_of(current, validator.organisation)
        roles[validator.node_key] = Role(seat, validator.organisation)
    for index, validator in enumerate(current.validators):
        roles[validator.node_key] = Role(index, validator.organisation)
    return roles


def is_sponsored(state: State, address: Address) -> bool:
    """Whether an account may send without a balance: appraisers may, for their reports."""
    return registry.find(state, address) is not None


def _runtime(opened: Opened, shelf: Shelf) -> Runtime:
    config = opened.config
    limits = MempoolLimits(
        **{name: getattr(config.mempool, name) for name in MempoolLimits.__struct_fields__}
    )
    network = Network(
        opened.identities,
        config.network.address_book(),
        config.network.host,
        config.network.port,
        ConnectionTimes(
            ping_s=config.network.ping_interval_ms / 1000,
            silence_s=config.network.silence_timeout_ms / 1000,
        ),
    )
    return Runtime(
        opened.chain,
        limits,
        opened.votes.log,
        vote_records(opened),
        opened.ring,
        replica_config(opened),
        network,
        roles_at_head,
        is_sponsored,
        max_transactions=config.consensus.max_block_transactions,
        genesis_time_ms=opened.genesis.time_ms,
        snapshots=shelf if config.snapshots.serve else None,
    )


def _api_config(config: Config) -> ApiConfig:
    rpc = config.rpc
    names = {entry.name for entry in fields(rpc)} - {"enabled", "api_keys"}
    keys = read_keys(config.path(rpc.api_keys)) if rpc.api_keys else ()
    if rpc.require_key and not keys:
        raise LocalError(
            "rpc.require_key is true and there is no key: make one with `poyong keys api-key new` "
            "and name its file in rpc.api_keys"
        )
    return ApiConfig(**{name: getattr(rpc, name) for name in names}, keys=keys)


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of a node, joined and not yet started; start and stop `runtime`."""

    opened: Opened
    metrics: Metrics
    runtime: Runtime
    service: Service
    instruments: Instruments
    compactor: Compactor
    keeper: SnapshotKeeper


def build_node(config: Config, metrics: Metrics) -> Node:
    """Open a node's files and join its parts, on the running event loop.

    LocalError when the operator has to act first; then nothing stays open.
    """
    opened = open_files(config, metrics.wal_sync_seconds.observe)
    shelf = Shelf(config.path(config.storage.path) / SNAPSHOTS_FOLDER, config.snapshots.keep)
    shelf.tidy()
    runtime = _runtime(opened, shelf)
    service = Service(
        runtime,
        token=TOKEN,
        roles=ROLE_BOOK,
        genesis_hash=opened.chain.genesis_hash,
        genesis_document=opened.genesis.canonical().decode(),
    )
    instruments = Instruments(
        metrics,
        runtime,
        service,
        data=config.path(config.storage.path),
        min_block_interval_ms=opened.genesis.parameters.min_block_interval_ms,
    )
    keeper = SnapshotKeeper(
        shelf,
        opened.chain.blocks,
        opened.genesis.chain_id,
        opened.chain.genesis_hash,
        opened.genesis.bucket_count,
        every_blocks=config.snapshots.every_blocks,
        spawn=runtime.spawn,
    )
    loop = asyncio.get_running_loop()
    compactor = Compactor(
        opened.chain.blocks, lambda error: loop.call_soon_threadsafe(runtime.fail, error)
    )
    runtime.on_block += [service.on_block, instruments.on_block, lambda _: compactor.look()]
    runtime.on_block.append(lambda applied: keeper.on_block(applied.block.height))
    # Last, when everybody was told of the block; the replica never hears of it, so nothing of the
    # next height is executed or signed.
    runtime.on_block.append(lambda applied: _look_ahead(runtime.state, applied, opened))
    runtime.on_admitted.append(service.on_admitted)
    runtime.driver.on_event.append(instruments.on_event)
    if opened.ring.public_keys and not opened.ring.waits:
        candidacy = Candidacy(
            opened.ring,
            opened.genesis.chain_id,
            lambda: runtime.state,
            lambda: service.target_height() - service.height(),
            runtime.ingest.submit,
            runtime.spawn,
        )
        runtime.on_block.append(lambda applied: candidacy.on_block(applied.block))
    return Node(opened, metrics, runtime, service, instruments, compactor, keeper)


def _look_ahead(state: State, applied: AppliedBlock, opened: Opened) -> None:
    height = applied.block.height + 1
    require_version(state, height)
    _label(state, height, opened, opened.ring.public_keys)


def _label(state: State, height: int, opened: Opened, keys: Sequence[bytes]) -> None:
    """Keep the label true before block `height`, for these validator keys."""
    opened.label.follow(state, height, opened.chain.blocks.schema_version, keys)


async def _serve(config: Config) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    api_config = _api_config(config)  # before anything is opened, so that a refusal touches nothing
    metrics = Metrics(version=VERSION)
    health = HealthServer(
        metrics, lambda: Readiness(False, "starts"), config.metrics.host, config.metrics.port
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(health.stop)
        if not await _joined(config, stopped, health, metrics):
            return EXIT_OK
        node = build_node(config, metrics)
        runtime = node.runtime
        health.answer_by(node.instruments.readiness)
        api = ApiServer(node.service, api_config, runtime.fail)
        stack.callback(node.opened.chain.blocks.close)
        stack.callback(node.compactor.stop)
        folder = config.path(config.storage.path) / CHAIN_FOLDER
        stack.callback(saved_commitment.save, folder, node.opened.chain.commitment)
        stack.push_async_callback(runtime.stop)
        port = await runtime.start()
        if config.metrics.enabled:
            await health.start()
            stack.push_async_callback(health.stop)
        if config.rpc.enabled:
            await api.start()
            stack.push_async_callback(api.stop)
        if config.admin.socket:
            rows = RowGiver(config.path(config.storage.path), node.opened.chain.blocks.snapshot)
            desk = AdminDesk(
                *(runtime, node.service, config, api.set_keys),
                lambda keys: _label(runtime.state, node.service.height() + 1, node.opened, keys),
                stopped.set,
                keeper=node.keeper,
                rows=rows,
            )
            await stack.enter_async_context(admin_socket(config, node.service, desk, runtime.fail))
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        runtime.spawn(give_back_regularly())
        log.info("node.started", height=runtime.chain.head.height, p2p_port=port)
        return await _until_stopped(stopped, runtime)


async def _joined(
    config: Config, stopped: asyncio.Event, health: HealthServer, metrics: Metrics
) -> bool:
    """Begin from a snapshot where the configuration says so and no chain is there; False when the
    node was told to stop meanwhile. Probes are answered from here on then."""
    data = config.path(config.storage.path)
    if has_chain(data / CHAIN_FOLDER):
        return True
    if not config.snapshots.join:
        if config.snapshots.trusted_header:
            raise LocalError(
                "snapshots.trusted_header names a file and snapshots.join is false: a node that "
                "begins at genesis trusts genesis; set join to true, or leave trusted_header empty"
            )
        return True
    identities, files = open_keys(config)
    document = read_genesis(config.path(config.node.genesis))
    # The folder may hold votes all the same: of whom, is asked before a chain is put beside them.
    keys = public_keys_of(config, files)
    require_openable(data, document, keys)
    start = start_of(document, build_executor(), trusted_file_of(config))
    with beginning_alone(data):
        phase = Joining(config, start, identities)
        if config.metrics.enabled:
            await health.start()
        with watched(health, metrics, data, phase.progress):
            return await _gathered(phase, stopped)


async def _gathered(phase: Joining, stopped: asyncio.Event) -> bool:
    """False when the node was told to stop before the phase was over."""
    joining = asyncio.ensure_future(phase.run())
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((joining, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stopping.done() and not joining.done():
            return False
        if not joining.result():
            log.warning("snapshot.none", consequence="the node begins at genesis")
        return True
    finally:
        for task in (joining, stopping):
            task.cancel()
        await asyncio.gather(joining, stopping, return_exceptions=True)


async def _until_stopped(stopped: asyncio.Event, runtime: Runtime) -> int:
    """Wait for a signal or a failure; a failure is raised."""
    waiting = asyncio.ensure_future(stopped.wait())
    failing = asyncio.ensure_future(runtime.failed())
    await asyncio.wait((waiting, failing), return_when=asyncio.FIRST_COMPLETED)
    if failing.done():
        waiting.cancel()
        failing.result()
    failing.cancel()
    log.info("node.stopping", height=runtime.chain.head.height)
    return EXIT_OK
