"""What the system says becomes one sentence with the remedy."""

import errno
from pathlib import Path

import pytest

from node.files.disk_errors import engine_error, os_error


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, r"the disk is full \(\d+ MiB free\)\. Free at least 1024 MiB on the file"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, r"permission denied\. Give the user .* the right to write"),
        (errno.EROFS, "permission denied"),
        (errno.ENOENT, "Create its folder, or correct the path"),
        (errno.EIO, r"Check the disk \(dmesg"),
    ],
)
def test_each_failure_names_path_and_remedy(number: int, remedy: str, tmp_path: Path) -> None:
    error = os_error("write", tmp_path / "file", OSError(number, "said the system"))
    assert str(error).startswith(f"cannot write {tmp_path / 'file'}: ")
    with pytest.raises(type(error), match=remedy):
        raise error


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("IO error: lock /d/LOCK: already held by process", "another process uses"),
        ("IO error: lock hold by current process, acquire time 1", "another process uses"),
        ("IO error: While lock file: /d/LOCK: Resource temporarily unavailable", "another process"),
        ("IO error: No space left on device: While appending to file", "the disk is full"),
        ("IO error: /d/000007.log: No space left on device", "the disk is full"),
        ("IO error: /d/CURRENT: Permission denied", "permission denied"),
        ("Corruption: bad entry in block", "damaged or unreadable .*restore a backup, or move"),
        ("IO error: /d/5.ldb: Invalid argument", "no file is missing or cut short"),
        ("something new", "damaged or unreadable .something new"),
    ],
)
def test_what_an_engine_says_is_understood(said: str, meaning: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=meaning) as raised:
        raise engine_error(tmp_path, Exception(said))
    assert str(tmp_path) in str(raised.value)
