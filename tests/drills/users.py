"""Users of a town while something is wrong with it: a light constant load, and what they saw.

Each wallet has one account and one node it asks first, sends a transfer at its pace, and waits
until it is final; a node that refuses or does not answer counts as an error, and the wallet asks
the next one. Blocks are followed by subscription at every node.
"""

import asyncio
import itertools
import statistics
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from api import calls, results
from api.client import Client, ClientError
from ledger.local_accounts import LocalAccount, ed25519_accounts
from tests.support.transfers import payments

WALLETS: Final = 5
PERIOD_S: Final = 1.0
"""From one transfer of a wallet to its next; longer when the first is not final yet."""
ANSWER_S: Final = 3.0
AGAIN_S: Final = 0.25
RESEND_S: Final = 5.0
"""A wallet sends the same bytes to the next node when they are not final by then."""
VALID_BLOCKS: Final = 5_000
MAX_KEPT_ERRORS: Final = 1_000
STOP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """One that became final. Times by the monotonic clock; errors: of its submissions."""

    sent_s: float
    final_s: float
    errors: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What users saw between two moments.

    transfers: that became final. errors: submissions that a node refused or did not answer; each
    was sent to another node. longest_gap_s: without a new block at any node. latencies: from the
    first submission to seeing the block, in seconds.
    """

    transfers: int
    errors: int
    first_error: str
    longest_gap_s: float
    median_latency_s: float
    longest_latency_s: float


@dataclass
class Users:
    """urls: nodes by name. Everything runs in a thread of its own."""

    urls: Mapping[str, str]
    receipts: dict[str, results.Receipt] = field(default_factory=dict)
    transfers: list[Transfer] = field(default_factory=list)
    errors: list[tuple[float, str]] = field(default_factory=list)
    error_count: int = 0
    seen_s: dict[int, float] = field(default_factory=dict)
    """When each height was first seen at any node."""
    times_ms: dict[int, int] = field(default_factory=dict)
    """What the block of each height says of its time."""

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="users", daemon=True)
        self._stopping = asyncio.Event()
        self._final: dict[str, asyncio.Future[float]] = {}
        self._clients = {name: Client(url, timeout_s=ANSWER_S) for name, url in self.urls.items()}
        self._work: list[asyncio.Future[None]] = []
        self.failure: BaseException | None = None

    # For the drill's thread

    def start(self) -> None:
        """Follow blocks and send from now on."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(STOP_S)

    def stop(self, patience_s: float = STOP_S) -> None:
        """Send nothing more, and wait so long for what is on the way; the first thing that broke is
        raised."""
        asyncio.run_coroutine_threadsafe(self._stop(patience_s), self._loop).result(2 * STOP_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        self._loop.close()
        if self.failure is not None:
            raise self.failure

    def first_block_after(self, moment_s: float) -> float | None:
        """When a height that nobody had seen before a moment was first seen; None: not yet."""
        later = [at for at in tuple(self.seen_s.values()) if at > moment_s]
        return min(later, default=None)

    def seen(self, since_s: float, until_s: float) -> Seen:
        """What users saw in between."""
        blocks = sorted(at for at in tuple(self.seen_s.values()) if since_s < at < until_s)
        gaps = itertools.pairwise([since_s, *blocks, until_s])
        done = [item for item in tuple(self.transfers) if since_s < item.final_s <= until_s]
        took = sorted(item.final_s - item.sent_s for item in done) or [float("nan")]
        errors = [text for at, text in tuple(self.errors) if since_s < at <= until_s]
        return Seen(
            transfers=len(done),
            errors=len(errors),
            first_error=errors[0] if errors else "",
            longest_gap_s=max(after - before for before, after in gaps),
            median_latency_s=statistics.median(took),
            longest_latency_s=took[-1],
        )

    # In the thread

    async def _start(self) -> None:
        first = next(iter(self._clients.values()))
        height = (await first.call(calls.status()))["height"]
        names = list(self._clients)
        for name in names:
            self._spawn(self._follow(name, height + 1))
        for number, account in enumerate(ed25519_accounts()[:WALLETS]):
            nonce = (await first.call(calls.get_account(account.address)))["pending_nonce"]
            self._spawn(self._wallet(number, account, nonce, names))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._work.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and self.failure is None:
            self.failure = task.exception()

    async def _stop(self, patience_s: float) -> None:
        self._stopping.set()
        wallets = self._work[len(self._clients) :]
        if wallets and patience_s:
            await asyncio.wait(wallets, timeout=patience_s)
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        for client in self._clients.values():
            await client.close()

    async def _follow(self, name: str, height: int) -> None:
        """Every block of a node from `height` on, across its absences."""
        client = self._clients[name]
        while True:
            with suppress(ClientError):  # a node that is away is what drills are about
                async with aclosing(client.blocks(height)) as blocks:
                    async for block in blocks:
                        height = block["height"] + 1
                        self._block(block)
            await asyncio.sleep(AGAIN_S)

    def _block(self, block: results.Block) -> None:
        now = time.monotonic()
        self.seen_s.setdefault(block["height"], now)
        self.times_ms.setdefault(block["height"], block["time_ms"])
        for item in block["transaction_hashes"]:
            waiting = self._final.get(item)
            if waiting is not None and not waiting.done():
                waiting.set_result(now)

    async def _wallet(
        self, number: int, account: LocalAccount, nonce: int, names: Sequence[str]
    ) -> None:
        receiver = ed25519_accounts()[WALLETS + number % 2].address
        turn = itertools.count(number)
        await asyncio.sleep(PERIOD_S * number / WALLETS)
        for own_nonce in itertools.count(nonce):
            if self._stopping.is_set():
                return
            began_s = time.monotonic()
            height = max(self.seen_s, default=0)
            (made,) = payments(
                account.signer, receiver, 1, nonce=own_nonce, valid_until=height + VALID_BLOCKS
            )
            await self._transfer("0x" + made.hash.hex(), made.raw, names, turn)
            rest_s = PERIOD_S - (time.monotonic() - began_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), max(0.0, rest_s))

    async def _transfer(
        self, hash_text: str, raw: bytes, names: Sequence[str], turn: "itertools.count[int]"
    ) -> None:
        """Until it is final and its receipt is here."""
        waiting = self._final[hash_text] = self._loop.create_future()
        sent_s, errors = time.monotonic(), 0
        while not waiting.done():
            name = names[next(turn) % len(names)]
            refused = await self._submit(name, raw)
            if refused:
                errors += 1
                await asyncio.wait((waiting,), timeout=AGAIN_S)
            else:
                await asyncio.wait((waiting,), timeout=RESEND_S)
        del self._final[hash_text]
        self.transfers.append(Transfer(sent_s, waiting.result(), errors))
        self.receipts[hash_text] = await self._receipt(hash_text, names)

    async def _submit(self, name: str, raw: bytes) -> bool:
        """Whether it failed."""
        try:
            await self._clients[name].call(calls.send_transaction(raw))
        except ClientError as error:
            self.error_count += 1
            if len(self.errors) < MAX_KEPT_ERRORS:
                self.errors.append((time.monotonic(), f"{name}: {error}"))
            return True
        return False

    async def _receipt(self, hash_text: str, names: Sequence[str]) -> results.Receipt:
        for name in itertools.cycle(names):
            with suppress(ClientError):
                receipt = await self._clients[name].call(calls.get_receipt(hash_text))
                if receipt is not None:
                    return receipt
            await asyncio.sleep(AGAIN_S)
        raise AssertionError("names is empty")
