"""A person is registered on a running node: its log, at the finest level, says nothing of them."""

import signal
from pathlib import Path

import pytest

from api import calls
from api.sync_client import SyncClient
from governance.stakeholders.credentials import GRANT
from ledger.transaction import Draft, sign
from tests.integration.test_node_process import START_TIMEOUT_S, started, wait_until_ready
from tests.support.governed_town import OWNERS, account, credential, signer
from tests.support.town import base_port
from tests.support.upgrade_town import governed_node

WAIT_MS = 20_000


def test_the_log_of_a_node_names_no_account_commitment_or_nullifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POYONG_LOG_LEVEL", "debug")
    node = governed_node(tmp_path, base_port() + 1700)
    who, _, commitment, nullifier = credential(OWNERS[0])
    with started(tmp_path / node.name) as process:
        wait_until_ready(node, process)
        with SyncClient(node.rpc_url) as client:
            draft = Draft(
                chain_id=client.call(calls.status())["chain_id"],
                nonce=0,
                type=GRANT.name,
                body=GRANT.encode(*credential(OWNERS[0])),
                valid_until=1_000,
            )
            raw = sign(draft, signer("registrar")).raw
            receipt = client.call(calls.send_transaction_and_wait(raw, WAIT_MS))
            assert receipt["code"] == 0, receipt["reason"]
            shown = client.call(calls.get_person(who))
            assert shown is not None
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == 0, log
    assert "node.started" in log
    said = log.lower()
    for name, value in (("account", who), ("commitment", commitment), ("nullifier", nullifier)):
        assert value.hex() not in said, name
    # The registrar's account stands in the transaction; the log holds no transaction at all.
    assert account("registrar").hex() not in said
    assert raw.hex() not in said
