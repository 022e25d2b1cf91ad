"""A zone's appraisal in a round: the row with its phase, and who is in its seats."""

from dataclasses import dataclass
from typing import Final

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.primitives import Address
from ledger.rows import key, table
from ledger.state import State
from tokenomics.oracle.phases import Phase, is_terminal
from tokenomics.oracle.rounds import Round, ended_rounds, find_round, schedule
from tokenomics.oracle.zones import Zone, find_zone

FURTHER_SEATS: Final = 2
BLIND_SEATS: Final = 3


@dataclass(frozen=True, slots=True)
class Appraisal:
    """began_ms and deadline_ms: of the phase, in block time; the last phase's when at an end.

    panel, further and blind: who was seated for the rounds of reports; committed and revealed
    count those of the newest seats. median: of panel and further reports, of the blind ones when
    they replaced it, 0 before; blind_median: theirs, 0 without. Prices in KRW/m2.
    """

    phase: Phase
    began_ms: int
    deadline_ms: int
    panel: tuple[Address, ...]
    further: tuple[Address, ...]
    blind: tuple[Address, ...]
    committed: int
    revealed: int
    median_krw_per_m2: int
    dispersion_ppm: int
    blind_median_krw_per_m2: int

    @property
    def seats(self) -> tuple[Address, ...]:
        """Who commits and reveals in this phase; empty in the others."""
        return {
            Phase.COMMIT: self.panel,
            Phase.REVEAL: self.panel,
            Phase.REAPPRAISE_COMMIT: self.further,
            Phase.REAPPRAISE_REVEAL: self.further,
            Phase.DISPUTE_COMMIT: self.blind,
            Phase.DISPUTE_REVEAL: self.blind,
        }.get(self.phase, ())

    @property
    def everybody(self) -> tuple[Address, ...]:
        """All who were seated so far."""
        return (*self.panel, *self.further, *self.blind)


APPRAISALS: Final = table("land", "appraisal", Appraisal)
"""Appraisal by round and number of the zone."""


def find_appraisal(state: State, round_number: int, zone_number: int) -> Appraisal | None:
    """The appraisal of a zone in a round, once it has begun."""
    return state.get(APPRAISALS, key(round_number, zone_number))


def appraisals_of(state: State, round_number: int) -> list[tuple[int, Appraisal]]:
    """(zone number, appraisal) of a round, by zone; empty before its end and without an anchor.

    By key, which rows in the cache answer: every block looks several times.
    """
    found: list[tuple[int, Appraisal]] = []
    # All zones' appraisals begin in one block, so there is no gap between their numbers.
    while row := find_appraisal(state, round_number, len(found)):
        found.append((len(found), row))
    return found


def running(state: State) -> list[tuple[Round, int, Appraisal]]:
    """(round, zone number, appraisal) of every appraisal that is not at an end, in order."""
    return [
        (row, number, appraisal)
        for row in ended_rounds(state)
        for number, appraisal in appraisals_of(state, row.number)
        if not is_terminal(appraisal.phase)
    ]


def appraisal_for_message(
    state: State, zone_id: str, round_number: int, phases: tuple[Phase, ...]
) -> tuple[int, Zone, Round, Appraisal]:
    """Zone number, zone, round and appraisal that a message names.

    TransactionError NOT_FOUND for an unknown zone, NOT_NOW when its appraisal is in none of
    `phases`.
    """
    found = find_zone(state, zone_id)
    if found is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no zone {zone_id!r}")
    now, row = schedule(state), find_round(state, round_number)
    if row is None or round_number > now.newest:
        raise _not_now(f"round {round_number} has not opened: the newest round is {now.newest}")
    if not row.is_anchor:
        raise _not_now(f"round {round_number} is no anchor: no zone is appraised in it")
    if round_number <= now.closed:
        raise _not_now(f"round {round_number} is closed: the oldest open one is {now.closed + 1}")
    appraisal = find_appraisal(state, round_number, found[0])
    if appraisal is None:
        raise _not_now(
            f"the appraisal of round {round_number} begins when it ends, at {row.end_ms} ms"
        )
    if appraisal.phase not in phases:
        expected = " or ".join(phase.name for phase in phases)
        raise _not_now(
            f"zone {zone_id} in round {round_number} is in phase {appraisal.phase.name}, "
            f"expected {expected}"
        )
    return (*found, row, appraisal)


def _not_now(reason: str) -> TransactionError:
    return TransactionError(ErrorCode.NOT_NOW, reason)


def require_seat(appraisal: Appraisal, sender: Address, zone_id: str, round_number: int) -> None:
    """TransactionError UNAUTHORISED for who has no seat in this phase."""
    if sender not in appraisal.seats:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} has no seat in phase {appraisal.phase.name} of zone "
            f"{zone_id} in round {round_number}",
        )
