"""Commands as processes that refuse what they are given: what they say, and what they touch."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

END_S: Final = 60


class Entry(NamedTuple):
    """What there is to see of a file or folder. changed_ns: 0 of a folder."""

    mode: int
    changed_ns: int
    content: str


def fingerprint(folder: Path) -> dict[str, Entry]:
    """Everything below a folder: names and modes, times and contents of files. Times of folders do
    not count, since what is refused may have been tried beside it, in a scratch folder that went.
    """
    return {
        str(path.relative_to(folder)): Entry(
            path.lstat().st_mode,
            path.lstat().st_mtime_ns if path.is_file() else 0,
            sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }


def differences(before: dict[str, Entry], after: dict[str, Entry]) -> list[str]:
    """What was added, went or changed."""
    return sorted(name for name in before | after if before.get(name) != after.get(name))


def ended(
    words: Sequence[str],
    environment: Mapping[str, str | None] | None = None,
    flags: Sequence[str] = (),
) -> "subprocess.CompletedProcess[str]":
    """A command that ran to its end without a terminal. environment: None takes a variable away."""
    wanted = {**os.environ, **(environment or {})}
    return subprocess.run(
        [sys.executable, *flags, "-m", "node.cli", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=END_S,
        check=False,
        env={name: value for name, value in wanted.items() if value is not None},
    )


def refusal(
    words: Sequence[str],
    environment: Mapping[str, str | None] | None = None,
    flags: Sequence[str] = (),
    code: int = 1,
) -> str:
    """The one sentence with which a command ends, last on stderr after lines of a log; after it
    comes what a command prints that reports on several things."""
    found = ended(words, environment, flags)
    assert found.returncode == code, (found.stdout, found.stderr)
    assert "Traceback" not in found.stderr + found.stdout
    sentences = [line for line in found.stderr.splitlines() if line.startswith("poyong: ")]
    assert len(sentences) == 1, found.stderr
    assert found.stderr.splitlines()[-1] == sentences[0]
    if "--json" in words and found.stdout:
        json.loads(found.stdout)
    return "\n".join([sentences[0], *([found.stdout] if found.stdout else [])])


def change(file: Path, old: str, new: str) -> None:
    """Replace the first `old` in a file; it has to be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
