"""What an operator does with the running node: implements api.admin_ports.AdminPort."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import structlog

from api.admin_ports import (
    AdminPeer,
    Backups,
    Drain,
    NotDone,
    Reloaded,
    Snapshots,
    Unreachable,
)
from api.keys import ApiKey
from ledger.errors import LocalError
from ledger.state import State
from ledger.validator_tables import set_at
from node import config as configuration
from node.backups.backup_rows import RowGiver
from node.config import CONFIG_FILE, Config
from node.keys.api_keys import read_keys
from node.keys.keystore import ask_nobody, read_password
from node.network.identities import Identities
from node.node_keys import open_identities
from node.runtime import Runtime
from node.service import Service
from node.signing.choice import prepare_ring
from node.signing.fencing import admit_live
from node.snapshots.keeping import SnapshotKeeper
from node.watch.log_setup import set_level

log = structlog.get_logger(__name__)


class AdminDesk:
    """One node's operator at work. Its methods are called on the node's loop."""

    def __init__(
        self,
        runtime: Runtime,
        service: Service,
        config: Config,
        set_api_keys: Callable[[Sequence[ApiKey]], None],
        label_keys: Callable[[Sequence[bytes]], None],
        stop: Callable[[], None],
        keeper: SnapshotKeeper,
        rows: RowGiver,
    ) -> None:
        """config: as the node was started. set_api_keys: those that the wallet port takes from now
        on. label_keys: writes down whose votes the folder records; LocalError when they may not be.
        stop: ends the process as SIGTERM does."""
        self._runtime = runtime
        self._service = service
        self._config = config
        self._set_api_keys = set_api_keys
        self._label_keys = label_keys
        self._stop = stop
        self._keeper = keeper
        self._rows = rows
        self._stopping = False
        self._reloading = asyncio.Lock()
        runtime.driver.on_event.append(self._look)

    # Peers and log

    def peers(self) -> Sequence[AdminPeer]:
        """Connected peers."""
        manager = self._runtime.peers
        known_as = {peer.node_key: peer.connection.own_key for peer in manager.peers()}
        return tuple(
            AdminPeer(peer, manager.score(peer.node_key), known_as[peer.node_key])
            for peer in self._service.peers()
        )

    def unreachable(self) -> Sequence[Unreachable]:
        """Peers that are dialled in vain."""
        return tuple(Unreachable(*found) for found in self._runtime.peers.unreachable())

    def log_level(self, level: str | None) -> str:
        """The least important level that is logged; set before when one is given."""
        root = logging.getLogger()
        if level is not None and level != _name_of(root.level):
            log.warning("log.level_changed", before=_name_of(root.level), level=level)
            set_level(level)
        return _name_of(root.level)

    # Draining

    def drain(self, *, stop: bool) -> Drain:
        """Take no more transactions, pass on what waits, and vote no more once the height that was
        voted in is final."""
        runtime = self._runtime
        if runtime.accepts:
            runtime.accepts = False
            runtime.requests.relay_work()
            runtime.replica.sit_out()
            log.warning("node.draining", height=runtime.chain.head.height, stop=stop)
        if stop and not self._stopping:
            self._stopping = True
            self._look()
        return self._drain()

    def resume(self) -> Drain:
        """Take transactions and vote again, from the next height on."""
        runtime = self._runtime
        if self._stopping:
            raise NotDone("the node stops as soon as it is drained: start it again afterwards")
        if not runtime.accepts:
            runtime.accepts = True
            runtime.replica.take_keys(runtime.ring.public_keys)
            log.warning("node.resumed", height=runtime.chain.head.height)
        return self._drain()

    def _drain(self) -> Drain:
        runtime = self._runtime
        draining, sits = not runtime.accepts, runtime.replica.core.own is not None
        return Drain(
            draining=draining,
            drained=draining and not sits,
            stopping=self._stopping,
            height=runtime.chain.head.height,
            finishing=runtime.replica.core.height.height if draining and sits else None,
        )

    def _look(self) -> None:
        """The replica took an event: end the process when that is wanted and nothing is left."""
        if self._stopping and self._drain().drained:
            self._stop()

    # Snapshots and backups

    def snapshots(self, *, begin: bool) -> Snapshots:
        """What is being made, after beginning one of the head when that is wanted."""
        if begin:
            height = self._runtime.chain.head.height
            if height == 0:
                raise NotDone("the chain has no block beyond genesis yet: every node begins there")
            try:
                self._keeper.begin(height)
            except LocalError as error:
                raise NotDone(str(error)) from error
        return self._keeper.state()

    def backups(self) -> Backups:
        """Whether somebody takes a backup, and when one was last proved."""
        return self._rows.state()

    async def give_rows(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """All rows of the chain at one moment, as RowGiver.give."""
        await self._rows.give(write)

    # Reading the configuration again

    async def reload(self) -> Reloaded:
        """Keys, API keys and network.peers count at once. NotDone for what is wrong; then all is
        as it was."""
        if self._reloading.locked():
            raise NotDone("the configuration is being read already: ask again")
        async with self._reloading:
            try:
                return await self._reload()
            except LocalError as error:
                log.error("config.not_reloaded", reason=str(error))
                raise NotDone(str(error)) from error

    async def _reload(self) -> Reloaded:
        """Everything that can go wrong, or waits, comes before the first change."""
        runtime, before = self._runtime, self._config
        config = configuration.load(before.home / CONFIG_FILE)
        password = await asyncio.to_thread(_password, config)
        identities = await asyncio.to_thread(open_identities, config, password)
        ring = await prepare_ring(runtime.ring, before, config, password)
        api_keys = read_keys(config.path(config.rpc.api_keys)) if config.rpc.api_keys else ()
        if before.rpc.require_key and not api_keys:
            raise LocalError("rpc.require_key is true and no API key would be left: name a file")
        book = config.network.address_book()
        self._require_needed(ring.public_keys, identities)
        folder = before.path(before.storage.path)
        self._label_keys(ring.public_keys)
        admit_live(folder, ring.public_keys, runtime.state, runtime.chain.head.height)
        ring.take()
        if runtime.accepts:
            runtime.replica.take_keys(ring.public_keys)
        runtime.take_identities(identities)
        runtime.peers.set_addresses(book)
        self._set_api_keys(api_keys)
        self._config = config
        done = Reloaded(
            ring.public_keys, identities.keys, tuple(key.name for key in api_keys), len(book)
        )
        log.info(
            "config.reloaded",
            validator_keys=[key.hex() for key in done.validator_keys],
            node_keys=[key.hex() for key in done.node_keys],
            api_keys=list(done.api_keys),
            peers=done.peers,
        )
        return done

    def _require_needed(self, public_keys: Sequence[bytes], identities: Identities) -> None:
        """LocalError when a key would go that the running set or the next one names."""
        runtime = self._runtime
        state, height = runtime.state, runtime.chain.head.height
        gone = set(runtime.ring.public_keys) - set(public_keys)
        needed = gone & _seated(state, height)
        if runtime.signing_key in gone:
            needed |= {runtime.signing_key} - {None}
        if needed:
            raise LocalError(
                f"the validator set of height {height + 1} or {height + 2} names the key "
                f"{min(needed).hex()}, which the configuration does not name any more: keep it as "
                "validator_key or next_validator_key until the chain has changed it"
            )
        lost = set(runtime.identities.keys) - set(identities.keys)
        if lost and runtime.own_role is not None and not runtime.is_registered(identities.keys):
            raise LocalError(
                f"the registry names this node by the key {min(lost).hex()}, which the "
                "configuration does not name any more: keep it as node_key or next_node_key"
            )


def _seated(state: State, height: int) -> set[bytes]:
    """Validator keys of the running set and of the one after it; `height` is the state's."""
    sets = (set_at(state, height + 1), set_at(state, height + 2))
    return {member.public_key for members in sets for member in members.validators}


def _password(config: Config) -> str:
    named = config.node.password_file
    file = config.path(named) if named else None
    return read_password(file, "the node's keys", prompt=ask_nobody)


def _name_of(level: int) -> str:
    return logging.getLevelName(level).lower()
