"""What the operator's methods need of a running node; node.admin_desk fills it.

A feature that operators start by hand adds a method here, and one in api.methods.admin.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from api import ports


class NotDone(Exception):
    """What the operator asked for was not done, and nothing has changed; says what to do."""


@dataclass(frozen=True, slots=True)
class AdminPeer:
    """A connected peer, with what only this node's operator needs. score: 0 to 100, at 0 it is
    banned for a while. known_as: the node key under which it knows this node."""

    peer: ports.Peer
    score: int
    known_as: bytes


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A peer that this node dials in vain, and what was wrong the last time."""

    node_key: bytes
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drain:
    """How far a drain is. finishing: the height that this node voted in and that is not final."""

    draining: bool
    drained: bool
    stopping: bool
    height: int
    finishing: int | None


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What the configuration names by now. Public keys, the present ones first."""

    validator_keys: tuple[bytes, ...]
    node_keys: tuple[bytes, ...]
    api_keys: tuple[str, ...]
    peers: int


@dataclass(frozen=True, slots=True)
class SnapshotOutcome:
    """What became of a snapshot: its file, or why there is none."""

    height: int
    file: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Snapshots:
    """What a node makes of snapshots. making: block of the one under way, with its parts of the
    state; parts: 0 while their number is not known. last: since the node was started."""

    making: int | None
    parts_done: int
    parts: int
    last: SnapshotOutcome | None


@dataclass(frozen=True, slots=True)
class Backups:
    """What a node knows of its backups. Times are ms since 1970 by the own clock.

    giving_since_ms: since when somebody takes its rows, None while nobody does. given_bytes: of
    those, or of the last. broken_off: why the last one did not get all of them. proved_ms: when a
    backup was last proved, None for never.
    """

    giving_since_ms: int | None
    given_bytes: int
    broken_off: str | None
    proved_ms: int | None


class AdminPort(Protocol):
    """A running node, as its operator sees it."""

    def peers(self) -> Sequence[AdminPeer]:
        """Connected peers."""

    def unreachable(self) -> Sequence[Unreachable]:
        """Peers that are dialled in vain."""

    def drain(self, *, stop: bool) -> Drain:
        """Take no more transactions of clients, and vote no more once the height that was voted in
        is final. stop: end the process then. Asked again, it says how far it is."""

    def resume(self) -> Drain:
        """Take transactions and vote again, from the next height on. NotDone when it stops by
        now."""

    def log_level(self, level: str | None) -> str:
        """The least important level that is logged; set before when one is given."""

    async def reload(self) -> Reloaded:
        """Read the configuration again: keys, API keys and network.peers count at once. NotDone for
        what is wrong in it."""

    def snapshots(self, *, begin: bool) -> Snapshots:
        """What is being made. begin: before that, begin one of the head unless one is under way.
        NotDone for a chain without blocks."""

    def backups(self) -> Backups:
        """Whether somebody takes a backup, and when one was last proved."""

    async def give_rows(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """All rows of the chain at one moment, framed. write: raises OSError when who takes them
        has gone. NotDone while another one takes them, and when it was broken off."""
