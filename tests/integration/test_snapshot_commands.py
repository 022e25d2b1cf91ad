"""`poyong join` and `poyong snapshot` as an operator meets them, with processes and bad input."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from consensus.chain import RECENT_HEIGHTS
from governance.deciding import ADD_OBSERVER
from ledger import codec
from node import audit, config
from node.keys import keystore
from node.localnet.creation import PASSWORD
from node.snapshots.file import MAGIC
from tests.support.running_nodes import RunningNodes, running_nodes
from tests.support.shell import Shell
from tests.support.town import base_port
from tests.support.town_processes import running_town

WAIT_S = 60.0
POLL_S = 0.05


class ShellBesideNodes(Shell):
    """What nodes of this process logged before a command is not what the command prints."""

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        return super().__call__(*arguments)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, PASSWORD)
    return ShellBesideNodes(capsys)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def content_of(file: str) -> bytes:
    return Path(file).read_bytes()


async def waited(condition: Callable[[], bool]) -> None:
    """Return once a process has made the condition true."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110  # another process tells no event
            await asyncio.sleep(POLL_S)


async def chain_of(nodes: RunningNodes, blocks: int) -> Path:
    """A stopped validator's home with so many blocks."""
    (name,) = nodes.validators
    await nodes.start(name)
    await nodes.finalise(name, blocks)
    await nodes.stop(name)
    return nodes.folder / name


async def test_made_listed_and_restored_from_a_file(tmp_path: Path, shell: Shell) -> None:
    """Without any network: a file on a stick is enough, and is checked from genesis on."""
    async with running_nodes(tmp_path, base_port() + 1610, validators=1) as nodes:
        home = await chain_of(nodes, 4)
        with audit.opened(home):  # as another command does, or a node without that socket
            said = shell.refusal("snapshot", "create", "--home", str(home))
        assert "another process uses the database and makes no snapshots" in said
        made = shell.json("snapshot", "create", "--home", str(home))
        assert made["height"] >= 4
        assert shell.json("snapshot", "list", "--home", str(home)) == [made]
        assert str(made["height"]) in shell("snapshot", "list", "--home", str(home))[1]
        observer = tmp_path / nodes.observer
        found = shell.json("snapshot", "restore", made["file"], "--home", str(observer))
        assert (found["height"], found["block"]) == (made["height"], made["block"])
        assert shell("doctor", "--home", str(observer))[0] == 0
        assert "holds a chain already" in shell.refusal(
            "snapshot", "restore", made["file"], "--home", str(observer)
        )
        await nodes.start(*nodes.validators, nodes.observer)
        final = await nodes.finalise(nodes.validators[0], 2)
        await nodes.at_height(final.height, nodes.observer)


async def test_bad_snapshots_are_refused_in_one_sentence(tmp_path: Path, shell: Shell) -> None:
    """Exit code 1, and the node's folder is as it was."""
    async with running_nodes(tmp_path, base_port() + 1620, validators=1) as nodes:
        home = await chain_of(nodes, 3)
        whole = content_of(shell.json("snapshot", "create", "--home", str(home))["file"])
        observer, file = tmp_path / nodes.observer, tmp_path / "some.snapshot"
        before = tree(observer)
        command = ("snapshot", "restore", str(file), "--home", str(observer))
        middle = bytearray(whole)
        elsewhere = b"\x99\x01" + codec.encode(nodes.chain_id + 1)
        middle[len(MAGIC) + 200] ^= 1
        chain_id = codec.encode(nodes.chain_id)
        for content, expected in (
            (None, "cannot read"),
            (b"", "is no snapshot"),
            (whole[: len(whole) // 2], "damaged or cut short"),
            (whole[:-1], "damaged or cut short"),
            (bytes(middle), "does not hold: item 1"),
            (whole.replace(b"snapshot-1", b"snapshot-2", 1), "has format 2, this"),
            (whole.replace(b"\x99\x01" + chain_id, b"\x99\x02" + chain_id), "has format 2, this"),
            (whole.replace(b"\x99\x01" + chain_id, elsewhere), "is of another chain: its chain id"),
        ):
            file.unlink(missing_ok=True)
            if content is not None:
                assert content != whole
                file.write_bytes(content)
            assert expected in shell.refusal(*command)
            assert tree(observer) == before
            assert not (observer / "data").exists()


async def test_join_refuses_what_does_not_fit(tmp_path: Path, shell: Shell) -> None:
    """A wrong genesis hash, no document, a bad peer, a folder that is not empty: nothing is
    made."""
    async with running_nodes(tmp_path, base_port() + 1630, validators=1) as nodes:
        document = nodes.folder / nodes.observer / "genesis.json"
        right = shell.json("genesis", "check", str(document))["genesis_hash"]
        home = tmp_path / "new"
        peer = f"{'ab' * 32}@127.0.0.1:1"
        other = "0x" + "11" * 32

        def refused(**given: str) -> str:
            options = {
                "home": str(home), "genesis-hash": right, "genesis": str(document),
                "peer": peer, "organisation": "Library",
            } | given  # fmt: skip
            flat = [part for name, value in options.items() for part in (f"--{name}", value)]
            return shell.refusal("join", *flat)

        assert f"wanted is {other}" in refused(**{"genesis-hash": other})
        assert "expected 64 hex digits" in refused(**{"genesis-hash": "0x12"})
        assert "expected NODE_KEY@HOST:PORT" in refused(peer="node1.example")
        assert "cannot read" in refused(genesis=str(tmp_path / "absent.json"))
        assert "either --from URL or --genesis" in refused(**{"from": "http://127.0.0.1:1"})
        assert not home.exists()
        home.mkdir()
        (home / "notes.txt").write_text("mine")
        assert "is not empty" in refused()
        assert tree(home) == {"notes.txt": b"mine"}


def test_join_takes_the_genesis_document_from_any_node(tmp_path: Path, shell: Shell) -> None:
    """Over JSON-RPC, held against the hash: the same document as the node's own."""
    with running_town(tmp_path, validators=1, observer=False) as town:
        (name,) = town.validators
        document = town.nodes[name].home / "genesis.json"
        wanted = shell.json("genesis", "check", str(document))["genesis_hash"]
        home = tmp_path / "new"
        made = shell.json(
            "join", "--home", str(home), "--genesis-hash", wanted, "--from", town.rpc(name),
            "--peer", f"{'ab' * 32}@127.0.0.1:1", "--organisation", "Library",
        )  # fmt: skip
    assert made["genesis_hash"] == wanted
    taken = shell.json("genesis", "check", str(home / "genesis.json"))
    assert taken["genesis_hash"] == wanted


def status(home: Path) -> dict[str, Any]:
    """What `poyong status` prints of a node, {} while it does not answer."""
    found = subprocess.run(
        [sys.executable, "-m", "node.cli", "status", "--home", str(home), "--json"],
        capture_output=True, check=False, timeout=WAIT_S,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(found.stdout or b"{}")
    return answer


async def probe(port: int, path: str) -> tuple[int, str]:
    """What a supervisor or a monitor is told."""
    url = f"http://127.0.0.1:{port}/{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


def figure(series: str, name: str) -> float:
    """The value of a series without labels."""
    (line,) = (line for line in series.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


async def assert_probed(port: int, height: int) -> None:
    """While it gathers, a supervisor sees that it is alive, and a monitor how far it is."""
    assert await probe(port, "healthz") == (200, "alive\n")
    code, said = await probe(port, "readyz")
    assert code == 503
    assert said.startswith(f"not ready: gathers the snapshot of block {height:,}: ")
    assert "peers connected: 1" in said
    _, series = await probe(port, "metrics")
    assert "poyong_snapshot_joining 1.0" in series
    assert f"poyong_snapshot_height {height}.0" in series
    assert figure(series, "poyong_snapshot_gathered_items") >= 19
    assert figure(series, "poyong_snapshot_installed_items") == 0
    assert figure(series, "poyong_sync_syncing") == 1, "nobody is called for its old head"


async def assert_probed_later(port: int) -> float:
    """The joining is over, and its figures stay; the height."""
    _, series = await probe(port, "metrics")
    assert figure(series, "poyong_snapshot_joining") == 0
    whole = figure(series, "poyong_snapshot_items")
    assert figure(series, "poyong_snapshot_installed_items") == whole > RECENT_HEIGHTS
    return figure(series, "poyong_consensus_height")


async def status_at(home: Path, height: int) -> dict[str, Any]:
    """What it prints once the node is there."""
    async with asyncio.timeout(WAIT_S):
        found: dict[str, Any] = {}
        while found.get("height", 0) < height:
            found = await asyncio.to_thread(status, home)
        return found


def start(home: Path) -> subprocess.Popen[bytes]:
    with (home / "node.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "node.cli", "start", "--home", str(home), "--json"],
            stderr=log,
            env=os.environ | {keystore.PASSWORD_VARIABLE: PASSWORD},
        )


async def test_from_nothing_to_a_synced_observer_past_a_kill(tmp_path: Path, shell: Shell) -> None:
    """One command with the genesis hash, admission, start; killed while it gathers, it goes on
    with what it has, and ends at the head of the others."""
    async with running_nodes(tmp_path, base_port() + 1640, validators=1) as nodes:
        (name,) = nodes.validators
        source = nodes.folder / name
        await nodes.start(name)
        await nodes.finalise(name, 70)
        await nodes.stop(name)
        height = shell.json("snapshot", "create", "--home", str(source))["height"]
        await nodes.start(name)
        validator = nodes.nodes[name]
        genesis_hash = "0x" + validator.opened.chain.genesis_hash.hex()
        home = tmp_path / "joined"
        peer = f"{validator.opened.identity.node_key.hex()}@127.0.0.1:"
        peer += str(nodes.settings(name).network.port)
        made = shell.json(
            "join", "--home", str(home), "--genesis-hash", genesis_hash, "--organisation",
            "Library", "--peer", peer, "--genesis", str(source / "genesis.json"),
        )  # fmt: skip
        loaded = config.load(home / config.CONFIG_FILE, {})
        assert loaded.snapshots.join
        probed = nodes.settings(nodes.observer).metrics.port
        ports = (
            ("rpc", nodes.settings(nodes.observer).rpc.port),
            ("metrics", probed),
            ("network", 0),
        )
        text = (home / config.CONFIG_FILE).read_text(encoding="utf-8")
        for section, port in ports:
            old = getattr(loaded, section).port
            text = text.replace(f"port = {old}", f"port = {port}", 1)
        (home / config.CONFIG_FILE).write_text(text, encoding="utf-8")
        await nodes.decide(name, ADD_OBSERVER, bytes.fromhex(made["entry"]["node_key"]), "Library")

        # It may gather a few items only: then it is killed.
        server = validator.runtime.synchroniser._server
        right, held = server._piece, asyncio.Event()

        def piece(question: Any) -> Any:
            answer = right(question)
            if question.item > 20 and not held.is_set():
                return type(answer)(answer.request_id, answer.size, b"")  # busy
            return answer

        server._piece = piece  # type: ignore[method-assign]  # a slow source
        process = start(home)
        try:
            items = home / "data" / "joining"
            await waited(lambda: len(list(items.glob("item-*[0-9]"))) >= 20)
            await waited((items / "progress.json").exists)
            found = await asyncio.to_thread(status, home)
            assert found["joining"]["height"] == height
            assert found["joining"]["items_in_all"] > RECENT_HEIGHTS
            await assert_probed(probed, height)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert not (home / "data" / "chain").exists()
        kept = len(list(items.glob("item-*[0-9]"))) - 1
        held.set()
        process = start(home)
        try:
            final = await nodes.finalise(name, 3)
            found = await status_at(home, final.height)
            assert found["lowest_height"] == height - RECENT_HEIGHTS + 1
            assert await assert_probed_later(probed) >= final.height
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=WAIT_S) == 0
        log = (home / "node.log").read_text(encoding="utf-8")
        gathered = [json.loads(line) for line in log.splitlines() if "snapshot.progress" in line]
        assert kept >= 19
        assert any(line["items"] >= kept for line in gathered[:-1]), "it began with what was there"
        assert "snapshot.installed" in log
        assert shell("doctor", "--home", str(home))[0] == 0
