"""`poyong keys rotate` leads through new keys of a validator that runs, under load."""

import json
import shlex
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from api import calls
from api.sync_client import SyncClient
from node import config
from node.cli import run
from node.localnet.creation import ACCOUNT_KEY
from node.signing.settings import SIGNER_FILE, render_home
from tests.integration.test_signer_process import signer
from tests.support.signer_homes import take_key_out
from tests.support.town_processes import ProcessTown, load, process_town, running_town

SIGNERS = 3
BLOCKS_AFTER = 10


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """The JSON that a command prints."""
    assert run([*arguments, "--json"]) == 0, capsys.readouterr().err
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def send_signed(
    town: ProcessTown, build: str, through: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the printed command builds, signed by as many organisations as the authority needs."""
    url, draft = town.rpc(through), town.folder / "draft.json"
    words = shlex.split(build)[1:-2]  # without `poyong` and without `> draft.json`
    assert run([*words, "--rpc", url]) == 0, capsys.readouterr().err
    draft.write_text(capsys.readouterr().out)
    for name in town.validators[:SIGNERS]:
        home = town.nodes[name].home
        key, password = str(home / ACCOUNT_KEY), str(home / "keys/password")
        signing = ["tx", "sign", str(draft), "--key", key, "--password-file", password]
        assert run([*signing, "--output", str(draft)]) == 0, capsys.readouterr().err
    assert run(["tx", "send", str(draft), "--wait", "--rpc", url]) == 0, capsys.readouterr().err
    capsys.readouterr()


def test_new_keys_from_making_to_finishing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_town(tmp_path) as town:
        rotated, other, *_ = town.validators
        home = town.nodes[rotated].home
        folder, process = str(home), town.nodes[rotated].process
        assert process is not None
        with load(town, other) as sending:
            sending.wait_for_batches(2)
            began = town.height(other)  # before it, nodes that start late may cost a view
            made = told(capsys, "keys", "rotate", "--home", folder, "--node-key")
            assert made["loaded"] is True
            again = told(capsys, "keys", "rotate", "--home", folder)
            assert again == made, "keys are made once"
            assert run(["keys", "rotate", "--home", folder, "--finish"]) == 1
            assert "not in use yet (waiting)" in capsys.readouterr().err
            organisation = town.nodes[rotated].plan.organisation
            build = str(made["send"]).replace("=ORGANISATION", f"='{organisation}'")
            authority = str(home / "authority.json")
            send_signed(town, build.replace("AUTHORITY.json", authority), other, capsys)
            since = told(capsys, "keys", "rotate", "--home", folder, "--wait")["since"]
            assert isinstance(since, int)
            done = told(capsys, "keys", "rotate", "--home", folder, "--finish")
            assert done["of_no_use_any_more"] == ["keys/validator.json", "keys/node.json"]
            town.wait_for_height(since + BLOCKS_AFTER, *town.nodes)
        assert process.poll() is None, "it was never started again"
        with SyncClient(town.rpc(other)) as client:
            seats = client.call(calls.validators())
            assert seats is not None
            member = seats["members"][0]
            assert member["public_key"] == f"0x{made['next_validator_key']}"
            assert member["node_key"] == f"0x{made['next_node_key']}"
            assert member["last_signed_height"] >= since + BLOCKS_AFTER - 3
            for height in range(began + 1, since + BLOCKS_AFTER):
                certificate = client.call(calls.get_certificate(height))
                assert certificate is not None
                assert certificate["view"] == 0, f"height {height} became final late"
        status = told(capsys, "status", "--home", folder)
        assert status["signing_key"] == member["public_key"]
        assert status["rotation"] is None
        # The next start has the new keys alone; who comes anew with the old list finds it, too.
        assert config.load(home / config.CONFIG_FILE, {}).node.validator_key.endswith("-2.json")
        assert town.stop(rotated, town.validators[2]) == {rotated: 0, town.validators[2]: 0}
        town.start(rotated, town.validators[2])
        town.wait_ready(*town.nodes)
        town.assert_one_chain(*town.nodes)


def test_a_key_in_a_signer_is_replaced_while_both_processes_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next key never is in the node; the signer signs its probes too."""
    with process_town(tmp_path, observer=False) as town:
        rotated, other, *_ = town.validators
        home = town.nodes[rotated].home
        folder, organisation = str(home), town.nodes[rotated].plan.organisation
        outside = take_key_out(home, tmp_path / "signer")
        with signer(outside) as process:
            town.start(*town.validators)
            town.wait_ready(*town.validators)
            password = str(outside.home / "password")
            file = outside.home / "keys/validator-2.json"
            made = told(
                capsys,
                *("keys", "new", str(file), "--kind", "validator", "--password-file", password),
            )
            with_next = replace(outside.signer, next_validator_key="keys/validator-2.json")
            (outside.home / SIGNER_FILE).write_text(render_home(replace(outside, signer=with_next)))
            process.send_signal(signal.SIGHUP)
            log = outside.home / "log"
            town.until(lambda: "signer.reloaded" in log.read_text(), "both keys in the signer")
            assert run(["keys", "rotate", "--home", folder]) == 1
            assert "--public-key" in capsys.readouterr().err
            key = str(made["public_key"])
            with load(town, other) as sending:
                sending.wait_for_batches(2)
                asked = told(capsys, "keys", "rotate", "--home", folder, "--public-key", key)
                assert asked["loaded"] is True
                town.until(
                    lambda: "candidacy.probed" in town.nodes[rotated].log.read_text(),
                    "a probe that the signer signed",
                )
                build = str(asked["send"]).replace("=ORGANISATION", f"='{organisation}'")
                authority = str(home / "authority.json")
                send_signed(town, build.replace("AUTHORITY.json", authority), other, capsys)
                since = told(capsys, "keys", "rotate", "--home", folder, "--wait")["since"]
                assert isinstance(since, int)
                told(capsys, "keys", "rotate", "--home", folder, "--finish")
                town.wait_for_height(since + BLOCKS_AFTER, *town.validators)
            with SyncClient(town.rpc(other)) as client:
                seats = client.call(calls.validators())
            assert seats is not None
            member = seats["members"][0]
            assert member["public_key"] == f"0x{key}"
            assert member["last_signed_height"] >= since + BLOCKS_AFTER - 3
            town.stop(*town.validators)
