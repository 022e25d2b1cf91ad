"""Long pure work in pieces, so that whoever runs it may see to others between two of them."""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Yields after each piece; what it returns is the result."""


def finish(steps: Steps[Result]) -> Result:
    """Run all pieces at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: Result = done.value
            return result
