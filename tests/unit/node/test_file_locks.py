"""Files and folders that one process holds; flock knows handles, so a test holds them twice."""

import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from node.files import file_locks
from node.files.file_locks import hold_file, hold_folder, is_held


@pytest.mark.parametrize("hold", [hold_file, hold_folder])
def test_one_holds_it_until_it_lets_go(tmp_path: Path, hold: Callable[[Path], int | None]) -> None:
    path = tmp_path / "lock" if hold is hold_file else tmp_path
    first = hold(path)
    assert first is not None
    assert is_held(path)
    assert hold(path) is None
    os.close(first)
    assert not is_held(path)
    again = hold(path)
    assert again is not None
    os.close(again)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_link_and_a_missing_folder_are_errors(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "lock")
    with pytest.raises(OSError, match="symbolic link"):
        hold_file(tmp_path / "link")
    with pytest.raises(FileNotFoundError):
        hold_folder(tmp_path / "missing")


def test_who_only_looks_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`poyong status` at the instant of a start: the folder is in use by nobody."""
    path, looks = tmp_path / "lock", 0
    path.touch()
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)

    def rest(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            os.close(looking)

    monkeypatch.setattr(time, "sleep", rest)
    held = hold_file(path)
    assert held is not None
    assert looks == 3
    os.close(held)


def test_who_looks_for_ever_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    path.touch()
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(file_locks, "GLANCE_S", 0.0)
    before = len(os.listdir("/proc/self/fd"))
    assert hold_file(path) is None
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(looking)


def test_many_that_look_keep_nobody_from_starting(tmp_path: Path) -> None:
    path, ended = tmp_path / "lock", threading.Event()
    path.touch()

    def look() -> None:
        while not ended.is_set():
            is_held(path)
            time.sleep(0.0005)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for each in lookers:
        each.start()
    try:
        for _ in range(50):
            held = hold_file(path)
            assert held is not None
            os.close(held)
    finally:
        ended.set()
        for each in lookers:
            each.join()
