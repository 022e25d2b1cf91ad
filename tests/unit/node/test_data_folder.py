"""The label of a data folder: whose votes it holds while keys change, and which database."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from governance.deciding import ROTATE_KEY
from ledger.crypto import sha256
from ledger.errors import LocalError
from ledger.genesis import Genesis
from ledger.state import State
from ledger.validator_tables import set_at
from node.store.block_store import PARTIAL_SCHEMA_VERSION, SCHEMA_VERSION, BlockStore
from node.store.data_folder import FILE, LabelKeeper, read_label, require_openable
from node.store.pruning import PruningRules
from tests.support.applied_chain import DOCUMENT, AppliedChain
from tests.support.ledger_chain import AUTHORITY, genesis_document, parsed, validator_signer

OWN, OTHER = (each.organisation for each in DOCUMENT.validators.validators[:2])
PRESENT, OTHERS = validator_signer(OWN).public_key, validator_signer(OTHER).public_key
COMING, NEXT = (validator_signer(name).public_key for name in ("coming", "the one after it"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "chain").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def state() -> State:
    return AppliedChain().state


def opened(
    folder: Path,
    state: State,
    keys: Sequence[bytes],
    store: int = SCHEMA_VERSION,
    document: Genesis = DOCUMENT,
) -> dict[str, Any]:
    """What the label says after a start with these keys."""
    label = require_openable(folder, document, keys)
    LabelKeeper(folder, label, document, keys).start(state, 1, store)
    found: dict[str, Any] = json.loads((folder / FILE).read_bytes())
    return found


def test_present_and_coming_key_are_the_owners_through_a_whole_rotation(
    folder: Path, state: State
) -> None:
    """The coming key is unknown to this chain for ever: the label alone has to carry it."""
    for keys in ([PRESENT], [PRESENT, COMING], [COMING], [COMING, NEXT], [NEXT]):
        label = opened(folder, state, keys)
        assert label["validator_keys"] == [key.hex() for key in keys]
        assert label["organisation"] == (OWN if PRESENT in keys else "")


@pytest.mark.parametrize("keys", [[OTHERS], [OTHERS, COMING], [COMING, OTHERS]])
def test_keys_of_another_organisation_are_refused_and_the_label_stays(
    folder: Path, state: State, keys: list[bytes]
) -> None:
    opened(folder, state, [PRESENT])
    before = (folder / FILE).read_bytes()
    with pytest.raises(LocalError, match=f"are those of '{OWN}', .* is that of '{OTHER}'"):
        require_openable(folder, DOCUMENT, keys)
    assert (folder / FILE).read_bytes() == before


def test_the_chain_knows_keys_that_genesis_does_not_name(folder: Path, state: State) -> None:
    """A validator that joined later: genesis lets it pass, the chain's own set does not."""
    opened(folder, state, [PRESENT])
    label = read_label(folder)
    before = (folder / FILE).read_bytes()
    with pytest.raises(LocalError, match=f"is that of '{OTHER}'"):
        LabelKeeper(folder, label, DOCUMENT, [OTHERS]).start(state, 1, SCHEMA_VERSION)
    assert (folder / FILE).read_bytes() == before


def test_the_label_follows_the_keys_of_a_running_node(folder: Path, state: State) -> None:
    """Both keys from the reload on, and the new one alone from the next; the owner stays known."""
    keeper = LabelKeeper(folder, None, DOCUMENT, [PRESENT])
    keeper.start(state, 1, SCHEMA_VERSION)
    for keys in ([PRESENT, COMING], [COMING], [COMING, NEXT]):
        keeper.follow(state, 1, SCHEMA_VERSION, keys)
        label = read_label(folder)
        assert label is not None
        assert label.validator_keys == tuple(key.hex() for key in keys)
        assert label.organisation == OWN


def test_the_label_learns_whose_a_key_is_when_a_set_names_it(folder: Path) -> None:
    """The key was named before the chain named it; the rotation is in force two heights later."""
    chain = AppliedChain()
    keeper = LabelKeeper(folder, None, DOCUMENT, [COMING])
    keeper.start(chain.state, 1, SCHEMA_VERSION)
    assert json.loads((folder / FILE).read_bytes())["organisation"] == ""
    for _ in range(4):
        chain.grow()  # so that everybody has a seal on the chain
    body = ROTATE_KEY.encode(OWN, COMING, sha256(b"node of the coming key"))
    chain.grow(chain.signed(ROTATE_KEY.name, body, AUTHORITY))
    named = list[str]()
    while set_at(chain.state, chain.chain.head.height).validators[0].public_key != COMING:
        chain.grow()
        keeper.follow(chain.state, chain.chain.head.height + 1, SCHEMA_VERSION, [COMING])
        named.append(json.loads((folder / FILE).read_bytes())["organisation"])
    assert named[-1] == OWN
    assert len(named) < 5


def test_keys_of_another_organisation_are_refused_while_the_node_runs(
    folder: Path, state: State
) -> None:
    keeper = LabelKeeper(folder, None, DOCUMENT, [PRESENT])
    keeper.start(state, 1, SCHEMA_VERSION)
    before = (folder / FILE).read_bytes()
    with pytest.raises(LocalError, match=f"are those of '{OWN}', .* is that of '{OTHER}'"):
        keeper.follow(state, 1, SCHEMA_VERSION, [OTHERS])
    assert (folder / FILE).read_bytes() == before


def test_an_observer_records_nobodys_votes(folder: Path, state: State) -> None:
    label = opened(folder, state, [])
    assert (label["validator_keys"], label["organisation"]) == ([], "")
    assert opened(folder, state, [PRESENT])["organisation"] == OWN


def test_another_chain_is_refused(folder: Path, state: State) -> None:
    opened(folder, state, [PRESENT])
    with pytest.raises(LocalError, match="put the right file back"):
        require_openable(folder, parsed(genesis_document(3)), [PRESENT])


def test_the_label_of_a_database_that_lacks_old_blocks_is_read(folder: Path, state: State) -> None:
    assert opened(folder, state, [PRESENT], PARTIAL_SCHEMA_VERSION)["store"] == 3
    path = folder / FILE
    path.write_text(path.read_text().replace('"store": 3', '"store": 4'))
    with pytest.raises(LocalError, match=r"has format 4, this release .* reads 2 and 3; nothing"):
        read_label(folder)


def test_the_label_follows_when_the_first_blocks_go(folder: Path) -> None:
    """A release that knows whole chains only has to see it before it opens the database."""
    chain = AppliedChain(pruning=PruningRules(keep_blocks=32))
    blocks: BlockStore = chain.opened.blocks
    keeper = LabelKeeper(folder, None, DOCUMENT, [PRESENT])
    keeper.start(chain.state, 1, blocks.schema_version)
    stores = list[int]()
    while blocks.lowest_height == 1:
        chain.take(chain.certified(chain.build()))
        keeper.follow(chain.state, chain.chain.head.height + 1, blocks.schema_version, [PRESENT])
        label = read_label(folder)
        assert label is not None
        stores.append(label.store)
    assert set(stores[:-1]) == {SCHEMA_VERSION}
    assert stores[-1] == PARTIAL_SCHEMA_VERSION
    assert BlockStore(chain.store, "again").schema_version == PARTIAL_SCHEMA_VERSION
