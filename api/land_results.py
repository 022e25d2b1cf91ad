"""JSON results of land and issuance, as tokenomics.issuance.views makes them. See api.results."""

from typing import Annotated, Final, TypedDict

from api.results import AddressText, Amount, Form, Hash32

Krw = Annotated[str, Form("^-?(0|[1-9][0-9]*)$", "KRW, decimal")]


OUTCOMES: Final = "FINAL, NO_VALUE, STALE, DISPERSED, DISPUTED, VOID or PROVISIONAL"


class Zone(TypedDict):
    """A part of the town and what it is worth. Prices in KRW/m2."""

    zone: str
    legal_dong_code: Annotated[str, "법정동코드, ten digits"]
    name_ko: str
    name_en: str
    rate_region: Annotated[str, "whose official change rate (지가변동률) rolls the value"]
    parcel_root: Annotated[Hash32, "of the list of parcels; zero for none"]
    area_tenth_m2: Annotated[int, "in 0.1 m2"]
    base_krw_per_m2: Annotated[int, "price of round 0"]
    accepted_krw_per_m2: Annotated[int, "the basis of the clip"]
    counted_krw_per_m2: Annotated[int, "what the last closed round counted for this zone"]
    recent_krw_per_m2: Annotated[list[int], "accepted at each of the last four anchors"]
    certified_krw_per_m2: Annotated[int, "what only certified events let the price rise so far"]
    value_krw: Krw
    final_round: Annotated[int, "the last round that was FINAL here; 0: none yet"]
    last_round: Annotated[int, "the last closed round"]
    last_outcome: Annotated[str | None, OUTCOMES + "; null before the first close"]
    dispersion_ppm: Annotated[int | None, "coefficient of dispersion of its reports, millionths"]
    phase: Annotated[str | None, "of the newest appraisal; null before it begins, and without one"]


class Report(TypedDict):
    """One appraiser's report of a zone in a round."""

    appraiser: AddressText
    seat: Annotated[str, "PANEL, FURTHER or BLIND"]
    price_krw_per_m2: int
    valuation_date_ms: int
    method: str
    comparables: Annotated[int, "how many comparable sales it rests on"]
    document_hash: Hash32
    transaction: Annotated[Hash32, "that carried it"]


class Challenge(TypedDict):
    """A challenge of a zone's value."""

    challenger: AddressText
    chamber: str
    ground: str
    evidence_hash: Hash32
    transaction: Annotated[Hash32, "that carried it"]
    verdict: Annotated[str, "OPEN, WON, LOST or UNDECIDED"]
    blind_median_krw_per_m2: Annotated[int | None, "of the blind appraisers; null without any"]


class Round(TypedDict):
    """A zone's appraisal round; what is settled at the close is null until then."""

    zone: str
    round: int
    is_anchor: Annotated[bool, "an appraisal begins at its end"]
    opened_ms: int
    end_ms: Annotated[int, "nominal end"]
    deadline_ms: Annotated[int, "the town round closes at the latest here"]
    length_ms: int
    state: Annotated[str, "OPEN, or when closed " + OUTCOMES]
    phase: Annotated[str | None, "where its appraisal stands; null before it begins"]
    phase_deadline_ms: Annotated[int | None, "when the phase ends, of the last one when it ended"]
    reveal_ms: Annotated[
        int | None, "how long the phase after a committing one lasts, in which reports are revealed"
    ]
    panel: list[AddressText]
    further: Annotated[list[AddressText], "drawn for a re-appraisal"]
    blind: Annotated[list[AddressText], "drawn for a dispute"]
    missing: Annotated[list[AddressText], "who has not committed, or not revealed, in this phase"]
    closed_ms: int | None
    median_krw_per_m2: Annotated[int | None, "lower median"]
    dispersion_ppm: int | None
    limit_krw_per_m2: Annotated[int | None, "how high the accepted price could go"]
    accepted_krw_per_m2: int | None
    counted_krw_per_m2: int | None
    reports: list[Report]
    challenge: Challenge | None


class OpenZone(TypedDict):
    """Where a zone's appraisal stands in an open round."""

    zone: str
    phase: Annotated[str, "of the appraisal, as in docs/economy.md"]
    deadline_ms: Annotated[int, "of the phase"]
    panel: Annotated[list[AddressText], "in the order of seats, as the next two"]
    further: Annotated[list[AddressText], "drawn for a re-appraisal"]
    blind: Annotated[list[AddressText], "drawn for a dispute"]
    missing: Annotated[list[AddressText], "who has not committed, or not revealed, in this phase"]


class OpenRound(TypedDict):
    """A town round that has not closed."""

    round: int
    is_anchor: bool
    opened_ms: int
    end_ms: int
    deadline_ms: int
    length_ms: int
    zones: Annotated[list[OpenZone], "empty before the round's end, and without an anchor"]


class TownRound(TypedDict):
    """A closed town round."""

    round: int
    is_anchor: Annotated[bool, "every zone was appraised"]
    closed_ms: int
    land_index: int
    value_krw: Krw
    zones_final: int
    reports: Annotated[int, "how many were counted"]
    reports_hash: Hash32


class ListedRound(TownRound):
    """A closed town round and what issuance made of it; that is null where it has settled none."""

    recognition_open: Annotated[bool | None, "false while the ratio gate holds recognition back"]
    live_krw: Annotated[Krw | None, "L; null also in mode NET without official rates"]
    lasting_krw: Annotated[Krw | None, "S; null also before W anchors and between anchors"]
    recognised_krw: Annotated[Krw | None, "R"]
    entitlement: Annotated[Amount | None, "E"]
    ceiling: Amount | None
    cover: Amount | None
    minted: Annotated[Amount | None, "in this round"]
    issued: Annotated[Amount | None, "after the mint, with the genesis allocation"]
    burned: Annotated[Amount | None, "since genesis, up to this round"]
    outstanding: Annotated[Amount | None, "after the mint"]
    coverage_bps: Annotated[
        int | None, "cover over what was outstanding before the mint; null when nothing was"
    ]
    mode: Annotated[str | None, "GROSS or NET"]


class RegionUntil(TypedDict):
    """How far the official rates of a region have come."""

    region: Annotated[str, "00 is the nation"]
    official_until: Annotated[int | None, "yyyymm, without a gap; null before the first month"]


class LandIndex(TypedDict):
    """The town's land index now and at each closed round."""

    land_index: Annotated[int, "100000 is the base"]
    value_krw: Krw
    base_value_krw: Krw
    newest_round: int
    closed_rounds: int
    rounds_final: Annotated[int, "closed rounds with every zone FINAL"]
    open_rounds: list[OpenRound]
    rates: Annotated[list[RegionUntil], "empty on a chain that takes no official rates"]
    rounds: Annotated[list[TownRound], "the newest 256 closed ones"]


class IssuanceParameters(TypedDict):
    """Rules of issuance; each can loosen supply, so each is constitutional."""

    mode: Annotated[str, "GROSS or NET"]
    lambda_bps: int
    price_krw_per_token: int
    hard_cap: Amount
    window_anchors: Annotated[int, "W"]
    limit_bps: int
    limit_room_divisor: int
    limit_bound_bps: int


class SettledZone(TypedDict):
    """A zone's part in a derivation."""

    zone: str
    area_tenth_m2: int
    base_krw_per_m2: int
    outcome: str
    median_krw_per_m2: int
    accepted_krw_per_m2: int
    counted_krw_per_m2: int
    certified_krw_per_m2: Annotated[int, "what only certified events let the price rise so far"]


class Derivation(TypedDict):
    """Every input and result of one round's mint, in order of computation."""

    round: int
    parameters: Annotated[IssuanceParameters, "that were in force"]
    reports: int | None
    reports_hash: Hash32 | None
    zones: list[SettledZone]
    value_krw: Annotated[Krw, "V"]
    base_value_krw: Annotated[Krw, "V0"]
    costs_krw: Annotated[Krw, "C"]
    normal_growth_index: Annotated[
        str | None, "the nation's, 10^12 at the base date; null in mode GROSS and without N"
    ]
    normal_growth_krw: Annotated[Krw | None, "N; null while official rates are missing"]
    mode: Annotated[str, "GROSS or NET"]
    is_anchor: Annotated[bool, "a full appraisal; only these raise R"]
    live_krw: Annotated[Krw | None, "L; null without N in mode NET: nothing is minted then"]
    certified_rise_krw: Annotated[
        Krw | None, "Q: worth of what only certified events let zones rise"
    ]
    certified_krw: Annotated[Krw | None, "K"]
    window_live_krw: Annotated[list[Krw], "L of the last W anchors"]
    window_certified_krw: Annotated[list[Krw], "K of the last W anchors"]
    lasting_krw: Annotated[Krw | None, "S; null before W anchors"]
    certified_lasting_krw: Annotated[Krw | None, "the same of K"]
    recognition_open: Annotated[bool, "false while the ratio gate holds recognition back"]
    recognised_before_krw: Krw
    recognised_krw: Annotated[Krw, "R"]
    entitlement_before: Amount
    entitlement: Annotated[Amount, "E"]
    certified_recognised_before_krw: Krw
    certified_recognised_krw: Annotated[Krw, "Rc"]
    certified_entitlement_before: Amount
    certified_entitlement: Annotated[Amount, "Ec"]
    genesis_allocation: Annotated[Amount, "what accounts held at genesis"]
    ceiling: Amount
    issued_before: Amount
    room: Annotated[Amount, "ceiling - issued before"]
    certified_issued_before: Annotated[Amount, "taken from the room of certified events so far"]
    room_certified: Annotated[Amount, "its part that certified events opened"]
    cover: Amount
    burned_in_round: Annotated[Amount, "by reserve tranches that matured"]
    burned_in_all: Annotated[Amount, "since genesis, this round's included"]
    outstanding: Annotated[Amount, "before the mint"]
    coverage_bps: Annotated[int | None, "before the mint; null when nothing was outstanding"]
    town_scale: Annotated[Amount, "E0"]
    quarter_limit: Amount
    elapsed_ms: int
    length_ms: int
    limit: Amount
    paused: Annotated[bool, "governance had stopped minting"]
    minted: Amount
    certified_minted: Annotated[Amount, "taken from room_certified"]
    issued: Amount


class Issuance(TypedDict):
    """The supply, its ceiling, and how a settled round came to its mint."""

    round: Annotated[int, "the last settled round"]
    ceiling: Amount
    issued: Annotated[Amount, "with the genesis allocation"]
    minted: Annotated[Amount, "without it"]
    burned: Amount
    headroom: Annotated[Amount, "ceiling - issued"]
    genesis_allocation: Amount
    treasury_pool: AddressText
    parameters: Annotated[IssuanceParameters, "in force now"]
    derivation: Annotated[Derivation | None, "null before the first settled round"]
