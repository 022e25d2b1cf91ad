"""What an import found: what counts, what is wrong, and what was left out and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ledger.errors import LocalError
from node.importers.table import BadRow

MAX_KEPT_BAD_ROWS: Final = 100
"""Bad rows that are named; the rest is counted."""
MAX_REASONS: Final = 10_000


@dataclass(slots=True)
class Findings:
    """Rows of one file. left_out: rows that are right but not asked for, by reason."""

    path: Path
    encoding: str = ""
    rows: int = 0
    good: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def wrong(self, line: int, reason: str) -> None:
        """Note a bad row."""
        self.bad += 1
        if len(self.bad_rows) < MAX_KEPT_BAD_ROWS:
            self.bad_rows.append(BadRow(line, reason))

    def leave_out(self, reason: str) -> None:
        """Note a row that is right and not asked for."""
        known = reason in self.left_out or len(self.left_out) < MAX_REASONS
        self.left_out[reason if known else "other reasons"] += 1

    def require_good(self, skip_bad: bool) -> None:
        """LocalError when rows are bad and the operator did not say to go on without them, or when
        nothing is left."""
        if self.bad and not skip_bad:
            raise LocalError(
                f"{self.path}: {self.bad:,} of {self.rows:,} rows are wrong, so nothing counts: "
                "correct them, or say --skip-bad to go on without them"
            )
        if not self.good:
            raise LocalError(f"{self.path}: none of {self.rows:,} rows counts")

    def as_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        return {
            "file": str(self.path),
            "encoding": self.encoding.removesuffix("-sig"),
            "rows": self.rows,
            "counted": self.good,
            "bad": self.bad,
            "bad_rows": [{"line": row.line, "reason": row.reason} for row in self.bad_rows],
            "left_out": dict(self.left_out.most_common()),
        }

    def lines(self, most: int = 20) -> Sequence[str]:
        """The summary for people: the first bad rows, then the counts."""
        found = [f"line {row.line}: {row.reason}" for row in self.bad_rows[:most]]
        if self.bad > len(found):
            found.append(f"and {self.bad - len(found):,} more bad rows (--json names 100)")
        found.append(
            f"{self.rows:,} rows: {self.good:,} count, {self.bad:,} are wrong, "
            f"{self.left_out.total():,} left out"
        )
        for reason, count in self.left_out.most_common(most):
            found.append(f"  left out: {count:,} {reason}")
        if len(self.left_out) > most:
            found.append(f"  left out for {len(self.left_out) - most:,} more reasons")
        return found
