"""`python -m tests.drills.page FILE...`: the table of docs/resilience.md from results of drills."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

HEADER: Final = ("fault", "lasted", "what users saw", "time to recover", "data lost")


def row_of(result: Mapping[str, Any]) -> str:
    """One line of the table; for a drill that did not run or failed, with what it said."""
    if result["outcome"] != "passed":
        return _line(result["fault"], "", result["outcome"], "", "")
    seen = result["seen"]
    asked = seen["errors"] + seen["transfers"]
    errors = f"{seen['errors']} of {asked} submissions failed and went to another node"
    users = (
        f"{errors if seen['errors'] else 'no error'}; no block for {seen['longest_gap_s']:.1f} s "
        f"at most; final after {seen['median_latency_s']:.1f} s (median), "
        f"{seen['longest_latency_s']:.1f} s (longest)"
    )
    recovered = (
        f"block after {result['blocks_again_s']:.1f} s, all whole after "
        f"{result['whole_again_s']:.1f} s"
    )
    lost = f"none of {result['receipts']} transfers" if result["lost"] == 0 else "LOST"
    return _line(result["fault"], f"{result['seconds']:.0f} s", users, recovered, lost)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """The table for all results of the given files."""
    print(_line(*HEADER))
    print("|---" * len(HEADER) + "|")
    for name in sys.argv[1:]:
        for result in json.loads(Path(name).read_text(encoding="utf-8")):
            print(row_of(result))


if __name__ == "__main__":
    main()
