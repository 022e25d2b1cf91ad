"""A node that has removed old blocks says so, and from which height on it has them."""

from typing import Any

import pytest

from api import ports
from api.encoding import hex_of
from api.errors import HISTORY_UNAVAILABLE, RpcError
from api.ethereum.blocks import summarise
from api.held_blocks import lowest_of, require_held
from tests.support.ethereum import raw
from tests.support.ethereum_calls import Caller

LOWEST = 4


async def partial(blocks: int = 6) -> Caller:
    """So many blocks of a transaction each, those below LOWEST removed."""
    caller = Caller()
    for number in range(blocks):
        await caller.block(raw(nonce=number))
    caller.node.lowest = LOWEST
    return caller


NUMBERED = [
    ("poyong_getBlock", [None], ["none"], ["hashes"], ["full"]),
    ("poyong_getCertificate", []),
    ("eth_getBlockByNumber", [False], [True]),
    ("eth_getBlockTransactionCountByNumber", []),
    ("eth_getUncleCountByBlockNumber", []),
    ("eth_getTransactionByBlockNumberAndIndex", ["0x0"]),
    ("eth_getBlockReceipts", []),
]
CASES = [(method, rest) for method, *several in NUMBERED for rest in several]


def numbered(method: str, height: int) -> int | str:
    return height if method.startswith("poyong_") else hex(height)


@pytest.mark.parametrize(("method", "rest"), CASES)
async def test_a_removed_block_is_an_error_with_the_lowest_height(
    method: str, rest: list[Any]
) -> None:
    caller = await partial()
    given = [item for item in rest if item is not None]
    error = await caller.error(method, numbered(method, LOWEST - 1), *given)
    assert error["code"] == HISTORY_UNAVAILABLE
    assert error["message"].startswith("pruned history unavailable")
    assert f"blocks from {LOWEST} on, block {LOWEST - 1} was asked for" in error["message"]
    assert error["data"] == {"reason": "pruned", "lowest_height": LOWEST}
    (held,) = await caller.answers((method, numbered(method, LOWEST), *given))
    assert held["result"] is not None
    (to_come,) = await caller.answers((method, numbered(method, 99), *given))
    assert to_come["result"] is None, "a block to come is no removed one"


@pytest.mark.parametrize("method", ["eth_getBlockByNumber", "eth_getBlockByHash"])
async def test_genesis_is_always_there(method: str) -> None:
    caller = await partial()
    if method == "eth_getBlockByNumber":
        assert (await caller.result(method, "earliest", False))["number"] == "0x0"
    else:
        removed = hex_of(caller.node.blocks[0].block.hash)
        assert await caller.result(method, removed, False) is None, "of a hash nothing is known"


@pytest.mark.parametrize("first", ["earliest", "0x0", "0x3"])
async def test_logs_of_removed_blocks_are_no_empty_answer(first: str) -> None:
    caller = await partial()
    error = await caller.error("eth_getLogs", {"fromBlock": first})
    assert (error["code"], error["data"]["lowest_height"]) == (HISTORY_UNAVAILABLE, LOWEST)
    assert len(await caller.result("eth_getLogs", {"fromBlock": hex(LOWEST)})) == 3


async def test_blocks_that_go_while_they_are_looked_through_are_missed_aloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an answer holds is everything in its range, also when it rested meanwhile."""
    caller = await partial()

    def removing(found: ports.CommittedBlock) -> Any:
        caller.node.lowest = LOWEST + 2
        return summarise(found)

    monkeypatch.setattr("api.ethereum.blocks.summarise", removing)
    error = await caller.error("eth_getLogs", {"fromBlock": hex(LOWEST)})
    assert error["data"]["lowest_height"] == LOWEST + 2


async def test_the_history_of_fees_ends_at_the_lowest_block() -> None:
    caller = await partial()
    assert len((await caller.result("eth_feeHistory", "0x3", "latest"))["gasUsedRatio"]) == 3
    error = await caller.error("eth_feeHistory", "0x4", "latest")
    assert error["code"] == HISTORY_UNAVAILABLE


async def test_status_names_the_lowest_block() -> None:
    caller = await partial()
    (answer,) = await caller.answers(("poyong_status",))
    assert answer["result"]["lowest_height"] == LOWEST
    assert lowest_of(answer["result"]) == LOWEST
    del answer["result"]["lowest_height"]
    assert lowest_of(answer["result"]) == 1, "a node of an earlier release holds all"


async def test_what_is_held_is_no_error() -> None:
    node = (await partial()).node
    for height in (0, LOWEST, 99):
        require_held(node, height)
    with pytest.raises(RpcError):
        require_held(node, 1)
