"""Holds the folders of tests/support/mistakes.py as running processes do, until told to end: those
of both nodes and of the signer, and that of the newcomer as a node that begins with a snapshot.

A process of its own: a lock of an engine belongs to a process, which loses it when it only reads
the file.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.signing.last_signed import SignedRecord
from node.signing.settings import load_home
from node.snapshots.restoring import beginning_alone
from tests.support.sealed_chain import SealedChain


@contextmanager
def held(at: Path) -> Iterator[None]:
    """Every folder is in use."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.folder_holder", str(at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
    finally:
        process.communicate(b"")


def main(at: Path) -> None:
    """Open them, say so, and wait until standard input ends."""
    signer = load_home(at / "signer")
    record = SignedRecord(signer.state_path, signer.domain)
    with beginning_alone(at / "newcomer/data"), SealedChain(at / "home", at / "other"):
        print("held", flush=True)
        sys.stdin.read()
    record.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
