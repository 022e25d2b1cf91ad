"""The running node as the API sees it: implements api.ports.NodePort over chain and runtime."""

import asyncio
from collections.abc import Mapping, Sequence

from api import ports, statements
from ledger import accounts, codec, proofs
from ledger.block import CompactBlock, Header, decode_block
from ledger.contracts import ContractTable
from ledger.crypto import keccak256
from ledger.errors import TransactionError, ensure
from ledger.message_registry import MessageRegistry
from ledger.participation import History
from ledger.primitives import Address, Hash
from ledger.receipt import decode_hook_leaf, decode_receipt
from ledger.registry import Certificate, ValidatorSet
from ledger.transaction import Transaction
from ledger.validator_tables import find_set, history_of, set_at
from ledger.validators import view as consensus_view
from node.reads.block_reader import BlockReader
from node.reads.chain_proofs import chain_proof, stored_certificate
from node.reads.diagnosis import Seal, target_height, why_stalled
from node.reads.economy_reads import EconomyReads
from node.reads.governance_reads import GovernanceReads
from node.reads.history_reads import HistoryReads
from node.reads.key_report import key_rotation
from node.reads.preview import mandate_of
from node.replica.execution import AppliedBlock
from node.runtime import Runtime
from node.software import next_upgrade
from node.transactions.pending_feed import PendingFeed
from node.version import VERSION
from node.wall_clock import now_ms
from tokenomics.ports import RoleBook, Token


class Service(EconomyReads, GovernanceReads, HistoryReads):
    """Reads answer from the head at once; what waits is woken by each applied block."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        token: Token,
        roles: RoleBook,
        genesis_hash: Hash,
        genesis_document: str = "",
    ) -> None:
        EconomyReads.__init__(self, lambda: runtime.state, token, roles)
        mandate = mandate_of(runtime.chain.executor.modules)
        GovernanceReads.__init__(self, lambda: runtime.state, mandate)
        self._runtime = runtime
        self._chain = runtime.chain
        self._genesis_hash = genesis_hash
        self._genesis_document = genesis_document
        self._reader = BlockReader(self._chain)
        HistoryReads.__init__(self, self._chain, self._reader)
        self._height_waiters: dict[int, set[asyncio.Future[None]]] = {}
        self._receipt_waiters: dict[bytes, set[asyncio.Future[None]]] = {}
        self._last_commit_ms = now_ms()
        self._pending = PendingFeed()

    def on_block(self, applied: AppliedBlock) -> None:
        """Tell who waits for this height or for one of its transactions."""
        self._last_commit_ms = now_ms()
        block = applied.block
        self._reader.add(applied)
        for height in [h for h in self._height_waiters if h <= block.height]:
            _wake(self._height_waiters.pop(height))
        if self._receipt_waiters:
            for transaction in block.transactions:
                waiters = self._receipt_waiters.pop(transaction.hash, None)
                if waiters:
                    _wake(waiters)

    def on_admitted(self, transactions: Sequence[Transaction]) -> None:
        """Tell who follows pending transactions."""
        self._pending.add(transactions)

    # The chain

    @property
    def messages(self) -> MessageRegistry:
        """Every message type of this chain."""
        return self._chain.executor.registry

    def status(self) -> ports.NodeStatus:
        """Where this node stands."""
        head, mempool = self._chain.head, self._runtime.mempool
        snapshot, own = self._runtime.replica.describe(), self._runtime.own_role
        return ports.NodeStatus(
            version=VERSION,
            chain_id=self._chain.chain_id,
            genesis_hash=self._genesis_hash,
            role="observer" if snapshot.own_index is None else "validator",
            organisation="" if own is None else own.organisation,
            height=head.height,
            block_hash=head.hash,
            block_time_ms=head.time_ms,
            target_height=self.target_height(),
            peers=len(self._runtime.peers.peers()),
            mempool_transactions=len(mempool),
            mempool_bytes=mempool.bytes,
            upgrade=next_upgrade(self._state()),
            signing_key=self._runtime.signing_key,
            rotation=self._rotation(),
            lowest_height=self.lowest_height(),
        )

    def _rotation(self) -> ports.KeyRotation | None:
        runtime = self._runtime
        keys = (runtime.ring.public_keys, runtime.identities.keys)
        return key_rotation(*keys, self._state(), self.height())

    def target_height(self) -> int:
        """The height that this node has to reach, its own head when it is there."""
        members = self._running_set()
        heads = self._runtime.synchroniser.heads()
        return target_height(
            self.height(),
            self._runtime.replica.describe(),
            (heads[item.node_key] for item in members.validators if item.node_key in heads),
            members.max_faulty,
        )

    @property
    def chain_id(self) -> int:
        """That transactions are signed for."""
        return self._chain.chain_id

    @property
    def contracts(self) -> ContractTable:
        """The system contracts of this chain."""
        return self._chain.executor.contracts

    def simulate(self, sender: bytes, message_type: str, body: object) -> None:
        """Execute a message on an overlay of the head, which is dropped."""
        try:
            self._chain.simulate(Address(sender), message_type, body, now_ms())
        except TransactionError as error:
            raise ports.CallReverted(error.reason) from error

    def supply(self) -> int:
        """Tokens that exist at the head."""
        return accounts.supply(self._state())

    def height(self) -> int:
        """The last committed height."""
        return self._chain.head.height

    def lowest_height(self) -> int:
        """The lowest block from 1 on that this node holds."""
        return self._chain.blocks.lowest_height

    def height_of_block(self, block_hash: bytes) -> int | None:
        """Height of a committed block."""
        return self._chain.blocks.height_of(Hash(block_hash))

    def genesis_document(self) -> str:
        """The genesis document, canonical JSON."""
        return self._genesis_document

    def genesis_header(self) -> Header:
        """Header of height 0, which every store holds."""
        raw = self._chain.blocks.block_bytes(0)
        ensure(raw is not None, "the store holds no genesis block")
        return decode_block(
            raw or b"", self._chain.chain_id, self._chain.executor.contracts.decode_call
        ).header

    def header(self, height: int) -> Header | None:
        """Header of a committed block."""
        block = self._reader.block(height)
        return None if block is None else block.header

    def compact_block(self, height: int) -> CompactBlock | None:
        """A committed block with its transactions by hash."""
        block = self._reader.block(height)
        return None if block is None else block.compact()

    def block(self, height: int) -> ports.CommittedBlock | None:
        """A committed block with everything."""
        block = self._reader.block(height)
        if block is None:
            return None
        hooks = self._reader.receipt_leaves(height)[-1]
        return ports.CommittedBlock(block, self._reader.receipts(height), decode_hook_leaf(hooks))

    def certificate(self, height: int) -> Certificate | None:
        """The commit certificate with which this node finalised `height`."""
        return stored_certificate(self._chain.blocks, height)

    def transaction(self, transaction_hash: bytes) -> ports.KnownTransaction | None:
        """A final transaction, or one in the mempool."""
        located = self._reader.locate(transaction_hash)
        if located is not None:
            found, height, index = located
            return ports.KnownTransaction(found, height, index)
        waiting = self._runtime.mempool.get(Hash(transaction_hash))
        return None if waiting is None else ports.KnownTransaction(waiting, None, None)

    def receipt(self, transaction_hash: bytes) -> ports.FinalReceipt | None:
        """Receipt of a final transaction."""
        located = self._reader.locate(transaction_hash)
        if located is None:
            return None
        _, height, index = located
        receipt = decode_receipt(self._reader.receipt_leaves(height)[index])
        return ports.FinalReceipt(receipt, height, index)

    def pending_position(self) -> int:
        """How many transactions have entered the mempool since start."""
        return self._pending.position

    def pending_since(self, position: int) -> Sequence[Hash]:
        """Hashes of those that entered after the first `position`."""
        return self._pending.since(position)

    async def wait_for_pending(self, position: int) -> None:
        """Return as soon as more than `position` have entered."""
        await self._pending.wait(position)

    def account(self, address: bytes) -> ports.AccountState:
        """State of any 20-byte address."""
        owner = Address(address)
        found = accounts.get(self._state(), owner)
        pending = self._runtime.mempool.pending_nonce(owner)
        return ports.AccountState(
            owner,
            found.balance,
            found.nonce,
            found.nonce if pending is None else pending,
            self.height(),
        )

    # Submitting and waiting

    async def submit(self, raw: Sequence[bytes]) -> Sequence[ports.SubmitOutcome]:
        """Verify and admit signed transactions together."""
        if not self._runtime.accepts:
            refusal = ports.Refusal(
                ports.RefusalReason.NOT_READY, "it is being drained: send this to another node"
            )
            return [refusal] * len(raw)
        outcomes = await self._runtime.ingest.submit(raw)
        return [
            self._final_or(outcome, transaction)
            for outcome, transaction in zip(outcomes, raw, strict=True)
        ]

    def _final_or(self, outcome: ports.SubmitOutcome, raw: bytes) -> ports.SubmitOutcome:
        """The hash when a refused transaction is final already: sending again is no error."""
        if (
            isinstance(outcome, ports.Refusal)
            and outcome.reason is ports.RefusalReason.NONCE_TOO_LOW
        ):
            sent = keccak256(raw)
            if self._chain.blocks.locate_transaction(sent) is not None:
                return sent
        return outcome

    async def wait_for_receipt(
        self, transaction_hash: bytes, timeout_ms: int
    ) -> ports.FinalReceipt | None:
        """The receipt as soon as the transaction is final; None after the timeout."""
        found = self.receipt(transaction_hash)
        if found is not None:
            return found
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._receipt_waiters.setdefault(transaction_hash, set())
        waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await waiter
        except TimeoutError:
            return None
        finally:
            waiters.discard(waiter)
            if not waiters and self._receipt_waiters.get(transaction_hash) is waiters:
                del self._receipt_waiters[transaction_hash]
        return self.receipt(transaction_hash)

    async def wait_for_height(self, height: int) -> None:
        """Return as soon as `height` is committed."""
        if self.height() >= height:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._height_waiters.setdefault(height, set())
        waiters.add(waiter)
        try:
            await waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._height_waiters.get(height) is waiters:
                del self._height_waiters[height]

    # Proofs

    def prove_state(self, key: bytes) -> ports.StateProof | None:
        """Proof of any state key at the head."""
        head = self._chain.head
        if head.height == 0:
            return None
        value = self._chain.blocks.live_state().get(key)
        proof = proofs.prove_state(self._chain.commitment, key)
        return ports.StateProof(
            chain_proof(self._chain.blocks, head), key, value, codec.encode(proof.to_wire())
        )

    def prove_statement(
        self, statement: str, arguments: Mapping[str, object]
    ) -> ports.StatementProof | None:
        """Proof of every row that a statement depends on, at the head."""
        head = self._chain.head
        if head.height == 0:
            return None
        known = statements.statement_named(statement)
        rows = statements.rows_read(known, self._chain.blocks.live_state(), arguments)
        proven = tuple(
            ports.ProvenRow(
                key, value, codec.encode(proofs.prove_state(self._chain.commitment, key).to_wire())
            )
            for key, value in rows.items()
        )
        chain = chain_proof(self._chain.blocks, head)
        return ports.StatementProof(chain, statement, arguments, proven)

    def prove_account(self, address: bytes) -> ports.StateProof | None:
        """Proof of an account's row at the head."""
        return self.prove_state(accounts.ACCOUNTS.prefix + address)

    def prove_transaction(self, transaction_hash: bytes) -> ports.TransactionProof | None:
        """Proof that a final transaction is in its block."""
        located = self._reader.locate(transaction_hash)
        if located is None:
            return None
        found, height, index = located
        block = self._reader.block(height)
        if block is None:
            return None
        proof = codec.encode(proofs.prove_transaction(block, index).to_wire())
        chain = chain_proof(self._chain.blocks, block.header)
        return ports.TransactionProof(chain, found.raw, index, proof)

    # Consensus and network

    def validators(self, height: int | None) -> ports.Validators | None:
        """The set of `height`, None: of the running height."""
        state, running = self._state(), self.height() + 1
        wanted = running if height is None else height
        members = find_set(state, wanted) if 1 <= wanted <= running + 1 else None
        if members is None:
            return None
        eligible = set(consensus_view(state, self.height()).eligible)
        history = history_of(state)
        return ports.Validators(
            height=wanted,
            hash=members.hash(),
            quorum=members.quorum,
            members=tuple(
                ports.ValidatorStatus(
                    index=index,
                    organisation=validator.organisation,
                    public_key=validator.public_key,
                    node_key=validator.node_key,
                    last_signed_height=_last_signed(history, index),
                    eligible=index in eligible,
                )
                for index, validator in enumerate(members.validators)
            ),
        )

    def consensus_state(self) -> ports.ConsensusState:
        """The running height."""
        snapshot = self._runtime.replica.describe()
        return ports.ConsensusState(
            height=snapshot.height,
            view=snapshot.view,
            phase=snapshot.step,
            proposer=snapshot.proposer,
            proposal_hash=snapshot.proposal_hash,
            prepared_by=snapshot.prepares,
            committed_by=snapshot.commits,
            view_changes_by=snapshot.view_changes,
            quorum=snapshot.quorum,
            timed_views=snapshot.timed_views,
            signing=snapshot.no_vote_reason is None and self._runtime.signer_problem is None,
        )

    def peers(self) -> Sequence[ports.Peer]:
        """Connected peers."""
        at_s = asyncio.get_running_loop().time()
        heads = self._runtime.synchroniser.heads()
        return tuple(
            ports.Peer(
                node_key=peer.node_key,
                organisation=peer.role.organisation,
                validator=peer.role.validator,
                address=peer.address,
                outbound=peer.outbound,
                connected_ms=int((at_s - peer.connected_s) * 1000),
                height=heads.get(peer.node_key, peer.hello.head_height),
                round_trip_ms=peer.connection.round_trip_ms,
                send_queue_bytes=peer.connection.queued_bytes,
            )
            for peer in self._runtime.peers.peers()
        )

    def why_stalled(self) -> ports.StallReport:
        """Why no block comes, in words for an operator."""
        return why_stalled(
            self._runtime.replica.describe(),
            self._running_set(),
            {peer.node_key for peer in self._runtime.peers.peers()},
            self._runtime.mempool.executable_count,
            now_ms() - self._last_commit_ms,
            self.height(),
            self.target_height(),
            self._runtime.signer_problem,
            now_ms=now_ms(),
            last_seal=self._last_seal,
            rotation=self._rotation(),
            unheld=self._runtime.synchroniser.unheld(),
        )

    # Inside

    def _last_seal(self, index: int) -> Seal | None:
        """Of a validator of the running set."""
        height = _last_signed(history_of(self._state()), index)
        if height == 0:
            return None
        block = self._reader.block(height)
        return Seal(height, None if block is None else block.time_ms)

    def _running_set(self) -> ValidatorSet:
        """The validators of the running height."""
        return set_at(self._state(), self.height() + 1)


def _last_signed(history: History, index: int) -> int:
    if index >= len(history.members):
        return 0
    member = history.members[index]
    return member.last_embedded if member.last_embedded >= member.active_since else 0


def _wake(waiters: set[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
