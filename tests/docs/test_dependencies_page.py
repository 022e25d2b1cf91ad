"""docs/dependencies.md gives a reason for each dependency, and for none that is gone."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.docs.documents import text


def listed(heading: str) -> list[str]:
    """Packages in the table under a heading; each row must end in a reason."""
    section = text("docs/dependencies.md").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w-]+)` \|(?:.*\|)? (\S.*\S) \|$", section, re.MULTILINE)
    return [name for name, _reason in rows]


@pytest.mark.parametrize(
    "heading",
    [
        "At run time",
        "For charts",
        "For hardware modules",
        "For SQL databases",
        "For development",
    ],
)
def test_the_page_lists_exactly_the_declared_packages(heading: str) -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    declared = {
        "At run time": project["dependencies"],
        "For charts": extras["charts"],
        "For hardware modules": extras["hsm"],
        "For SQL databases": extras["sql"],
        "For development": extras["dev"],
    }[heading]
    assert listed(heading) == sorted(Requirement(line).name for line in declared)
