"""The economy written down naively: unbounded integers, everything from the whole history.

Follows economy.md sections 1 and 2 line by line and shares no code with tokenomics. `replay`
recomputes each figure of a round from the lists of all rounds before it.
"""

from dataclasses import dataclass, field

TOKEN = 10**18
DAY = 86_400_000
YEAR = 365 * DAY


@dataclass(frozen=True)
class ReferenceRules:
    quarter_ms: int = YEAR // 4
    min_reports: int = 3
    clip_bps: int = 800
    stale_ms: int = 550 * DAY
    window: int = 9
    lambda_bps: int = 2_500
    price_per_token: int = 1_000
    hard_cap: int = 10**9 * TOKEN
    genesis: int = 0
    net: bool = False


@dataclass(frozen=True)
class ReferenceZone:
    area: int
    base: int


@dataclass(frozen=True)
class ReferenceRound:
    """reports: for each zone (price, calendar ms of its valuation date) of each report taken.

    elapsed_ms and length_ms: block time since the last close, and of a full round.
    nation_milli_percent: monthly rates of this quarter, for mode NET.
    """

    reports: tuple[tuple[tuple[int, int], ...], ...]
    elapsed_ms: int = 1
    length_ms: int = 1
    nation_milli_percent: tuple[int, ...] = ()


@dataclass
class ReferenceFigures:
    accepted: list[list[int]] = field(default_factory=list)
    counted: list[list[int]] = field(default_factory=list)
    value: list[int] = field(default_factory=list)
    live: list[int] = field(default_factory=list)
    lasting: list[int | None] = field(default_factory=list)
    recognised: list[int] = field(default_factory=list)
    entitlement: list[int] = field(default_factory=list)
    ceiling: list[int] = field(default_factory=list)
    cover: list[int] = field(default_factory=list)
    limit: list[int] = field(default_factory=list)
    minted: list[int] = field(default_factory=list)
    issued: list[int] = field(default_factory=list)


def is_taken(price: int, last: int) -> bool:
    """A report a decade away from the last accepted price is refused."""
    return last < price * 10 and price < last * 10


def zone_prices(
    zone: ReferenceZone, history: list[tuple[tuple[int, int], ...]], rules: ReferenceRules
) -> tuple[list[int], list[int]]:
    """(accepted, counted) price of a zone at each round, the base at position 0 of accepted."""
    accepted, counted = [zone.base], []
    final, dated = 0, 0
    for number, reports in enumerate(history, start=1):
        last = accepted[-1]
        taken = [(price, date) for price, date in reports if is_taken(price, last)]
        if len(taken) >= rules.min_reports:
            prices = sorted(price for price, _ in taken)
            median = prices[(len(prices) - 1) // 2]
            elapsed = min((number - final) * rules.quarter_ms, YEAR)
            clip = last * (10_000 + rules.clip_bps * elapsed // YEAR) // 10_000
            accepted.append(min(median, max([clip, *accepted[-4:]])))
            counted.append(accepted[-1])
            final, dated = number, min(date for _, date in taken)
        else:
            stale = final > 0 and number * rules.quarter_ms - dated > rules.stale_ms
            accepted.append(last)
            counted.append(min(last, zone.base) if stale else last)
    return accepted, counted


def replay(
    zones: list[ReferenceZone], rounds: list[ReferenceRound], rules: ReferenceRules
) -> ReferenceFigures:
    """All figures of all rounds."""

    def tokens(krw: int) -> int:
        return krw * rules.lambda_bps * TOKEN // (10_000 * rules.price_per_token)

    figures = ReferenceFigures()
    for position, zone in enumerate(zones):
        accepted, counted = zone_prices(zone, [r.reports[position] for r in rounds], rules)
        figures.accepted.append(accepted[1:])
        figures.counted.append(counted)
    base_value = sum(zone.area * zone.base // 10 for zone in zones)
    scale = tokens(base_value)
    index = 10**12
    for number, row in enumerate(rounds):
        for rate in row.nation_milli_percent:
            index = index * (100_000 + rate) // 100_000
        growth = sum(z.area * z.base // 10 * (index - 10**12) // 10**12 for z in zones)
        value = sum(zone.area * figures.counted[i][number] // 10 for i, zone in enumerate(zones))
        figures.value.append(value)
        figures.live.append(max(0, value - base_value - (max(0, growth) if rules.net else 0)))
        full = len(figures.live) >= rules.window
        figures.lasting.append(min(figures.live[-rules.window :]) if full else None)
        figures.recognised.append(max([0, *(s for s in figures.lasting if s is not None)]))
        steps = zip([0, *figures.recognised], figures.recognised, strict=False)
        figures.entitlement.append(sum(tokens(after - before) for before, after in steps))
        figures.ceiling.append(min(rules.hard_cap, rules.genesis + figures.entitlement[-1]))
        issued = rules.genesis + sum(figures.minted)
        room = figures.ceiling[-1] - issued
        figures.cover.append(tokens(figures.live[-1]))
        full_limit = min(scale * 500 // 10_000, max(scale * 80 // 10_000, room // 24))
        elapsed = min(row.elapsed_ms, row.length_ms)
        figures.limit.append(full_limit * elapsed // row.length_ms)
        outstanding = max(0, issued - rules.genesis)
        allowed = min(room, figures.cover[-1] - outstanding, figures.limit[-1])
        figures.minted.append(max(0, allowed))
        figures.issued.append(issued + figures.minted[-1])
    return figures
