"""An exported state reads back as it was written, and no byte of it can change unnoticed."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.block import Header
from ledger.commitment import BUCKET_COUNTS
from ledger.errors import LocalError
from ledger.genesis import Parameters
from ledger.primitives import HASH_BYTES, Hash
from node.state_files import state_file
from node.state_files.state_file import CHUNK_ROWS, Description, describe, read_rows, writing

hashes = st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES).map(Hash)
numbers = st.integers(0, 2**53 - 1)
headers = st.builds(
    Header,
    height=numbers, parent_hash=hashes, time_ms=numbers, proposer=st.integers(0, 31),
    transactions_root=hashes, state_root=hashes, receipts_root=hashes, validators_hash=hashes,
    participation_root=hashes,
)  # fmt: skip
descriptions = st.builds(
    Description,
    chain_id=numbers,
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    genesis_hash=hashes,
    local=st.booleans(),
    bucket_count=st.sampled_from(BUCKET_COUNTS),
    parameters=st.builds(Parameters, numbers, numbers),
    header=headers,
)
states = st.dictionaries(st.binary(min_size=1, max_size=40), st.binary(max_size=300), max_size=40)


def written(folder: str, description: Description, state: dict[bytes, bytes]) -> Path:
    path = Path(folder) / "state"
    with writing(path, description) as writer:
        assert list(writer.through(sorted(state.items()))) == sorted(state.items())
    return path


def is_refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        describe(path)
        list(read_rows(path))
    except LocalError:
        return True
    return False


@given(descriptions, states)
def test_what_was_written_is_read(description: Description, state: dict[bytes, bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = written(folder, description, state)
        assert describe(path) == description
        assert dict(read_rows(path)) == state
        first = path.read_bytes()
        assert written(folder, description, state).read_bytes() == first


@given(descriptions, states, st.data())
def test_every_changed_byte_is_found(
    description: Description, state: dict[bytes, bytes], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = written(folder, description, state)
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        assert is_refused(path, bytes(content))


@given(descriptions, states, st.data())
def test_every_truncation_and_every_addition_is_found(
    description: Description, state: dict[bytes, bytes], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = written(folder, description, state)
        content = path.read_bytes()
        cut = data.draw(st.integers(0, len(content) - 1))
        assert is_refused(path, content[:cut])
        assert is_refused(path, content + data.draw(st.binary(min_size=1, max_size=40)))


@settings(max_examples=25)  # each writes two files with a sync
@given(st.integers(0, 3 * CHUNK_ROWS), st.sampled_from([1, 100, 70_000]))
def test_chunks_follow_from_the_rows_alone(count: int, value_bytes: int) -> None:
    """However the rows arrive: one at a time from a store, or from a file."""
    count = min(count, 3_000_000 // value_bytes)
    rows = [(index.to_bytes(4, "big"), bytes(value_bytes)) for index in range(1, count + 1)]
    header = Header(1, *(Hash(bytes(32)),), 1, 0, *(Hash(bytes(32)),) * 5)
    description = Description(1, "x", Hash(bytes(32)), False, 16, Parameters(), header)
    heard: list[int] = []
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        with writing(first, description) as writer:
            for _ in writer.through(iter(rows), heard.append):
                pass
            assert writer.row_count == sum(heard) == count
        with writing(second, description) as writer:
            for _ in writer.through(read_rows(first)):
                pass
        assert first.read_bytes() == second.read_bytes()
        assert state_file.file_hash(first) == state_file.file_hash(second)
