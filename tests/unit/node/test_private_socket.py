"""A Unix socket of its owner alone, also under a path that is longer than its name may be."""

import os
import socket
import stat
from pathlib import Path

import pytest

from ledger.errors import LocalError
from node.files.private_socket import MAX_PATH_BYTES, bind_private, short_name


def asked(path: Path) -> int:
    with short_name(path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        return caller.connect_ex(name)


@pytest.mark.parametrize("folder", ["short", "long/" + "x" * 200])
def test_it_is_made_replaced_and_refused(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "a.sock"
    path.parent.mkdir(parents=True)
    assert (len(os.fsencode(path)) > MAX_PATH_BYTES) == folder.startswith("long")
    first = bind_private(path, "[admin] socket")
    first.listen()
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert asked(path) == 0
    with pytest.raises(LocalError, match="another process listens"):
        bind_private(path, "[admin] socket")
    first.close()  # as a killed process does: the file stays
    assert path.is_socket()
    second = bind_private(path, "[admin] socket")
    second.listen()
    assert asked(path) == 0
    second.close()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    path.write_text("mine")
    with pytest.raises(LocalError, match="is no socket"):
        bind_private(path, "[admin] socket")
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="cannot make the socket"):
        bind_private(tmp_path / "none" / "a.sock", "[admin] socket")
