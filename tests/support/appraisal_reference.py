"""The land oracle written down naively (economy.md section 1): one zone's whole history at once.

Shares no code with tokenomics. Prices in KRW/m2, dates in calendar ms since round 1 began.
"""

from dataclasses import dataclass, field

DAY = 86_400_000
YEAR = 365 * DAY
QUARTER = YEAR // 4

Said = tuple[int, int]
"""(price, valuation date)"""


@dataclass(frozen=True)
class ZoneFacts:
    """What is said of a zone in a round: by the panel, by two further appraisers when they are
    asked, by three blind ones when there is a challenge; None said nothing. rate: (index after,
    index before). certified: limit of certified events, 0 for none. void: the round closed before
    the appraisal was at its end. units_checked: what is said was taken, so no unit is wrong."""

    panel: tuple[Said | None, ...]
    further: tuple[Said | None, ...] = ()
    challenged: bool = False
    blind: tuple[Said | None, ...] = ()
    rate: tuple[int, int] | None = None
    certified: int = 0
    void: bool = False
    units_checked: bool = False


@dataclass
class ZoneFigures:
    """By round."""

    outcome: list[str] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    certified: list[int] = field(default_factory=list)
    reports: list[int] = field(default_factory=list)


def taken(facts: ZoneFacts, said: tuple[Said | None, ...], recent: list[int]) -> list[Said]:
    """A report a decade away from every recently accepted price is refused."""
    return [
        one
        for one in said
        if one
        and (
            facts.units_checked or any(last < one[0] * 10 and one[0] < last * 10 for last in recent)
        )
    ]


def middle(prices: list[int]) -> int:
    return sorted(prices)[(len(prices) - 1) // 2]


def is_wide(lowest: int, highest: int) -> bool:
    return 100 * highest > 110 * lowest


def appraise(facts: ZoneFacts, recent: list[int], minimum: int) -> tuple[str, int, list[Said]]:
    """(outcome, m, all reports) of one appraisal."""
    panel = taken(facts, facts.panel, recent)
    if facts.void:
        return "VOID", 0, panel + taken(facts, (*facts.further, *facts.blind), recent)
    if len(panel) < minimum:
        return "NO_VALUE", 0, panel
    prices = sorted(price for price, _ in panel)
    reports = list(panel)
    if is_wide(prices[0], prices[-1]):
        further = taken(facts, facts.further, recent)
        reports += further
        prices = sorted(price for price, _ in reports)
        cut = (len(prices) - 1) // 3
        if len(further) < 2 or is_wide(prices[cut], prices[-1 - cut]):
            return "DISPERSED", middle(prices), reports
    m = middle(prices)
    if not facts.challenged:
        return "FINAL", m, reports
    blind = taken(facts, facts.blind, recent)
    reports += blind
    if len(blind) < 2:
        return "DISPUTED", m, reports
    other = middle([price for price, _ in blind])
    return "FINAL", other if abs(other - m) * 20 > m else m, reports


def zone_history(
    base: int,
    history: list[ZoneFacts],
    *,
    every: int = 1,
    minimum: int = 3,
    clip_bps: int = 800,
    stale: int = 550 * DAY,
) -> ZoneFigures:
    """Everything about a zone; `every`: rounds from anchor to anchor."""
    figures = ZoneFigures()
    accepted_at_anchors, counted_at_anchors = [base], [base]
    accepted = counted = base
    final = dated = cert = 0
    for number, facts in enumerate(history, start=1):
        moved = counted if facts.rate is None else counted * facts.rate[0] // facts.rate[1]
        is_stale = final > 0 and number * QUARTER - dated > stale
        outcome, m, reports = "PROVISIONAL", 0, list[Said]()
        if number % every == 0:
            outcome, m, reports = appraise(facts, accepted_at_anchors[-4:], minimum)
        if outcome == "FINAL":
            elapsed = min((number - final) * QUARTER, YEAR)
            clip = accepted * (10_000 + clip_bps * elapsed // YEAR) // 10_000
            usual = max([clip, *accepted_at_anchors[-4:]])
            accepted = counted = min(m, max(usual, facts.certified))
            cert += max(0, accepted - usual)
            final, dated = number, min(date for _, date in reports)
        elif outcome == "PROVISIONAL":
            counted = min(moved, base) if is_stale else moved
            outcome = "STALE" if is_stale else outcome
        else:
            counted = min(counted, moved, counted_at_anchors[-1])
            if outcome in ("DISPERSED", "DISPUTED"):
                counted = min(counted, m)
            elif is_stale:
                outcome = "STALE"
            counted = min(counted, base) if is_stale else counted
        if number % every == 0:
            accepted_at_anchors.append(accepted)
            counted_at_anchors.append(counted)
        figures.outcome.append(outcome)
        figures.accepted.append(accepted)
        figures.counted.append(counted)
        figures.certified.append(cert)
        figures.reports.append(len(reports))
    return figures
