"""A chain opened from disk, and the vote record beside it."""

import shutil
from pathlib import Path

from ledger.kv import MemoryStore
from node.block_store import BlockStore
from node.storage import OpenedChain, open_chain, with_vote_record
from node.wal import OpenedLog, open_log
from tests.simulation.chains import ChainKind, chain_template


def open_both(store: MemoryStore, folder: Path) -> tuple[OpenedChain, OpenedLog]:
    """As node/assembly.py does it."""
    template = chain_template(ChainKind(4, False, False, 30_000))
    opened = open_chain(BlockStore(store, "chain"), template.document, template.executor)
    log = open_log(folder, opened.marker)
    return with_vote_record(opened, log.log.marker(), lost=log.lost is not None), log


def test_a_vote_record_lost_before_the_first_block_is_noticed(tmp_path: Path) -> None:
    """Rule 6: a validator votes at height 1 before any block names its vote record."""
    store, folder = MemoryStore(), tmp_path / "votes"
    first, log = open_both(store, folder)
    assert not first.vote_record_lost
    log.log.append([b"a vote"])
    log.log.close()
    shutil.rmtree(folder)

    again, log = open_both(store, folder)
    log.log.close()
    assert again.vote_record_lost


def test_a_lost_vote_record_stays_lost_after_another_restart(tmp_path: Path) -> None:
    store, folder = MemoryStore(), tmp_path / "votes"
    _, log = open_both(store, folder)
    log.log.close()
    shutil.rmtree(folder)
    for _ in range(2):
        opened, log = open_both(store, folder)
        log.log.close()
        assert opened.vote_record_lost


def test_a_vote_record_that_is_there_is_trusted(tmp_path: Path) -> None:
    store, folder = MemoryStore(), tmp_path / "votes"
    for _ in range(3):
        opened, log = open_both(store, folder)
        log.log.append([b"a vote"])
        log.log.close()
        assert not opened.vote_record_lost
