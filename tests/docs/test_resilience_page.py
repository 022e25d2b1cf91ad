"""docs/resilience.md has a row from a real run for every drill, and no other."""

import re

import pytest

from tests.docs.documents import section
from tests.drills import page
from tests.drills.drills import DRILLS

PAGE = "docs/resilience.md"
PASSED = {
    "fault": "A fault",
    "outcome": "passed",
    "seconds": 30.2,
    "seen": {
        "errors": 0,
        "transfers": 7,
        "longest_gap_s": 1.25,
        "median_latency_s": 0.1,
        "longest_latency_s": 2.0,
    },
    "blocks_again_s": 0.04,
    "whole_again_s": 2.0,
    "receipts": 9,
    "lost": 0,
}


def rows() -> list[list[str]]:
    """Cells of the table, without its head."""
    lines = [line for line in section("Drills", PAGE).splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == list(page.HEADER)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_drill_has_a_row_and_every_row_a_drill() -> None:
    assert [row[0] for row in rows()] == [drill.title for drill in DRILLS]


def test_names_and_titles_are_not_given_twice() -> None:
    assert len({drill.name for drill in DRILLS}) == len(DRILLS)
    assert len({drill.title for drill in DRILLS}) == len(DRILLS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_says_what_users_saw_and_that_nothing_was_lost(row: list[str]) -> None:
    _, lasted, users, recovered, lost = row
    assert re.fullmatch(r"\d+ s", lasted)
    assert re.search(r"no block for \d+\.\d s at most; final after \d+\.\d s", users)
    assert re.fullmatch(r"block after \d+\.\d s, all whole after \d+\.\d s", recovered)
    assert re.fullmatch(r"none of \d+ transfers", lost)


def test_a_row_is_written_from_the_results_of_a_run() -> None:
    assert page.row_of(PASSED) == (
        "| A fault | 30 s | no error; no block for 1.2 s at most; final after 0.1 s (median), "
        "2.0 s (longest) | block after 0.0 s, all whole after 2.0 s | none of 9 transfers |"
    )


def test_a_drill_that_failed_gives_no_row_that_the_page_accepts() -> None:
    failed = page.row_of({"fault": "A fault", "outcome": "FAILED: no block"})
    assert "FAILED" in failed
    assert "none of" not in failed
