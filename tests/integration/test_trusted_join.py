"""Joining from a trusted header, with processes: who has the keys of former validators is refused,
and the node takes the true chain; bad files of a trusted header leave nothing behind."""

import asyncio
import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from api.encoding import hex_of
from api.light import anchor_to_json
from governance.deciding import ROTATE_KEY
from ledger.crypto import Ed25519Signer, sha256
from node import config
from node.keys import keystore
from node.localnet.creation import PASSWORD, read_keys
from tests.integration.network_harness import watched_logs
from tests.integration.test_snapshot_commands import (
    ShellBesideNodes,
    probe,
    start,
    status_at,
    tree,
    waited,
)
from tests.integration.test_snapshot_join import joining
from tests.support.offline_chains import OfflineChain
from tests.support.running_nodes import RunningNodes, running_nodes
from tests.support.shell import Shell
from tests.support.town import base_port

REPLACED = 2
"""Of four validators; the keys of the two others are no quorum."""
FORGED_BLOCKS = 40


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, PASSWORD)
    return ShellBesideNodes(capsys)


def grow_true(nodes: RunningNodes, name: str) -> OfflineChain:
    """Two validators got new keys; the head has the set that nobody's old keys can speak for."""
    chain = OfflineChain(nodes, name)
    for _ in range(3):
        chain.grow(nodes.transfer())
    for number, node in enumerate(nodes.town.validators[:REPLACED]):
        new = Ed25519Signer(sha256(b"new key %d" % number))
        chain.add(new)
        old = read_keys(nodes.folder, node)
        body = node.organisation, new.public_key, old.node
        chain.grow(nodes.decision(number, ROTATE_KEY, *body))
        for _ in range(4):
            chain.grow(nodes.transfer())
    return chain


def grow_forged(nodes: RunningNodes, name: str) -> OfflineChain:
    """By the keys of genesis, in which nothing was ever replaced: another history, and longer."""
    nodes._nonce = 0
    chain = OfflineChain(nodes, name)
    for _ in range(FORGED_BLOCKS):
        chain.grow(nodes.transfer(amount=2))
    return chain


def alone(nodes: RunningNodes, name: str) -> None:
    """A node that dials nobody and signs nothing: who joins comes to it."""
    settings = nodes.settings(name)
    changed = replace(
        settings,
        network=replace(settings.network, peers=()),
        node=replace(settings.node, validator_key=""),
    )
    (nodes.folder / name / config.CONFIG_FILE).write_text(config.render(changed), encoding="utf-8")


async def test_a_forged_chain_of_former_validators_is_refused(tmp_path: Path, shell: Shell) -> None:
    """From genesis alone it would be taken, being the longer one."""
    async with running_nodes(tmp_path, base_port() + 1650) as nodes:
        honest, forger, *_ = nodes.validators
        chain = grow_true(nodes, honest)
        trusted = chain.trusted_header()
        for _ in range(5):
            chain.grow(nodes.transfer())
        head, snapshot = chain.chain.head, chain.make_snapshot(tmp_path / "made")
        chain.close()
        forged = grow_forged(nodes, forger)
        forged.make_snapshot()
        forged.close()
        for name in (honest, forger):
            alone(nodes, name)
        await nodes.start(honest, forger)

        file, home = tmp_path / "header.json", tmp_path / "joined"
        file.write_text(json.dumps(anchor_to_json(trusted)), encoding="utf-8")
        options = ["--home", str(home), "--organisation", "Library", "--trusted", str(file)]
        options += ["--genesis", str(nodes.folder / honest / "genesis.json")]
        for name in (honest, forger):
            key = nodes.nodes[name].opened.identity.node_key.hex()
            options += ["--peer", f"{key}@127.0.0.1:{nodes.settings(name).network.port}"]
        made = shell.json("join", *options)
        assert made["trusted_height"] == trusted.anchor.height
        assert made["trusted_block"] == hex_of(trusted.anchor.block_hash)
        metrics = as_the_observer(nodes, home)

        process = start(home)
        try:
            log = home / "node.log"
            await waited(lambda: log.exists() and "snapshot.source_dropped" in log.read_text())
            code, said = await probe(metrics, "readyz")
            assert code == 503
            assert f"follow from the trusted block {trusted.anchor.height}" in said
            assert not (home / "data" / "chain").exists()
            shelf = nodes.nodes[honest].runtime._snapshots
            shutil.copy(snapshot, nodes.folder / honest / "data" / "snapshots")
            shelf.tidy()  # type: ignore[union-attr]  # as when a snapshot has been made
            found = await status_at(home, head.height)
            assert (found["height"], found["block_hash"]) == (head.height, hex_of(head.hash))
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        assert shell("doctor", "--home", str(home))[0] == 0


def as_the_observer(nodes: RunningNodes, home: Path) -> int:
    """Give a new home the key and the ports of the town's observer, whom all admit; its port for
    metrics."""
    shutil.copy(nodes.folder / nodes.observer / "keys/node.json", home / "keys/node.json")
    loaded, free = config.load(home / config.CONFIG_FILE, {}), nodes.settings(nodes.observer)
    changed = replace(
        loaded,
        network=replace(loaded.network, port=free.network.port),
        rpc=replace(loaded.rpc, port=free.rpc.port),
        metrics=replace(loaded.metrics, port=free.metrics.port),
    )
    (home / config.CONFIG_FILE).write_text(config.render(changed), encoding="utf-8")
    return free.metrics.port


async def test_without_a_provable_snapshot_it_never_begins_at_genesis(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so and goes on looking; the blocks that the forger would give are not asked for."""
    monkeypatch.setattr("node.snapshots.joining.PATIENCE_S", 0.2)
    async with running_nodes(tmp_path, base_port() + 1660) as nodes:
        honest, forger, *_ = nodes.validators
        chain = grow_true(nodes, honest)
        file = nodes.folder / nodes.observer / "header.json"
        file.write_text(json.dumps(anchor_to_json(chain.trusted_header())), encoding="utf-8")
        chain.close()
        forged = grow_forged(nodes, forger)
        snapshot = forged.make_snapshot()
        forged.close()
        alone(nodes, forger)
        await nodes.start(forger)
        settings = nodes.settings(nodes.observer)
        wanted = replace(settings.snapshots, join=True, trusted_header=file.name)
        changed = replace(settings, snapshots=wanted)
        text = config.render(changed)
        (nodes.folder / nodes.observer / config.CONFIG_FILE).write_text(text, encoding="utf-8")
        with watched_logs() as watch:
            running = asyncio.ensure_future(joining(nodes, nodes.observer).run())
            reason = await watch.reason("snapshot.none_from_trusted")
            assert "does not follow from the trusted block" in reason
            assert not running.done()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert not (settings.path("data") / "chain").exists()
        # Nor is a file of it taken.
        home = str(nodes.folder / nodes.observer)
        said = shell.refusal("snapshot", "restore", str(snapshot), "--home", home)
        assert "does not hold: it does not follow from the trusted block" in said


async def test_join_refuses_a_trusted_header_that_does_not_fit(
    tmp_path: Path, shell: Shell
) -> None:
    """Each with a sentence that says what to do, and nothing is made."""
    async with running_nodes(tmp_path, base_port() + 1670) as nodes:
        name = nodes.validators[0]
        chain = OfflineChain(nodes, name)
        chain.grow(nodes.transfer())
        right = anchor_to_json(chain.trusted_header())
        chain.close()
        document = nodes.folder / name / "genesis.json"
        home, file = tmp_path / "new", tmp_path / "header.json"
        command = ["join", "--home", str(home), "--organisation", "Library"]
        command += ["--genesis", str(document), "--peer", f"{'ab' * 32}@127.0.0.1:1"]
        before = tree(nodes.folder)
        assert "give --genesis-hash, or --trusted FILE" in shell.refusal(*command)
        command += ["--trusted", str(file)]
        assert "cannot read" in shell.refusal(*command)
        for content, expected in (
            ("", "is not JSON"),
            ("[]", "is no trusted header: trusted header: expected an object"),
            (json.dumps(right | {"sets": []}), "is no trusted header: sets: expected ascending"),
            (json.dumps(right | {"block_hash": "0x12"}), "is no trusted header: block_hash"),
            (
                json.dumps(right | {"chain_id": 1}),
                "is a trusted header of another chain: its chain id is 1",
            ),
            (
                json.dumps(right | {"genesis_hash": "0x" + "11" * 32}),
                "is a trusted header of another chain: its genesis hash is 0x1111",
            ),
        ):
            file.write_text(content, encoding="utf-8")
            assert expected in shell.refusal(*command)
        file.write_text(json.dumps(right), encoding="utf-8")
        assert "fetches every block from genesis on" in shell.refusal(*command, "--whole")
        other = ("--genesis-hash", "0x" + "22" * 32)
        assert "correct --genesis-hash" in shell.refusal(*command, *other)
        assert not home.exists()
        file.unlink()
        assert tree(nodes.folder) == before
