"""Files that are replaced whole: who reads one, or starts after a crash, finds the old content or
the new one, never a mixture."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from node.files.disk_errors import os_error, sync_folder

_SHARED_MODE: Final = 0o666


@contextmanager
def whole_file(
    path: Path, *, what: str = "", mode: int = _SHARED_MODE, sync: bool = True
) -> Iterator[BinaryIO]:
    """A file to write, which becomes `path` when the block ends without an error, and is on disk
    then. LocalError when the disk refuses; nothing is left behind.

    what: its kind for that sentence ("the API keys"). mode: less the umask. sync: False for what
    need not survive loss of power.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        temporary.unlink(missing_ok=True)  # what a killed process left has its mode
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
        if sync:
            sync_folder(path.parent)
    except OSError as error:
        raise os_error(f"write {what}".rstrip(), path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def replace_whole(
    path: Path, content: bytes, *, what: str = "", mode: int = _SHARED_MODE, sync: bool = True
) -> None:
    """Make `content` the whole of a file; as whole_file."""
    with whole_file(path, what=what, mode=mode, sync=sync) as file:
        file.write(content)
