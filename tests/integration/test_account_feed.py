"""What concerns an account as a subscription over a real WebSocket: resumed, bounded, refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse

from api import examples
from api.encoding import address as address_text
from api.history import Cursor, encode_cursor
from api.history_ports import Place
from tests.integration.test_api_websocket import ask, connected, received
from tests.support.api_fakes import transfer
from tests.support.api_servers import Served, serving

BOB = address_text(examples.BOB)
NOBODY = "0x" + "77" * 20


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
async def socket(served: Served) -> AsyncIterator[ClientWebSocketResponse]:
    async with connected(served) as opened:
        yield opened


async def transferred(served: Served, nonce: int) -> None:
    """A block with a transfer to Bob, whose hooks name him too."""
    await served.node.submit([transfer(nonce).raw])
    await served.node.commit()


async def subscribe(socket: ClientWebSocketResponse, params: dict[str, Any]) -> Any:
    await socket.send_json(
        {"jsonrpc": "2.0", "id": 1, "method": "poyong_subscribe", "params": params}
    )
    return await received(socket)


async def follow(socket: ClientWebSocketResponse, account: str, **params: Any) -> Any:
    return await subscribe(socket, {"topic": "account", "account": account, **params})


async def notice(socket: ClientWebSocketResponse) -> Any:
    return (await received(socket))["params"]["result"]


async def test_what_concerns_an_account_comes_block_by_block_and_resumes_by_cursor(
    served: Served, socket: ClientWebSocketResponse
) -> None:
    for nonce in range(3):
        await transferred(served, nonce)
    subscription = (await follow(socket, BOB, from_height=1))["result"]
    first, second = await notice(socket), await notice(socket)
    assert (first["height"], second["height"]) == (1, 2)
    assert [item["position"] for item in first["items"]] == [0, None]
    assert (await notice(socket))["height"] == 3
    assert (await ask(socket, "poyong_unsubscribe", subscription))["result"] is True
    await follow(socket, BOB, cursor=second["cursor"])
    assert (await notice(socket))["height"] == 3
    await transferred(served, 3)
    assert (await notice(socket))["height"] == 4


async def test_a_page_of_history_goes_over_into_a_subscription(
    served: Served, socket: ClientWebSocketResponse
) -> None:
    """What is between the page and the subscription comes too."""
    await transferred(served, 0)
    await socket.send_json(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "poyong_getAccountHistory",
            "params": {"account": BOB, "order": "oldest"},
        }
    )
    page = (await received(socket))["result"]
    await transferred(served, 1)
    await follow(socket, BOB, cursor=page["next_cursor"])
    assert (await notice(socket))["height"] == 2


async def test_a_block_with_more_than_a_page_comes_in_parts_and_loses_nothing(
    served: Served, socket: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.history.MAX_HISTORY_ITEMS", 2)
    await served.node.submit([transfer(nonce).raw for nonce in range(4)])
    await served.node.commit()
    await follow(socket, BOB, from_height=1)
    parts = [await notice(socket) for _ in range(3)]
    positions = [[item["position"] for item in part["items"]] for part in parts]
    assert positions == [[0, 1], [2, 3], [None]]
    await follow(socket, BOB, cursor=parts[0]["cursor"])
    assert [item["position"] for item in (await notice(socket))["items"]] == [2, 3]


async def test_a_reader_of_a_silent_account_learns_how_far_it_is(
    served: Served, socket: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.history.MAX_SILENT_HEIGHTS", 5)
    for nonce in range(7):
        await transferred(served, nonce)
    await follow(socket, NOBODY, from_height=1)
    found = await notice(socket)
    assert (found["height"], found["items"]) == (7, [])


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"topic": "account"}, "needs the parameter account"),
        ({"topic": "blocks", "account": BOB}, "not for the topic blocks"),
        (
            {"topic": "account", "account": BOB, "cursor": "0x00"},
            "expected one that an answer gave",
        ),
        (
            {
                "topic": "account",
                "account": BOB,
                "cursor": encode_cursor(examples.BOB, Cursor(Place(1, 0), newest_first=True)),
            },
            "newest first",
        ),
        (
            {
                "topic": "account",
                "account": BOB,
                "from_height": 1,
                "cursor": encode_cursor(examples.BOB, Cursor(Place(1, 0), newest_first=False)),
            },
            "not both",
        ),
    ],
)
async def test_a_subscription_that_does_not_say_where_it_begins_is_refused(
    socket: ClientWebSocketResponse, params: dict[str, Any], says: str
) -> None:
    error = (await subscribe(socket, params))["error"]
    assert (error["code"], says in error["message"]) == (-32602, True), error


async def test_a_subscription_into_what_was_dropped_ends_with_the_reason(
    served: Served, socket: ClientWebSocketResponse
) -> None:
    for nonce in range(3):
        await transferred(served, nonce)
    served.node.history_from = 3
    await follow(socket, BOB, from_height=1)
    error = (await received(socket))["params"]["error"]
    assert (error["code"], error["data"]["complete_from_height"]) == (4444, 3)
