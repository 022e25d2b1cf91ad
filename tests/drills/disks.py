"""A disk of its own for one node: an ext4 file system in a file, seen only by that node.

It is mounted in a mount namespace that a small process holds, so that nothing of it is left when
that process ends; it ends with this one at the latest. Needs root, and ext4.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import LocalError

DISK_MIB: Final = 128
FSCK_REPAIRED: Final = 1
STOP_S: Final = 10.0


class NotHereError(Exception):
    """This machine does not allow what a drill needs; says what that is."""


@dataclass(frozen=True, slots=True)
class Disk:
    """folder: where it is mounted. inside: what a command that shall see it starts with."""

    image: Path
    folder: Path
    inside: tuple[str, ...]

    def fill(self) -> None:
        """Write until nothing more fits."""
        self._run("fallocate", "-l", f"{DISK_MIB}M", self._filler, check=False)
        written = self._run("dd", "if=/dev/zero", f"of={self._filler}2", "bs=64K", check=False)
        if "No space left" not in written:
            raise LocalError(f"{self.folder} is not full: {written}")

    def make_room(self) -> None:
        """Remove what fill() wrote."""
        self._run("rm", "-f", self._filler, f"{self._filler}2")

    def break_off(self) -> None:
        """What ext4 does after an error of the medium: from now on nothing can be written."""
        self._run("mount", "-o", "remount,abort", str(self.folder))

    def repair(self) -> None:
        """As an operator would: unmount, fsck, mount again. Nobody may use it meanwhile."""
        self._run("umount", str(self.folder))
        done = subprocess.run(
            [*self.inside, "fsck.ext4", "-p", str(self.image)], capture_output=True, check=False
        )
        if done.returncode > FSCK_REPAIRED:
            raise LocalError(f"fsck of {self.image}: {done.stdout!r}")
        self._run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder))

    @property
    def _filler(self) -> str:
        return str(self.folder / "filler")

    def _run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run([*self.inside, *command], capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise LocalError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stderr


@contextmanager
def own_disk(folder: Path, image: Path) -> Iterator[Disk]:
    """A new disk, mounted at `folder`; NotHereError where the machine does not allow it."""
    needed = ("unshare", "nsenter", "mkfs.ext4", "fsck.ext4", "fallocate")
    missing = [command for command in needed if shutil.which(command) is None]
    if os.geteuid() != 0 or missing:
        raise NotHereError("needs root" + (f" and {', '.join(missing)}" if missing else ""))
    folder.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(DISK_MIB * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
    script = 'mount -o loop,errors=remount-ro "$1" "$2" && echo mounted && exec cat'
    holder = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(image), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "mounted\n":
            raise NotHereError(f"needs a mount of a file: {holder.stderr.read().strip()}")
        yield Disk(image, folder, ("nsenter", f"--target={holder.pid}", "--mount"))
    finally:
        holder.kill()
        holder.communicate(timeout=STOP_S)
        image.unlink()
