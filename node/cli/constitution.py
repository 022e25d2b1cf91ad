"""`poyong town scenario constitution`: played, told step by step, and summed up."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from ledger.errors import LocalError
from node import audit
from node.cli.output import print_json, print_table, shown
from node.constitution.record import STEPS, Seen
from node.constitution.run import LAND, QUARTER_DAYS, Outcome, play
from node.localnet import creation, layout, summary
from node.localnet.charter import Calendar
from node.localnet.creation import Wish

NAME: Final = "constitution"
DEFAULT_DAY_MS: Final = Calendar().day_ms


def run(folder: Path, day_ms: int, base_port: int | None, as_json: bool) -> int:
    """Play it on a town of its own in `folder`; the exit code."""
    calendar = Calendar(day_ms=day_ms)
    wish = Wish(
        scenario=LAND,
        fresh=True,
        base_port=base_port,
        quarter_ms=QUARTER_DAYS * day_ms,
        calendar=calendar,
    )
    with layout.locked(folder):
        made = creation.prepare(folder, wish, _say)
        _say(f"Starting {len(made.nodes)} nodes; a day of the calendar lasts {day_ms} ms")
        outcome = asyncio.run(play(folder, made, calendar, _tell))
        examined = summary.examine(folder, outcome.town)
    for failure in outcome.failures:
        click.echo(f"poyong: {failure}", err=True)
    if missing := outcome.record.missing:
        named = f"{len(missing)} of {len(STEPS)} steps were not seen: {', '.join(missing)}"
        click.echo(f"poyong: {named}", err=True)
    if examined.invariants != audit.OK:
        click.echo(f"poyong: invariant broken: {examined.invariants}", err=True)
    for name in examined.held:
        click.echo(f"poyong: {name} runs on: its store was not examined", err=True)
    report = {
        **summary.report(outcome.town, examined.found, examined.invariants),
        "validators": outcome.validators,
        "scenario": NAME,
        "day_ms": day_ms,
        "steps": outcome.record.steps(),
        "missing": missing,
        "failures": outcome.failures,
    }
    if as_json:
        print_json(report)
    else:
        _show(outcome, report)
    whole = not outcome.failures and not missing
    return 0 if whole and examined.invariants == audit.OK and not examined.held else 1


def require_plain(options: Mapping[str, object]) -> None:
    """LocalError for options of the other scenarios, which mean nothing here."""
    given = [name for name, value in options.items() if value]
    if given:
        raise LocalError(
            f"{', '.join(given)}: the scenario {NAME} has four validators and one that joins, and "
            "a calendar in place of quarters: leave it out, or use --day-ms"
        )


def _say(what: str) -> None:
    click.echo(f"{what} ...", err=True)


def _tell(seen: Seen) -> None:
    click.echo(_line(seen), err=True)


def _line(seen: Seen) -> str:
    proposal = "" if seen.proposal is None else f"  proposal={seen.proposal}"
    tally = "" if seen.tally is None else f"  tally={_tally(seen.tally)}"
    return f"seen={seen.name}  height={seen.height}{proposal}{tally}  {seen.what}"


def _tally(tally: Mapping[str, Any]) -> str:
    return (
        f"{tally['consenting_weight']}/{tally['weight']},"
        f"{tally['persons_yes']}-{tally['persons_no']}"
    )


def _show(outcome: Outcome, report: Mapping[str, Any]) -> None:
    print_table(
        f"{NAME}: what was read back from the chain",
        ("step", "height", "proposal", "weight", "persons", "what it shows"),
        [
            (
                step["name"],
                step["height"] if step["seen"] else None,
                step["proposal"],
                "" if (tally := step["tally"]) is None else _share(tally),
                "" if tally is None else f"{tally['persons_yes']} : {tally['persons_no']}",
                step["shows"] if step["seen"] else f"NOT SEEN: {step['shows']}",
            )
            for step in outcome.record.steps()
        ],
    )
    click.echo(
        f"Stopped at height {report['height']:,}; validators {shown(report['validators'])}; "
        f"invariants {report['invariants']}."
    )


def _share(tally: Mapping[str, Any]) -> str:
    return f"{tally['consenting_weight']} of {tally['weight']}"
