"""Scenarios through a real chain of processes, and a person's road from enrolment to a claim."""

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest

from api import calls
from api.sync_client import SyncClient
from ledger.crypto import Signer, checksum_address, sha256
from ledger.local_accounts import ed25519_accounts
from ledger.message_registry import MessageType
from ledger.transaction import Draft, sign
from node.localnet import officials
from node.localnet.creation import CHAIN_ID
from node.scenarios.gwangju import QUARTERS
from tests.support.town import answer, base_port, plan_of, running
from tokenomics import roles
from tokenomics.distribution.certificates import CERTIFY
from tokenomics.distribution.persons import ENROL

pytestmark = pytest.mark.timeout(240)
PERSON = 4
"""The local account that no transfer of the town uses."""


def test_the_real_series_on_a_chain_comes_to_what_the_playback_comes_to(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    command = [
        *(sys.executable, "-m", "node.cli", "town", "scenario", "gwangju"),
        *("--dir", str(folder), "--validators", "1", "--quarter-ms", "700"),
        *("--base-port", str(base_port()), "--json"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert (found["invariants"], found["scenario"], found["assumption"]) == ("ok", "gwangju", "")
    assert [row["round"] for row in found["rounds"]] == list(range(1, QUARTERS + 1))
    last, offline = found["rounds"][-1], found["offline"]
    assert last["land_index"] == offline["land_index"] == 141_443
    assert last["issued"] == found["issued"]
    # A round that closes late mints for a shorter time; a busy machine is late often.
    assert 0.6 * int(offline["issued"]) < int(found["minted"]) <= 1.001 * int(offline["issued"])
    assert int(found["issued"]) <= int(found["ceiling"])
    drawing = xml.etree.ElementTree.fromstring(Path(found["chart"]).read_bytes())
    assert drawing.tag.endswith("svg")


def send(client: SyncClient, signer: Signer, message: MessageType, *values: object) -> str:
    """Sign, send, wait until it is final; the receipt's code by name."""
    account = client.call(calls.get_account(checksum_address_of(signer)))
    draft = Draft(
        chain_id=CHAIN_ID,
        nonce=account["pending_nonce"],
        type=message.name,
        body=message.encode(*values),
        valid_until=account["height"] + 100,
    )
    receipt = client.call(calls.send_transaction_and_wait(sign(draft, signer).raw, 20_000))
    return receipt["status"]


def checksum_address_of(signer: Signer) -> str:
    accounts = [*ed25519_accounts(), *officials.holders(roles.CERTIFIER)]
    accounts += officials.holders(roles.PERSON_REGISTRAR)
    (found,) = [account.address for account in accounts if account.signer is signer]
    return checksum_address(found)


def test_a_certified_contribution_earns_what_the_person_then_claims(tmp_path: Path) -> None:
    person = ed25519_accounts()[PERSON]
    (registrar,) = officials.holders(roles.PERSON_REGISTRAR)
    certifier = officials.holders(roles.CERTIFIER)[0]
    arguments = ("--fresh", "--validators", "1", "--base-port", str(base_port()))
    with running(tmp_path, *arguments) as town:
        town.wait_for_height(1)
        url = plan_of(tmp_path).observer.rpc_url
        name = checksum_address(person.address)
        with SyncClient(url, timeout_s=30) as client:
            nullifier, evidence = sha256(b"one person"), sha256(b"a report on work")
            assert send(client, registrar.signer, ENROL, person.address, nullifier) == "OK"
            values = (person.address, "work", 1_000, evidence)
            assert send(client, certifier.signer, CERTIFY, *values) == "OK"
            assert send(client, registrar.signer, CERTIFY, *values) == "UNAUTHORISED"

            def claimable() -> int:
                position = client.call(calls.get_position(name))
                assert position is not None
                return int(position["pools"][0]["claimable"])

            town.wait_until(lambda: claimable() > 0, 90)
        claimed = answer("pool", "claim", "participation", "--local", str(PERSON), "--rpc", url)
        assert claimed["code"] == 0
        shown = answer("pool", "show", name, "--rpc", url)
        assert len(shown["grants"]) == 1
        assert int(shown["grants"][0]["amount"]) > 0
        grant = shown["grants"][0]
        assert int(grant["vested"]) + int(grant["unvested"]) == int(grant["amount"])
