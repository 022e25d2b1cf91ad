"""eth_, net_ and web3_: every result keeps to the execution API, and says what the chain holds."""

import asyncio
from typing import Any

import pytest

from api import examples
from api.encoding import hex_of
from api.errors import INVALID_PARAMS, REFUSED
from api.ethereum.contracts import CHAIN, TOKEN
from api.ethereum.eth import transactions
from api.ethereum.event_forms import TRANSFER
from ledger.crypto import keccak256
from ledger.errors import ErrorCode
from ledger.primitives import UNIT
from ledger.receipt import Receipt
from ledger.transaction import Draft, sign
from ledger.transfers import SEND_MANY
from tests.support import ethereum
from tests.support.api_fakes import transfer
from tests.support.ethereum import SENDER, raw
from tests.support.ethereum_calls import REGISTRY, Caller
from tests.support.execution_api import RESULTS
from tests.support.transfers import TO

BOB = hex_of(examples.BOB)
UNKNOWN = hex_of(bytes(32))
KEYS = ((b"a" * 20, (b"k" * 32,)),)


def many() -> bytes:
    """A native message that is no plain transfer."""
    draft = Draft(
        chain_id=examples.CHAIN_ID,
        nonce=9,
        type=SEND_MANY.name,
        body=SEND_MANY.encode(((TO, 1),), b""),
        valid_until=100,
    )
    return sign(draft, examples.ALICE).raw


async def one_block() -> tuple[Caller, list[str]]:
    """Legacy, access list, dynamic fee, native transfer, native other, in one block."""
    caller = Caller()
    hashes = await caller.block(
        raw(kind=0, max_fee=7),
        raw(kind=1, nonce=1, gas=30_000, access_list=KEYS),
        raw(nonce=2, priority_fee=1, max_fee=2),
        transfer(0, 5).raw,
        many(),
    )
    return caller, hashes


def test_the_specification_covers_every_method() -> None:
    ours = {method.name for method in REGISTRY if method.name.startswith(("eth_", "net", "web3_"))}
    assert ours == set(RESULTS)


async def test_every_method_keeps_to_the_specification_for_what_is_and_what_is_not() -> None:
    """eth_subscribe and eth_unsubscribe are for WebSockets; sends are tested below."""
    caller, hashes = await one_block()
    (waiting,) = await caller.send(raw(nonce=3))
    block = (await caller.result("eth_getBlockByNumber", "latest"))["hash"]
    logs = await caller.result("eth_newFilter", {"fromBlock": "0x1"})
    blocks = await caller.result("eth_newBlockFilter")
    pending = await caller.result("eth_newPendingTransactionFilter")
    calls: list[tuple[Any, ...]] = [
        *((name,) for name in ("eth_chainId", "eth_blockNumber", "eth_gasPrice", "eth_accounts",
                               "eth_maxPriorityFeePerGas", "eth_syncing", "net_version",
                               "net_listening", "net_peerCount", "web3_clientVersion")),
        *(("eth_feeHistory", count, at, [5, 50.5])
          for count in ("0x0", "0xa", 4) for at in ("latest", "0x1")),
        ("eth_feeHistory", "0x1", "latest"),
        *(("eth_getBlockByHash", item, full)
          for item in (block, UNKNOWN) for full in (True, False)),
        *(("eth_getBlockByNumber", item, full)
          for item in ("latest", "safe", "finalized", "pending", "earliest", "0x1", "0x9")
          for full in (True, False)),
        *((f"eth_get{what}ByHash", item)
          for what in ("BlockTransactionCount",) for item in (block, UNKNOWN)),
        *((f"eth_get{what}ByNumber", item)
          for what in ("BlockTransactionCount",) for item in ("latest", "0x0", "0x9")),
        *(("eth_getUncleCountByBlockHash", item) for item in (block, UNKNOWN)),
        *(("eth_getUncleCountByBlockNumber", item) for item in ("latest", "0x9")),
        *((name, item)
          for name in ("eth_getTransactionByHash", "eth_getTransactionReceipt")
          for item in (*hashes, UNKNOWN)),
        *(("eth_getTransactionByBlockHashAndIndex", item, index)
          for item in (block, UNKNOWN) for index in ("0x0", "0x4", "0x5")),
        *(("eth_getTransactionByBlockNumberAndIndex", item, index)
          for item in ("latest", "0x0", "0x9") for index in ("0x0", "0x4", "0x5")),
        *(("eth_getBlockReceipts", item) for item in ("latest", block, "0x0", "0x9")),
        *((name, BOB, item)
          for name in ("eth_getBalance", "eth_getTransactionCount", "eth_getCode")
          for item in ("latest", "pending", "0x1", block, {"blockHash": block},
                       {"blockNumber": "0x1"})),
        ("eth_getStorageAt", BOB, "0x0", "latest"),
        ("eth_getStorageAt", BOB, UNKNOWN),
        ("eth_call", {"to": BOB, "input": "0x1234"}, "latest"),
        ("eth_call", {"to": BOB, "data": "0x12", "input": "0x12"}, {"blockHash": block}, {}),
        ("eth_estimateGas", {"from": BOB, "to": BOB, "value": "0x1"}),
        ("eth_getProof", BOB, [], "latest"),
        ("eth_getProof", BOB, ["0x0", UNKNOWN]),
        ("eth_getLogs", {}),
        ("eth_getLogs", {"blockHash": block}),
        ("eth_getFilterLogs", logs),
        *(("eth_getFilterChanges", item) for item in (logs, blocks, pending)),
        *(("eth_uninstallFilter", item) for item in (logs, logs)),
        ("web3_sha3", "0x68656c6c6f20776f726c64"),
    ]  # fmt: skip
    for call in calls:
        await caller.result(*call)
    asked = {call[0] for call in calls} | {"eth_newFilter", "eth_newBlockFilter"}
    assert set(RESULTS) - asked == {
        "eth_newPendingTransactionFilter", "eth_sendRawTransaction", "eth_sendRawTransactionSync",
        "eth_subscribe", "eth_unsubscribe",
    }  # fmt: skip
    found = await caller.answers(("eth_getTransactionByHash", waiting))
    shown = found[0]["result"]
    assert shown["blockHash"] is shown["blockNumber"] is shown["transactionIndex"] is None


async def test_transactions_show_what_was_signed() -> None:
    caller, hashes = await one_block()
    block = await caller.result("eth_getBlockByNumber", "latest", True)
    legacy, listed, dynamic, native, other = block["transactions"]
    assert [item["hash"] for item in block["transactions"]] == hashes
    assert [item["type"] for item in block["transactions"]] == ["0x0", "0x1", "0x2", "0x50", "0x50"]
    assert [item["transactionIndex"] for item in block["transactions"]] == [
        hex(index) for index in range(5)
    ]
    assert {item["from"] for item in (legacy, listed, dynamic)} == {hex_of(SENDER)}
    assert (legacy["gasPrice"], legacy["value"], legacy["to"]) == ("0x7", hex(UNIT), hex_of(TO))
    parity, r, s = ethereum.Wallet(0, max_fee=7).signature()
    assert (legacy["v"], legacy["r"], legacy["s"]) == (
        hex(35 + 2 * 82062 + parity), hex(r), hex(s),
    )  # fmt: skip
    assert listed["accessList"] == [
        {"address": hex_of(b"a" * 20), "storageKeys": [hex_of(b"k" * 32)]}
    ]
    assert (dynamic["maxFeePerGas"], dynamic["maxPriorityFeePerGas"]) == ("0x2", "0x1")
    assert dynamic["gasPrice"] == "0x0", "what was paid"
    assert (native["to"], native["value"], native["input"]) == (BOB, "0x5", "0x")
    assert native["from"] == hex_of(transfer(0).sender)
    assert (other["to"], other["value"]) == (hex_of(CHAIN), "0x0")
    assert len(other["input"]) > 40
    assert {item[name] for item in (native, other) for name in "vrs"} == {"0x0"}


async def test_receipts_count_gas_and_logs_through_the_block() -> None:
    caller, hashes = await one_block()
    receipts = await caller.result("eth_getBlockReceipts", "latest")
    assert receipts == [await caller.result("eth_getTransactionReceipt", item) for item in hashes]
    assert [item["cumulativeGasUsed"] for item in receipts] == [
        hex(21_000 * count) for count in range(1, 6)
    ]
    assert [item["logs"][0]["logIndex"] for item in receipts] == [hex(at) for at in range(5)]
    block = await caller.result("eth_getBlockByNumber", "latest")
    assert block["gasUsed"] == hex(5 * 21_000)
    log = receipts[1]["logs"][0]
    assert log["address"] == hex_of(TOKEN)
    assert log["topics"] == [
        hex_of(TRANSFER.topic), "0x" + "00" * 12 + hex_of(SENDER)[2:], "0x" + "00" * 12 + BOB[2:],
    ]  # fmt: skip
    assert TRANSFER.topic.hex().startswith("ddf252ad"), "the topic of ERC-20"
    assert int(log["data"], 16) == 2**100
    blooms = [int(item["logsBloom"], 16) for item in receipts]
    union = 0
    for bloom in blooms:
        union |= bloom
    assert int(block["logsBloom"], 16) == union
    digest = keccak256(TOKEN)
    for at in (0, 2, 4):
        assert union >> (int.from_bytes(digest[at : at + 2], "big") % 2048) & 1


async def test_a_failed_transaction_has_status_zero() -> None:
    caller, hashes = await one_block()
    committed = caller.node.blocks[0]
    failed = Receipt(
        committed.block.transactions[0].hash, ErrorCode.INSUFFICIENT_FUNDS, "too little", ()
    )
    object.__setattr__(committed, "receipts", (failed, *committed.receipts[1:]))
    receipt = await caller.result("eth_getTransactionReceipt", hashes[0])
    assert (receipt["status"], receipt["logs"]) == ("0x0", [])
    assert set(receipt["logsBloom"]) == {"0", "x"}


async def test_genesis_is_block_zero() -> None:
    caller, _ = await one_block()
    genesis = await caller.result("eth_getBlockByNumber", "earliest", True)
    assert (genesis["number"], genesis["transactions"]) == ("0x0", [])
    assert await caller.result("eth_getBlockByNumber", "0x0", True) == genesis


async def test_fee_history_is_zero_and_says_how_full_blocks_were() -> None:
    caller, _ = await one_block()
    found = await caller.result("eth_feeHistory", "0xa", "latest", [20, 80])
    assert found == {
        "oldestBlock": "0x0",
        "baseFeePerGas": ["0x0"] * 3,
        "gasUsedRatio": [0, 5 / 2000],
        "reward": [["0x0", "0x0"]] * 2,
    }


# Sending


async def test_the_hash_comes_back_and_the_same_again() -> None:
    caller = Caller()
    first, second = await caller.send(raw(), raw())
    assert first == second == hex_of(keccak256(raw()))


async def test_sync_sending_gives_the_receipt_or_code_4_with_the_hash() -> None:
    caller = Caller()
    (answer,) = await caller.answers(("eth_sendRawTransactionSync", hex_of(raw()), 1))
    assert answer["error"]["code"] == 4
    assert answer["error"]["data"] == hex_of(keccak256(raw()))
    await caller.node.commit()
    receipt = await caller.result("eth_sendRawTransactionSync", hex_of(raw()), "0x3e8")
    assert (receipt["transactionHash"], receipt["status"]) == (hex_of(keccak256(raw())), "0x1")


async def test_receipts_of_pending_transactions_come_with_their_block() -> None:
    """Side by side in a batch, whose other calls see the same block."""
    caller = Caller()
    hashes = await caller.send(raw(), raw(nonce=1))
    asked = [("eth_blockNumber",), *(("eth_getTransactionReceipt", item) for item in hashes)]
    asking = asyncio.create_task(caller.answers(*asked, ("eth_getTransactionReceipt", UNKNOWN)))
    await caller.node.until_waiting(2)
    await caller.node.commit()
    height, *receipts, unknown = [answer["result"] for answer in await asking]
    assert height == "0x1"
    assert [receipt["transactionHash"] for receipt in receipts] == hashes
    assert unknown is None


async def test_a_receipt_is_null_when_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "PATIENCE_MS", 1)
    caller = Caller()
    (pending,) = await caller.send(raw())
    assert await caller.result("eth_getTransactionReceipt", pending) is None
    assert caller.node.waiting == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chain_id": 1}, "invalid chain id for signer: transaction is signed for chain 1"),
        ({"gas": 20_000}, "intrinsic gas too low: gas 20000, minimum needed 21000"),
        ({"to": b""}, "contract creation is not supported"),
        ({"value": 2**128}, "insufficient funds for gas * price + value: value"),
        ({"priority_fee": 1}, "max priority fee per gas higher than max fee per gas"),
        ({"data": b"\x01", "gas": 30_000}, "malformed transaction: 0x7777777777777777"),
    ],
)
async def test_refusals_begin_with_geths_words(changes: dict[str, Any], message: str) -> None:
    error = await Caller().error("eth_sendRawTransaction", hex_of(raw(**changes)))
    assert error["code"] == REFUSED
    assert error["message"].startswith(message)


async def test_a_batch_of_sends_is_verified_together() -> None:
    caller = Caller()
    raws = [raw(nonce=nonce) for nonce in range(100)]
    answers = await caller.answers(*(("eth_sendRawTransaction", hex_of(item)) for item in raws))
    assert [answer["result"] for answer in answers] == [hex_of(keccak256(item)) for item in raws]
    assert caller.node.submitted == [raws]


# Accounts and calls


async def test_older_state_is_refused_and_not_answered_wrongly() -> None:
    caller, _ = await one_block()
    await caller.node.commit()
    for block in ("0x1", "earliest", {"blockNumber": "0x1"}):
        error = await caller.error("eth_getBalance", BOB, block)
        assert error["code"] == REFUSED
        assert "historical state of block" in error["message"]
    for unknown in ("0x9", UNKNOWN, {"blockHash": UNKNOWN}):
        error = await caller.error("eth_getBalance", BOB, unknown)
        assert (error["code"], error["message"]) == (REFUSED, "header not found")
    for head in ("latest", "safe", "finalized", "pending", "0x2"):
        assert await caller.result("eth_getBalance", BOB, head) == hex(2**127)


async def test_the_pending_nonce_counts_what_waits() -> None:
    caller = Caller()
    await caller.send(raw(), raw(nonce=1))
    assert await caller.result("eth_getTransactionCount", BOB, "latest") == "0x0"
    assert await caller.result("eth_getTransactionCount", BOB, "pending") == "0x2"


async def test_only_a_system_contract_has_code() -> None:
    caller = Caller()
    assert await caller.result("eth_getCode", hex_of(TOKEN)) == "0xfe"
    assert await caller.result("eth_getCode", BOB) == "0x"
    assert await caller.result("eth_call", {"to": BOB, "data": "0x0102"}) == "0x"
    assert await caller.result("eth_call", {"data": "0x0102"}) == "0x"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "contract creation is not supported"),
        ({"to": BOB, "data": "0x01"}, "is no system contract"),
        ({"to": BOB, "from": hex_of(TO), "value": "0x1"}, "insufficient funds for transfer"),
    ],
)
async def test_estimating_refuses_what_sending_would(asked: Any, message: str) -> None:
    error = await Caller().error("eth_estimateGas", asked)
    assert error["code"] == REFUSED
    assert message in error["message"]


# Bad input


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBalance", [BOB, "0x01"]),
        ("eth_getBalance", [BOB, "0x"]),
        ("eth_getBalance", [BOB, "-0x1"]),
        ("eth_getBalance", [BOB, 1]),
        ("eth_getBalance", [BOB, "0x" + "f" * 17]),
        ("eth_getBalance", [BOB, "newest"]),
        ("eth_getBalance", [BOB, {}]),
        ("eth_getBalance", [BOB, {"blockHash": UNKNOWN, "blockNumber": "0x1"}]),
        ("eth_getBalance", [BOB, {"blockHash": UNKNOWN, "requireCanonical": 1}]),
        ("eth_getBalance", [BOB, {"blockNumber": "0x1", "colour": 1}]),
        ("eth_getBalance", [BOB[:-1]]),
        ("eth_getBalance", [BOB[:-1] + "g"]),
        ("eth_getBalance", [None]),
        ("eth_getBlockByNumber", [UNKNOWN, False]),
        ("eth_getBlockByNumber", ["latest", 1]),
        ("eth_getTransactionReceipt", ["0x123"]),
        ("eth_sendRawTransaction", ["0x123"]),
        ("eth_sendRawTransaction", ["0x"]),
        ("eth_sendRawTransaction", ["0x" + "00" * (16 * 1024 + 1)]),
        ("eth_call", [[]]),
        ("eth_call", [{"to": BOB, "data": "0x1"}]),
        ("eth_call", [{"to": BOB, "data": "0x01", "input": "0x02"}]),
        ("eth_call", [{"to": BOB, "value": "0x" + "f" * 65}]),
        ("eth_call", [{"to": BOB}, "latest", {BOB: {"balance": "0x1"}}]),
        ("eth_feeHistory", ["0x1", "latest", [50, 20]]),
        ("eth_feeHistory", ["0x1", "latest", [101]]),
        ("eth_feeHistory", ["0x1", "latest", [True]]),
        ("eth_feeHistory", [-1, "latest"]),
        ("eth_getStorageAt", [BOB, "0x" + "f" * 65]),
        ("eth_getProof", [BOB, ["0x0"] * 65]),
        ("eth_getLogs", [{"address": [BOB] * 257}]),
        ("eth_getLogs", [{"topics": [None] * 5}]),
        ("eth_getLogs", [{"topics": [[UNKNOWN] * 257]}]),
        ("eth_getLogs", [{"topics": [[[]]]}]),
        ("eth_getLogs", [{"topics": {}, "colour": 1}]),
        ("eth_getLogs", [{"blockHash": UNKNOWN, "fromBlock": "0x1"}]),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}]),
        ("web3_sha3", ["0x1"]),
    ],
)
async def test_a_parameter_of_another_form_is_refused(method: str, params: list[Any]) -> None:
    caller, _ = await one_block()
    error = await caller.error(method, *params)
    assert error["code"] == INVALID_PARAMS, error
    assert len(error["message"]) < 500
