# mypy: ignore-errors
"""What a program on web3.py does with a town; run by tests/integration/test_ethereum_clients.py in
an environment of its own. Arguments: URL, WebSocket URL, secret key, receiver. Prints JSON."""

import asyncio
import json
import sys

from eth_account import Account
from web3 import AsyncWeb3, Web3, WebSocketProvider
from web3.exceptions import Web3RPCError

UNIT = 10**18
TIMEOUT_S = 30
TRANSFER_EVENT = {
    "type": "event",
    "name": "Transfer",
    "anonymous": False,
    "inputs": [
        {"name": "from", "type": "address", "indexed": True},
        {"name": "to", "type": "address", "indexed": True},
        {"name": "value", "type": "uint256", "indexed": False},
    ],
}
TOKEN = "0x0000000000000000000000000000000000000401"


def error_of(action) -> str:
    """The message of the client's own error."""
    try:
        action()
    except Web3RPCError as error:
        return error.rpc_response["error"]["message"]
    raise AssertionError("the node took what it should refuse")


def over_http(url: str, account, receiver: str) -> dict:
    w3 = Web3(Web3.HTTPProvider(url))
    found = {"chain_id": w3.eth.chain_id, "balance": w3.eth.get_balance(account.address)}

    def signed(**changes):
        """As web3.py fills a transaction in: estimated gas, fees and type of its own choice."""
        asked = {
            "from": account.address,
            "to": receiver,
            "value": UNIT,
            "nonce": w3.eth.get_transaction_count(account.address),
            "chainId": w3.eth.chain_id,
            "gas": 21_000,
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": w3.eth.max_priority_fee,
        }
        return account.sign_transaction(asked | changes).raw_transaction

    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block("latest"))
        batch.add(w3.eth.get_balance(account.address))
        found["batched"] = len(batch.execute())
    blocks, logs = w3.eth.filter("latest"), w3.eth.filter({"address": TOKEN})
    sent = w3.eth.send_raw_transaction(signed())
    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=TIMEOUT_S, poll_latency=0.05)
    found["status"] = receipt["status"]
    found["filled_in"] = w3.eth.get_transaction(sent)["value"]
    found["followed"] = len(blocks.get_new_entries())
    found["polled"] = [log["transactionHash"] == sent for log in logs.get_new_entries()]
    block = w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    found["in_block"] = [item["hash"].hex() for item in block["transactions"]] == [sent.hex()]
    token = w3.eth.contract(address=TOKEN, abi=[TRANSFER_EVENT])
    (event,) = token.events.Transfer.get_logs(from_block=receipt["blockNumber"])
    found["event"] = [event["args"]["from"], event["args"]["to"], event["args"]["value"]]
    sent_by_receiver = {
        "argument_filters": {"from": receiver},
        "from_block": receipt["blockNumber"],
    }
    found["other_topics"] = len(token.events.Transfer.get_logs(**sent_by_receiver))
    used, chain = w3.eth.get_transaction_count(account.address), w3.eth.chain_id
    send = w3.eth.send_raw_transaction
    found["errors"] = [
        error_of(lambda: send(signed(nonce=used - 1, value=1))),
        error_of(lambda: send(signed(value=10**30))),
        error_of(lambda: send(signed(chainId=chain + 1))),
    ]
    return found


async def over_websocket(url: str, account, receiver: str) -> dict:
    """Follow heads and logs; web3.py sends its calls as binary frames."""
    async with AsyncWeb3(WebSocketProvider(url)) as w3:
        await w3.eth.subscribe("newHeads")
        await w3.eth.subscribe("logs", {"address": TOKEN})
        nonce = await w3.eth.get_transaction_count(account.address)
        raw = account.sign_transaction(
            {"to": receiver, "value": 1, "nonce": nonce, "gas": 21_000, "gasPrice": 0,
             "chainId": await w3.eth.chain_id}
        ).raw_transaction  # fmt: skip
        sent = await w3.eth.send_raw_transaction(raw)
        heads, logs = [], []
        async with asyncio.timeout(TIMEOUT_S):
            async for message in w3.socket.process_subscriptions():
                result = message["result"]
                if "topics" in result:
                    logs.append(result["transactionHash"] == sent)
                else:
                    heads.append(result["number"])
                if heads and logs:
                    break
        return {"heads": len(heads), "logs": logs}


def main() -> None:
    url, websocket_url, secret, receiver = sys.argv[1:]
    account = Account.from_key(secret)
    found = over_http(url, account, receiver)
    found |= asyncio.run(over_websocket(websocket_url, account, receiver))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
