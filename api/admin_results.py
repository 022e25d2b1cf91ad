"""Results of admin_*, as api.results has those of the wallet port."""

from typing import Annotated, Literal, TypedDict

from api.results import Hash32, Peer

LogLevel = Literal["debug", "info", "warning", "error"]


class AdminPeer(Peer):
    """A connected peer, with what only this node's operator needs."""

    score: Annotated[int, "100 at first; at 0 it is banned for a while"]
    known_as: Annotated[Hash32, "node key under which it knows this node"]


class UnreachablePeer(TypedDict):
    """A peer that is dialled in vain."""

    node_key: Hash32
    address: str
    reason: Annotated[str, "of the last attempt"]


class AdminPeers(TypedDict):
    """Whom this node reaches, and whom it does not."""

    connected: list[AdminPeer]
    unreachable: list[UnreachablePeer]


class Drain(TypedDict):
    """How far a drain is."""

    draining: Annotated[bool, "no transactions of clients are taken"]
    drained: Annotated[bool, "no vote of this node is in a height that is not final"]
    stopping: Annotated[bool, "the process ends once it is drained"]
    height: Annotated[int, "last committed height"]
    finishing: Annotated[int | None, "height that it voted in and still helps to finish"]


class Level(TypedDict):
    """What is logged."""

    level: Annotated[LogLevel, "least important level"]


class SnapshotOutcome(TypedDict):
    """What became of a snapshot."""

    height: int
    file: Annotated[str | None, "null when it was not made"]
    problem: Annotated[str | None, "why it was not made"]


class Snapshots(TypedDict):
    """What the node makes of snapshots."""

    making: Annotated[int | None, "block of the one under way"]
    parts_done: Annotated[int, "of the one under way"]
    parts: Annotated[int, "0 while their number is not known"]
    last: Annotated[SnapshotOutcome | None, "since the node was started"]


class Backups(TypedDict):
    """What the node knows of its backups; times are ms since 1970 by its own clock."""

    giving_since_ms: Annotated[int | None, "since when somebody takes its rows"]
    given_bytes: Annotated[int, "of those, or of the last"]
    broken_off: Annotated[str | None, "why the last one did not get all rows"]
    proved_ms: Annotated[int | None, "when a backup was last proved"]


class Reloaded(TypedDict):
    """What the configuration names by now."""

    validator_keys: Annotated[list[Hash32], "public keys that sign votes, the present one first"]
    node_keys: Annotated[list[Hash32], "public keys of this node's identity, the present one first"]
    api_keys: Annotated[list[str], "names of the API keys that are taken"]
    peers: Annotated[int, "entries of network.peers"]
