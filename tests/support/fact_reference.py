"""Official rates and the ratio gate written down naively (economy.md section 1).

Shares no code with tokenomics: what two reporters said alike, and what every sale says of it.
"""

from dataclasses import dataclass, field
from math import comb

from ledger.primitives import Address
from tests.support.economy_chain import FIRST_MONTH, REGION

NATION = "00"
Sales = dict[tuple[int, str], tuple[int, int]]
"""(zone, price) by number of the month and parcel."""


def month_number(yyyymm: int) -> int:
    return (yyyymm // 100 - FIRST_MONTH // 100) * 12 + yyyymm % 100 - FIRST_MONTH % 100 + 1


@dataclass
class Rates:
    """What two of the reporters said alike, by region and number of the month."""

    said: dict[tuple[str, int], dict[Address, int]] = field(default_factory=dict)
    official: dict[tuple[str, int], int] = field(default_factory=dict)

    def report(self, reporter: Address, region: str, month: int, step: int) -> None:
        at = (region, month_number(month))
        reports = self.said.setdefault(at, {})
        assert at not in self.official, "a rate that stands was reported again"
        assert reporter not in reports, "a reporter was heard twice"
        reports[reporter] = step
        if list(reports.values()).count(step) == 2:
            self.official[at] = step

    def index(self, region: str, month: int) -> int | None:
        found = 10**12
        if month < 0:
            return None
        for number in range(1, month + 1):
            step = self.official.get((region, number))
            if step is None:
                return None
            found = found * step // 100_000
        return found

    def factor(self, region: str, number: int) -> tuple[int, int] | None:
        after, before = self.index(region, 3 * number), self.index(region, 3 * number - 3)
        return None if after is None or before is None else (after, before)


def gate_is_open(sales: Sales, rates: Rates, number: int, appraised: list[int]) -> bool:
    """The study of a round: sales of two years at its end's prices, zones at `appraised`."""
    ratios = []
    for (month, _), (zone, price) in sales.items():
        if 3 * number - 24 < month <= 3 * number:
            before, after = (rates.index(REGION, at) for at in (month, 3 * number))
            if before is not None and after is not None:
                ratios.append(appraised[zone] * 10**6 // max(1, price * after // before))
            else:
                ratios.append(appraised[zone] * 10**6 // price)
    ratios.sort()
    n = len(ratios)
    ranks = [j for j in range(1, n + 1) if 40 * sum(comb(n, i) for i in range(j)) <= 2**n]
    bound = ratios[ranks[-1] - 1] if ranks else 0
    return n < 10 or bound <= 1_100_000
