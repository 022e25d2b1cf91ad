"""A validator that signs twice: two votes under its key, handed to a node as any peer could.

The connection is a real one, of an observer that the chain admits; what the votes say is made up,
and only the key under which they are signed makes them an offence.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from consensus.messages import SigningDomain, Vote
from ledger.crypto import Signer, sha256
from ledger.registry import Phase
from node.localnet.layout import TownNode
from node.localnet.ports import LOOPBACK
from node.network.consensus_wire import encode_message
from node.network.tls import NodeIdentity
from node.network.wire import FrameKind, Hello, encode_frame
from node.version import SOFTWARE


def conflicting_votes(
    domain: SigningDomain, signer: Signer, validator: int, height: int
) -> tuple[Vote, Vote]:
    """Two Prepares of view 0 at one height for blocks that do not exist."""
    one, other = (
        _prepare(domain, signer, validator, height, f"block {name} of {height}".encode())
        for name in ("A", "B")
    )
    return one, other


def _prepare(
    domain: SigningDomain, signer: Signer, validator: int, height: int, block: bytes
) -> Vote:
    block_hash = sha256(block)
    signature = signer.sign(domain.payload(Phase.PREPARE, height, 0, block_hash))
    return Vote(Phase.PREPARE, height, 0, block_hash, validator, signature)


@asynccontextmanager
async def connected(
    identity: NodeIdentity, node: TownNode, node_key: bytes, hello: Hello
) -> AsyncIterator[asyncio.StreamWriter]:
    """A connection to a node's peer port under this identity; what the node says is read away."""
    reader, writer = await asyncio.open_connection(
        LOOPBACK, node.p2p_port, ssl=identity.client_context([node_key]), server_hostname=""
    )
    reading = asyncio.ensure_future(_read_away(reader))
    try:
        writer.write(encode_frame(FrameKind.HELLO, hello.encode()))
        await writer.drain()
        yield writer
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def _read_away(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def send(writer: asyncio.StreamWriter, votes: Sequence[Vote]) -> None:
    """Each vote in a frame of its own."""
    for vote in votes:
        writer.write(encode_frame(FrameKind.CONSENSUS, encode_message(vote)))
    await writer.drain()


def hello_of(domain: SigningDomain, height: int) -> Hello:
    """The first frame, of a node that has this height."""
    return Hello(domain.chain_id, domain.genesis_hash, height, SOFTWARE)
