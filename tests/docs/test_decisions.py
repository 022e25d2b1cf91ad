"""Every architecture decision record has its number, its parts and its line in the index."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, shown, text

RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def test_numbers_have_no_gap_and_no_double() -> None:
    numbers = [int(record.name[:4]) for record in RECORDS]
    assert numbers == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=shown)
def test_a_record_has_every_part_and_stands_in_the_index(record: Path) -> None:
    body = text(record)
    title = re.match(r"# (\d{4})\. (.+)\n", body)
    assert title is not None
    assert title.group(1) == record.name[:4]
    status = re.search(r"^Status: (proposed|accepted|superseded by \d{4})$", body, re.MULTILINE)
    assert status is not None
    headings = re.findall(r"^## (.+)$", body, re.MULTILINE)
    assert headings == ["Context", "Decision", "Refused options", "Consequences"]
    row = f"| [{title.group(1)}]({record.name}) | {title.group(2)} | {status.group(1)} |"
    assert row in text("docs/adr/README.md")
