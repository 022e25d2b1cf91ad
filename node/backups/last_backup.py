"""When a backup of a node was last proved, as a file of its data folder says."""

from pathlib import Path
from typing import Final

import structlog

from node.reads.diagnosis import duration

FILE: Final = "last-backup"

log = structlog.get_logger(__name__)


def note_backup(folder: Path) -> None:
    """Remember in a data folder that a backup of it was proved now.

    On a disk that takes no writes a backup is worth the most, so that is only a warning.
    """
    try:
        (folder / FILE).touch(0o600)
    except OSError as error:
        log.warning("backup.not_noted", reason=error.strerror)


def last_backup_ms(folder: Path) -> int | None:
    """When note_backup was called last, ms since 1970; None for never."""
    try:
        return (folder / FILE).stat().st_mtime_ns // 1_000_000
    except OSError:
        return None


def age_of_backup(folder: Path, now_ms: int) -> str:
    """How long ago that was, for a person."""
    proved_ms = last_backup_ms(folder)
    if proved_ms is None:
        return "none was ever proved (poyong backup)"
    return f"proved {duration(now_ms - proved_ms)} ago"
