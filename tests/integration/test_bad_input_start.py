"""A node that cannot start says in one sentence what is wrong and what to do, with exit code 1."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from node.localnet import layout
from node.localnet.creation import Wish, prepare
from tests.support.town_processes import base_port, start_command

pytestmark = pytest.mark.timeout(60)

START_S = 30
EXIT_FAILED = 1


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a town of one validator that has never run."""
    folder = tmp_path_factory.mktemp("town")
    prepare(folder, Wish(validators=1, idle=True, base_port=base_port()))
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of the validator's home."""
    return shutil.copytree(made / layout.ORGANISATIONS[0][0], tmp_path / "home")


@pytest.fixture
def town(made: Path) -> layout.Town:
    found = layout.load(made)
    assert found is not None
    return found


def refusal(home: Path, *, environment: Mapping[str, str] | None = None, flags: str = "") -> str:
    """The one sentence with which a start ends."""
    command = start_command(home)
    if flags:
        command[1:1] = [flags]
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
        env=os.environ | (environment or {}),
    )
    assert ended.returncode == EXIT_FAILED, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    sentences = [line for line in ended.stderr.splitlines() if line.startswith("poyong: ")]
    assert len(sentences) == 1, ended.stderr
    assert ended.stderr.splitlines()[-1] == sentences[0]
    return sentences[0]


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_wrong_password(home: Path) -> None:
    (home / "keys" / "password").write_text("not the password\n")
    said = refusal(home)
    assert "wrong password" in said
    assert "node.password_file" in said


def test_no_password_at_all(home: Path) -> None:
    change(home / "config.toml", 'password_file = "keys/password"', 'password_file = ""')
    assert "POYONG_KEY_PASSWORD" in refusal(home)


def test_a_key_file_that_others_can_read(home: Path) -> None:
    (home / "keys" / "node.json").chmod(0o644)
    assert f"chmod 600 {home / 'keys' / 'node.json'}" in refusal(home)


def test_a_misspelt_option_names_the_one_that_was_meant(home: Path) -> None:
    change(home / "config.toml", "base_timeout_ms", "base_timout_ms")
    said = refusal(home)
    assert "base_timout_ms" in said
    assert "'base_timeout_ms'" in said
    assert str(home / "config.toml") in said


def test_a_value_out_of_bounds_in_the_environment(home: Path) -> None:
    said = refusal(home, environment={"POYONG_CONSENSUS_BASE_TIMEOUT_MS": "-1"})
    assert "POYONG_CONSENSUS_BASE_TIMEOUT_MS" in said


def test_a_configuration_that_is_no_toml(home: Path) -> None:
    (home / "config.toml").write_bytes(b"\xff\xfe[node")
    assert str(home / "config.toml") in refusal(home)


def test_a_genesis_that_is_no_json(home: Path) -> None:
    (home / "genesis.json").write_text('{"chain_id": 82062,')
    said = refusal(home)
    assert str(home / "genesis.json") in said
    assert "not JSON" in said


def test_a_missing_genesis(home: Path) -> None:
    (home / "genesis.json").unlink()
    assert str(home / "genesis.json") in refusal(home)


def test_python_without_assertions(home: Path) -> None:
    assert "without -O" in refusal(home, flags="-O")


def test_a_folder_that_is_no_home(tmp_path: Path) -> None:
    said = refusal(tmp_path / "nowhere")
    assert "poyong init" in said


@pytest.fixture
def taken(town: layout.Town) -> Iterator[list[int]]:
    """All ports of the town, held by somebody else."""
    held = [socket.create_server(("127.0.0.1", port)) for port in town.validators[0].ports]
    yield list(town.validators[0].ports)
    for server in held:
        server.close()


@pytest.mark.parametrize("section", ["network", "metrics", "rpc"])
def test_a_taken_port_names_the_option(home: Path, taken: list[int], section: str) -> None:
    order = ["network", "rpc", "metrics"]
    for other, port in zip(order, taken, strict=True):
        if other != section:
            change(home / "config.toml", f"port = {port}", "port = 0")
    said = refusal(home)
    assert str(taken[order.index(section)]) in said
    assert section in said


def test_a_genesis_of_another_chain(home: Path) -> None:
    """After a first start: the database remembers whose it is."""
    occupied = socket.create_server(("127.0.0.1", 0))
    with occupied:
        port = occupied.getsockname()[1]
        refusal(home, environment={"POYONG_NETWORK_PORT": str(port)})  # writes genesis, then ends
    document = json.loads((home / "genesis.json").read_text(encoding="utf-8"))
    document["name"] = "another town"
    (home / "genesis.json").write_text(json.dumps(document), encoding="utf-8")
    said = refusal(home)
    assert "put the right file back" in said


def test_a_data_folder_in_use_by_another_node(home: Path) -> None:
    """Two nodes with one key would sign against each other."""
    sleeper = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys\n"
            "os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)\n"
            "held = open(sys.argv[1], 'w')\n"
            "fcntl.flock(held, fcntl.LOCK_EX)\n"
            "print('held', flush=True)\n"
            "sys.stdin.read()\n",
            str(home / "data" / "votes" / "votes.lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline() == b"held\n"
        assert "stop the other one first" in refusal(home)
    finally:
        sleeper.communicate(b"")


def test_keys_are_asked_for_and_there_are_none(home: Path) -> None:
    assert "poyong keys api-key new" in refusal(
        home, environment={"POYONG_RPC_REQUIRE_KEY": "true"}
    )


def test_a_file_of_api_keys_that_is_none_or_that_others_can_write(home: Path) -> None:
    file = home / "keys" / "api-keys.json"
    environment = {"POYONG_RPC_API_KEYS": "keys/api-keys.json"}
    assert "poyong keys api-key new" in refusal(home, environment=environment)
    file.write_text('{"keys": [{"name": "exchange"}]}')
    file.chmod(0o600)
    assert str(file) in refusal(home, environment=environment)
    file.chmod(0o666)
    assert f"chmod 600 {file}" in refusal(home, environment=environment)
