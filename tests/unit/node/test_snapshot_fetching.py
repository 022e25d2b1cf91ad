"""A snapshot is gathered from whoever has it; who lies is dropped at the first wrong item."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import PeerError
from node.snapshots import fetching
from node.snapshots.checking import ChainRules
from node.snapshots.fetching import SLOTS, SnapshotFetcher
from node.snapshots.format import MANIFEST
from node.snapshots.restoring import JoinFolder, read_progress
from node.snapshots.shelf import Shelf
from node.sync.block_server import PIECES_BURST_BYTES, BlockServer
from node.sync.sync_wire import (
    PieceAnswer,
    PieceAsk,
    SnapshotOffer,
    SnapshotsAnswer,
    SyncMessage,
    SyncQuestion,
)
from tests.support.running_nodes import until
from tests.support.snapshots import RULES, grown, items_of, snapshot_of

Answer = Callable[[SyncQuestion], SyncMessage | None]


class Network:
    """A fetcher, and peers that answer by functions."""

    def __init__(self, data: Path, rules: ChainRules = RULES) -> None:
        self.peers: dict[bytes, Answer] = {}
        self.asked: list[tuple[bytes, SyncMessage]] = []
        self.penalties: list[tuple[bytes, str]] = []
        self.folder = JoinFolder(data, rules)
        self.fetcher = SnapshotFetcher(self.folder, rules, self._ask, self._penalise)

    def connect(self, name: bytes, answer: Answer) -> None:
        self.peers[name] = answer
        self.fetcher.peer_connected(name)

    def _ask(self, name: bytes, message: SyncMessage) -> bool:
        self.asked.append((name, message))
        assert name in self.peers, "only who is connected is asked"
        asyncio.get_running_loop().call_soon(self._answer, name, message)
        return True

    def _answer(self, name: bytes, message: SyncMessage) -> None:
        assert not isinstance(message, SnapshotsAnswer | PieceAnswer)
        if name in self.peers:
            reply = self.peers[name](message)  # type: ignore[arg-type]  # questions alone are asked
            if reply is not None:
                self.fetcher.answered(name, reply)

    def _penalise(self, name: bytes, points: int, reason: str) -> None:
        self.penalties.append((name, reason))

    def items_asked_of(self, name: bytes) -> list[int]:
        asked = [message for peer, message in self.asked if peer == name]
        return [message.item for message in asked if isinstance(message, PieceAsk)]

    async def run(self, patience_s: float = 0.2) -> bool:
        async with asyncio.timeout(30):
            return await self.fetcher.run(patience_s)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return snapshot_of(grown(5), tmp_path / "snapshots")


def honest(path: Path) -> Answer:
    shelf = Shelf(path.parent, keep=2)
    shelf.tidy()
    loop = asyncio.get_running_loop()
    server = BlockServer(lambda: 5, lambda _: None, lambda *_: None, loop.time, snapshots=shelf)
    return lambda question: server.answer(b"", question)


def lying(path: Path, about: int) -> Answer:
    """Right but for one item, of which it changes a byte."""
    right = honest(path)

    def answer(question: SyncQuestion) -> SyncMessage | None:
        found = right(question)
        if isinstance(question, PieceAsk) and question.item == about:
            assert isinstance(found, PieceAnswer)
            changed = found.piece[:-1] + bytes((found.piece[-1] ^ 1,))
            return PieceAnswer(found.request_id, found.size, changed)
        return found

    return answer


async def test_everything_comes_from_one(tmp_path: Path, path: Path) -> None:
    network = Network(tmp_path)
    network.connect(b"one", honest(path))
    assert await network.run()
    items = items_of(path)
    assert [network.folder.read(item) for item in range(len(items))] == items
    assert network.penalties == []
    progress = read_progress(tmp_path)
    assert progress is not None
    assert (progress.height, progress.items, progress.items_in_all) == (
        5,
        len(items) - 1,
        len(items) - 1,
    )


@pytest.mark.parametrize("about", [MANIFEST, 1, 3, -1])
async def test_who_lies_is_dropped_and_the_rest_goes_on(
    tmp_path: Path, path: Path, about: int
) -> None:
    """At the first bad item, whichever it is: nothing more is asked of the liar, and what it gave
    right is not fetched again."""
    count = len(items_of(path))
    about %= count
    network = Network(tmp_path)
    network.connect(b"liar", lying(path, about))
    running = asyncio.ensure_future(network.run(patience_s=5))
    await until(lambda: bool(network.penalties))
    assert [name for name, _ in network.penalties] == [b"liar"]
    asked_then = network.items_asked_of(b"liar")
    kept = set(range(1, count)) - set(network.folder.missing()) if about != MANIFEST else set()
    assert about not in kept
    network.connect(b"honest", honest(path))
    assert await running
    assert network.items_asked_of(b"liar") == asked_then
    assert kept & set(network.items_asked_of(b"honest")) == set()
    assert [network.folder.read(item) for item in range(count)] == items_of(path)


async def test_who_claims_much_and_gives_nothing_is_given_up(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim decides only whom to ask first."""
    monkeypatch.setattr(fetching, "ANSWER_S", 0.01)

    def boasting(question: SyncQuestion) -> SyncMessage | None:
        if isinstance(question, PieceAsk):
            return None
        offer = SnapshotOffer(2**40, bytes(32), 1)  # type: ignore[arg-type]  # a hash is 32 bytes
        return SnapshotsAnswer(question.request_id, (offer,))

    network = Network(tmp_path)
    network.connect(b"boasts", boasting)
    network.connect(b"honest", honest(path))
    assert await network.run()
    assert network.penalties == [], "silence is no proof of a lie"


async def test_nobody_has_one(tmp_path: Path) -> None:
    network = Network(tmp_path)
    network.connect(b"none", lambda question: SnapshotsAnswer(question.request_id, ()))
    assert not await network.run(patience_s=0.05)


async def test_who_has_only_claims_is_asked_a_bounded_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "REPORT_S", 0.01)

    def gone(question: SyncQuestion) -> SyncMessage:
        if isinstance(question, PieceAsk):
            return PieceAnswer(question.request_id, 0, b"")
        offer = SnapshotOffer(7, bytes(32), 1)  # type: ignore[arg-type]  # a hash is 32 bytes
        return SnapshotsAnswer(question.request_id, (offer,))

    network = Network(tmp_path)
    network.connect(b"gone", gone)
    assert not await network.run(patience_s=0.1)
    assert len(network.items_asked_of(b"gone")) == fetching.MAX_WITHDRAWN


async def test_too_large_an_item_is_refused_before_it_is_sent(tmp_path: Path, path: Path) -> None:
    right = honest(path)

    def huge(question: SyncQuestion) -> SyncMessage | None:
        if isinstance(question, PieceAsk) and question.item > MANIFEST:
            return PieceAnswer(question.request_id, 2**27, b"x")
        return right(question)

    network = Network(tmp_path)
    network.connect(b"huge", huge)
    assert not await network.run(patience_s=0.05)
    assert len(network.items_asked_of(b"huge")) <= 1 + SLOTS
    ((name, reason),) = network.penalties
    assert name == b"huge"
    assert "at most" in reason


async def test_a_lost_peer_goes_on_where_it_was(tmp_path: Path, path: Path) -> None:
    """Items under way go to others, none is lost, none is fetched twice."""
    network = Network(tmp_path)
    network.connect(b"one", honest(path))
    running = asyncio.ensure_future(network.run(patience_s=5))
    await until(lambda: network.folder.kept_items >= 2)
    kept = network.folder.kept_items
    del network.peers[b"one"]
    network.fetcher.peer_lost(b"one")
    network.connect(b"two", honest(path))
    assert await running
    count = len(items_of(path))
    assert len(network.items_asked_of(b"two")) <= count - kept
    assert network.folder.missing() == []


async def test_an_interrupted_run_is_gone_on_with(tmp_path: Path, path: Path) -> None:
    """After a kill: what lies there is checked anew, what changed is fetched again, no more."""
    network = Network(tmp_path)
    network.connect(b"one", honest(path))
    assert await network.run()
    items = sorted((tmp_path / "joining").glob("item-*"))
    items[2].write_bytes(b"torn")
    items[4].unlink()
    again = Network(tmp_path)
    again.connect(b"one", honest(path))
    assert await again.run()
    assert again.items_asked_of(b"one") == [2, 4]


async def test_a_newer_snapshot_takes_the_place_of_one_that_nobody_has(tmp_path: Path) -> None:
    old = snapshot_of(grown(3), tmp_path / "old")
    new = snapshot_of(grown(5), tmp_path / "new")
    network = Network(tmp_path / "data")
    network.connect(b"old", honest(old))
    assert await network.run()
    again = Network(tmp_path / "data")
    again.connect(b"new", honest(new))
    assert await again.run()
    assert again.folder.manifest is not None
    assert again.folder.manifest.manifest.height == 5
    assert again.folder.missing() == []


async def test_who_asks_for_too_much_at_once_is_told_to_come_back(path: Path) -> None:
    """Whatever peers ask for, no more than the burst leaves at once; the size is told all the
    same."""
    shelf = Shelf(path.parent, keep=2)
    shelf.tidy()
    server = BlockServer(lambda: 5, lambda _: None, lambda *_: None, lambda: 0.0, snapshots=shelf)
    (offer,) = shelf.offers()
    sent, busy = 0, False
    for number in range(100_000):
        peer = b"peer %d" % (number % 64)
        answer = server.answer(peer, PieceAsk(1, offer.height, offer.level, 0, 0))
        if answer is None:
            continue  # this peer has used up its own budget
        assert isinstance(answer, PieceAnswer)
        assert answer.size > 0
        sent += len(answer.piece)
        busy = busy or not answer.piece
        if busy:
            break
    assert busy
    assert sent <= PIECES_BURST_BYTES


async def test_a_wrong_answer_of_a_disk_stops_the_run(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the own disk refuses is no peer's fault, and no reason to go on."""
    network = Network(tmp_path)

    def refuse(item: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(network.folder, "keep", refuse)
    network.connect(b"one", honest(path))
    with pytest.raises(OSError, match="No space"):
        await network.run()
    assert network.penalties == []
    assert not isinstance(OSError(), PeerError)
