"""Results of admin_*, as api.results has those of the wallet port."""

from typing import Annotated, Literal, TypedDict

from api.results import Hash32

LogLevel = Literal["debug", "info", "warning", "error"]


class AdminPeer(TypedDict):
    """A connected peer."""

    node_key: Hash32
    organisation: str
    validator: Annotated[int | None, "seat in the current set"]
    address: str
    outbound: bool
    connected_ms: int
    height: int
    round_trip_ms: int | None
    send_queue_bytes: int
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


class Reloaded(TypedDict):
    """What the configuration names by now."""

    validator_keys: Annotated[list[Hash32], "public keys that sign votes, the present one first"]
    node_keys: Annotated[list[Hash32], "public keys of this node's identity, the present one first"]
    api_keys: Annotated[list[str], "names of the API keys that are taken"]
    peers: Annotated[int, "entries of network.peers"]
