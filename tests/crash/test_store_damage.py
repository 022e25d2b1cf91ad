"""A database whose files were cut short: a clear error, or a whole chain that ends earlier.

Never a hole: what was silently lost in the middle could be served as "not found" for ever.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import LocalError
from ledger.primitives import Address, Hash
from node.store.block_store import BlockParts, BlockStore
from node.store.stores import installed_engines, open_store
from node.votes.wal_format import Marker

HEIGHTS = 1_200
BUFFER_BYTES = 128 * 1024  # small, so that the list of files has many entries
CUTS_OF_A_FILE = 6
MARKER = Marker(b"m" * 16, 1, 1, 1)


def open_blocks(folder: Path, engine: str) -> BlockStore:
    store = open_store(folder, engine, write_buffer_bytes=BUFFER_BYTES)
    try:
        return BlockStore(store, str(folder))
    except LocalError:
        store.close()
        raise


def grow_and_die(folder: Path, engine: str) -> None:
    """What the killed process does: every block, then SIGKILL while the engine is at work."""
    choose = random.Random(1)
    blocks = open_blocks(folder, engine)
    for height in range(HEIGHTS + 1):
        parts = BlockParts(
            height,
            Hash(b"%032d" % height),
            choose.randbytes(1_000),
            b"certificate",
            b"receipts",
            [Hash(choose.randbytes(32)) for _ in range(5)],
            [(b"height", b"%d" % height), (b"row%03d" % (height % 50), b"%d" % height)],
            concerned=concerned_at(height),
        )
        blocks.commit(blocks.batch_for(parts, MARKER))
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module", params=installed_engines())
def chain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A folder as a killed process leaves it."""
    engine: str = request.param
    folder = tmp_path_factory.mktemp("chain")
    command = (
        "import sys; from pathlib import Path; from tests.crash.test_store_damage import "
        "grow_and_die; grow_and_die(Path(sys.argv[1]), sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command, str(folder), engine],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return engine, folder


def concerned_at(height: int) -> dict[Address, bytes]:
    """Whom the block of a height concerns."""
    accounts = (b"everybody" + b"!" * 11, b"of height%011d" % height)
    return {Address(account): b"\0\0\0\4" for account in accounts}


def is_whole(blocks: BlockStore) -> bool:
    """Every block up to the head with its rows of history, and the state that they make."""
    head = blocks.head()
    if head is None:
        return True  # nothing is left: the chain is fetched again
    state = blocks.state()
    newest = range(max(0, head.height - 49), head.height + 1)
    return (
        all(blocks.block_bytes(height) is not None for height in range(head.height + 1))
        and state.get(b"height") == b"%d" % head.height
        and all(state.get(b"row%03d" % (height % 50)) == b"%d" % height for height in newest)
        and blocks.index.first(head.height) == 1
        and all(
            blocks.index.holds(height, concerned_at(height)) for height in range(1, head.height + 1)
        )
    )


def test_what_a_killed_process_leaves_is_whole(chain: tuple[str, Path], tmp_path: Path) -> None:
    engine, folder = chain
    shutil.copytree(folder, tmp_path / "copy")
    blocks = open_blocks(tmp_path / "copy", engine)
    head = blocks.head()
    assert head is not None
    assert head.height == HEIGHTS
    assert is_whole(blocks)
    blocks.close()


def test_a_file_cut_short_is_an_error_or_an_earlier_chain(
    chain: tuple[str, Path], tmp_path: Path
) -> None:
    engine, folder = chain
    choose = random.Random(2)
    errors = 0
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    tables = [path for path in files if path.suffix in (".ldb", ".sst")]
    for path in [*sorted(set(files) - set(tables)), *choose.sample(tables, min(3, len(tables)))]:
        size = path.stat().st_size
        spread = [choose.randrange(size) for _ in range(CUTS_OF_A_FILE - 3)]
        for cut in {0, size - 1, max(0, size - 7), *spread}:
            copy = tmp_path / "copy"
            shutil.copytree(folder, copy)
            with open(copy / path.relative_to(folder), "r+b") as file:
                file.truncate(cut)
            try:
                blocks = open_blocks(copy, engine)
            except LocalError as error:
                assert str(copy) in str(error)  # noqa: PT017 - both outcomes are allowed
                errors += 1
            else:
                try:
                    assert is_whole(blocks), f"{path.name} cut at {cut} of {size}"
                except LocalError:
                    errors += 1  # a table is read only when it is needed
                finally:
                    blocks.close()
            shutil.rmtree(copy)
    assert errors > 0
