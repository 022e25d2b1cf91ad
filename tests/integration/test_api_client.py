"""The Python SDK against the real server on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from api import calls, client, client_wire, examples
from api.client import AnswerError, Client, NodeError, NotFinalError, UnreachableError
from api.encoding import hex_of
from api.server import ApiConfig
from api.sync_client import SyncClient
from tests.support.api_fakes import FakeNode, transfer
from tests.support.api_servers import Served, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
async def connected(served: Served) -> AsyncIterator[Client]:
    async with Client(served.url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BACKOFF_S", 0.001)


async def test_a_call_gives_its_typed_result(connected: Client) -> None:
    status = await connected.call(calls.status())
    assert status["chain_id"] == 82062
    assert await connected.call(calls.get_block(5)) is None


async def test_an_error_of_the_node_is_raised_with_its_code(connected: Client) -> None:
    with pytest.raises(NodeError, match="poyong_getReceipt: parameter hash") as caught:
        await connected.call(calls.get_receipt("0x12"))
    assert caught.value.code == -32602


async def test_250_sends_go_out_in_three_batches_and_answer_in_order(
    served: Served, connected: Client
) -> None:
    transactions = [transfer(nonce) for nonce in range(250)]
    sent = await connected.send([item.raw for item in transactions])
    assert [len(batch) for batch in served.node.submitted] == [100, 100, 50]
    assert sent == [hex_of(item.hash) for item in transactions]


async def test_large_calls_are_split_by_bytes(
    served: Served, connected: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_wire, "MAX_MESSAGE_BYTES", 1000)
    await connected.send([transfer(nonce).raw for nonce in range(5)])
    assert [len(batch) for batch in served.node.submitted] == [3, 2]


async def test_a_refusal_stands_in_the_place_of_its_transaction(connected: Client) -> None:
    first, refused, last = await connected.send([transfer(0).raw, b"\x98\xff", transfer(1).raw])
    assert first == hex_of(transfer(0).hash)
    assert last == hex_of(transfer(1).hash)
    assert isinstance(refused, NodeError)
    assert refused.data == {"reason": "malformed"}
    assert (refused.code, refused.reason) == (-32000, "malformed")


async def test_send_and_wait_follows_blocks_until_all_are_final(
    served: Served, connected: Client
) -> None:
    transactions = [transfer(nonce) for nonce in range(3)]
    sending = asyncio.create_task(connected.send_and_wait([item.raw for item in transactions]))
    await served.node.until_waiting(1)
    await served.node.commit()
    receipts = await sending
    assert [item["transaction_hash"] for item in receipts if not isinstance(item, NodeError)] == [
        hex_of(item.hash) for item in transactions
    ]


async def test_what_is_final_already_is_not_waited_for(served: Served, connected: Client) -> None:
    sent = await connected.send([transfer(0).raw])
    assert isinstance(sent[0], str)
    await served.node.commit()
    receipts = await connected.wait_final([sent[0]])
    assert receipts[sent[0]]["height"] == 1


async def test_what_is_not_final_in_time_is_named(connected: Client) -> None:
    with pytest.raises(NotFinalError) as caught:
        await connected.send_and_wait([transfer(0).raw], timeout_s=0.05)
    assert caught.value.hashes == [hex_of(transfer(0).hash)]


async def test_blocks_come_once_and_in_order_across_a_lost_connection() -> None:
    node = FakeNode()
    for _ in range(3):
        await node.commit()
    heights: list[int] = []
    async with serving(node=node) as first:
        port = first.port
        async with Client(first.url) as client_, contextlib.aclosing(client_.blocks(1)) as blocks:
            async for block in blocks:
                heights.append(block["height"])
                if len(heights) == 3:
                    break
            await first.server.stop()
            await node.commit()
            async with serving(ApiConfig(port=port), node):
                heights.append((await anext(blocks))["height"])
    assert heights == [1, 2, 3, 4]


async def test_events_of_governance_are_followed_like_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.subscriptions.MAX_SILENT_HEIGHTS", 2)
    async with serving() as served, Client(served.url) as client_:
        for _ in range(3):
            await served.node.commit()
        async with contextlib.aclosing(client_.governance_events(1)) as found:
            notice = await anext(found)
    assert (notice["height"], notice["events"]) == (3, [])


async def test_the_history_of_an_account_is_followed_across_a_lost_connection() -> None:
    """Each item once: it begins at a page of history and goes on by the cursor last received."""
    node = FakeNode()

    async def transferred(nonce: int) -> None:
        await node.submit([transfer(nonce).raw])
        await node.commit()

    for nonce in range(2):
        await transferred(nonce)
    async with serving(node=node) as first:
        port = first.port
        async with Client(first.url) as client_:
            asked = calls.get_account_history(examples.BOB, limit=1, order="oldest")
            page = await client_.call(asked)
            found = [*page["items"]]
            following = client_.account_history(examples.BOB, page["next_cursor"])
            async with contextlib.aclosing(following) as notices:
                for _ in range(2):
                    found += (await anext(notices))["items"]
                await first.server.stop()
                for nonce in (2, 3):
                    await transferred(nonce)
                async with serving(ApiConfig(port=port), node):
                    for _ in range(2):
                        found += (await anext(notices))["items"]
                    matches = await client_.call(calls.search("4"))
    places = [(item["height"], item["position"]) for item in found]
    assert places == [(height, at) for height in range(1, 5) for at in (0, None)]
    assert [match["kind"] for match in matches] == ["block"]


async def test_a_node_that_is_not_there_is_said_so_with_the_remedy() -> None:
    async with serving() as gone:
        url = gone.url
    async with Client(url) as unheard:
        with pytest.raises(UnreachableError, match=r"Is the node running, and its rpc\.port"):
            await unheard.call(calls.status())
        with pytest.raises(UnreachableError):
            await anext(unheard.blocks())


async def test_over_its_rate_a_client_waits_as_long_as_the_node_says() -> None:
    config = ApiConfig(port=0, calls_per_second=100, burst_calls=2, limit_loopback=True)
    async with serving(config) as served, Client(served.url) as patient:
        for _ in range(4):
            assert (await patient.call(calls.status()))["chain_id"] == 82062


Handler = Callable[[web.BaseRequest], "asyncio.Future[web.StreamResponse]"]


@contextlib.asynccontextmanager
async def answering(status: int, *bodies: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives these bodies in turn, the last for ever, and keeps what it was asked."""
    asked: list[bytes] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(await request.read())
        return web.Response(status=status, body=bodies[min(len(asked), len(bodies)) - 1])

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"3",
        b"[1]",
        b"[]",
        b'[{"jsonrpc":"2.0","id":5,"result":1}]',
        b'[{"jsonrpc":"2.0","id":[],"result":1}]',
        b'[{"jsonrpc":"2.0","id":0}]',
        b'[{"jsonrpc":"2.0","id":0,"error":7}]',
        b'{"id":null,"error":{"code":"x"}}',
    ],
)
async def test_what_is_no_node_is_said_to_be_none(body: bytes) -> None:
    async with answering(200, body) as (url, _), Client(url) as puzzled:
        with pytest.raises(AnswerError):
            await puzzled.call(calls.status())


async def test_a_busy_node_is_asked_a_bounded_number_of_times() -> None:
    async with answering(503, b"") as (url, asked), Client(url) as patient:
        with pytest.raises(UnreachableError, match="busy"):
            await patient.call(calls.status())
    assert len(asked) == client.ATTEMPTS


def test_the_sync_client_does_the_same() -> None:
    """The server runs in a loop on another thread, as it does for whoever has no loop."""
    with asyncio.Runner() as runner:
        stop = asyncio.Event()

        async def serve(started: "asyncio.Future[Served]") -> None:
            async with serving() as served:
                started.set_result(served)
                await stop.wait()

        async def main() -> None:
            loop = asyncio.get_running_loop()
            started: asyncio.Future[Served] = loop.create_future()
            server = asyncio.create_task(serve(started))
            served = await started
            await asyncio.to_thread(use, served, loop)
            stop.set()
            await server

        runner.run(main())


def use(served: Served, loop: asyncio.AbstractEventLoop) -> None:
    with SyncClient(served.url) as sync:
        assert sync.call(calls.status())["chain_id"] == 82062
        (sent,) = sync.send([transfer(0).raw])
        assert isinstance(sent, str)
        asyncio.run_coroutine_threadsafe(served.node.commit(), loop).result(timeout=20)
        assert sync.wait_final([sent])[sent]["height"] == 1
        (receipt,) = sync.send_and_wait([transfer(0).raw])
        assert not isinstance(receipt, NodeError)
        blocks = sync.blocks(1)
        assert next(blocks)["height"] == 1
        blocks.close()
        with pytest.raises(NodeError):
            sync.call(calls.get_receipt("0x"))
