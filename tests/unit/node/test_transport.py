"""Whom a consensus message goes to."""

from collections.abc import Collection
from typing import cast

from consensus.messages import Status, Vote
from ledger.primitives import Hash
from ledger.registry import Phase
from node.network.consensus_wire import encode_message
from node.network.peers import Audience, PeerManager
from node.network.wire import FrameKind
from node.replica.transport import PeerTransport
from tests.support.applied_chain import AppliedChain

VOTE = Vote(Phase.PREPARE, 1, 0, Hash(bytes(32)), 0, bytes(64))
STATUS = Status(1, 0, False, 0, 0, 0)
SET = AppliedChain().chain.applied_event().validators
KEYS = [validator.node_key for validator in SET.validators]


class Peers:
    """Notes what a PeerManager would send."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, object]] = []

    def broadcast(self, kind: FrameKind, payload: bytes, to: Audience | Collection[bytes]) -> int:
        assert kind is FrameKind.CONSENSUS
        self.sent.append((payload, to))
        return 0

    def send(self, node_key: bytes, kind: FrameKind, payload: bytes) -> bool:
        assert kind is FrameKind.CONSENSUS
        self.sent.append((payload, node_key))
        return False  # a full queue is no error: Status asks again


def keys_of(seats: Collection[int]) -> list[bytes]:
    return [key for index, key in enumerate(KEYS) if index in seats]


def transport() -> tuple[PeerTransport, Peers]:
    peers = Peers()
    return PeerTransport(cast(PeerManager, peers), keys_of), peers


def test_votes_go_to_observers_too() -> None:
    """docs/adr/0009: they finalise from the votes themselves."""
    sender, peers = transport()
    sender.broadcast(VOTE)
    assert peers.sent == [(encode_message(VOTE), Audience.ALL)]


def test_a_status_goes_to_validators() -> None:
    sender, peers = transport()
    sender.broadcast(STATUS)
    assert peers.sent == [(encode_message(STATUS), Audience.VALIDATORS)]


def test_what_is_for_seats_goes_to_the_keys_that_speak_for_them() -> None:
    sender, peers = transport()
    sender.send(STATUS, (3, 1, 31))
    assert peers.sent == [(encode_message(STATUS), [KEYS[1], KEYS[3]])]


def test_a_reply_goes_to_one_peer_whoever_it_is() -> None:
    sender, peers = transport()
    sender.reply(VOTE, b"observer")
    assert peers.sent == [(encode_message(VOTE), b"observer")]
