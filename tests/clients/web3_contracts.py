# mypy: ignore-errors
"""What a program on web3.py does with the system contracts of a governed town; run by
tests/integration/test_contract_clients.py in an environment of its own. Arguments: URL, folder of
ABIs, two secret keys, receiver. Prints JSON."""

import json
import sys
import time
from pathlib import Path

from eth_account import Account
from web3 import Web3
from web3.exceptions import ContractLogicError

TIMEOUT_S = 30
POLL_S = 0.05


def main() -> None:
    url, abis, city_secret, gist_secret, receiver = sys.argv[1:]
    w3 = Web3(Web3.HTTPProvider(url))
    city, gist = Account.from_key(city_secret), Account.from_key(gist_secret)

    def read(name):
        return json.loads((Path(abis) / f"{name}.json").read_text(encoding="utf-8"))

    addresses = read("contracts")

    def contract(name):
        return w3.eth.contract(address=addresses[name], abi=read(name), decode_tuples=True)

    def done(account, function):
        """Sent as web3.py fills it in, and final."""
        made = function.build_transaction(
            {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
        )
        sent = w3.eth.send_raw_transaction(account.sign_transaction(made).raw_transaction)
        return w3.eth.wait_for_transaction_receipt(sent, timeout=TIMEOUT_S, poll_latency=POLL_S)

    token, governance = contract("Token"), contract("Governance")
    before = token.functions.balanceOf(receiver).call()
    moved = done(city, token.functions.transfer(receiver, 5))
    transfers = token.events.Transfer().get_logs(
        from_block=moved["blockNumber"], argument_filters={"to": receiver}
    )
    reasons = []
    claim = contract("Distribution").functions.claim("land")
    for action in (claim.call, claim.estimate_gas):
        try:
            action({"from": city.address})
        except ContractLogicError as error:
            reasons.append(["CALL_EXCEPTION", error.message.removeprefix("execution reverted: ")])
    data = governance.encode_abi("addObserver", [b"\xab" * 32, "school"])
    carried = {"target": addresses["Governance"], "data": data}
    text = Web3.keccak(text="text")
    done(city, governance.functions.submit("An observer", text, 1, [carried]))
    done(gist, governance.functions.sponsor(1))
    end_s = time.monotonic() + TIMEOUT_S
    while governance.functions.getTally(1).call().status != "VOTING":
        if time.monotonic() > end_s:
            raise TimeoutError("no vote was opened")
        time.sleep(POLL_S)  # web3.py has nothing to wait with over HTTP
    vote = done(city, governance.functions.vote(1, "yes"))
    voted = governance.events.Voted().process_receipt(vote)
    tally = governance.functions.getTally(1).call()
    print(
        json.dumps(
            {
                "token": [token.functions.symbol().call(), token.functions.decimals().call()],
                "received": str(token.functions.balanceOf(receiver).call() - before),
                "transfers": [str(event["args"]["value"]) for event in transfers],
                "zones": len(contract("LandOracle").functions.getZones().call()),
                "reasons": reasons,
                "voting": 1,
                "voted": [[event["args"]["account"], event["args"]["choice"]] for event in voted],
                "tally": [tally.status, tally.votes[0].chambers[0].yes],
            }
        )
    )


if __name__ == "__main__":
    main()
