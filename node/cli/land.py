"""`poyong land`: zones, rounds and facts; appraisers' messages; official tables."""

from typing import Final

import click

from node.cli.lazy import LazyCommand, LazyGroup

_COMMANDS: Final = {
    "zones": LazyCommand("node.cli.land_query:zones", "What each zone is worth."),
    "rounds": LazyCommand("node.cli.land_query:rounds", "Closed rounds, and what was minted."),
    "round": LazyCommand(
        "node.cli.land_query:round_command", "A zone's appraisal: phase, who is missing, reports."
    ),
    "index": LazyCommand("node.cli.land_query:index", "The land index and the open rounds."),
    "rates": LazyCommand("node.cli.land_facts:rates", "Official land-price change rates."),
    "events": LazyCommand("node.cli.land_facts:events", "Certified land-use events of a zone."),
    "sales": LazyCommand("node.cli.land_facts:sales", "Sales of the ratio gate."),
    "appraisers": LazyCommand(
        "node.cli.land_facts:appraisers", "The registry of appraisers and their seats."
    ),
    "commit": LazyCommand(
        "node.cli.land_appraisal:commit", "Appraisers: bind yourself to a report, unseen."
    ),
    "reveal": LazyCommand(
        "node.cli.land_appraisal:reveal", "Appraisers: open the report you committed to."
    ),
    "challenge": LazyCommand(
        "node.cli.land_appraisal:challenge", "Chambers: challenge a value that stands for it."
    ),
    "import-parcels": LazyCommand(
        "node.cli.land_parcels:import_parcels_command",
        "Official land prices (CSV) into zones and parcel roots of a genesis.",
    ),
    "import-rates": LazyCommand(
        "node.cli.land_reports:import_rates_command",
        "Monthly change rates (CSV) into reports of the rate.",
    ),
    "import-sales": LazyCommand(
        "node.cli.land_reports:import_sales_command",
        "Arm's-length sales (CSV) into the register of the ratio gate.",
    ),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def land() -> None:
    """Zones, rounds and facts of land; appraisers' reports; official tables."""
