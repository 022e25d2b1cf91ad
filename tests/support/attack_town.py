"""A town that is attacked: rounds with what panel, further and blind appraisers say of a zone."""

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.errors import ErrorCode
from ledger.module import BlockInfo
from ledger.primitives import Address
from tests.support.land_town import (
    DOCUMENT,
    Call,
    FixedPanels,
    LandTown,
    Prices,
    appraiser,
    land_section,
    zone_section,
)
from tokenomics.facts import months
from tokenomics.facts.rates import NATION, REPORT_RATE
from tokenomics.issuance.derivation import IssuanceRound, issuance_round
from tokenomics.oracle.challenges import CHALLENGE
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.uplift import RATE_SCALE
from tokenomics.oracle.valuation import lower_median, replaces
from tokenomics.oracle.zone_rounds import ZoneRound, zone_round
from tokenomics.oracle.zones import zone_value
from tokenomics.params import QUARTER_MS
from tokenomics.ports import Panels
from tokenomics.roles import AUTHORITY, CHAMBER_PUBLIC, RATE_REPORTER, SALES_REGISTRAR

TRUE = 1_000_000
"""KRW/m2: the base of every zone, and what land is worth unless a test says otherwise."""
AREA = 1_000_000
"""In 0.1 m2: a zone is worth 100 billion KRW at its base, which is 25 million tokens."""
CITY, GOVERNANCE, REGISTRAR = appraiser(41), appraiser(42), appraiser(43)
REPORTERS = (appraiser(44), appraiser(45))
FIRST_MONTH = 2012_01
CITY_REGION = "29"
"""By whose official rates the zones roll."""
HONEST = (TRUE,) * 5


class AttackedTown(LandTown):
    """Zones "a", "b", ...; invariants are checked whenever a town round has closed.

    steps: the index step of each month by region that both reporters report; for towns with rates.
    """

    def __init__(
        self,
        zones: int = 1,
        *,
        panels: Panels | None = None,
        rates: bool = False,
        issuance: Mapping[str, Any] | None = None,
        distribution: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        self.steps = dict.fromkeys((CITY_REGION, NATION), RATE_SCALE) if rates else {}
        self.ids = "abcdefgh"[:zones]
        section = land_section(*(zone_section(zone, AREA, TRUE) for zone in self.ids), **parameters)
        if rates:
            section["rates"] = {"first_month": FIRST_MONTH}
        super().__init__(
            section,
            {"parameters": issuance or {}},
            distribution=distribution,
            panels=panels or FixedPanels(),
        )
        self.book.roles = {
            AUTHORITY: {GOVERNANCE},
            CHAMBER_PUBLIC: {CITY},
            RATE_REPORTER: set(REPORTERS),
            SALES_REGISTRAR: {REGISTRAR},
        }
        self.block(5_000)

    def check(self, block: BlockInfo) -> None:
        if self.named("land.town_round_closed"):
            super().check(block)

    def send(self, *calls: Call) -> None:
        """A block with these messages, none of which may be refused."""
        assert set(self.soon(calls)) == {ErrorCode.OK}, self.refusals

    def challenge(self, number: int, zone: str = "a", sender: Address = CITY) -> Call:
        return sender, CHALLENGE, (zone, number, CHAMBER_PUBLIC, "method", DOCUMENT)

    def appraise(
        self,
        panel: Prices,
        further: Prices = HONEST,
        *,
        blind: Prices | None = None,
        in_vain: bool = False,
        zone: str = "a",
    ) -> ZoneRound:
        """A whole round of one zone; the others are appraised at TRUE. With blind reports the value
        is challenged, when they would replace it or `in_vain`."""
        number = self.begin_appraisal()
        self.commit_and_reveal(number, {**dict.fromkeys(self.ids, HONEST), zone: panel})
        if self.appraisal(zone, number).phase is Phase.REAPPRAISE_COMMIT:
            self.commit_and_reveal(number, {zone: further})
        row = self.appraisal(zone, number)
        said = [price for price in blind or () if price is not None]
        if row.phase is Phase.CHALLENGE and (
            in_vain or (said and replaces(lower_median(said), row.median_krw_per_m2))
        ):
            self.send(self.challenge(number, zone))
            self.idle_until(self.appraisal(zone, number).deadline_ms)
            self.commit_and_reveal(number, {zone: blind or ()})
        self.finish(number)
        return self.closed(number, zone)

    def begin_appraisal(self) -> int:
        number = super().begin_appraisal()
        if self.steps:
            self.send(*self.rate_calls(number, self.steps))
        return number

    def rate_calls(
        self, number: int, steps: Mapping[str, int], reporters: Sequence[Address] = REPORTERS
    ) -> list[Call]:
        """Reports of the three months of a round's quarter."""
        last = months.last_month(number)
        return [
            (who, REPORT_RATE, (region, months.month_at(FIRST_MONTH, month), step, DOCUMENT))
            for month in range(last - 2, last + 1)
            for region, step in steps.items()
            for who in reporters
        ]

    def honest(self, rounds: int, price: int = TRUE) -> None:
        """Rounds in which all say the same of every zone."""
        for _ in range(rounds):
            self.play(dict.fromkeys(self.ids, [price] * 5))

    def closed(self, number: int, zone: str = "a") -> ZoneRound:
        row = zone_round(self.state, number, self.ids.index(zone))
        assert row is not None
        return row

    def accepted(self, zone: str = "a") -> int:
        return zone_value(self.state, self.ids.index(zone)).accepted_krw_per_m2

    @property
    def derivation(self) -> IssuanceRound:
        """Of the last closed round."""
        row = issuance_round(self.state, schedule(self.state).closed)
        assert row is not None
        return row


def days(block_ms: int, length_ms: int = 1_000) -> str:
    """Block time of a town with short quarters, as days of a real one."""
    return f"{block_ms * QUARTER_MS // length_ms / 86_400_000:.0f} days"
