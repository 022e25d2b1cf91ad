"""Nodes that have removed old blocks, among others: who joins, who asks, who looks after them."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api import light, ports
from api.held_blocks import require_held
from api.light import TrustedGenesis
from api.server import ApiConfig, ApiServer
from consensus.chain import RECENT_HEIGHTS
from governance.deciding import ROTATE_KEY
from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.validator_tables import PROBES_NEEDED
from node import audit, chain_export, config
from node.cli.doctor import examine
from node.opening import CHAIN_FOLDER, VOTES_FOLDER
from tests.support.rotation import all_have_signed, make_next_keys
from tests.support.running_nodes import PAYEE, RunningNodes, running_nodes, until
from tests.support.shell import Shell
from tests.support.town import base_port

pytestmark = pytest.mark.timeout(240)

KEEP = RECENT_HEIGHTS
BLOCKS = KEEP + 20


@pytest.fixture
async def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningNodes]:
    """Two validators and an observer, not started; so few blocks may be kept."""
    monkeypatch.setattr(config, "LEAST_KEPT_BLOCKS", KEEP)
    async with running_nodes(tmp_path, base_port() + 780, validators=2) as nodes:
        yield nodes


def prune(town: RunningNodes, name: str) -> None:
    file = town.folder / name / "config.toml"
    text, found = re.subn(
        r"(\[pruning\](?:\n(?!\[).*)*\nkeep_blocks = )0",
        lambda match: match[1] + str(KEEP),
        file.read_text(encoding="utf-8"),
    )
    assert found == 1
    file.write_text(text, encoding="utf-8")


async def test_who_joins_gets_old_blocks_from_an_archive_beside_a_pruned_peer(
    town: RunningNodes,
) -> None:
    pruned, archive = town.validators
    prune(town, pruned)
    await town.start(pruned, archive)
    receipt = await town.finalise(archive, BLOCKS)
    nodes = town.nodes
    await nodes[pruned].service.wait_for_height(receipt.height)
    lowest = nodes[pruned].service.lowest_height()
    assert lowest == nodes[pruned].service.height() - KEEP + 1
    assert nodes[archive].service.lowest_height() == 1
    await town.start(town.observer)
    joined = nodes[town.observer]
    await joined.service.wait_for_height(receipt.height)
    assert joined.runtime.synchroniser.unheld() is None
    for height in (1, lowest - 1, lowest, receipt.height):
        expected = nodes[archive].service.block(height)
        assert joined.service.block(height) == expected
        held = nodes[pruned].service.block(height)
        assert held == (expected if height >= lowest else None)


async def test_a_node_that_nobody_can_help_says_what_to_do(town: RunningNodes) -> None:
    """Every peer has removed the blocks that it needs."""
    for name in town.validators:
        prune(town, name)
    await town.start(*town.validators)
    await town.finalise(town.validators[0], BLOCKS)
    await town.start(town.observer)
    lost = town.nodes[town.observer]
    synchroniser = lost.runtime.synchroniser
    await until(lambda: len(lost.runtime.peers.peers()) == len(town.validators))
    await until(lambda: synchroniser.unheld() is not None)
    ready, reason, _ = lost.instruments.readiness()
    assert not ready
    assert "block 1 is needed next and peers hold blocks from" in reason
    assert "begin again from a snapshot, or add a peer that keeps all blocks" in reason
    report = lost.service.why_stalled()
    assert report.stalled
    assert any("block 1 is needed next" in cause.finding for cause in report.causes)
    assert lost.service.height() == 0
    assert len(lost.runtime.peers.peers()) == len(town.validators), "nobody is penalised"


async def test_a_pruned_node_proves_restarts_and_is_found_healthy(
    town: RunningNodes, capsys: pytest.CaptureFixture[str]
) -> None:
    pruned, archive = town.validators
    prune(town, pruned)
    await town.start(pruned, archive)
    receipt = await town.finalise(archive, BLOCKS)
    service = town.nodes[pruned].service
    await service.wait_for_height(receipt.height)
    opened = town.nodes[pruned].opened
    trusted = TrustedGenesis(
        opened.genesis.chain_id, opened.chain.genesis_hash, opened.genesis.validators
    )
    proof = service.prove_account(b"\x01" * 20)
    assert proof is not None
    assert light.verify_chain(trusted, proof.chain).header.height == service.height()
    with pytest.raises(Exception, match="pruned history unavailable"):
        require_held(service, 1)
    lowest, head = service.lowest_height(), service.height()
    await town.stop(pruned, archive)

    home = town.folder / pruned
    findings = {item.check: item for item in examine(home)}
    assert all(item.ok for item in findings.values()), findings
    assert f"blocks {lowest} to {head}" in findings["store"].found
    rows = list(chain_export.rows_of_files(home, "blocks", None, None))
    assert [row["height"] for row in rows] == list(range(lowest, head + 1))
    with pytest.raises(LocalError, match=f"holds blocks {lowest} to {head}, asked for were 1 to"):
        list(chain_export.rows_of_files(home, "blocks", 1, None))
    assert audit.block_hash_at(home, 1) is None

    capsys.readouterr()
    shell = Shell(capsys)
    code, out, err = shell("doctor", "--home", str(home), "--json")
    assert code == 0, err
    shown: dict[str, Any] = json.loads(out)
    assert shown["disk_free_bytes"] > 0
    assert {"chain: blocks and certificates", "vote record"} <= shown["disk_bytes"].keys()
    code, out, err = shell("history", "rebuild", "--home", str(home), "--json")
    assert code == 0, err
    assert json.loads(out)["complete_from_height"] == lowest
    assert json.loads(out)["lowest_block_held"] == lowest

    await town.start(pruned, archive)
    assert isinstance(await town.finalise(pruned, 3), ports.FinalReceipt)
    assert town.nodes[pruned].service.lowest_height() >= lowest + 3


async def test_poyong_verify_accepts_a_proof_across_a_change_of_validators_that_was_removed(
    town: RunningNodes, capsys: pytest.CaptureFixture[str]
) -> None:
    pruned, archive = town.validators
    prune(town, pruned)
    new = make_next_keys(town.folder / archive)
    await town.start(pruned, archive)
    service = town.nodes[pruned].service
    await town.finalise(archive, 2 * (1 + PROBES_NEEDED))  # a probe comes every other block
    assert all_have_signed(service)
    organisation = town.town.validators[1].organisation
    decided = await town.decide(pruned, ROTATE_KEY, organisation, new.validator, new.node)
    receipt = await town.finalise(archive, BLOCKS)
    await service.wait_for_height(receipt.height)
    assert service.lowest_height() > decided.height
    file, genesis = str(town.folder / "balance.json"), str(town.folder / archive / "genesis.json")
    server = ApiServer(service, ApiConfig(port=0), town.nodes[pruned].runtime.fail)
    _, port = await server.start()
    shell, account = Shell(capsys), checksum_address(PAYEE)
    asked = ("prove", "balance", account, "--out", file, "--rpc", f"http://127.0.0.1:{port}")
    try:
        code, out, err = await asyncio.to_thread(shell, *asked, "--json")
        assert code == 0, err
        written = json.loads(out.splitlines()[-1])  # the nodes of this process log before it
    finally:
        await server.stop()
    capsys.readouterr()
    found = shell.json("verify", file, "--genesis", genesis)
    assert (found["valid"], found["statement"]) == (True, "balance")
    assert found["height"] == written["height"] > receipt.height - 2
    assert found["answer"]["balance"] == str(town.balance(pruned))
    proof = json.loads(Path(file).read_text(encoding="utf-8"))  # noqa: ASYNC240  # nothing waits
    assert len(proof["chain"]["set_changes"]) == 1
    proof["chain"]["set_changes"] = []
    Path(file).write_text(json.dumps(proof), encoding="utf-8")  # noqa: ASYNC240
    assert "proves nothing on the chain of" in shell.refusal("verify", file, "--genesis", genesis)


async def test_a_validator_that_lost_its_chain_fetches_it_from_an_archive(
    town: RunningNodes,
) -> None:
    """And removes old blocks on the way: its disk never holds the whole chain."""
    pruned, archive = town.validators
    await town.start(pruned, archive, town.observer)
    receipt = await town.finalise(archive, BLOCKS)
    await town.stop(pruned)
    shutil.rmtree(town.data(pruned, CHAIN_FOLDER))
    shutil.rmtree(town.data(pruned, VOTES_FOLDER))
    prune(town, pruned)
    await town.start(pruned)
    service = town.nodes[pruned].service
    await service.wait_for_height(receipt.height)
    assert service.lowest_height() == service.height() - KEEP + 1
