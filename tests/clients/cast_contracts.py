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


def main() -> None:
    program, url, abis, city, gist, receiver = sys.argv[1:]
    addresses = json.loads((Path(abis) / "contracts.json").read_text(encoding="utf-8"))

    def cast(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    def view(contract: str, *words: str) -> str:
        """What `cast call` prints."""
        called = cast("call", addresses[contract], *words, "--rpc-url", url)
        assert called.returncode == 0, called.stderr
        return called.stdout.strip()

    def done(secret: str, contract: str, *words: str) -> Any:
        """The receipt of `cast send`."""
        called = cast("send", addresses[contract], *words, "--private-key", secret,
                      "--rpc-url", url, "--json")  # fmt: skip
        assert called.returncode == 0, called.stderr
        return json.loads(called.stdout)

    def status() -> str:
        """Where the proposal stands: the third word of its tally, which is one struct."""
        selector = cast("sig", "getTally(uint64)").stdout.strip()
        argument = "0" * 63 + "1"
        answer = cast("rpc", "eth_call",
                      json.dumps({"to": addresses["Governance"], "data": selector + argument}),
                      "latest", "--rpc-url", url)  # fmt: skip
        found = re.search(rb"[A-Z_]{5,}", bytes.fromhex(json.loads(answer.stdout)[2:]))
        return "" if found is None else found[0].decode()

    before = int(view("Token", "balanceOf(address)(uint256)", receiver).split()[0])
    moved = done(city, "Token", "transfer(address,uint256)", receiver, "5")
    (log,) = moved["logs"]
    reasons = []
    for words in (("call",), ("estimate",)):
        called = cast(*words, addresses["Distribution"], "claim(string)", "land", "--rpc-url", url)
        assert called.returncode != 0, called.stdout
        reason = re.search(r"execution reverted: (.*?), data", called.stderr)
        reasons.append(["CALL_EXCEPTION", "" if reason is None else reason[1]])
    data = cast("calldata", "addObserver(bytes,string)", "0x" + "ab" * 32, "school").stdout.strip()
    text = cast("keccak", "text").stdout.strip()
    carried = f"[({addresses['Governance']},{data})]"
    done(city, "Governance", "submit(string,bytes32,uint64,(address,bytes)[])", "An observer", text,
         "1", carried)  # fmt: skip
    done(gist, "Governance", "sponsor(uint64)", "1")
    end_s = time.monotonic() + TIMEOUT_S
    while status() != "VOTING":
        if time.monotonic() > end_s:
            raise TimeoutError("no vote was opened")
        time.sleep(POLL_S)  # a person looks again
    vote = done(city, "Governance", "vote(uint64,string)", "1", "yes")
    logs = cast("logs", "--from-block", vote["blockNumber"], "--address", addresses["Governance"],
                "Voted(uint256 indexed,uint256,string,address indexed,string,uint256)", "--json",
                "--rpc-url", url)  # fmt: skip
    voted = [
        [
            cast("to-check-sum-address", "0x" + event["topics"][2][-40:]).stdout.strip(),
            "yes" if b"yes".hex() in event["data"] else "",
        ]
        for event in json.loads(logs.stdout)
    ]
    zones = view("LandOracle", "getZones()")
    after = int(view("Token", "balanceOf(address)(uint256)", receiver).split()[0])
    print(
        json.dumps(
            {
                "token": [
                    json.loads(view("Token", "symbol()(string)")),
                    int(view("Token", "decimals()(uint8)")),
                ],
                "received": str(after - before),
                "transfers": [str(int(log["data"], 16))],
                "zones": int(zones[2 + 64 : 2 + 128], 16),  # the count of the one array
                "reasons": reasons,
                "voting": 1,
                "voted": voted,
                "tally": [status(), len(voted)],
            }
        )
    )


if __name__ == "__main__":
    main()
