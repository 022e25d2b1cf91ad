"""JSON results of the facts beside appraisals, as tokenomics makes them. See api.results."""

from typing import Annotated, TypedDict

from api.land_results import Krw
from api.results import AddressText, Form, Hash32

Index = Annotated[str, Form("^[1-9][0-9]*$", "index, 10^12 at the base date, decimal")]
Month = Annotated[int, "yyyymm"]


class RateReport(TypedDict):
    """What one organisation reported."""

    reporter: AddressText
    index_step: Annotated[int, "100000 + the rate in 0.001 %"]
    gazette_hash: Hash32
    transaction: Annotated[Hash32, "that carried it"]


class RateCorrection(TypedDict):
    """A vote that corrected what had become official."""

    index_step_before: int
    index_step_after: int
    gazette_hash: Annotated[Hash32, "of the gazette that carries the right rate"]
    time_ms: Annotated[int, "block time at which it was carried out"]
    content_hash: Annotated[Hash32, "of what the proposal carried"]


class RateMonth(TypedDict):
    """A region's official land-price change rate of a month."""

    month: Month
    index_step: Annotated[int | None, "100000 + the rate in 0.001 %; null until two reports agree"]
    index: Annotated[Index | None, "after the month; null until every month before is official"]
    reports: list[RateReport]
    corrections: Annotated[list[RateCorrection], "oldest first"]


class RegionRates(TypedDict):
    """A region's rates."""

    region: Annotated[str, "00 is the nation"]
    official_until: Annotated[int | None, "yyyymm, without a gap; null before the first month"]
    index: Annotated[Index, "at the end of that month"]
    months: Annotated[list[RateMonth], "the newest 240 official ones, in order"]
    waiting: Annotated[list[RateMonth], "later months with a report"]


class Rates(TypedDict):
    """Official land-price change rates (지가변동률)."""

    first_month: Annotated[int | None, "yyyymm of the chain's month 1; null: it takes no rates"]
    regions: Annotated[list[RegionRates], "empty for a region that the chain does not have"]


class ZoneEvent(TypedDict):
    """A certified land-use event of a zone. Prices in KRW/m2."""

    stage: Annotated[str, "site works, completion or change of use"]
    factor_bps: Annotated[int, "how far the accepted price may rise"]
    cost_krw: Annotated[Krw, "taken off the uplift"]
    accepted_krw_per_m2: Annotated[int, "when it was certified"]
    limit_krw_per_m2: Annotated[int, "accepted * factor_bps // 10000"]
    from_round: Annotated[int, "the first round in which it is in force"]
    last_round: Annotated[int, "the last one; the cost counts for good"]
    document_hash: Hash32
    transaction: Annotated[Hash32, "that certified it"]


class Sale(TypedDict):
    """A registered arm's-length sale."""

    zone: str
    pnu: Annotated[str, "필지고유번호, 19 digits"]
    sold_month: Month
    price_krw_per_m2: int
    document_hash: Hash32
    transaction: Annotated[Hash32, "that registered it"]


class StruckSale(Sale):
    """A sale that no study counts any more."""

    reason: str
    struck_by: Annotated[Hash32, "the transaction that struck it"]


class Sales(TypedDict):
    """The sales of which a round's ratio study is made."""

    round: int
    first_month: Annotated[int | None, "yyyymm; null on a chain without official rates"]
    last_month: int | None
    kept: Annotated[int, "sales on record, of all months, struck ones included"]
    sales: Annotated[list[Sale], "that the study counts, oldest first"]
    struck: Annotated[list[StruckSale], "of the same months"]


class RoleHolders(TypedDict):
    """Who holds a role now."""

    role: str
    holders: list[AddressText]


class Seated(TypedDict):
    """A seat in an appraisal that is not at its end."""

    round: int
    zone: str
    seat: Annotated[str, "PANEL, FURTHER or BLIND"]


class Appraiser(TypedDict):
    """An appraiser on the registry."""

    account: AddressText
    nominator: Annotated[str, "the chamber that nominated"]
    licence_hash: Annotated[Hash32, "of the licence document; zero for those whom genesis names"]
    valid_until_ms: Annotated[int | None, "when the licence expires; null: never"]
    suspended: bool
    outliers: Annotated[list[int], "rounds with a report far outside the others, of the last four"]
    panels: Annotated[list[str], "zones on whose panel of the running term the appraiser sits"]
    seats: list[Seated]


class Appraisers(TypedDict):
    """The registry of appraisers."""

    term: Annotated[int, "the running one, four rounds long"]
    appraisers: list[Appraiser]
