"""What waits for a signature outside this process, and the port that gives it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from consensus.events import Event

MAX_WAITING: Final = 32
"""A replica asks for a handful of votes a height; older ones are of no use to anybody."""

Signed = Callable[[bytes], Event | None]
"""Takes the signature, sends what was signed, and gives the event that the replica is told; None
for what it did not ask for (a probe)."""


class VoteSigner(Protocol):
    """Signs votes without holding the loop: later, or never while the key is out of reach."""

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """Ed25519 public keys, 32 bytes each; the present one first."""

    def problem(self, public_key: bytes) -> str | None:
        """Why nothing is signed with this key now, a sentence; None while it is."""

    def request(self, public_key: bytes, height: int, payload: bytes, signed: Signed) -> None:
        """Ask for a signature; returns at once. Requests of lower heights are dropped."""

    async def run(self, deliver: Callable[[Event], None]) -> None:
        """Until cancelled: get signatures, call `signed`, and deliver what it gives."""


@dataclass(frozen=True, slots=True)
class Request:
    """One vote, or probe, to be signed."""

    public_key: bytes
    height: int
    payload: bytes
    signed: Signed


class WaitingVotes:
    """Requests in order; bounded, without repetitions, and none of a height that is over."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=MAX_WAITING)

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, request: Request) -> None:
        """The newest; what is lower than its height is dropped."""
        kept = [item for item in self._requests if item.height >= request.height]
        if all(item.payload != request.payload for item in kept):
            kept.append(request)
        self._requests = deque(kept, MAX_WAITING)

    def put_back(self, requests: deque[Request]) -> None:
        """Those that were under way when a connection ended, before all others."""
        newer, self._requests = self._requests, requests
        for request in newer:
            self.add(request)

    def take(self) -> Request:
        """The oldest."""
        return self._requests.popleft()
