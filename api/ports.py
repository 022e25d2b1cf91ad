"""What the API needs of a running node. The node fills NodePort; nothing here knows how.

Reads are synchronous and answer from the last committed height at once: two reads without an await
between them see one state. Only what waits is async. Every method is called on the node's own
event loop.

Hashes and keys are bytes, amounts are integers in smallest units, times are ms since 1970 in block
time unless a name says otherwise. An unknown hash, height or zone is None, never an exception.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from api.history_ports import HistoryPort
from api.view_ports import EconomyPort, GovernancePort
from ledger.block import Block, CompactBlock, Header
from ledger.contracts import ContractTable
from ledger.message_registry import MessageRegistry
from ledger.module import Event
from ledger.primitives import Address, Hash
from ledger.receipt import Receipt
from ledger.registry import Certificate, ValidatorSet
from ledger.transaction import Transaction

# -- the chain ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """An upgrade to come; `suffices`: whether the node's own version goes on at its height."""

    name: str
    height: int
    from_version: str
    below_version: str
    artefact_hash: Hash
    suffices: bool


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """A node with two keys of a kind, or one that lacks the key that the chain names for it.

    stage: waiting (the chain does not name the next keys), decided (from `since` on it does), done
    (it does; the old ones are of no use any more), missing (it names one that is not here).
    """

    stage: str
    next_validator_key: bytes | None
    next_node_key: bytes | None
    since: int | None
    advice: str


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """`target_height` is the highest certified height heard of; syncing when it is above `height`.

    height 0 is genesis: then block_hash is the genesis hash and block_time_ms the genesis time.
    """

    version: str
    chain_id: int
    genesis_hash: Hash
    role: str  # "validator" or "observer"
    organisation: str  # as the registry at the head names it; "" while it does not
    height: int
    block_hash: Hash
    block_time_ms: int
    target_height: int
    peers: int
    mempool_transactions: int
    mempool_bytes: int
    upgrade: UpgradePlan | None = None
    signing_key: bytes | None = None  # of the running height; None without a vote in it
    rotation: KeyRotation | None = None
    lowest_height: int = 1  # of the blocks that it holds; above 1 when older ones were removed


@dataclass(frozen=True, slots=True)
class CommittedBlock:
    """A block with what became of it; receipts are in the order of its transactions.

    hook_events: what the begin and end hooks put on the record, such as a mint.
    """

    block: Block
    receipts: tuple[Receipt, ...]
    hook_events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class KnownTransaction:
    """A transaction and where it is; height and index are None while it is in the mempool."""

    transaction: Transaction
    height: int | None
    index: int | None


@dataclass(frozen=True, slots=True)
class FinalReceipt:
    """A receipt and where its transaction is."""

    receipt: Receipt
    height: int
    index: int


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account at `height`; one never used has zeros.

    pending_nonce: the next nonce once everything of this account in the mempool is executed.
    """

    address: Address
    balance: int
    nonce: int
    pending_nonce: int
    height: int


# -- submitting -----------------------------------------------------------------------------------


class RefusalReason(Enum):
    """Why the node did not take a transaction; values are the wire names, never reused."""

    MALFORMED = "malformed"
    WRONG_CHAIN = "wrong_chain"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_MESSAGE = "unknown_message"
    INVALID_MESSAGE = "invalid_message"
    NONCE_TOO_LOW = "nonce_too_low"
    NONCE_TOO_HIGH = "nonce_too_high"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    UNDERPRICED = "underpriced"
    EXPIRED = "expired"
    SENDER_QUOTA = "sender_quota"
    MEMPOOL_FULL = "mempool_full"
    NOT_READY = "not_ready"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`detail` says what was expected and what was found, without the wording of the reason."""

    reason: RefusalReason
    detail: str


SubmitOutcome = Hash | Refusal
"""The transaction's hash (also for one that is known already), or why it was refused."""

# -- proofs ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetChange:
    """A certified header whose validators_hash names `validators`, in force from its height + 2."""

    header: bytes
    certificate: Certificate
    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class ChainProof:
    """A header that anyone who knows genesis can trust: canonical bytes, the certificate that made
    it final, and every set change from genesis on, ascending, so that the set is provable too."""

    header: bytes
    certificate: Certificate
    set_changes: tuple[SetChange, ...]


@dataclass(frozen=True, slots=True)
class StateProof:
    """`key` has `value` (None: is absent) under the header's state root; `proof` is the canonical
    encoding of the commitment proof."""

    chain: ChainProof
    key: bytes
    value: bytes | None
    proof: bytes


@dataclass(frozen=True, slots=True)
class ProvenRow:
    """`key` has `value` (None: is absent) under a state root, by the canonical `proof`."""

    key: bytes
    value: bytes | None
    proof: bytes


@dataclass(frozen=True, slots=True)
class StatementProof:
    """Every row that a statement (api.statements) depends on, under one header's state root."""

    chain: ChainProof
    statement: str
    arguments: Mapping[str, object]
    rows: tuple[ProvenRow, ...]


@dataclass(frozen=True, slots=True)
class TransactionProof:
    """`transaction` (signed bytes) is number `index` under the header's transactions root."""

    chain: ChainProof
    transaction: bytes
    index: int
    proof: bytes


# -- consensus and network ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ValidatorStatus:
    """One seat of the set: last_signed_height is 0 without an embedded seal so far."""

    index: int
    organisation: str
    public_key: bytes
    node_key: bytes
    last_signed_height: int
    eligible: bool  # proposes in turn; False while skipped (consensus.md rule 9)


@dataclass(frozen=True, slots=True)
class Validators:
    """The set that votes on `height`, and its hash."""

    height: int
    hash: Hash
    quorum: int
    members: tuple[ValidatorStatus, ...]


@dataclass(frozen=True, slots=True)
class ConsensusState:
    """The running height as this node sees it; indices are of the set of `height`.

    prepared_by and committed_by: whose votes for the current proposal of `view` arrived.
    """

    height: int
    view: int
    phase: str
    proposer: int
    proposal_hash: Hash | None
    prepared_by: tuple[int, ...]
    committed_by: tuple[int, ...]
    view_changes_by: tuple[int, ...]
    quorum: int
    timed_views: int
    signing: bool  # False for an observer, or while rule 6 forbids votes


@dataclass(frozen=True, slots=True)
class Peer:
    """A connected, authenticated peer; `validator` is its index in the current set, or None."""

    node_key: bytes
    organisation: str
    validator: int | None
    address: str  # host:port
    outbound: bool
    connected_ms: int  # how long, by own clock
    height: int
    round_trip_ms: int | None
    send_queue_bytes: int


@dataclass(frozen=True, slots=True)
class StallCause:
    """One finding: what is wrong, and what the operator can do."""

    finding: str
    remedy: str


@dataclass(frozen=True, slots=True)
class StallReport:
    """`stalled` is False when blocks come as they should; then causes is empty."""

    stalled: bool
    last_commit_ms: int  # how long ago, by own clock
    causes: tuple[StallCause, ...]


# -- system contracts -----------------------------------------------------------------------------


class CallReverted(Exception):
    """What a system contract was called to do would fail; says why."""


# -- the node -------------------------------------------------------------------------------------


class NodePort(EconomyPort, GovernancePort, HistoryPort, Protocol):
    """A running node, as the API sees it."""

    @property
    def messages(self) -> MessageRegistry:
        """Every message type of this chain: names the fields of a transaction's body."""

    def status(self) -> NodeStatus:
        """Where this node stands."""

    @property
    def chain_id(self) -> int:
        """That transactions are signed for."""

    @property
    def contracts(self) -> ContractTable:
        """The system contracts of this chain."""

    def simulate(self, sender: bytes, message_type: str, body: object) -> None:
        """CallReverted with the receipt's sentence, if this message of `sender` would fail in the
        next block; nothing is changed."""

    def supply(self) -> int:
        """Smallest units of the token that exist."""

    def height(self) -> int:
        """The last committed height; 0 is genesis."""

    def lowest_height(self) -> int:
        """The lowest block from 1 on that this node holds: 1 unless older ones were removed."""

    def genesis_document(self) -> str:
        """The genesis document, canonical JSON."""

    def genesis_header(self) -> Header:
        """Header of height 0."""

    def height_of_block(self, block_hash: bytes) -> int | None:
        """Height of a committed block that this node holds, or of genesis."""

    def header(self, height: int) -> Header | None:
        """Header of a committed block from lowest_height() on: the cheapest read of one."""

    def compact_block(self, height: int) -> CompactBlock | None:
        """A committed block with its transactions by hash."""

    def block(self, height: int) -> CommittedBlock | None:
        """A committed block with everything."""

    def certificate(self, height: int) -> Certificate | None:
        """The commit certificate with which this node finalised `height`. Those of blocks that
        change the set of validators stay when these are removed."""

    def transaction(self, transaction_hash: bytes) -> KnownTransaction | None:
        """A final transaction, or one that waits in the mempool."""

    def receipt(self, transaction_hash: bytes) -> FinalReceipt | None:
        """Receipt of a final transaction."""

    def pending_position(self) -> int:
        """How many transactions have entered the mempool since start."""

    def pending_since(self, position: int) -> Sequence[Hash]:
        """Hashes of those that entered after the first `position`, as far back as they are kept."""

    async def wait_for_pending(self, position: int) -> None:
        """Return as soon as more than `position` have entered. May wait for ever."""

    def account(self, address: bytes) -> AccountState:
        """State of any 20-byte address."""

    async def submit(self, raw: Sequence[bytes]) -> Sequence[SubmitOutcome]:
        """Verify and admit signed transactions together; one outcome for each, in order.

        Any bytes are allowed: what does not decode is a Refusal. An outcome is a hash as soon as
        the transaction is in the mempool (or was there, or is final), not when it is final.
        """

    async def wait_for_receipt(
        self, transaction_hash: bytes, timeout_ms: int
    ) -> FinalReceipt | None:
        """The receipt as soon as the transaction is final, at once if it is; None after timeout."""

    async def wait_for_height(self, height: int) -> None:
        """Return as soon as `height` is committed, at once if it is. May wait for ever."""

    def prove_state(self, key: bytes) -> StateProof | None:
        """Proof of any state key at the last committed height; None before the first block."""

    def prove_statement(
        self, statement: str, arguments: Mapping[str, object]
    ) -> StatementProof | None:
        """Proof of a statement at the head; None before the first block."""

    def prove_account(self, address: bytes) -> StateProof | None:
        """Proof of an account's row at the last committed height; None before the first block."""

    def prove_transaction(self, transaction_hash: bytes) -> TransactionProof | None:
        """Proof that a final transaction is in its block."""

    def validators(self, height: int | None) -> Validators | None:
        """The set of `height` (from 1 to the last committed + 2); None: of the running height."""

    def consensus_state(self) -> ConsensusState:
        """The running height."""

    def peers(self) -> Sequence[Peer]:
        """Connected peers."""

    def why_stalled(self) -> StallReport:
        """Why no block comes, in words for an operator."""
