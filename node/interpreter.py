"""What the node needs of the Python that runs it."""

import sys
from typing import Final

from ledger.errors import LocalError

OLDEST: Final = (3, 11)
FIRST_UNTRIED: Final = (3, 14)


def check_runtime() -> None:
    """Raise LocalError under `python -O` (or PYTHONOPTIMIZE) and on an untried version.

    Our own checks are no asserts, but those of libraries are, and a node that signs runs with all.
    """
    if sys.flags.optimize:
        raise LocalError(
            "the node does not start under python -O, which drops the checks of libraries: start "
            "it without -O and unset PYTHONOPTIMIZE"
        )
    if not OLDEST <= sys.version_info[:2] < FIRST_UNTRIED:
        raise LocalError(
            f"the node needs Python {OLDEST[0]}.{OLDEST[1]} to "
            f"{FIRST_UNTRIED[0]}.{FIRST_UNTRIED[1] - 1}, found {sys.version.split()[0]}"
        )
