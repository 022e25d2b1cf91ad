"""The project's Markdown pages."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page of the repository's own documentation, in a stable order."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: Path | str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: Path | str) -> str:
    """The page without its fenced blocks."""
    return FENCED.sub("", text(page))


def section(title: str, page: Path | str = "docs/formats.md") -> str:
    """What stands under a heading of the second level, up to the next one."""
    return text(page).split(f"\n## {title}\n")[1].split("\n## ")[0]


def vectors(title: str) -> dict[str, Any]:
    """The one JSON block of a section of docs/formats.md."""
    (found,) = re.findall(r"^```json\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    loaded: dict[str, Any] = json.loads(found)
    return loaded
