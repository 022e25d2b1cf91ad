"""A node that stops leaves no socket open, at whatever moment of a connection it stops."""

import asyncio
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from node.network.connection import Connection, ConnectionTimes
from node.network.identities import Identities
from node.network.links import LinkCounters, Links
from node.network.tls import NodeIdentity
from tests.integration.network_harness import HOST, identity

TURNS = 40
"""Of the loop, from the first byte of a connection on: more than a handshake on loopback takes."""


@contextmanager
def no_socket_left_open() -> Iterator[None]:
    """Python warns of each socket or transport that goes without having been closed."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(each.message) for each in caught] == []


async def _until_closed(connection: Connection, address: str, dialled: bytes | None) -> bool:
    """What a peer manager does with a connection, in short."""
    try:
        await connection.receive()
    finally:
        connection.close("the node is stopping")
        await connection.wait_closed()
    return True


def _fail(error: BaseException) -> None:
    raise error


def links(own: NodeIdentity, other: NodeIdentity) -> Links:
    both = Identities(own).by_preference(())
    allowed = {other.node_key}
    return Links(
        lambda: both, lambda: allowed, _until_closed, _fail, ConnectionTimes(), LinkCounters()
    )


async def test_a_caller_who_comes_while_the_node_stops_is_closed() -> None:
    for turns in range(8):
        with no_socket_left_open():
            called = links(identity(1), identity(2))
            port = await called.listen(HOST, 0)
            _, writer = await asyncio.open_connection(HOST, port)
            for _ in range(turns):
                await asyncio.sleep(0)
            await called.close()
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_a_handshake_that_the_stop_cuts_off_is_closed() -> None:
    one, two = identity(1), identity(2)
    for turns in range(TURNS):
        with no_socket_left_open():
            caller, called = links(one, two), links(two, one)
            port = await called.listen(HOST, 0)
            dialling = asyncio.create_task(
                caller.dial(two.node_key, f"{HOST}:{port}", one.node_key)
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            dialling.cancel()
            await asyncio.gather(dialling, return_exceptions=True)
            await caller.close()
            await called.close()
            await asyncio.sleep(0)
