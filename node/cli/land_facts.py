"""`poyong land rates`, `events`, `sales`, `appraisers`: facts beside appraisals, the registry."""

from pathlib import Path
from typing import Final

import click

from api import calls, fact_results
from ledger.errors import LocalError
from node.cli.land_query import month, ratio
from node.cli.output import json_option, moment, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of

_SHOWN_MONTHS: Final = 12
"""Of each region in the table, the newest; --json has more."""
_INDEX_SCALE: Final = 10**12
_INDEX_BASE: Final = 100_000
_STEP_BASE: Final = 100_000
_STEPS_A_PERCENT: Final = 1_000


@click.command()
@click.option("--region", help="Only this one; 00 is the nation.")
@rpc_options
@json_option
def rates(region: str | None, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show official land-price change rates (지가변동률), and what waits for a second report."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_rates(region))
    if as_json:
        print_json(found)
        return
    if found["first_month"] is None:
        click.echo("This chain takes no official rates.")
        return
    if not found["regions"]:
        raise LocalError(f"the chain of {url} has no region {region!r:.60}: leave out --region")
    for row in found["regions"]:
        shown = [*row["months"][-_SHOWN_MONTHS:], *row["waiting"]]
        print_table(
            f"Region {row['region']}: index {_index(row['index'])}, official until "
            f"{month(row['official_until']) or 'no month yet'}",
            ("month", "rate %", "index", "reports", "official"),
            [
                (
                    month(item["month"]),
                    _rate(item),
                    None if item["index"] is None else _index(item["index"]),
                    len(item["reports"]),
                    item["index_step"] is not None,
                )
                for item in shown
            ],
        )


@click.command()
@click.argument("zone")
@rpc_options
@json_option
def events(zone: str, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the certified land-use events of ZONE."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_zone_events(zone))
    if found is None:
        raise LocalError(f"{url} knows no zone {zone!r:.60}: see poyong land zones")
    if as_json:
        print_json(found)
        return
    print_table(
        f"{len(found)} certified events of {zone}",
        ("stage", "factor", "accepted then", "limit KRW/m²", "cost KRW", "rounds", "document"),
        [
            (
                row["stage"],
                f"× {ratio(row['factor_bps'])}",
                row["accepted_krw_per_m2"],
                row["limit_krw_per_m2"],
                f"{int(row['cost_krw']):,}",
                f"{row['from_round']} to {row['last_round']}",
                row["document_hash"],
            )
            for row in found
        ],
    )


@click.command()
@click.option(
    "--round", "number", type=click.IntRange(min=1), help="Whose study; else the newest round's."
)
@rpc_options
@json_option
def sales(number: int | None, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the arm's-length sales that a round's ratio study counts, and those that were struck."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_sales(number))
    if found is None:
        raise LocalError(
            f"round {number} has not opened on the chain of {url}: name an earlier one"
        )
    if as_json:
        print_json(found)
        return
    if found["first_month"] is None:
        click.echo("This chain has no calendar of months, so that no sale is registered.")
        return
    window = f"{month(found['first_month'])} to {month(found['last_month'])}"
    print_table(
        f"{len(found['sales'])} sales of {window} count in round {found['round']}",
        ("sold", "zone", "parcel", "KRW/m²", "document"),
        [
            (
                month(row["sold_month"]),
                row["zone"],
                row["pnu"],
                row["price_krw_per_m2"],
                row["document_hash"],
            )
            for row in found["sales"]
        ],
    )
    if found["struck"]:
        print_table(
            f"{len(found['struck'])} struck",
            ("sold", "zone", "parcel", "KRW/m²", "reason"),
            [
                (
                    month(row["sold_month"]),
                    row["zone"],
                    row["pnu"],
                    row["price_krw_per_m2"],
                    row["reason"],
                )
                for row in found["struck"]
            ],
        )


@click.command()
@rpc_options
@json_option
def appraisers(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the registry of appraisers, and in which seats each is now."""
    found = ask(url_of(rpc_url, home), calls.get_appraisers())
    if as_json:
        print_json(found)
        return
    print_table(
        f"{len(found['appraisers'])} appraisers; panels of term {found['term']}",
        (
            "account",
            "nominated by",
            "licence until",
            "suspended",
            "outliers",
            "panels",
            "seats now",
        ),
        [
            (
                row["account"],
                row["nominator"],
                "without end" if row["valid_until_ms"] is None else moment(row["valid_until_ms"]),
                row["suspended"],
                ", ".join(str(number) for number in row["outliers"]) or None,
                len(row["panels"]),
                _seats(row) or None,
            )
            for row in found["appraisers"]
        ],
    )


def _seats(row: fact_results.Appraiser) -> str:
    """Zones by round and kind of seat."""
    found: dict[str, list[str]] = {}
    for seat in row["seats"]:
        found.setdefault(f"{seat['round']} {seat['seat']}", []).append(seat["zone"])
    return "; ".join(f"{place}: {', '.join(zones)}" for place, zones in found.items())


def _index(index: str) -> str:
    """As the land index is shown: 100,000 at the base date."""
    return f"{int(index) * _INDEX_BASE // _INDEX_SCALE:,}"


def _rate(row: fact_results.RateMonth) -> str:
    """The official rate, or what was reported so far."""
    if row["index_step"] is not None:
        return _percent(row["index_step"])
    return " or ".join(sorted({_percent(report["index_step"]) for report in row["reports"]}))


def _percent(step: int) -> str:
    """Exactly: steps are 0.001 %."""
    rate = step - _STEP_BASE
    whole, rest = divmod(abs(rate), _STEPS_A_PERCENT)
    return f"{'-' if rate < 0 else ''}{whole}.{rest:03}"
