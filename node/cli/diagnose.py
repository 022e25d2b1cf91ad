"""`poyong diagnose`: one file with what somebody who helps has to know, and no secrets."""

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import click

from api import calls
from api.calls import Call
from ledger.errors import LocalError
from node import config, wall_clock
from node.backups.last_backup import age_of_backup
from node.cli.doctor import disk_use, examine
from node.cli.home import home_option
from node.cli.output import json_option, print_fields, print_json
from node.cli.rpc import ask, url_of
from node.config import Config
from node.localnet.layout import LOG_FILE
from node.version import VERSION
from node.watch import bundle

PATIENCE_S: Final = 10.0
QUESTIONS: Final[dict[str, Callable[[], Call[Any]]]] = {
    "status": calls.status,
    "why-stalled": calls.why_stalled,
    "peers": calls.peers,
    "validators": calls.validators,
    "consensus-state": calls.consensus_state,
}


@click.command()
@home_option("Folder of the node, which may run or not.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to make, a tar.gz.",
)
@click.option(
    "--log",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The node's log, for instance what journalctl printed.  [default: {LOG_FILE} in its "
    "folder, where there is one]",
)
@json_option
def diagnose(home: Path, out: Path, log: Path | None, as_json: bool) -> int:
    """Pack what a node says of itself into FILE, for somebody who helps: no keys, no passwords.

    A node that does not answer is examined as by `poyong doctor`.
    """
    if not home.is_dir():
        raise LocalError(f"there is no folder {home}: name the node's with --home")
    parts = {"about.json": _json(_about(home)), "files.txt": bundle.listing(home).encode()}
    loaded = _configuration(home, parts)
    if loaded is not None:
        data = loaded.path(loaded.storage.path)
        parts["backup.txt"] = f"{age_of_backup(data, wall_clock.now_ms())}\n".encode()
    running = loaded is not None and _answers(home, loaded, parts)
    if not running:
        parts["doctor.json"] = _doctor(home)
    found_log = log or (home / LOG_FILE if (home / LOG_FILE).is_file() else None)
    if found_log is not None:
        parts["log.txt"] = bundle.tail(found_log)
    size = bundle.write(out, parts, bundle.known_secrets(home, loaded, os.environ))
    shown = {"file": str(out), "bytes": size, "running": running, "parts": sorted(parts)}
    if as_json:
        print_json(shown)
    else:
        print_fields({**shown, "running": "yes" if running else "no", "parts": ", ".join(parts)})
        click.echo("It names organisations and addresses of peers: look through it first.")
    return 0


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def _about(home: Path) -> dict[str, Any]:
    disk = shutil.disk_usage(home)
    return {
        "version": VERSION,
        "python": sys.version,
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "time_ms": wall_clock.now_ms(),
        "disk_bytes": {"total": disk.total, "free": disk.free},
        "variables": bundle.overridden(os.environ),
    }


def _configuration(home: Path, parts: dict[str, bytes]) -> Config | None:
    """The configuration, or None when it is wrong; the sentence that says why quotes values, so
    it stays out."""
    try:
        loaded = config.load(home / config.CONFIG_FILE)
    except LocalError:
        parts["config.txt"] = b"the configuration is wrong: poyong doctor says what\n"
        return None
    parts["config.toml"] = bundle.open_options(loaded).encode()
    return loaded


def _answers(home: Path, loaded: Config, parts: dict[str, bytes]) -> bool:
    """Ask the node everything; whether it answered at all."""
    for name, question in QUESTIONS.items():
        try:
            parts[f"{name}.json"] = _json(ask(url_of(None, home), question()))
        except LocalError as error:
            parts[f"{name}.json"] = _json({"error": str(error)})
            if name == "status":
                return False
    parts["metrics.txt"] = _metrics(loaded)
    return True


def _metrics(loaded: Config) -> bytes:
    options = loaded.metrics
    if not options.enabled:
        return b"metrics.enabled is false\n"
    host = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
    connection = HTTPConnection(host, options.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read(bundle.MAX_PART_BYTES + 1)
    except (OSError, HTTPException) as error:
        return f"no answer at {host}:{options.port}: {error}\n".encode()
    finally:
        connection.close()


def _doctor(home: Path) -> bytes:
    """As `poyong doctor`, without what it says of a wrong configuration, which quotes values."""
    found = [
        {
            "check": each.check,
            "ok": each.ok,
            "found": each.found if each.ok or each.check != "configuration" else "wrong",
        }
        for each in examine(home)
    ]
    return _json({"checks": found, "disk_bytes": disk_use(home, {})})
