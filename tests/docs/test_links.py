"""A link inside the documentation leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import pages, prose, shown

LINK = re.compile(r"\]\(([^)\s]+)\)")
EXTERNAL = ("https://", "http://", "mailto:")


def anchors(page: Path) -> set[str]:
    """Heading anchors as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_relative_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(EXTERNAL):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.is_file(), f"{shown(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(linked), f"{shown(page)}: {name or 'page'} has no #{anchor}"
