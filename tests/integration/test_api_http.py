"""JSON-RPC over real HTTP on loopback: answers, refusals, bounds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import orjson
import pytest

from api import calls, keys
from api import server as server_module
from api.client import Client, NodeError
from api.encoding import hex_of
from api.keys import ApiKey
from api.server import ApiConfig, ApiServer
from ledger.errors import LocalError
from tests.support.api_fakes import FakeNode, transfer
from tests.support.api_servers import Served, Warned, fail, serving, warnings_of

STATUS = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "poyong_status"})


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(
    http: aiohttp.ClientSession, served: Served, body: Any, **headers: str
) -> tuple[int, Any]:
    async with http.post(served.url, data=body, headers=headers) as response:
        content = await response.read()
        return response.status, orjson.loads(content) if content else None


async def exchange(port: int, sent: bytes) -> bytes:
    """Raw bytes there, and everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_call_and_a_batch(served: Served, http: aiohttp.ClientSession) -> None:
    status, answer = await post(http, served, STATUS)
    assert status == 200
    assert answer["result"]["chain_id"] == 82062
    status, answers = await post(http, served, b"[" + STATUS + b"," + STATUS + b"]")
    assert status == 200
    assert len(answers) == 2


async def test_100_sends_in_one_batch_reach_the_node_together(
    served: Served, http: aiohttp.ClientSession
) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": n, "method": "poyong_sendTransaction",
         "params": [hex_of(transfer(n).raw)]}
        for n in range(100)
    ]  # fmt: skip
    _, answers = await post(http, served, orjson.dumps(batch))
    assert [len(submitted) for submitted in served.node.submitted] == [100]
    assert all("result" in answer for answer in answers)


async def test_a_notification_has_no_content(served: Served, http: aiohttp.ClientSession) -> None:
    body = b'{"jsonrpc":"2.0","method":"poyong_status"}'
    assert await post(http, served, body) == (204, None)


async def test_send_and_wait_answers_when_the_block_commits(
    served: Served, http: aiohttp.ClientSession
) -> None:
    body = orjson.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "poyong_sendTransactionAndWait",
         "params": {"transaction": hex_of(transfer(0).raw)}}
    )  # fmt: skip
    waiting = asyncio.create_task(post(http, served, body))
    await served.node.until_waiting(1)
    await served.node.commit()
    _, answer = await waiting
    assert answer["result"]["height"] == 1
    assert answer["result"]["status"] == "OK"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\x00", b"[" * 3000, b"nonsense"])
async def test_garbage_is_a_parse_error(
    served: Served, http: aiohttp.ClientSession, body: bytes
) -> None:
    status, answer = await post(http, served, body)
    assert status == 200
    assert answer["error"]["code"] == -32700
    assert answer["id"] is None


async def test_a_batch_over_the_limit_is_refused(
    served: Served, http: aiohttp.ClientSession
) -> None:
    _, answer = await post(http, served, b"[" + b",".join([STATUS] * 101) + b"]")
    assert answer["error"]["code"] == -32600
    assert "101 calls, at most 100" in answer["error"]["message"]


async def test_an_oversize_body_is_refused_whether_announced_or_not(
    http: aiohttp.ClientSession,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    async with serving(ApiConfig(port=0, max_body_bytes=1000)) as served:
        for body in (b" " * 1001, chunks()):
            status, answer = await post(http, served, body)
            assert status == 413
            assert answer["error"]["message"] == "the body has more than 1000 bytes"
        assert (await post(http, served, STATUS))[0] == 200


async def test_a_compressed_body_is_refused(served: Served, http: aiohttp.ClientSession) -> None:
    status, answer = await post(http, served, STATUS, **{"Content-Encoding": "gzip"})
    assert status == 415
    assert "Content-Encoding" in answer["error"]["message"]


async def test_a_foreign_host_or_origin_is_refused_with_the_remedy(
    served: Served, http: aiohttp.ClientSession
) -> None:
    status, answer = await post(http, served, STATUS, Host="evil.example")
    assert status == 403
    assert 'Host "evil.example" is not allowed' in answer["error"]["message"]
    assert "rpc.allowed_hosts" in answer["error"]["message"]
    status, answer = await post(http, served, STATUS, Origin="https://evil.example")
    assert status == 403
    assert "rpc.allowed_origins" in answer["error"]["message"]


async def test_cors_answers_the_page_that_may_ask() -> None:
    config = ApiConfig(port=0, allowed_origins=("https://town.example",))
    headers = {"Origin": "https://town.example", "Access-Control-Request-Method": "POST"}
    async with serving(config) as served, aiohttp.ClientSession() as http:
        async with http.options(served.url, headers=headers) as preflight:
            assert preflight.status == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == "https://town.example"
            assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
            assert preflight.headers["Access-Control-Allow-Headers"] == (
                "content-type, authorization, x-api-key"
            )
        async with http.post(served.url, data=STATUS, headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://town.example"
            assert response.headers["Vary"] == "Origin"
        async with http.post(served.url, data=STATUS) as response:
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_other_methods_are_not_allowed(served: Served, http: aiohttp.ClientSession) -> None:
    async with http.get(served.url) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST, OPTIONS"


async def test_a_client_over_its_rate_is_told_when_to_come_again(
    http: aiohttp.ClientSession,
) -> None:
    config = ApiConfig(port=0, calls_per_second=1, burst_calls=3, limit_loopback=True)
    async with serving(config) as served:
        assert (await post(http, served, b"[" + STATUS + b"," + STATUS + b"]"))[0] == 200
        _, answer = await post(http, served, b"[" + STATUS + b"," + STATUS + b"]")
        assert answer["error"]["code"] == -32005
        assert 0 < answer["error"]["data"]["retry_after_ms"] <= 1001
        async with http.post(served.url, data=b"[" + STATUS + b"," + STATUS + b"]") as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "1")
        status, answer = await post(http, served, b"[" + b",".join([STATUS] * 4) + b"]")
        assert status == 413, "to wait would not help"
        assert "send smaller batches" in answer["error"]["message"]


async def test_expensive_calls_count_as_several(http: aiohttp.ClientSession) -> None:
    config = ApiConfig(port=0, calls_per_second=1, burst_calls=60, limit_loopback=True)
    logs = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{}]})
    async with serving(config) as served:
        assert "result" in (await post(http, served, logs))[1]
        status, answer = await post(http, served, logs)
        assert status == 429
        assert "counts as 50" in answer["error"]["message"]
        assert "result" in (await post(http, served, STATUS))[1]


SECRET = bytes(range(32))
KEY = keys.text_of("exchange", SECRET)
ENTRY = ApiKey("exchange", keys.hash_of(SECRET), 1, 2)


async def test_a_key_has_its_own_budget_in_either_header(http: aiohttp.ClientSession) -> None:
    config = ApiConfig(
        port=0, calls_per_second=1, burst_calls=1, limit_loopback=True, keys=(ENTRY,)
    )
    async with serving(config) as served:
        assert (await post(http, served, STATUS))[0] == 200
        assert (await post(http, served, STATUS))[0] == 429
        assert (await post(http, served, STATUS, Authorization=f"Bearer {KEY}"))[0] == 200
        assert (await post(http, served, STATUS, **{"X-API-Key": KEY}))[0] == 200
        assert (await post(http, served, STATUS, **{"X-API-Key": KEY}))[0] == 429


@pytest.mark.parametrize("wrong", ["", "exchange", "exchange." + "00" * 32, "nobody." + "00" * 32])
async def test_a_wrong_key_is_refused_though_none_is_needed(
    http: aiohttp.ClientSession, wrong: str
) -> None:
    async with serving(ApiConfig(port=0, keys=(ENTRY,))) as served:
        async with http.post(served.url, data=STATUS, headers={"X-API-Key": wrong}) as response:
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "API key" in orjson.loads(await response.read())["error"]["message"]
        assert (await post(http, served, STATUS, Authorization="Basic abc"))[0] == 200


async def test_a_node_that_asks_for_a_key_answers_nobody_without_one(
    http: aiohttp.ClientSession,
) -> None:
    """Over HTTP and over WebSocket; a page may still ask which headers it may send."""
    config = ApiConfig(port=0, keys=(ENTRY,), require_key=True)
    page = {"Origin": "http://localhost:3000", "Access-Control-Request-Headers": "x-api-key"}
    async with serving(config) as served:
        assert (await post(http, served, STATUS))[0] == 401
        async with http.options(served.url, headers=page) as preflight:
            assert preflight.status == 204
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(served.url)
        assert caught.value.status == 401
        headers = {"Authorization": f"Bearer {KEY}"}
        async with http.ws_connect(served.url, headers=headers) as socket:
            await socket.send_bytes(STATUS)
            assert "result" in orjson.loads((await socket.receive()).data)


async def test_the_sdk_sends_its_key() -> None:
    async with serving(ApiConfig(port=0, keys=(ENTRY,), require_key=True)) as served:
        async with Client(served.url, api_key=KEY) as client:
            assert (await client.call(calls.status()))["chain_id"] == 82062
        async with Client(served.url) as client:
            with pytest.raises(NodeError, match="API key"):
                await client.call(calls.status())


@pytest.fixture
def warned() -> Iterator[Warned]:
    with warnings_of("api.server") as handler:
        yield handler


async def test_a_reader_of_a_large_answer_that_takes_nothing_is_disconnected(
    http: aiohttp.ClientSession, warned: Warned
) -> None:
    """Its answer is out of memory, and its place free for others."""
    node = FakeNode()
    for height in range(4):
        await node.submit([transfer(height * 1000 + nonce).raw for nonce in range(1000)])
        await node.commit()
    batch = orjson.dumps(
        [{"jsonrpc": "2.0", "id": n, "method": "poyong_getBlock", "params": [1 + n % 4, "full"]}
         for n in range(12)]
    )  # fmt: skip
    config = ApiConfig(port=0, reader_patience_ms=200, max_connections=2)
    async with serving(config, node) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(batch) + batch)
        async with asyncio.timeout(30):
            await warned.event.wait()
        # What the sockets hold is there, and then the end.
        taken = 0
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                taken += len(chunk)
        assert 0 < taken < 8 * 1024 * 1024
        assert served.server.unsent_bytes == 0
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        status, answers = await post(http, served, batch)
        assert (status, len(answers)) == (200, 12), "one that reads gets all of it"


def one_call_each(**options: Any) -> ApiConfig:
    return ApiConfig(port=0, calls_per_second=1, burst_calls=1, **options)


async def refused(http: aiohttp.ClientSession, served: Served, forwarded_for: str) -> bool:
    """Whether a call with this header is over its client's budget."""
    _, answer = await post(http, served, STATUS, **{"X-Forwarded-For": forwarded_for})
    return "error" in answer


async def test_clients_of_a_trusted_proxy_have_a_budget_each(http: aiohttp.ClientSession) -> None:
    config = one_call_each(trusted_proxies=("127.0.0.0/8",))
    async with serving(config) as served:
        assert not await refused(http, served, "203.0.113.1")
        assert not await refused(http, served, "203.0.113.2")
        assert await refused(http, served, "203.0.113.1")
        # What the client itself put before the address that the proxy appended changes nothing.
        assert await refused(http, served, "203.0.113.77, 203.0.113.2")


async def test_a_spoofed_header_from_an_address_that_is_not_trusted_is_ignored(
    http: aiohttp.ClientSession,
) -> None:
    config = one_call_each(limit_loopback=True, trusted_proxies=("10.0.0.7",))
    async with serving(config) as served:
        assert not await refused(http, served, "203.0.113.1")
        assert await refused(http, served, "203.0.113.2")


async def test_a_websocket_has_the_budget_of_the_client_behind_the_proxy(
    http: aiohttp.ClientSession,
) -> None:
    config = one_call_each(trusted_proxies=("127.0.0.1",))
    async with serving(config) as served:
        assert not await refused(http, served, "203.0.113.1")
        headers = {"X-Forwarded-For": "203.0.113.1"}
        async with http.ws_connect(served.url, headers=headers) as socket:
            await socket.send_bytes(STATUS)
            assert orjson.loads((await socket.receive()).data)["error"]["code"] == -32005


async def test_connections_over_the_limit_are_told_so() -> None:
    async with serving(ApiConfig(port=0, max_connections=1)) as served:
        _, held = await asyncio.open_connection("127.0.0.1", served.port)
        answer = await exchange(served.port, b"")
        assert answer.startswith(b"HTTP/1.1 503")
        assert answer.endswith(b"as many connections as allowed")
        held.close()
        await held.wait_closed()
        async with aiohttp.ClientSession() as http:
            while True:  # until the server has seen the first one go
                status, _ = await post_or_refused(http, served)
                if status == 200:
                    break


async def post_or_refused(http: aiohttp.ClientSession, served: Served) -> tuple[int, bytes]:
    async with http.post(served.url, data=STATUS) as response:
        return response.status, await response.read()


async def test_a_silent_connection_and_a_stuck_body_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half-open connections cost a slot for a bounded time only."""
    monkeypatch.setattr(server_module, "LINGER_S", 0.05)
    async with serving(ApiConfig(port=0, request_patience_ms=50)) as served:
        assert await exchange(served.port, b"") == b""
        assert await exchange(served.port, b"POST / HTTP/1.1\r\nHost: localh") == b""
        stuck = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
        answer = await exchange(served.port, stuck)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"did not arrive within 50 ms" in answer


async def test_what_is_no_http_gets_400(served: Served) -> None:
    answer = await exchange(served.port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))


async def test_a_body_after_100_continue(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(
        b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(STATUS)
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 100")
    writer.write(STATUS)
    assert b'"chain_id":82062' in await reader.read()
    writer.close()
    await writer.wait_closed()


async def test_a_taken_port_is_a_local_error_that_names_the_option(served: Served) -> None:
    second = ApiServer(FakeNode(), ApiConfig(port=served.port), fail)
    with pytest.raises(LocalError, match=r"rpc\.port"):
        await second.start()
    await second.stop()


async def test_stopping_finishes_what_is_under_way(http: aiohttp.ClientSession) -> None:
    async with serving() as served:
        body = orjson.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "poyong_sendTransactionAndWait",
             "params": {"transaction": hex_of(transfer(0).raw)}}
        )  # fmt: skip
        waiting = asyncio.create_task(post(http, served, body))
        await served.node.until_waiting(1)
        stopping = asyncio.create_task(served.server.stop())
        await asyncio.sleep(0)
        await served.node.commit()
        assert (await waiting)[1]["result"]["height"] == 1
        await stopping
        with pytest.raises(aiohttp.ClientConnectorError):
            await post(http, served, STATUS)
