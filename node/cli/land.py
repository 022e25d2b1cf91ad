"""`poyong land`: official tables into zones, rates and sales."""

from typing import Final

import click

from node.cli.lazy import LazyCommand, LazyGroup

_COMMANDS: Final = {
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
    """Official tables of land: parcels, change rates, sales."""
