"""Fetches a snapshot from several peers at once; nothing that one of them says is trusted.

An item counts once it has been checked against the manifest, and the manifest once it is proven
from genesis. Who gives one that does not hold is dropped and penalised at that item; what came from
others stays, and others are asked for the rest. Bytes in memory are bounded: SLOTS items a source.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from ledger.errors import PeerError
from node.network.reputation import FORGED_BLOCK_POINTS
from node.snapshots.checking import ChainRules, CheckedManifest, max_item_bytes
from node.snapshots.format import MANIFEST, MAX_PART_BYTES, NewerFormatError
from node.snapshots.restoring import Gathering, JoinFolder
from node.sync.sync_wire import (
    MAX_REQUEST_ID,
    PieceAnswer,
    PieceAsk,
    SnapshotOffer,
    SnapshotsAnswer,
    SnapshotsAsk,
    SyncMessage,
)

SLOTS: Final = 2
"""Items that are asked of one source at a time."""
MAX_SOURCES: Final = 8
ANSWER_S: Final = 5.0
"""After this long without an answer the question counts as failed."""
BUSY_S: Final = 0.1
"""Before who was busy is asked again."""
MAX_BUSY: Final = 300
MAX_FAILURES: Final = 3
"""Questions in a row without an answer, after which a source is asked no more."""
MAX_WITHDRAWN: Final = 3
"""Offers that a source may fail to keep before it is asked for nothing more."""
REPORT_S: Final = 1.0
RATE_WINDOW_S: Final = 10.0

Ask = Callable[[bytes, SyncMessage], bool]
"""(node key, question): False when it could not be queued."""
Penalise = Callable[[bytes, int, str], object]

log = structlog.get_logger(__name__)


class _NoAnswer(Exception):
    """A source did not give what it was asked for, which is no proof of a lie."""


@dataclass(slots=True)
class _Source:
    """A connected peer. offers: None until it has answered. failures: questions in a row without
    an answer. withdrawn: offers that it did not keep. workers: tasks that ask it."""

    offers: tuple[SnapshotOffer, ...] | None = None
    failures: int = 0
    withdrawn: int = 0
    workers: set[asyncio.Task[None]] = field(default_factory=set)


class SnapshotFetcher:
    """Fetches one snapshot into a folder.

    Tell it peer_connected, peer_lost and answered as they come; run() is the work.
    """

    def __init__(self, folder: JoinFolder, rules: ChainRules, ask: Ask, penalise: Penalise) -> None:
        self._folder = folder
        self._rules = rules
        self._ask = ask
        self._penalise = penalise
        self._loop = asyncio.get_running_loop()
        self._sources: dict[bytes, _Source] = {}
        self._dropped: set[bytes] = set()
        self._waiting: dict[int, tuple[bytes, asyncio.Future[PieceAnswer]]] = {}
        self._last_id = 0
        self._changed = asyncio.Event()
        self._todo: list[int] = []
        self._under_way: set[int] = set()
        self._large = asyncio.Lock()
        self._failure: BaseException | None = None
        self._samples: list[tuple[float, int]] = []
        self.gathering: Gathering | None = None
        """How far it was when it last said so."""
        self.refusal = ""
        """Why the last source was dropped, or what it offered not taken."""

    # What the network tells

    def peer_connected(self, node_key: bytes) -> None:
        """A peer that may be asked."""
        if node_key in self._dropped or len(self._sources) >= MAX_SOURCES:
            return
        self._sources[node_key] = _Source()
        self._ask(node_key, SnapshotsAsk(self._next_id()))
        self._changed.set()

    def peer_lost(self, node_key: bytes) -> None:
        """What it owed goes to others."""
        source = self._sources.pop(node_key, None)
        own = asyncio.current_task()
        for worker in () if source is None else tuple(source.workers):
            if worker is not own:  # who found out that the peer lies goes on to its end
                worker.cancel()
        self._changed.set()

    def answered(self, node_key: bytes, message: SyncMessage) -> None:
        """Take an answer; one that nobody waits for counts for nothing."""
        source = self._sources.get(node_key)
        if source is None:
            return
        if isinstance(message, SnapshotsAnswer):
            source.offers = message.offers
            self._changed.set()
        elif isinstance(message, PieceAnswer):
            asked, waiting = self._waiting.get(message.request_id, (b"", None))
            if waiting is not None and asked == node_key and not waiting.done():
                waiting.set_result(message)

    # The work

    async def run(self, patience_s: float) -> bool:
        """Fetch the newest snapshot that can be had, or the one that was begun if somebody has it;
        False when for so long nobody has had any that holds."""
        while True:
            offer = self._choose()
            if offer is None:
                if not await self._offers_within(patience_s):
                    return False
                continue
            manifest = await self._manifest(offer)
            if manifest is not None and await self._items(offer):
                return True

    async def _offers_within(self, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                while self._choose() is None:
                    self._changed.clear()
                    for node_key, source in self._sources.items():
                        if source.offers is not None and not self._of_use(source):
                            self._ask(node_key, SnapshotsAsk(self._next_id()))
                    await self.changed_within(REPORT_S)
        except TimeoutError:
            return False
        return True

    async def changed_within(self, seconds: float) -> bool:
        """Wait for news of peers or items; False when there is none for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _choose(self) -> SnapshotOffer | None:
        """The one that was begun, else the highest; a claim, which the manifest has to prove."""
        offers = {offer for source in self._sources.values() for offer in self._of_use(source)}
        begun = self._folder.manifest
        for offer in offers:
            if begun is not None and _is_of(begun, offer):
                return offer
        return max(
            offers, key=lambda offer: (offer.height, offer.block_hash, -offer.level), default=None
        )

    def _of_use(self, source: _Source) -> list[SnapshotOffer]:
        """Its offers from the trusted header on; older ones are no lie, and cannot be proven."""
        lowest = self._rules.lowest_height
        offers = source.offers or ()
        found = [offer for offer in offers if offer.height >= lowest]
        if offers and not found:
            self.refusal = (
                f"a peer's newest snapshot is of block {offers[-1].height}, before the trusted "
                f"block {lowest}"
            )
        return found

    def _holders(self, offer: SnapshotOffer) -> list[bytes]:
        return [
            node_key
            for node_key, source in self._sources.items()
            if source.offers is not None and offer in source.offers
        ]

    async def _manifest(self, offer: SnapshotOffer) -> CheckedManifest | None:
        """The proven manifest of an offer; None when nobody who claims it has it."""
        begun = self._folder.manifest
        if begun is not None and _is_of(begun, offer):
            for _ in self._folder.recheck():
                await asyncio.sleep(0)
            return begun
        for node_key in self._holders(offer):
            try:
                raw = await self._item(node_key, offer, MANIFEST)
                found = CheckedManifest(self._rules, raw)
                if not _is_of(found, offer):
                    raise PeerError(f"offered block {offer.height} and sent another manifest")
            except NewerFormatError as error:
                self._withdraw(node_key, offer, f"its snapshot is of {error}")
            except _NoAnswer as error:
                self._withdraw(node_key, offer, str(error))
            except PeerError as error:
                self._drop(node_key, f"manifest of block {offer.height}: {error}")
            else:
                self._folder.begin(found)
                log.info(
                    "snapshot.begun",
                    height=found.manifest.height,
                    items=found.manifest.item_count,
                    sources=len(self._holders(offer)),
                )
                return found
        return None

    async def _items(self, offer: SnapshotOffer) -> bool:
        """Gather every item from whoever has them; False when nobody is left to ask."""
        self._todo = self._folder.missing()[::-1]
        self._under_way.clear()
        self._samples.clear()
        reported_s = float("-inf")
        whole = self._folder.kept_items + len(self._todo)
        try:
            while self._folder.kept_items < whole:
                self._changed.clear()
                if not self._employ(offer) and not self._under_way:
                    return False
                if self._loop.time() - reported_s >= REPORT_S:
                    reported_s = self._loop.time()
                    self._report()
                await self.changed_within(REPORT_S)
                if self._failure is not None:
                    raise self._failure
        finally:
            for source in self._sources.values():
                for worker in source.workers:
                    worker.cancel()
        self._report()
        return True

    def _employ(self, offer: SnapshotOffer) -> int:
        """Keep SLOTS workers busy with each source; how many sources there are."""
        holders = self._holders(offer)
        for node_key in holders:
            source = self._sources[node_key]
            while len(source.workers) < SLOTS and self._todo:
                worker = self._loop.create_task(self._work(node_key, offer))
                source.workers.add(worker)
                worker.add_done_callback(source.workers.discard)
                worker.add_done_callback(self._ended)
        return len(holders)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        if not worker.cancelled() and worker.exception() is not None:
            self._failure = worker.exception()
        self._changed.set()

    async def _work(self, node_key: bytes, offer: SnapshotOffer) -> None:
        """One item from one source after the other, until nothing is left to do."""
        source = self._sources[node_key]
        while self._todo:
            item = self._todo.pop()
            self._under_way.add(item)
            done = False
            try:
                self._folder.keep(item, await self._item(node_key, offer, item))
                done, source.failures = True, 0
            except _NoAnswer as error:
                source.failures += 1
                if source.failures >= MAX_FAILURES:
                    self._withdraw(node_key, offer, str(error))
                    return
            except PeerError as error:
                self._drop(node_key, f"item {item} of the snapshot of {offer.height}: {error}")
                return
            finally:
                self._under_way.discard(item)
                if not done:
                    self._todo.append(item)
                self._changed.set()

    async def _item(self, node_key: bytes, offer: SnapshotOffer, item: int) -> bytes:
        """All bytes of an item from one source, piece by piece."""
        manifest = None if item == MANIFEST else self._folder.manifest
        bound = max_item_bytes(None if manifest is None else manifest.manifest, item)
        first = await self._piece(node_key, offer, item, 0)
        if first.size > bound:
            raise PeerError(f"it says that item {item} has {first.size} bytes, at most {bound}")
        if first.size <= MAX_PART_BYTES:
            return await self._rest(node_key, offer, item, first)
        async with self._large:  # one at a time: memory stays bounded
            return await self._rest(node_key, offer, item, first)

    async def _rest(
        self, node_key: bytes, offer: SnapshotOffer, item: int, first: PieceAnswer
    ) -> bytes:
        data = bytearray(first.piece)
        while len(data) < first.size:
            answer = await self._piece(node_key, offer, item, len(data))
            if answer.size != first.size:
                raise PeerError(f"item {item} had {first.size} bytes, and now {answer.size}")
            data += answer.piece
        if len(data) != first.size:
            raise PeerError(f"item {item} of {first.size} bytes came with {len(data)}")
        return bytes(data)

    async def _piece(
        self, node_key: bytes, offer: SnapshotOffer, item: int, offset: int
    ) -> PieceAnswer:
        for _ in range(MAX_BUSY):
            question = PieceAsk(self._next_id(), offer.height, offer.level, item, offset)
            answer = await self._answer(node_key, question)
            if answer.size == 0:
                raise _NoAnswer(f"it no longer has the snapshot of block {offer.height}")
            if answer.piece:
                return answer
            await asyncio.sleep(BUSY_S)
        raise _NoAnswer(f"it has been busy for {MAX_BUSY * BUSY_S:.0f} s")

    async def _answer(self, node_key: bytes, question: PieceAsk) -> PieceAnswer:
        waiting: asyncio.Future[PieceAnswer] = self._loop.create_future()
        self._waiting[question.request_id] = node_key, waiting
        try:
            if not self._ask(node_key, question):
                raise _NoAnswer("it cannot be reached")
            async with asyncio.timeout(ANSWER_S):
                return await waiting
        except TimeoutError as error:
            raise _NoAnswer(f"no answer for {ANSWER_S:.0f} s") from error
        finally:
            del self._waiting[question.request_id]

    # Judging

    def _withdraw(self, node_key: bytes, offer: SnapshotOffer, reason: str) -> None:
        """Believe an offer of one source no longer."""
        source = self._sources.get(node_key)
        if source is not None and source.offers is not None:
            log.warning("snapshot.source_fails", node_key=node_key.hex(), reason=reason)
            self.refusal = reason
            source.offers = tuple(each for each in source.offers if each != offer)
            source.failures = 0
            source.withdrawn += 1
            if source.withdrawn >= MAX_WITHDRAWN:
                self._dropped.add(node_key)
                self.peer_lost(node_key)
        self._changed.set()

    def _drop(self, node_key: bytes, reason: str) -> None:
        """Nothing more is taken from who sent what does not hold."""
        log.error("snapshot.source_dropped", node_key=node_key.hex(), reason=reason)
        self.refusal = reason
        self._dropped.add(node_key)
        self.peer_lost(node_key)
        self._penalise(node_key, FORGED_BLOCK_POINTS, f"snapshot: {reason}")

    def _report(self) -> None:
        manifest = self._folder.manifest
        if manifest is None:
            return
        now_s, done = self._loop.time(), self._folder.kept_bytes
        self._samples = [each for each in self._samples if now_s - each[0] <= RATE_WINDOW_S]
        rate = 0
        if self._samples and now_s > self._samples[0][0]:
            rate = int((done - self._samples[0][1]) / (now_s - self._samples[0][0]))
        self._samples.append((now_s, done))
        items, whole = self._folder.kept_items, manifest.manifest.item_count - 1
        left_bytes = done * (whole - items) // items if items else 0
        gathering = Gathering(
            manifest.manifest.height,
            items,
            whole,
            done,
            rate,
            left_bytes // rate if rate else None,
        )
        self.gathering = gathering
        self._folder.tell(gathering)
        log.info(
            "snapshot.progress",
            height=gathering.height,
            items=items,
            of=whole,
            bytes=done,
            bytes_per_second=rate,
            seconds_left=gathering.seconds_left,
        )

    def _next_id(self) -> int:
        self._last_id = self._last_id % MAX_REQUEST_ID + 1
        return self._last_id


def _is_of(manifest: CheckedManifest, offer: SnapshotOffer) -> bool:
    of = manifest.manifest
    return (of.height, of.header.hash, of.level) == (offer.height, offer.block_hash, offer.level)
