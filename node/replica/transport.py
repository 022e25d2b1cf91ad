"""Consensus messages on their way out."""

from collections.abc import Callable, Collection

from consensus.messages import Message, Status
from node.network.consensus_wire import encode_message
from node.network.peers import Audience, PeerManager
from node.network.wire import FrameKind

KeysOf = Callable[[Collection[int]], list[bytes]]
"""Node keys that speak for these seats of the running set."""


class PeerTransport:
    """Sends consensus messages as frames; validators are named by index in the current set.

    Votes and proposals go to observers too: an observer finalises by itself, as a replica that
    never signs, and is as early as everybody.
    """

    def __init__(self, peers: PeerManager, keys_of: KeysOf) -> None:
        self._peers = peers
        self._keys_of = keys_of

    def broadcast(self, message: Message) -> None:
        """To every connected peer; a Status only to validators, which alone answer for a quorum."""
        audience = Audience.VALIDATORS if isinstance(message, Status) else Audience.ALL
        self._peers.broadcast(FrameKind.CONSENSUS, encode_message(message), audience)

    def send(self, message: Message, to: tuple[int, ...]) -> None:
        """To validators by index, of those connected."""
        self._peers.broadcast(FrameKind.CONSENSUS, encode_message(message), self._keys_of(to))

    def reply(self, message: Message, peer: bytes) -> None:
        """To one peer by node key."""
        self._peers.send(peer, FrameKind.CONSENSUS, encode_message(message))
