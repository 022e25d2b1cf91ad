"""What one input has to show: a value that encodes to the same bytes, or the documented error."""

import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fuzz.mutation import Shape

MAX_CPU_S = 2.0
"""For one input of at most 64 KiB; thousands of times what a decoder takes."""
MAX_MESSAGE_CHARACTERS = 1_000
MAX_PEAK_BYTES = 36 * 2**20
"""What msgpack reserves at most: 1,024 nested arrays of ledger.codec.MAX_ITEMS places."""
MAX_PEAK_FACTOR = 64
"""Peak memory of decoding is at most this many times the input, beside what is reserved."""


class FuzzError(AssertionError):
    """A decoder did with an input what it must not do."""


@dataclass(frozen=True)
class Decoder:
    """One decoder of the code base, or one use of it.

    covers: qualified names of the functions that it reaches, for the completeness test.
    encode: the inverse where the encoding is canonical. errors: what it may raise.
    """

    name: str
    decode: Callable[[bytes], Any]
    samples: Sequence[bytes]
    errors: tuple[type[Exception], ...]
    covers: tuple[str, ...]
    encode: Callable[[Any], bytes] | None = None
    shape: Shape = Shape.CANONICAL
    peak_bytes: int = MAX_PEAK_BYTES


def check(decoder: Decoder, data: bytes) -> bool:
    """Whether `data` was accepted; FuzzError when the decoder broke one of its promises."""
    started = time.thread_time()
    try:
        value = decoder.decode(data)
    except decoder.errors as error:
        _check_error(error)
        return False
    except Exception as error:
        raise FuzzError(
            f"{decoder.name} raised {type(error).__name__}, expected "
            f"{' or '.join(kind.__name__ for kind in decoder.errors) or 'a value'}: {error!s:.200}"
        ) from error
    finally:
        spent = time.thread_time() - started
        if spent > MAX_CPU_S:
            raise FuzzError(f"{decoder.name} took {spent:.1f} s of CPU for {len(data)} bytes")
    if decoder.encode is not None and (again := decoder.encode(value)) != data:
        raise FuzzError(
            f"{decoder.name} accepted bytes that are not those of the value: {again.hex():.400}"
        )
    return True


def check_memory(decoder: Decoder, data: bytes) -> None:
    """As check, and the peak of memory stays within bounds."""
    tracemalloc.start()
    try:
        check(decoder, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if peak > decoder.peak_bytes + MAX_PEAK_FACTOR * len(data):
        raise FuzzError(f"{decoder.name} took {peak} bytes of memory for {len(data)} bytes")


def _check_error(error: Exception) -> None:
    """An operator or a log gets it: one sentence, of bounded length."""
    text = str(error)
    if not text or len(text) > MAX_MESSAGE_CHARACTERS:
        raise FuzzError(f"{type(error).__name__} of {len(text)} characters: {text:.200}")


NESTED_FIELDS = (b"kind", b"chain", b"chain_id", b"id", b"params", b"nodes", b"kdf", b"block")
"""Of the JSON documents that are read; nested as deep as json.loads still reads."""


def hostile(count: int) -> list[bytes]:
    """Length fields that promise more than there is, and nesting without end."""
    announced = [
        b"\xdd\xff\xff\xff\xff",
        b"\xdc\xff\xff",
        b"\xdc\x02\x00",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\x7f\0\0\0",
    ]
    return [
        *(head * count for head in announced),
        *(b"\x98" + head * count for head in announced),
        (b"\xdd" + count.to_bytes(4, "big")) * 900 + bytes(count),
        b"\x91" * count,
        b"\x91" * 1_000 + b"\x90",
        b"[" * count,
        b'{"a":' * count,
        b"a = " + b"[" * count,
        b"\x7f" * count,
        *(
            b'{"%s":' % name + b"[" * depth + b"]" * depth + b"}"
            for name in NESTED_FIELDS
            for depth in (300, 900)
        ),
    ]
