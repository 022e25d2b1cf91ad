"""A live town under attack on its peer ports: blocks go on, memory stays, the offender is dropped.

The attacker has no key, a stranger's key, or the key of a registered observer.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle, islice

import pytest

from api import calls
from api.sync_client import SyncClient
from consensus import message_wire
from consensus.messages import Status
from ledger.primitives import Hash
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.localnet.creation import PASSWORD, read_keys
from node.network.tls import NodeIdentity
from node.network.wire import MAX_PAYLOAD_BYTES, FrameDecoder, FrameKind, Hello, encode_frame
from node.sync import sync_wire
from node.sync.sync_wire import HeadAsk, RangeAsk
from node.transactions import gossip
from tests.integration.network_harness import frames_until_closed, read_some
from tests.support.town_processes import Load, ProcessTown, load, running_town

pytestmark = pytest.mark.timeout(120)

WAIT_S = 20.0
HALF_OPEN = 300
FLOOD_S = 1.5
MAX_FLOOD_FRAMES = 500_000
FORGED = 5_000
REPLAYS = 60
GROWTH_MIB = 80
"""Of resident memory during an attack, beside what load itself takes: far below what is sent."""
BATCHES_MEANWHILE = 2


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessTown]:
    """Four validators; the observer never runs, the attacker has its key."""
    with running_town(tmp_path_factory.mktemp("town"), observer=False) as made:
        yield made
        made.wait_until_equal(*made.validators)
        made.assert_one_chain(*made.validators)


@pytest.fixture(scope="module")
def sending(town: ProcessTown) -> Iterator[Load]:
    """Light load through a validator that is never attacked directly."""
    with load(town, "builder", batch=10) as running:
        running.wait_for_batches(2)
        yield running


@pytest.fixture(scope="module")
def observer(town: ProcessTown) -> NodeIdentity:
    path = town.folder / "observer" / "keys" / "node.json"
    return NodeIdentity.from_seed(keystore.open_seed(path, PASSWORD, KeyKind.NODE))


class Attacker:
    """What can be done to one node's peer port."""

    def __init__(self, town: ProcessTown, target: str) -> None:
        self.target = town.nodes[target]
        self.port = self.target.plan.p2p_port
        self.target_key = read_keys(town.folder, self.target.plan).node
        with SyncClient(self.target.plan.rpc_url) as client:
            status = client.call(calls.status())
        self.hello = Hello(
            status["chain_id"],
            Hash(bytes.fromhex(status["genesis_hash"][2:])),
            status["height"],
            "poyong/attack",
        )

    @asynccontextmanager
    async def tcp(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A plain connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def tls(
        self, key: NodeIdentity
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection under a key; nothing is said yet."""
        context = key.client_context([self.target_key])
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=""
        )
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def greeted(
        self, key: NodeIdentity
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection that the node took for one of a peer."""
        async with self.tls(key) as (reader, writer):
            writer.write(encode_frame(FrameKind.HELLO, self.hello.encode()))
            await writer.drain()
            yield reader, writer


async def goodbye(reader: asyncio.StreamReader) -> str:
    """The reason with which the node closed the connection; "" when it gave none."""
    reasons = [
        payload.decode()
        for kind, payload in await frames_until_closed(reader)
        if kind is FrameKind.GOODBYE
    ]
    return reasons[-1] if reasons else ""


async def flood(
    writer: asyncio.StreamWriter, frames: Iterator[bytes], for_s: float = WAIT_S
) -> None:
    """Send all of it, or until the time is over, or until the node closes the connection."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(for_s):
            for frame in frames:
                writer.write(frame)
                await writer.drain()
                await asyncio.sleep(0)


def under_attack(
    town: ProcessTown,
    target: str,
    sending: Load,
    attack: Callable[[Attacker], Coroutine[None, None, None]],
) -> None:
    """Attack a node; meanwhile and afterwards blocks go on, nobody ends, and memory is bounded."""
    attacker = Attacker(town, target)
    before = attacker.target.resident_mib()

    asyncio.run(attack(attacker))
    sending.wait_for_batches(BATCHES_MEANWHILE)
    assert town.running == town.validators
    assert attacker.target.resident_mib() - before < GROWTH_MIB
    height = town.height(target)
    town.wait_for_height(height + 1, target)


def test_no_key_and_a_strangers_key(town: ProcessTown, sending: Load) -> None:
    """Plain rubbish, and TLS handshakes that the registry refuses."""
    choose = random.Random(1)
    stranger = NodeIdentity.from_seed(os.urandom(32))

    async def attack(attacker: Attacker) -> None:
        for size in (1, 5, 500, 5_000, 100_000):
            async with attacker.tcp() as (reader, writer):
                await flood(writer, iter([choose.randbytes(size)]))
                if size >= 5:
                    await said_nothing(reader)
        for _ in range(5):
            async with attacker.greeted(stranger) as (reader, _):
                assert await read_some(reader) == b""  # not even a HELLO

    under_attack(town, "city-hall", sending, attack)


async def said_nothing(reader: asyncio.StreamReader) -> None:
    """The node closes; what it said was at most a TLS alert."""
    async with asyncio.timeout(WAIT_S):
        left = 0
        while data := await read_some(reader):
            left += len(data)
    assert left < 100


def test_half_open_connections(town: ProcessTown, sending: Load, observer: NodeIdentity) -> None:
    """Hundreds that say nothing cost the oldest of them its place; who has a key gets in."""

    async def attack(attacker: Attacker) -> None:
        silent = [
            await asyncio.open_connection("127.0.0.1", attacker.port) for _ in range(HALF_OPEN)
        ]
        try:
            async with attacker.greeted(observer) as (reader, _):
                async with asyncio.timeout(WAIT_S):
                    # The node says its HELLO, beside all the silent ones.
                    assert await reader.readexactly(5)
        finally:
            for _, writer in silent:
                writer.transport.abort()

    under_attack(town, "city-hall", sending, attack)


def test_replayed_consensus_frames(
    town: ProcessTown, sending: Load, observer: NodeIdentity
) -> None:
    """Real votes and proposals of validators, sent again by somebody else, to another validator."""
    captured: list[bytes] = []
    source = Attacker(town, "city-hall")

    async def capture() -> None:
        decoder = FrameDecoder()
        async with source.greeted(observer) as (reader, _), asyncio.timeout(WAIT_S):
            while len(captured) < REPLAYS:
                for kind, payload in decoder.feed(await reader.read(65_536)):
                    if kind is FrameKind.CONSENSUS:
                        captured.append(encode_frame(kind, payload))

    asyncio.run(capture())

    async def attack(attacker: Attacker) -> None:
        async with attacker.greeted(observer) as (_, writer):
            await flood(writer, islice(cycle(captured), 5 * REPLAYS))

    under_attack(town, "land-corporation", sending, attack)


def questions() -> list[bytes]:
    """What a peer may ask and say, claims that are false included."""
    status = message_wire.encode(Status(2**40, 3, True, 7, 7, 7))
    return [
        encode_frame(FrameKind.CONSENSUS, b"\0" + status),
        encode_frame(FrameKind.SYNC, sync_wire.encode(HeadAsk(1))),
        encode_frame(FrameKind.SYNC, sync_wire.encode(RangeAsk(2, 1, 5))),
        encode_frame(FrameKind.PING, b""),
    ]


def transactions() -> list[bytes]:
    """Batches of what begins like a transaction, and one that nests a thousand arrays."""
    choose = random.Random(2)
    batches = [[b"\x98" + choose.randbytes(150) for _ in range(50)] for _ in range(8)]
    batches.append([b"\x98" + b"\x91" * 1_000 + b"\x90"])
    return [encode_frame(FrameKind.TRANSACTIONS, gossip.encode_batch(batch)) for batch in batches]


@pytest.mark.parametrize(
    ("target", "frames", "reads"),
    [
        ("land-corporation", questions(), True),
        ("land-corporation", questions(), False),
        # Who sends these is banned for a minute: each attacks a node that does not know it yet.
        ("land-corporation", transactions(), True),
        ("builder", transactions(), False),
    ],
    ids=["questions", "questions-never-reads", "transactions", "transactions-never-reads"],
)
def test_floods_of_well_formed_frames(
    town: ProcessTown,
    sending: Load,
    observer: NodeIdentity,
    target: str,
    frames: list[bytes],
    reads: bool,
) -> None:
    """Budgets drop what is too much, answers wait in bounded queues, and consensus goes first. Who
    is thrown out comes back at once, as long as the attack lasts."""

    async def attack(attacker: Attacker) -> None:
        until_s = time.monotonic() + FLOOD_S
        while (left_s := until_s - time.monotonic()) > 0:
            with suppress(OSError, asyncio.IncompleteReadError):
                async with attacker.greeted(observer) as (reader, writer):
                    draining = asyncio.create_task(frames_until_closed(reader)) if reads else None
                    await flood(writer, islice(cycle(frames), MAX_FLOOD_FRAMES), left_s)
                    if draining is not None:
                        draining.cancel()
                        await asyncio.gather(draining, return_exceptions=True)

    batches = len(sending.final_at)
    under_attack(town, target, sending, attack)
    # More than under_attack itself waits for: the rest was final during the flood.
    assert len(sending.final_at) - batches > BATCHES_MEANWHILE + 1


def test_a_registered_key_that_breaks_the_protocol_is_banned(
    town: ProcessTown, sending: Load, observer: NodeIdentity
) -> None:
    """Another chain, an oversize frame, garbage: each closed with its reason, at last a ban."""
    choose = random.Random(3)
    oversize = (MAX_PAYLOAD_BYTES[FrameKind.CONSENSUS] + 1).to_bytes(4, "big") + b"\1"

    async def attack(attacker: Attacker) -> None:
        async with attacker.tls(observer) as (reader, writer):
            other = Hello(7, attacker.hello.genesis_hash, 0, "poyong/other")
            writer.write(encode_frame(FrameKind.HELLO, other.encode()))
            assert "chain id 7" in await goodbye(reader)
        async with attacker.greeted(observer) as (reader, writer):
            writer.write(oversize)
            assert "at most" in await goodbye(reader)
        reason = ""
        for _ in range(10):
            async with attacker.greeted(observer) as (reader, writer):
                nested = encode_frame(FrameKind.CONSENSUS, b"\0" + b"\x91" * 1_000 + b"\x90")
                writer.write(nested)
                for kind in (FrameKind.CONSENSUS, FrameKind.SYNC, FrameKind.TRANSACTIONS):
                    for size in (0, 3, 300, 30_000):
                        writer.write(encode_frame(kind, choose.randbytes(size)))
                reason = await goodbye(reader)
                if "banned" in reason:
                    break
        assert "banned" in reason

    under_attack(town, "gist", sending, attack)
