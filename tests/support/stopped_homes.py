"""Folders of nodes that do not run, with a short chain."""

import json
from dataclasses import dataclass
from pathlib import Path

from node import config
from node.modules import build_executor
from node.opening import CHAIN_FOLDER
from node.store.pruning import PruningRules
from node.store.stores import open_store
from tests.support.applied_chain import DOCUMENT, AppliedChain


@dataclass(frozen=True)
class Home:
    """Folder of a stopped node."""

    path: Path

    @property
    def chain(self) -> Path:
        return self.path / "data" / CHAIN_FOLDER

    @property
    def genesis(self) -> str:
        return str(self.path / "genesis.json")


def empty_home(path: Path) -> Home:
    """A node that was never started."""
    path.mkdir()
    options = config.Config(node=config.NodeConfig(name="test"))
    (path / config.CONFIG_FILE).write_text(config.render(options), encoding="utf-8")
    (path / "genesis.json").write_text(json.dumps(DOCUMENT.document()), encoding="utf-8")
    return Home(path)


def make_home(
    path: Path, heights: int, engine: str = "auto", pruning: PruningRules | None = None
) -> Home:
    """What a node with a chain of so many heights leaves behind; its store may be of an engine."""
    home = empty_home(path)
    store = open_store(home.chain, engine)
    chain = AppliedChain(store, executor=build_executor(), pruning=pruning)
    for _ in range(heights):
        chain.grow(chain.signed())
    store.close()
    return home
