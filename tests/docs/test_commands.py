"""Every `poyong` command and option that a page names exists."""

import re
import shlex
from pathlib import Path

import click
import pytest

from node import cli
from tests.docs.documents import FENCED, pages, shown, text

LINE = re.compile(r"^(?:\.venv/bin/)?poyong (.+)$", re.MULTILINE)
SPAN = re.compile(r"`poyong ([^`]+)`")


def invocations(page: Path) -> list[str]:
    """What stands behind `poyong`, in blocks and in the text."""
    content = text(page)
    blocks = "\n".join(match.group(1) for match in FENCED.finditer(content))
    found = LINE.findall(blocks) + SPAN.findall(FENCED.sub("", content))
    return [line.split("|")[0].split(">")[0].strip(' ")') for line in found]


def require(invocation: str) -> None:
    """Follow the words down the tree of commands; then every option must be the command's."""
    command: click.Command = cli.root
    context = click.Context(command)
    is_complete = False
    for word in shlex.split(invocation):
        if word.startswith("--"):
            options = {name for parameter in command.get_params(context) for name in parameter.opts}
            assert word in options or word == "--version", f"`poyong {invocation}` has no {word}"
            # Of a group that does something itself, what follows are values.
            is_complete |= isinstance(command, click.Group) and command.invoke_without_command
        elif isinstance(command, click.Group) and not (
            is_complete or word.startswith("-") or word == "COMMAND"
        ):
            found = command.get_command(context, word)
            assert found is not None, f"there is no command `poyong {invocation}`"
            command, context = found, click.Context(found, parent=context)


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_commands_and_options_that_a_page_names_exist(page: Path) -> None:
    for invocation in invocations(page):
        require(invocation)


@pytest.mark.parametrize("invented", ["twon up", "town up --secnds 3", "keys make"])
def test_an_invented_command_would_be_found(invented: str) -> None:
    with pytest.raises(AssertionError):
        require(invented)
