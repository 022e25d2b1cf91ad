"""A node behind the API's port, in memory: it decodes what is sent and commits when told to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from api import (
    examples,
    fact_examples,
    governance_examples,
    land_examples,
    pool_examples,
    ports,
)
from api.encoding import from_hex
from api.history_ports import HistoryEntry, Place, PlacePage
from api.view_ports import View
from ledger.block import Block, CompactBlock, Header, participation_root, transactions_root
from ledger.concerned import HOOKS, concerned, positions
from ledger.contracts import ContractTable
from ledger.crypto import sha256
from ledger.errors import DecodeError, ErrorCode, WrongChainError
from ledger.message_registry import MessageRegistry
from ledger.module import Event
from ledger.primitives import Address, Hash
from ledger.receipt import Receipt
from ledger.registry import Certificate, Participation
from ledger.transaction import (
    Transaction,
    decode_transaction,
)
from ledger.transfers import SEND
from node.modules import build_executor
from node.transactions.pending_feed import PendingFeed
from tests.support.transfers import signed

BLOCK_INTERVAL_MS = 500
CONTRACTS = build_executor().contracts


def transfer(nonce: int, amount: int = 1, valid_until: int = 100) -> Transaction:
    """A signed transfer from Alice to Bob."""
    return signed(
        examples.ALICE,
        chain_id=examples.CHAIN_ID,
        nonce=nonce,
        body=SEND.encode(examples.BOB, amount, b""),
        valid_until=valid_until,
    )


class FakeNode:
    """Fills api.ports.NodePort. `submitted` holds each call of submit; commit() makes a block."""

    def __init__(self) -> None:
        self.submitted: list[list[bytes]] = []
        self.pending: dict[Hash, Transaction] = {}
        self.blocks: list[ports.CommittedBlock] = []
        self.failure: Exception | None = None
        self.waiting = 0
        self.history_from: int | None = 1
        self.lowest = 1
        self.simulated: list[tuple[bytes, str, object]] = []
        self.refusal = ""
        self.hook_events: tuple[Event, ...] = (examples.EVENT,)
        self.feed = PendingFeed()
        self._changed = asyncio.Condition()
        self._tells = True

    async def commit(self) -> ports.CommittedBlock:
        """Put everything pending into the next block."""
        transactions = tuple(self.pending.values())
        self.pending.clear()
        participation = Participation(self.certificate(len(self.blocks)) if self.blocks else None)
        header = Header(
            height=len(self.blocks) + 1,
            parent_hash=self.blocks[-1].block.hash if self.blocks else examples.GENESIS_HASH,
            time_ms=examples.TIME_MS + BLOCK_INTERVAL_MS * (len(self.blocks) + 1),
            proposer=0,
            transactions_root=transactions_root(transactions),
            state_root=sha256(b"state"),
            receipts_root=sha256(b"receipts"),
            validators_hash=examples.VALIDATOR_SET.hash(),
            participation_root=participation_root(participation),
        )
        receipts = tuple(
            Receipt(
                item.hash,
                ErrorCode.OK,
                "",
                (
                    Event(
                        "transfer.sent",
                        (("from", item.sender), ("to", examples.BOB), ("amount", 2**100)),
                    ),
                ),
            )
            for item in transactions
        )
        committed = ports.CommittedBlock(
            Block(header, participation, transactions), receipts, self.hook_events
        )
        self.blocks.append(committed)
        async with self._changed:
            if self._tells:
                self._changed.notify_all()
        return committed

    @asynccontextmanager
    async def unseen(self) -> AsyncIterator[None]:
        """Blocks that are committed meanwhile are seen together, at the end."""
        self._tells = False
        yield
        self._tells = True
        async with self._changed:
            self._changed.notify_all()

    @property
    def messages(self) -> MessageRegistry:
        return examples.MESSAGES

    @property
    def chain_id(self) -> int:
        return examples.CHAIN_ID

    @property
    def contracts(self) -> ContractTable:
        return CONTRACTS

    def simulate(self, sender: bytes, message_type: str, body: object) -> None:
        self.simulated.append((sender, message_type, body))
        if self.refusal:
            raise ports.CallReverted(self.refusal)

    def supply(self) -> int:
        return 10**26

    def genesis_document(self) -> str:
        return examples.GENESIS_DOCUMENT

    def genesis_header(self) -> Header:
        return replace(examples.BLOCK.header, height=0)

    def pending_position(self) -> int:
        return self.feed.position

    def pending_since(self, position: int) -> Sequence[Hash]:
        return self.feed.since(position)

    async def wait_for_pending(self, position: int) -> None:
        await self.feed.wait(position)

    def status(self) -> ports.NodeStatus:
        if self.failure is not None:
            raise self.failure
        return replace(examples.STATUS, height=self.height(), lowest_height=self.lowest)

    def height(self) -> int:
        return len(self.blocks)

    def lowest_height(self) -> int:
        return self.lowest

    def height_of_block(self, block_hash: bytes) -> int | None:
        held = self.blocks[self.lowest - 1 :]
        found = [item.block.height for item in held if item.block.hash == block_hash]
        return found[0] if found else None

    def block(self, height: int) -> ports.CommittedBlock | None:
        return self.blocks[height - 1] if self.lowest <= height <= len(self.blocks) else None

    def header(self, height: int) -> Header | None:
        found = self.block(height)
        return None if found is None else found.block.header

    def compact_block(self, height: int) -> CompactBlock | None:
        found = self.block(height)
        return None if found is None else found.block.compact()

    def certificate(self, height: int) -> Certificate | None:
        found = self.block(height)
        if found is None:
            return None
        return Certificate(height, 0, found.block.hash, examples.CERTIFICATE.seals)

    def _position(self, transaction_hash: bytes) -> tuple[ports.CommittedBlock, int] | None:
        for committed in self.blocks:
            for index, item in enumerate(committed.block.transactions):
                if item.hash == transaction_hash:
                    return committed, index
        return None

    def transaction(self, transaction_hash: bytes) -> ports.KnownTransaction | None:
        position = self._position(transaction_hash)
        if position is None:
            waiting = self.pending.get(Hash(transaction_hash))
            return None if waiting is None else ports.KnownTransaction(waiting, None, None)
        committed, index = position
        block = committed.block
        return ports.KnownTransaction(block.transactions[index], block.height, index)

    def receipt(self, transaction_hash: bytes) -> ports.FinalReceipt | None:
        position = self._position(transaction_hash)
        if position is None:
            return None
        committed, index = position
        return ports.FinalReceipt(committed.receipts[index], committed.block.height, index)

    def history_start(self) -> int | None:
        return self.history_from

    def _places(self, address: bytes) -> list[Place]:
        """By a plain look at every block."""
        return [
            Place(item.block.height, position)
            for item in self.blocks[(self.history_from or 1) - 1 :]
            for position in positions(
                concerned(item.block.transactions, item.receipts, item.hook_events).get(
                    Address(address), b""
                )
            )
        ]

    def concerning(
        self, address: bytes, start: Place, count: int, *, newest_first: bool
    ) -> PlacePage:
        found = self._places(address)
        if newest_first:
            after = [place for place in reversed(found) if place < start]
            end = Place(self.history_from or 1, 0)
        else:
            after = [place for place in found if place > start]
            end = max(start, Place(self.height(), HOOKS))
        more = len(after) > count
        return PlacePage(tuple(after[:count]), after[count - 1] if more else end, more)

    def history_entry(self, place: Place) -> HistoryEntry | None:
        found = self.block(place.height)
        if found is None:
            return None
        if place.position == HOOKS:
            return HistoryEntry(place, found.block.time_ms, None, None, found.hook_events)
        receipt = found.receipts[place.position]
        signed_one = found.block.transactions[place.position]
        return HistoryEntry(place, found.block.time_ms, signed_one, receipt, receipt.events)

    def account(self, address: bytes) -> ports.AccountState:
        known = address == examples.BOB
        return ports.AccountState(
            Address(address), 2**127 if known else 0, 0, len(self.pending), self.height()
        )

    async def submit(self, raw: Sequence[bytes]) -> Sequence[ports.SubmitOutcome]:
        self.submitted.append(list(raw))
        await asyncio.sleep(0)
        return [self._admit(item) for item in raw]

    def _admit(self, raw: bytes) -> ports.SubmitOutcome:
        try:
            transaction = decode_transaction(raw, examples.CHAIN_ID, CONTRACTS.decode_call)
        except WrongChainError as error:
            return ports.Refusal(ports.RefusalReason.WRONG_CHAIN, str(error))
        except DecodeError as error:
            return ports.Refusal(ports.RefusalReason.MALFORMED, str(error))
        if transaction.valid_until <= self.height():
            detail = f"next height {self.height() + 1}, valid until {transaction.valid_until}"
            return ports.Refusal(ports.RefusalReason.EXPIRED, detail)
        if self._position(transaction.hash) is None:
            self.pending[transaction.hash] = transaction
            self.feed.add([transaction])
        return transaction.hash

    async def wait_for_receipt(
        self, transaction_hash: bytes, timeout_ms: int
    ) -> ports.FinalReceipt | None:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while self.receipt(transaction_hash) is None:
                    await self.wait_for_height(self.height() + 1)
        except TimeoutError:
            return None
        return self.receipt(transaction_hash)

    async def wait_for_height(self, height: int) -> None:
        async with self._changed:
            self.waiting += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self.height() >= height)
            finally:
                self.waiting -= 1
                self._changed.notify_all()

    async def until_waiting(self, callers: int) -> None:
        """Return as soon as so many callers wait for a height."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.waiting == callers)

    def prove_state(self, key: bytes) -> ports.StateProof | None:
        chain = examples.STATE_PROOF.chain
        return ports.StateProof(chain, key, None, b"absent") if self.blocks else None

    def prove_statement(
        self, statement: str, arguments: Mapping[str, object]
    ) -> ports.StatementProof | None:
        proof = replace(examples.STATEMENT_PROOF, statement=statement, arguments=arguments)
        return proof if self.blocks else None

    def prove_account(self, address: bytes) -> ports.StateProof | None:
        del address
        return examples.STATE_PROOF if self.blocks else None

    def prove_transaction(self, transaction_hash: bytes) -> ports.TransactionProof | None:
        known = self._position(transaction_hash) is not None
        return examples.TRANSACTION_PROOF if known else None

    def validators(self, height: int | None) -> ports.Validators | None:
        return examples.VALIDATORS if (height or 1) <= self.height() + 2 else None

    def consensus_state(self) -> ports.ConsensusState:
        return examples.CONSENSUS_STATE

    def peers(self) -> Sequence[ports.Peer]:
        return [examples.PEER]

    def why_stalled(self) -> ports.StallReport:
        return examples.STALL_REPORT

    def zones(self) -> Sequence[View]:
        return [dict(land_examples.ZONE)]

    def round(self, zone: str, number: int | None) -> View | None:
        del number
        return dict(land_examples.ROUND) if zone == "wolchul" else None

    def land_index(self) -> View:
        return dict(land_examples.LAND_INDEX)

    def rounds(self, first: int, count: int) -> Sequence[View]:
        row = land_examples.LISTED_ROUND
        return [dict(row)] if first <= row["round"] < first + count else []

    def issuance(self, number: int | None) -> View | None:
        known = number in (None, land_examples.ISSUANCE["round"])
        return dict(land_examples.ISSUANCE) if known else None

    def rates(self, region: str | None) -> View:
        del region
        return dict(fact_examples.RATES)

    def zone_events(self, zone: str) -> Sequence[View] | None:
        return [dict(fact_examples.ZONE_EVENT)] if zone == "wolchul" else None

    def sales(self, round_number: int | None) -> View | None:
        known = round_number in (None, fact_examples.SALES["round"])
        return dict(fact_examples.SALES) if known else None

    def roles(self, role: str | None) -> Sequence[View]:
        known = role in (None, fact_examples.ROLE["role"])
        return [dict(fact_examples.ROLE)] if known else []

    def appraisers(self) -> View:
        return dict(fact_examples.APPRAISERS)

    def pools(self) -> View | None:
        return dict(pool_examples.POOLS)

    def position(self, account: bytes) -> View | None:
        found = account == from_hex(pool_examples.POSITION["account"])
        return dict(pool_examples.POSITION) if found else None

    def proposals(self, status: str | None, before: int | None, count: int) -> View:
        del before, count
        if status in (None, governance_examples.LISTED["status"]):
            return dict(governance_examples.PAGE)
        return {"proposals": [], "next_before": None}

    def proposal(self, number: int) -> View | None:
        known = number == governance_examples.PROPOSAL["number"]
        return dict(governance_examples.PROPOSAL) if known else None

    def chambers(self) -> Sequence[View]:
        return [dict(governance_examples.CHAMBER)]

    def organisations(self, after: str, count: int) -> Sequence[View]:
        del count
        row = governance_examples.ORGANISATION
        return [dict(row)] if row["id"] > after else []

    def person(self, account: bytes) -> View | None:
        found = account == from_hex(governance_examples.PERSON["account"])
        return dict(governance_examples.PERSON) if found else None

    def agreements(self, after: int, count: int) -> Sequence[View]:
        del count
        return [dict(governance_examples.AGREEMENT)] if after < 1 else []

    def legal_bases(self, after: int, count: int) -> Sequence[View]:
        del count
        return [dict(governance_examples.LEGAL_BASIS)] if after < 1 else []

    def parameters(self, module: str | None, name: str | None, changes: int) -> Sequence[View]:
        """lambda_bps, without its changes when none are asked for."""
        found = governance_examples.PARAMETER
        if module not in (None, found["module"]) or name not in (None, found["name"]):
            return []
        return [{**found, "changes": found["changes"][:changes]}]

    def challenge_petitions(self, after: int, count: int) -> Sequence[View]:
        """One."""
        return [governance_examples.CHALLENGE_PETITION][after : after + count]

    def council(self) -> View | None:
        return dict(governance_examples.COUNCIL)
