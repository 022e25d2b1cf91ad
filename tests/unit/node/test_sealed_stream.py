"""A sealed file gives back its chunks, and nothing that was changed, cut, moved or added."""

import io

import pytest

from ledger.errors import LocalError
from node.backups.sealed_stream import MAGIC, seal, unseal
from node.keys.keystore import LOCAL_COST

PASSWORD = "a long password"
CHUNKS = [b"first", b"", b"third" * 100]
HEADER = len(MAGIC) + 8 + 16 + 24


def sealed() -> bytes:
    out = io.BytesIO()
    seal(out, CHUNKS, PASSWORD, b"s" * 16, LOCAL_COST)
    return out.getvalue()


def opened(data: bytes, password: str = PASSWORD) -> list[bytes]:
    return list(unseal(io.BytesIO(data), password))


def test_the_chunks_come_back() -> None:
    assert opened(sealed()) == CHUNKS
    assert b"third" not in sealed()


def test_no_prefix_is_taken_for_the_whole() -> None:
    data = sealed()
    for length in range(len(data)):
        with pytest.raises(LocalError):
            opened(data[:length])


@pytest.mark.parametrize("position", [0, 24, HEADER - 1, HEADER, HEADER + 4, HEADER + 20, -1])
def test_a_changed_byte_is_refused(position: int) -> None:
    data = bytearray(sealed())
    data[position] ^= 1
    with pytest.raises(LocalError):
        opened(bytes(data))


def test_swapped_chunks_a_longer_file_and_a_wrong_password_are_refused() -> None:
    data = sealed()
    first, second = HEADER + 4 + 17 + 5, HEADER + 4 + 17 + 5 + 4 + 17
    with pytest.raises(LocalError, match="was changed"):
        opened(data[:HEADER] + data[first:second] + data[HEADER:first] + data[second:])
    with pytest.raises(LocalError, match="bytes follow"):
        opened(data + b"x")
    with pytest.raises(LocalError, match="password is wrong"):
        opened(data, "another password")


def test_a_short_password_is_refused() -> None:
    with pytest.raises(LocalError, match="8 characters"):
        seal(io.BytesIO(), CHUNKS, "short", b"s" * 16, LOCAL_COST)
