"""A validator whose key is in a signer process: killed, and asked by a node that went back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api import calls
from api.sync_client import SyncClient
from node.signing.last_signed import decode_state
from node.signing.settings import SignerHome
from tests.support.signer_homes import take_key_out
from tests.support.town_processes import ProcessTown, load, process_town

END_S = 15.0


@contextmanager
def signer(home: SignerHome) -> Iterator["subprocess.Popen[bytes]"]:
    """`poyong signer run`; killed at the end."""
    command = [sys.executable, "-m", "node.cli", "signer", "run", "--home", str(home.home)]
    with (home.home / "log").open("ab") as output:
        process = subprocess.Popen(
            [*command, "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(END_S)


def signed_height(home: SignerHome) -> int:
    return decode_state(home.state_path.read_bytes(), home.domain).height


def causes(town: ProcessTown, name: str) -> str:
    with SyncClient(town.rpc(name), timeout_s=5) as client:
        return str(client.call(calls.why_stalled()))


@pytest.mark.timeout(240)
def test_a_killed_signer_stops_votes_and_a_node_that_went_back_cannot_sign_twice(
    tmp_path: Path,
) -> None:
    with process_town(tmp_path, observer=False) as town:
        own, *others = town.validators
        needed = others[:2]  # with the third one stopped, every block needs the remote signer
        home = take_key_out(town.nodes[own].home, tmp_path / "signer")
        data, copy = town.nodes[own].home / "data", tmp_path / "old"
        with signer(home):
            town.start(own, *needed)
            town.wait_ready(own, *needed)
            with load(town, needed[0]) as sending:
                sending.wait_for_batches(3)
            assert signed_height(home) > 0
            town.stop(own)
            shutil.copytree(data, copy)
            went_back_to = signed_height(home)
            town.start(own)
            town.wait_ready(own)
            with load(town, needed[0]) as sending:
                sending.wait_for_batches(3)
        # The signer was killed: the node runs on, without votes, and says why.
        with load(town, needed[0]) as sending:
            town.until(lambda: "is away" in causes(town, own), "the reason shown", 60)
            assert town.is_ready(own)
            with signer(home):
                sending.wait_for_batches(2)
                last = signed_height(home)
        town.kill(own, *needed)
        shutil.rmtree(data)
        shutil.copytree(copy, data)
        assert last > went_back_to + 1
        with signer(home):
            # Alone on its old height: its view ends, and it asks for votes that it gave already.
            town.start(own)
            log = home.home / "log"
            town.until(lambda: "signer.refused" in log.read_text(), "a refusal")
            assert "signed for already" in log.read_text()
            assert town.nodes[own].running
            assert signed_height(home) >= last
            town.start(*needed)
            town.wait_ready(own, *needed)
            with load(town, needed[0]) as sending:
                sending.wait_for_batches(2)
            town.stop(own, *needed)
        assert signed_height(home) > last
