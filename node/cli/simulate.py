"""`poyong issuance simulate`: a series under the parameters in force and under others."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import click

from api import calls
from ledger.errors import LocalError
from ledger.strict_json import nearest
from node.cli.outcomes import draw, outcome_rows
from node.cli.output import json_option, print_json, print_table, shown
from node.cli.rpc import ask, rpc_options, url_of
from node.importers.series import read_series
from node.opening import read_genesis
from node.scenarios.catalogue import scenario
from node.scenarios.figures import RoundFigures, outcome, round_figures
from node.scenarios.model import Scenario
from node.scenarios.offline import play_scenario
from tokenomics.facts.rates import NATION
from tokenomics.params import IssuanceParameters, Mode, parameters_from

SHORT_NAMES: Final = {"lambda": "lambda_bps", "window": "window_anchors"}
MAX_DIGITS: Final = 40
DEFAULT_SCENARIO: Final = "gwangju"
MODES: Final = [mode.name for mode in Mode]

_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class _Outcome:
    label: str
    parameters: IssuanceParameters
    rounds: list[RoundFigures]

    @property
    def figures(self) -> Mapping[str, Any]:
        return outcome(self.rounds)

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "parameters": _parameters_shown(self.parameters),
            **self.figures,
            "rounds": [row.as_json() for row in self.rounds],
        }


@click.command()
@click.option("--series", type=_FILE, help="CSV of monthly changes or quarterly prices.")
@click.option("--scenario", "name", help=f"A built-in series.  [default: {DEFAULT_SCENARIO}]")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a parameter.")
@click.option("--mode", type=click.Choice(MODES), help="Of both outcomes.")
@click.option("--genesis", "genesis_file", type=_FILE, help="Whose parameters are in force.")
@click.option("--chain", is_flag=True, help="Ask a node which parameters are in force.")
@click.option("--chart", "chart_file", type=_FILE, help="Draw the outcome to this SVG file.")
@rpc_options
@json_option
def simulate(
    series: Path | None,
    name: str | None,
    changes: tuple[str, ...],
    mode: str | None,
    genesis_file: Path | None,
    chain: bool,
    chart_file: Path | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Replay a land-price series under the parameters in force and under changed ones:

    poyong issuance simulate --scenario tokyo-bubble --set lambda=2000 --set window=12

    In force are those of --genesis or --chain, else the scenario's own or the defaults. Everybody
    reports the series exactly; 30 % of each mint waits in the reserve for five years.
    """
    if series is not None and name is not None:
        raise LocalError("say one of --series and --scenario")
    given = _in_force(genesis_file, chain, rpc_url, home)
    if series is not None:
        played = read_series(series, given or IssuanceParameters())
    else:
        played = scenario(name or DEFAULT_SCENARIO)
    before = given or played.parameters
    if mode is not None:
        before = replace(before, mode=Mode[mode])
    outcomes = [_play("in force", played, before)]
    if changes:
        outcomes.append(_play("changed", played, _changed(before, changes)))
    if chart_file is not None:
        beside = outcomes[0].rounds if len(outcomes) > 1 else None
        draw(played, outcomes[-1].rounds, chart_file, beside=beside, beside_label="now in force")
    if as_json:
        print_json(
            {
                "name": played.name,
                "title": played.title,
                "assumption": played.assumption,
                "currency": played.currency,
                "outcomes": [found.as_json() for found in outcomes],
            }
        )
        return
    _print(played, outcomes)
    if chart_file is not None:
        click.echo(f"Drew {chart_file}.")


def _in_force(
    genesis_file: Path | None, chain: bool, rpc_url: str | None, home: Path | None
) -> IssuanceParameters | None:
    """The parameters that genesis or a node names; None when neither is asked."""
    asks = chain or rpc_url is not None or home is not None
    if genesis_file is not None:
        if asks:
            raise LocalError("say one of --genesis and --chain")
        section = read_genesis(genesis_file).sections.get("issuance", {})
        if not section:
            raise LocalError(f"{genesis_file} has no section issuance: nothing is minted there")
        return parameters_from(section["parameters"], "issuance.parameters", IssuanceParameters)
    if asks:
        found = ask(url_of(rpc_url, home), calls.get_issuance())["parameters"]
        return parameters_from(dict(found), "issuance.parameters", IssuanceParameters)
    return None


def _changed(before: IssuanceParameters, changes: Sequence[str]) -> IssuanceParameters:
    """`before` with each NAME=VALUE; the bounds are those of IssuanceParameters."""
    known = {field.name for field in fields(IssuanceParameters)}
    values: dict[str, Any] = {}
    for change in changes:
        given, equals, text = change.partition("=")
        name = SHORT_NAMES.get(given, given)
        if not equals:
            raise LocalError(f"--set: expected NAME=VALUE, found {change!r:.60}")
        if name not in known:
            near = nearest(given, known | {*SHORT_NAMES})
            raise LocalError(f"--set: there is no parameter {given!r:.60}{near}")
        if name in values:
            raise LocalError(f"--set: {name} is set twice")
        values[name] = _value(name, text)
    return replace(before, **values)


def _value(name: str, text: str) -> int | Mode:
    if name == "mode":
        if text not in MODES:
            raise LocalError(f"--set mode: expected one of {MODES}, found {text!r:.60}")
        return Mode[text]
    plain = text.replace(",", "").replace("_", "")
    if not (plain.isascii() and plain.isdigit() and len(plain) <= MAX_DIGITS):
        raise LocalError(f"--set {name}: expected an integer, found {text!r:.60}")
    return int(plain)


def _play(label: str, played: Scenario, parameters: IssuanceParameters) -> _Outcome:
    if parameters.mode is Mode.NET and NATION not in played.rates:
        raise LocalError(
            f"mode NET needs the nation's rates, which {played.name} lacks: give a series with the "
            "columns month, region and nation, or say --mode GROSS"
        )
    return _Outcome(label, parameters, round_figures(played, play_scenario(played, parameters)))


def _print(played: Scenario, outcomes: Sequence[_Outcome]) -> None:
    if played.assumption:
        click.echo(played.assumption)
    named = [_parameters_shown(found.parameters) for found in outcomes]
    rows = [
        (name, [shown(values[name]) for values in named])
        for name in named[0]
        if len(named) == 1 or named[0][name] != named[1][name]
    ]
    rows += outcome_rows([found.figures for found in outcomes])
    width = max(len(cell) for _, cells in rows for cell in cells)
    print_table(
        f"{played.title}: {played.rounds} quarters, whole tokens",
        ("", *(f"{found.label:>{width}}" for found in outcomes)),
        [(line, *(f"{cell:>{width}}" for cell in cells)) for line, cells in rows],
    )


def _parameters_shown(parameters: IssuanceParameters) -> dict[str, Any]:
    values = asdict(parameters)
    return {**values, "mode": parameters.mode.name, "hard_cap": str(parameters.hard_cap)}
