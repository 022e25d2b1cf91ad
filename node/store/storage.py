"""Opens the stored chain: genesis is written on the first start, recovered from on later ones."""

from dataclasses import dataclass, replace

from consensus import messages
from consensus.chain import RECENT_HEIGHTS, FinishedHeight
from consensus.messages import CertifiedBlock
from ledger import codec, genesis
from ledger.block import Block, Header, decode_block
from ledger.commitment import CommittedRows, StateCommitment
from ledger.errors import DecodeError, InvariantViolation, LocalError
from ledger.ethereum_envelope import CallDecoder
from ledger.executor import BlockExecutor
from ledger.genesis import Genesis
from ledger.primitives import Hash
from ledger.registry import Certificate
from ledger.state import State
from ledger.validator_tables import find_set
from node.store.block_store import NO_MARKER, BlockParts, BlockStore
from node.votes.wal_format import Marker

STATE_START, STATE_STOP = b"", b"\x7f"
"""Bounds of all state keys: each starts with a module's name, in ASCII."""


@dataclass(frozen=True, slots=True)
class OpenedChain:
    """A stored chain at its head, and what a replica must know of the heights before.

    head: height 0 is genesis. recent: up to RECENT_HEIGHTS finished heights that the store holds,
    ascending. head_block: None at genesis. marker: of the vote record at the last commit, None when
    there has been none, at genesis and after a snapshot.
    """

    chain_id: int
    genesis_hash: Hash
    executor: BlockExecutor
    blocks: BlockStore
    commitment: StateCommitment
    head: Header
    recent: tuple[FinishedHeight, ...]
    head_block: CertifiedBlock | None
    marker: Marker | None
    vote_record_lost: bool

    def state(self) -> State:
        """The head's state, compared with what its header commits to; until the next commit."""
        return _state(self.blocks, self.commitment)


def write_genesis(
    blocks: BlockStore, document: Genesis, executor: BlockExecutor
) -> StateCommitment:
    """Commit height 0 to an empty store; the commitment to its state."""
    built = genesis.build(document, executor)
    block = built.block
    parts = BlockParts(
        height=0,
        block_hash=block.hash,
        block=block.encoded,
        state=built.rows,
    )
    blocks.commit(blocks.batch_for(parts, NO_MARKER))
    return built.commitment


def open_chain(
    blocks: BlockStore,
    document: Genesis,
    executor: BlockExecutor,
    saved: StateCommitment | None = None,
) -> OpenedChain:
    """The chain of `document` in `blocks`; writes genesis when the store is empty.

    saved: a commitment that was kept from a clean stop. It is taken when it is that of the head's
    header; otherwise it is built from the state rows.
    LocalError when the store holds another chain, or is damaged.
    """
    if blocks.head() is None:
        saved = write_genesis(blocks, document, executor)
    head = blocks.head()
    if head is None:
        raise InvariantViolation("genesis was written and the store has no head")
    chain_id, decode_call = document.chain_id, executor.contracts.decode_call
    first = _block(blocks, 0, chain_id, decode_call)
    if first.header.parent_hash != document.document_hash():
        raise LocalError(
            f"the database holds the chain of genesis document {first.header.parent_hash.hex()}, "
            f"the genesis file is {document.document_hash().hex()}: put the right file back, or "
            "name another storage.path"
        )
    head_block = _block(blocks, head.height, chain_id, decode_call) if head.height else first
    commitment = _commitment(blocks, document.bucket_count, head_block.header, saved)
    return OpenedChain(
        chain_id=chain_id,
        genesis_hash=first.hash,
        executor=executor,
        blocks=blocks,
        commitment=commitment,
        head=head_block.header,
        recent=_recent(blocks, head.height, _state(blocks, commitment), chain_id, decode_call),
        head_block=_certified(blocks, head_block) if head.height else None,
        marker=None if head.marker == NO_MARKER else head.marker,
        vote_record_lost=head.vote_record_lost,
    )


def _commitment(
    blocks: BlockStore, bucket_count: int, head: Header, saved: StateCommitment | None
) -> StateCommitment:
    if saved is not None and (saved.height, saved.root) == (head.height, head.state_root):
        return saved
    rows = blocks.live_state().iterate(STATE_START, STATE_STOP)
    built = StateCommitment.build(rows, bucket_count, head.height)
    if built.root != head.state_root:
        raise _damaged(
            f"its state rows give the root {built.root.hex()}, the header of block {head.height} "
            f"says {head.state_root.hex()}"
        )
    return built


def with_vote_record(opened: OpenedChain, marker: Marker, *, lost: bool) -> OpenedChain:
    """The chain together with the vote record that was opened beside it.

    marker: of that record. lost: it is not the one that the head row names. The head row names it
    from now on, before the first vote: a loss before the first commit shows (rule 6), and a kill
    before the first commit does not look like one.
    """
    if lost:
        opened.blocks.set_vote_record(marker, lost=True)
        return replace(opened, marker=marker, vote_record_lost=True)
    if opened.marker is None:
        # After a snapshot it counts as lost, though there has been none to lose.
        opened.blocks.set_vote_record(marker, lost=opened.vote_record_lost)
        return replace(opened, marker=marker)
    return opened


def certified_block_bytes(blocks: BlockStore, height: int) -> bytes | None:
    """message_wire.encode(CertifiedBlock) of a committed height, put together without decoding."""
    block, certificate = blocks.block_bytes(height), blocks.certificate_bytes(height)
    if height == 0 or block is None or certificate is None:
        return None
    tag = messages.encode_tag(CertifiedBlock)
    return codec.encode((tag, codec.decode(certificate), block))


def _block(blocks: BlockStore, height: int, chain_id: int, decode_call: CallDecoder) -> Block:
    raw = blocks.block_bytes(height)
    if raw is None:
        raise _damaged(f"block {height} is missing")
    try:
        return decode_block(raw, chain_id, decode_call)
    except DecodeError as error:
        raise _damaged(f"block {height} is unreadable ({error})") from error


def _certified(blocks: BlockStore, block: Block) -> CertifiedBlock:
    raw = blocks.certificate_bytes(block.height)
    if raw is None:
        raise _damaged(f"the certificate of block {block.height} is missing")
    try:
        certificate = Certificate.from_wire(codec.decode(raw))
    except DecodeError as error:
        raise _damaged(f"the certificate of block {block.height} is unreadable") from error
    return CertifiedBlock(certificate, block)


def _damaged(what: str) -> LocalError:
    return LocalError(
        f"the database is damaged: {what}. Restore a backup, or move its folder away and start "
        "again: the node fetches the chain from its peers."
    )


def _state(blocks: BlockStore, commitment: StateCommitment) -> State:
    return State(CommittedRows(commitment, blocks.live_state()))


def _recent(
    blocks: BlockStore, head: int, state: State, chain_id: int, decode_call: CallDecoder
) -> tuple[FinishedHeight, ...]:
    found: list[FinishedHeight] = []
    for height in range(max(blocks.lowest_height, head - RECENT_HEIGHTS + 1), head + 1):
        block = _block(blocks, height, chain_id, decode_call)
        try:
            validators = find_set(state, height)
        except InvariantViolation as error:
            raise _damaged(str(error)) from error
        if validators is None:
            continue  # a set change lies between: its evidence has expired with it
        certificate = _certified(blocks, block).certificate
        found.append(FinishedHeight(certificate, validators, block.participation))
    return tuple(found)
