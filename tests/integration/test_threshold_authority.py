"""Three organisations of a running town decide together, each signing from a home of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from api import calls
from api.client import NodeError
from api.sync_client import SyncClient
from ledger.threshold import Members, Witness
from ledger.transaction import Draft, sign_threshold
from node.cli.tx_files import draft_of
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.keys.threshold_account import read_account
from node.localnet.creation import ACCOUNT_KEY, AUTHORITY_FILE, PASSWORD
from tests.support.town import answer, poyong
from tests.support.town_processes import ProcessTown, process_town

pytestmark = pytest.mark.timeout(180)

NEWCOMER = "observer"
"""A home of the town whose node key genesis does not know."""
REFUSED = "the peer refused this node's TLS key"


def test_three_of_four_organisations_admit_an_observer(tmp_path: Path) -> None:
    """Two cannot, by the command line or by a forged threshold; once three signed, who was kept
    out before connects and follows the chain."""
    with process_town(tmp_path) as town:
        newcomer = give_another_key(town.nodes[NEWCOMER].home)
        town.start(*town.validators)
        town.wait_ready(*town.validators)
        town.start(NEWCOMER)
        town.until(lambda: REFUSED in log_of(town), "the newcomer is refused")
        files = [tmp_path / name for name in ("draft", "one", "two", "three")]
        build(town, newcomer, files[0])
        for name, source, signed in zip(town.validators, files, files[1:3], strict=False):
            sign(town, name, source, signed)
        refused = poyong("tx", "send", str(files[2]), "--wait", "--rpc", town.rpc("gist"))
        assert refused.returncode == 1
        assert "cannot be sent yet: 2 of 3 signatures, still needed: 1 from " in refused.stderr
        assert_a_lower_threshold_is_refused(town, draft_of(content(files[0])))
        assert town.height(NEWCOMER) == 0

        said = sign(town, "land-corporation", files[2], files[3])
        assert said == "3 of 3 signatures: send it with poyong tx send\n"
        receipt = answer("tx", "send", str(files[3]), "--wait", "--rpc", town.rpc("builder"))
        assert (receipt["code"], receipt["events"][0]["name"]) == (0, "validators.observer_added")
        town.wait_for_height(receipt["height"], NEWCOMER)
        town.assert_one_chain("city-hall", NEWCOMER)


def give_another_key(home: Path) -> bytes:
    """Replace the node key; the new public key."""
    path = home / "keys" / "node.json"
    path.unlink()
    return keystore.create_key(path, KeyKind.NODE, PASSWORD, cost=LOCAL_COST).public_key


def log_of(town: ProcessTown) -> str:
    return town.nodes[NEWCOMER].log.read_text(errors="replace")


def content(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def build(town: ProcessTown, newcomer: bytes, draft: Path) -> None:
    built = poyong(
        *("tx", "build", "governance.add_observer"),
        *(f"node_key=0x{newcomer.hex()}", "name=Newcomer"),
        *("--from", str(town.folder / "city-hall" / AUTHORITY_FILE)),
        *("--home", str(town.folder / "city-hall")),
    )
    assert built.returncode == 0, built.stderr
    draft.write_text(built.stdout, encoding="utf-8")


def sign(town: ProcessTown, name: str, source: Path, signed: Path) -> str:
    """One organisation signs in its own home; what it is told."""
    home = town.folder / name
    completed = poyong(
        *("tx", "sign", str(source), "--output", str(signed)),
        *("--key", str(home / ACCOUNT_KEY), "--password-file", str(home / "keys" / "password")),
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stderr.splitlines(keepends=True)[-1]  # after what was signed


def assert_a_lower_threshold_is_refused(town: ProcessTown, draft: Draft) -> None:
    """Two members sign what claims that two are enough: no node takes it."""
    witness = read_account(town.folder / "gist" / AUTHORITY_FILE).witness
    signers = [
        keystore.open_signer(town.folder / name / ACCOUNT_KEY, PASSWORD, KeyKind.ACCOUNT)
        for name in town.validators[:2]
    ]
    lower = Witness(witness.address, witness.salt, Members(2, witness.members.keys))
    with SyncClient(town.rpc("gist")) as client:
        with pytest.raises(NodeError, match="does not follow"):
            client.call(calls.send_transaction(sign_threshold(draft, lower, signers).raw))
        assert client.call(calls.get_account(witness.address))["pending_nonce"] == 0
