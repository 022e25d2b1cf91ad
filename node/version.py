"""The version of this software. Everything that shows or compares it takes it from here, and so
does the package's metadata (pyproject.toml)."""

from typing import Final

from ledger.errors import LocalError

VERSION: Final = "0.1.0"
SOFTWARE: Final = f"poyong/{VERSION}"


class UpgradeNeededError(LocalError):
    """The chain has decided that the next block needs other software than this."""
