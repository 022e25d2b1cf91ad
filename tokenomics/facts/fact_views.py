"""What others may read of the facts beside appraisals: plain maps of a state.

Official rates, certified events, registered sales, and who holds a role. KRW sums and indices are
decimal strings; prices per m2, months (yyyymm), index steps and ratios are ints.
"""

from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.state import State
from tokenomics.facts import months
from tokenomics.facts.land_events import events_of
from tokenomics.facts.rate_corrections import corrections_of
from tokenomics.facts.rates import (
    MAX_WAITING_MONTHS,
    index_at,
    months_in_order,
    official_rate,
    rate_regions,
    reports_of_month,
)
from tokenomics.facts.sales import (
    Sale,
    StruckSale,
    sales_between,
    sales_book,
    struck_sales,
    window_of,
)
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.zones import Zone, find_zone, zones
from tokenomics.ports import RoleBook
from tokenomics.roles import ROLES

View = dict[str, Any]

MAX_LISTED_MONTHS: Final = 240
"""Of each region, the newest."""


def official_rates(state: State, region: str | None = None) -> View:
    """Every region's rates and indices month by month, or one region's, and what waits for a second
    report.

    first_month is None on a chain that takes no official rates; there is none for an unknown
    region.
    """
    found = rate_regions(state)
    if found is None:
        return {"first_month": None, "regions": []}
    return {
        "first_month": found.first_month,
        "regions": [
            _region(state, found.first_month, name)
            for name in found.regions
            if region in (None, name)
        ],
    }


def official_until(state: State) -> list[View]:
    """The last month of each region up to which its rates are official without a gap (None before
    the first); empty on a chain that takes no official rates."""
    found = rate_regions(state)
    if found is None:
        return []
    return [
        {"region": region, "official_until": _until(state, found.first_month, region)}
        for region in found.regions
    ]


def zone_events(state: State, zone_id: str) -> list[View] | None:
    """The certified events of a zone, in the order of stages; None for an unknown zone."""
    found = find_zone(state, zone_id)
    if found is None:
        return None
    return [
        {
            "stage": stage,
            "factor_bps": row.factor_bps,
            "cost_krw": str(row.cost_krw),
            "accepted_krw_per_m2": row.accepted_krw_per_m2,
            "limit_krw_per_m2": row.limit_krw_per_m2,
            "from_round": row.from_round,
            "last_round": row.last_round,
            "document_hash": _hex(row.document_hash),
            "transaction": _hex(row.transaction),
        }
        for stage, row in events_of(state, found[0])
    ]


def registered_sales(state: State, round_number: int | None = None) -> View | None:
    """Sales that the study of a round counts (None: of the newest that opened), oldest first, and
    those that were struck from its months. Months are None on a chain without a calendar.

    None for a round that has not opened.
    """
    found, kept, newest = rate_regions(state), sales_book(state).kept, schedule(state).newest
    if round_number is not None and not 1 <= round_number <= newest:
        return None
    number = newest if round_number is None else round_number
    if found is None:
        empty: View = {"sales": [], "struck": []}
        return {"round": number, "first_month": None, "last_month": None, "kept": kept, **empty}
    first, last = window_of(found.first_month, number)
    town = zones(state)
    return {
        "round": number,
        "first_month": first,
        "last_month": last,
        "kept": kept,
        "sales": [
            _sale(town, month, pnu, sale) for month, pnu, sale in sales_between(state, first, last)
        ],
        "struck": [
            {
                **_sale(town, month, sale.pnu, sale),
                "reason": sale.reason,
                "struck_by": _hex(sale.struck_by),
            }
            for month, sale in struck_sales(state)
            if first <= month <= last
        ],
    }


def role_holders(state: State, roles: RoleBook, role: str) -> View:
    """Who holds a role now; nobody for a name that is no role."""
    return {
        "role": role,
        "holders": [checksum_address(account) for account in roles.holders(state, role)],
    }


def all_roles(state: State, roles: RoleBook, role: str | None = None) -> list[View]:
    """Who holds each role that this room knows, or the one that is named; empty for a name that is
    none of them."""
    return [role_holders(state, roles, name) for name in ROLES if role in (None, name)]


def _until(state: State, first_month: int, region: str) -> int | None:
    done = months_in_order(state, region)
    return months.month_at(first_month, done) if done else None


def _region(state: State, first_month: int, region: str) -> View:
    done = months_in_order(state, region)
    shown = range(max(1, done - MAX_LISTED_MONTHS + 1), done + 1)
    ahead = range(done + 1, done + 2 + MAX_WAITING_MONTHS)
    return {
        "region": region,
        "official_until": _until(state, first_month, region),
        "index": str(index_at(state, region, done)),
        "months": [_month(state, first_month, region, number) for number in shown],
        "waiting": [
            _month(state, first_month, region, number)
            for number in ahead
            if reports_of_month(state, region, number)
        ],
    }


def _month(state: State, first_month: int, region: str, number: int) -> View:
    """index_step is None until the rate is official, index until every month before is too."""
    official, index = official_rate(state, region, number), index_at(state, region, number)
    return {
        "month": months.month_at(first_month, number),
        "index_step": None if official is None else official.index_step,
        "index": None if index is None else str(index),
        "reports": [
            {
                "reporter": checksum_address(reporter),
                "index_step": report.index_step,
                "gazette_hash": _hex(report.gazette_hash),
                "transaction": _hex(report.transaction),
            }
            for reporter, report in reports_of_month(state, region, number)
        ],
        "corrections": [
            {
                "index_step_before": row.before,
                "index_step_after": row.after,
                "gazette_hash": _hex(row.gazette_hash),
                "time_ms": row.corrected_ms,
                "content_hash": _hex(row.cause),
            }
            for row in corrections_of(state, region, number)
        ],
    }


def _sale(town: tuple[Zone, ...], month: int, pnu: str, sale: Sale | StruckSale) -> View:
    return {
        "zone": town[sale.zone].id,
        "pnu": pnu,
        "sold_month": month,
        "price_krw_per_m2": sale.price_krw_per_m2,
        "document_hash": _hex(sale.document_hash),
        "transaction": _hex(sale.transaction),
    }


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
