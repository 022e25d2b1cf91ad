"""A running node: one task owns the replica, others read peers and verify transactions.

Everything that reaches the replica goes through the inbox; what the replica asks for is performed
by node.replica.effects. There are no locks.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from consensus.events import Event, WorkAvailable
from consensus.messages import CertifiedBlock, SigningDomain
from consensus.replica import Replica, ReplicaConfig
from consensus.sync import Progress
from consensus.wal_records import Record
from ledger import accounts
from ledger.block import Block
from ledger.errors import PeerError
from ledger.mempool import Mempool, MempoolLimits
from ledger.primitives import Address, Hash
from ledger.state import State
from ledger.transaction import Transaction, authority_problem
from node.meter import Meter
from node.network.connection import ConnectionTimes
from node.network.identities import Identities
from node.network.peers import Audience, Peer, PeerManager, Role
from node.network.reputation import BAD_MESSAGE_POINTS, BAD_TRANSACTION_POINTS
from node.network.wire import FrameKind, Hello
from node.replica import turns
from node.replica.delivery import BlockDelivery
from node.replica.effects import ReplicaDriver
from node.replica.execution import AppliedBlock, Chain
from node.replica.frames import ConsensusFrames
from node.replica.inbox import Inbox
from node.replica.requests import PeerRequests
from node.replica.timers import LoopTimers
from node.replica.transport import PeerTransport
from node.signing.ring import KeyRing
from node.store.storage import OpenedChain, certified_block_bytes
from node.sync.block_server import BlockServer, SnapshotSource
from node.sync.catchup import Synchroniser
from node.sync.known_blocks import KnownBlocks
from node.sync.verifying import AheadVerifier
from node.transactions.gossip import TransactionGossip
from node.transactions.ingest import Ingest
from node.version import SOFTWARE
from node.votes.wal import WriteAheadLog
from node.wall_clock import now_ms

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Network:
    """How this node appears to others and finds them."""

    identities: Identities
    address_book: Mapping[bytes, str]
    listen_host: str
    listen_port: int
    times: ConnectionTimes


class Runtime:
    """The parts of a running node and the tasks that move them.

    registry: (state, height) -> node keys that may connect, with their role. sponsored: (state,
    account) -> whether it may send without a balance. on_block: told of each applied block;
    on_admitted: of transactions that entered the mempool.
    """

    def __init__(
        self,
        opened: OpenedChain,
        limits: MempoolLimits,
        vote_log: WriteAheadLog,
        records: Sequence[Record],
        ring: KeyRing,
        replica_config: ReplicaConfig,
        network: Network,
        registry: Callable[[State, int], Mapping[bytes, Role]],
        sponsored: Callable[[State, Address], bool],
        *,
        max_transactions: int,
        genesis_time_ms: int,
        snapshots: SnapshotSource | None = None,
    ) -> None:
        self._network = network
        self._snapshots = snapshots
        self._registry_of = registry
        self.on_block: list[Callable[[AppliedBlock], None]] = []
        self.on_admitted: list[Callable[[list[Transaction]], None]] = []
        self.vote_log = vote_log
        self.ring = ring
        self.identities = network.identities
        self.genesis_time_ms = genesis_time_ms
        self.accepts = True
        """Whether transactions of clients are taken; not while the node is drained."""
        self._work_told = False
        self._loop = asyncio.get_running_loop()
        self._failure: asyncio.Future[None] = self._loop.create_future()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.mempool = Mempool(
            opened.head.height, lambda address: sponsored(self.state, address), limits
        )
        self.meter = Meter()
        self._known = KnownBlocks(opened.chain_id, opened.executor.contracts.decode_call)
        self.inbox = Inbox(self._seat_of)
        self._delivery = BlockDelivery(self.inbox, lambda: self.chain.head.height)
        self.ingest = Ingest(
            opened.chain_id,
            opened.executor.registry,
            self.mempool,
            self._facts,
            self._admitted,
            self.meter,
            self._judge,
        )
        self.chain = Chain(
            opened,
            self.mempool,
            self.ingest.verify_all,
            vote_log,
            self._applied,
            max_transactions=max_transactions,
            meter=self.meter,
        )
        self.state = self.chain.state()
        self._roles = registry(self.state, opened.head.height)
        self.peers = self._make_peers(network)
        self.gossip = self._make_gossip()
        self.timers = LoopTimers(self.inbox.put_own)
        self.synchroniser = self._make_synchroniser()
        self.frames = self._make_frames()
        head = self.chain.applied_event()
        self.replica = Replica(replica_config, head, opened.recent, opened.head_block, records)
        self._transport = PeerTransport(self.peers, self._keys_of)
        self.requests = self._make_requests()
        self.driver = ReplicaDriver(
            self.replica,
            self.chain,
            vote_log,
            ring,
            replica_config.domain,
            self._transport,
            self.timers,
            self.requests,
            self.meter,
        )
        self.domain: SigningDomain = replica_config.domain

    def _make_peers(self, network: Network) -> PeerManager:
        return PeerManager(
            network.identities,
            network.address_book,
            lambda: self._roles,
            self._hello,
            self._frame,
            self.fail,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
            times=network.times,
        )

    def _make_synchroniser(self) -> Synchroniser:
        server = BlockServer(
            lambda: self.chain.head.height,
            lambda height: certified_block_bytes(self.chain.blocks, height),
            self._block_bytes,
            self._loop.time,
            self._is_observer,
            lambda: self.chain.blocks.lowest_height,
            self._snapshots,
        )
        return Synchroniser(
            lambda key, payload: self.peers.send(key, FrameKind.SYNC, payload),
            self._known.read,
            lambda: self.chain.head.height,
            self._delivery.deliver,
            self.peers.penalise,
            server,
            self.fail,
            on_progress=self._progressed,
            follows=lambda: self.replica.core.own is None or self.peers.reaches_unknown(),
            ahead=AheadVerifier(self.chain.chain_id),
            verified=self._verified_ahead,
        )

    def _verified_ahead(self, certified: CertifiedBlock) -> None:
        if isinstance(certified.proposal, Block):
            self.ingest.set_aside(certified.proposal.transactions)

    def _make_frames(self) -> ConsensusFrames:
        return ConsensusFrames(
            self.peers,
            self.inbox,
            self.ingest,
            self._known.read,
            self._held_block,
            self._call_later,
            self.meter,
            self.synchroniser.head_seen,
            self._known.add,
        )

    def _make_gossip(self) -> TransactionGossip:
        return TransactionGossip(
            self._broadcast_transactions, self._send_transactions, self._transactions
        )

    def _make_requests(self) -> PeerRequests:
        return PeerRequests(
            self.synchroniser,
            self.gossip,
            self.mempool,
            self.inbox,
            self._keys_of,
            self.spawn,
            now_ms,
        )

    # Life

    async def start(self) -> int:
        """Listen, dial, start the replica; the port (of use with port 0)."""
        port = await self.peers.start(self._network.listen_host, self._network.listen_port)
        self.driver.start(now_ms())
        signing = self.ring.work(self.inbox.put_own)
        if signing is not None:
            self.spawn(signing)
        self.spawn(
            turns.drive(self.driver, self.inbox, self.meter, self._refused, self._built_nothing)
        )
        self.spawn(self.ingest.run())
        return port

    @property
    def own_role(self) -> Role | None:
        """What this node is by the registry at the head; None while the chain does not know it."""
        roles = (self._roles.get(key) for key in self.identities.keys)
        return next((role for role in roles if role is not None), None)

    @property
    def signing_key(self) -> bytes | None:
        """The key that signs the running height; None while none of this node's does."""
        core = self.replica.core
        return None if core.own is None else core.height.validators.validators[core.own].public_key

    @property
    def signer_problem(self) -> str | None:
        """Why the key of now, which is not in this process, does not sign; None while it does."""
        keys = self.ring.public_keys
        key = self.signing_key or (keys[0] if keys else None)
        return None if key is None else self.ring.problem(key)

    def is_registered(self, node_keys: Collection[bytes]) -> bool:
        """Whether the registry at the head names one of these node keys."""
        return any(key in self._roles for key in node_keys)

    def take_identities(self, identities: Identities) -> None:
        """Be known by these node keys from now on."""
        self.identities = identities
        self.peers.set_identities(identities)

    @property
    def failure(self) -> BaseException | None:
        """What made this node unfit to go on, None while nothing has."""
        return self._failure.exception() if self._failure.done() else None

    async def failed(self) -> None:
        """Wait until something makes this node unfit to go on, and raise it."""
        await self._failure

    async def stop(self) -> None:
        """End tasks and connections; what is applied is durable already."""
        self.timers.stop()
        self.gossip.close()
        await self.synchroniser.stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.peers.stop()
        self.vote_log.close()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside the replica until the node stops; an error makes the node unfit."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Something makes this node unfit to go on; the first one counts."""
        if not self._failure.done():
            self._failure.set_exception(error)

    def _refused(self, peer: bytes, event: Event, error: PeerError) -> None:
        """The synchroniser judges whom its blocks came from; of all others the sender answers."""
        if not self._delivery.refused(peer, event, error):
            self.peers.penalise(peer, BAD_MESSAGE_POINTS, str(error))

    def _built_nothing(self) -> None:
        """Nothing was executable; the replica hears of the next transaction again."""
        self._work_told = False

    def _applied(self, applied: AppliedBlock) -> None:
        """A block is durable; the replica is told next."""
        block = applied.block
        self.state = self.chain.state()
        self._work_told = False
        self._known.add(block)
        self.ingest.applied(block.transactions)
        self.frames.assembler.forget(block.height + 1)
        self.synchroniser.applied(block.height)
        if self.replica.core.own is None:
            self.synchroniser.announce_head(lambda: [peer.node_key for peer in self.peers.peers()])
        self._delivery.applied(block.height)
        roles = self._registry_of(self.state, block.height)
        if roles != self._roles:
            self._roles = roles
            self.peers.registry_changed()
        for told in self.on_block:
            told(applied)

    def _progressed(self, progress: Progress) -> None:
        """What was finalised while this node caught up is asked for at once."""
        if progress.height >= progress.target:
            for peer in self.peers.peers():
                self._transport.reply(self.replica.status(), peer.node_key)

    # The driver, which is made last

    def _held_block(self, block_hash: Hash) -> Block | None:
        return self.driver.held_block(block_hash)

    def _block_bytes(self, height: int, block_hash: Hash) -> bytes | None:
        return self.driver.block_bytes(height, block_hash)

    # Peers

    def _hello(self) -> Hello:
        return Hello(
            chain_id=self.chain.chain_id,
            genesis_hash=self.domain.genesis_hash,
            head_height=self.chain.head.height,
            software=SOFTWARE,
        )

    async def _frame(self, peer: Peer, kind: FrameKind, payload: bytes) -> None:
        if kind is FrameKind.CONSENSUS:
            await self.frames.on_frame(peer, payload)
        elif kind is FrameKind.SYNC:
            await self.synchroniser.on_frame(peer.node_key, payload)
        else:
            await self.gossip.on_frame(peer.node_key, payload)

    def _connected(self, peer: Peer) -> None:
        self.synchroniser.peer_connected(peer.node_key, peer.hello.head_height)
        self._transport.reply(self.replica.status(), peer.node_key)
        if self._seat_of(peer.node_key) is not None:
            self.requests.greet(peer.node_key)

    def _seat_of(self, node_key: bytes) -> int | None:
        role = self._roles.get(node_key)
        return None if role is None else role.validator

    def _keys_of(self, seats: Collection[int]) -> list[bytes]:
        """Node keys that speak for these seats of the running set."""
        return [key for key, role in self._roles.items() if role.validator in seats]

    def _is_observer(self, node_key: bytes) -> bool:
        return self._seat_of(node_key) is None

    def _disconnected(self, peer: Peer) -> None:
        self.synchroniser.peer_lost(peer.node_key)
        self.gossip.peer_lost(peer.node_key)
        self.frames.assembler.forget_peer(peer.node_key)

    def _call_later(self, delay_ms: int, callback: Callable[[], None]) -> None:
        self._loop.call_later(delay_ms / 1000, callback)

    # Transactions

    def _facts(self, transaction: Transaction) -> tuple[int, int, str | None]:
        account = accounts.get(self.state, transaction.sender)
        return account.nonce, account.balance, authority_problem(self.state, transaction)

    def _admitted(self, transactions: list[Transaction], from_client: bool) -> None:
        for told in self.on_admitted:
            told(transactions)
        if from_client:
            for transaction in transactions:
                self.gossip.publish(transaction.raw)
        if self.mempool.has_executable and not self._work_told:
            self._work_told = True
            self.inbox.put_own(WorkAvailable())

    def _send_transactions(self, node_key: bytes, payload: bytes) -> bool:
        return self.peers.send(node_key, FrameKind.TRANSACTIONS, payload)

    def _broadcast_transactions(self, payload: bytes) -> int:
        return self.peers.broadcast(FrameKind.TRANSACTIONS, payload, Audience.ALL)

    async def _transactions(self, peer: bytes, raws: list[bytes]) -> None:
        self.frames.transactions_arrived(peer, raws)

    def _judge(self, peer: bytes, count: int, reason: str) -> bool:
        """True when bad transactions cost their sender its connection."""
        return self.peers.penalise(peer, count * BAD_TRANSACTION_POINTS, reason)
