"""The attack table of docs/economy.md, which the tests of tests/scenarios/economy fill."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.documents import section

TITLE = "What an attacker gains at most"
PAGE = "docs/economy.md"
NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?")


@dataclass(frozen=True)
class AttackRow:
    """One row. test: name of the test that measures every number in `gain`."""

    attack: str
    gain: str
    rule: str
    test: str

    def lacks(self, figures: list[str]) -> list[str]:
        """Which of the measured figures the row does not name."""
        return [f for f in figures if not re.search(rf"(?<![\d.,]){re.escape(f)}", self.gain)]

    def unmeasured(self, figures: list[str]) -> list[str]:
        """Numbers of the row that no figure holds."""
        measured = {number for figure in figures for number in NUMBER.findall(figure)}
        return [number for number in NUMBER.findall(self.gain) if number not in measured]


def attack_rows() -> Iterator[AttackRow]:
    """Every row of the section's tables, in order."""
    for line in section(TITLE, PAGE).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 4 and cells[3].startswith("`test_"):
            yield AttackRow(cells[0], cells[1], cells[2], cells[3].strip("`"))


def percent(part: int, whole: int) -> str:
    """As the table writes shares: rounded half up to two decimals."""
    hundredths = (abs(part) * 20_000 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02} %"
