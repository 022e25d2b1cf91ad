"""`python -m tests.drills.soak blocks|town`: a long life, and whether anything grows in it.

blocks: one validator, as many blocks as it can; 1,000,000 by default. town: four validators and an
observer under mixed load; two hours by default. `--set SECTION.KEY=VALUE` changes an option of the
nodes, as for pruning; with `--disk-bound-mib` the disk is held against a bound. The rule by which a
run passes is in tests/drills/samples.py. Exit code 1 when it does not, 130 when it was stopped.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import aiohttp

from api.client import ClientError
from ledger.errors import LocalError
from node.constitution.chain import StepError
from node.options import ENVIRONMENT_PREFIX
from tests.drills import soak_blocks, soak_town
from tests.drills.samples import Sample, as_json, judge, shown, verdict_text

BLOCKS: Final = 1_000_000
TWO_HOURS_S: Final = 7_200.0
DAY_S: Final = 86_400.0
RESULTS: Final = Path("build")
SMALL_STORE: Final = (("storage", "write_buffer_mib", "4"), ("storage", "cache_mib", "2"))
"""Of a town: the usual ones take an hour or two of this load to fill, which would look like a
leak."""


def run(
    options: argparse.Namespace, folder: Path
) -> tuple[dict[str, list[Sample]], dict[str, Any]]:
    """Samples by node, and facts about the run; `failures` among them are sentences."""

    def told(name: str, item: Sample) -> None:
        print(shown(name, item), flush=True)

    if options.what == "blocks":
        life = soak_blocks.live(folder, options.blocks, options.seconds or DAY_S, told)
        facts = {"height": life.height, "seconds": life.seconds, "failures": []}
        return {"validator": life.samples}, facts
    lived = asyncio.run(soak_town.live(folder, options.seconds or TWO_HOURS_S, told))
    facts = {"height": lived.height, "counts": lived.counts, "failures": lived.failures}
    return lived.samples, facts


def main() -> int:
    """0 when nothing grows and everything is sound."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    usual = SMALL_STORE if options.what == "town" else ()
    for section, key, value in [*usual, *options.set]:
        os.environ[f"{ENVIRONMENT_PREFIX}{section}_{key}".upper()] = value
    folder = Path(mkdtemp(prefix=f"poyong-soak-{options.what}-", dir=options.dir))
    began = time.monotonic()
    try:
        samples, facts = run(options, folder)
    except (LocalError, ClientError, aiohttp.ClientError, StepError, OSError) as error:
        print(f"FAILED: {error}; the files are in {folder}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        print("stopped before its end: nothing was judged", file=sys.stderr)
        return 130
    shutil.rmtree(folder, ignore_errors=True)
    verdicts = {name: judge(series, options.disk_bound_mib) for name, series in samples.items()}
    failed = list(facts["failures"])
    for name, verdict in verdicts.items():
        print(verdict_text(name, verdict))
        failed += [verdict.problem] if verdict.problem else []
    print(json.dumps(facts, ensure_ascii=False))
    path = options.json or RESULTS / f"soak-{options.what}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    result = {"what": options.what, "took_s": time.monotonic() - began, **facts}
    result["nodes"] = as_json(verdicts, samples)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{'FAILED' if failed else 'passed'}; written to {path}")
    return 1 if failed else 0


def _setting(text: str) -> tuple[str, str, str]:
    name, equals, value = text.partition("=")
    section, dot, key = name.partition(".")
    if not (equals and dot and section and key):
        raise argparse.ArgumentTypeError(f"{text!r} is not SECTION.KEY=VALUE")
    return section, key, value


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.drills.soak", description="A long life, and whether anything grows."
    )
    add = parser.add_argument
    add("what", choices=("blocks", "town"))
    add("--blocks", type=int, default=BLOCKS, help=f"how many at most; {BLOCKS:,} by default")
    add("--seconds", type=float, help="how long at most; two hours for a town by default")
    add("--set", type=_setting, action="append", default=[], metavar="SECTION.KEY=VALUE")
    add("--disk-bound-mib", type=float, help="fail when a node's data takes more")
    add(
        "--dir",
        type=Path,
        help="where the town's folder is made; in memory (/dev/shm) a block waits for no disk",
    )
    add("--json", type=Path, help=f"results; {RESULTS}/soak-WHAT.json by default")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
