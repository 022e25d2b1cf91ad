"""`poyong land zones`, `rounds`, `round`, `index`: what a node tells of land values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from api import calls, land_results
from ledger.errors import LocalError
from ledger.primitives import BPS
from node.cli.output import (
    SYMBOL,
    json_option,
    moment,
    print_fields,
    print_json,
    print_table,
    tokens,
)
from node.cli.rpc import ask, rpc_options, url_of

DEFAULT_COUNT: Final = 20
MAX_COUNT: Final = 256
"""That a node lists at once."""
_PPM_A_PERCENT: Final = 10_000


@click.command()
@rpc_options
@json_option
def zones(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the zones: what each is worth, and how its last round ended."""
    found = ask(url_of(rpc_url, home), calls.get_zones())
    if as_json:
        print_json(found)
        return
    print_table(
        f"{len(found)} zones, prices in KRW/m²",
        ("zone", "name", "area m²", "base", "accepted", "counted", "last", "outcome", "phase now"),
        [
            (
                row["zone"],
                row["name_ko"],
                area(row["area_tenth_m2"]),
                row["base_krw_per_m2"],
                row["accepted_krw_per_m2"],
                row["counted_krw_per_m2"],
                row["last_round"],
                row["last_outcome"],
                row["phase"],
            )
            for row in found
        ],
    )


@click.command()
@click.option("--first", type=click.IntRange(min=1), help="From this one on; else the newest.")
@click.option(
    "--count", type=click.IntRange(1, MAX_COUNT), default=DEFAULT_COUNT, show_default=True
)
@rpc_options
@json_option
def rounds(
    first: int | None, count: int, rpc_url: str | None, home: Path | None, as_json: bool
) -> None:
    """List closed town rounds and what issuance made of them."""
    url = url_of(rpc_url, home)
    if first is None:
        first = max(1, ask(url, calls.get_land_index())["closed_rounds"] - count + 1)
    found = ask(url, calls.list_rounds(first, count))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo(f"No round from number {first} on has closed.")
        return
    print_table(
        f"Rounds {found[0]['round']} to {found[-1]['round']}; L, S, R in KRW, tokens in {SYMBOL}",
        (
            "round", "index", "FINAL", "L", "S", "R", "ceiling", "mint", "issued", "burned",
            "coverage", "gate",
        ),
        [
            (
                row["round"],
                row["land_index"],
                row["zones_final"] if row["is_anchor"] else "no anchor",
                _krw(row["live_krw"]),
                _krw(row["lasting_krw"]),
                _krw(row["recognised_krw"]),
                _tokens(row["ceiling"]),
                _tokens(row["minted"]),
                _tokens(row["issued"]),
                _tokens(row["burned"]),
                ratio(row["coverage_bps"]),
                gate(row["recognition_open"]),
            )
            for row in found
        ],
    )  # fmt: skip


@click.command("round")
@click.argument("zone")
@click.argument("number", type=click.IntRange(min=1), required=False)
@rpc_options
@json_option
def round_command(
    zone: str, number: int | None, rpc_url: str | None, home: Path | None, as_json: bool
) -> None:
    """Show a round of ZONE, the newest or NUMBER: phase, who is missing, reports, challenge."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_round(zone, number))
    if found is None:
        raise LocalError(
            f"{url} knows no zone {zone!r:.60} or no such round of it: see poyong land zones and "
            "poyong land index"
        )
    if as_json:
        print_json(found)
    else:
        _show_round(found)


def _show_round(found: land_results.Round) -> None:
    dispersion = found["dispersion_ppm"]
    print_fields(
        {
            "zone": found["zone"],
            "round": f"{found['round']:,}" + ("" if found["is_anchor"] else ", no anchor"),
            "state": found["state"],
            "ends": moment(found["end_ms"]),
            "closes by": moment(found["deadline_ms"]),
            "phase": found["phase"] or "not begun: the round has to end first"
            if found["is_anchor"]
            else "none",
            "phase ends": None
            if found["phase_deadline_ms"] is None
            else moment(found["phase_deadline_ms"]),
            "closed": None if found["closed_ms"] is None else moment(found["closed_ms"]),
            "median KRW/m²": found["median_krw_per_m2"],
            "dispersion": None if dispersion is None else _percent(dispersion),
            "limit KRW/m²": found["limit_krw_per_m2"],
            "accepted KRW/m²": found["accepted_krw_per_m2"],
            "counted KRW/m²": found["counted_krw_per_m2"],
        }
    )
    reported = {row["appraiser"]: row for row in found["reports"]}
    seats = [
        *(("PANEL", who) for who in found["panel"]),
        *(("FURTHER", who) for who in found["further"]),
        *(("BLIND", who) for who in found["blind"]),
    ]
    if seats:
        print_table(
            f"{len(seats)} seats, {len(reported)} reports, {len(found['missing'])} missing",
            ("seat", "appraiser", "awaited", "KRW/m²", "valued", "method", "comparables"),
            [
                (seat, who, who in found["missing"], *_report(reported.get(who)))
                for seat, who in seats
            ],
        )
    challenge = found["challenge"]
    if challenge is not None:
        print_fields(
            {
                "challenged by": f"{challenge['challenger']} for {challenge['chamber']}",
                "ground": challenge["ground"],
                "evidence": challenge["evidence_hash"],
                "verdict": challenge["verdict"],
                "blind median": challenge["blind_median_krw_per_m2"],
            }
        )


def _report(row: land_results.Report | None) -> Sequence[object]:
    if row is None:
        return (None, None, None, None)
    return (
        row["price_krw_per_m2"],
        moment(row["valuation_date_ms"]),
        row["method"],
        row["comparables"],
    )


@click.command()
@rpc_options
@json_option
def index(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show the land index, the open rounds and what they wait for."""
    found = ask(url_of(rpc_url, home), calls.get_land_index())
    if as_json:
        print_json(found)
        return
    print_fields(
        {
            "land index": f"{found['land_index']:,} (100,000 is the base)",
            "value KRW": _krw(found["value_krw"]),
            "base value KRW": _krw(found["base_value_krw"]),
            "closed rounds": f"{found['closed_rounds']:,}, {found['rounds_final']:,} of them with "
            "every zone FINAL",
            "official rates": ", ".join(
                f"{row['region']} until {month(row['official_until'])}" for row in found["rates"]
            )
            or "this chain takes none",
        }
    )
    for row in found["open_rounds"]:
        if not row["zones"]:
            begins = "its appraisal begins then" if row["is_anchor"] else "no anchor"
            click.echo(f"Round {row['round']}, ends {moment(row['end_ms'])}: {begins}.")
            continue
        print_table(
            f"Round {row['round']}, closes by {moment(row['deadline_ms'])}",
            ("zone", "phase", "ends", "seats", "missing"),
            [
                (
                    zone["zone"],
                    zone["phase"],
                    moment(zone["deadline_ms"]),
                    len(zone["panel"]) + len(zone["further"]) + len(zone["blind"]),
                    len(zone["missing"]),
                )
                for zone in row["zones"]
            ],
        )


def area(tenth_m2: int) -> str:
    """Tenths of a square metre as m² with one decimal."""
    return f"{tenth_m2 // 10:,}.{tenth_m2 % 10}"


def month(yyyymm: int | None) -> str | None:
    """2012-01 for 201201."""
    return None if yyyymm is None else f"{yyyymm // 100}-{yyyymm % 100:02}"


def ratio(bps: int | None) -> str | None:
    """Basis points as a ratio."""
    return None if bps is None else f"{bps // BPS:,}.{bps % BPS:04}"


def gate(is_open: bool | None) -> str | None:
    """The ratio gate in a word."""
    return None if is_open is None else "open" if is_open else "closed"


def _percent(ppm: int) -> str:
    return f"{ppm // _PPM_A_PERCENT}.{ppm % _PPM_A_PERCENT:04} %"


def _krw(amount: str | None) -> str | None:
    return None if amount is None else f"{int(amount):,}"


def _tokens(units: str | None) -> str | None:
    return None if units is None else tokens(int(units))
