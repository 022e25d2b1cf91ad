"""`poyong land import-rates` and `import-sales`: official tables into transactions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ledger.errors import LocalError
from node.cli.documents import document_digest
from node.cli.import_messages import Sending, draft_line, hand_over, sending_options
from node.cli.import_screen import bytes_shown, import_options, say_findings
from node.cli.output import json_option, print_json
from node.importers import messages, parcels
from node.importers.messages import Message
from node.importers.outcome import Findings
from node.importers.rates import import_rates
from node.importers.sales import import_sales

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("import-rates")
@click.argument("file", type=_FILE)
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="COLUMN=REGION",
    help="Only these columns, and the region of each; 00 is the nation.",
)
@click.option("--gazette", type=_FILE, required=True, help="The gazette; its SHA-256 is attached.")
@import_options
@sending_options
@json_option
def import_rates_command(
    file: Path,
    regions: tuple[str, ...],
    gazette: Path,
    skip_bad: bool,
    dry_run: bool,
    as_json: bool,
    **sending: Any,
) -> None:
    """Read FILE, monthly land-price change rates (지가변동률), into reports of the rate.

    The first column is the month, each further one a region; values are percent with up to three
    decimals. The sender has to hold the role RATE_REPORTER.
    """
    columns = dict(_region(text) for text in regions)
    if len(columns) != len(regions):
        raise LocalError("--region names a column twice: name each once")
    document_hash = document_digest(gazette)
    with bytes_shown(file) as told:
        rows, findings = import_rates(file, columns, told)
    found = messages.rate_messages(rows, document_hash)
    _finish(found, findings, Sending(**sending), skip_bad, dry_run, as_json)


@click.command("import-sales")
@click.argument("file", type=_FILE)
@click.option("--zones", "zones_file", type=_FILE, help="Zones or genesis, by legal dong (JSON).")
@click.option("--document", type=_FILE, required=True, help="The source; its SHA-256 is attached.")
@import_options
@sending_options
@json_option
def import_sales_command(
    file: Path,
    zones_file: Path | None,
    document: Path,
    skip_bad: bool,
    dry_run: bool,
    as_json: bool,
    **sending: Any,
) -> None:
    """Read FILE, registered arm's-length sales, into registrations of the ratio gate.

    Columns: 고유번호, 단가 (KRW/m²), 계약년월, and zone unless --zones is given. The sender has to
    hold the role SALES_REGISTRAR.
    """
    zones = [] if zones_file is None else parcels.read_zones(zones_file)
    document_hash = document_digest(document)
    with bytes_shown(file) as told:
        sales, findings = import_sales(file, zones, told)
    found = messages.sale_messages(sales, document_hash)
    _finish(found, findings, Sending(**sending), skip_bad, dry_run, as_json)


def _finish(
    found: Sequence[Message],
    findings: Findings,
    sending: Sending,
    skip_bad: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Say what was found, then hand the messages over unless rows are wrong."""
    summary: dict[str, Any] = {**findings.as_json(), "messages": len(found)}
    if not as_json:
        say_findings(findings)
    elif dry_run or (findings.bad and not skip_bad):
        print_json(summary)
    findings.require_good(skip_bad)
    if dry_run:
        click.echo(f"{len(found):,} messages would be made; nothing was.", err=True)
        return
    outcome = hand_over(found, sending)
    if as_json:
        print_json({**summary, **outcome})
    elif sending.signs:
        click.echo(f"{outcome['final']:,} of {len(found):,} messages took effect.")
    else:
        for draft in outcome["drafts"]:
            click.echo(draft_line(draft))
        click.echo(f"{len(found):,} unsigned drafts: sign each with poyong tx sign.", err=True)
    for failure in outcome["failed"]:
        click.echo(f"line {failure['line']}: {failure['reason']}", err=True)
    if outcome["failed"]:
        raise LocalError(
            f"{len(outcome['failed']):,} messages had no effect: correct their rows, and import "
            "those alone"
        )


def _region(text: str) -> tuple[str, str]:
    column, equals, region = text.rpartition("=")
    if not equals or not column or not region:
        raise LocalError(f"--region: expected COLUMN=REGION, found {text!r:.60}")
    return column, region
