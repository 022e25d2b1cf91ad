"""Rubbish and floods at the JSON-RPC port of a live node: refused, while blocks go on."""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from api import calls
from api.client import NodeError
from api.sync_client import SyncClient
from ledger.local_accounts import ed25519_accounts
from ledger.transaction import Transaction, decode_transaction
from ledger.transfers import SEND
from node.localnet.creation import CHAIN_ID
from tests.fuzz import samples
from tests.fuzz.mutation import Shape, mutate
from tests.support import ethereum
from tests.support.town_processes import Load, ProcessTown, load, running_town
from tests.support.transfers import TO, signed

pytestmark = pytest.mark.timeout(120)

NODE = "city-hall"
WAIT_S = 20.0
GROWTH_MIB = 160
"""Ten batches at once, each answered with 4 MB of rpc.discover, in copies while they are sent.
Eight times as many calls come to the same."""
SLOW_CONNECTIONS = 300
FLOOD_CALLS = 150
NEVER_READING = 60
GARBAGE_BODIES = 400
SEED = 82062
METHOD_ERRORS = range(-32768, -31999)
"""Codes of JSON-RPC and of this API; a node that broke would answer nothing."""
INTERNAL_ERROR = -32603


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessTown]:
    with running_town(tmp_path_factory.mktemp("town"), 1, observer=False) as made:
        yield made


@pytest.fixture(scope="module")
def sending(town: ProcessTown) -> Iterator[Load]:
    with load(town, NODE, batch=10) as running:
        running.wait_for_batches(2)
        yield running


@pytest.fixture(autouse=True)
def still_alive(town: ProcessTown, sending: Load) -> Iterator[None]:
    """After each test: the node runs, blocks go on, memory is bounded."""
    before = town.nodes[NODE].resident_mib()
    yield
    sending.wait_for_batches(2)
    assert town.running == [NODE]
    assert town.nodes[NODE].resident_mib() - before < GROWTH_MIB


def transaction(chain_id: int, nonce: int, valid_until: int = 4_000) -> Transaction:
    body = SEND.encode(TO, 1, b"")
    sender = ed25519_accounts()[7].signer
    return signed(sender, chain_id=chain_id, nonce=nonce, body=body, valid_until=valid_until)


def test_mutated_bodies_get_an_answer_and_none_is_an_internal_error(town: ProcessTown) -> None:
    choose = random.Random(SEED)
    bodies = [
        mutate(samples.calls() + samples.proofs(), Shape.JSON, choose)
        for _ in range(GARBAGE_BODIES)
    ]
    bodies += [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'"' + b"\\u0000" * 10_000 + b'"',
        b"\xff" * 1_000,
    ]

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            for body in bodies:
                async with session.post(town.rpc(NODE), data=body) as response:
                    text = await response.read()
                    assert response.status in (200, 204), (body, text)
                    for answer in answers(text):
                        code = answer.get("error", {}).get("code")
                        assert code != INTERNAL_ERROR, (body, answer)
                        assert code is None or code in METHOD_ERRORS, (body, answer)

    asyncio.run(run())


def answers(text: bytes) -> list[dict[str, Any]]:
    found = json.loads(text) if text else []
    return found if isinstance(found, list) else [found]


def test_what_is_no_transaction_is_refused_with_a_reason(town: ProcessTown) -> None:
    """Mutated, nested, of another chain: the error says what, and the sender pays nothing."""
    choose = random.Random(SEED)
    raws = [mutate([item.raw for item in samples.native_transactions()], Shape.CANONICAL, choose)
            for _ in range(150)]  # fmt: skip
    raws += [
        b"\x98" + b"\x91" * 1_000 + b"\x90" + b"\0" * 7,
        b"\x98" + b"\xdc\x02\x00" * 900 + b"\0" * 10_000,
        b"\x98" * 16_000,
    ]
    with SyncClient(town.rpc(NODE)) as client:
        outcomes = client.send([raw for raw in raws if raw])
        (other,) = client.send([transaction(7, 0).raw])
    assert isinstance(other, NodeError)
    assert "chain 7" in str(other)
    assert all(isinstance(outcome, NodeError) for outcome in outcomes)
    assert INTERNAL_ERROR not in {o.code for o in outcomes if isinstance(o, NodeError)}


def test_a_changed_ethereum_transaction_is_not_its_senders(town: ProcessTown) -> None:
    """Its envelope names nobody, so any content may be somebody's: somebody with nothing."""
    choose = random.Random(SEED)
    raws = [mutate(samples.ethereum_envelopes(), Shape.BYTES, choose) for _ in range(150)]
    sent = [raw for raw in raws if raw and raw not in samples.ethereum_envelopes()]
    with SyncClient(town.rpc(NODE)) as client:
        outcomes = client.send(sent)
        account = client.call(calls.get_account(ethereum.SENDER))
    for raw, outcome in zip(sent, outcomes, strict=True):
        if isinstance(outcome, NodeError):
            assert outcome.code == -32000
        else:
            assert decode_transaction(raw, CHAIN_ID).sender != ethereum.SENDER
    assert (account["nonce"], account["pending_nonce"]) == (0, 0)


def test_a_replayed_transaction_takes_effect_once(town: ProcessTown) -> None:
    with SyncClient(town.rpc(NODE)) as client:
        account = client.call(calls.get_account(ed25519_accounts()[7].address))
        raw = transaction(CHAIN_ID, account["nonce"]).raw
        (receipt,) = client.send_and_wait([raw])
        replays = client.send([raw] * 100)
        after = client.call(calls.get_account(ed25519_accounts()[7].address))
    assert not isinstance(receipt, NodeError)
    assert receipt["code"] == 0
    assert {item if isinstance(item, str) else item.code for item in replays} <= {
        receipt["transaction_hash"], -32000,
    }  # fmt: skip
    assert after["nonce"] == account["nonce"] + 1
    assert int(after["balance"]) == int(account["balance"]) - 1


def test_slow_connections_and_no_http(town: ProcessTown) -> None:
    """Hundreds that never end their request take no place from the next wallet."""
    port = town.nodes[NODE].plan.rpc_port

    async def run() -> None:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(SLOW_CONNECTIONS)]
        for number, (_, writer) in enumerate(slow):
            writer.write(
                (b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n", b"\x16\x03\1")[number % 2]
            )
        async with aiohttp.ClientSession() as session:
            call = {"jsonrpc": "2.0", "id": 1, "method": "poyong_status"}
            async with session.post(town.rpc(NODE), json=call) as response:
                assert "result" in await response.json()
        for _, writer in slow:
            writer.transport.abort()

    asyncio.run(run())


def test_floods_of_expensive_calls(town: ProcessTown) -> None:
    """Full batches of proofs and blocks, many at once, half of them never read."""
    batch = json.dumps(
        [
            {"jsonrpc": "2.0", "id": n, "method": method, "params": params}
            for n in range(25)
            for method, params in (
                ("poyong_getBlock", ["latest", "full"]),
                ("poyong_whyStalled", []),
                ("poyong_validators", []),
                ("rpc.discover", []),
            )
        ]
    )
    port = town.nodes[NODE].plan.rpc_port

    async def unread() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(batch)}\r\n\r\n"
        writer.write(head.encode() + batch.encode())
        await writer.drain()
        writer.transport.abort()

    async def run() -> None:
        async with aiohttp.ClientSession() as session:

            async def read() -> None:
                async with session.post(town.rpc(NODE), data=batch) as response:
                    assert len(await response.read()) > 0

            async with asyncio.timeout(2 * WAIT_S):
                for _ in range(FLOOD_CALLS // 10):
                    await asyncio.gather(*(read() if n % 2 else unread() for n in range(10)))

    asyncio.run(run())


def test_sockets_that_never_read(town: ProcessTown, sending: Load) -> None:
    """Answers and blocks for sixty of them, half over WebSocket: what they do not take is bounded
    (rpc.max_unsent_bytes), and others are served."""
    port = town.nodes[NODE].plan.rpc_port
    batch = json.dumps(
        [
            {"jsonrpc": "2.0", "id": n, "method": method, "params": params}
            for n in range(16)
            for method, params in (
                ("eth_getBlockByNumber", ["latest", True]),
                ("rpc.discover", []),
                ("poyong_subscribe", ["blocks", 1, "full"]),
            )
        ]
    ).encode()
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(batch) + batch
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    frame = b"\x82\xfe" + len(batch).to_bytes(2, "big") + bytes(4) + batch

    async def run() -> None:
        never = [
            await asyncio.open_connection("127.0.0.1", port, limit=1024)
            for _ in range(NEVER_READING)
        ]
        for number, (_, writer) in enumerate(never):
            writer.write(post if number % 2 else upgrade + frame * 4)
        await asyncio.to_thread(sending.wait_for_batches, 4)
        async with aiohttp.ClientSession() as session:
            call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
            async with session.post(town.rpc(NODE), json=call) as response:
                assert "result" in await response.json()
        for _, writer in never:
            writer.transport.abort()

    asyncio.run(run())
