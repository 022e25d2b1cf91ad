"""`poyong land import-parcels`: official land prices into zones and parcel roots."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from node.cli.import_screen import bytes_shown, import_options, say_findings
from node.cli.output import json_option, print_json, print_table
from node.importers import parcels
from node.importers.outcome import Findings
from node.importers.parcels import ZoneParcels

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("import-parcels")
@click.argument("file", type=_FILE)
@click.option("--zones", "zones_file", type=_FILE, required=True, help="Zones or genesis (JSON).")
@click.option("--areas", "areas_file", type=_FILE, help="CSV of 고유번호 and 면적 in m².")
@click.option("--year", type=click.IntRange(1900, 2200), help="Only rows of this 기준연도.")
@click.option("--out", type=_FILE, help="Write the genesis fragment there.")
@import_options
@json_option
def import_parcels_command(
    file: Path,
    zones_file: Path,
    areas_file: Path | None,
    year: int | None,
    out: Path | None,
    skip_bad: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read FILE, the official list of individual land prices (개별공시지가), into the zones.

    UTF-8 or CP949. Prints the zones with their parcel roots, for the section `land` of a genesis.
    Nothing counts when a row is wrong, unless --skip-bad is given.
    """
    zones = parcels.read_zones(zones_file)
    areas, area_findings = _areas(areas_file)
    with bytes_shown(file) as told:
        findings = parcels.import_parcels(file, zones, areas, year=year, told=told)
    both = [found for found in (area_findings, findings) if found is not None]
    if as_json:
        # Also when it fails afterwards: the summary names what has to be corrected.
        if any(found.bad and not skip_bad for found in both):
            print_json({"files": [found.as_json() for found in both], "zones": []})
    else:
        for found in both:
            say_findings(found)
    for found in both:
        found.require_good(skip_bad)
    fragment = parcels.fragment(zones)
    if out is not None and not dry_run:
        parcels.write_fragment(zones, out)
    if as_json:
        files = [found.as_json() for found in both]
        print_json({"files": files, "zones": _summary(zones), "fragment": fragment})
        return
    print_table(
        "Parcels by zone",
        ("zone", "parcels", "area 0.1 m²", "area unknown", "parcel root"),
        [
            (row["id"], row["parcels"], row["area_tenth_m2"], row["without_area"], row["root"])
            for row in _summary(zones)
        ],
    )
    if dry_run or out is None:
        click.echo("Nothing was written; --out FILE writes the zones for a genesis.", err=True)
    else:
        click.echo(f"{out}: {len(zones)} zones.", err=True)


def _areas(path: Path | None) -> tuple[dict[str, int], Findings | None]:
    if path is None:
        return {}, None
    findings = Findings(path)
    with bytes_shown(path) as told:
        return parcels.read_areas(path, findings, told), findings


def _summary(zones: Sequence[ZoneParcels]) -> list[dict[str, Any]]:
    return [
        {
            "id": zone.id,
            "parcels": len(zone.parcels),
            "area_tenth_m2": zone.area_tenth_m2,
            "without_area": zone.without_area,
            "root": "0x" + zone.root().hex(),
        }
        for zone in zones
    ]
