"""A town of three modules and a store: blocks at given times with given messages, no consensus."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ledger import accounts
from ledger.accounts import AccountsModule
from ledger.crypto import checksum_address, sha256
from ledger.errors import ErrorCode, TransactionError
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context, Event
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.state import State
from tokenomics.distribution.distribution import DistributionModule
from tokenomics.issuance.issuance import IssuanceModule
from tokenomics.oracle.appraisals import Appraisal, find_appraisal
from tokenomics.oracle.land import LandModule
from tokenomics.oracle.panels import RegistryPanels
from tokenomics.oracle.phases import COMMITTING
from tokenomics.oracle.registry import NOMINATORS, registered
from tokenomics.oracle.reports import COMMIT, REVEAL, Statement, commitment_of
from tokenomics.oracle.rounds import opened_round, schedule
from tokenomics.oracle.zones import find_zone
from tokenomics.ports import Panels, Token
from tokenomics.standins import EveryHolder

CHAIN_ID = 82062
DOCUMENT = sha256(b"document")
LENGTH_MS = 1_000
"""Of a quarter in towns here; COMMIT then lasts 219 ms, REVEAL 109, CHALLENGE 153."""

Call = tuple[Address, MessageType, tuple[Any, ...]]
"""(sender, message, its values)"""
Prices = Sequence[int | None]
"""What the members of a panel say, by seat; None says nothing."""


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


def appraisers_section(count: int = 15) -> list[dict[str, Any]]:
    return [
        {"account": "0x" + appraiser(n).hex(), "nominator": NOMINATORS[n % len(NOMINATORS)]}
        for n in range(count)
    ]


def land_section(
    *zones: Mapping[str, Any], appraisers: int = 15, **parameters: Any
) -> dict[str, Any]:
    """Quarters of LENGTH_MS, phases in proportion."""
    return {
        "parameters": {"scaled_quarter_ms": LENGTH_MS, "scaled_rounds": 10_000, **parameters},
        "zones": list(zones),
        "appraisers": appraisers_section(appraisers),
    }


class Pauses:
    """Emergency that a test switches."""

    minting = False
    finalising = False

    def minting_paused(self, state: State) -> bool:
        del state
        return self.minting

    def finalising_paused(self, state: State) -> bool:
        del state
        return self.finalising


class Book:
    """RoleBook that a test fills. limit: points of each kind that a certifier has a round."""

    def __init__(self) -> None:
        self.roles: dict[str, set[Address]] = {}
        self.limit = 0

    def holds(self, state: State, role: str, account: Address) -> bool:
        del state
        return account in self.roles.get(role, ())

    def holders(self, state: State, role: str) -> Sequence[Address]:
        del state
        return sorted(self.roles.get(role, ()))

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        del state, account, kind
        return self.limit


class FixedPanels:
    """Panels by the order of the registry: five, then two further, then three blind ones."""

    def __init__(self) -> None:
        self.outliers: list[tuple[Address, int, int]] = []

    def panel(self, context: Context, zone: int, round_number: int) -> tuple[Address, ...]:
        del zone, round_number
        return tuple(registered(context.state))[:5]

    def draw(
        self,
        context: Context,
        zone: int,
        round_number: int,
        purpose: str,
        mark: Hash,
        count: int,
        exclude: Sequence[Address],
    ) -> tuple[Address, ...]:
        del zone, round_number, purpose, mark
        return tuple(who for who in registered(context.state) if who not in exclude)[:count]

    def note_outlier(
        self, context: Context, appraiser: Address, zone: int, round_number: int
    ) -> None:
        del context
        self.outliers.append((appraiser, zone, round_number))


def salt_of(zone_id: str, number: int, sender: Address) -> Hash:
    return sha256(f"{zone_id}/{number}/{sender.hex()}".encode())


class LandTown:
    """Runs blocks; every block is committed to the store and checked against all invariants."""

    def __init__(
        self,
        land: Mapping[str, Any],
        issuance: Mapping[str, Any] | None = None,
        *,
        distribution: Mapping[str, Any] | None = None,
        genesis_ms: int = 0,
        balance: int = 0,
        panels: Panels | None = None,
    ) -> None:
        self.store = MemoryStore()
        self.book = Book()
        self.emergency = Pauses()
        self.land = LandModule(
            panels or RegistryPanels(), self.book, self.emergency, EveryHolder(self.book)
        )
        self.token: Token = accounts
        self.distribution = DistributionModule(self.book, self.token)
        self.issuance = IssuanceModule(self.land, self.token, self.distribution, self.emergency)
        self.handlers = {
            **self.land.handlers,
            **self.issuance.handlers,
            **self.distribution.handlers,
        }
        self.accounts = AccountsModule()
        self.height = 0
        self.time_ms = genesis_ms
        self.parent_hash = ZERO_HASH
        self.events: list[Event] = []
        self.history: list[Event] = []
        self.refusals: list[str] = []
        state = State(self.store)
        context = self.context(state, genesis_ms)
        holder = {"address": checksum_address(b"\x01" * 20), "balance": str(balance)}
        self.accounts.init_genesis(context, {"accounts": [holder]} if balance else {})
        self.land.init_genesis(context, land)
        self.issuance.init_genesis(context, {"parameters": {}} if issuance is None else issuance)
        self.distribution.init_genesis(context, distribution or {})
        self._commit(state)

    @property
    def state(self) -> State:
        return State(self.store)

    def context(self, state: State, time_ms: int) -> Context:
        block = BlockInfo(
            CHAIN_ID, self.height, time_ms, self.parent_hash, self.time_ms, 0, Participation(None)
        )
        return Context(state, block)

    def due_ms(self) -> int:
        due = self.land.next_deadline_ms(self.state)
        assert due is not None
        return due

    def execute(self, context: Context, call: Call) -> ErrorCode:
        """Execute a message as the executor does: overlay, rollback on TransactionError."""
        sender, message, values = call
        inner = Context(context.state, context.block, sender, Hash(sha256(repr(call[2]).encode())))
        context.state.begin()
        try:
            self.handlers[message](inner, *values)
        except TransactionError as error:
            context.state.rollback()
            self.refusals.append(error.reason)
            return error.code
        context.state.commit()
        context.events += inner.events
        return ErrorCode.OK

    def block(self, time_ms: int, calls: Iterable[Call] = ()) -> list[ErrorCode]:
        """One block; the code of each message in order."""
        assert time_ms > self.time_ms, "block time goes up"
        self.height += 1
        self.refusals = []
        state = State(self.store)
        context = self.context(state, time_ms)
        self.land.begin_block(context)
        codes = [self.execute(context, call) for call in calls]
        self.land.end_block(context)
        self.issuance.end_block(context)
        self.distribution.end_block(context)
        self.time_ms = time_ms
        self.events = context.events
        self.history += context.events
        self._commit(state)
        self.check(context.block)
        return codes

    def soon(self, calls: Iterable[Call] = ()) -> list[ErrorCode]:
        """A block a millisecond after the last one."""
        return self.block(self.time_ms + 1, calls)

    def idle_until(self, time_ms: int) -> None:
        """Blocks at every due time up to and with `time_ms`."""
        while (due := max(self.due_ms(), self.time_ms + 1)) < time_ms:
            self.block(due)
        if self.time_ms < time_ms:
            self.block(time_ms)

    # -- appraisals --

    @property
    def appraising(self) -> int:
        """The newest round whose appraisal has begun; 0 for none."""
        return schedule(self.state).newest - 1

    def begin_appraisal(self) -> int:
        """Let the newest round end; its number. Its panels are seated then."""
        number = schedule(self.state).newest
        self.idle_until(opened_round(self.state, number).end_ms)
        return number

    def appraisal(self, zone_id: str, number: int | None = None) -> Appraisal:
        found = find_zone(self.state, zone_id)
        assert found is not None
        row = find_appraisal(self.state, self.appraising if number is None else number, found[0])
        assert row is not None
        return row

    def statement(self, number: int, price: int, date_ms: int | None = None) -> Statement:
        opened_ms = opened_round(self.state, number).opened_ms
        return Statement(
            price, opened_ms if date_ms is None else date_ms, "comparison", 8, DOCUMENT
        )

    def commit_call(
        self, zone_id: str, number: int, sender: Address, price: int, date_ms: int | None = None
    ) -> Call:
        commitment = commitment_of(
            CHAIN_ID,
            zone_id,
            number,
            sender,
            self.statement(number, price, date_ms),
            salt_of(zone_id, number, sender),
        )
        return sender, COMMIT, (zone_id, number, commitment)

    def reveal_call(
        self, zone_id: str, number: int, sender: Address, price: int, date_ms: int | None = None
    ) -> Call:
        said = self.statement(number, price, date_ms)
        values = (
            zone_id,
            number,
            said.price_krw_per_m2,
            said.valuation_date_ms,
            said.method,
            said.comparables,
            said.document_hash,
            salt_of(zone_id, number, sender),
        )
        return sender, REVEAL, values

    def messages(self, number: int, prices: Mapping[str, Prices], **date: int) -> list[Call]:
        """What the seats of each zone's phase send: commitments or reveals of these prices."""
        found = []
        for zone_id, by_seat in prices.items():
            row = self.appraisal(zone_id, number)
            make = self.commit_call if row.phase in COMMITTING else self.reveal_call
            found += [
                make(zone_id, number, who, price, **date)
                for who, price in zip(row.seats, by_seat, strict=False)
                if price is not None
            ]
        return found

    def commit_and_reveal(
        self, number: int, prices: Mapping[str, Prices], **date: int
    ) -> list[ErrorCode]:
        """Two blocks or, when somebody is missing, as many as it takes until the reveals are in."""
        codes = self.soon(self.messages(number, prices, **date))
        waiting = [z for z in prices if self.appraisal(z, number).phase in COMMITTING]
        if waiting:
            self.idle_until(max(self.appraisal(z, number).deadline_ms for z in waiting))
        return codes + self.soon(self.messages(number, prices, **date))

    def finish(self, number: int) -> None:
        """Blocks at due times until the round has closed."""
        while schedule(self.state).closed < number:
            self.block(max(self.due_ms(), self.time_ms + 1))

    def play(self, prices: Mapping[str, Prices]) -> int:
        """A whole round with these reports, up to its close; its number."""
        number = self.begin_appraisal()
        self.commit_and_reveal(number, prices)
        self.finish(number)
        return number

    # -- what happened --

    def check(self, block: BlockInfo) -> None:
        state = self.state
        for module in (self.accounts, self.land, self.issuance, self.distribution):
            for invariant in module.invariants.values():
                invariant(state, block)

    def named(self, name: str) -> list[dict[str, Any]]:
        """Values of the last block's events called `name`."""
        return [dict(event.values) for event in self.events if event.name == name]

    def all_named(self, name: str) -> list[dict[str, Any]]:
        """Values of all events so far called `name`."""
        return [dict(event.values) for event in self.history if event.name == name]

    def _commit(self, state: State) -> None:
        batch = WriteBatch()
        for key, value in state.changes():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self.store.write(batch, sync=True)
