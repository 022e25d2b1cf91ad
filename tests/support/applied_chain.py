"""The applied chain of a node without replica and network: blocks are built, sealed and applied."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from consensus.effects import BuildProposal
from consensus.messages import CertifiedBlock, SigningDomain
from ledger import accounts
from ledger.block import Block
from ledger.crypto import Ed25519Signer, ed25519_address
from ledger.executor import BlockExecutor
from ledger.genesis import Genesis
from ledger.kv import KeyValueStore, MemoryStore
from ledger.mempool import Mempool
from ledger.primitives import Address
from ledger.registry import Certificate, Participation, Phase
from ledger.state import State
from ledger.steps import finish
from ledger.transaction import Draft, Transaction, sign, verify_transaction
from ledger.transfers import SEND
from ledger.validator_tables import set_at
from node.replica.execution import AppliedBlock, Chain
from node.store.block_store import BlockStore
from node.store.pruning import PruningRules
from node.store.storage import OpenedChain, open_chain
from node.votes.wal_format import Marker
from tests.support.ledger_chain import (
    CHAIN_ID,
    RICH,
    STEP_MS,
    genesis_document,
    parsed,
    standard_modules,
    validator_signer,
)

DOCUMENT: Final = parsed(genesis_document(4))
EXECUTOR: Final = BlockExecutor(standard_modules())
RICH_ADDRESS: Final = ed25519_address(RICH.public_key)
POOR_ADDRESS: Final = Address(b"p" * 20)


def sealed(block: Block, members: Iterable[str], domain: SigningDomain) -> CertifiedBlock:
    """The block with seals of these organisations, which are in the order of the set."""
    payload = domain.payload(Phase.COMMIT, block.height, 0, block.hash)
    seals = tuple(
        (index, validator_signer(name).sign(payload)) for index, name in enumerate(members)
    )
    return CertifiedBlock(Certificate(block.height, 0, block.hash, seals), block)


@dataclass
class VoteRecordStub:
    """Notes each cut; its marker counts them, as a log's generation does."""

    cuts: list[Marker] = field(default_factory=list)

    def marker(self) -> Marker:
        return Marker(b"i" * 16, len(self.cuts) + 1, 1, 7)

    def cut(self, committed: Marker) -> None:
        self.cuts.append(committed)


class AppliedChain:
    """A Chain with its mempool over a store that may hold one already."""

    def __init__(
        self,
        store: KeyValueStore | None = None,
        document: Genesis = DOCUMENT,
        executor: BlockExecutor = EXECUTOR,
        pruning: PruningRules | None = None,
        **options: Any,
    ) -> None:
        self.store = store or MemoryStore()
        blocks = BlockStore(self.store, "test", pruning=pruning)
        self.opened: OpenedChain = open_chain(blocks, document, executor)
        self.mempool = Mempool(self.opened.head.height, lambda _: True)
        self.vote_record = VoteRecordStub()
        self.applied: list[AppliedBlock] = []
        self.on_applied: list[Callable[[AppliedBlock], None]] = [self.applied.append]
        self.verified: list[Transaction] = []
        self.chain = Chain(
            self.opened,
            self.mempool,
            self._verify_all,
            self.vote_record,
            self._told,
            **options,
        )
        self.domain = SigningDomain(CHAIN_ID, self.opened.genesis_hash)
        self.certificate: Certificate | None = (
            None if self.opened.head_block is None else self.opened.head_block.certificate
        )

    def _told(self, applied: AppliedBlock) -> None:
        for told in self.on_applied:
            told(applied)

    def _verify_all(self, transactions: Sequence[Transaction]) -> bool:
        self.verified += transactions
        return all(verify_transaction(transaction) for transaction in transactions)

    @property
    def state(self) -> State:
        return self.chain.state()

    def signed(
        self,
        type_name: str = SEND.name,
        body: tuple[Any, ...] | None = None,
        signer: Ed25519Signer = RICH,
        *,
        ahead: int = 0,
    ) -> Transaction:
        """A transaction with the sender's next nonce plus `ahead`; a transfer by default."""
        sender = ed25519_address(signer.public_key)
        draft = Draft(
            chain_id=CHAIN_ID,
            nonce=accounts.nonce(self.state, sender) + ahead,
            type=type_name,
            body=SEND.encode(POOR_ADDRESS, 5, b"") if body is None else body,
            valid_until=self.chain.head.height + 50,
        )
        return sign(draft, signer)

    def admit(self, *transactions: Transaction) -> None:
        """Put verified transactions into the mempool."""
        for transaction in transactions:
            account = accounts.get(self.state, transaction.sender)
            self.mempool.admit(transaction, account.nonce, account.balance == 0)

    def request(self, *, allow_empty: bool = True, view: int = 0) -> BuildProposal:
        """What the replica would ask for above the head."""
        head = self.chain.head
        return BuildProposal(
            height=head.height + 1,
            view=view,
            time_ms=head.time_ms + STEP_MS,
            proposer=(head.proposer + 1) % len(set_at(self.state, head.height + 1)),
            participation=Participation(self.certificate),
            allow_empty=allow_empty,
        )

    def build(self, *transactions: Transaction) -> Block:
        """The next block with these transactions."""
        self.admit(*transactions)
        block = finish(self.chain.build(self.request()))
        assert block is not None
        return block

    def certified(self, block: Block) -> CertifiedBlock:
        """The block sealed by everybody."""
        members = set_at(self.state, block.height).validators
        return sealed(block, [member.organisation for member in members], self.domain)

    def take(self, certified: CertifiedBlock) -> None:
        """Apply a final block."""
        self.chain.apply(certified)
        self.certificate = certified.certificate

    def grow(self, *transactions: Transaction) -> CertifiedBlock:
        """Build, seal and apply the next block."""
        certified = self.certified(self.build(*transactions))
        self.take(certified)
        return certified
