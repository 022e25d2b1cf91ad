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
from tokenomics.issuance.derivation import ISSUANCE_ROUNDS, IssuanceRound, has_issuance, totals
from tokenomics.oracle.appraisals import appraisals_of
from tokenomics.oracle.land_rules import parameters_by_round
from tokenomics.oracle.reports import has_committed, reports_digest, reports_of
from tokenomics.oracle.rounds import TOWN_ROUNDS, TownRound, ended_rounds, opened_round
from tokenomics.oracle.valuation import RETURN_ANCHORS, clip_limit
from tokenomics.oracle.zone_rounds import ZONE_ROUNDS, Outcome, ZoneRound, enough_reports
from tokenomics.oracle.zones import Zone, zone_value, zones
from tokenomics.params import issuance_parameters
from tokenomics.ports import Oracle, Token


def _zone_histories(state: State) -> Iterator[tuple[int, Zone, list[tuple[TownRound, ZoneRound]]]]:
    closed = [row for _, row in state.iterate(TOWN_ROUNDS)]
    for number, zone in enumerate(zones(state)):
        history = []
        for town in closed:
            row = state.get(ZONE_ROUNDS, key(town.number, number))
            history.append((town, present(row, f"round {town.number} of zone {zone.id}")))
        yield number, zone, history


def _rises_within_the_clip(state: State, _: BlockInfo) -> None:
    """10: an accepted rise is at most the clip, or a return to the highest of four anchors; what
    is above both is on record as certified."""
    rules = parameters_by_round(state)
    for _number, zone, history in _zone_histories(state):
        accepted = [zone.base_krw_per_m2]
        final_round = certified = 0
        for town, row in history:
            parameters = rules[town.number]
            since_ms = opened_round(state, final_round).calendar_end_ms if final_round else 0
            elapsed_ms = opened_round(state, town.number).calendar_end_ms - since_ms
            clip = clip_limit(accepted[-1], elapsed_ms, parameters.clip_bps_a_year)
            usual = max(clip, *accepted[-RETURN_ANCHORS:])
            ensure(
                row.accepted_krw_per_m2 <= usual + row.certified_krw_per_m2 - certified,
                f"round {town.number}: zone {zone.id} rose to {row.accepted_krw_per_m2} past the "
                f"clip {clip} and the highest of {accepted[-RETURN_ANCHORS:]}, certified "
                f"{certified} before and {row.certified_krw_per_m2} now",
            )
            certified = row.certified_krw_per_m2
            if town.is_anchor:
                accepted.append(row.accepted_krw_per_m2)
            if row.outcome is Outcome.FINAL:
                final_round = town.number


def _only_final_zones_rise(state: State, _: BlockInfo) -> None:
    """6: a zone that is not FINAL never raises R: at an anchor it counts at no more than at the
    anchor before, and is accepted at no more than before at any time."""
    for _number, zone, history in _zone_histories(state):
        accepted = anchored = zone.base_krw_per_m2
        for town, row in history:
            ensure(
                row.outcome is Outcome.FINAL
                or (
                    row.accepted_krw_per_m2 <= accepted
                    and (row.counted_krw_per_m2 <= anchored or not town.is_anchor)
                ),
                f"round {town.number}: zone {zone.id} is {row.outcome.name}, accepted at "
                f"{row.accepted_krw_per_m2} after {accepted}, and counts at "
                f"{row.counted_krw_per_m2} after {anchored}",
            )
            accepted = row.accepted_krw_per_m2
            if town.is_anchor:
                anchored = row.counted_krw_per_m2


def _values_name_their_reports(state: State, _: BlockInfo) -> None:
    """17, land's half: the digests on record are those of the stored reports, and a FINAL value
    has enough of them."""
    histories, rules = list(_zone_histories(state)), parameters_by_round(state)
    for position, (_row_key, town) in enumerate(state.iterate(TOWN_ROUNDS)):
        digests, minimum = [], rules[town.number].min_reports
        for number, zone, history in histories:
            row = history[position][1]
            reports = reports_of(state, town.number, number)
            enough = enough_reports(reports, minimum)
            ensure(
                row.digest == reports_digest(reports)
                and (enough or row.outcome is not Outcome.FINAL)
                and not (enough and row.outcome is Outcome.NO_VALUE),
                f"round {town.number}: zone {zone.id} does not match its {len(reports)} reports",
            )
            digests.append(row.digest)
        ensure(
            town.reports_hash == sha256(b"".join(digests)),
            f"round {town.number}: reports_hash is not that of its zones",
        )


def _reports_keep_to_commitments(state: State, _: BlockInfo) -> None:
    """8 rests on it: in open rounds each report was committed to, by somebody with a seat, and the
    seats are distinct, so that one appraiser is heard once."""
    for row in ended_rounds(state):
        for number, appraisal in appraisals_of(state, row.number):
            seated = appraisal.everybody
            ensure(
                len(set(seated)) == len(seated),
                f"round {row.number}: zone {number} seats somebody twice",
            )
            for appraiser, _report in reports_of(state, row.number, number):
                ensure(
                    appraiser in seated and has_committed(state, row.number, number, appraiser),
                    f"round {row.number}: 0x{appraiser.hex()} reported on zone {number} without "
                    f"a seat or a commitment",
                )


def _unappraised_zones_stay_at_base(state: State, _: BlockInfo) -> None:
    """15, land's half: a zone that never was FINAL nor fell is held at its base."""
    for number, zone in enumerate(zones(state)):
        value = zone_value(state, number)
        ensure(
            value.final_round > 0 or value.accepted_krw_per_m2 <= zone.base_krw_per_m2,
            f"zone {zone.id} is held at {value.accepted_krw_per_m2} without a FINAL round, its "
            f"base is {zone.base_krw_per_m2}",
        )


LAND_INVARIANTS: Final[Mapping[str, Invariant]] = {
    "rises_within_the_clip": _rises_within_the_clip,
    "only_final_zones_rise": _only_final_zones_rise,
    "values_name_their_reports": _values_name_their_reports,
    "reports_keep_to_commitments": _reports_keep_to_commitments,
    "unappraised_zones_stay_at_base": _unappraised_zones_stay_at_base,
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
    """18: `issued` is the genesis allocation and the mints of rounds.
    1: what was burned of it stays burned, and the supply is no more than the rest.
    17: a mint names its town round, whose reports are on record."""
    now = totals(state)
    issued, burned = now.genesis_allocation, 0
    for row in _history(state):
        issued += row.minted
        ensure(
            row.burned_in_all >= burned + row.burned,
            f"round {row.number}: {row.burned_in_all} was burned in all, {burned} before it and "
            f"{row.burned} in it",
        )
        burned = row.burned_in_all
        town = present(oracle.town_round(state, row.number), f"town round {row.number}")
        ensure(row.issued == issued, f"round {row.number}: issued {row.issued}, expected {issued}")
        ensure(row.value_krw == town.value_krw, f"round {row.number}: V is not that of its reports")
    ensure(now.issued == issued, f"issued is {now.issued}, genesis and all mints give {issued}")
    supply = token.supply(state)
    ensure(
        supply <= issued - burned,
        f"the supply is {supply}, only {issued} was ever issued and {burned} of it burned",
    )


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
