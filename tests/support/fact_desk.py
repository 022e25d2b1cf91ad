"""A state with zones, a calendar of months and role holders, to which facts are sent one by one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ledger.crypto import sha256
from ledger.errors import ErrorCode, TransactionError
from ledger.kv import MemoryStore
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.rows import key
from ledger.state import State
from tokenomics.facts.land_events import event_handlers
from tokenomics.facts.rate_corrections import correction_handlers
from tokenomics.facts.rates import REPORT_RATE, rate_handlers, write_rates
from tokenomics.facts.sales import sale_handlers
from tokenomics.oracle import rounds
from tokenomics.oracle.zones import ZONE_VALUES, write_zones, zone_value
from tokenomics.params import LAND_PARAMETERS, LandParameters
from tokenomics.roles import AUTHORITY, RATE_REPORTER, SALES_REGISTRAR

FIRST_MONTH = 2012_01
BASE = 1_000
"""KRW/m2 of both zones."""
DONG = "2917013900"
TOWNSHIP = "4688031000"
DOCUMENT = sha256(b"document")
GOVERNANCE, REGISTRAR = Address(b"\xf0" * 20), Address(b"\xf1" * 20)
REPORTERS = tuple(Address(bytes([0xE0 + number]) * 20) for number in range(4))
STRANGER = Address(b"\x0f" * 20)
HOLDERS = {AUTHORITY: (GOVERNANCE,), SALES_REGISTRAR: (REGISTRAR,), RATE_REPORTER: REPORTERS}


class Book:
    """The role book of HOLDERS."""

    def holds(self, state: State, role: str, account: Address) -> bool:
        return account in self.holders(state, role)

    def holders(self, state: State, role: str) -> Sequence[Address]:
        del state
        return HOLDERS.get(role, ())

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        del state, account, kind
        return 0


def zone_of(zone_id: str, code: str, region: str) -> dict[str, Any]:
    return {
        "id": zone_id,
        "legal_dong_code": code,
        "name_ko": "동",
        "name_en": "dong",
        "area_tenth_m2": 10,
        "base_krw_per_m2": BASE,
        "rate_region": region,
    }


class FactDesk:
    """Zone "city" in region 29, zone "country" (a township) in region 46; round 1 is open."""

    def __init__(self, *, with_rates: bool = True) -> None:
        self.state = State(MemoryStore())
        self.handlers = {
            **rate_handlers(Book()),
            **correction_handlers(Book()),
            **event_handlers(Book()),
            **sale_handlers(Book()),
        }
        self.sent = 0
        self.time_ms = 1_000
        self.state.put(LAND_PARAMETERS, b"", LandParameters())
        write_zones(self.state, [zone_of("city", DONG, "29"), zone_of("country", TOWNSHIP, "46")])
        if with_rates:
            write_rates(self.state, {"first_month": FIRST_MONTH})
        self.rounds(1)

    def rounds(self, newest: int, closed: int = 0) -> None:
        self.state.put(
            rounds.SCHEDULE, b"", replace(rounds.NO_SCHEDULE, newest=newest, closed=closed)
        )

    def accept(self, zone: int, price: int) -> None:
        value = zone_value(self.state, zone)
        self.state.put(ZONE_VALUES, key(zone), replace(value, accepted_krw_per_m2=price))

    def send(self, sender: Address, message: MessageType, *values: object) -> Context:
        """Run a message whose body takes the way over the wire; one that fails changes nothing."""
        self.sent += 1
        info = BlockInfo(7, 5, self.time_ms, ZERO_HASH, 0, 0, Participation(None))
        context = Context(self.state, info, sender, Hash(sha256(b"%d" % self.sent)))
        decoded = message.decode(message.encode(*values))
        self.state.begin()
        try:
            self.handlers[message](context, *decoded)
        except TransactionError:
            self.state.rollback()
            raise
        self.state.commit()
        return context

    def refused(self, sender: Address, message: MessageType, *values: object) -> TransactionError:
        """The refusal of a message, which left the state as it was."""
        before = dict(self.state.changes())
        with pytest.raises(TransactionError) as raised:
            self.send(sender, message, *values)
        assert dict(self.state.changes()) == before
        assert len(raised.value.reason.encode()) <= 256
        assert raised.value.code is not ErrorCode.OK
        return raised.value

    def rate(self, region: str, month: int, step: int) -> None:
        """Two reporters agree."""
        for reporter in REPORTERS[:2]:
            self.send(reporter, REPORT_RATE, region, month, step, DOCUMENT)
