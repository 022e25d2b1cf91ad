"""Registered invariants of land and issuance; the numbers are those of economy.md section 5.

Each reads the whole history of rounds: there are four a year. Those on the median (7 to 9) and on
replay (16) are properties of functions and are tested as such.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from ledger.crypto import sha256
from ledger.errors import ensure
from ledger.module import BlockInfo, Invariant
from ledger.rows import key, present
from ledger.state import State
from tokenomics.closing import ZONE_ROUNDS, Outcome, ZoneRound
from tokenomics.derivation import ISSUANCE_ROUNDS, IssuanceRound, has_issuance, totals
from tokenomics.params import issuance_parameters, land_parameters
from tokenomics.ports import Oracle, Token
from tokenomics.reports import reports_digest, reports_of
from tokenomics.rounds import TOWN_ROUNDS
from tokenomics.valuation import RETURN_ANCHORS, clip_limit
from tokenomics.zones import Zone, zones


def _zone_histories(state: State) -> Iterator[tuple[Zone, list[ZoneRound]]]:
    closed = sum(1 for _ in state.iterate(TOWN_ROUNDS))
    for number, zone in enumerate(zones(state)):
        yield (
            zone,
            [
                present(state.get(ZONE_ROUNDS, key(r, number)), f"round {r} of zone {zone.id}")
                for r in range(1, closed + 1)
            ],
        )


def _rises_within_the_clip(state: State, _: BlockInfo) -> None:
    """10: an accepted rise is at most the clip, or a return to the highest of four anchors."""
    for zone, history in _zone_histories(state):
        parameters = land_parameters(state)
        accepted = [zone.base_krw_per_m2]
        final_round = 0
        for number, row in enumerate(history, start=1):
            elapsed_ms = (number - final_round) * parameters.quarter_ms
            clip = clip_limit(accepted[-1], elapsed_ms, parameters.clip_bps_a_year)
            ensure(
                row.accepted_krw_per_m2 <= max(clip, *accepted[-RETURN_ANCHORS:]),
                f"round {number}: zone {zone.id} rose to {row.accepted_krw_per_m2} past the clip "
                f"{clip} and the highest of {accepted[-RETURN_ANCHORS:]}",
            )
            accepted.append(row.accepted_krw_per_m2)
            if row.outcome is Outcome.FINAL:
                final_round = number


def _only_final_zones_rise(state: State, _: BlockInfo) -> None:
    """6: a zone that is not FINAL never raises R: it counts at no more than it was accepted at."""
    for zone, history in _zone_histories(state):
        last = zone.base_krw_per_m2
        for number, row in enumerate(history, start=1):
            ensure(
                row.outcome is Outcome.FINAL
                or (row.accepted_krw_per_m2 == last and row.counted_krw_per_m2 <= last),
                f"round {number}: zone {zone.id} is {row.outcome.name} and counts at "
                f"{row.counted_krw_per_m2} after {last}",
            )
            last = row.accepted_krw_per_m2


def _values_name_their_reports(state: State, _: BlockInfo) -> None:
    """17, land's half: the digests on record are those of the stored reports, enough for FINAL."""
    histories = [history for _, history in _zone_histories(state)]
    for position, (_row_key, town) in enumerate(state.iterate(TOWN_ROUNDS)):
        minimum = land_parameters(state).min_reports
        settled = [history[position] for history in histories]
        for number, row in enumerate(settled):
            reports = reports_of(state, town.number, number)
            ensure(
                row.digest == reports_digest(reports)
                and (row.outcome is Outcome.FINAL) == (len(reports) >= minimum),
                f"round {town.number}: zone {number} does not match its {len(reports)} reports",
            )
        ensure(
            town.reports_hash == sha256(b"".join(row.digest for row in settled)),
            f"round {town.number}: reports_hash is not that of its zones",
        )


LAND_INVARIANTS: Final[Mapping[str, Invariant]] = {
    "rises_within_the_clip": _rises_within_the_clip,
    "only_final_zones_rise": _only_final_zones_rise,
    "values_name_their_reports": _values_name_their_reports,
}


def _history(state: State) -> list[IssuanceRound]:
    return [row for _, row in state.iterate(ISSUANCE_ROUNDS)]


def _within_the_ceiling(state: State, _: BlockInfo) -> None:
    """2: issued <= ceiling <= HARD_CAP."""
    now, hard_cap = totals(state), issuance_parameters(state).hard_cap
    ceiling = min(hard_cap, now.genesis_allocation + now.entitlement)
    ensure(now.issued <= ceiling, f"issued {now.issued} is above the ceiling {ceiling}")
    ensure(ceiling <= hard_cap, f"the ceiling {ceiling} is above the hard cap {hard_cap}")


def _recognition_never_falls(state: State, _: BlockInfo) -> None:
    """3: R and E never fall. 4: R is at most the highest L so far."""
    recognised = entitlement = highest_live = 0
    for row in _history(state):
        highest_live = max(highest_live, row.live_krw or 0)
        ensure(
            recognised <= row.recognised_krw <= highest_live,
            f"round {row.number}: R is {row.recognised_krw} after {recognised}, highest L "
            f"{highest_live}",
        )
        ensure(entitlement <= row.entitlement, f"round {row.number}: E fell from {entitlement}")
        ensure(
            row.certified_recognised_krw <= row.recognised_krw,
            f"round {row.number}: Rc {row.certified_recognised_krw} is above R "
            f"{row.recognised_krw}",
        )
        recognised, entitlement = row.recognised_krw, row.entitlement


def _mints_within_limit_and_cover(state: State, _: BlockInfo) -> None:
    """5: a mint is within its limit, within what live uplift covers, and within the room."""
    for row in _history(state):
        allowed = max(0, min(row.room, row.cover - row.outstanding, row.limit))
        ensure(row.minted <= allowed, f"round {row.number} minted {row.minted} of {allowed}")
        ensure(
            row.minted == 0 or (row.live_krw is not None and not row.paused),
            f"round {row.number} minted {row.minted} while it could or should not",
        )


def _only_rounds_mint(state: State, oracle: Oracle, token: Token) -> None:
    """18: `issued` is the genesis allocation and the mints of rounds, and bounds the supply.
    17: a mint names its town round, whose reports are on record."""
    now = totals(state)
    issued = now.genesis_allocation
    for row in _history(state):
        issued += row.minted
        town = present(oracle.town_round(state, row.number), f"town round {row.number}")
        ensure(row.issued == issued, f"round {row.number}: issued {row.issued}, expected {issued}")
        ensure(row.value_krw == town.value_krw, f"round {row.number}: V is not that of its reports")
    ensure(now.issued == issued, f"issued is {now.issued}, genesis and all mints give {issued}")
    supply = token.supply(state)
    ensure(supply <= issued, f"the supply is {supply}, only {issued} was ever issued")


def _base_stands(state: State, oracle: Oracle) -> None:
    """15: the base is immutable after the first mint."""
    base = oracle.base_value_krw(state)
    minted = 0
    for row in _history(state):
        minted += row.minted
        ensure(
            minted == 0 or row.base_value_krw == base,
            f"round {row.number}: the base value is {base} now and was {row.base_value_krw}",
        )


def issuance_invariants(oracle: Oracle, token: Token) -> Mapping[str, Invariant]:
    """Invariants of issuance, by name."""
    invariants: dict[str, Invariant] = {
        "issued_within_the_ceiling": _within_the_ceiling,
        "recognition_never_falls": _recognition_never_falls,
        "mints_within_limit_and_cover": _mints_within_limit_and_cover,
        "only_rounds_mint": lambda state, _: _only_rounds_mint(state, oracle, token),
        "base_stands": lambda state, _: _base_stands(state, oracle),
    }
    return {name: _where_issued(invariant) for name, invariant in invariants.items()}


def _where_issued(invariant: Invariant) -> Invariant:
    """The invariant, on chains that have issuance."""

    def check(state: State, block: BlockInfo) -> None:
        if has_issuance(state):
            invariant(state, block)

    return check
