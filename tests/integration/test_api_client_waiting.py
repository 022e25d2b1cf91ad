"""What the SDK repeats and what it does not, how it waits, and who may use the sync client."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from aiohttp import web

from api import calls, client
from api.calls import NOT_REPEATABLE, Call
from api.client import (
    Client,
    ClientError,
    NodeError,
    NoSubscriptionError,
    NotFinalError,
    UnreachableError,
)
from api.encoding import hex_of
from api.errors import LIMIT_EXCEEDED
from api.examples import ALICE, BOB
from api.loop_thread import LoopThread
from api.methods import all_methods
from api.sync_client import SyncClient
from ledger.transaction import sign
from ledger.transfers import SEND
from tests.support.api_fakes import FakeNode, transfer
from tests.support.api_servers import Served, serving

FILTER: Call[str] = Call("eth_newFilter", {"filter": {}})
FOREIGN: Call[str] = Call("other_do", {})


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BACKOFF_S", 0.001)
    monkeypatch.setattr(client, "POLL_S", 0.001)


# What is repeated


@contextlib.asynccontextmanager
async def breaking_off(times: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads a request and hangs up, so many times; then it answers with 7."""
    asked: list[bytes] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(await request.read())
        if len(asked) <= times:
            assert request.transport is not None
            request.transport.abort()
        batch = orjson.loads(asked[-1])
        return web.Response(
            body=orjson.dumps([{"jsonrpc": "2.0", "id": item["id"], "result": 7} for item in batch])
        )

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def test_a_call_that_may_have_arrived_is_repeated_when_that_is_safe() -> None:
    """Reading is; so is sending a signed transaction, which has one hash and one nonce."""
    for call in (calls.status(), calls.send_transaction(transfer(0).raw)):
        async with breaking_off(client.ATTEMPTS - 1) as (url, asked), Client(url) as patient:
            found: object = await patient.call(call)
        assert found == 7
        assert len(asked) == client.ATTEMPTS
        assert len(set(asked)) == 1, "the same bytes each time"


@pytest.mark.parametrize("call", [FILTER, FOREIGN], ids=lambda call: call.method)
async def test_what_is_not_safe_to_repeat_is_sent_once(call: Call[str]) -> None:
    async with breaking_off(1) as (url, asked), Client(url) as careful:
        with pytest.raises(UnreachableError, match=f"may have carried out {call.method}"):
            await careful.call(call)
        assert len(asked) == 1
        mixed: list[Call[object]] = [calls.status(), call]
        asked.clear()
        with pytest.raises(UnreachableError, match="not safe to repeat"):
            await careful.batch(mixed)
        assert len(asked) == 1


async def test_what_cannot_have_arrived_is_tried_again_whatever_it_is() -> None:
    """A port that refuses took nothing; neither did a node that is busy."""
    async with serving() as gone:
        url = gone.url
    async with Client(url) as unheard:
        with pytest.raises(UnreachableError, match=r"Is the node running"):
            await unheard.call(FILTER)


def test_every_method_of_a_node_is_either_safe_to_repeat_or_listed() -> None:
    names = {method.name for method in all_methods()}
    assert names >= NOT_REPEATABLE, "the list names methods that there are"
    does_something = ("new", "subscribe", "unsubscribe", "uninstall", "Changes")
    for name in names:
        named_so = any(word in name for word in does_something)
        call: Call[object] = Call(name, {})
        assert call.repeatable is not named_so, name
    assert not FOREIGN.repeatable


# Waiting


async def test_one_transaction_is_waited_for_by_its_hash() -> None:
    async with serving() as served, Client(served.url) as waiting:
        sent = await waiting.call(calls.send_transaction(transfer(0).raw))
        for form in (sent, sent.upper().replace("X", "x"), transfer(0).hash):
            task = asyncio.create_task(waiting.wait_for(form))
            if form == sent:
                await served.node.until_waiting(1)
                await served.node.commit()
            assert (await task)["height"] == 1
        with pytest.raises(NotFinalError) as caught:
            await waiting.wait_for(b"\1" * 32, timeout_s=0.05)
        assert caught.value.hashes == [hex_of(b"\1" * 32)]


@contextlib.asynccontextmanager
async def without_websocket(served: Served, status: int = 403) -> AsyncIterator[str]:
    """A proxy that passes calls and refuses WebSocket, as some do."""
    async with aiohttp.ClientSession() as session:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if request.method != "POST":
                return web.Response(status=status)
            async with session.post(served.url, data=await request.read()) as answer:
                return web.Response(body=await answer.read())

        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


@pytest.mark.parametrize("status", [403, 503])
async def test_where_no_websocket_comes_through_it_is_asked_for(status: int) -> None:
    async with (
        serving() as served,
        without_websocket(served, status) as url,
        Client(url) as waiting,
    ):
        sent = await waiting.call(calls.send_transaction(transfer(0).raw))
        task = asyncio.create_task(waiting.wait_for(sent))
        await asyncio.sleep(0)
        await served.node.commit()
        assert (await task)["transaction_hash"] == sent
        with pytest.raises(NotFinalError):
            await waiting.wait_for(b"\1" * 32, timeout_s=0.05)


async def test_a_subscription_that_is_refused_says_so() -> None:
    async with serving() as served, without_websocket(served) as url, Client(url) as follower:
        with pytest.raises(NoSubscriptionError, match="status 403"):
            await anext(follower.blocks())


async def test_a_reader_that_was_dropped_goes_on_where_it_was() -> None:
    """The node says that it reads too slowly, and hangs up; no block is lost or comes twice."""
    asked_from: list[int | None] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        call = orjson.loads((await socket.receive()).data)
        height = call["params"]["from_height"]
        asked_from.append(height)
        await socket.send_bytes(orjson.dumps({"jsonrpc": "2.0", "id": 0, "result": "0x1"}))
        notice = {"subscription": "0x1", "result": {"height": height}}
        slow = {"subscription": "0x1", "error": {"code": LIMIT_EXCEEDED, "message": "too slow"}}
        for params in (notice, slow):
            await socket.send_bytes(
                orjson.dumps({"jsonrpc": "2.0", "method": "poyong_subscription", "params": params})
            )
        await socket.close()
        return socket

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Client(url) as follower, contextlib.aclosing(follower.blocks(5)) as blocks:
            heights = [(await anext(blocks))["height"] for _ in range(3)]
    finally:
        await runner.cleanup()
    assert heights == [5, 6, 7]
    assert asked_from == [5, 6, 7]


async def test_a_limit_that_stays_is_raised_with_its_code() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        error = {"code": LIMIT_EXCEEDED, "message": "too many subscriptions", "data": {"most": 16}}
        await socket.send_bytes(orjson.dumps({"jsonrpc": "2.0", "id": 0, "error": error}))
        await socket.close()
        return socket

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Client(url) as follower:
            with pytest.raises(NodeError) as caught:
                await anext(follower.blocks())
    finally:
        await runner.cleanup()
    assert (caught.value.code, caught.value.data) == (LIMIT_EXCEEDED, {"most": 16})


async def test_a_prepared_draft_has_the_next_nonce_and_a_last_height() -> None:
    node = FakeNode()
    await node.commit()
    async with serving(node=node) as served, Client(served.url) as preparing:
        await preparing.send([transfer(0).raw])
        draft = await preparing.prepare(ALICE.public_key, SEND, BOB, 5, b"")
        assert (draft.nonce, draft.chain_id) == (1, 82062)
        assert draft.valid_until == 1 + client.VALIDITY_BLOCKS
        assert await preparing.call(calls.send_transaction(sign(draft, ALICE).raw))


# The sync client


async def test_the_sync_client_serves_several_threads_and_a_running_loop() -> None:
    """A notebook calls it inside its loop; here the server is on another one."""
    started: concurrent.futures.Future[str] = concurrent.futures.Future()
    stop = threading.Event()

    async def serve() -> None:
        async with serving() as served:
            started.set_result(served.url)
            await asyncio.to_thread(stop.wait)

    server = LoopThread()
    task = asyncio.get_running_loop().run_in_executor(None, server.run, serve())
    try:
        url = await asyncio.wrap_future(started)
        with SyncClient(url) as sync:
            assert sync.call(calls.status())["chain_id"] == 82062  # in a running loop
            asked = [asyncio.to_thread(sync.call, calls.status()) for _ in range(8)]
            assert {found["chain_id"] for found in await asyncio.gather(*asked)} == {82062}
            draft = sync.prepare(ALICE.public_key, SEND, BOB, 5, b"")
            (sent,) = sync.send([sign(draft, ALICE).raw])
            assert isinstance(sent, str)
            with pytest.raises(NotFinalError):
                sync.wait_for(sent, timeout_s=0.05)
    finally:
        stop.set()
        await task
        server.close()


def test_a_closed_client_says_so_and_its_thread_ends() -> None:
    before = threading.active_count()
    with SyncClient("http://127.0.0.1:9") as sync:
        follower = sync.blocks()
        with pytest.raises(UnreachableError):
            next(follower)
    sync.close()
    assert threading.active_count() == before
    with pytest.raises(ClientError, match="closed"):
        sync.call(calls.status())


def test_an_interrupt_ends_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it waits: the coroutine is cancelled, the thread serves on."""
    loop = LoopThread()
    ended = threading.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    def interrupted(self: object, timeout: float | None = None) -> None:
        del self, timeout
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(concurrent.futures.Future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            loop.run(for_ever())
    assert ended.wait(10)

    async def seven() -> int:
        return 7

    assert loop.run(seven()) == 7
    loop.close()
