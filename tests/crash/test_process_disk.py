"""Disks that fill up and files that were damaged, under one node of a real town.

Either the node recovers as designed, or it ends with one sentence that names the remedy, which the
test then follows. Never another chain, and the others go on.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import pytest

from node.votes.wal_format import PAGE_BYTES, read_file_header, scan
from tests.support.town_processes import ProcessTown, load, process_town, running_town

pytestmark = pytest.mark.timeout(120)

VICTIM = "builder"
DISK_MIB = 48
HOLDER_S = 100
EXIT_FAILED = 1

MOUNTS_ALLOWED = (
    shutil.which("unshare") is not None
    and shutil.which("nsenter") is not None
    and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode
    == 0
)


@contextmanager
def small_disk(folder: Path) -> Iterator[list[str]]:
    """A small disk at `folder`, seen only by commands that start with what is yielded."""
    folder.mkdir(parents=True, exist_ok=True)
    script = 'mount -t tmpfs -o size="$1"m none "$2" && echo mounted && exec sleep "$3"'
    holder = subprocess.Popen(
        [
            *("unshare", "--mount", "sh", "-c", script, "sh"),
            str(DISK_MIB),
            str(folder),
            str(HOLDER_S),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "mounted\n":
            pytest.skip("this machine lets nobody mount a tmpfs, which is the full disk here")
        yield ["nsenter", f"--target={holder.pid}", "--mount"]
    finally:
        holder.kill()
        holder.communicate()


def fill(inside: list[str], folder: Path) -> None:
    """Write until nothing more fits."""
    written = subprocess.run(
        [*inside, "dd", "if=/dev/zero", f"of={folder}/filler", "bs=64K"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No space left" in written.stderr


@pytest.mark.skipif(not MOUNTS_ALLOWED, reason="needs a mount namespace of its own (root)")
def test_a_full_disk_stops_one_node_and_it_returns_when_there_is_room(tmp_path: Path) -> None:
    with process_town(tmp_path, observer=False) as town:
        data = town.nodes[VICTIM].home / "data"
        others = [name for name in town.nodes if name != VICTIM]
        with small_disk(data) as inside:
            town.start(VICTIM, wrapper=inside)
            town.start(*others)
            town.wait_ready(*town.nodes)
            with load(town, others[0], batch=100) as sending:
                sending.wait_for_batches(2)
                fill(inside, data)
                code, said = town.ended(VICTIM)
                sending.wait_for_batches(3)
            assert code == EXIT_FAILED
            assert str(data) in said
            assert "full" in said
            assert "Free" in said
            town.start(VICTIM, wrapper=inside)
            code, said = town.ended(VICTIM)
            assert (code, "full" in said) == (EXIT_FAILED, True), said
            subprocess.run([*inside, "rm", f"{data}/filler"], check=True)
            town.start(VICTIM, wrapper=inside)
            town.wait_ready(VICTIM)
            town.wait_until_equal(*town.nodes)
            town.assert_one_chain(others[0], *others[1:], VICTIM)
            town.assert_receipts(VICTIM, sending.receipts)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessTown]:
    """Some blocks long, with no load."""
    with running_town(tmp_path_factory.mktemp("town"), observer=False) as made:
        with load(made, *made.validators, batch=50) as sending:
            sending.wait_for_batches(6)
        yield made


def damage(town: ProcessTown, change: Callable[[Path], None]) -> None:
    """Kill the victim under load, change its data folder, and start it again."""
    others = [name for name in town.validators if name != VICTIM]
    with load(town, *others) as sending:
        sending.wait_for_batches(2)
        town.kill(VICTIM)
        data = town.nodes[VICTIM].home / "data"
        change(data)
        town.start(VICTIM)
        sending.wait_for_batches(1)


def assert_whole(town: ProcessTown) -> None:
    town.wait_ready(VICTIM)
    town.wait_until_equal(*town.validators)
    others = [name for name in town.validators if name != VICTIM]
    town.assert_one_chain(others[0], *others[1:], VICTIM)


def newest_votes(data: Path) -> tuple[Path, int]:
    """The vote file with the newest frame, and where that frame ends."""
    found: list[tuple[int, int, Path, int]] = []
    for path in sorted((data / "votes").glob("*.wal")):
        content = path.read_bytes()
        identity = read_file_header(content, int(path.stem[-1]))
        assert identity is not None
        frames = scan(content, crc32(identity))
        found += [(frame.generation, frame.sequence, path, frame.end) for frame in frames]
    *_, path, end = max(found)
    return path, end


def test_a_torn_tail_of_the_vote_record_is_dropped(town: ProcessTown) -> None:
    """A torn last record was never sent (rule 1)."""

    def tear(data: Path) -> None:
        path, end = newest_votes(data)
        with path.open("r+b") as file:
            file.seek(end)
            file.write(b"vote" + bytes(range(256)) * 8)

    damage(town, tear)
    assert_whole(town)


def test_a_damaged_first_page_of_the_vote_record_refuses_to_sign(
    town: ProcessTown, tmp_path: Path
) -> None:
    """The sentence says which folder to move away; then the node follows, and votes again."""

    def overwrite(data: Path) -> None:
        for path in (data / "votes").glob("*.wal"):
            with path.open("r+b") as file:
                file.write(b"\0" * PAGE_BYTES)

    damage(town, overwrite)
    code, said = town.ended(VICTIM)
    votes = town.nodes[VICTIM].home / "data" / "votes"
    assert code == EXIT_FAILED
    assert f"move the folder {votes} away" in said
    votes.rename(tmp_path / "votes")
    town.start(VICTIM)
    assert_whole(town)


@pytest.mark.parametrize("pattern", ["*.log", "MANIFEST-*", "CURRENT", "*.ldb"])
def test_a_truncated_database_is_a_sentence_or_an_earlier_chain(
    town: ProcessTown, tmp_path: Path, pattern: str
) -> None:
    """Its remedy, a fresh folder, gives the same chain again: nothing finalised is lost."""

    def cut(data: Path) -> None:
        found = [*(data / "chain").rglob(pattern), *(data / "chain").rglob("*.sst")]
        path = max(found, key=lambda p: p.stat().st_size)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size * 2 // 3)

    damage(town, cut)
    node = town.nodes[VICTIM]
    town.until(lambda: not node.running or town.is_ready(VICTIM), "ready or ended")
    if not node.running:
        code, said = town.ended(VICTIM)
        assert code == EXIT_FAILED
        assert "move this folder away and start again" in said
        named = Path(said.partition("the database in ")[2].partition(" is damaged")[0])
        assert named.is_relative_to(node.home / "data" / "chain")
        named.rename(tmp_path / "moved")
        town.start(VICTIM)
    assert_whole(town)
