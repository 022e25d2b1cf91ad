"""The three families of error, and the error that becomes a receipt.

PeerError: someone else sent rubbish; score or drop the sender, never crash.
LocalError: configuration, disk or keys; a sentence that names the file or option and the remedy.
InvariantViolation: this node is wrong; stop at once and keep the data.
"""

from enum import IntEnum


class PoyongError(Exception):
    """Base of every error that this project raises on purpose."""


class PeerError(PoyongError):
    """Input from outside (peer or client) is malformed, oversized or not allowed."""


class DecodeError(PeerError):
    """Bytes are not the canonical encoding of the expected value."""


class WrongChainError(DecodeError):
    """A well-formed transaction of another chain."""


class LocalError(PoyongError):
    """The operator has to act: wrong configuration, disk, key or password."""


class InvariantViolation(PoyongError):
    """A condition that this node guarantees does not hold: stop, keep the data."""


class ErrorCode(IntEnum):
    """Why a transaction failed; stored in its receipt, so numbers are never reused."""

    OK = 0
    INSUFFICIENT_FUNDS = 1
    INVALID_MESSAGE = 2
    UNAUTHORISED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    LIMIT_EXCEEDED = 6
    NOT_NOW = 7
    PAUSED = 8


class TransactionError(PoyongError):
    """A message cannot take effect; its overlay is rolled back and a receipt says why."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def ensure(condition: object, message: str) -> None:
    """Raise InvariantViolation when `condition` is false. Works under `python -O` too."""
    if not condition:
        raise InvariantViolation(message)
