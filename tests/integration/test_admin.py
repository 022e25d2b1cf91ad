"""The operator's socket of real nodes: who can open it, and what it does."""

import asyncio
import json
import os
import re
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from aiohttp import ClientSession

from api import admin_calls, calls
from api.client import NodeError
from api.errors import METHOD_NOT_FOUND
from api.methods import admin_methods
from api.sync_client import SyncClient
from ledger.errors import LocalError
from node import config
from node.cli import run
from node.cli.admin_socket import ask_operator, listens, socket_of
from node.keys import api_keys
from node.snapshots.making import SPILL_FOLDER
from node.snapshots.shelf import FOLDER
from node.store import data_folder
from tests.support.rotation import make_next_keys, write_config
from tests.support.town_processes import ProcessTown, load, running_town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessTown]:
    """Four validators that run."""
    with running_town(tmp_path_factory.mktemp("admin"), observer=False) as found:
        yield found


def home(town: ProcessTown, name: str) -> Path:
    return town.nodes[name].home


def test_the_socket_is_its_owners_alone(town: ProcessTown) -> None:
    path = socket_of(home(town, town.validators[0]))
    found = path.lstat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_uid == os.getuid()


def test_peers_are_shown_with_score_and_own_key(town: ProcessTown) -> None:
    name = town.validators[0]
    folder = home(town, name)

    def has_all() -> bool:
        return len(ask_operator(folder, admin_calls.peers())["connected"]) == 3

    town.until(has_all, "three peers")  # ready nodes have a quorum, and perhaps not yet everybody
    found = ask_operator(folder, admin_calls.peers())
    assert {peer["score"] for peer in found["connected"]} <= set(range(101))
    (known_as,) = {peer["known_as"] for peer in found["connected"]}
    with SyncClient(town.rpc(name)) as client:
        seats = client.call(calls.validators())
    assert seats is not None
    assert known_as == seats["members"][0]["node_key"]


@pytest.mark.parametrize("method", [item.name for item in admin_methods() if "admin" in item.name])
def test_no_admin_method_is_on_the_wallet_port(town: ProcessTown, method: str) -> None:
    plan = town.nodes[town.validators[0]].plan
    connection = HTTPConnection("127.0.0.1", plan.rpc_port, timeout=5)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method})
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["error"]["code"] == METHOD_NOT_FOUND


async def test_no_admin_method_is_reachable_by_websocket(town: ProcessTown) -> None:
    url = town.rpc(town.validators[0])
    async with ClientSession() as session, session.ws_connect(url) as connection:
        for item in admin_methods():
            if item.name.startswith("admin_"):
                await connection.send_json({"jsonrpc": "2.0", "id": 1, "method": item.name})
                answer = await connection.receive_json()
                assert answer["error"]["code"] == METHOD_NOT_FOUND


def test_the_wallet_methods_are_not_on_the_socket(town: ProcessTown) -> None:
    with pytest.raises(LocalError, match='method "poyong_status" not found'):
        ask_operator(home(town, town.validators[0]), calls.status())


def test_the_log_level_is_changed_while_the_node_runs(
    town: ProcessTown, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(home(town, town.validators[1]))
    assert run(["admin", "log-level", "--home", folder]) == 0
    assert capsys.readouterr().out.strip() == "info"
    assert run(["admin", "log-level", "--home", folder, "debug", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"level": "debug"}
    assert run(["admin", "log-level", "--home", folder, "info"]) == 0
    log = town.nodes[town.validators[1]].log
    # A thread of the node writes its log.
    town.until(lambda: "log.level_changed" in log.read_text(), "the change in the log")


def test_a_large_body_is_refused(town: ProcessTown) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(5)
        caller.connect(str(socket_of(home(town, town.validators[0]))))
        size = 65 * 1024
        caller.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
        )
        assert b" 413 " in caller.recv(4096)


async def test_an_api_key_is_taken_away_without_a_restart(town: ProcessTown) -> None:
    name = town.validators[2]
    folder, url = home(town, name), town.rpc(name)
    file = folder / "keys/api-keys.json"
    secret = api_keys.add_key(file, "exchange", 100, 100)
    settings = config.load(folder / config.CONFIG_FILE, {})
    write_config(folder, replace(settings, rpc=replace(settings.rpc, api_keys=str(file))))
    found = await asyncio.to_thread(ask_operator, folder, admin_calls.reload())
    assert found["api_keys"] == ["exchange"]
    headers = {"X-API-Key": secret}
    body = {"jsonrpc": "2.0", "id": 1, "method": "poyong_status"}
    async with ClientSession() as session, session.ws_connect(url, headers=headers) as connection:
        async with session.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200
        api_keys.remove_key(file, "exchange")
        found = await asyncio.to_thread(ask_operator, folder, admin_calls.reload())
        assert found["api_keys"] == []
        closed = await connection.receive(timeout=5)
        assert (closed.data, closed.extra) == (1008, "the API key was taken away")
        api_keys.add_key(file, "other", 100, 100)
        await asyncio.to_thread(ask_operator, folder, admin_calls.reload())
        async with session.post(url, json=body, headers=headers) as answer:
            assert answer.status == 401
        async with session.post(url, json=body) as answer:
            assert answer.status == 200


def test_the_label_names_the_keys_that_the_running_node_has(town: ProcessTown) -> None:
    folder = home(town, town.validators[1])
    file, label = folder / config.CONFIG_FILE, folder / "data" / data_folder.FILE
    text, before = file.read_text(), json.loads(label.read_bytes())
    try:
        coming = make_next_keys(folder, node_key=False).validator.hex()
        ask_operator(folder, admin_calls.reload())
        after = json.loads(label.read_bytes())
    finally:
        file.write_text(text)
    assert after == before | {"validator_keys": [*before["validator_keys"], coming]}
    ask_operator(folder, admin_calls.reload())
    assert json.loads(label.read_bytes()) == before


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            'validator_key = "keys/validator.json"',
            'validator_key = ""',
            "the validator set of height",
        ),
        ("[node]", '[node]\ncolour = "red"', "no option 'colour'"),
        ('next_node_key = ""', 'next_node_key = "keys/node.json"', "is the present one"),
        ('next_validator_key = ""', 'next_validator_key = "keys/none.json"', "there is no"),
        ('kind = "file"', 'kind = "remote"', "and [node] validator_key names a key file too"),
    ],
)
def test_a_wrong_configuration_changes_nothing(
    town: ProcessTown, before: str, after: str, expected: str
) -> None:
    folder = home(town, town.validators[1])
    file = folder / config.CONFIG_FILE
    good = ask_operator(folder, admin_calls.reload())
    text = file.read_text()
    assert before in text
    try:
        file.write_text(text.replace(before, after, 1))
        with pytest.raises(LocalError, match=re.escape(expected)):
            ask_operator(folder, admin_calls.reload())
    finally:
        file.write_text(text)
    assert ask_operator(folder, admin_calls.reload()) == good


def test_a_drained_validator_votes_no_more_until_it_resumes(
    town: ProcessTown, capsys: pytest.CaptureFixture[str]
) -> None:
    name, other = town.validators[3], town.validators[0]
    with load(town, other) as sending:
        sending.wait_for_batches(2)
        assert run(["admin", "drain", "--home", str(home(town, name)), "--json"]) == 0
        drained = json.loads(capsys.readouterr().out)
        assert (drained["draining"], drained["drained"]) == (True, True)
        assert not town.is_ready(name)
        with SyncClient(town.rpc(name)) as client:
            (refused,) = client.batch([calls.send_transaction(b"\x98")])
            assert isinstance(refused, NodeError)
            assert "drained" in refused.message
        sending.wait_for_batches(3)
        with SyncClient(town.rpc(name)) as client:
            assert client.call(calls.status())["role"] == "observer"
        assert run(["admin", "resume", "--home", str(home(town, name))]) == 0
        height = town.height(other)

        def signs_again() -> bool:
            with SyncClient(town.rpc(other)) as client:
                seats = client.call(calls.validators())
            return seats is not None and seats["members"][3]["last_signed_height"] > height

        town.until(signs_again, f"{name} seals again")
    assert town.is_ready(name)


def test_a_snapshot_is_made_on_demand_while_blocks_go_on(
    town: ProcessTown, capsys: pytest.CaptureFixture[str]
) -> None:
    """By both commands; the second is of a later block."""
    name = town.validators[0]
    folder = str(home(town, name))
    heights = []
    with load(town, name) as sending:
        for words in (["admin", "snapshot"], ["snapshot", "create"]):
            sending.wait_for_batches(1)
            assert run([*words, "--home", folder, "--json"]) == 0
            heights.append(json.loads(capsys.readouterr().out)["height"])
            town.wait_for_height(heights[-1] + 1, *town.validators)
    assert heights[0] < heights[1]
    assert run(["snapshot", "list", "--home", folder, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [item["height"] for item in listed] == heights
    height = town.wait_until_equal(*town.validators)
    for _ in range(2):  # the second time there is one of this block already
        assert run(["admin", "snapshot", "--home", folder, "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert (made["height"], Path(made["file"]).is_file()) == (height, True)


def test_a_snapshot_that_the_disk_refuses_is_told_and_the_node_goes_on(
    town: ProcessTown, capsys: pytest.CaptureFixture[str]
) -> None:
    name = town.validators[2]
    folder = home(town, name)
    in_the_way = folder / "data" / FOLDER / SPILL_FOLDER
    in_the_way.write_text("a file where a folder is needed")
    assert run(["admin", "snapshot", "--home", str(folder)]) == 1
    assert f"made no snapshot: cannot create {in_the_way}" in capsys.readouterr().err
    in_the_way.unlink()
    assert run(["admin", "snapshot", "--home", str(folder)]) == 0
    assert town.is_ready(name)
    assert list(in_the_way.parent.glob("*.new")) == []


def test_a_drained_node_ends_cleanly_and_a_killed_one_leaves_its_place(
    town: ProcessTown,
) -> None:
    name = town.validators[3]
    folder = home(town, name)
    assert run(["admin", "drain", "--stop", "--home", str(folder)]) == 0
    code, _ = town.ended(name)
    assert code == 0
    assert not socket_of(folder).exists()
    town.start(name)
    town.wait_ready(name)
    town.kill(name)
    assert socket_of(folder).is_socket(), "nobody took it away"
    assert not listens(folder)
    town.start(name)
    town.wait_ready(name)
    assert listens(folder)


def test_a_socket_in_use_is_refused(town: ProcessTown) -> None:
    name = town.validators[3]
    assert town.stop(name) == {name: 0}
    path = socket_of(home(town, name))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen()
        town.start(name)
        code, line = town.ended(name)
        assert code == 1
        assert f"another process listens on {path}" in line
    path.unlink()
    path.write_text("not a socket")
    town.start(name)
    code, line = town.ended(name)
    assert code == 1
    assert "is no socket" in line
    assert path.read_text() == "not a socket"
    path.unlink()


def test_without_a_node_there_is_one_sentence(
    town: ProcessTown, capsys: pytest.CaptureFixture[str]
) -> None:
    name = town.validators[3]
    town.stop(name)
    assert run(["admin", "peers", "--home", str(home(town, name))]) == 1
    assert "no node listens on" in capsys.readouterr().err
