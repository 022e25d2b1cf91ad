"""What a played scenario came to, as lines of a table and as a chart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from ledger.primitives import UNIT
from node.cli.output import print_json, print_table, shown
from node.files.whole_files import replace_whole
from node.scenarios.figures import RoundFigures, outcome, round_figures
from node.scenarios.model import Scenario
from node.scenarios.offline import play_scenario, with_noise

_ROWS: Final = (
    ("land index (100000 = base)", "land_index", False),
    ("issued", "issued", True),
    ("burned by the reserve", "burned", True),
    ("outstanding", "outstanding", True),
    ("ceiling", "ceiling", True),
    ("live entitlement", "live_entitlement", True),
    ("naive ratchet would issue", "naive_issued", True),
    ("lowest coverage (bps)", "lowest_coverage_bps", False),
    ("raw index back at its start", "return_quarter", False),
    ("issued then", "issued_at_return", True),
    ("outstanding then", "outstanding_at_return", True),
)
"""Line of the table, its figure, and whether that is an amount of tokens."""


def outcome_rows(figures: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """(line, a cell for each outcome) of node.scenarios.figures.outcome."""
    return [
        (line, [_cell(found[name], is_amount) for found in figures])
        for line, name, is_amount in _ROWS
    ]


def _cell(value: object, is_amount: bool) -> str:
    return shown(int(value) // UNIT if is_amount and isinstance(value, str) else value)


def offline_rounds(scenario: Scenario, seed: int | None) -> list[RoundFigures]:
    """The same scenario through the pure rules, with noise when there is a seed."""
    played = scenario if seed is None else with_noise(scenario, seed)
    return round_figures(scenario, play_scenario(played))


def show_scenario(
    scenario: Scenario,
    rounds: Sequence[RoundFigures],
    offline: Sequence[RoundFigures],
    report: Mapping[str, Any],
    drawing: Path,
    as_json: bool,
) -> None:
    """What a chain made of a scenario, beside the offline playback.

    report: of node.localnet.summary, with which the JSON object begins.
    """
    played = {"chain": rounds, "offline": offline}
    figures = {label: outcome(found) for label, found in played.items() if found}
    if as_json:
        print_json(
            {
                **report,
                "scenario": scenario.name,
                "title": scenario.title,
                "assumption": scenario.assumption,
                "currency": scenario.currency,
                **figures.get("chain", {}),
                "offline": figures.get("offline"),
                "chart": str(drawing) if rounds else None,
                "rounds": [row.as_json() for row in rounds],
            }
        )
        return
    if scenario.assumption:
        click.echo(scenario.assumption)
    if figures:
        width = max(len(label) for label in figures) + 8
        print_table(
            f"{scenario.title}: {len(rounds)} quarters, whole tokens",
            ("", *(f"{label:>{width}}" for label in figures)),
            [
                (line, *(f"{cell:>{width}}" for cell in cells))
                for line, cells in outcome_rows(list(figures.values()))
            ],
        )
        click.echo(f"Drew {drawing}.")
    click.echo(f"Stopped at height {report['height']:,}; invariants {report['invariants']}.")


def draw(
    scenario: Scenario,
    rounds: Sequence[RoundFigures],
    file: Path,
    *,
    beside: Sequence[RoundFigures] | None = None,
    beside_label: str = "",
) -> None:
    """Write the rounds' chart; LocalError without matplotlib, or when it cannot be written."""
    from node.charts import chart

    drawn = chart(
        rounds,
        scenario.title,
        title_ko=scenario.title_ko,
        assumption=scenario.assumption,
        beside=beside,
        beside_label=beside_label,
    )
    replace_whole(file, drawn)
