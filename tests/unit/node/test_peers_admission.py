"""Who counts on a peer hears that its connection ended before it hears of the next one."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ledger.primitives import Hash
from node.network.connection import Connection
from node.network.identities import Identities
from node.network.peers import Peer, PeerManager, Role
from node.network.tls import NodeIdentity
from node.network.wire import Hello

KEY = b"k" * 32
HELLO = Hello(chain_id=1, genesis_hash=Hash(bytes(32)), head_height=7, software="test")


def peer(*, is_open: bool, outbound: bool, connected_s: float) -> Peer:
    connection = SimpleNamespace(
        is_open=is_open, own_key=b"", close_reason="", close=lambda reason: None
    )
    return Peer(
        KEY,
        Role(0, "GIST"),
        HELLO,
        "127.0.0.1:1",
        outbound,
        connected_s,
        cast(Connection, connection),
    )


@pytest.mark.parametrize("is_open", [True, False])
async def test_the_old_connection_is_released_before_the_new_one_is_told(is_open: bool) -> None:
    heard: list[tuple[str, float]] = []

    async def no_frames(*_: Any) -> None:
        raise AssertionError("nothing is received here")

    manager = PeerManager(
        Identities(NodeIdentity.from_seed(bytes(32))),
        {},
        dict,
        lambda: HELLO,
        no_frames,
        lambda error: None,
        on_connected=lambda peer: heard.append(("connected", peer.connected_s)),
        on_disconnected=lambda peer: heard.append(("disconnected", peer.connected_s)),
    )
    old = peer(is_open=is_open, outbound=True, connected_s=1.0)
    new = peer(is_open=True, outbound=True, connected_s=2.0)
    assert manager._admit(old)
    assert manager._admit(new)
    assert heard == [("connected", 1.0), ("disconnected", 1.0), ("connected", 2.0)]
    manager._release(old)  # its reader ends at last
    assert manager.peer(KEY) is new
    assert len(heard) == 3
