"""Real nodes: blocks go on while a snapshot is made and served; a new node begins with it."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from node import audit, config
from node.audit import OK
from node.keys.keystore import KeyKind, open_seed
from node.localnet.creation import PASSWORD
from node.modules import build_executor
from node.network.identities import Identities
from node.network.tls import NodeIdentity
from node.opening import CHAIN_FOLDER, read_genesis
from node.signing import fence_moves
from node.snapshots.joining import Joining, start_of, trusted_file_of
from node.sync.block_server import BlockServer
from node.sync.sync_wire import PieceAnswer, PieceAsk, SyncAnswer, SyncQuestion
from tests.integration.network_harness import watched_logs
from tests.support.running_nodes import RunningNodes, running_nodes, until
from tests.support.town import base_port

BLOCKS = 70
"""More than a snapshot holds."""


def configure(nodes: RunningNodes, name: str, *, every_blocks: int) -> None:
    """Let a node make snapshots."""
    settings = nodes.settings(name)
    making = replace(settings.snapshots, every_blocks=every_blocks)
    changed = replace(settings, snapshots=making)
    (nodes.folder / name / config.CONFIG_FILE).write_text(config.render(changed), encoding="utf-8")


def joining(nodes: RunningNodes, name: str) -> Joining:
    """The phase of a node without a chain."""
    settings = nodes.settings(name)
    document = read_genesis(settings.path(settings.node.genesis))
    seed = open_seed(settings.path(settings.node.node_key), PASSWORD, KeyKind.NODE)
    start = start_of(document, build_executor(), trusted_file_of(settings))
    return Joining(settings, start, Identities(NodeIdentity.from_seed(seed)))


def has_snapshot(nodes: RunningNodes, name: str) -> bool:
    folder = nodes.settings(name).path("data") / "snapshots"
    return any(folder.glob("*.snapshot"))


async def test_a_node_begins_with_a_snapshot_while_blocks_go_on(tmp_path: Path) -> None:
    """It has the head, the newest blocks and none before; it follows, and serves others itself."""
    async with running_nodes(tmp_path, base_port() + 1600) as nodes:
        first, *others = nodes.validators
        for name in (first, others[0]):
            configure(nodes, name, every_blocks=BLOCKS)
        await nodes.start(*nodes.validators)
        await nodes.connected(first, nodes.validators)
        await nodes.finalise(first, BLOCKS)
        await until(lambda: has_snapshot(nodes, first) and has_snapshot(nodes, others[0]))
        made_at = nodes.height(first)
        fetching = asyncio.ensure_future(joining(nodes, nodes.observer).run())
        await nodes.finalise(first, 3)  # while it is served
        assert await fetching
        await nodes.start(nodes.observer)
        service = nodes.nodes[nodes.observer].service
        assert service.lowest_height() > 1
        assert service.height() >= BLOCKS
        final = await nodes.finalise(first, 2)
        await nodes.at_height(final.height, nodes.observer)
        assert final.height > made_at
        assert nodes.balance(nodes.observer) == nodes.balance(first)
        # What it lacks it says, and nothing below is made up.
        assert service.block(service.lowest_height() - 1) is None
        assert service.block(service.lowest_height()) is not None
        assert not nodes.nodes[nodes.observer].opened.chain.blocks.block_bytes(1)
        await nodes.stop(nodes.observer)
        found = audit.audit(tmp_path / nodes.observer)
        assert (found.invariants, found.height) == (OK, final.height)


async def test_a_liar_is_dropped_and_the_node_joins_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two sources changes a byte of every part of the state."""
    async with running_nodes(tmp_path, base_port() + 1700) as nodes:
        liar, good, *_ = nodes.validators
        for name in (liar, good):
            configure(nodes, name, every_blocks=5)
        await nodes.start(*nodes.validators)
        await nodes.connected(liar, nodes.validators)
        await nodes.finalise(liar, 5)
        await until(lambda: has_snapshot(nodes, liar) and has_snapshot(nodes, good))
        server = nodes.nodes[liar].runtime.synchroniser._server
        right = BlockServer.answer

        def answer(self: BlockServer, key: bytes, question: SyncQuestion) -> SyncAnswer | None:
            found = right(self, key, question)
            is_part = isinstance(question, PieceAsk) and question.item > 5
            if self is server and is_part and isinstance(found, PieceAnswer) and found.piece:
                changed = found.piece[:-1] + bytes((found.piece[-1] ^ 1,))
                return PieceAnswer(found.request_id, found.size, changed)
            return found

        monkeypatch.setattr(BlockServer, "answer", answer)
        configure_peers(nodes, nodes.observer, [liar])
        with watched_logs() as watch, monkeypatch.context() as impatient:
            impatient.setattr("node.snapshots.joining.PATIENCE_S", 2.0)
            assert not await joining(nodes, nodes.observer).run()
            reason = await watch.reason("snapshot.source_dropped")
        assert "the state root of block 5 stands on" in reason
        configure_peers(nodes, nodes.observer, [liar, good])
        assert await joining(nodes, nodes.observer).run()
        await nodes.start(nodes.observer)
        assert nodes.height(nodes.observer) >= 5


def configure_peers(nodes: RunningNodes, name: str, peers: list[str]) -> None:
    """Let a node know these others alone."""
    settings, book = nodes.settings(name), []
    for other in peers:
        address = nodes.settings(other).network
        key = nodes.nodes[other].opened.identity.node_key.hex()
        book.append(f"{key}@127.0.0.1:{address.port}")
    changed = replace(settings, network=replace(settings.network, peers=tuple(book)))
    (nodes.folder / name / config.CONFIG_FILE).write_text(config.render(changed), encoding="utf-8")


async def test_nobody_has_a_snapshot_and_the_folder_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the node begins at genesis, as without the option."""
    monkeypatch.setattr("node.snapshots.joining.PATIENCE_S", 0.5)
    async with running_nodes(tmp_path, base_port() + 1800, validators=1) as nodes:
        (name,) = nodes.validators
        await nodes.start(name)
        final = await nodes.finalise(name, 3)
        assert not await joining(nodes, nodes.observer).run()
        assert list(nodes.settings(nodes.observer).path("data").iterdir()) == []
        await nodes.start(nodes.observer)
        await nodes.at_height(final.height, nodes.observer)
        assert nodes.nodes[nodes.observer].service.lowest_height() == 1


async def test_a_validator_that_lost_its_machine_votes_from_two_heights_on(
    tmp_path: Path,
) -> None:
    """Who signed with its key before is not known: it signs nothing at the heights that may have
    been voted on, and votes again after them (rule 6)."""
    async with running_nodes(tmp_path, base_port() + 1900) as nodes:
        first, *_, lost = nodes.validators
        configure(nodes, first, every_blocks=5)
        await nodes.start(*nodes.validators)
        await nodes.connected(first, nodes.validators)
        await nodes.finalise(first, 5)
        await until(lambda: has_snapshot(nodes, first))
        await nodes.stop(lost)
        shutil.rmtree(nodes.data(lost, CHAIN_FOLDER).parent)
        # Whoever sealed the newest blocks with its key, the operator says that it was the old one.
        fence_moves.take_without_token(nodes.folder / lost, None)
        assert await joining(nodes, lost).run()
        await nodes.start(lost)
        assert nodes.nodes[lost].opened.chain.vote_record_lost
        await nodes.connected(lost, nodes.validators)
        final = await nodes.finalise(first, 6)
        await nodes.at_height(final.height, lost)
        runtime = nodes.nodes[lost].runtime
        await until(lambda: not runtime.chain.vote_record_lost)
        assert runtime.replica.describe().no_vote_reason is None
