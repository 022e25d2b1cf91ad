"""The copy of the state commitment that a clean stop leaves, so that the next start is quick.

A cache and nothing more: it is believed only when its root is that of the head's header. Where it
is missing, old or damaged, as after a kill, the start builds the commitment from the state rows.
"""

import os
from pathlib import Path
from typing import Final

import structlog

from ledger.commitment import StateCommitment
from ledger.errors import DecodeError

FILE: Final = "commitment.saved"

log = structlog.get_logger(__name__)


def save(folder: Path, commitment: StateCommitment) -> None:
    """Leave a copy in `folder`. A disk that refuses it costs the next start time, nothing else."""
    path = folder / FILE
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            file.writelines(commitment.save())
        # Not synced: a copy that was cut short does not have the root that it must have.
        partial.replace(path)
    except OSError as error:
        log.warning("commitment.not_saved", path=str(path), reason=os.strerror(error.errno or 0))
        partial.unlink(missing_ok=True)


def load(folder: Path) -> StateCommitment | None:
    """The copy in `folder`, or None. The caller compares its height and root with the header."""
    path = folder / FILE
    try:
        return StateCommitment.restore(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, DecodeError) as error:
        log.warning("commitment.unreadable", path=str(path), reason=str(error))
        return None
