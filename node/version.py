"""The version of this software. Everything that shows or compares it takes it from here, and so
does the package's metadata (pyproject.toml)."""

from typing import Final

from ledger.errors import LocalError

VERSION: Final = "0.1.0"
SOFTWARE: Final = f"poyong/{VERSION}"


class UpgradeNeededError(LocalError):
    """The chain has decided that the next block needs other software than this."""


def other_format(what: object, found: object, known: object, remedy: str) -> LocalError:
    """The one sentence about something on disk whose format this release does not read.

    what: a file or folder as messages call it. found: the format that it has. known: the one that
    this release reads. remedy: what to do, where a later release is not the answer (or not alone).
    """
    return LocalError(
        f"{what} has format {found!s:.64}, this release ({SOFTWARE}) reads {known}; nothing was "
        f"changed. {remedy}"
    )
