"""A chain without consensus and network: blocks are executed, written and applied one by one.

Seals are empty signatures: the executor receives them as verified.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from governance.deciding import DecidingModule
from governance.roles import RoleBook, RoleNames
from ledger import accounts, genesis, validators
from ledger.accounts import AccountsModule
from ledger.block import Block, build_block
from ledger.crypto import Ed25519Signer, checksum_address, ed25519_address, sha256
from ledger.executor import BlockExecutor, ExecutedBlock
from ledger.genesis import Genesis, GenesisBlock
from ledger.kv import MemoryStore, WriteBatch
from ledger.module import BlockInfo, StateModule
from ledger.participation import History
from ledger.primitives import UNIT, Address
from ledger.registry import Certificate, Evidence, LateSeal, Participation, Validator
from ledger.state import State
from ledger.threshold import ThresholdModule
from ledger.transaction import Draft, Transaction, sign
from ledger.transfers import TransfersModule
from ledger.validator_tables import history_of, set_at
from ledger.validators import ConsensusView, ValidatorsModule

CHAIN_ID = 82062
TIME_MS = 1_700_000_000_000
STEP_MS = 1_000
UNSIGNED = bytes(64)
RICH = Ed25519Signer(b"r" * 32)
AUTHORITY = Ed25519Signer(b"g" * 32)
ROLE_NAMES = RoleNames("authority", "certifier", ("chamber.land", "registrar"))


def validator_signer(name: str) -> Ed25519Signer:
    """Consensus key of the validator of organisation `name`."""
    return Ed25519Signer(sha256(b"consensus " + name.encode()))


def validator(name: str) -> Validator:
    """The validator of organisation `name`."""
    return Validator(name, validator_signer(name).public_key, sha256(b"node " + name.encode()))


def genesis_document(n: int, **changes: Any) -> dict[str, Any]:
    """Organisations o0 to o(n-1), one rich account, one authority; few buckets."""
    document: dict[str, Any] = {
        "chain_id": CHAIN_ID,
        "name": "test town",
        "time_ms": TIME_MS,
        "bucket_count": 256,
        "validators": [
            {
                "organisation": seat.organisation,
                "public_key": seat.public_key.hex(),
                "node_key": seat.node_key.hex(),
            }
            for seat in (validator(f"o{index}") for index in range(n))
        ],
        "modules": {
            "accounts": {
                "accounts": [
                    {
                        "address": checksum_address(ed25519_address(RICH.public_key)),
                        "balance": str(1_000 * UNIT),
                    }
                ]
            },
            "governance": {"authority": checksum_address(ed25519_address(AUTHORITY.public_key))},
        },
    }
    return document | changes


def parsed(document: dict[str, Any]) -> Genesis:
    return genesis.parse(json.dumps(document).encode())


def standard_modules() -> list[StateModule]:
    """The ledger's modules and the deciding stub."""
    rooms = ValidatorsModule()
    return [
        rooms,
        AccountsModule(),
        ThresholdModule(),
        TransfersModule(),
        DecidingModule(rooms, RoleBook(ROLE_NAMES)),
    ]


@dataclass
class LedgerChain:
    """Executes blocks on its head; `blocks` and `executed` by height, from 1.

    whole: an executor that was composed elsewhere, instead of one over `modules`.
    """

    n: int = 4
    modules: Sequence[StateModule] = field(default_factory=standard_modules)
    document: Genesis | None = None
    whole: BlockExecutor | None = None

    def __post_init__(self) -> None:
        self.executor = self.whole or BlockExecutor(self.modules)
        self.genesis: GenesisBlock = genesis.build(
            self.document or parsed(genesis_document(self.n)), self.executor
        )
        self.store = MemoryStore()
        self.commitment = self.genesis.commitment
        batch = WriteBatch()
        batch.operations.extend(self.genesis.rows)
        self.store.write(batch, sync=True)
        self.blocks: list[Block] = [self.genesis.block]
        self.executed: list[ExecutedBlock] = []

    @property
    def height(self) -> int:
        return self.blocks[-1].height

    @property
    def state(self) -> State:
        """The head's state."""
        return State(self.store)

    @property
    def history(self) -> History:
        return history_of(self.state)

    @property
    def view(self) -> ConsensusView:
        return validators.view(self.state, self.height)

    def nonce(self, sender: Address) -> int:
        return accounts.nonce(self.state, sender)

    def signed(
        self, signer: Ed25519Signer, message_type: str, body: tuple[Any, ...]
    ) -> Transaction:
        """A transaction with the sender's next nonce."""
        sender = ed25519_address(signer.public_key)
        draft = Draft(
            chain_id=CHAIN_ID,
            nonce=self.nonce(sender),
            type=message_type,
            body=body,
            valid_until=self.height + 100,
        )
        return sign(draft, signer)

    def certificate(self, sealers: Sequence[int], cert_view: int = 0) -> Certificate | None:
        """Of the head, by the validators with these indices; None for genesis."""
        if self.height == 0:
            return None
        seals = tuple((index, UNSIGNED) for index in sorted(sealers))
        return Certificate(self.height, cert_view, self.blocks[-1].hash, seals)

    def late_seal(self, height: int, index: int, seal_view: int = 0) -> LateSeal:
        return LateSeal(height, seal_view, self.blocks[height].hash, index, UNSIGNED)

    def info(
        self,
        sealers: Sequence[int] | None = None,
        *,
        cert_view: int = 0,
        proposer: int | None = None,
        late: Sequence[LateSeal] = (),
        evidence: Sequence[Evidence] = (),
    ) -> BlockInfo:
        """The next block's: sealed by all and proposed in turn, unless told otherwise."""
        head = self.blocks[-1]
        if sealers is None:
            sealers = range(len(set_at(self.state, max(head.height, 1))))
        participation = Participation(
            self.certificate(sealers, cert_view), tuple(late), tuple(evidence)
        )
        return BlockInfo(
            chain_id=CHAIN_ID,
            height=head.height + 1,
            time_ms=head.time_ms + STEP_MS,
            parent_hash=head.hash,
            parent_time_ms=head.time_ms,
            proposer=self.history.next_turn if proposer is None else proposer,
            participation=participation,
        )

    def execute(
        self,
        transactions: Sequence[Transaction] = (),
        info: BlockInfo | None = None,
        *,
        skip_inapplicable: bool = False,
    ) -> ExecutedBlock:
        """Execute the next block without making it the head."""
        return self.executor.execute(
            self.store,
            self.commitment,
            info or self.info(),
            transactions,
            skip_inapplicable=skip_inapplicable,
        )

    def add(
        self, transactions: Sequence[Transaction] = (), info: BlockInfo | None = None
    ) -> ExecutedBlock:
        """Execute the next block, check every invariant, and make it the head."""
        executed = self.execute(transactions, info)
        self.adopt(executed)
        return executed

    def adopt(self, executed: ExecutedBlock) -> None:
        """Check every invariant on what execute() gave, and make it the head."""
        self.executor.check_invariants(executed.state, executed.info)
        self.append(executed)

    def append(self, executed: ExecutedBlock) -> None:
        """Make what execute() gave the head, unchecked."""
        block = build_block(
            executed.info,
            executed.included,
            executed.state_root,
            executed.receipts_root,
            validators.validators_hash_after(executed.state, executed.info.height),
        )
        batch = WriteBatch()
        batch.operations.extend(executed.changes)
        self.store.write(batch, sync=True)
        self.commitment.apply(executed.delta)
        self.blocks.append(block)
        self.executed.append(executed)

    def advance(self, heights: int, sealers: Sequence[int] | None = None) -> None:
        """So many empty blocks, each proposed in turn."""
        for _ in range(heights):
            self.add(info=self.info(sealers))
