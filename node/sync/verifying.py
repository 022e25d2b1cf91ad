"""Verifies signatures of fetched blocks ahead of their turn, in a process of its own.

A node that is far behind executes one block while this process verifies the next ones, so that it
catches up on two cores. What it says only spares the node the same work: a block whose signatures
it did not find right, or did not look at in time, is verified by the node as any other.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final

import structlog

from ledger import codec
from ledger.block import decode_block
from ledger.errors import PeerError
from ledger.ethereum_envelope import CallDecoder
from ledger.transaction import verify_transaction
from node.parent import end_with
from node.sync.sync_wire import MAX_CERTIFIED_BYTES

SMALLEST_BYTES: Final = 16 * 1024
"""Of a block that is worth the way to another process: some sixty transfers."""
MAX_AHEAD: Final = 64
"""Blocks that wait to be verified; more are fetched than that."""
PATIENCE_S: Final = 10.0

log = structlog.get_logger(__name__)

_rules: list[tuple[int, CallDecoder]] = []
"""In the process that verifies: the chain's id and what decodes calls of its contracts."""


class AheadVerifier:
    """Blocks by their bytes. take() each as it comes, ask verified() when it is its turn."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id
        self._pool: ProcessPoolExecutor | None = None
        self._results: dict[bytes, Future[bool]] = {}
        # On one core it would only take time from the node.
        self._is_able = len(os.sched_getaffinity(0)) > 1

    def take(self, blocks: Sequence[bytes]) -> None:
        """Begin to verify these certified blocks, as many as there is room for."""
        for raw in blocks:
            if len(raw) < SMALLEST_BYTES or len(self._results) >= MAX_AHEAD or not self._is_able:
                continue
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    1, multiprocessing.get_context("spawn"), _prepare, (self._chain_id, os.getpid())
                )
            try:
                self._results[raw] = self._pool.submit(_all_valid, raw)
            except BrokenProcessPool as error:
                self._give_up(error)

    async def verified(self, raw: bytes) -> bool:
        """Whether every signature in this block was found right ahead of its turn."""
        found = self._results.pop(raw, None)
        if found is None:
            return False
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.wrap_future(found)
        except PeerError:
            return False  # who sent it hears so when the node itself decodes it
        except (BrokenProcessPool, TimeoutError) as error:
            self._give_up(error)
            return False

    def close(self) -> None:
        """End the process; what it has not done is forgotten."""
        pool, self._pool = self._pool, None
        self._results.clear()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _give_up(self, error: Exception) -> None:
        """The node goes on by itself."""
        log.warning("sync.verifier_failed", reason=str(error) or type(error).__name__)
        self._is_able = False
        self.close()


def _prepare(chain_id: int, parent: int) -> None:
    from node.modules import build_executor  # noqa: PLC0415  # the node has it; this process pays

    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then ends this
    _rules.append((chain_id, build_executor().contracts.decode_call))


def _all_valid(raw: bytes) -> bool:
    """Whether a certified block decodes and all its transactions are signed as they should be."""
    (chain_id, decode_call), wire = _rules[0], _read(raw)
    block = decode_block(wire[-1], chain_id, decode_call)
    return all(verify_transaction(transaction) for transaction in block.transactions)


def _read(raw: bytes) -> tuple[Any, ...]:
    """[tag, certificate, block]"""
    return codec.as_array(codec.decode(raw, MAX_CERTIFIED_BYTES + 16), "certified block", 3)
