"""`python -m tests.drills`: run the drills one after the other, each with a new town.

Prints a table, and writes the same as JSON. Exit code 1 when something that has to hold did not.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ledger.errors import LocalError
from tests.drills.disks import NotHereError
from tests.drills.drills import DRILLS, FULL, SHORT, Drill, Scale
from tests.drills.town import drill_town

DEFAULT_RESULTS: Final = Path("build/drills.json")


def run_drill(drill: Drill, scale: Scale, *, packets: bool | None, keep: bool) -> dict[str, Any]:
    """One drill in a folder of its own, as a row of the results."""
    folder = Path(mkdtemp(prefix=f"poyong-drill-{drill.name}-"))
    row: dict[str, Any] = {"drill": drill.name, "fault": drill.title}
    began = time.monotonic()
    try:
        with drill_town(folder, packets=packets) as town:
            row["wires"] = town.wires.kind if town.wires else ""
            found = drill.run(town, scale)
            row |= asdict(found)
            row["receipts"] = town.conclude()
            town.assert_sound()
            row |= {"lost": 0, "outcome": "passed"}
    except NotHereError as error:
        row["outcome"] = f"not run here: {error}"
    except (AssertionError, LocalError, TimeoutError, OSError) as error:
        row["outcome"] = f"FAILED: {type(error).__name__}: {error}"
    finally:
        if keep or row.get("outcome", "").startswith("FAILED"):
            row["folder"] = str(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    row["took_s"] = time.monotonic() - began
    return row


def table(rows: list[dict[str, Any]]) -> Table:
    """What users saw, one drill a line."""
    shown = Table(title="Fault drills", caption=rows[0].get("wires") if rows else None)
    for name in (
        "fault", "lasted s", "errors", "longest gap s", "latency s: median, longest",
        "blocks again s", "whole again s", "receipts", "lost", "outcome",
    ):  # fmt: skip
        shown.add_column(name, justify="left" if name in ("fault", "outcome") else "right")
    for row in rows:
        seen = row.get("seen", {})
        shown.add_row(
            row["fault"],
            _figure(row.get("seconds")),
            f"{seen['errors']} of {seen['errors'] + seen['transfers']}" if seen else "",
            _figure(seen.get("longest_gap_s")),
            f"{_figure(seen.get('median_latency_s'))}, {_figure(seen.get('longest_latency_s'))}",
            _figure(row.get("blocks_again_s")),
            _figure(row.get("whole_again_s")),
            str(row.get("receipts", "")),
            str(row.get("lost", "")),
            row["outcome"].partition("\n")[0],
        )
    return shown


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def main() -> int:
    """0 when every drill that could run here passed."""
    options = _options()
    # As Ctrl-C: what was started is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = [drill for drill in DRILLS if not options.only or drill.name in options.only]
    scale = SHORT if options.short else FULL
    packets = False if options.proxies else None
    console = Console(width=None if sys.stdout.isatty() else 200)
    rows: list[dict[str, Any]] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=len(chosen))
        for drill in chosen:
            bar.update(task, description=drill.title)
            row = run_drill(drill, scale, packets=packets, keep=options.keep)
            rows.append(row)
            console.print(f"{drill.name}: {row['outcome']} ({row['took_s']:.0f} s)", markup=False)
            bar.advance(task)
    console.print(table(rows))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(f"Written to {options.json}")
    return 1 if any(row["outcome"].startswith("FAILED") for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.drills",
        description="A town of real processes, one thing that goes wrong, and what users saw.",
    )
    add = parser.add_argument
    names = [drill.name for drill in DRILLS]
    add("only", nargs="*", metavar="DRILL", help=f"of {', '.join(names)}; all by default")
    add("--short", action="store_true", help="faults of 4 s, a partition of 30 s")
    add("--proxies", action="store_true", help="TCP proxies also where namespaces are allowed")
    add("--keep", action="store_true", help="keep the folders of the towns")
    add("--json", type=Path, default=DEFAULT_RESULTS, help=f"results; {DEFAULT_RESULTS} by default")
    options = parser.parse_args()
    unknown = sorted(set(options.only) - set(names))
    if unknown:
        parser.error(f"no drill is called {', '.join(unknown)}: choose of {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
