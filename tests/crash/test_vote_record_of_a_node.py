"""A node's vote record across kills and losses, as the node itself opens its files (rule 6)."""

import shutil
from pathlib import Path

import pytest

from node import config
from node.localnet.creation import Wish, prepare
from node.opening import VOTES_FOLDER, Opened, open_files


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A validator that has not started yet."""
    (tmp_path / "town").mkdir()
    town = prepare(tmp_path / "town", Wish(validators=1, idle=True))
    return tmp_path / "town" / town.validators[0].name


def start(home: Path) -> Opened:
    return open_files(config.load(home / config.CONFIG_FILE, {}))


def stop(opened: Opened) -> None:
    opened.votes.log.close()
    opened.chain.blocks.close()


def votes_folder(home: Path) -> Path:
    settings = config.load(home / config.CONFIG_FILE, {})
    return settings.path(settings.storage.path) / VOTES_FOLDER


def test_a_kill_before_the_first_commit_is_no_loss(home: Path) -> None:
    """Else all validators, killed at height 1, would wait for a certified head for ever."""
    first = start(home)
    assert first.votes.lost is None
    first.votes.log.append([b"a vote at height 1"])
    killed = shutil.copytree(votes_folder(home), home / "killed")
    stop(first)
    shutil.rmtree(votes_folder(home))
    killed.rename(votes_folder(home))
    second = start(home)
    assert second.votes.lost is None
    assert not second.chain.vote_record_lost
    assert second.votes.records == [b"a vote at height 1"]
    stop(second)


def test_a_lost_record_is_remembered_until_the_replica_may_vote(home: Path) -> None:
    stop(start(home))
    shutil.rmtree(votes_folder(home))
    second = start(home)
    assert second.votes.lost is not None
    assert second.chain.vote_record_lost
    stop(second)
    third = start(home)
    assert third.votes.lost is None  # the new record is the chain's own
    assert third.chain.vote_record_lost  # and yet nothing was certified since
    stop(third)
