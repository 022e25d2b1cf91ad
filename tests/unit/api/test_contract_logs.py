"""Events of modules as logs of their contracts, those of a block's hooks among them."""

import asyncio

from api.encoding import from_hex, hex_of
from api.ethereum.event_forms import FORMS
from api.ethereum.logs import Criteria, bloom_of, emitted
from ledger import abi
from ledger.contracts import DISTRIBUTION, GOVERNANCE, ISSUANCE, LAND, TOKEN
from ledger.module import Event
from tests.support.ethereum import raw
from tests.support.ethereum_calls import Caller

SOMEONE, OTHER = b"s" * 20, b"o" * 20
VOTED = Event(
    "proposals.voted",
    (
        ("proposal", 7), ("vote", 1), ("chamber", "chamber.land"), ("account", SOMEONE),
        ("choice", "yes"), ("votes", 3),
    ),
)  # fmt: skip
MINTED = Event("issuance.minted", (("round", 9), ("amount", 10**24)))
OPENED = Event("land.round_opened", (("round", 10), ("is_anchor", 1)))


def test_numbers_of_things_and_addresses_are_topics_and_the_rest_is_data() -> None:
    (log,) = emitted([VOTED])
    assert log.address == GOVERNANCE.address
    assert log.topics == (
        abi.topic("Voted(uint256,uint256,string,address,string,uint256)"),
        (7).to_bytes(32, "big"),
        bytes(12) + SOMEONE,
    )
    types = (abi.UINT256, abi.STRING, abi.STRING, abi.UINT256)
    assert abi.decode(types, log.data) == (1, "chamber.land", "yes", 3)


def test_a_transfer_is_the_event_of_erc20_by_either_way() -> None:
    values = (("from", SOMEONE), ("to", OTHER), ("amount", 5), ("memo_hash", b"m" * 32))
    sent = Event("transfer.sent", values)
    (log,) = emitted([sent])
    form = FORMS["transfer.sent"]
    assert (log.address, log.topics, log.data) == (TOKEN.address, *form.topics_and_data(sent))
    assert form.signature == "Transfer(address,address,uint256)"


def test_joined_addresses_are_an_array() -> None:
    drawn = Event(
        "land.rate_official",
        (("region", "29"), ("month", 202_601), ("index_step", 100_100),
         ("reporters", SOMEONE + OTHER)),
    )  # fmt: skip
    (log,) = emitted([drawn])
    types = (abi.STRING, abi.UINT256, abi.UINT256, abi.Array(abi.ADDRESS))
    assert abi.decode(types, log.data) == ("29", 202_601, 100_100, (SOMEONE, OTHER))


def test_what_an_event_leaves_out_is_the_zero_of_its_type() -> None:
    """An empty memo hash too: the value is there and has no bytes."""
    spent = Event("distribution.spent", (("to", SOMEONE), ("amount", 3), ("memo_hash", b"")))
    (log,) = emitted([spent])
    assert log.address == DISTRIBUTION.address
    assert abi.decode((abi.UINT256, abi.BYTES32, abi.UINT256), log.data) == (3, bytes(32), 0)


def test_an_event_that_is_not_registered_is_no_log() -> None:
    assert emitted([Event("elsewhere.happened", (("round", 1),))]) == []


async def test_events_of_the_hooks_come_last_and_name_the_block() -> None:
    caller = Caller()
    caller.node.hook_events = (MINTED, OPENED)
    (sent,) = await caller.block(raw())
    block = await caller.result("eth_getBlockByNumber", "latest")
    transfer, minted, opened = await caller.result("eth_getLogs", {"blockHash": block["hash"]})
    assert (transfer["transactionHash"], transfer["logIndex"]) == (sent, "0x0")
    for index, log in enumerate((minted, opened), 1):
        assert (log["transactionHash"], log["transactionIndex"]) == (block["hash"], "0x1")
        assert log["logIndex"] == hex(index)
    assert minted["address"] == hex_of(ISSUANCE.address)
    receipt = await caller.result("eth_getTransactionReceipt", sent)
    assert receipt["logs"] == [transfer]
    assert await caller.result("eth_getTransactionReceipt", block["hash"]) is None
    asked = {"fromBlock": "0x1", "address": hex_of(LAND.address)}
    assert await caller.result("eth_getLogs", asked) == [opened]
    by_round = {"fromBlock": "0x1", "topics": [None, "0x" + f"{9:064x}"]}
    assert await caller.result("eth_getLogs", by_round) == [minted]


async def test_the_bloom_of_a_block_covers_its_hooks_and_that_of_a_receipt_does_not() -> None:
    caller = Caller()
    caller.node.hook_events = (MINTED,)
    (sent,) = await caller.block(raw())
    block = await caller.result("eth_getBlockByNumber", "latest")
    receipt = await caller.result("eth_getTransactionReceipt", sent)
    hooks = bloom_of(emitted([MINTED]))
    found = int.from_bytes(from_hex(block["logsBloom"]), "big")
    assert found == hooks | int(receipt["logsBloom"], 16)
    wanted = Criteria(addresses=frozenset([ISSUANCE.address]))
    assert wanted.may_be_in(found)
    assert not wanted.may_be_in(int(receipt["logsBloom"], 16))
    assert not wanted.never
    assert Criteria(addresses=frozenset([SOMEONE])).never


async def test_a_filter_finds_the_hooks_of_a_block_without_transactions() -> None:
    caller = Caller()
    found = await caller.result("eth_newFilter", {"address": hex_of(ISSUANCE.address)})
    caller.node.hook_events = (MINTED,)
    await caller.node.commit()
    (log,) = await caller.result("eth_getFilterChanges", found)
    assert (log["transactionIndex"], log["logIndex"]) == ("0x0", "0x0")


async def test_a_subscriber_gets_them_too() -> None:
    caller = Caller()
    feed = caller.gateway.follow_logs(Criteria(addresses=frozenset([ISSUANCE.address])))
    caller.node.hook_events = (MINTED, OPENED)
    waiting = asyncio.ensure_future(anext(feed))
    await caller.node.until_waiting(1)
    await caller.block(raw())
    assert hex_of(ISSUANCE.address).encode() in await waiting
    await feed.aclose()
