"""What moves an appraisal from phase to phase: block time, and that nothing can change any more.

Every phase begins in the block that moves to it and has its whole length. What a phase's end finds
is on record as an event with its inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.module import Context
from ledger.primitives import Address, Hash
from ledger.rows import key
from tokenomics.oracle.appraisals import (
    APPRAISALS,
    BLIND_SEATS,
    FURTHER_SEATS,
    Appraisal,
    appraisals_of,
    running,
)
from tokenomics.oracle.challenges import Verdict, challenge_of, settle_challenge
from tokenomics.oracle.land_rules import parameters_of
from tokenomics.oracle.phases import (
    COMMITTING,
    REVEALING,
    Phase,
    Step,
    is_terminal,
    next_phase,
)
from tokenomics.oracle.reports import (
    Reports,
    Seat,
    has_committed,
    has_revealed,
    reports_of,
    statements_digest,
)
from tokenomics.oracle.rounds import Round
from tokenomics.oracle.valuation import (
    dispersion_ppm,
    is_outlier,
    lower_median,
    replaces,
    too_wide,
    trimmed_range,
)
from tokenomics.oracle.zones import Zone, zones
from tokenomics.params import LandParameters
from tokenomics.ports import Panels

MIN_BLIND_REPORTS: Final = 2
"""With fewer a dispute stays undecided."""


@dataclass(frozen=True, slots=True)
class Case:
    """One zone's appraisal in a round, with what its steps need."""

    context: Context
    panels: Panels
    parameters: LandParameters
    row: Round
    number: int
    zone: Zone
    appraisal: Appraisal

    @property
    def reports(self) -> Reports:
        """Reports of panel and further appraisers."""
        found = reports_of(self.context.state, self.row.number, self.number)
        return tuple((who, report) for who, report in found if report.seat is not Seat.BLIND)

    @property
    def prices(self) -> list[int]:
        """Prices of `reports`."""
        return [report.price_krw_per_m2 for _, report in self.reports]

    @property
    def blind_prices(self) -> list[int]:
        """Prices of the blind appraisers."""
        found = reports_of(self.context.state, self.row.number, self.number)
        return [report.price_krw_per_m2 for _, report in found if report.seat is Seat.BLIND]


def phase_length_ms(row: Round, phase: Phase, parameters: LandParameters) -> int:
    """How long a phase of the round lasts, in block time; 0 when it is an end."""
    calendar_ms = {
        Phase.COMMIT: parameters.commit_ms,
        Phase.REVEAL: parameters.reveal_ms,
        Phase.REAPPRAISE_COMMIT: parameters.reappraisal_ms // 2,
        Phase.REAPPRAISE_REVEAL: parameters.reappraisal_ms // 2,
        Phase.CHALLENGE: parameters.challenge_ms,
        Phase.DISPUTE_COMMIT: parameters.dispute_ms // 2,
        Phase.DISPUTE_REVEAL: parameters.dispute_ms // 2,
    }.get(phase)
    return 0 if calendar_ms is None else row.scaled(calendar_ms)


def begin(context: Context, panels: Panels, parameters: LandParameters, row: Round) -> None:
    """Begin the appraisal of every zone in a round that is an anchor and has just ended."""
    state, time_ms = context.state, context.block.time_ms
    for number, zone in enumerate(zones(state)):
        panel = panels.panel(context, number, row.number)
        phase = Phase.COMMIT if len(panel) >= parameters.min_reports else Phase.VOID
        deadline_ms = time_ms + phase_length_ms(row, phase, parameters)
        appraisal = Appraisal(phase, time_ms, deadline_ms, panel, (), (), 0, 0, 0, 0, 0)
        state.put(APPRAISALS, key(row.number, number), appraisal)
        context.emit(
            "land.appraisal_begun",
            zone=zone.id,
            round=row.number,
            phase=phase.name,
            deadline_ms=deadline_ms,
            panel=b"".join(panel),
            min_reports=parameters.min_reports,
        )


def move_due(context: Context, panels: Panels) -> None:
    """End every phase whose time is over."""
    for case in _cases(context, panels):
        if context.block.time_ms >= case.appraisal.deadline_ms:
            _end_phase(case)


def move_complete(context: Context, panels: Panels) -> None:
    """End every phase that cannot change any more: all have committed, or all who did revealed."""
    for case in _cases(context, panels):
        appraisal = case.appraisal
        if (appraisal.phase in COMMITTING and appraisal.committed == len(appraisal.seats)) or (
            appraisal.phase in REVEALING and appraisal.revealed == appraisal.committed
        ):
            _end_phase(case)


def lapse(context: Context, panels: Panels, parameters: LandParameters, row: Round) -> None:
    """End what is not at an end: the town round closes."""
    for number, appraisal in appraisals_of(context.state, row.number):
        if not is_terminal(appraisal.phase):
            zone = zones(context.state)[number]
            case = Case(context, panels, parameters, row, number, zone, appraisal)
            if challenge_of(context.state, row.number, number) is not None:
                settle_challenge(context, row.number, number, Verdict.UNDECIDED)
            _go(case, Step.LAPSED, appraisal)


def _cases(context: Context, panels: Panels) -> list[Case]:
    state = context.state
    found = running(state)
    if not found:
        return []
    town = zones(state)
    rules = {number: parameters_of(state, number) for number in {row.number for row, _, _ in found}}
    return [
        Case(context, panels, rules[row.number], row, number, town[number], appraisal)
        for row, number, appraisal in found
    ]


def _end_phase(case: Case) -> None:
    match case.appraisal.phase:
        case Phase.COMMIT | Phase.REAPPRAISE_COMMIT | Phase.DISPUTE_COMMIT:
            _go(case, Step.COMMITTED, case.appraisal)
        case Phase.REVEAL:
            _aggregate(case)
        case Phase.REAPPRAISE_REVEAL:
            _aggregate_again(case)
        case Phase.CHALLENGE:
            _end_challenge(case)
        case Phase.DISPUTE_REVEAL:
            _decide(case)


def _go(case: Case, step: Step, appraisal: Appraisal) -> None:
    """Take a step: `appraisal` is the row with what the phase's end found."""
    context, row = case.context, case.row
    before = case.appraisal.phase
    phase = next_phase(before, step)
    length_ms = phase_length_ms(row, phase, case.parameters)
    time_ms = context.block.time_ms
    moved = replace(appraisal, phase=phase, began_ms=time_ms, deadline_ms=time_ms + length_ms)
    context.state.put(APPRAISALS, key(row.number, case.number), moved)
    context.emit(
        "land.phase_ended",
        zone=case.zone.id,
        round=row.number,
        phase=before.name,
        committed=appraisal.committed,
        revealed=appraisal.revealed,
        reason=step.value,
        next_phase=phase.name,
        deadline_ms=moved.deadline_ms,
    )


def _aggregate(case: Case) -> None:
    """The panel's reports: too few, within 110 %, or wider."""
    _tell_withheld(case)
    prices = case.prices
    if len(prices) < case.parameters.min_reports:
        _go(case, Step.SCARCE, case.appraisal)
        return
    wide = too_wide(min(prices), max(prices))
    appraisal = _with_median(case, prices, min(prices), max(prices), wide)
    if not wide:
        _go(case, Step.AGREED, appraisal)
        return
    # By what the panel's commitments bind: a block's hash would let the last one to reveal wait for
    # a block in which the lot falls on friends.
    further = _draw(case, "reappraisal", statements_digest(case.reports), FURTHER_SEATS)
    _go(case, Step.WIDE, replace(appraisal, further=further, committed=0, revealed=0))


def _aggregate_again(case: Case) -> None:
    """All reports merged, trimmed, against the same 110 %.

    Outliers are noted here alone: where the first test is passed no report can be one.
    """
    _tell_withheld(case)
    prices = case.prices
    lowest, highest = trimmed_range(prices)
    for appraiser, report in case.reports:
        if is_outlier(report.price_krw_per_m2, lowest, highest):
            case.panels.note_outlier(case.context, appraiser, case.number, case.row.number)
    wide = too_wide(lowest, highest)
    appraisal = _with_median(case, prices, lowest, highest, wide)
    is_done = appraisal.revealed == FURTHER_SEATS
    _go(case, Step.NARROWED if is_done and not wide else Step.SCATTERED, appraisal)


def _with_median(
    case: Case, prices: Sequence[int], lowest: int, highest: int, wide: bool
) -> Appraisal:
    median = lower_median(prices)
    dispersion = dispersion_ppm(prices, median)
    case.context.emit(
        "land.aggregated",
        zone=case.zone.id,
        round=case.row.number,
        reports=len(prices),
        median_krw_per_m2=median,
        dispersion_ppm=dispersion,
        lowest_krw_per_m2=lowest,
        highest_krw_per_m2=highest,
        too_wide=int(wide),
    )
    return replace(case.appraisal, median_krw_per_m2=median, dispersion_ppm=dispersion)


def _end_challenge(case: Case) -> None:
    if challenge_of(case.context.state, case.row.number, case.number) is None:
        _go(case, Step.UNCHALLENGED, case.appraisal)
        return
    # By the block before, since the reports are known while one may still challenge.
    blind = _draw(case, "dispute", case.context.block.parent_hash, BLIND_SEATS)
    _go(case, Step.CHALLENGED, replace(case.appraisal, blind=blind, committed=0, revealed=0))


def _decide(case: Case) -> None:
    """Whether the blind reports replace the value that was challenged."""
    _tell_withheld(case)
    prices, median = case.blind_prices, case.appraisal.median_krw_per_m2
    is_decided = len(prices) >= MIN_BLIND_REPORTS
    blind_median = lower_median(prices) if prices else 0
    won = is_decided and replaces(blind_median, median)
    verdict = Verdict.WON if won else Verdict.LOST if is_decided else Verdict.UNDECIDED
    settle_challenge(case.context, case.row.number, case.number, verdict)
    case.context.emit(
        "land.challenge_settled",
        zone=case.zone.id,
        round=case.row.number,
        verdict=verdict.name,
        median_krw_per_m2=median,
        blind_reports=len(prices),
        blind_median_krw_per_m2=blind_median,
    )
    appraisal = replace(case.appraisal, blind_median_krw_per_m2=blind_median)
    if won:
        appraisal = replace(
            appraisal,
            median_krw_per_m2=blind_median,
            dispersion_ppm=dispersion_ppm(prices, blind_median),
        )
    _go(case, Step.DECIDED if is_decided else Step.UNDECIDED, appraisal)


def _draw(case: Case, purpose: str, mark: Hash, count: int) -> tuple[Address, ...]:
    drawn = case.panels.draw(
        case.context, case.number, case.row.number, purpose, mark, count, case.appraisal.everybody
    )
    case.context.emit(
        "land.appraisers_drawn",
        zone=case.zone.id,
        round=case.row.number,
        purpose=purpose,
        mark=mark,
        seats=count,
        members=b"".join(drawn),
    )
    return drawn


def _tell_withheld(case: Case) -> None:
    """Who committed to a report and kept it: it is left out, and on record."""
    state, at = case.context.state, (case.row.number, case.number)
    for appraiser in case.appraisal.seats:
        if has_committed(state, *at, appraiser) and not has_revealed(state, *at, appraiser):
            case.context.emit(
                "land.report_withheld",
                zone=case.zone.id,
                round=case.row.number,
                appraiser=appraiser,
            )
