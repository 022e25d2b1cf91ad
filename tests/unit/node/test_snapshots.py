"""A snapshot is made beside a chain that goes on, and a store that begins with it goes on too."""

from pathlib import Path

import pytest

from consensus.chain import RECENT_HEIGHTS
from ledger.errors import DecodeError, LocalError, PeerError
from node.block_store import BlockStore
from node.execution import Chain
from node.snapshots.checking import CheckedManifest
from node.snapshots.format import MANIFEST
from node.snapshots.making import make_at_once
from node.snapshots.restoring import JoinFolder
from node.storage import open_chain
from node.stores import open_store
from tests.support.applied_chain import DOCUMENT, EXECUTOR, AppliedChain
from tests.support.snapshots import (
    GENESIS,
    RULES,
    gathered,
    grown,
    items_of,
    maker_of,
    snapshot_of,
)
from node.account_index import HistoryRules

BLOCKS = RECENT_HEIGHTS + 20


def installed(path: Path, data: Path) -> AppliedChain:
    folder = gathered(path, data)
    folder.install(data / "chain", GENESIS, "auto", HistoryRules())
    return AppliedChain(open_store(data / "chain"))


def test_a_chain_that_begins_with_a_snapshot_goes_on(tmp_path: Path) -> None:
    chain = AppliedChain()
    for _ in range(BLOCKS):
        chain.grow(chain.signed())
    joined = installed(snapshot_of(chain, tmp_path), tmp_path / "data")
    assert joined.chain.head == chain.chain.head
    assert joined.opened.vote_record_lost
    assert joined.opened.recent == chain_again(chain).recent
    for _ in range(3):
        certified = chain.grow(chain.signed())
        joined.take(certified)
    assert joined.chain.commitment.root == chain.chain.commitment.root
    blocks = joined.chain.blocks
    assert blocks.lowest_height == BLOCKS - RECENT_HEIGHTS + 1
    assert blocks.block_bytes(blocks.lowest_height - 1) is None
    assert blocks.index.first(joined.chain.head.height) == blocks.lowest_height
    for height in range(blocks.lowest_height, BLOCKS + 4):
        assert blocks.block_bytes(height) == chain.chain.blocks.block_bytes(height)
        assert blocks.receipts_bytes(height) == chain.chain.blocks.receipts_bytes(height)
    joined.store.close()


def chain_again(chain: AppliedChain) -> object:
    return open_chain(BlockStore(chain.store, "again"), DOCUMENT, EXECUTOR)
