"""What a person does with Foundry's cast and the system contracts of a governed town; run by
tests/integration/test_contract_clients.py. Arguments: the program, URL, folder of ABIs, two secret
keys, receiver. Prints JSON.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

TIMEOUT_S: Final = 30
POLL_S: Final = 0.05
BALANCE: Final = "balanceOf(address)(uint256)"
SUBMIT: Final = "submit(string,bytes32,uint64,(address,bytes)[])"
VOTED: Final = "Voted(uint256 indexed,uint256,string,address indexed,string,uint256)"


class Town:
    """The program, the node that it talks to, and its contracts."""

    def __init__(self, program: str, url: str, abis: str) -> None:
        self._program, self._url = program, url
        index = Path(abis) / "contracts.json"
        self.addresses: dict[str, str] = json.loads(index.read_text(encoding="utf-8"))

    def cast(self, *words: str) -> str:
        """What cast prints; it has to succeed."""
        called = self._run(*words)
        assert called.returncode == 0, called.stderr
        return called.stdout.strip()

    def asked(self, *words: str) -> str:
        """The same of a command that asks the node."""
        return self.cast(*words, "--rpc-url", self._url)

    def view(self, contract: str, *words: str) -> str:
        """What `cast call` prints."""
        return self.asked("call", self.addresses[contract], *words)

    def done(self, secret: str, contract: str, *words: str) -> Any:
        """The receipt of `cast send`."""
        to = self.addresses[contract]
        return json.loads(self.asked("send", to, *words, "--private-key", secret, "--json"))

    def reason(self, command: str, contract: str, *words: str) -> list[str]:
        """Why the contract refuses a call or an estimate."""
        called = self._run(command, self.addresses[contract], *words, "--rpc-url", self._url)
        assert called.returncode != 0, called.stdout
        found = re.search(r"execution reverted: (.*?), data", called.stderr)
        return ["CALL_EXCEPTION", "" if found is None else found[1]]

    def status(self) -> str:
        """Where proposal 1 stands: the one word in capitals of its tally."""
        tally = bytes.fromhex(self.view("Governance", "getTally(uint64)", "1")[2:])
        found = re.search(rb"[A-Z_]{5,}", tally)
        return "" if found is None else found[0].decode()

    def until_voting(self) -> None:
        """A person looks again and again."""
        end_s = time.monotonic() + TIMEOUT_S
        while self.status() != "VOTING":
            if time.monotonic() > end_s:
                raise TimeoutError("no vote was opened")
            time.sleep(POLL_S)

    def voted(self, height: str) -> list[list[str]]:
        """[account, choice] of the votes from a height on."""
        governance = self.addresses["Governance"]
        found = self.asked("logs", "--from-block", height, "--address", governance, VOTED, "--json")
        return [
            [
                self.cast("to-check-sum-address", "0x" + event["topics"][2][-40:]),
                "yes" if b"yes".hex() in event["data"] else "",
            ]
            for event in json.loads(found)
        ]

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )


def main() -> None:
    program, url, abis, city, gist, receiver = sys.argv[1:]
    town = Town(program, url, abis)
    before = int(town.view("Token", BALANCE, receiver).split()[0])
    moved = town.done(city, "Token", "transfer(address,uint256)", receiver, "5")
    claim = ("Distribution", "claim(string)", "land")
    found = {
        "transfers": [str(int(log["data"], 16)) for log in moved["logs"]],
        "reasons": [town.reason("call", *claim), town.reason("estimate", *claim)],
    }
    data = town.cast("calldata", "addObserver(bytes,string)", "0x" + "ab" * 32, "school")
    carried = f"[({town.addresses['Governance']},{data})]"
    text = town.cast("keccak", "text")
    town.done(city, "Governance", SUBMIT, "An observer", text, "1", carried)
    town.done(gist, "Governance", "sponsor(uint64)", "1")
    town.until_voting()
    vote = town.done(city, "Governance", "vote(uint64,string)", "1", "yes")
    voted = town.voted(vote["blockNumber"])
    zones = town.view("LandOracle", "getZones()")
    after = int(town.view("Token", BALANCE, receiver).split()[0])
    symbol = json.loads(town.view("Token", "symbol()(string)"))
    print(
        json.dumps(
            found
            | {
                "token": [symbol, int(town.view("Token", "decimals()(uint8)"))],
                "received": str(after - before),
                "zones": int(zones[2 + 64 : 2 + 128], 16),  # the count of the one array
                "voting": 1,
                "voted": voted,
                "tally": [town.status(), len(voted)],
            }
        )
    )


if __name__ == "__main__":
    main()
