"""eth_subscribe over a real WebSocket: order, criteria, ends, and frames of either kind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from api.encoding import hex_of
from api.ethereum.contracts import TOKEN
from ledger.crypto import keccak256
from tests.support.api_servers import Served, serving
from tests.support.ethereum import raw
from tests.support.execution_api import HEADER, LOG
from tests.support.json_schema import problems


class Connection:
    """Answers by id, and notifications in the order in which they came."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0

    async def received(self) -> Any:
        message = await self._socket.receive(timeout=20)
        assert message.type is WSMsgType.TEXT, message
        return orjson.loads(message.data)

    async def ask(self, method: str, *params: Any) -> Any:
        """As web3.py does: in a binary frame."""
        self._asked += 1
        call = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        await self._socket.send_bytes(orjson.dumps(call))
        answer = await self.received()
        assert answer["id"] == self._asked, answer
        return answer

    async def subscribe(self, *params: Any) -> str:
        found: str = (await self.ask("eth_subscribe", *params))["result"]
        return found

    async def notice(self, subscription: str) -> Any:
        """The next message, which has to be of this subscription."""
        found = await self.received()
        assert found["method"] == "eth_subscription"
        assert found["params"]["subscription"] == subscription
        return found["params"]["result"]


@asynccontextmanager
async def connected(served: Served) -> AsyncIterator[Connection]:
    async with aiohttp.ClientSession() as session, session.ws_connect(served.url) as socket:
        yield Connection(socket)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
async def connection(served: Served) -> AsyncIterator[Connection]:
    async with connected(served) as opened:
        yield opened


async def test_heads_come_once_each_in_order(served: Served, connection: Connection) -> None:
    await served.node.commit()
    heads = await connection.subscribe("newHeads")
    for number in (2, 3):
        await served.node.submit([raw(nonce=number)])
        committed = await served.node.commit()
        head = await connection.notice(heads)
        assert not problems(head, HEADER)
        assert (head["number"], head["hash"]) == (hex(number), hex_of(committed.block.hash))
        assert head["gasUsed"] == hex(21_000)
        assert int(head["logsBloom"], 16) != 0


async def test_logs_come_by_address_and_topics(served: Served, connection: Connection) -> None:
    nobodys = await connection.subscribe("logs", {"address": hex_of(bytes(20))})
    tokens = await connection.subscribe("logs", {"address": hex_of(TOKEN), "topics": [None]})
    await served.node.submit([raw(), raw(nonce=1)])
    await served.node.commit()
    for index in range(2):
        log = await connection.notice(tokens)
        assert not problems(log, LOG)
        assert log["logIndex"] == hex(index)
    assert nobodys != tokens


async def test_pending_transactions_come_when_they_are_admitted(
    served: Served, connection: Connection
) -> None:
    hashes = await connection.subscribe("newPendingTransactions")
    await served.node.submit([raw()])
    assert await connection.notice(hashes) == hex_of(keccak256(raw()))
    assert (await connection.ask("eth_unsubscribe", hashes))["result"] is True
    whole = await connection.subscribe("newPendingTransactions", True)
    await served.node.submit([raw(nonce=1)])
    shown = await connection.notice(whole)
    assert (shown["nonce"], shown["blockHash"]) == ("0x1", None)


async def test_what_is_ended_or_unknown_says_so(connection: Connection) -> None:
    heads = await connection.subscribe("newHeads")
    assert (await connection.ask("eth_unsubscribe", heads))["result"] is True
    for unknown in (heads, "0x99"):
        error = (await connection.ask("eth_unsubscribe", unknown))["error"]
        assert (error["code"], error["message"]) == (-32000, "subscription not found")
    error = (await connection.ask("eth_subscribe", "syncing"))["error"]
    assert error["code"] == -32602
    error = (await connection.ask("eth_subscribe", "newHeads", {"topics": []}))["error"]
    assert error["code"] == -32602


async def test_both_kinds_of_subscription_share_the_limit(connection: Connection) -> None:
    for _ in range(8):
        assert "result" in await connection.ask("poyong_subscribe", "blocks")
        assert "result" in await connection.ask("eth_subscribe", "newHeads")
    error = (await connection.ask("eth_subscribe", "logs"))["error"]
    assert error["code"] == -32005
    assert "eth_unsubscribe" in error["message"]


async def test_over_http_there_are_no_subscriptions(served: Served) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
    async with aiohttp.ClientSession() as session, session.post(served.url, json=call) as answer:
        error = (await answer.json())["error"]
    assert error["code"] == -32601
    assert "notifications not supported" in error["message"]
