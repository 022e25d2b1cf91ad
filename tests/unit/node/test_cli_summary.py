"""What is said of a town that has stopped: of every store that nobody else holds."""

from pathlib import Path

import pytest

from ledger.errors import LocalError
from node import audit
from node.localnet import creation, summary
from node.localnet.layout import Town
from node.modules import build_executor
from node.opening import CHAIN_FOLDER, read_genesis
from node.store.block_store import BlockStore
from node.store.storage import open_chain
from node.store.stores import open_store


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Two nodes at genesis; none runs."""
    made = creation.prepare(tmp_path, creation.Wish(1, idle=True, base_port=24_000))
    for node in made.nodes:
        home = tmp_path / node.name
        store = open_store(home / "data" / CHAIN_FOLDER)
        document = read_genesis(home / "genesis.json")
        open_chain(BlockStore(store, node.name), document, build_executor())
        store.close()
    return made


def test_every_store_is_examined(tmp_path: Path, town: Town) -> None:
    examined = summary.examine(tmp_path, town)
    assert (examined.found.height, examined.invariants, examined.held) == (0, audit.OK, ())


def test_a_store_that_another_process_holds_is_left_out_and_named(
    tmp_path: Path, town: Town
) -> None:
    """A node that was killed and started again by hand does not take the report away."""
    with audit.opened(tmp_path / town.nodes[0].name):
        examined = summary.examine(tmp_path, town)
    assert (examined.invariants, examined.held) == (audit.OK, (town.nodes[0].name,))


def test_without_any_store_there_is_no_report_but_a_remedy(tmp_path: Path, town: Town) -> None:
    first, second = (tmp_path / node.name for node in town.nodes)
    with (
        audit.opened(first),
        audit.opened(second),
        pytest.raises(LocalError, match="doctor --home"),
    ):
        summary.examine(tmp_path, town)


def test_a_store_that_cannot_be_read_is_still_an_error(tmp_path: Path, town: Town) -> None:
    (tmp_path / town.nodes[0].name / "genesis.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LocalError, match=r"genesis\.json"):
        summary.examine(tmp_path, town)
