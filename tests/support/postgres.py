"""A PostgreSQL server of its own for tests: on a Unix socket, in a scratch folder, without root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

USER: Final = "town"
START_S: Final = 60


def binaries() -> Path | None:
    """Folder of Debian's newest server, None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return found[-1].parent if found else None


def _version(program: Path) -> int:
    return int(program.parts[-3])


def _unprivileged() -> tuple[list[str], int | None]:
    """Words before a command and the user id that it then has; the server refuses to be root."""
    if os.geteuid() != 0:
        return [], None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity], user.pw_uid


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """A server with an empty cluster; yields its URL with DATABASE for the name of one.

    Not in pytest's own folder: another user cannot enter it, and the path of a socket has at most
    107 bytes.
    """
    prefix, user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="poyong-pg-"))
    data = folder / "data"
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    control = [*prefix, str(programs / "pg_ctl"), "-D", str(data), "-w", "-t", str(START_S)]
    try:
        if user is not None:
            os.chown(folder, user, -1)
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", USER, "-A", "trust"]
        _run([*prefix, *initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], folder)
        _run([*control, "-l", str(folder / "log"), "-o", options, "start"], folder)
        try:
            yield f"postgresql://{USER}@/DATABASE?host={quote(str(folder), safe='')}"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder)


def _run(command: list[str], folder: Path) -> None:
    # Output goes to a file: the server keeps a pipe open for as long as it runs.
    with (folder / "said").open("w+") as said:
        done = subprocess.run(
            command, cwd=folder, stdout=said, stderr=said, timeout=2 * START_S, check=False
        )
        said.seek(0)
        assert done.returncode == 0, f"{command}: {said.read()}"
