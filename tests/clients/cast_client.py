"""What a person does with Foundry's cast against a town; run by
tests/integration/test_ethereum_clients.py. Arguments: the program, URL, WebSocket URL, secret key,
sender, receiver. Prints JSON.
"""

import json
import select
import subprocess
import sys
from typing import Any, Final

TIMEOUT_S: Final = 30
WAIT_S: Final = 1.0
MOST_SENT: Final = 20
TOKEN: Final = "0x0000000000000000000000000000000000000401"
TRANSFER: Final = "Transfer(address indexed from,address indexed to,uint256 value)"


class Cast:
    """The program, with the node that it talks to."""

    def __init__(self, program: str, url: str, secret: str) -> None:
        self._program, self._url, self._secret = program, url, secret

    def started(self, *words: str) -> subprocess.Popen[str]:
        """One call, running."""
        return subprocess.Popen(
            [self._program, *words, "--rpc-url", self._url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> str:
        """What one call prints; it has to succeed."""
        called = self.started(*words)
        output, errors = called.communicate(timeout=TIMEOUT_S)
        if called.returncode != 0:
            raise AssertionError(f"cast {' '.join(words)}: {errors}")
        return output.strip()

    def send(self, *words: str) -> tuple[str, ...]:
        """The words of `cast send`, with the key."""
        return ("send", "--private-key", self._secret, *words)

    def refused(self, *words: str) -> str:
        """What cast says on its error output when the node refuses."""
        called = self.started(*words)
        _, errors = called.communicate(timeout=TIMEOUT_S)
        if called.returncode == 0:
            raise AssertionError("the node took what it should refuse")
        return errors


def over_http(cast: Cast, sender: str, receiver: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "chain_id": int(cast("chain-id")),
        "balance": cast("balance", sender),
    }
    # As cast fills it in: nonce, gas, type and fees are its own choice; it waits for the receipt.
    receipt = json.loads(cast(*cast.send(receiver, "--value", "1ether", "--json")))
    height = str(int(receipt["blockNumber"], 16))
    found["status"] = int(receipt["status"], 16)
    block = json.loads(cast("block", height, "--full", "--json"))
    found["in_block"] = [item["hash"] for item in block["transactions"]] == [
        receipt["transactionHash"]
    ]
    asked = ("logs", "--from-block", height, "--to-block", height, "--address", TOKEN, "--json")
    (event,) = json.loads(cast(*asked, TRANSFER))
    found["event"] = [
        address_in(event["topics"][1]),
        address_in(event["topics"][2]),
        int(event["data"], 16),
    ]
    found["legacy"] = json.loads(cast(*cast.send(receiver, "--value", "1", "--legacy", "--json")))[
        "type"
    ]
    used = int(cast("nonce", sender))
    fixed = ("--gas-limit", "21000")
    found["errors"] = [
        cast.refused(*cast.send(receiver, "--value", "7", "--nonce", str(used - 1), *fixed)),
        cast.refused(*cast.send(receiver, "--value", str(10**30), *fixed)),
        cast.refused(*cast.send(receiver, "--value", str(10**30))),
        cast.refused(*cast.send(receiver, "--value", "1", "--chain", str(found["chain_id"] + 1))),
    ]
    return found


def address_in(topic: str) -> str:
    """The address in a topic, as bare hex."""
    return topic[-40:]


def over_websocket(cast: Cast, receiver: str) -> dict[str, Any]:
    """The same node through its WebSocket, where cast follows logs (as JSON it shows them only at
    its end)."""
    before = int(cast("block-number"))
    follower = cast.started("logs", "--subscribe", "--address", TOKEN, TRANSFER)
    sent: list[str] = []
    seen = ""
    try:
        assert follower.stdout is not None
        # cast does not say when it has subscribed: it is sent to until it shows something.
        while len(sent) < MOST_SENT and not seen:
            done = json.loads(cast(*cast.send(receiver, "--value", "2", "--json")))
            sent.append(done["transactionHash"])
            if select.select([follower.stdout], [], [], WAIT_S)[0]:
                seen = next(line for line in follower.stdout if "transactionHash:" in line)
    finally:
        follower.kill()
        follower.communicate()
    heads = int(cast("block-number")) - before
    return {"heads": heads >= len(sent), "logs": [bool(seen) and seen.split()[-1] in sent]}


def main() -> None:
    program, url, websocket_url, secret, sender, receiver = sys.argv[1:]
    found = over_http(Cast(program, url, secret), sender, receiver)
    found |= over_websocket(Cast(program, websocket_url, secret), receiver)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
