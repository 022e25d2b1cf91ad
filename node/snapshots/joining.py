"""A node without a chain begins from a snapshot of its peers, before anything else of it runs.

It connects as the chain's genesis and its own address book allow, fetches and checks, makes its
database, and disconnects. Then it starts as any node does, and fetches the blocks that follow.
"""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from api.light import TrustedGenesis
from ledger import genesis
from ledger.block import Header
from ledger.executor import BlockExecutor
from ledger.genesis import Genesis
from node.config import Config
from node.files.proof_files import read_trusted_header, require_of_chain
from node.network.connection import ConnectionTimes
from node.network.identities import Identities
from node.network.peers import Peer, PeerManager, Role
from node.network.wire import FrameKind, Hello
from node.snapshots.checking import ChainRules
from node.snapshots.fetching import SnapshotFetcher
from node.snapshots.progress import JoinProgress
from node.snapshots.restoring import JoinFolder
from node.store.account_index import HistoryRules
from node.sync import sync_wire
from node.version import SOFTWARE

CHAIN_FOLDER: Final = "chain"
PATIENCE_S: Final = 20.0
"""Without any snapshot from those who are connected, before the node begins at genesis."""
WAITING_S: Final = 30.0
"""How often the log says that nobody is connected yet."""

log = structlog.get_logger(__name__)


class _StoppedError(Exception):
    """The node was told to stop while its database was being made."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a joining node knows of its chain. header: of height 0."""

    document: Genesis
    header: Header
    rules: ChainRules


def start_of(document: Genesis, executor: BlockExecutor, trusted_file: Path | None = None) -> Start:
    """What follows from a genesis document; of a restart no exported state is needed.

    trusted_file: of a header that is trusted besides; LocalError when it is of another chain.
    """
    first = genesis.header(document, executor)
    trusted = TrustedGenesis(document.chain_id, first.hash, document.validators)
    anchor = None
    if trusted_file is not None:
        anchor = read_trusted_header(trusted_file)
        require_of_chain(anchor, document.chain_id, first.hash, trusted_file)
    rules = ChainRules(trusted, document.bucket_count, executor.contracts.decode_call, anchor)
    return Start(document, first, rules)


def trusted_file_of(config: Config) -> Path | None:
    """Where the configuration says that the trusted header is."""
    named = config.snapshots.trusted_header
    return config.path(named) if named else None


class Joining:
    """One run of the phase, on the running loop."""

    def __init__(self, config: Config, start: Start, identities: Identities) -> None:
        self._config = config
        self._start = start
        self._data = config.path(config.storage.path)
        self._folder = JoinFolder(self._data, start.rules)
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._installed = 0
        self._is_installing = False
        self._is_cancelled = False
        network = config.network
        self._peers = PeerManager(
            identities,
            network.address_book(),
            self._registry,
            self._hello,
            self._frame,
            self._fail,
            on_connected=lambda peer: self._fetcher.peer_connected(peer.node_key),
            on_disconnected=lambda peer: self._fetcher.peer_lost(peer.node_key),
            times=ConnectionTimes(
                ping_s=network.ping_interval_ms / 1000,
                silence_s=network.silence_timeout_ms / 1000,
            ),
        )
        self._fetcher = SnapshotFetcher(
            self._folder,
            start.rules,
            lambda key, message: self._peers.send(key, FrameKind.SYNC, sync_wire.encode(message)),
            self._peers.penalise,
        )

    async def run(self) -> bool:
        """Whether the node has a chain now; False when no peer has a snapshot that holds. With a
        trusted header it goes on looking: from genesis it would believe whoever has the keys of
        former validators."""
        # Nobody has to reach this node yet: it dials, and has nothing to give.
        await self._peers.start("127.0.0.1", 0)
        fetching = asyncio.ensure_future(self._fetch())
        try:
            await asyncio.wait((fetching, self._failed), return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            found = await fetching
        finally:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)
            await self._peers.stop()
        if found:
            await self._install()
        else:
            self._folder.remove()
        return found

    async def _fetch(self) -> bool:
        log.info("snapshot.looking", peers=len(self._config.network.peers))
        while not self._peers.peers():
            if not await self._fetcher.changed_within(WAITING_S):
                log.warning(
                    "snapshot.nobody_connected",
                    remedy="see that the authority has admitted this node's key as an observer, "
                    "and that the addresses in network.peers are right",
                )
        while not await self._fetcher.run(PATIENCE_S):
            if self._start.rules.anchor is None:
                return False
            log.warning(
                "snapshot.none_from_trusted",
                trusted_height=self._start.rules.lowest_height,
                reason=self._fetcher.refusal or "no peer has any",
                remedy="have a peer make a snapshot (poyong snapshot create), and compare the "
                "trusted header with somebody who runs a node",
            )
        return True

    async def _install(self) -> None:
        """In a thread: probes are answered meanwhile, and a stop is heard."""
        manifest = self._folder.manifest
        log.info("snapshot.installing", height=manifest.manifest.height if manifest else 0)
        self._is_installing = True
        history = self._config.history
        work = asyncio.ensure_future(
            asyncio.to_thread(
                self._folder.install,
                self._data / CHAIN_FOLDER,
                self._start.header,
                self._config.storage.engine,
                HistoryRules(history.enabled, history.keep_blocks),
                self._item_installed,
            )
        )
        try:
            height = await asyncio.shield(work)
        except asyncio.CancelledError:
            self._is_cancelled = True
            await asyncio.gather(work, return_exceptions=True)
            raise
        log.info("snapshot.installed", height=height)

    def _item_installed(self, _: int) -> None:
        """Told in the thread, of each item in whatever order."""
        if self._is_cancelled:
            raise _StoppedError
        self._installed += 1

    def progress(self) -> JoinProgress:
        """How far it is."""
        manifest, told = self._folder.manifest, self._fetcher.gathering
        progress = JoinProgress(len(self._peers.peers()), refusal=self._fetcher.refusal)
        if manifest is None:
            return progress
        height = manifest.manifest.height
        items_in_all = manifest.manifest.item_count - 1
        return replace(
            progress,
            height=height,
            items=self._folder.kept_items,
            items_in_all=items_in_all,
            bytes=self._folder.kept_bytes,
            seconds_left=told.seconds_left if told and told.height == height else None,
            installed=self._installed,
            is_installing=self._is_installing,
        )

    def _registry(self) -> dict[bytes, Role]:
        """Validators and observers of genesis; whom else the address book names is dialled too."""
        document = self._start.document
        roles = {key: Role(None, name) for key, name in document.observers.items()}
        for index, validator in enumerate(document.validators.validators):
            roles[validator.node_key] = Role(index, validator.organisation)
        return roles

    def _hello(self) -> Hello:
        trusted = self._start.rules.trusted
        return Hello(trusted.chain_id, trusted.genesis_hash, 0, SOFTWARE)

    async def _frame(self, peer: Peer, kind: FrameKind, payload: bytes) -> None:
        """Answers alone are of use here; what else peers send comes again later."""
        if kind is FrameKind.SYNC:
            self._fetcher.answered(peer.node_key, sync_wire.decode(payload))

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)
