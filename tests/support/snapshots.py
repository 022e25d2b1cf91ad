"""Snapshots of small chains, and sources that give their items."""

from functools import cache
from pathlib import Path
from typing import Final

from api.light import TrustedGenesis
from ledger import genesis
from ledger.block import Header
from ledger.transaction import Transaction
from node.snapshots.checking import ChainRules, CheckedManifest
from node.snapshots.file import SnapshotFile
from node.snapshots.format import MANIFEST
from node.snapshots.making import SnapshotMaker, make_at_once
from node.snapshots.restoring import JoinFolder
from tests.support.applied_chain import DOCUMENT, EXECUTOR, AppliedChain
from tests.support.ledger_chain import CHAIN_ID

GENESIS: Final = genesis.build(DOCUMENT, EXECUTOR).block.header
RULES: Final = ChainRules(
    TrustedGenesis(CHAIN_ID, GENESIS.hash, DOCUMENT.validators),
    DOCUMENT.bucket_count,
    EXECUTOR.contracts.decode_call,
)


@cache
def grown(blocks: int) -> AppliedChain:
    """A chain in memory, a transfer in each block; do not change it."""
    chain = AppliedChain()
    for _ in range(blocks):
        chain.grow(chain.signed())
    return chain


def maker_of(chain: AppliedChain, out: Path) -> SnapshotMaker:
    """Of the head of a chain."""
    return SnapshotMaker(chain.chain.blocks, CHAIN_ID, GENESIS.hash, DOCUMENT.bucket_count, out)


def snapshot_of(chain: AppliedChain, folder: Path) -> Path:
    """The file of a snapshot of its head."""
    out = folder / f"{chain.chain.head.height:012}.snapshot"
    out.parent.mkdir(parents=True, exist_ok=True)
    make_at_once(maker_of(chain, out))
    return out


def items_of(path: Path) -> list[bytes]:
    """Every item by number."""
    file = SnapshotFile(path)
    return [file.read(item) for item in range(file.item_count)]


def gathered(path: Path, data: Path) -> JoinFolder:
    """A join folder that has every item of a file."""
    items = items_of(path)
    folder = JoinFolder(data, RULES)
    folder.begin(CheckedManifest(RULES, items[MANIFEST]))
    for item, raw in enumerate(items[1:], 1):
        folder.keep(item, raw)
    return folder


def transfers(chain: AppliedChain, count: int) -> list[Transaction]:
    """The next transfers of the rich account."""
    return [chain.signed(ahead=ahead) for ahead in range(count)]


def genesis_header() -> Header:
    """Header of height 0 of these chains."""
    return GENESIS
