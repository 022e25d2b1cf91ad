"""A backup of a running node restores to the same chain, and the restored node lost its votes."""

import shutil
from pathlib import Path

import pytest

from ledger.errors import LocalError
from node import config
from node.assembly import VOTES_FOLDER, open_files
from node.audit import OK
from node.backup import backup, restore
from node.backup_rows import SOCKET
from node.keystore import LOCAL_COST
from node.localnet.creation import PASSWORD
from tests.support.town_processes import load, running_town

SECRET = "a long backup password"


def test_a_running_validator_is_backed_up_and_its_restored_copy_knows_it_lost_its_votes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POYONG_KEY_PASSWORD", PASSWORD)
    out, copy = tmp_path / "node.backup", tmp_path / "copy"
    (tmp_path / "town").mkdir()
    with running_town(tmp_path / "town", 4, observer=False) as town:
        name = town.validators[0]
        home = town.nodes[name].home
        data = home / "data"
        assert (data / SOCKET).stat().st_mode & 0o777 == 0o600
        with load(town, name):
            town.wait_for_height(3, name)
            taken = backup(home, out, SECRET, keys=True, cost=LOCAL_COST)
            assert taken.invariants == OK
            town.wait_for_height(taken.height + 2, *town.nodes)  # nobody stopped
        town.stop(*town.nodes)
        assert not (data / SOCKET).exists()
        assert town.audit(name).height > taken.height
    restored = restore(out, copy, SECRET)
    assert (restored.height, restored.block_hash) == (taken.height, taken.block_hash)
    assert not (copy / "data" / VOTES_FOLDER).exists()
    assert not (copy / "keys/password").exists()  # the operator puts it back
    shutil.copy(home / "keys/password", copy / "keys/password")
    settings = config.load(copy / config.CONFIG_FILE, {})
    for reason in ("the vote record is missing", None):  # and it remembers
        opened = open_files(settings)
        assert opened.votes.lost == reason
        assert opened.chain.vote_record_lost
        opened.votes.log.close()
        opened.chain.blocks.close()
    with pytest.raises(LocalError, match="not empty"):
        restore(out, copy, SECRET)
