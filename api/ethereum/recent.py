"""What is made once for a block while it is recent."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by height; the one made longest ago goes first."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._values: dict[int, T] = {}

    def get(self, height: int) -> T | None:
        """What is kept for a height."""
        return self._values.get(height)

    def put(self, height: int, value: T) -> T:
        """Keep a value, which is returned."""
        self._values.pop(height, None)
        if len(self._values) >= self._maximum:
            del self._values[next(iter(self._values))]
        self._values[height] = value
        return value
