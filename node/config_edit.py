"""Changes options in a configuration file and leaves everything else in it as it is."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import LocalError
from node import config
from node.config import Config
from node.files.disk_errors import os_error
from node.files.whole_files import replace_whole
from node.options import toml_value

Changes = Mapping[tuple[str, str], str | tuple[str, ...]]
"""Values by (section, name)."""


def change_options(file: Path, changes: Changes) -> Config:
    """Write what with_options gives; the configuration as it is then. The file is replaced whole,
    on disk when this returns."""
    write_configuration(file, with_options(file, changes))
    return config.load(file)


def write_configuration(file: Path, text: str) -> None:
    """Replace a configuration whole; who may read it stays. LocalError when the disk refuses."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise os_error("write the configuration", file, error) from error
    replace_whole(file, text.encode(), what="the configuration", mode=mode)


def with_options(file: Path, changes: Changes) -> str:
    """The text of a configuration with these options, its comments and other options kept.

    LocalError when the file is wrong before, would be wrong after, or says it in a form that this
    does not find (an option over several lines).
    """
    config.load(file, {})
    text = file.read_text(encoding="utf-8")
    for (section, name), value in changes.items():
        text = _with_option(text, section, name, value)
    after = config.parse(text, file, {})
    wrong = [
        f"[{section}] {name}"
        for (section, name), value in changes.items()
        if getattr(getattr(after, section), name) != value
    ]
    if wrong:
        raise LocalError(f"{file}: could not change {', '.join(wrong)}: edit the file by hand")
    return text


def _with_option(text: str, section: str, name: str, value: str | tuple[str, ...]) -> str:
    line = f"{name} = {toml_value(value)}"
    heading = re.search(rf"^\[{re.escape(section)}\][^\n]*\n", text, re.MULTILINE)
    if heading is None:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n"
    following = re.compile(r"^\[", re.MULTILINE).search(text, heading.end())
    end = len(text) if following is None else following.start()
    body = text[heading.end() : end]
    present = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*=[^\n]*$", re.MULTILINE)
    body, found = present.subn(lambda _: line, body, count=1)
    if not found:
        body = f"{line}\n{body}"
    return text[: heading.end()] + body + text[end:]
