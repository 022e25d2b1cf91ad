"""One run of a node's program: what node/runtime.py puts together, without asyncio.

The same parts in the same order: frames are decoded, compact proposals completed, transactions
verified and admitted, the replica stepped by ReplicaDriver, whose ports end in virtual things.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from consensus import wal_records
from consensus.effects import CancelTimer, CatchUp, FetchBlock, SetTimer
from consensus.events import Event, MessageReceived, TimerFired, TimerKind, WorkAvailable
from consensus.messages import (
    CertifiedBlock,
    Message,
    PrePrepare,
    SigningDomain,
    Status,
    Vote,
)
from consensus.replica import Replica, ReplicaConfig
from ledger import accounts
from ledger.block import MAX_BLOCK_TRANSACTIONS, Block, decode_block
from ledger.errors import InvariantViolation, PeerError
from ledger.mempool import Mempool
from ledger.primitives import Hash
from ledger.transaction import Transaction, authority_problem
from ledger.validator_tables import set_at
from ledger.validators import admitted_node_keys
from node.network.consensus_wire import (
    CompactProposal,
    TransactionsAnswer,
    TransactionsAsk,
    decode_payload,
    encode_answer,
    encode_ask,
    encode_message,
)
from node.network.wire import FrameKind
from node.replica.effects import ReplicaDriver
from node.replica.execution import AppliedBlock, Chain
from node.replica.proposals import ProposalAssembler, answer_positions
from node.signing.ring import KeyRing
from node.store.block_store import BlockStore
from node.store.storage import OpenedChain, certified_block_bytes, open_chain, with_vote_record
from node.sync.block_server import BlockServer
from node.transactions.gossip import decode_batch, encode_batch
from node.transactions.ingest import Ingest
from node.votes.wal import OpenedLog, open_log_on
from tests.simulation.disk import Crash
from tests.simulation.synchronisation import Synchronisation
from tests.simulation.turns import Turns
from tests.simulation.violation import Violation

if TYPE_CHECKING:
    from tests.simulation.node import SimulatedNode

BLOCK_TRANSACTIONS: Final = 16
"""Small blocks: consensus is what is examined here."""
RELAY_TRANSACTIONS: Final = 64
RELAY_INTERVAL_MS: Final = 1_000


class Process:
    """One run of the program: the ports of ReplicaDriver over virtual things.

    Events are handled one at a time. While a block is built or checked the process is busy, as the
    real one is: what comes meanwhile waits.
    """

    def __init__(self, node: "SimulatedNode") -> None:
        site = node.site
        self.node = node
        self.world, self.network, self.monitor = site.world, site.network, site.monitor
        self.template = site.template
        self.turns = Turns(
            self.world,
            node.rng,
            node.work_us,
            lambda event: self._handle(event, None),
            self._go_on_fetching,
            node.crash,
            node.stop,
            node.disk,
        )
        self._timers: dict[TimerKind, int] = {}
        self._work_told = False
        self._relay_after_ms = 0
        document = self.template.document
        opened, votes = self._open_disk()
        self.vote_log = votes.log
        records = [wal_records.decode(raw, self.read_block) for raw in votes.records]
        self.mempool = Mempool(opened.head.height, lambda address: True)
        self.ingest = Ingest(
            document.chain_id,
            self.template.executor.registry,
            self.mempool,
            self._facts,
            self._admitted,
        )
        self.chain = self.make_chain(opened)
        if node.honest:
            with node.disk.at_work(False):
                self.monitor.started(node.endpoint, self.chain)
        self._left: frozenset[bytes] = frozenset()
        node.site.registries.pop(node.endpoint, None)
        self._learn_members()
        self.assembler = ProposalAssembler(
            self.ingest, self._ask_transactions, self._assembled, self.turns.later_ms
        )
        self.synchronisation = self._make_synchronisation()
        self.domain = SigningDomain(document.chain_id, opened.genesis_hash)
        self.config = ReplicaConfig(
            domain=self.domain,
            public_key=None if node.signer is None else node.signer.public_key,
            coming_keys=() if node.next_signer is None else (node.next_signer.public_key,),
            heartbeat_interval_ms=document.parameters.heartbeat_interval_ms,
            vote_record_lost=opened.vote_record_lost,
        )
        replica = Replica(
            self.config,
            self.chain.applied_event(),
            opened.recent,
            opened.head_block,
            records,
            self.template.verify,
        )
        ring = KeyRing(node.watched_signers())
        self.driver = ReplicaDriver(
            replica, self.chain, self.vote_log, ring, self.domain, self, self, self
        )
        self.turns.answers = self.driver.answers

    def _make_synchronisation(self) -> Synchronisation:
        made = Synchronisation(
            lambda peer, payload: self.send_frame(peer[0], FrameKind.SYNC, payload),
            self.read_block,
            lambda: self.chain.head.height,
            lambda message: self.turns.soon(
                lambda: self._handle(MessageReceived(message, None), None)
            ),
            BlockServer(
                lambda: self.chain.head.height,
                lambda height: certified_block_bytes(self.chain.blocks, height),
                self._block_by_hash,
                lambda: self.world.now_us / 1_000_000,
                lowest=lambda: self.chain.blocks.lowest_height,
            ),
            lambda: self.world.now_ms,
            self.turns.later_ms,
            self._caught_up,
            self._not_held,
        )
        for endpoint in self.network.endpoints():
            if endpoint != self.node.endpoint:
                made.head_seen(bytes((endpoint,)), 0)
        return made

    def _open_disk(self) -> tuple[OpenedChain, OpenedLog]:
        """Chain and vote record, in the order of node/assembly.py."""
        node, template = self.node, self.template
        node.store.open()
        blocks = BlockStore(node.store, f"node {node.endpoint}", pruning=node.pruning)
        opened = open_chain(blocks, template.document, template.executor)
        votes = open_log_on(node.votes, opened.marker, make_identity=node.rng.randbytes)
        lost = votes.lost is not None
        return with_vote_record(opened, votes.log.marker(), lost=lost), votes

    def make_chain(self, opened: OpenedChain) -> Chain:
        """The applied chain of this process."""
        return Chain(
            opened,
            self.mempool,
            self.ingest.verify_all,
            self.vote_log,
            self.on_applied,
            max_transactions=BLOCK_TRANSACTIONS,
        )

    # Running

    def start(self) -> None:
        """The replica's first effects."""
        self.turns.soon(lambda: self.driver.start(self.node.clock_ms()))

    def sit_out(self) -> None:
        """The operator drains the node (node/admin_desk.py)."""
        self.turns.soon(self._sit_out)

    def _sit_out(self) -> None:
        replica = self.driver.replica
        replica.sit_out()
        seated = replica.core.own is not None
        self.node.signs_up_to = replica.core.height.height - (not seated)

    def resume(self) -> None:
        """The operator ends the drain."""
        self.turns.soon(self._resume)

    def _resume(self) -> None:
        self.node.signs_up_to = None
        self.driver.replica.take_keys(self.config.own_keys)

    def _go_on_fetching(self) -> None:
        self.synchronisation.go_on()

    def _handle(self, event: Event, peer: bytes | None) -> None:
        if isinstance(event, WorkAvailable):
            self._work_told = False
        try:
            error = self.driver.handle(event, self.node.clock_ms(), peer)
        except InvariantViolation as violation:
            if self.node.disk.misread:
                raise  # it was given something wrong, and noticed
            if self.node.honest:
                raise Violation("halt", f"node {self.node.endpoint}: {violation}") from violation
            raise Crash from violation  # its own key contradicts it: it is right to stop
        if error is not None and isinstance(event, MessageReceived):
            message = event.message
            height = message.certificate.height if isinstance(message, CertifiedBlock) else -1
            if not self.synchronisation.refused(height) and peer is not None:
                self._refused(peer[0], str(error))

    def _refused(self, source: int, reason: str) -> None:
        self.world.note("refused", source, self.node.endpoint, reason)
        if self.node.honest and source in self.node.site.honest:
            self.monitor.refused(source, self.node.endpoint, reason)

    # Frames

    def frame_arrived(self, source: int, kind: FrameKind, payload: bytes) -> None:
        """A frame from a peer; it is read when the process gets to it."""
        if not self._admits(source):
            return
        self.turns.soon(lambda: self._on_frame(source, kind, payload))

    def _on_frame(self, source: int, kind: FrameKind, payload: bytes) -> None:
        try:
            if kind is FrameKind.CONSENSUS:
                self._on_consensus(source, self._decode(payload))
            elif kind is FrameKind.SYNC:
                self.synchronisation.on_frame(bytes((source,)), payload)
            else:
                self.transactions_arrived(decode_batch(payload))
        except PeerError as error:
            self._refused(source, str(error))

    def _decode(self, payload: bytes) -> object:
        found = self.node.site.decoded.get(payload)
        if found is None:
            found = decode_payload(payload, self.read_block)
            self.node.site.decoded[payload] = found
        return found

    def _on_consensus(self, source: int, payload: object) -> None:
        peer = bytes((source,))
        match payload:
            case CompactProposal(message, block):
                self.synchronisation.head_seen(peer, message.height - 1)
                self.assembler.receive(peer, message, block)
            case TransactionsAsk(block_hash, positions):
                self._answer_transactions(source, block_hash, positions)
            case TransactionsAnswer(block_hash, transactions):
                if self.assembler.missing_of(block_hash):
                    self.transactions_arrived(transactions)
            case _:
                if isinstance(payload, Status | Vote):
                    self.synchronisation.head_seen(peer, payload.height - 1)
                    if not self._is_registered(source):
                        self.synchronisation.catch_up(payload.height - 1)
                # decode_payload gives a Message in every other case.
                seat = self._seat(source)
                event = MessageReceived(payload, seat, peer)  # type: ignore[arg-type]
                self._handle(event, peer)

    def _endpoints_of(self, validators: Sequence[int]) -> list[int]:
        site, own = self.node.site, self.node.endpoint
        return [
            endpoint
            for validator in validators
            for endpoint in site.endpoints_of(validator, self.validators, self.coming)
            if endpoint != own
        ]

    def _seat(self, source: int) -> int | None:
        """Index in the running set of the validator that an endpoint speaks for."""
        return self.node.site.seat_of(source, self.validators, self.coming)

    def read_block(self, raw: bytes) -> Block:
        """ReadProposal of this chain."""
        return decode_block(raw, self.template.document.chain_id)

    def send_frame(self, target: int, kind: FrameKind, payload: bytes) -> None:
        """Put a frame on a link; the process may die before it."""
        self.node.fuse()
        send = partial(self.network.send, self.node.endpoint, target, kind, payload)
        self.turns.when_synced(send)

    def _everybody(self) -> list[int]:
        own = self.node.endpoint
        return [item for item in self.network.endpoints() if item != own and self._admits(item)]

    # Ports of ReplicaDriver: Transport, Timers, Surroundings

    def broadcast(self, message: Message) -> None:
        """To every other node."""
        payload = encode_message(message)
        for endpoint in self._everybody():
            self.send_frame(endpoint, FrameKind.CONSENSUS, payload)

    def send(self, message: Message, to: tuple[int, ...]) -> None:
        """To validators by index."""
        payload = encode_message(message)
        for endpoint in self._endpoints_of(to):
            self.send_frame(endpoint, FrameKind.CONSENSUS, payload)

    def reply(self, message: Message, peer: bytes) -> None:
        """To the endpoint that asked."""
        if peer:
            self.send_frame(peer[0], FrameKind.CONSENSUS, encode_message(message))

    def perform(self, effect: SetTimer | CancelTimer) -> None:
        """Set or cancel the timer of a kind."""
        if isinstance(effect, CancelTimer):
            self._timers.pop(effect.kind, None)
            return
        kind, generation = effect.kind, effect.generation
        self._timers[kind] = generation

        def fire() -> None:
            if self._timers.get(kind) == generation:
                del self._timers[kind]
                self.turns.soon(lambda: self._handle(TimerFired(kind, generation), None))

        self.turns.later_us(self.node.disk.lag_us + effect.delay_ms * 1000, fire)

    def fetch_block(self, request: FetchBlock) -> None:
        """Ask holders for a block by hash."""
        holders = [bytes((endpoint,)) for endpoint in self._endpoints_of(request.holders)]
        self.synchronisation.fetch_block(request.height, request.block_hash, holders)

    def relay_work(self) -> None:
        """Send pending transactions to all, at most once a second."""
        now_ms = self.world.now_ms
        pending = self.mempool.pending(RELAY_TRANSACTIONS)
        if now_ms < self._relay_after_ms or not pending:
            return
        self._relay_after_ms = now_ms + RELAY_INTERVAL_MS
        self.gossip([transaction.raw for transaction in pending])

    def catch_up(self, request: CatchUp) -> None:
        """Fetch certified blocks up to a height."""
        self.synchronisation.catch_up(request.target_height)

    def on_applied(self, applied: AppliedBlock) -> None:
        """A block is durable; the replica is told next."""
        height = applied.block.height
        self.turns.when_synced(partial(self._tell_monitor, applied))
        self.ingest.applied()
        self.assembler.forget(height + 1)
        self.synchronisation.applied(height)
        self._learn_members()

    def _tell_monitor(self, applied: AppliedBlock) -> None:
        block = applied.block
        self.world.note("applied", self.node.endpoint, block.height, block.hash.hex())
        if self.node.honest:
            with self.node.disk.at_work(False):
                self.monitor.block_applied(self.node.endpoint, self.chain, applied)

    def _learn_members(self) -> None:
        """Who sits where, and who may connect."""
        state, height = self.chain.state(), self.chain.head.height
        self.validators = set_at(state, height + 1)
        self.coming = set_at(state, height + 2)
        known = frozenset(admitted_node_keys(state, height))
        registries = self.node.site.registries
        self._left |= registries.get(self.node.endpoint, known) - known
        registries[self.node.endpoint] = known

    def _is_registered(self, endpoint: int) -> bool:
        keys, registries = self.node.site.keys[endpoint], self.node.site.registries
        return not keys or not registries[self.node.endpoint].isdisjoint(keys)

    def _admits(self, endpoint: int) -> bool:
        """Whom the registry names; beside them whom this node dials, since its operator knows the
        keys of today, and who knows this node."""
        site = self.node.site
        keys, own = site.keys[endpoint], site.keys[self.node.endpoint]
        if self._is_registered(endpoint):
            return True
        # Everybody admits an observer that has no key here.
        knows_me = not own or not site.registries.get(endpoint, frozenset()).isdisjoint(own)
        return not self._left.issuperset(keys) and knows_me

    # Transactions and blocks

    def submit(self, raws: Sequence[bytes]) -> None:
        """A client's transactions: taken in and gossiped."""

        def take_in() -> None:
            self.transactions_arrived(raws)
            self.gossip(raws)

        self.turns.soon(take_in)

    def gossip(self, raws: Sequence[bytes]) -> None:
        """A batch to everybody."""
        payload = encode_batch(raws)
        for endpoint in self._everybody():
            self.send_frame(endpoint, FrameKind.TRANSACTIONS, payload)

    def transactions_arrived(self, raws: Sequence[bytes]) -> None:
        """Raw transactions: to verification, and to proposals that wait for them."""
        new = self.ingest.receive(b"", raws)
        if new and self.assembler.waiting:
            self.assembler.arrived(new)
        while self.ingest._busy:
            self.ingest._turn()  # what Ingest.run does between two turns of the event loop

    def _facts(self, transaction: Transaction) -> tuple[int, bool, str | None]:
        state = self.chain.state()
        account = accounts.get(state, transaction.sender)
        return account.nonce, account.balance == 0, authority_problem(state, transaction)

    def _admitted(self, transactions: list[Transaction], from_client: bool) -> None:
        del transactions, from_client
        if self.mempool.has_executable and not self._work_told:
            self._work_told = True
            self.turns.soon(lambda: self._handle(WorkAvailable(), None))

    def _caught_up(self) -> None:
        """What was finalised while this node caught up is asked for at once."""
        payload = encode_message(self.driver.replica.status())
        for endpoint in self._everybody():
            self.send_frame(endpoint, FrameKind.CONSENSUS, payload)

    def _not_held(self, peer: bytes, lowest: int) -> None:
        self.world.note("not held", peer[0], self.node.endpoint, lowest)
        self.monitor.not_held += 1

    def _block_by_hash(self, height: int, block_hash: Hash) -> bytes | None:
        return self.driver.block_bytes(height, block_hash)

    def _assembled(self, peer: bytes, message: PrePrepare) -> None:
        event = MessageReceived(message, self._seat(peer[0]))
        self.turns.soon(lambda: self._handle(event, peer))

    def _ask_transactions(self, peer: bytes, block_hash: Hash, positions: Sequence[int]) -> None:
        self.send_frame(peer[0], FrameKind.CONSENSUS, encode_ask(block_hash, positions))

    def _answer_transactions(self, source: int, block_hash: Hash, positions: Sequence[int]) -> None:
        if len(positions) > MAX_BLOCK_TRANSACTIONS:
            raise PeerError(f"asked for {len(positions)} transactions of one block")
        block = self.driver.held_block(block_hash)
        if block is None:
            return
        hashes = [transaction.hash for transaction in block.transactions]
        wanted = set(answer_positions(hashes, positions))
        raws = [item.raw for item in block.transactions if item.hash in wanted]
        self.send_frame(source, FrameKind.CONSENSUS, encode_answer(block_hash, raws))
