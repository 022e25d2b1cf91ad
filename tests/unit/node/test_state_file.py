"""The file of an exported state: refused with a sentence, whatever is wrong with it."""

from pathlib import Path

import pytest

from ledger import codec
from ledger.block import Header
from ledger.crypto import sha256
from ledger.errors import LocalError
from ledger.genesis import Parameters
from ledger.primitives import ZERO_HASH, Hash
from node.state_files.state_file import MAGIC, Description, describe, file_hash, read_rows, writing

HEADER = Header(7, ZERO_HASH, 9, 0, *(Hash(bytes([n]) * 32) for n in range(5)))
DESCRIPTION = Description(82062, "포용", Hash(b"g" * 32), False, 256, Parameters(), HEADER)
ROWS = [(bytes([n]), b"value %d" % n) for n in range(1, 4)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "state"
    with writing(target, DESCRIPTION) as writer:
        assert list(writer.through(ROWS)) == ROWS
    return target


def sealed(body: bytes) -> bytes:
    """With the right checksum: what somebody writes who knows the format."""
    return body + sha256(body)


def chunk(rows: object) -> bytes:
    encoded = codec.encode(rows)
    return len(encoded).to_bytes(4, "big") + encoded


def body(*chunks: bytes, count: int) -> bytes:
    return MAGIC + DESCRIPTION.line() + b"".join(chunks) + bytes(4) + count.to_bytes(8, "big")


def test_each_single_byte_counts(path: Path) -> None:
    """Exhaustive over a small file: every byte, and every place to cut it."""
    content = path.read_bytes()
    assert len(content) < 1_200
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        with pytest.raises(LocalError):
            list(read_rows(path))
        path.write_bytes(content[:at])
        with pytest.raises(LocalError):
            list(read_rows(path))
    path.write_bytes(content)
    assert list(read_rows(path)) == ROWS


def test_people_can_read_what_it_is(path: Path) -> None:
    first, second, *_ = path.read_bytes().split(b"\n")
    assert first == b"poyong-state-1"
    assert '"name":"포용"' in second.decode()
    assert f'"block_hash":"{HEADER.hash.hex()}"' in second.decode()
    assert describe(path) == DESCRIPTION


def test_its_hash_is_what_sha256sum_prints(path: Path) -> None:
    assert file_hash(path) == sha256(path.read_bytes())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is no exported state: its first line"),
        (b"poyong-state-2\n", "has format poyong-state-2, this release .* reads poyong-state-1"),
        (b'{"chain_id": 1}', "is no exported state: its first line"),
        (MAGIC, "second line"),
        (MAGIC + b"{}\n", "chain_id is missing"),
        (MAGIC + b"x" * 20_000, "at most 16384 are allowed"),
        (sealed(body(chunk([(b"b", b""), (b"a", b"")]), count=2)), "row 1 is not above"),
        (sealed(body(chunk([(b"a", b""), (b"a", b"")]), count=2)), "row 1 is not above"),
        (sealed(body(chunk([(b"", b"")]), count=1)), "row 0 is not above"),
        (sealed(body(chunk([(b"a", b"")]), count=2)), "holds 1 rows and says otherwise"),
        (sealed(body(chunk([]), count=0)), "a chunk is empty"),
        (sealed(body(chunk([(b"a", "text")]), count=1)), "not a key and a value"),
        (sealed(body(chunk([(b"a",)]), count=1)), "not a key and a value"),
        (sealed(body(chunk([(b"%05d" % n, b"") for n in range(1001)]), count=1)), "at most 1000"),
        (sealed(body(b"\x00\x00\x00\x01\xc1", count=0)), "not canonical msgpack"),
        (body(b"\xff\xff\xff\xff", count=0), "a chunk of 4294967295 bytes"),
        (sealed(body(chunk([(b"a", b"")]), count=1)) + b"\n", "checksum"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_named_with_the_reason(
    path: Path, content: bytes, expected: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(LocalError, match=expected) as refusal:
        list(read_rows(path))
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b'"height":7', b'"height":8', "contradicts the header"),
        (b'"time_ms":9', b'"time_ms":8', "contradicts the header"),
        (b'"local":false', b'"local":"no"', "contradicts the header"),
        (b'"bucket_count":256', b'"bucket_count":255', "bucket_count: expected one of"),
        (b'"chain_id":82062', b'"chain_id":-1', "chain_id: expected an integer"),
        (b'"chain_id":82062', b'"chain_id": 82062', "contradicts the header"),
        (b'"parameters":{', b'"parameters":{"x":1,', "contradicts the header"),
        (b'"header":"99', b'"header":"zz', "is damaged"),
        (b'"header":"99', b'"header":"98', "is damaged"),
        (b'"local":false,', b"", "local is missing"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(
    path: Path, old: bytes, new: bytes, expected: str
) -> None:
    line = DESCRIPTION.line()
    assert line.count(old) == 1
    path.write_bytes(sealed(MAGIC + line.replace(old, new) + bytes(12)))
    with pytest.raises(LocalError, match=expected):
        describe(path)


def test_nothing_is_left_of_an_export_that_failed(tmp_path: Path) -> None:
    target = tmp_path / "state"
    with pytest.raises(LocalError, match="halfway"), writing(target, DESCRIPTION) as writer:  # noqa: PT012  # the block is what fails
        assert list(writer.through(ROWS)) == ROWS
        raise LocalError("halfway")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    target = tmp_path / "missing" / "state"
    with pytest.raises(LocalError, match="Create its folder"), writing(target, DESCRIPTION):
        pytest.fail("it must not get here")
    with pytest.raises(LocalError, match="cannot read"):
        describe(target)
