"""The formula from a closed town round to its mint, and the rows that keep it (economy.md 2).

Every round leaves an IssuanceRound with all inputs and results, so that anyone can recompute it.
"""

from dataclasses import dataclass
from typing import Final

from ledger.state import State
from tokenomics import ceiling as rules
from tokenomics import uplift
from tokenomics.params import IssuanceParameters
from tokenomics.rounds import TownRound
from tokenomics.rows import Amount, key, present, table

NO_COSTS_KRW: Final = 0
"""C: development costs of certified land-use events, which come later."""


@dataclass(frozen=True, slots=True)
class IssuanceState:
    """Running totals. Tokens in smallest units; recognised (R) in KRW; entitlement is E.

    round: the last town round that was settled. issued counts the genesis allocation.
    """

    round: int
    recognised_krw: Amount
    entitlement: Amount
    genesis_allocation: Amount
    issued: Amount


@dataclass(frozen=True, slots=True)
class IssuanceRound:
    """The derivation of one round's mint, in order of computation (economy.md section 2 names).

    V, V0, N, C, L, S (None before W anchors), R in KRW; the rest in smallest token units, where
    town_scale is E0, cover and outstanding are before the mint, quarter_limit is the limit of a
    full quarter and limit that of the elapsed part.
    """

    number: int
    elapsed_ms: int
    length_ms: int
    value_krw: Amount
    base_value_krw: Amount
    normal_growth_krw: Amount
    costs_krw: Amount
    live_krw: Amount
    lasting_krw: Amount | None
    recognised_krw: Amount
    entitlement: Amount
    town_scale: Amount
    ceiling: Amount
    room: Amount
    cover: Amount
    outstanding: Amount
    quarter_limit: Amount
    limit: Amount
    minted: Amount
    issued: Amount


TOTALS: Final = table("issuance", "totals", IssuanceState)
"""One row, at the empty key."""
ISSUANCE_ROUNDS: Final = table("issuance", "round", IssuanceRound)
"""IssuanceRound by the number of the town round."""


def has_issuance(state: State) -> bool:
    """False on a chain whose genesis has no issuance section: nothing is ever minted there."""
    return state.get(TOTALS, b"") is not None


def totals(state: State) -> IssuanceState:
    """The running totals; genesis wrote them."""
    return present(state.get(TOTALS, b""), "the totals of issuance")


def issuance_round(state: State, number: int) -> IssuanceRound | None:
    """The derivation of a settled round, or None."""
    return state.get(ISSUANCE_ROUNDS, key(number)) if 0 < number < 2**32 else None


def live_history(state: State, last: int, anchors: int) -> list[int]:
    """L of up to `anchors` settled rounds that end with `last`, oldest first."""
    found = (
        issuance_round(state, number) for number in range(max(1, last - anchors + 1), last + 1)
    )
    return [row.live_krw for row in found if row is not None]


def derive(
    before: IssuanceState,
    town: TownRound,
    base_value_krw: int,
    normal_growth_krw: int,
    earlier_live_krw: list[int],
    burned: int,
    parameters: IssuanceParameters,
) -> IssuanceRound:
    """The whole formula of one round.

    normal_growth_krw: N, 0 in mode GROSS. earlier_live_krw: L of up to W - 1 rounds before it.
    """
    live = uplift.live_uplift_krw(town.value_krw, base_value_krw, NO_COSTS_KRW, normal_growth_krw)
    lasting = uplift.lasting_uplift_krw([*earlier_live_krw, live], parameters.window_anchors)
    recognised = max(before.recognised_krw, lasting or 0)

    def worth(uplift_krw: int) -> int:
        return uplift.entitlement(uplift_krw, parameters.lambda_bps, parameters.price_krw_per_token)

    entitlement = before.entitlement + worth(recognised - before.recognised_krw)
    town_scale = worth(base_value_krw)
    ceiling = rules.ceiling(parameters.hard_cap, before.genesis_allocation, entitlement)
    room = ceiling - before.issued
    cover = worth(live)
    outstanding = rules.outstanding(before.issued, before.genesis_allocation, burned)
    quarter_limit = rules.quarter_limit(town_scale, room, parameters)
    limit = rules.prorated(quarter_limit, town.elapsed_ms, town.length_ms)
    minted = rules.mint_amount(room, cover, outstanding, limit)
    return IssuanceRound(
        number=town.number,
        elapsed_ms=town.elapsed_ms,
        length_ms=town.length_ms,
        value_krw=town.value_krw,
        base_value_krw=base_value_krw,
        normal_growth_krw=normal_growth_krw,
        costs_krw=NO_COSTS_KRW,
        live_krw=live,
        lasting_krw=lasting,
        recognised_krw=recognised,
        entitlement=entitlement,
        town_scale=town_scale,
        ceiling=ceiling,
        room=room,
        cover=cover,
        outstanding=outstanding,
        quarter_limit=quarter_limit,
        limit=limit,
        minted=minted,
        issued=before.issued + minted,
    )
