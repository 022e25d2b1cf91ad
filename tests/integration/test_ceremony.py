"""Four organisations make a genesis in a ceremony, and their chain runs: nodes as processes, each
in the home from which its organisation contributed."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from api import calls
from api.client import ClientError
from api.sync_client import SyncClient
from node.keys import keystore
from tests.support.ceremony_homes import (
    MEMBERS,
    change,
    contribute_options,
    make_home,
    open_arguments,
    port_of,
)
from tests.support.shell import Shell
from tests.support.town_processes import base_port, start_command

READY_S: Final = 60.0
END_S: Final = 15.0
POLL_S: Final = 0.1
HEARTBEAT_MS: Final = 500

pytestmark = pytest.mark.timeout(150)


@contextmanager
def node(home: Path) -> Iterator[None]:
    """A node as a process; SIGTERM at the end."""
    with (home / "node.log").open("wb") as log:
        process = subprocess.Popen(
            start_command(home), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
        assert process.poll() is None, (home / "node.log").read_text()[-2_000:]
    finally:
        process.terminate()
        assert process.wait(END_S) == 0


def statuses(ports: list[int]) -> list[tuple[int, str]]:
    """Height and genesis hash of each node that answers."""
    found = []
    for port in ports:
        with SyncClient(f"http://127.0.0.1:{port + 1}", timeout_s=5) as client:
            try:
                answer = client.call(calls.status())
            except ClientError:
                continue
        found.append((answer["height"], answer["genesis_hash"]))
    return found


def test_the_chain_of_a_ceremony_runs_under_its_organisations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(keystore.PASSWORD_VARIABLE, raising=False)
    shell, papers, first = Shell(capsys), tmp_path / "ceremony", base_port() + 30
    homes = {member.name: make_home(tmp_path, member, first) for member in MEMBERS}
    shell.json(*open_arguments(papers))
    change(
        papers / "terms.json",
        lambda terms: terms["genesis"].update(parameters={"heartbeat_interval_ms": HEARTBEAT_MS}),
    )
    for member in MEMBERS:
        options = contribute_options(tmp_path, member, first)
        words = [word for pair in options.items() for word in pair]
        shell.json("genesis", "ceremony", "contribute", str(papers), *words)
    made = shell.json("genesis", "ceremony", "assemble", str(papers))["genesis_hash"]
    for command in ("sign", "install"):
        for home in homes.values():
            told = shell.json("genesis", "ceremony", command, str(papers), "--home", str(home))
            assert told["genesis_hash"] == made

    ports = [port_of(first, member.name) for member in MEMBERS]
    with ExitStack() as running:
        for home in homes.values():
            running.enter_context(node(home))
        end = time.monotonic() + READY_S
        while sum(height >= 2 for height, _ in statuses(ports)) < len(MEMBERS):
            assert time.monotonic() < end, "no second block"
            time.sleep(POLL_S)
        assert {genesis_hash for _, genesis_hash in statuses(ports)} == {made}
        with SyncClient(f"http://127.0.0.1:{ports[0] + 1}") as client:
            listed = {each["id"]: each for each in client.call(calls.list_organisations())}
            chambers = client.call(calls.get_chambers())
    assert {name: each["chamber"] for name, each in listed.items()} == {
        member.name: member.chamber for member in MEMBERS
    }
    assert [each["name_ko"] for each in listed.values()] == [
        {member.name: member for member in MEMBERS}[name].name_ko for name in listed
    ]
    assert sum(len(each["organisations"]) for each in chambers) == 4
