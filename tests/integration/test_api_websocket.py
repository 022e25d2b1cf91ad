"""JSON-RPC over real WebSockets on loopback: frames, subscriptions, slow readers, stopping."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from api.encoding import hex_of
from api.examples import EVENT
from api.ports import CommittedBlock
from api.server import ApiConfig
from api.subscriptions import MAX_SUBSCRIPTIONS
from ledger.errors import ErrorCode
from ledger.module import Event
from ledger.primitives import Hash
from ledger.receipt import Receipt
from tests.support.api_fakes import FakeNode, transfer
from tests.support.api_servers import Served, Warned, serving, warnings_of

BLOCKS = 60


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
async def socket(served: Served) -> AsyncIterator[ClientWebSocketResponse]:
    async with connected(served) as opened:
        yield opened


@contextlib.asynccontextmanager
async def connected(served: Served, **options: Any) -> AsyncIterator[ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(served.url, **options) as opened,
    ):
        yield opened


def call(request_id: int, method: str, *params: Any) -> str:
    return orjson.dumps(
        {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}
    ).decode()


async def received(socket: ClientWebSocketResponse) -> Any:
    message = await socket.receive(timeout=20)
    assert message.type is WSMsgType.TEXT, message
    return orjson.loads(message.data)


async def ask(socket: ClientWebSocketResponse, method: str, *params: Any) -> Any:
    await socket.send_str(call(1, method, *params))
    return await received(socket)


async def test_text_and_binary_frames_are_answered_in_text(
    socket: ClientWebSocketResponse,
) -> None:
    assert (await ask(socket, "poyong_status"))["result"]["chain_id"] == 82062
    await socket.send_bytes(call(7, "poyong_status").encode())
    assert (await received(socket))["id"] == 7


async def test_garbage_gets_a_parse_error_and_the_connection_stays(
    socket: ClientWebSocketResponse,
) -> None:
    await socket.send_bytes(b"\xff\xfe")
    assert (await received(socket))["error"]["code"] == -32700
    await socket.send_str("[]")
    assert (await received(socket))["error"]["code"] == -32600
    assert "result" in await ask(socket, "poyong_peers")


async def test_a_frame_over_the_limit_closes_the_connection() -> None:
    async with (
        serving(ApiConfig(port=0, max_body_bytes=1000)) as served,
        connected(served) as socket,
    ):
        await socket.send_str(" " * 1001)
        message = await socket.receive(timeout=20)
        assert message.type is WSMsgType.CLOSE
        assert message.data == 1009


async def test_a_foreign_page_cannot_connect(served: Served) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with connected(served, origin="https://evil.example"):
            pass
    assert caught.value.status == 403


async def test_a_waiting_call_does_not_hold_up_others(
    served: Served, socket: ClientWebSocketResponse
) -> None:
    await socket.send_str(call(1, "poyong_sendTransactionAndWait", hex_of(transfer(0).raw)))
    await socket.send_str(call(2, "poyong_status"))
    assert (await received(socket))["id"] == 2
    await served.node.commit()
    answer = await received(socket)
    assert (answer["id"], answer["result"]["height"]) == (1, 1)


async def test_blocks_come_as_they_commit_after_the_answer_that_names_them(
    served: Served, socket: ClientWebSocketResponse
) -> None:
    await served.node.commit()
    subscription = (await ask(socket, "poyong_subscribe", "blocks"))["result"]
    for height in (2, 3):
        await served.node.submit([transfer(height).raw])
        await served.node.commit()
        notice = await received(socket)
        assert notice["method"] == "poyong_subscription"
        assert "id" not in notice
        assert notice["params"]["subscription"] == subscription
        block = notice["params"]["result"]
        assert block["height"] == height
        assert block["transaction_hashes"] == [hex_of(transfer(height).hash)]


async def test_a_subscription_resumes_from_a_height(
    served: Served, socket: ClientWebSocketResponse
) -> None:
    for _ in range(5):
        await served.node.commit()
    await ask(socket, "poyong_subscribe", "blocks", 3, "none")
    heights = [(await received(socket))["params"]["result"]["height"] for _ in range(3)]
    await served.node.commit()
    last = (await received(socket))["params"]["result"]
    assert [*heights, last["height"]] == [3, 4, 5, 6]
    assert "transaction_hashes" not in last


async def test_unsubscribing_ends_it(served: Served, socket: ClientWebSocketResponse) -> None:
    subscription = (await ask(socket, "poyong_subscribe", "blocks"))["result"]
    assert (await ask(socket, "poyong_unsubscribe", subscription))["result"] is True
    await served.node.commit()
    again = await ask(socket, "poyong_unsubscribe", subscription)
    assert again["error"]["code"] == -32602, "and no block came before this answer"
    assert served.node.waiting == 0


async def test_subscriptions_of_a_connection_are_bounded(
    socket: ClientWebSocketResponse,
) -> None:
    for _ in range(MAX_SUBSCRIPTIONS):
        assert "result" in await ask(socket, "poyong_subscribe", "blocks")
    error = (await ask(socket, "poyong_subscribe", "blocks"))["error"]
    assert error["code"] == -32005
    assert "poyong_unsubscribe" in error["message"]


async def test_a_block_that_the_node_does_not_hold_ends_the_subscription_with_a_notice(
    socket: ClientWebSocketResponse, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.node, "compact_block", lambda height: None)
    await ask(socket, "poyong_subscribe", "blocks")
    await served.node.commit()
    notice = await received(socket)
    assert notice["params"]["error"]["message"] == "this node does not hold block 1"
    assert "result" in await ask(socket, "poyong_status")


async def test_a_gone_client_leaves_nothing_behind(served: Served) -> None:
    async with connected(served) as socket:
        await ask(socket, "poyong_subscribe", "blocks")
        await socket.send_str(call(1, "poyong_sendTransactionAndWait", hex_of(transfer(0).raw)))
        await served.node.until_waiting(2)
    async with asyncio.timeout(20):
        await served.node.until_waiting(0)


@pytest.fixture
def warned() -> Iterator[Warned]:
    """Lets a test await the warning of a dropped reader."""
    with warnings_of("api.websocket") as handler:
        yield handler


async def node_with_a_long_chain() -> FakeNode:
    """Sixteen subscriptions to all of it are more than the sockets of this machine hold."""
    node = FakeNode()
    for height in range(BLOCKS):
        await node.submit([transfer(height * 20 + nonce).raw for nonce in range(20)])
        await node.commit()
    return node


async def test_a_slow_reader_holds_up_nobody_and_is_disconnected_with_a_notice(
    warned: Warned,
) -> None:
    config = ApiConfig(port=0, reader_patience_ms=200)
    async with serving(config, await node_with_a_long_chain()) as served:
        reader, slow = await asyncio.open_connection("127.0.0.1", served.port, limit=65536)
        slow.write(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        batch = orjson.dumps(
            [
                {"jsonrpc": "2.0", "id": n, "method": "poyong_subscribe",
                 "params": ["blocks", 1, "full"]}
                for n in range(MAX_SUBSCRIPTIONS)
            ]
        )  # fmt: skip
        slow.write(b"\x82\xfe" + len(batch).to_bytes(2, "big") + bytes(4) + batch)
        async with connected(served) as socket:
            await ask(socket, "poyong_subscribe", "blocks", 1)
            heights = [
                (await received(socket))["params"]["result"]["height"] for _ in range(BLOCKS)
            ]
            assert heights == list(range(1, BLOCKS + 1))
        async with asyncio.timeout(20):
            await warned.event.wait()
            rest = bytearray()
            with contextlib.suppress(ConnectionError):
                while chunk := await reader.read(65536):
                    rest += chunk
        assert b"reader too slow: took nothing for 200 ms" in rest[-200:]
        slow.close()
        with contextlib.suppress(ConnectionError):
            await slow.wait_closed()


def upgrade(*headers: str) -> bytes:
    lines = ["GET / HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("Host: localhost",), b"101"),
        (("Host: localhost", "Origin: http://localhost:3000"), b"101"),
        (("Host: evil.example",), b"403"),
        (("Host: localhost", "Origin: https://evil.example"), b"403"),
        (("Host: localhost", "Origin: null"), b"403"),
    ],
)
async def test_host_and_origin_are_checked_before_the_upgrade(
    served: Served, headers: tuple[str, ...], status: bytes
) -> None:
    """A page that points its own name at this machine, and one that does not hide."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(upgrade(*headers))
    async with asyncio.timeout(20):
        assert (await reader.readline()).split()[1] == status
    writer.transport.abort()


async def test_answers_that_are_never_read_are_bounded_while_blocks_come(warned: Warned) -> None:
    """Sixteen calls for 12 MB each over one connection: what is made stays below the bound of all
    clients, other calls are refused only when large, and the place is free when the reader is
    given up."""
    node = FakeNode()
    for height in range(3):
        await node.submit([transfer(height * 1000 + nonce).raw for nonce in range(1000)])
        await node.commit()
    batch = orjson.dumps(
        [{"jsonrpc": "2.0", "id": n, "method": "poyong_getBlock", "params": [1 + n % 3, "full"]}
         for n in range(12)]
    )  # fmt: skip
    bound = 16 * 1024 * 1024
    config = ApiConfig(port=0, reader_patience_ms=500, max_unsent_bytes=bound)
    async with serving(config, node) as served:
        _, never = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        never.write(upgrade("Host: localhost"))
        frame = b"\x82\xfe" + len(batch).to_bytes(2, "big") + bytes(4) + batch
        never.write(frame * 16)
        most = 0
        async with connected(served) as socket:
            await ask(socket, "eth_subscribe", "newHeads")
            while not warned.event.is_set():
                await node.commit()
                head = (await received(socket))["params"]["result"]
                assert int(head["number"], 16) == node.height()
                most = max(most, served.server.unsent_bytes)
                assert "result" in await ask(socket, "eth_blockNumber")
        assert 0 < most < bound + 4 * 1024 * 1024
        never.transport.abort()
    assert served.server.unsent_bytes == 0


async def test_a_follower_of_heads_that_falls_behind_is_told_and_disconnected(
    served: Served, socket: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """eth_subscribe has no cursor, and old blocks are costly: whoever resumes asks eth_getLogs."""
    monkeypatch.setattr("api.ethereum.gateway.MAX_BEHIND", 3)
    await ask(socket, "eth_subscribe", "newHeads")
    async with served.node.unseen():
        for _ in range(5):
            await served.node.commit()
    message = await socket.receive(timeout=20)
    assert message.type is WSMsgType.CLOSE
    assert (message.data, message.extra) == (1008, "reader too slow: 4 blocks behind")


async def test_stopping_tells_every_client(served: Served, socket: ClientWebSocketResponse) -> None:
    await ask(socket, "poyong_subscribe", "blocks")
    stopping = asyncio.create_task(served.server.stop())
    message = await socket.receive(timeout=20)
    assert message.type is WSMsgType.CLOSE
    assert (message.data, message.extra) == (1001, "the node is stopping")
    await stopping
    assert served.node.waiting == 0


def governed(name: str, number: int) -> Event:
    return Event(name, (("proposal", number),))


async def test_events_of_governance_come_with_their_height_and_nothing_else(
    served: Served, socket: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt's event and a hook's at height 2, none at 1 and 3, another one at 4."""
    recorded = {2: ("proposals.voted", "stakeholders.rebound"), 4: ("proposals.executed",)}
    real = FakeNode.block

    def block(node: FakeNode, height: int) -> CommittedBlock | None:
        found = real(node, height)
        if found is None or height not in recorded:
            return found
        names = recorded[height]
        voted = Receipt(Hash(bytes(32)), ErrorCode.OK, "", (EVENT, governed(names[0], height)))
        hooks = tuple(governed(name, height) for name in names[1:])
        return replace(found, receipts=(voted,), hook_events=(EVENT, *hooks))

    monkeypatch.setattr(FakeNode, "block", block)
    for _ in range(4):
        await served.node.commit()
    subscription = (await ask(socket, "poyong_subscribe", "governance", 1))["result"]
    first, second = await received(socket), await received(socket)
    assert first["params"]["subscription"] == subscription
    assert first["params"]["result"] == {
        "height": 2,
        "time_ms": served.node.blocks[1].block.header.time_ms,
        "block_hash": hex_of(served.node.blocks[1].block.hash),
        "events": [
            {"name": "proposals.voted", "values": {"proposal": "2"}},
            {"name": "stakeholders.rebound", "values": {"proposal": "2"}},
        ],
    }
    assert second["params"]["result"]["height"] == 4
    # Resumed behind what was received: only what follows.
    assert (await ask(socket, "poyong_unsubscribe", subscription))["result"] is True
    await ask(socket, "poyong_subscribe", "governance", 3)
    assert (await received(socket))["params"]["result"]["height"] == 4


async def test_a_reader_of_governance_learns_how_far_it_is_though_nothing_happens(
    served: Served, socket: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.subscriptions.MAX_SILENT_HEIGHTS", 5)
    for _ in range(7):
        await served.node.commit()
    await ask(socket, "poyong_subscribe", "governance", 1)
    found = (await received(socket))["params"]["result"]
    assert (found["height"], found["events"]) == (6, [])
