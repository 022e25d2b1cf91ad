"""The project's Markdown pages."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page of the repository's own documentation, in a stable order."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: Path | str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: Path | str) -> str:
    """The page without its fenced blocks."""
    return FENCED.sub("", text(page))
