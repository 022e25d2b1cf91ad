"""All nodes of a town die at once under load: nothing that a client saw as final is lost."""

import json
from pathlib import Path

import pytest

from api import calls, results
from api.sync_client import SyncClient
from ledger.local_accounts import ed25519_accounts
from tests.support.town import RunningTown, base_port, plan_of, running
from tests.support.transfers import payments

pytestmark = pytest.mark.timeout(180)

PAYER = ed25519_accounts()[4]
TRANSFERS = 400
BATCH = 100
GOING_ON_WITHIN_S = 10.0


def send_load(rpc: str) -> dict[str, results.Receipt]:
    """Transfers sent in batches; receipts of all, which the node showed as final."""
    with SyncClient(rpc) as client:
        account = client.call(calls.get_account(PAYER.address))
        made = payments(
            PAYER.signer,
            ed25519_accounts()[3].address,
            TRANSFERS,
            nonce=account["pending_nonce"],
            valid_until=account["height"] + 500,
        )
        raws = [item.raw for item in made]
        receipts: dict[str, results.Receipt] = {}
        for start in range(0, TRANSFERS, BATCH):
            for receipt in client.send_and_wait(raws[start : start + BATCH]):
                assert isinstance(receipt, dict), receipt
                receipts[receipt["transaction_hash"]] = receipt
        # More on its way that nobody waits for, so that they die while they work.
        client.send([raws[-1]])
    return receipts


def assert_final_still(rpc: str, receipts: dict[str, results.Receipt]) -> None:
    with SyncClient(rpc) as client:
        found = client.batch([calls.get_receipt(item) for item in receipts])
    assert found == list(receipts.values())


def kill_all(town: RunningTown) -> None:
    town.kill([node.name for node in plan_of(town.folder).nodes])
    out, err, code = town.end()
    assert code == 1
    assert "every node has ended" in err
    assert json.loads(out.splitlines()[-1])["invariants"] == "ok"


def test_all_killed_at_once_under_load_go_on_with_everything_final(tmp_path: Path) -> None:
    """consensus.md rule 1 and the promise of rule 3, on real disks and processes.

    Balances sum to supply and all heads agree: the town examines that itself at each end.
    """
    with running(tmp_path, "--fresh", "--base-port", str(base_port())) as town:
        town.wait_for_height(1)
        receipts = send_load(plan_of(tmp_path).observer.rpc_url)
        height = max(town.heights().values())
        kill_all(town)
    with running(tmp_path) as town:
        everybody = {node.name for node in plan_of(tmp_path).nodes}
        town.wait_until(lambda: set(town.heights()) == everybody, 60)
        assert min(town.heights().values()) >= height - 1
        town.wait_for_height(height + 2, within_s=GOING_ON_WITHIN_S)
        town.wait_until(lambda: min(town.heights().values()) > height, 20)
        for node in plan_of(tmp_path).nodes:
            assert_final_still(node.rpc_url, receipts)
        town.process.terminate()
        out, err, code = town.end()
    assert code == 0, err
    report = json.loads(out.splitlines()[-1])
    assert report["invariants"] == "ok"
    assert report["finalised_transactions"] >= TRANSFERS
