"""The copy of the commitment that a stop leaves: read back whole, and never in the way."""

from pathlib import Path

import pytest

from ledger.commitment import StateCommitment
from node.store import saved_commitment

COMMITMENT = StateCommitment.build([(b"a/b/%d" % n, b"%d" % n) for n in range(40)], 16, height=3)


def test_what_was_left_is_found(tmp_path: Path) -> None:
    saved_commitment.save(tmp_path, COMMITMENT)
    saved_commitment.save(tmp_path, COMMITMENT)
    found = saved_commitment.load(tmp_path)
    assert found is not None
    assert (found.height, found.root) == (3, COMMITMENT.root)
    assert [path.name for path in tmp_path.iterdir()] == [saved_commitment.FILE]


def test_without_a_copy_there_is_none(tmp_path: Path) -> None:
    assert saved_commitment.load(tmp_path) is None


@pytest.mark.parametrize("damage", [b"", b"poyong/saved-commitment/1", b"other bytes" * 9])
def test_a_damaged_copy_is_no_copy(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / saved_commitment.FILE).write_bytes(damage)
    assert saved_commitment.load(tmp_path) is None


def test_a_folder_that_cannot_be_written_does_not_stop_a_stop(tmp_path: Path) -> None:
    saved_commitment.save(tmp_path / "missing", COMMITMENT)
    assert list(tmp_path.iterdir()) == []
