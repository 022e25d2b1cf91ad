"""A real town of processes, used as an operator uses it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api import calls
from api.sync_client import SyncClient
from ledger.crypto import checksum_address
from ledger.local_accounts import ed25519_accounts
from tests.support.town import RunningTown, answer, base_port, plan_of, poyong, running

pytestmark = pytest.mark.timeout(180)

REPORT_KEYS = {
    "height", "validators", "finalised_transactions", "rounds_final", "land_index", "live",
    "recognised", "ceiling", "issued", "minted", "invariants", "rpc_urls", "metrics_urls",
}  # fmt: skip
ROUNDS_TO_MINT = 10
"""S, the least of 9 quarterly anchors, exists from the ninth round on."""
REPORTS_A_ROUND = 5 * 6
FREE_ACCOUNT = 4
"""Neither the town's transfers nor its appraisers use this nonce."""


def report_of(town: RunningTown) -> dict[str, Any]:
    """The JSON object with which a town ends well."""
    out, err, code = town.end()
    assert code == 0, err
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def test_a_town_plays_the_series_while_one_validator_is_killed(tmp_path: Path) -> None:
    """The economy moves, transactions are final and provable offline, and three of four go on."""
    with running(tmp_path, "--fresh", "--base-port", str(base_port())) as town:
        town.wait_for_height(1)
        observer = plan_of(tmp_path).observer.rpc_url
        transfer_and_verify(tmp_path, observer)
        town.kill(["gist"])
        # The promise is 10 s after the network heals; here nobody else is faulty.
        assert town.wait_for_height(max(town.heights().values()) + 8, within_s=15) < 15
        assert "gist" not in town.heights()
        assert len(answer("validators", "--rpc", observer)["members"]) == 4
        assert len(answer("peers", "--rpc", observer)) == 3
        assert answer("why-stalled", "--rpc", observer)["stalled"] is False
        town.wait_until(lambda: final_rounds(observer) >= ROUNDS_TO_MINT, 60)
        prove_and_verify(tmp_path, observer)
        assert answer("town", "down", "--dir", str(tmp_path)) == {"stopped": town.process.pid}
        report = report_of(town)
    assert set(report) == REPORT_KEYS
    assert (report["invariants"], report["validators"]) == ("ok", 4)
    assert report["finalised_transactions"] > ROUNDS_TO_MINT * REPORTS_A_ROUND
    assert report["rounds_final"] >= ROUNDS_TO_MINT
    assert report["land_index"] > 100_000
    assert 0 < int(report["minted"]) <= int(report["issued"]) <= int(report["ceiling"])
    assert len(report["rpc_urls"]) == len(report["metrics_urls"]) == 5
    assert_it_goes_on(tmp_path, report["height"])


def test_a_validator_started_by_hand_keeps_neither_the_town_nor_its_report(tmp_path: Path) -> None:
    """Killed, it leaves no process id; back by hand it is up; Ctrl-C ends the town in a report."""
    with running(tmp_path, "--fresh", "--base-port", str(base_port())) as town:
        town.wait_for_height(2)
        town.kill(["gist"])
        town.wait_until(lambda: not (tmp_path / "gist" / "node.pid").exists(), 5)
        command = [sys.executable, "-m", "node.cli", "start", "--home", str(tmp_path / "gist")]
        with (
            (tmp_path / "by-hand.log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log) as by_hand,
        ):
            try:
                town.wait_until(lambda: "gist" in town.heights(), 20)
                standing = answer("town", "status", "--dir", str(tmp_path))["nodes"]
                town.process.send_signal(signal.SIGINT)
                out, err, code = town.end()
                assert by_hand.poll() is None
                again = poyong("town", "up", "--dir", str(tmp_path))
                assert by_hand.poll() is None
            finally:
                by_hand.terminate()
    gist = next(node for node in standing if node["name"] == "gist")
    assert (gist["pid"], gist["status"] is None) == (None, False)
    assert code == 0, err
    assert "gist runs on" in err
    # Nothing is started beside it, and the sentence says whom to stop.
    assert again.returncode == 1
    assert f"run already: gist (process {by_hand.pid})" in again.stderr
    assert "Traceback" not in again.stderr
    report = json.loads(out.splitlines()[-1])
    assert set(report) == REPORT_KEYS
    assert (report["invariants"], report["validators"]) == ("ok", 4)


def final_rounds(rpc: str) -> int:
    with SyncClient(rpc) as client:
        final: int = client.call(calls.get_land_index())["rounds_final"]
    return final


def transfer_and_verify(folder: Path, rpc: str) -> None:
    """tx build | sign | send, show with its proof, and verify without a node."""
    home = folder / "observer"
    sender = checksum_address(ed25519_accounts()[FREE_ACCOUNT].address)
    built = poyong(
        "tx", "build", "transfer.send", f"to={sender}", "amount=1.5", "--from", sender, "--rpc", rpc
    )
    assert built.returncode == 0, built.stderr
    signed = poyong("tx", "sign", "-", "--local", str(FREE_ACCOUNT), stdin=built.stdout).stdout
    receipt = answer("tx", "send", "-", "--wait", "--rpc", rpc, stdin=signed)
    assert (receipt["code"], receipt["transaction_hash"]) == (0, json.loads(signed)["hash"])
    proof = folder / "proof.json"
    answer("tx", "show", receipt["transaction_hash"], "--proof", str(proof), "--rpc", rpc)
    genesis = str(home / "genesis.json")
    found = answer("verify", str(proof), "--genesis", genesis)
    assert found["valid"] is True
    assert (found["hash"], found["height"]) == (receipt["transaction_hash"], receipt["height"])
    with SyncClient(rpc) as client:
        row = client.call(calls.get_proof(account=sender))
    (folder / "row.json").write_text(json.dumps(row), encoding="utf-8")
    assert answer("verify", str(folder / "row.json"), "--genesis", genesis)["kind"] == "state"
    proof.write_text(proof.read_text().replace('"index": ', '"index": 1'), encoding="utf-8")
    refused = poyong("verify", str(proof), "--genesis", genesis)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1


def prove_and_verify(folder: Path, rpc: str) -> None:
    """Statements from a node, checked without it: from genesis, then from a kept header."""
    genesis, kept = str(folder / "observer" / "genesis.json"), folder / "kept.json"

    def proven(start: tuple[str, ...], statement: str, *what: str) -> dict[str, Any]:
        file = folder / f"{statement}.json"
        answer("prove", statement, *what, "--out", str(file), "--rpc", rpc)
        found: dict[str, Any] = answer("verify", str(file), *start, "--keep", str(kept))
        assert (found["valid"], found["statement"]) == (True, statement)
        return found

    with SyncClient(rpc) as client:
        listed = client.call(calls.list_rounds(1, 256))
    # On a busy machine reports of the first round may come too late.
    whole = next(row["round"] for row in listed if row["reports"] == REPORTS_A_ROUND)
    index = proven(("--genesis", genesis), "land_index", str(whole))["answer"]
    assert index["reports"] == REPORTS_A_ROUND
    prices = [report["price_krw_per_m2"] for zone in index["zones"] for report in zone["reports"]]
    assert len(prices) == REPORTS_A_ROUND
    from_kept = ("--trusted", str(kept))
    issued = proven(from_kept, "issuance")["answer"]
    assert int(issued["issued"]) <= int(issued["ceiling"])
    assert int(proven(from_kept, "supply")["answer"]["supply"]) > 0
    someone = checksum_address(ed25519_accounts()[FREE_ACCOUNT].address)
    assert proven(from_kept, "balance", someone)["answer"]["nonce"] == 1
    # The first file is of a block before the kept one: nobody vouches for it any more.
    refused = poyong("verify", str(folder / "land_index.json"), *from_kept)
    assert (refused.returncode, "before the trusted block" in refused.stderr) == (1, True)


def assert_it_goes_on(folder: Path, height: int) -> None:
    """A second start: the same chain, the killed validator catches up, --seconds stops it."""
    with running(folder, "--seconds", "3") as town:
        report = report_of(town)
    assert report["height"] >= height + 5
    assert report["invariants"] == "ok"
    for name in ("gist", "observer"):
        checked = answer("doctor", "--home", str(folder / name))
        assert checked["ok"], checked
