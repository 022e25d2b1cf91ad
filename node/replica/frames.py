"""Frames on their way in: decoded, and handed to whom they concern."""

from collections.abc import Callable, Sequence

from consensus.events import MessageReceived
from consensus.messages import PrePrepare, ReadProposal, Status, Vote
from ledger.block import MAX_BLOCK_TRANSACTIONS, Block
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.transaction import Transaction
from node.meter import Meter, Part
from node.network.consensus_wire import (
    CompactProposal,
    TransactionsAnswer,
    TransactionsAsk,
    decode_payload,
    encode_answer,
    encode_ask,
)
from node.network.peers import Peer, PeerManager
from node.network.wire import FrameKind
from node.replica.inbox import Inbox
from node.replica.proposals import CallLater, ProposalAssembler, answer_positions
from node.transactions.ingest import Ingest

FindBlock = Callable[[Hash], Block | None]
"""A block that this node has in full: proposed, checked or committed lately."""
HeadSeen = Callable[[bytes, int], None]
"""(node key, height): the peer's messages are of the height above this one."""


class ConsensusFrames:
    """Decodes CONSENSUS frames, completes compact proposals, and feeds the inbox."""

    def __init__(
        self,
        peers: PeerManager,
        inbox: Inbox,
        ingest: Ingest,
        read_block: ReadProposal,
        find_block: FindBlock,
        call_later: CallLater,
        meter: Meter,
        head_seen: HeadSeen,
        assembled: Callable[[Block], None],
    ) -> None:
        self._peers = peers
        self._head_seen = head_seen
        self._assembled = assembled
        self._inbox = inbox
        self._ingest = ingest
        self._read_block = read_block
        self._find_block = find_block
        self._meter = meter
        self.assembler = ProposalAssembler(ingest, self._ask, self._deliver, call_later)

    async def on_frame(self, peer: Peer, payload: bytes) -> None:
        """Handle one frame; PeerError when it is rubbish. Waits while the peer's quota is full."""
        match decode_payload(payload, self._read_block):
            case CompactProposal(message, block):
                self._head_seen(peer.node_key, message.height - 1)
                with self._meter.part(Part.VERIFY):  # of what is still waiting for it
                    self.assembler.receive(peer.node_key, message, block)
            case TransactionsAsk(block_hash, positions):
                self._answer(peer, block_hash, positions)
            case TransactionsAnswer(block_hash, transactions):
                if self.assembler.missing_of(block_hash):
                    self._complete(self._ingest.receive_answer(peer.node_key, transactions))
            case message:
                if isinstance(message, Status | Vote):
                    self._head_seen(peer.node_key, message.height - 1)
                event = MessageReceived(message, None, peer.node_key)
                await self._inbox.put(peer.node_key, event)

    def transactions_arrived(self, peer: bytes, raws: Sequence[bytes]) -> None:
        """What a peer gossiped: to verification, and to proposals that wait for it."""
        self._complete(self._ingest.receive(peer, raws))

    def _complete(self, new: Sequence[Transaction]) -> None:
        if new and self.assembler.waiting:
            self.assembler.arrived(new)

    def _deliver(self, peer: bytes, message: PrePrepare) -> None:
        if isinstance(message.proposal, Block):
            self._assembled(message.proposal)
        self._inbox.put_assembled(peer, MessageReceived(message, None, peer))

    def _ask(self, peer: bytes, block_hash: Hash, positions: Sequence[int]) -> None:
        self._peers.send(peer, FrameKind.CONSENSUS, encode_ask(block_hash, positions))

    def _answer(self, peer: Peer, block_hash: Hash, positions: Sequence[int]) -> None:
        if len(positions) > MAX_BLOCK_TRANSACTIONS:
            raise PeerError(f"asked for {len(positions)} transactions of one block")
        block = self._find_block(block_hash)
        if block is None:
            return
        hashes = [transaction.hash for transaction in block.transactions]
        wanted = set(answer_positions(hashes, positions))
        raws = [item.raw for item in block.transactions if item.hash in wanted]
        self._peers.send(peer.node_key, FrameKind.CONSENSUS, encode_answer(block_hash, raws))
