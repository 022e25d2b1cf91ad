"""A reader meets no file and no function that is too long to hold in mind."""

import pytest

from tests.architecture.source_tree import (
    FILE_LINES_MAX,
    FUNCTION_LINES_MAX,
    PACKAGES,
    functions,
    line_count,
    python_files,
    shown,
)


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_no_file_is_longer_than_the_limit(folder: str) -> None:
    long = {
        shown(path): lines
        for path in python_files(folder)
        if (lines := line_count(path)) > FILE_LINES_MAX
    }
    assert not long, f"split these files, the limit is {FILE_LINES_MAX} lines: {long}"


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_no_function_is_longer_than_the_limit(folder: str) -> None:
    long = {
        f"{shown(path)}:{name}": lines
        for path in python_files(folder)
        for name, lines in functions(path)
        if lines > FUNCTION_LINES_MAX
    }
    assert not long, f"split these functions, the limit is {FUNCTION_LINES_MAX} lines: {long}"
