"""System contracts on real nodes: called by raw Ethereum transactions, read by eth_call, their
events read by topic; blocks with such calls are caught up, restarted, audited and exported alike.
"""

from pathlib import Path
from typing import Any

import pytest

from api import light
from api.encoding import hex_of
from api.ethereum.contract_views import view_table
from api.ethereum.event_forms import TRANSFER as TRANSFER_EVENT
from api.methods import all_methods
from ledger import abi
from ledger.contracts import DISTRIBUTION, LAND, TOKEN, TRANSFER, SystemContract
from ledger.crypto import keccak256
from ledger.errors import DecodeError, ErrorCode
from ledger.primitives import UNIT
from node import audit
from node.modules import build_executor
from node.state_files import state_export
from tests.integration.test_ethereum_node import (
    BALANCE,
    RECEIVER,
    SENDER_TEXT,
    Rpc,
    rpc,
    rpc_of,
    signed,
)
from tests.support.running_nodes import running_nodes
from tests.support.town import base_port

__all__ = ["rpc"]

TABLE = build_executor().contracts
VIEWS = view_table(all_methods())
GAS = 100_000


def call(contract: SystemContract, data: bytes, nonce: int = 0, **changes: Any) -> str:
    """A signed call of a contract."""
    return signed(to=contract.address, value=0, data=data, gas=GAS, nonce=nonce, **changes)


def transfer(amount: int) -> bytes:
    return TRANSFER.selector + abi.encode(TRANSFER.types, (RECEIVER, amount))


CLAIM = TABLE.encode_call("distribution.claim", ("land",))[1]


async def view(rpc: Rpc, contract: SystemContract, name: str, *arguments: Any) -> Any:
    """What a view answers."""
    (asked,) = (item for item in VIEWS[contract.address].values() if item.name == name)
    data = asked.selector + abi.encode(asked.types, arguments)
    found = await rpc.result("eth_call", {"to": hex_of(contract.address), "data": hex_of(data)})
    (value,) = abi.decode([asked.outputs[0].type], bytes.fromhex(found[2:]))
    return value


async def test_a_call_is_final_its_event_is_a_log_and_the_view_shows_it(rpc: Rpc) -> None:
    assert await view(rpc, TOKEN, "balanceOf", RECEIVER) == BALANCE
    supply = await view(rpc, TOKEN, "totalSupply")
    receipt = await rpc.final(call(TOKEN, transfer(2 * UNIT)))
    assert (receipt["status"], receipt["to"]) == ("0x1", hex_of(TOKEN.address))
    found = await rpc.result("eth_getTransactionByHash", receipt["transactionHash"])
    assert (found["to"], found["input"]) == (hex_of(TOKEN.address), hex_of(transfer(2 * UNIT)))
    assert await view(rpc, TOKEN, "balanceOf", RECEIVER) == BALANCE + 2 * UNIT
    assert await view(rpc, TOKEN, "totalSupply") == supply
    padded = "0x" + "00" * 12 + RECEIVER.hex()
    asked = {"fromBlock": "0x1", "address": hex_of(TOKEN.address),
             "topics": [hex_of(TRANSFER_EVENT.topic), None, padded]}  # fmt: skip
    (log,) = await rpc.result("eth_getLogs", asked)
    assert log == receipt["logs"][0]
    assert len(await view(rpc, LAND, "getZones")) > 0


async def test_a_call_that_fails_reverts_with_the_sentence_of_its_receipt(rpc: Rpc) -> None:
    asked = {"from": SENDER_TEXT, "to": hex_of(DISTRIBUTION.address), "data": hex_of(CLAIM)}
    reasons = []
    for method in ("eth_call", "eth_estimateGas"):
        error = (await rpc.ask(method, asked))["error"]
        (reason,) = abi.decode((abi.STRING,), bytes.fromhex(error["data"][10:]))
        assert (error["code"], error["message"]) == (3, f"execution reverted: {reason}")
        reasons.append(reason)
    receipt = await rpc.final(call(DISTRIBUTION, CLAIM))
    assert (receipt["status"], receipt["logs"], int(receipt["logsBloom"], 16)) == ("0x0", [], 0)
    told = (await rpc.ask("poyong_getReceipt", receipt["transactionHash"]))["result"]
    assert told["code"] != ErrorCode.OK
    assert reasons == [told["reason"]] * 2
    assert await rpc.result("eth_getTransactionCount", SENDER_TEXT) == "0x1", "the nonce is used"


async def test_what_no_contract_has_is_refused_before_it_is_sent(rpc: Rpc) -> None:
    for data, words in [(b"\1\2\3\4", "has no function 0x01020304"), (b"", "takes no tokens"),
                        (transfer(1) + b"\0", "1 bytes after the last value")]:  # fmt: skip
        code, message = await rpc.error("eth_sendRawTransaction", call(TOKEN, data))
        assert (code, message.startswith("malformed transaction")) == (-32000, True)
        assert words in message
    assert await rpc.result("eth_getTransactionCount", SENDER_TEXT, "pending") == "0x0"


async def test_blocks_with_calls_are_caught_up_restarted_audited_and_exported(
    tmp_path: Path,
) -> None:
    async with running_nodes(tmp_path, base_port() + 1800) as nodes:
        first, *_, last = nodes.validators
        await nodes.start_validators()
        async with rpc_of(nodes, first) as rpc:
            raws = [call(TOKEN, transfer(UNIT)), call(DISTRIBUTION, CLAIM, 1)]
            raws.append(call(TOKEN, transfer(UNIT), 2))
            hashes = [keccak256(bytes.fromhex(item[2:])) for item in raws]
            receipts = [await rpc.final(item) for item in raws]
            assert [item["status"] for item in receipts] == ["0x1", "0x0", "0x1"]
            head = nodes.height(first)
            await nodes.at_height(head, *nodes.validators)
            await nodes.start(nodes.observer)
            await nodes.connected(nodes.observer, nodes.validators)
            await nodes.at_height(head, nodes.observer)
            await nodes.stop(last)
            await nodes.start(last)
            await nodes.connected(last, nodes.nodes)
            for name in (last, nodes.observer):
                assert nodes.balance(name, RECEIVER) == BALANCE + 2 * UNIT
                service = nodes.nodes[name].service
                stored = [service.transaction(item) for item in hashes]
                assert [item.transaction.type for item in stored if item is not None] == [
                    "transfer.send", "distribution.claim", "transfer.send",
                ]  # fmt: skip
            proof = nodes.nodes[nodes.observer].service.prove_transaction(hashes[1])
            opened = nodes.nodes[first].opened
            assert proof is not None
            trusted = light.TrustedGenesis(
                opened.genesis.chain_id,
                opened.chain.genesis_hash,
                opened.genesis.validators,
            )
            shown = (trusted, proof.chain, proof.transaction, proof.index, proof.proof)
            proven = light.verify_transaction_proof(*shown, TABLE.decode_call)
            with pytest.raises(DecodeError, match="is no system contract"):
                light.verify_transaction_proof(*shown)
            assert proven.transaction.type == "distribution.claim"
        await nodes.stop(*list(nodes.nodes))
        for name in (first, nodes.observer):
            found = audit.audit(tmp_path / name)
            assert (found.invariants, found.found) == (audit.OK, "")
            assert audit.block_hash_at(tmp_path / name, head) is not None
        exported = state_export.export(tmp_path / first, tmp_path / "state.file")
        assert exported.description.header.height >= head
