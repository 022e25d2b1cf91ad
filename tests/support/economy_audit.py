"""The books of a whole town, kept a second time from its messages and naive references.

What each block's accepted messages and closed rounds must have done is worked out here, without the
modules: land by appraisal_reference, issuance by issuance_reference, pools and vesting by
pool_reference, rates, events and the ratio gate below. Then every account and every figure of a
closed round has to be the same, to the last unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger import accounts
from ledger.accounts import ACCOUNTS
from ledger.errors import ErrorCode
from ledger.executor import ExecutedBlock
from ledger.module import Event
from ledger.primitives import Address
from ledger.receipt import Receipt
from ledger.rows import key
from ledger.state import State
from ledger.transaction import Transaction
from tests.support import issuance_reference as issuance
from tests.support.appraisal_reference import QUARTER, Said, ZoneFacts, ZoneFigures, zone_history
from tests.support.economy_chain import (
    CERTIFIERS,
    GOVERNANCE,
    HOLDER,
    MINT_BRAKE,
    PEOPLE,
    REGION,
    REGISTRAR,
    World,
)
from tests.support.fact_reference import NATION, Rates, Sales, gate_is_open, month_number
from tests.support.pool_reference import Reference, Rules
from tokenomics.distribution.pools import POOL_ACCOUNTS, VESTING_ACCOUNT, Pool
from tokenomics.distribution.reserve import TRANCHES
from tokenomics.issuance.derivation import issuance_round
from tokenomics.oracle.rounds import opened_round, town_round
from tokenomics.oracle.zone_rounds import ZONE_ROUNDS

_ACCOUNTS: Mapping[str, Address] = {
    **{pool.label: POOL_ACCOUNTS[pool] for pool in Pool},
    "vesting": VESTING_ACCOUNT,
}
_NUMBERS = {account: name for name, account in _ACCOUNTS.items()}


def named(account: Address) -> str | int:
    """As the reference of pools names an account."""
    return PEOPLE.get(account, _NUMBERS.get(account, account.hex()))


def numbered(account: Address) -> int:
    """As a person's number; nobody's for other accounts."""
    return PEOPLE.get(account, -1)


@dataclass
class Appraised:
    """What was said of a zone in a round, by seat."""

    said: dict[str, list[Said]] = field(
        default_factory=lambda: {"PANEL": [], "FURTHER": [], "BLIND": []}
    )
    challenged: bool = False
    void: bool = False


@dataclass
class Audit:
    world: World

    def __post_init__(self) -> None:
        world = self.world
        self.pools = Reference(
            Rules(
                decay=world.decay,
                floor=world.floor,
                idle=world.idle,
                cliff=world.cliff,
                vesting=world.vesting,
                reserve_rounds=world.reserve_rounds,
                cap_bps=world.cap_bps,
                cap_multiple=world.cap_multiple,
                limit=world.limit,
            )
        )
        self.pools.move(None, named(HOLDER), world.allocation)
        self.rules = issuance.Rules(
            net=world.net,
            window=world.window,
            lambda_bps=world.lambda_bps,
            price_per_token=world.price_per_token,
            hard_cap=world.hard_cap,
        )
        self.rates = Rates()
        self.appraised: dict[tuple[int, int], Appraised] = {}
        self.zone_facts: list[list[ZoneFacts]] = [[] for _ in world.zones]
        self.zone_figures: list[ZoneFigures] = [ZoneFigures() for _ in world.zones]
        self.facts: list[issuance.Facts] = []
        self.figures = issuance.Figures()
        self.land_events: list[tuple[int, int, int, int]] = []  # zone, limit, cost, from round
        self.sales: Sales = {}
        self.nonces: dict[Address, int] = {}
        self.newest = self.last_close_ms = 0
        self.paused = False
        self.did: dict[str, int] = {}
        self.claimed: dict[int, int] = {}
        self.released: dict[int, int] = {}

    # A block

    def check(self, executed: ExecutedBlock) -> None:
        """Follow a block that was executed, and compare."""
        # A round opens before the block's messages, and closes after them.
        for event in executed.hook_events:
            if event.name == "land.round_opened":
                self.newest += 1
                if self.newest == 1:
                    self.last_close_ms = executed.info.time_ms
        for transaction, receipt in zip(executed.included, executed.receipts, strict=True):
            self._follow(transaction, receipt)
        state = executed.state
        for event in executed.hook_events:
            values = dict(event.values)
            if event.name in ("land.appraisal_begun", "land.phase_ended"):
                if "VOID" in (values["phase"], values.get("next_phase")):
                    self._appraised(values).void = True
            elif event.name == "land.town_round_closed":
                self._close(state, int(values["round"]), executed)
        self._compare_accounts(state)

    def count(self, name: str) -> None:
        self.did[name] = self.did.get(name, 0) + 1

    def _appraised(self, values: Mapping[str, Any]) -> Appraised:
        at = (int(values["round"]), int(values["zone"][1:]))
        return self.appraised.setdefault(at, Appraised())

    # Messages

    def _follow(self, transaction: Transaction, receipt: Receipt) -> None:
        sender, name = transaction.sender, transaction.type
        self.nonces[sender] = self.nonces.get(sender, 0) + 1
        expected = self._pool_message(sender, name, transaction.body)
        if expected is not None:
            found = (receipt.code.name, expected)
            assert found[0] == found[1], f"{name}: {found[0]}, expected {found[1]}"
        self.count(f"{name} {receipt.code.name}")
        if receipt.code is not ErrorCode.OK:
            assert not receipt.events
            assert receipt.reason
            return
        for event in receipt.events:
            self._follow_event(sender, event)

    def _pool_message(self, sender: Address, name: str, body: tuple[Any, ...]) -> str | None:
        """The code that a message on tokens or shares must have; None for other messages. Bodies
        are well formed, and pools, kinds and causes known, where this is asked."""
        books = self.pools
        verb = name.partition(".")[2] if name.startswith("distribution.") else name
        match verb:
            case "transfer.send":
                to, amount = Address(body[0]), int.from_bytes(body[1], "big")
                if books.balances.get(named(sender), 0) < amount:
                    return "INSUFFICIENT_FUNDS"
                books.move(named(sender), named(to), amount)
                return "OK"
            case "enrol":
                if sender != REGISTRAR:
                    return "UNAUTHORISED"
                return books.enrol(numbered(body[0]), body[1])
            case "certify":
                if sender not in CERTIFIERS:
                    return "UNAUTHORISED"
                place = CERTIFIERS.index(sender)
                return books.certify(place, numbered(body[0]), body[1], body[2])
            case "revoke":
                number, known = body[0], len(books.papers)
                place = CERTIFIERS.index(sender) if sender in CERTIFIERS else -1
                if sender == GOVERNANCE and 1 <= number <= known:
                    place = books.papers[number - 1].certifier
                return books.revoke(place, number)
            case "claim":
                return books.claim(numbered(sender), body[0])
            case "release":
                return books.release(numbered(sender))
            case "leave":
                if sender != REGISTRAR and (sender != body[0] or body[1] != "left"):
                    return "UNAUTHORISED"
                return books.leave(numbered(body[0]), body[1])
            case "dividend":
                if sender != GOVERNANCE:
                    return "UNAUTHORISED"
                return books.dividend(body[0], int.from_bytes(body[1], "big"))
        return None

    def _follow_event(self, sender: Address, event: Event) -> None:
        values: dict[str, Any] = dict(event.values)
        match event.name:
            case "land.revealed":
                said = (values["price_krw_per_m2"], values["valuation_date_ms"])
                self._appraised(values).said[values["seat"]].append(said)
            case "land.challenged":
                self._appraised(values).challenged = True
            case "land.rate_reported":
                self.rates.report(sender, values["region"], values["month"], values["index_step"])
            case "land.event_certified":
                zone = int(values["zone"][1:])
                limit = self.accepted(zone) * values["factor_bps"] // 10_000
                self.land_events.append((zone, limit, values["cost_krw"], self.newest))
            case "land.sale_registered":
                at = (month_number(values["sold_month"]), values["pnu"])
                self.sales[at] = (int(values["zone"][1:]), values["price_krw_per_m2"])
            case "land.sale_struck":
                del self.sales[month_number(values["sold_month"]), values["pnu"]]
            case "governance.role_granted" | "governance.role_revoked":
                if values["account"] == MINT_BRAKE:
                    self.paused = event.name.endswith("granted")
            case "issuance.parameter_changed":
                self._change(values["parameter"], values["after"])
            case "distribution.claimed":
                self._add(self.claimed, values)
            case "distribution.released":
                self._add(self.released, values)
            case "distribution.left":
                self._settle_grants(values)

    def _change(self, name: str, value: int) -> None:
        rules = {
            "net": self.rules.net,
            "window": self.rules.window,
            "lambda_bps": self.rules.lambda_bps,
            "price_per_token": self.rules.price_per_token,
            "hard_cap": self.rules.hard_cap,
        }
        ours = {"window_anchors": "window", "price_krw_per_token": "price_per_token"}
        if name == "mode":
            rules["net"] = value == 2
        else:
            rules[ours.get(name, name)] = value
        self.rules = issuance.Rules(**rules)  # type: ignore[arg-type]

    def _add(self, sums: dict[int, int], values: Mapping[str, Any]) -> None:
        number = numbered(values["person"])
        sums[number] = sums.get(number, 0) + values["amount"]

    def _settle_grants(self, values: Mapping[str, Any]) -> None:
        """12: what was ever granted is released, vested at the end, or returned."""
        number = numbered(values["person"])
        granted, released = (sums.pop(number, 0) for sums in (self.claimed, self.released))
        assert granted == released + values["vested"] + values["unvested"]

    # A round's close

    def accepted(self, zone: int) -> int:
        """A zone's accepted price as of the last closed round."""
        figures = self.zone_figures[zone].accepted
        return figures[-1] if figures else self.world.zones[zone][1]

    def _close(self, state: State, number: int, executed: ExecutedBlock) -> None:
        self.count("close")
        for zone in range(len(self.world.zones)):
            self._close_zone(state, number, zone)
        facts = self._town_facts(state, number, executed.info.time_ms)
        self.facts.append(facts)
        base_value = sum(area * base // 10 for area, base in self.world.zones)
        issued = self.figures.issued[-1] if self.figures.issued else self.world.allocation
        outstanding = max(0, issued - self.world.allocation - sum(self.figures.burned))
        figures = issuance.replay(base_value, self.world.allocation, self.facts)
        assert figures.issued[:-1] == self.figures.issued, "the past of issuance changed"
        self.figures = figures
        self._compare_issuance(state, number, facts)
        is_final = facts.anchor and facts.zones_final > 0 and figures.live[-1] is not None
        uncovered = max(0, outstanding - figures.cover[-1])
        burned = self.pools.close(figures.minted[-1], is_final, uncovered)
        assert burned == figures.burned[-1]
        self._compare_tranches(state)
        for name, times in (
            ("mint", figures.minted[-1]),
            ("burn", burned),
            ("certified mint", figures.certified_minted[-1]),
            ("gate closed", not facts.gate_open),
            ("paused close", facts.paused),
        ):
            if times:
                self.count(name)
        if len(figures.minted) > 1 and figures.live[-1] == 0 and figures.recognised[-1] > 0:
            self.count("crash after recognition")

    def _close_zone(self, state: State, number: int, zone: int) -> None:
        area_base = self.world.zones[zone]
        heard = self.appraised.pop((number, zone), Appraised())
        row = opened_round(state, number)

        def dated(said: list[Said]) -> tuple[Said, ...]:
            began = row.end_ms - row.length_ms
            return tuple(
                (price, (number - 1) * QUARTER
                 + min(max(0, at - began), row.length_ms) * QUARTER // row.length_ms)
                for price, at in said
            )  # fmt: skip

        limits = [
            limit
            for at, limit, _, since in self.land_events
            if at == zone and since <= number < since + 4
        ]
        self.zone_facts[zone].append(
            ZoneFacts(
                panel=dated(heard.said["PANEL"]),
                further=dated(heard.said["FURTHER"]),
                blind=dated(heard.said["BLIND"]),
                challenged=heard.challenged,
                rate=self.rates.factor(REGION, number),
                certified=max(limits, default=0),
                void=heard.void,
                units_checked=True,
            )
        )
        figures = zone_history(area_base[1], self.zone_facts[zone], every=self.world.every)
        self.zone_figures[zone] = figures
        found = state.get(ZONE_ROUNDS, key(number, zone))
        assert found is not None
        self.count(found.outcome.name)
        row_figures = (found.outcome.name, found.accepted_krw_per_m2, found.counted_krw_per_m2,
                       found.certified_krw_per_m2, found.reports)  # fmt: skip
        expected = (figures.outcome[-1], figures.accepted[-1], figures.counted[-1],
                    figures.certified[-1], figures.reports[-1])  # fmt: skip
        assert row_figures == expected, f"zone {zone} in round {number}"

    def _town_facts(self, state: State, number: int, time_ms: int) -> issuance.Facts:
        zones = list(zip(self.world.zones, self.zone_figures, strict=True))
        index = self.rates.index(NATION, 3 * number)
        growth = None
        if index is not None:
            growth = max(
                0, sum(a * b // 10 * (index - 10**12) // 10**12 for a, b in self.world.zones)
            )
        tranches = self.pools.tranches
        found = issuance.Facts(
            rules=self.rules,
            value=sum(area * zone.counted[-1] // 10 for (area, _), zone in zones),
            costs=sum(cost for _, _, cost, since in self.land_events if since <= number),
            certified_rise=sum(
                area * min(zone.certified[-1], max(0, zone.accepted[-1] - base)) // 10
                for (area, base), zone in zones
            ),
            growth=growth,
            anchor=number % self.world.every == 0,
            zones_final=sum(zone.outcome[-1] == "FINAL" for _, zone in zones),
            gate_open=self._gate_is_open(state, number),
            paused=self.paused,
            due=sum(amount for due, amount in tranches if due <= number),
            elapsed_ms=time_ms - self.last_close_ms,
            length_ms=opened_round(state, number).length_ms,
        )
        self.last_close_ms = time_ms
        return found

    def _gate_is_open(self, state: State, number: int) -> bool:
        """By the raw medians of the round, and accepted prices where there is none."""
        appraised = []
        for zone in range(len(self.world.zones)):
            row = state.get(ZONE_ROUNDS, key(number, zone))
            assert row is not None
            appraised.append(row.median_krw_per_m2 or row.accepted_krw_per_m2)
        return gate_is_open(self.sales, self.rates, number, appraised)

    def _compare_issuance(self, state: State, number: int, facts: issuance.Facts) -> None:
        row, town, figures = issuance_round(state, number), town_round(state, number), self.figures
        assert row is not None
        assert town is not None
        found = {
            "value": row.value_krw, "costs": row.costs_krw, "rise": town.certified_krw,
            "growth": town.normal_growth_krw, "open": row.recognition_open,
            "live": row.live_krw, "certified": row.certified_krw,
            "recognised": row.recognised_krw, "Rc": row.certified_recognised_krw,
            "entitlement": row.entitlement, "Ec": row.certified_entitlement,
            "ceiling": row.ceiling, "cover": row.cover, "burned": row.burned, "limit": row.limit,
            "outstanding": row.outstanding,
            "minted": row.minted, "certified minted": row.certified_minted, "issued": row.issued,
        }  # fmt: skip
        expected = {
            "value": facts.value, "costs": facts.costs, "rise": facts.certified_rise,
            "growth": facts.growth, "open": facts.gate_open,
            "live": figures.live[-1], "certified": figures.certified[-1],
            "recognised": figures.recognised[-1], "Rc": figures.certified_recognised[-1],
            "entitlement": figures.entitlement[-1], "Ec": figures.certified_entitlement[-1],
            "ceiling": figures.ceiling[-1], "cover": figures.cover[-1],
            "burned": figures.burned[-1], "limit": figures.limit[-1],
            "outstanding": max(
                0, figures.issued[-1] - figures.minted[-1] - self.world.allocation
                - sum(figures.burned)
            ),
            "minted": figures.minted[-1], "certified minted": figures.certified_minted[-1],
            "issued": figures.issued[-1],
        }  # fmt: skip
        assert found == expected, f"round {number}"

    def _compare_tranches(self, state: State) -> None:
        due: dict[int, int] = {}
        for number, amount in self.pools.tranches:
            due[number] = due.get(number, 0) + amount
        found = {int.from_bytes(at, "big"): row.amount for at, row in state.iterate(TRANCHES)}
        assert found == due

    # Accounts

    def _compare_accounts(self, state: State) -> None:
        """Every account, and no other; and 1: what exists is what was issued and not burned."""
        books = self.pools.balances
        found: dict[str | int, tuple[int, int]] = {}
        for address, row in state.iterate(ACCOUNTS):
            found[named(Address(address))] = (row.nonce, row.balance)
        nonces = {named(account): nonce for account, nonce in self.nonces.items()}
        names = {name for name, balance in books.items() if balance} | set(nonces)
        expected = {name: (nonces.get(name, 0), books.get(name, 0)) for name in names}
        assert found == expected
        issued = self.figures.issued[-1] if self.figures.issued else self.world.allocation
        assert accounts.supply(state) == issued - sum(self.figures.burned)
