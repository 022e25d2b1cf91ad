"""A town of two modules and a store: blocks at given times with given reports, no consensus."""

from collections.abc import Iterable, Mapping
from typing import Any

from ledger import accounts
from ledger.accounts import AccountsModule
from ledger.crypto import checksum_address, sha256
from ledger.errors import ErrorCode, TransactionError
from ledger.kv import MemoryStore, WriteBatch
from ledger.module import BlockInfo, Context, Event
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.state import State
from tokenomics.appraisers import GenesisRoles
from tokenomics.issuance import IssuanceModule
from tokenomics.land import LandModule
from tokenomics.ports import Token
from tokenomics.reports import REPORT
from tokenomics.standins import TreasuryDistribution

CHAIN_ID = 82062
DOCUMENT = sha256(b"document")

ReportValues = tuple[str, int, int, int]
"""(zone, round, price, valuation date in ms)"""


def appraiser(number: int) -> Address:
    return Address(bytes([0xA0 + number]) * 20)


def zone_section(zone_id: str, area_tenth_m2: int = 100_000, base: int = 1_000) -> dict[str, Any]:
    return {
        "id": zone_id,
        "legal_dong_code": "2917013900",
        "name_ko": "월출동",
        "name_en": "Wolchul-dong",
        "area_tenth_m2": area_tenth_m2,
        "base_krw_per_m2": base,
    }


class Pauses:
    """Emergency that a test switches."""

    minting = False

    def minting_paused(self, state: State) -> bool:
        del state
        return self.minting

    def finalising_paused(self, state: State) -> bool:
        del state
        return False


class LandTown:
    """Runs blocks; every block is committed to the store and checked against all invariants."""

    def __init__(
        self,
        land: Mapping[str, Any],
        issuance: Mapping[str, Any] | None = None,
        *,
        genesis_ms: int = 0,
        balance: int = 0,
    ) -> None:
        self.store = MemoryStore()
        self.roles = GenesisRoles()
        self.land = LandModule(self.roles)
        self.token: Token = accounts
        self.emergency = Pauses()
        self.issuance = IssuanceModule(
            self.land, self.token, TreasuryDistribution(self.token), self.emergency
        )
        self.accounts = AccountsModule()
        self.height = 0
        self.time_ms = genesis_ms
        self.events: list[Event] = []
        state = State(self.store)
        context = self.context(state, genesis_ms)
        holder = {"address": checksum_address(b"\x01" * 20), "balance": str(balance)}
        self.accounts.init_genesis(context, {"accounts": [holder]} if balance else {})
        self.land.init_genesis(context, land)
        self.issuance.init_genesis(context, {"parameters": {}} if issuance is None else issuance)
        self._commit(state)

    @property
    def state(self) -> State:
        return State(self.store)

    def context(self, state: State, time_ms: int) -> Context:
        block = BlockInfo(
            CHAIN_ID, self.height, time_ms, ZERO_HASH, self.time_ms, 0, Participation(None)
        )
        return Context(state, block)

    def due_ms(self) -> int:
        due = self.land.next_deadline_ms(self.state)
        assert due is not None
        return due

    def report(self, context: Context, sender: Address, values: tuple[Any, ...]) -> ErrorCode:
        """Execute land.report as the executor does: overlay, rollback on TransactionError."""
        call = Context(context.state, context.block, sender, Hash(sha256(repr(values).encode())))
        context.state.begin()
        try:
            self.land.handlers[REPORT](call, *values)
        except TransactionError as error:
            context.state.rollback()
            return error.code
        context.state.commit()
        context.events += call.events
        return ErrorCode.OK

    def block(
        self, time_ms: int, reports: Iterable[tuple[Address, ReportValues]] = ()
    ) -> list[ErrorCode]:
        """One block; the code of each report in order."""
        calls = [
            (sender, (zone, number, price, date, "comparison", 8, DOCUMENT))
            for sender, (zone, number, price, date) in reports
        ]
        return self.block_of(time_ms, calls)

    def block_of(
        self, time_ms: int, calls: Iterable[tuple[Address, tuple[Any, ...]]]
    ) -> list[ErrorCode]:
        """One block of land.report calls with all their values."""
        assert time_ms > self.time_ms, "block time goes up"
        self.height += 1
        state = State(self.store)
        context = self.context(state, time_ms)
        self.land.begin_block(context)
        codes = [self.report(context, sender, values) for sender, values in calls]
        self.land.end_block(context)
        self.issuance.end_block(context)
        self.time_ms = time_ms
        self.events = context.events
        self._commit(state)
        self.check(context.block)
        return codes

    def check(self, block: BlockInfo) -> None:
        state = self.state
        for module in (self.accounts, self.land, self.issuance):
            for invariant in module.invariants.values():
                invariant(state, block)

    def named(self, name: str) -> list[dict[str, Any]]:
        """Values of the last block's events called `name`."""
        return [dict(event.values) for event in self.events if event.name == name]

    def _commit(self, state: State) -> None:
        batch = WriteBatch()
        for key, value in state.changes():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self.store.write(batch, sync=True)
