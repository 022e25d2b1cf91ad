"""Four validators go over to a later release one after another, under load, and never stop.

The later release is another tree of code (tests/support/later_release.py), so for a while two
protocols are spoken in one town. Past the upgrade that governance decided the old release is
refused, and what it is refused it leaves as it is. The steps and what is looked at between two
machines are those of docs/operating.md, "Upgrading a town of nodes one by one".
"""

import os
import subprocess
import sys
from contextlib import redirect_stdout
from hashlib import sha256
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest

from api import calls
from api.sync_client import SyncClient
from node import cli
from node.cli.admin_socket import listens
from node.localnet.creation import Wish, prepare
from node.version import VERSION
from tests.support.later_release import LATER, command, later_release
from tests.support.town_processes import END_S, ProcessTown, load, process_town
from tests.support.upgrade_town import decide_upgrade, govern

pytestmark = pytest.mark.timeout(300)
LONGEST_GAP_MS = 10_000
NOTICE = 200
UPGRADED_S = 180.0
"""Heights from the start of the town to its upgrade: all are new by then."""
BLOCK_MS = 300


def fingerprint(folder: Path) -> dict[str, str]:
    """Hash of each file."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def start_later(town: ProcessTown, release: Path, name: str) -> None:
    node = town.nodes[name]
    home, parent = str(node.home), str(os.getpid())
    with node.log.open("ab") as output:
        node.process = subprocess.Popen(
            command(release, "start", "--home", home, "--parent", parent),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def shown(*words: str) -> str:
    """What a command prints, on one line; it has to be done."""
    said = StringIO()
    with redirect_stdout(said):
        assert cli.run(words) == 0
    return " ".join(said.getvalue().split())


def take_out(town: ProcessTown, name: str) -> None:
    """Drain it; it ends by itself."""
    home = str(town.nodes[name].home)
    assert "it ended" in shown("admin", "drain", "--stop", "--home", home)
    assert town.ended(name)[0] == 0


def require_well(town: ProcessTown, name: str, version: str) -> None:
    """What the operator waits for before the next machine."""
    home, last = ("--home", str(town.nodes[name].home)), [""]
    wanted = (
        "blocks come as they should",
        f"{len(town.validators)} of {len(town.validators)} here",
        "this node votes",
        version,
    )

    def is_well() -> bool:
        if not listens(town.nodes[name].home):
            return False  # it is starting
        last[0] = shown("status", *home)
        return all(part in last[0] for part in wanted) and "not in turn" not in last[0]

    town.until(is_well, "a node that is well")
    assert shown("peers", *home).startswith(f"{len(town.validators) - 1} peers")


def times_ms(town: ProcessTown, name: str, first: int, last: int) -> list[int]:
    with SyncClient(town.rpc(name), timeout_s=30) as client:
        found = [client.call(calls.get_block(height)) for height in range(first, last + 1)]
    return [block["time_ms"] for block in found if block is not None]


def test_a_town_is_upgraded_one_by_one_and_never_goes_back(tmp_path: Path) -> None:
    folder, release = tmp_path / "town", later_release(tmp_path / "later")
    folder.mkdir()
    plan = prepare(folder, Wish(validators=4, idle=True))
    homes = [folder / node.name for node in plan.validators]
    govern(homes, 1_000, BLOCK_MS)
    height = decide_upgrade(*homes, notice=NOTICE, from_version=LATER, below_version="1.0.0")
    with process_town(folder, observer=False) as town:
        names = town.validators
        town.start(*names)
        town.wait_ready(*names)
        with load(town, *names, batch=5) as sending:
            sending.wait_for_batches(1)
            first = town.height(names[0])
            for name in names:
                take_out(town, name)
                sending.wait_for_batches(1)  # the other three go on meanwhile
                start_later(town, release, name)
                town.wait_ready(name)
                sending.wait_for_batches(1)  # both releases together
                require_well(town, name, LATER)
            assert town.height(names[0]) < height, "all are new before the upgrade"
            home = town.nodes[names[0]].home
            assert "this release goes on" in shown("status", "--home", str(home))
            # How many blocks are left until then is a matter of the machine.
            town.wait_for_height(height + 3, *names, within_s=UPGRADED_S)
        receipts = dict(sending.receipts)
        last = town.wait_until_equal(*names)
        gaps = [after - before for before, after in pairwise(times_ms(town, names[0], first, last))]
        assert max(gaps) <= LONGEST_GAP_MS
        for name in names:
            town.assert_receipts(name, receipts)
        town.assert_one_chain(*names)
        assert set(town.stop(*names).values()) == {0}
        assert {f"protocol={version}" for version in (1, 2)} <= _protocols(town)

        # Back to the old release: it says why not, and touches nothing.
        home = town.nodes[names[0]].home
        before = fingerprint(home / "data")
        town.start(names[0])
        code, sentence = town.ended(names[0], END_S)
        assert code == cli.EXIT_UPGRADE
        for part in (f"from height {height} on", LATER, f"this is version {VERSION}"):
            assert part in sentence
        assert fingerprint(home / "data") == before


def _protocols(town: ProcessTown) -> set[str]:
    """What protocols were spoken, by the logs."""
    text = "".join(node.log.read_text() for node in town.nodes.values())
    return {f"protocol={number}" for number in (1, 2) if f'"protocol": {number}' in text
            or f'"protocol":{number}' in text or f"protocol={number}" in text}  # fmt: skip


def test_a_validator_goes_back_while_nothing_has_moved_on(tmp_path: Path) -> None:
    """No format has changed and no upgrade is in force: the old release goes on with the folder."""
    folder, release = tmp_path / "town", later_release(tmp_path / "later")
    folder.mkdir()
    prepare(folder, Wish(validators=4, idle=True))
    with process_town(folder, observer=False) as town:
        names, name = town.validators, town.validators[0]
        town.start(*names)
        town.wait_ready(*names)
        with load(town, *names[1:], batch=5) as sending:
            take_out(town, name)
            start_later(town, release, name)
            require_well(town, name, LATER)
            take_out(town, name)
            home = str(town.nodes[name].home)
            for program in (command(release), [sys.executable, "-m", "node.cli"]):
                words = [*program, "doctor", "--home", home]
                done = subprocess.run(words, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr
            town.start(name)
            require_well(town, name, VERSION)
            sending.wait_for_batches(1)
        town.wait_until_equal(*names)
        town.assert_one_chain(*names)
        assert set(town.stop(*names).values()) == {0}
