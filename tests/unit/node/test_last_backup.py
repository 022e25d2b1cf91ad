"""When a backup was last proved is shown where an operator looks."""

from pathlib import Path

import pytest

from node.backups.backup import backup
from node.backups.last_backup import FILE, age_of_backup, last_backup_ms, note_backup
from node.cli.doctor import examine
from node.keys.keystore import LOCAL_COST
from tests.support.stopped_homes import make_home

HOUR_MS = 3_600_000


def test_its_age_is_told_in_the_largest_unit(tmp_path: Path) -> None:
    assert last_backup_ms(tmp_path) is None
    assert "none was ever proved" in age_of_backup(tmp_path, 0)
    note_backup(tmp_path)
    proved_ms = last_backup_ms(tmp_path)
    assert proved_ms is not None
    for later_ms, said in (
        (-HOUR_MS, "proved 0 s ago"),  # a clock that was set back
        (14 * HOUR_MS, "proved 14 h ago"),
        (50 * HOUR_MS, "proved 2 days ago"),
    ):
        assert age_of_backup(tmp_path, proved_ms + later_ms) == said


def test_a_folder_that_takes_no_writes_costs_no_backup(tmp_path: Path) -> None:
    note_backup(tmp_path / "missing")
    (tmp_path / "file").touch()
    note_backup(tmp_path / "file")
    assert last_backup_ms(tmp_path / "file") is None


@pytest.mark.parametrize("engine", ["leveldb", "rocksdb"])
def test_doctor_tells_it(tmp_path: Path, engine: str) -> None:
    home = make_home(tmp_path / "node", 2, engine)

    def told() -> tuple[bool, str]:
        (found,) = (item for item in examine(home.path) if item.check == "backup")
        return found.ok, found.found

    assert told() == (True, "none was ever proved (poyong backup)")
    backup(home.path, tmp_path / "x.backup", "a long password", keys=False, cost=LOCAL_COST)
    assert (home.path / "data" / FILE).exists()
    ok, found = told()
    assert (ok, found.startswith("proved ")) == (True, True)
