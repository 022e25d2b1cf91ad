"""Logs by range, address and topics; filters that are read, forgotten and never read."""

from typing import Any

import pytest

from api import examples
from api.encoding import hex_of
from api.errors import LIMIT_EXCEEDED, REFUSED
from api.ethereum import gateway
from api.ethereum.blocks import summarise
from api.ethereum.contracts import TOKEN
from api.ethereum.event_forms import TRANSFER
from tests.support.ethereum import SENDER, raw
from tests.support.ethereum_calls import Caller

TOPIC = hex_of(TRANSFER.topic)
FROM = "0x" + "00" * 12 + SENDER.hex()
TO = "0x" + "00" * 12 + examples.BOB.hex()
OTHER = hex_of(bytes(32))


async def chain(blocks: int = 3) -> Caller:
    """So many blocks of two transfers."""
    caller = Caller()
    for number in range(blocks):
        await caller.block(raw(nonce=2 * number), raw(nonce=2 * number + 1))
    return caller


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"fromBlock": "0x1"}, 6),
        ({"fromBlock": "earliest", "toBlock": "latest"}, 6),
        ({"fromBlock": "0x2", "toBlock": "0x2"}, 2),
        ({"fromBlock": "0x2", "toBlock": "0x99"}, 4),
        ({"fromBlock": "0x9"}, 0),
        ({}, 2),
        ({"fromBlock": "0x1", "address": hex_of(TOKEN)}, 6),
        ({"fromBlock": "0x1", "address": [hex_of(TOKEN), hex_of(SENDER)]}, 6),
        ({"fromBlock": "0x1", "address": hex_of(SENDER)}, 0),
        ({"fromBlock": "0x1", "topics": [TOPIC]}, 6),
        ({"fromBlock": "0x1", "topics": [OTHER]}, 0),
        ({"fromBlock": "0x1", "topics": [[OTHER, TOPIC], FROM]}, 6),
        ({"fromBlock": "0x1", "topics": [None, None, TO]}, 6),
        ({"fromBlock": "0x1", "topics": [None, TO]}, 0),
        ({"fromBlock": "0x1", "topics": [None, None, None, None]}, 0),
        ({"fromBlock": "0x1", "topics": []}, 6),
    ],
)
async def test_logs_by_range_address_and_topics(asked: dict[str, Any], count: int) -> None:
    caller = await chain()
    assert len(await caller.result("eth_getLogs", asked)) == count


async def test_logs_say_where_they_are() -> None:
    caller = await chain()
    last = (await caller.result("eth_getLogs", {"fromBlock": "0x1"}))[-1]
    block = await caller.result("eth_getBlockByNumber", "0x3")
    assert (last["blockHash"], last["blockTimestamp"]) == (block["hash"], block["timestamp"])
    assert last["transactionHash"] == block["transactions"][1]
    assert (last["transactionIndex"], last["logIndex"], last["removed"]) == ("0x1", "0x1", False)
    by_hash = await caller.result("eth_getLogs", {"blockHash": block["hash"]})
    assert by_hash[-1] == last
    error = await caller.error("eth_getLogs", {"blockHash": OTHER})
    assert (error["code"], error["message"]) == (REFUSED, "unknown block")


async def test_a_range_beyond_the_limit_is_refused_unread() -> None:
    caller = await chain()
    far = {"fromBlock": "0x1", "toBlock": "0xf4240"}
    assert len(await caller.result("eth_getLogs", far)) == 6, "the range ends at the head"
    for _ in range(18):
        await caller.node.commit()
    error = await caller.error("eth_getLogs", {"fromBlock": "earliest"})
    assert error["code"] == LIMIT_EXCEEDED
    assert "block range is too large: 22 blocks from 0 on, at most 20" in error["message"]


async def test_too_many_results_say_so_but_one_block_is_always_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway, "MAX_LOGS", 1)
    caller = await chain()
    error = await caller.error("eth_getLogs", {"fromBlock": "0x1"})
    assert error["code"] == LIMIT_EXCEEDED
    assert error["message"].startswith("query returned more than 1 results in blocks 1 to 1")
    assert len(await caller.result("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x1"})) == 2
    monkeypatch.setattr(gateway, "MAX_LOGS", 100)
    monkeypatch.setattr(gateway, "MAX_LOG_TRANSACTIONS", 3)
    error = await caller.error("eth_getLogs", {"fromBlock": "0x1"})
    assert "more than 3 transactions in blocks 1 to 2" in error["message"]


# Filters


async def test_each_filter_gives_what_came_since_it_was_read() -> None:
    caller = await chain()
    logs = await caller.result("eth_newFilter", {"address": hex_of(TOKEN)})
    blocks = await caller.result("eth_newBlockFilter")
    pending = await caller.result("eth_newPendingTransactionFilter")
    assert len({logs, blocks, pending}) == 3
    for found in (logs, blocks, pending):
        assert await caller.result("eth_getFilterChanges", found) == []
    sent = await caller.block(raw(nonce=6))
    (log,) = await caller.result("eth_getFilterChanges", logs)
    assert log["transactionHash"] == sent[0]
    block = await caller.result("eth_getBlockByNumber", "latest")
    assert await caller.result("eth_getFilterChanges", blocks) == [block["hash"]]
    assert await caller.result("eth_getFilterChanges", pending) == sent
    for found in (logs, blocks, pending):
        assert await caller.result("eth_getFilterChanges", found) == []


async def test_filter_logs_are_those_of_the_whole_range() -> None:
    caller = await chain()
    found = await caller.result("eth_newFilter", {"fromBlock": "0x2"})
    assert len(await caller.result("eth_getFilterLogs", found)) == 4
    blocks = await caller.result("eth_newBlockFilter")
    assert (await caller.error("eth_getFilterLogs", blocks))["message"].startswith(
        "filter not found"
    )


async def test_a_filter_ends_where_its_range_does() -> None:
    caller = await chain()
    found = await caller.result("eth_newFilter", {"fromBlock": "0x1", "toBlock": "0x4"})
    for nonce in range(6, 9):
        await caller.block(raw(nonce=nonce))
    (log,) = await caller.result("eth_getFilterChanges", found)
    assert log["blockNumber"] == "0x4"
    assert await caller.result("eth_getFilterChanges", found) == []


async def test_a_filter_that_fell_behind_catches_up_in_parts() -> None:
    caller = await chain(1)
    found = await caller.result("eth_newFilter", {})
    for nonce in range(2, 27):
        await caller.block(raw(nonce=nonce))
    parts = [await caller.result("eth_getFilterChanges", found) for _ in range(3)]
    assert [len(part) for part in parts] == [20, 5, 0]


async def test_filters_are_forgotten_when_ended_unread_or_too_many() -> None:
    caller = await chain(1)
    first = await caller.result("eth_newBlockFilter")
    assert await caller.result("eth_uninstallFilter", first) is True
    assert await caller.result("eth_uninstallFilter", first) is False
    error = await caller.error("eth_getFilterChanges", first)
    assert (error["code"], error["message"]) == (REFUSED, "filter not found")
    second = await caller.result("eth_newBlockFilter")
    caller.now_s = gateway.FILTER_LIFETIME_S + 1
    assert (await caller.error("eth_getFilterChanges", second))["message"] == "filter not found"
    found = []
    for _ in range(5):
        caller.now_s += 1
        found.append(await caller.result("eth_newBlockFilter"))
    known = [
        "result" in answer
        for answer in await caller.answers(*(("eth_getFilterChanges", item) for item in found))
    ]
    assert known == [False, False, True, True, True], "three places: the oldest went"


async def test_looking_through_blocks_rests_as_long_as_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a few clients that ask for logs would take the node's whole time."""
    caller = await chain()
    rests: list[float] = []

    async def resting(seconds: float) -> None:
        rests.append(seconds)

    def working(found: Any) -> Any:
        caller.now_s += 0.010
        return summarise(found)

    monkeypatch.setattr("api.ethereum.blocks.summarise", working)
    monkeypatch.setattr("asyncio.sleep", resting)
    await caller.result("eth_getLogs", {"fromBlock": "0x1"})
    assert [round(rest, 3) for rest in rests] == [0.010, 0.010, 0.010]


async def test_the_history_of_fees_rests_as_long_as_it_works_and_keeps_what_it_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand full blocks are ten seconds of decoding, in which nobody else would be served."""
    caller = await chain()
    rests: list[float] = []
    real = caller.node.compact_block

    async def resting(seconds: float) -> None:
        rests.append(seconds)

    def working(height: int) -> Any:
        caller.now_s += 0.010
        return real(height)

    monkeypatch.setattr(caller.node, "compact_block", working)
    monkeypatch.setattr("asyncio.sleep", resting)
    first = await caller.result("eth_feeHistory", "0x400", "latest")
    assert first["gasUsedRatio"] == [0, *[2 / 2000] * 3]
    assert [round(rest, 3) for rest in rests] == [0.010, 0.010, 0.010]
    assert await caller.result("eth_feeHistory", "0x400", "latest") == first
    assert len(rests) == 3


async def test_whole_blocks_and_receipts_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await chain(1)
    first = await caller.result("eth_getBlockByNumber", "0x1", True)
    receipts = await caller.result("eth_getBlockReceipts", "0x1")
    monkeypatch.setattr(caller.node, "block", None)
    assert await caller.result("eth_getBlockByHash", first["hash"], True) == first
    assert await caller.result("eth_getBlockReceipts", "latest") == receipts
