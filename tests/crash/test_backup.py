"""Backups of nodes that run as processes under load: whole after any kill, or not there at all.

A restored validator and its original never vote at once, however they are started.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from api import admin_calls
from node.audit import OK
from node.backups.backup import PART, UNFINISHED, backup, restore, verify
from node.cli.admin_socket import ask_operator
from node.keys.keystore import LOCAL_COST
from node.localnet.creation import PASSWORD
from node.opening import VOTES_FOLDER
from node.signing.fence import Standing, read_fence
from tests.support.town_processes import NodeProcess, ProcessTown, load, process_town

pytestmark = pytest.mark.timeout(180)

SECRET = "a long backup password"
ENDS_WITHIN_S = 60.0


@pytest.fixture(scope="module", params=["leveldb", "rocksdb"])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProcessTown]:
    engine: str = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POYONG_KEY_PASSWORD", PASSWORD)
        with process_town(tmp_path_factory.mktemp(engine), 4, observer=False) as made:
            for node in made.nodes.values():
                path = node.home / "config.toml"
                text = path.read_text()
                assert 'engine = "auto"' in text
                path.write_text(text.replace('engine = "auto"', f'engine = "{engine}"'))
            made.start(*made.nodes)
            made.wait_ready(*made.nodes)
            yield made


def command(*words: str) -> "subprocess.Popen[bytes]":
    """A command of its own, with the password of backups."""
    return subprocess.Popen(
        [sys.executable, "-m", "node.cli", *words],
        env={**os.environ, "POYONG_KEY_PASSWORD": SECRET},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def killed_when(process: "subprocess.Popen[bytes]", there: Path) -> None:
    """SIGKILL as soon as a file or folder is there."""
    end = time.monotonic() + ENDS_WITHIN_S
    while not there.exists():
        assert process.poll() is None, process.communicate()[0].decode()
        assert time.monotonic() < end
        time.sleep(0.001)
    process.kill()
    process.communicate(timeout=ENDS_WITHIN_S)


def test_a_running_validator_is_backed_up_under_load_and_nobody_waits(
    town: ProcessTown, tmp_path: Path
) -> None:
    name = town.validators[0]
    home = town.nodes[name].home
    out = tmp_path / "node.backup"
    with load(town, name) as sending:
        sending.wait_for_batches(2)
        found = backup(home, out, SECRET, keys=True, cost=LOCAL_COST)
        assert found.invariants == OK
        town.wait_for_height(found.height + 2, *town.nodes)
        assert verify(out, SECRET).block_hash == found.block_hash
    told = ask_operator(home, admin_calls.backup())
    assert (told["giving_since_ms"], told["broken_off"]) == (None, None)
    assert told["given_bytes"] > 10_000
    assert told["proved_ms"] is not None
    restore(out, tmp_path / "copy", SECRET)
    assert not (tmp_path / "copy/data" / VOTES_FOLDER).exists()
    assert not (tmp_path / "copy/keys/password").exists()
    fence = read_fence(tmp_path / "copy/data")
    assert fence is not None
    assert fence.standing is Standing.WAITING


def test_a_node_that_is_killed_while_it_gives_its_rows_leaves_no_backup(
    town: ProcessTown, tmp_path: Path
) -> None:
    name = town.validators[1]
    home, out = town.nodes[name].home, tmp_path / "node.backup"
    writing = command("backup", "--home", str(home), "--out", str(out))
    end = time.monotonic() + ENDS_WITHIN_S
    while writing.poll() is None and not (tmp_path / ("node.backup" + PART)).exists():
        assert time.monotonic() < end
    town.kill(name)
    said = writing.communicate(timeout=ENDS_WITHIN_S)[0].decode()
    # The node may have given everything before it was killed: then the backup is whole.
    assert out.exists() == (writing.returncode == 0), said
    if out.exists():
        assert verify(out, SECRET).invariants == OK
        out.unlink()
    else:
        assert said.count("\n") == 1
        assert "poyong: " in said
    assert list(tmp_path.iterdir()) == []
    town.start(name)
    town.wait_ready(name)
    assert backup(home, out, SECRET, keys=False, cost=LOCAL_COST).invariants == OK


def test_a_killed_backup_and_a_killed_restore_are_simply_repeated(
    town: ProcessTown, tmp_path: Path
) -> None:
    name = town.validators[2]
    home, out, copy = town.nodes[name].home, tmp_path / "node.backup", tmp_path / "copy"
    writing = ("backup", "--home", str(home), "--out", str(out))
    killed_when(command(*writing), tmp_path / ("node.backup" + PART))
    killed_when(command(*writing), tmp_path / f".node.backup{PART}{UNFINISHED}/config.toml")
    assert not out.exists()
    process = command(*writing)
    said = process.communicate(timeout=ENDS_WITHIN_S)[0].decode()
    assert process.returncode == 0, said
    assert list(tmp_path.iterdir()) == [out]
    filling = ("restore", str(out), "--home", str(copy))
    killed_when(command(*filling), tmp_path / f"copy{UNFINISHED}/data")
    assert not copy.exists()
    process = command(*filling)
    said = process.communicate(timeout=ENDS_WITHIN_S)[0].decode()
    assert process.returncode == 0, said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "node.backup"]


def test_the_lost_machine_is_replaced_and_a_released_one_stays_off(
    town: ProcessTown, tmp_path: Path
) -> None:
    """By the commands, as docs/operating.md tells it."""
    name = town.validators[3]
    lost, out = town.nodes[name].home, tmp_path / "node.backup"
    backup(lost, out, SECRET, keys=True, cost=LOCAL_COST)
    with load(town, town.validators[0]) as sending:
        sending.wait_for_batches(1)
        town.kill(name)
        copies = [tmp_path / "one", tmp_path / "two"]
        for copy in copies:
            restore(out, copy, SECRET)
            shutil.copy(lost / "keys/password", copy / "keys/password")
        town.nodes["one"], town.nodes["two"] = (
            NodeProcess(town.nodes[name].plan, copy) for copy in copies
        )
        town.start("one")
        town.wait_for_height(town.height(town.validators[0]), "one")
        assert votes_of(town, "one") is False  # it follows, and that is all
        assert town.stop("one") == {"one": 0}
        assert done("fence", "take", "--home", str(copies[0]), "--without-token")
        town.start("one")
        town.until(lambda: votes_of(town, "one"), "the restored validator votes")
        assert town.stop("one") == {"one": 0}
        place = read_fence(copies[1] / "data")
        assert place is not None
        token = done("fence", "release", "--home", str(copies[0]), "--to", place.place.hex())
        assert done("fence", "take", "--home", str(copies[1]), token.strip())
        town.start("two")
        town.until(lambda: votes_of(town, "two"), "the standby votes")
        town.start("one")
        code, line = town.ended("one")
        assert code == 1
        assert "has given up the right to sign" in line
    del town.nodes[name]
    town.wait_until_equal(*town.running)
    for other in town.running:
        assert metric(town, other, "poyong_consensus_byzantine_validators") == 0.0


def done(*words: str) -> str:
    """What a command prints; it has to succeed."""
    process = command(*words)
    said = process.communicate(timeout=ENDS_WITHIN_S)[0].decode()
    assert process.returncode == 0, said
    return said


def metric(town: ProcessTown, name: str, which: str) -> float:
    port = town.nodes[name].plan.metrics_port
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:  # it is starting
        return -1.0
    return sum(
        float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == which
    )


def votes_of(town: ProcessTown, name: str) -> bool:
    """Whether a node votes now."""
    return metric(town, name, "poyong_consensus_signing") == 1.0
