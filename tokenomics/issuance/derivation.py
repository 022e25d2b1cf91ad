"""The formula from a closed town round to its mint, and the rows that keep it (economy.md 2).

In two steps, between which reserve tranches mature: recognise() says what land has earned, settle()
what may be minted of it. Every round leaves an IssuanceRound with all inputs and results, so that
anyone can recompute it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.rows import Amount, key, present, table
from ledger.state import State
from tokenomics.issuance import ceiling as rules
from tokenomics.oracle import uplift
from tokenomics.oracle.rounds import TownRound
from tokenomics.params import IssuanceParameters, Mode

MAX_SCANNED_ROUNDS: Final = 512
"""How far back the window is looked for; with anchors once a year 64 of them are 256 rounds."""


@dataclass(frozen=True, slots=True)
class IssuanceState:
    """Running totals. Tokens in smallest units; KRW sums are uplifts.

    round: the last town round that was settled. recognised is R, entitlement E; certified_ is the
    part that certified events account for (Rc, Ec). issued counts the genesis allocation.
    """

    round: int
    recognised_krw: Amount
    entitlement: Amount
    certified_recognised_krw: Amount
    certified_entitlement: Amount
    genesis_allocation: Amount
    issued: Amount
    certified_issued: Amount


@dataclass(frozen=True, slots=True)
class Uplift:
    """What an anchor adds to the window, in KRW: L, and K, its part from certified events."""

    live_krw: int
    certified_krw: int


@dataclass(frozen=True, slots=True)
class Recognition:
    """The first half of a round's derivation; names as in IssuanceRound."""

    normal_growth_krw: int | None
    live_krw: int | None
    certified_krw: int | None
    lasting_krw: int | None
    certified_lasting_krw: int | None
    recognised_krw: int
    certified_recognised_krw: int
    entitlement: int
    certified_entitlement: int
    town_scale: int
    ceiling: int
    cover: int


@dataclass(frozen=True, slots=True)
class IssuanceRound:
    """The derivation of one round's mint, in order of computation (economy.md section 2 names).

    mode to limit_bound_bps: the parameters that were in force. V, V0, C, N, L, K, S (None before W
    anchors), R and their certified parts in KRW; the rest in smallest token units, where town_scale
    is E0, outstanding is before the mint and after `burned`, which reserve tranches gave back,
    burned_in_all counts since genesis, quarter_limit is the limit of a full quarter and limit that
    of the elapsed part, issued and certified_issued are after the mint. live_krw is None in mode
    NET without the official rates: then nothing is recognised or minted. paused: governance had
    stopped minting.
    """

    number: int
    mode: Mode
    lambda_bps: int
    price_krw_per_token: int
    hard_cap: Amount
    window_anchors: int
    limit_bps: int
    limit_room_divisor: int
    limit_bound_bps: int
    is_anchor: bool
    elapsed_ms: int
    length_ms: int
    value_krw: Amount
    base_value_krw: Amount
    costs_krw: Amount
    normal_growth_krw: Amount | None
    live_krw: Amount | None
    certified_krw: Amount | None
    recognition_open: bool
    lasting_krw: Amount | None
    certified_lasting_krw: Amount | None
    recognised_krw: Amount
    certified_recognised_krw: Amount
    entitlement: Amount
    certified_entitlement: Amount
    town_scale: Amount
    ceiling: Amount
    room: Amount
    room_certified: Amount
    cover: Amount
    burned: Amount
    burned_in_all: Amount
    outstanding: Amount
    quarter_limit: Amount
    limit: Amount
    paused: bool
    minted: Amount
    certified_minted: Amount
    issued: Amount
    certified_issued: Amount


TOTALS: Final = table("issuance", "totals", IssuanceState)
"""One row, at the empty key."""
ISSUANCE_ROUNDS: Final = table("issuance", "round", IssuanceRound)
"""IssuanceRound by the number of the town round."""


def opening_totals(genesis_allocation: int) -> IssuanceState:
    """Before the first round: what accounts hold at genesis counts as issued."""
    return IssuanceState(0, 0, 0, 0, 0, genesis_allocation, genesis_allocation, 0)


def has_issuance(state: State) -> bool:
    """False on a chain whose genesis has no issuance section: nothing is ever minted there."""
    return state.get(TOTALS, b"") is not None


def totals(state: State) -> IssuanceState:
    """The running totals; genesis wrote them."""
    return present(state.get(TOTALS, b""), "the totals of issuance")


def issuance_round(state: State, number: int) -> IssuanceRound | None:
    """The derivation of a settled round, or None."""
    return state.get(ISSUANCE_ROUNDS, key(number)) if 0 < number < 2**32 else None


def window(state: State, last: int, mode: Mode, anchors: int) -> list[Uplift]:
    """The last `anchors` anchors with a known L up to round `last`, oldest first; fewer when there
    are fewer since the mode changed."""
    found: list[Uplift] = []
    for number in range(last, max(0, last - MAX_SCANNED_ROUNDS), -1):
        row = issuance_round(state, number)
        if len(found) == anchors or row is None or row.mode is not mode:
            break
        if row.is_anchor and row.live_krw is not None:
            found.append(Uplift(row.live_krw, row.certified_krw or 0))
    return found[::-1]


def recognise(
    before: IssuanceState,
    town: TownRound,
    base_value_krw: int,
    earlier: Sequence[Uplift],
    parameters: IssuanceParameters,
) -> Recognition:
    """From a closed town round to R, E, ceiling and cover.

    earlier: the W - 1 anchors before it or more, the last one at least, as far as there are any
    in this mode. Only an anchor whose ratio gate is open raises R; a quarter between anchors may
    lower cover, never raise it above the last anchor's.
    """

    def worth(uplift_krw: int) -> int:
        return uplift.entitlement(uplift_krw, parameters.lambda_bps, parameters.price_krw_per_token)

    growth = 0 if parameters.mode is Mode.GROSS else town.normal_growth_krw
    live = certified = lasting = certified_lasting = None
    recognised, certified_recognised = before.recognised_krw, before.certified_recognised_krw
    cover_krw = 0
    if growth is not None:
        live = uplift.live_uplift_krw(town.value_krw, base_value_krw, town.costs_krw, growth)
        certified = uplift.certified_uplift_krw(live, town.certified_krw, town.costs_krw)
        cover_krw = live
        if town.is_anchor:
            anchors = [*earlier, Uplift(live, certified)]
            size = parameters.window_anchors
            lasting = uplift.lasting_uplift_krw([row.live_krw for row in anchors], size)
            certified_lasting = uplift.lasting_uplift_krw(
                [row.certified_krw for row in anchors], size
            )
        else:
            cover_krw = min(live, earlier[-1].live_krw) if earlier else 0
        if town.recognition_open:
            recognised = max(recognised, lasting or 0)
            certified_recognised = max(certified_recognised, certified_lasting or 0)
    entitlement = before.entitlement + worth(recognised - before.recognised_krw)
    return Recognition(
        normal_growth_krw=growth,
        live_krw=live,
        certified_krw=certified,
        lasting_krw=lasting,
        certified_lasting_krw=certified_lasting,
        recognised_krw=recognised,
        certified_recognised_krw=certified_recognised,
        entitlement=entitlement,
        certified_entitlement=before.certified_entitlement
        + worth(certified_recognised - before.certified_recognised_krw),
        town_scale=worth(base_value_krw),
        ceiling=rules.ceiling(parameters.hard_cap, before.genesis_allocation, entitlement),
        cover=worth(cover_krw),
    )


def settle(
    before: IssuanceState,
    town: TownRound,
    base_value_krw: int,
    found: Recognition,
    burned: int,
    burned_in_all: int,
    parameters: IssuanceParameters,
    *,
    paused: bool,
) -> IssuanceRound:
    """From recognition to the mint.

    burned: by this round's reserve tranches. burned_in_all: since genesis, these included.
    """
    room = found.ceiling - before.issued
    room_certified = max(0, min(found.certified_entitlement - before.certified_issued, room))
    outstanding = rules.outstanding(before.issued, before.genesis_allocation, burned_in_all)
    quarter_limit = rules.quarter_limit(found.town_scale, room_certified, room, parameters)
    limit = rules.prorated(quarter_limit, town.elapsed_ms, town.length_ms)
    minted = rules.mint_amount(room, found.cover, outstanding, limit)
    if paused or found.live_krw is None:
        minted = 0
    certified_minted = min(minted, room_certified)
    return IssuanceRound(
        number=town.number,
        mode=parameters.mode,
        lambda_bps=parameters.lambda_bps,
        price_krw_per_token=parameters.price_krw_per_token,
        hard_cap=parameters.hard_cap,
        window_anchors=parameters.window_anchors,
        limit_bps=parameters.limit_bps,
        limit_room_divisor=parameters.limit_room_divisor,
        limit_bound_bps=parameters.limit_bound_bps,
        is_anchor=town.is_anchor,
        elapsed_ms=town.elapsed_ms,
        length_ms=town.length_ms,
        value_krw=town.value_krw,
        base_value_krw=base_value_krw,
        costs_krw=town.costs_krw,
        normal_growth_krw=found.normal_growth_krw,
        live_krw=found.live_krw,
        certified_krw=found.certified_krw,
        recognition_open=town.recognition_open,
        lasting_krw=found.lasting_krw,
        certified_lasting_krw=found.certified_lasting_krw,
        recognised_krw=found.recognised_krw,
        certified_recognised_krw=found.certified_recognised_krw,
        entitlement=found.entitlement,
        certified_entitlement=found.certified_entitlement,
        town_scale=found.town_scale,
        ceiling=found.ceiling,
        room=room,
        room_certified=room_certified,
        cover=found.cover,
        burned=burned,
        burned_in_all=burned_in_all,
        outstanding=outstanding,
        quarter_limit=quarter_limit,
        limit=limit,
        paused=paused,
        minted=minted,
        certified_minted=certified_minted,
        issued=before.issued + minted,
        certified_issued=before.certified_issued + certified_minted,
    )


def totals_after(before: IssuanceState, row: IssuanceRound) -> IssuanceState:
    """The running totals once a round is settled."""
    return IssuanceState(
        round=row.number,
        recognised_krw=row.recognised_krw,
        entitlement=row.entitlement,
        certified_recognised_krw=row.certified_recognised_krw,
        certified_entitlement=row.certified_entitlement,
        genesis_allocation=before.genesis_allocation,
        issued=row.issued,
        certified_issued=row.certified_issued,
    )
