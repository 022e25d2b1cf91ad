"""Freed memory goes back to the system where something in use lies above it."""

import asyncio
import ctypes
import sys
import threading
from pathlib import Path

import pytest

from node import memory

PIECE_BYTES = 4_096
PIECES = 8_192


def resident_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc"
)
def test_what_lies_below_something_in_use_is_given_back() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    memory.give_back()
    pieces = [library.malloc(PIECE_BYTES) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE_BYTES)
    above = library.malloc(PIECE_BYTES)
    for piece in pieces:
        library.free(piece)
    before = resident_kib()
    memory.give_back()
    freed_kib = PIECES * PIECE_BYTES // 1_024
    assert before - resident_kib() > freed_kib // 2, "glibc keeps it for ever else"
    library.free(above)


async def test_it_happens_beside_the_loop_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large heap takes it longer than readers and blocks should wait."""
    threads: list[int] = []
    twice, loop = asyncio.Event(), asyncio.get_running_loop()

    def noted() -> None:
        threads.append(threading.get_ident())
        if len(threads) == 2:
            loop.call_soon_threadsafe(twice.set)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory, "PERIOD_S", 0.0)
    monkeypatch.setattr(memory, "give_back", noted)
    regularly = asyncio.ensure_future(memory.give_back_regularly())
    await twice.wait()
    regularly.cancel()
    with pytest.raises(asyncio.CancelledError):
        await regularly
    assert threading.get_ident() not in threads


async def test_elsewhere_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(memory, "give_back", lambda: pytest.fail("it was tried"))
    await memory.give_back_regularly()
