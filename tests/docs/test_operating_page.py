"""docs/operating.md lists every option and every series, as the code has them."""

import dataclasses
import re
from pathlib import Path

import pytest

from ledger.crypto import sha256
from ledger.primitives import UNIT
from node.cli.proposal_file import read_content
from node.config import SECTIONS
from node.modules import build_executor
from node.options import expected, toml_value
from node.watch.metrics import Metrics
from tests.docs import documents
from tests.docs.documents import ROOT, text

PAGE = "docs/operating.md"
ROW = re.compile(r"^\| `([a-z_0-9]+)\.([a-z_0-9]+)` \|", re.MULTILINE)
SERIES_ROW = re.compile(r"^\| `(poyong_[a-z_0-9]+)(?:\{([a-z,]+)\})?` \| (\w+) \|", re.MULTILINE)
LOGGED = re.compile(r"\blog\.(?:info|warning|error|critical)\(\s*\"([a-z_]+\.[a-z_]+)\"")
OPTIONS = [(name, field) for name, cls in SECTIONS.items() for field in dataclasses.fields(cls)]


@pytest.mark.parametrize(("section", "field"), OPTIONS, ids=lambda o: getattr(o, "name", o))
def test_every_option_is_listed_as_it_is(section: str, field: "dataclasses.Field[object]") -> None:
    meaning = " ".join(field.metadata["meaning"].split())
    default = toml_value(field.default)
    row = f"| `{section}.{field.name}` | `{default}` | {expected(field)} | {meaning} |"
    assert row in text(PAGE), f"{PAGE} lacks this row: {row}"


def test_no_option_is_listed_that_does_not_exist() -> None:
    assert ROW.findall(documents.section("Configuration", PAGE)) == [
        (section, field.name) for section, field in OPTIONS
    ]


def test_every_series_is_listed_with_its_labels() -> None:
    suffix = {"counter": "_total", "info": "_info"}
    real = {
        (
            family.name + suffix.get(family.type, ""),
            ",".join(sorted({name for s in family.samples for name in s.labels if name != "le"})),
            family.type,
        )
        for family in Metrics(["organisation"], ["zone"]).registry.collect()
        if not family.name.startswith("process_")
    }
    listed = {tuple(row) for row in SERIES_ROW.findall(text(PAGE))}
    assert listed == real


def test_every_event_of_the_log_is_listed() -> None:
    """Those that a node logs by default; debugging is for developers."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "node").rglob("*.py")]
    real = {name for source in sources for name in LOGGED.findall(source)}
    rows = re.findall(
        r"^\| (`[a-z_., `]+`) \| \w+ \|", documents.section("Logs", PAGE), re.MULTILINE
    )
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == real


def test_the_proposal_on_the_page_is_one(tmp_path: Path) -> None:
    blocks = documents.FENCED.findall(documents.section("Command line", PAGE))
    (found,) = (block for block in blocks if '"messages"' in block)
    (tmp_path / "text.pdf").write_bytes(b"Why founders get a dividend.")
    (tmp_path / "proposal.json").write_text(found, encoding="utf-8")
    content = read_content(tmp_path / "proposal.json", build_executor().registry)
    assert content.document_hash == sha256(b"Why founders get a dividend.")
    (carried,) = content.messages
    assert carried.type.decode(carried.body) == ("founders", 500 * UNIT)
