"""Changes options in a configuration file and leaves everything else in it as it is."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import LocalError
from node import config
from node.config import Config
from node.disk_errors import os_error, sync_folder
from node.options import toml_value


def change_options(file: Path, changes: Mapping[tuple[str, str], str]) -> Config:
    """Set options by (section, name), comments and other options kept; the configuration as it is
    then. The file is replaced whole, on disk when this returns.

    LocalError when the file is wrong before, would be wrong after, or says it in a form that this
    does not find (an option over several lines); then nothing is changed.
    """
    before = config.load(file, {})
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
    if after != before:
        _replace(file, text)
    return config.load(file)


def _with_option(text: str, section: str, name: str, value: str) -> str:
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


def _replace(file: Path, text: str) -> None:
    beside = file.with_name(file.name + ".new")
    try:
        mode = file.stat().st_mode & 0o777
        with open(
            beside, "wb", opener=lambda name, flags: os.open(name, flags | os.O_TRUNC, mode)
        ) as opened:
            opened.write(text.encode())
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        raise os_error("write the configuration", file, error) from error
