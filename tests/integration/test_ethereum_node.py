"""Raw Ethereum transactions through real nodes: sent by JSON-RPC, final, read back, caught up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.encoding import hex_of
from api.methods import all_methods
from api.server import ApiConfig, ApiServer
from ledger.crypto import keccak256
from ledger.ethereum_envelope import EthereumSignature
from ledger.local_accounts import secp256k1_accounts
from ledger.primitives import UNIT
from tests.support import execution_api
from tests.support.api_servers import fail
from tests.support.ethereum import RICH_ADDRESS, RICH_KEY, raw
from tests.support.json_schema import problems
from tests.support.running_nodes import RunningNodes, running_nodes
from tests.support.town import base_port

RECEIVER = secp256k1_accounts()[1].address
SENDER_TEXT, RECEIVER_TEXT = hex_of(RICH_ADDRESS), hex_of(RECEIVER)
BALANCE = 10_000 * UNIT
"""Of every account of a local town at genesis."""


def signed(**changes: Any) -> str:
    """A transfer by the first secp256k1 account of a local town."""
    return hex_of(raw(RICH_KEY, **({"to": RECEIVER} | changes)))


@dataclass
class Rpc:
    """Calls to a node by HTTP."""

    session: aiohttp.ClientSession
    url: str

    async def ask(self, method: str, *params: Any) -> dict[str, Any]:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self.session.post(self.url, json=call) as answer:
            found: dict[str, Any] = await answer.json()
        return found

    async def result(self, method: str, *params: Any) -> Any:
        answer = await self.ask(method, *params)
        assert "error" not in answer, answer
        assert not problems(answer["result"], execution_api.RESULTS[method], method)
        return answer["result"]

    async def error(self, method: str, *params: Any) -> tuple[int, str]:
        found = (await self.ask(method, *params))["error"]
        return found["code"], found["message"]

    async def final(self, transaction: str) -> Any:
        """The receipt of a transaction that is sent and becomes final."""
        return await self.result("eth_sendRawTransactionSync", transaction, 20_000)


@asynccontextmanager
async def rpc_of(nodes: RunningNodes, name: str) -> AsyncIterator[Rpc]:
    server = ApiServer(nodes.nodes[name].service, ApiConfig(port=0), fail)
    _, port = await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Rpc(session, f"http://127.0.0.1:{port}")
    finally:
        await server.stop()


@pytest.fixture
async def rpc(tmp_path: Path) -> AsyncIterator[Rpc]:
    """A single validator."""
    async with running_nodes(tmp_path, base_port() + 1600, validators=1) as nodes:
        await nodes.start(*nodes.validators)
        async with rpc_of(nodes, nodes.validators[0]) as made:
            yield made


async def test_a_transfer_is_final_and_read_back(rpc: Rpc) -> None:
    assert await rpc.result("eth_getBalance", SENDER_TEXT) == hex(BALANCE)
    receipt = await rpc.final(signed(value=3 * UNIT, max_fee=10**12))
    assert (receipt["status"], receipt["from"], receipt["to"]) == (
        "0x1", SENDER_TEXT, RECEIVER_TEXT,
    )  # fmt: skip
    assert await rpc.result("eth_getBalance", SENDER_TEXT) == hex(BALANCE - 3 * UNIT), "no fee"
    assert await rpc.result("eth_getBalance", RECEIVER_TEXT) == hex(BALANCE + 3 * UNIT)
    assert await rpc.result("eth_getTransactionCount", SENDER_TEXT, "latest") == "0x1"
    found = await rpc.result("eth_getTransactionByHash", receipt["transactionHash"])
    block = await rpc.result("eth_getBlockByNumber", receipt["blockNumber"], True)
    assert found in block["transactions"]
    (log,) = await rpc.result("eth_getLogs", {"blockHash": block["hash"]})
    assert log == receipt["logs"][0]
    assert int(log["data"], 16) == 3 * UNIT
    genesis = await rpc.result("eth_getBlockByNumber", "earliest", True)
    assert (await rpc.result("eth_getBlockByNumber", "0x1"))["parentHash"] == genesis["hash"]
    assert await rpc.result("eth_getBlockByHash", genesis["hash"], True) == genesis
    proof = await rpc.result("eth_getProof", RECEIVER_TEXT, [])
    assert proof["balance"] == hex(BALANCE + 3 * UNIT)
    assert len(proof["accountProof"]) == 5


@pytest.mark.parametrize("kind", [0, 1, 2])
async def test_every_type_is_final(rpc: Rpc, kind: int) -> None:
    receipt = await rpc.final(signed(kind=kind))
    assert (receipt["type"], receipt["status"]) == (hex(kind), "0x1")


async def test_both_apis_show_the_same_transaction(rpc: Rpc) -> None:
    receipt = await rpc.final(signed(value=3))
    methods = all_methods()
    shown: dict[str, Any] = {}
    for name in ("poyong_getTransaction", "poyong_getReceipt"):
        known = methods.find(name)
        assert known is not None
        found = (await rpc.ask(name, receipt["transactionHash"]))["result"]
        assert not problems(found, known.result, name)
        shown |= found
    assert (shown["sender"].lower(), shown["nonce"]) == (SENDER_TEXT, 0)
    assert (shown["message_type"], shown["fields"]["amount"]) == ("transfer.send", "3")
    assert (shown["valid_until"], shown["raw"]) == (2**64 - 1, signed(value=3))
    assert (shown["height"], shown["status"]) == (int(receipt["blockNumber"], 16), "OK")


async def test_refusals_have_geths_words(rpc: Rpc) -> None:
    first = signed()
    await rpc.final(first)
    assert await rpc.result("eth_sendRawTransaction", first) == hex_of(
        keccak256(bytes.fromhex(first[2:]))
    )
    for changes, words in [
        ({"value": 2}, "nonce too low: next nonce 1, tx nonce 0"),
        ({"nonce": 1, "value": BALANCE}, "insufficient funds for gas * price + value: balance"),
        ({"nonce": 99}, "nonce too high: next nonce 1, tx nonce 99"),
        ({"chain_id": 1}, "invalid chain id for signer"),
    ]:
        code, message = await rpc.error("eth_sendRawTransaction", signed(**changes))
        assert code == -32000
        assert message.startswith(words), message
        assert message.count(words) == 1, "said once"
    await rpc.result("eth_sendRawTransaction", signed(nonce=2, max_fee=100))
    assert await rpc.error("eth_sendRawTransaction", signed(nonce=2, max_fee=109)) == (
        -32000,
        "replacement transaction underpriced: fee 109 for nonce 2, at least 110 is needed",
    )
    replaced = await rpc.result("eth_sendRawTransaction", signed(nonce=2, max_fee=110))
    waiting = await rpc.ask("eth_getTransactionByHash", replaced)
    assert waiting["result"]["blockHash"] is None


async def test_filters_and_pending_counts_follow_a_real_mempool(rpc: Rpc) -> None:
    pending = await rpc.result("eth_newPendingTransactionFilter")
    logs = await rpc.result("eth_newFilter", {})
    receipt = await rpc.final(signed())
    assert await rpc.result("eth_getFilterChanges", pending) == [receipt["transactionHash"]]
    assert await rpc.result("eth_getFilterChanges", logs) == receipt["logs"]
    await rpc.result("eth_sendRawTransaction", signed(nonce=2))
    assert await rpc.result("eth_getTransactionCount", SENDER_TEXT, "pending") == "0x1"


async def test_a_network_finalises_them_beside_native_ones_and_late_nodes_catch_up(
    tmp_path: Path,
) -> None:
    async with running_nodes(tmp_path, base_port() + 1700) as nodes:
        first, *_, last = nodes.validators
        await nodes.start_validators()
        async with rpc_of(nodes, first) as rpc:
            service = nodes.nodes[first].service
            raws = [bytes.fromhex(signed(nonce=nonce)[2:]) for nonce in range(20)]
            outcomes = await service.submit(
                [item for each in raws for item in (each, nodes.transfer().raw)]
            )
            assert all(isinstance(item, bytes) for item in outcomes)
            for item in raws:
                assert await service.wait_for_receipt(keccak256(item), 20_000) is not None
            head = nodes.height(first)
            await nodes.at_height(head, *nodes.validators)
            await nodes.start(nodes.observer)
            await nodes.connected(nodes.observer, nodes.validators)
            await nodes.at_height(head, nodes.observer)
            for name in (last, nodes.observer):
                assert nodes.balance(name, RECEIVER) == BALANCE + 20 * UNIT
            receipt = await rpc.result("eth_getTransactionReceipt", hex_of(keccak256(raws[-1])))
            await nodes.stop(last)
            await nodes.start(last)
            await nodes.connected(last, nodes.nodes)
            stored = nodes.nodes[last].service.transaction(keccak256(raws[-1]))
            assert stored is not None
            assert isinstance(stored.transaction.authority, EthereumSignature)
            assert stored.height == int(receipt["blockNumber"], 16)
