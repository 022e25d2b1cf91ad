"""README says in both languages what the Makefile and the repository really offer."""

import re
from pathlib import Path

import pytest

from node.version import VERSION
from tests.docs.documents import FENCED, pages, shown, text

READMES = ("README.md", "README.ko.md")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))


def shape(page: str) -> list[int]:
    """The levels of the page's headings, in order."""
    prose = FENCED.sub("", text(page))
    return [len(level) for level in re.findall(r"^(#+) ", prose, re.MULTILINE)]


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text(page), re.MULTILINE))
    assert named <= make_targets()


def test_both_languages_have_the_same_parts_commands_and_links() -> None:
    english, korean = map(text, READMES)
    assert shape("README.md") == shape("README.ko.md")
    assert re.findall(r"^```sh\n.*?^```", english, re.MULTILINE | re.DOTALL) == re.findall(
        r"^```sh\n.*?^```", korean, re.MULTILINE | re.DOTALL
    )
    commands = re.compile(r"`(?:make|poyong) [^`]+`")
    assert sorted(commands.findall(english)) == sorted(commands.findall(korean))
    links = re.compile(r"\]\(((?!README)[^)]+)\)")
    assert sorted(links.findall(english)) == sorted(links.findall(korean))


def test_make_help_names_every_target_for_users() -> None:
    helped = set(re.findall(r"'make ([a-z]+)", text("Makefile")))
    assert helped == make_targets() - {"help", "lock"}


def test_the_project_version_has_its_place_in_the_changelog() -> None:
    assert 'path = "node/version.py"' in text("pyproject.toml")
    headings = re.findall(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] in {"Unreleased", VERSION}
