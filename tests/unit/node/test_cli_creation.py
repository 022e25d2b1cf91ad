"""A local town as it is made: every file is one that a node accepts, and a second start goes on."""

import json
import stat
from pathlib import Path

import pytest

from governance import authority
from ledger import genesis
from ledger.errors import LocalError
from ledger.kv import MemoryStore, WriteBatch
from ledger.state import State
from node import config
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.keys.threshold_account import account_of
from node.localnet import creation, layout, officials, ports
from node.localnet.creation import Wish, prepare
from node.localnet.layout import Town
from node.modules import build_executor

BASE = 22_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Town]:
    """One town for the tests that only read it."""
    folder = tmp_path_factory.mktemp("town")
    return folder, prepare(folder, Wish(base_port=BASE))


def test_every_node_has_a_configuration_that_names_its_own_files(made: tuple[Path, Town]) -> None:
    folder, town = made
    assert [node.name for node in town.nodes] == [
        "city-hall", "gist", "land-corporation", "builder", "observer",
    ]  # fmt: skip
    for node in town.nodes:
        loaded = config.load(folder / node.name / config.CONFIG_FILE, {})
        assert loaded.is_validator == node.is_validator
        assert (loaded.network.port, loaded.rpc.port, loaded.metrics.port) == node.ports
        assert len(loaded.network.peers) == len(town.nodes) - 1
        password = keystore.read_password(loaded.path(loaded.node.password_file), "a test")
        signer = keystore.open_signer(loaded.path(loaded.node.node_key), password, KeyKind.NODE)
        assert signer.public_key == creation.read_keys(folder, node).node


def test_no_file_is_readable_by_others(made: tuple[Path, Town]) -> None:
    folder, town = made
    for path in (p for node in town.nodes for p in (folder / node.name).rglob("*")):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path


def test_all_nodes_have_one_genesis_that_builds_and_names_their_keys(
    made: tuple[Path, Town],
) -> None:
    folder, town = made
    documents = {(folder / node.name / "genesis.json").read_bytes() for node in town.nodes}
    (document,) = documents
    parsed = genesis.parse(document)
    assert (parsed.chain_id, parsed.local) == (82062, True)
    assert genesis.build(parsed, build_executor()).block.height == 0
    for seat, node in zip(parsed.validators.validators, town.validators, strict=True):
        keys = creation.read_keys(folder, node)
        assert (seat.public_key, seat.node_key) == (keys.validator, keys.node)
    assert set(parsed.observers) == {creation.read_keys(folder, town.observer).node}


def test_without_local_the_same_genesis_is_refused(made: tuple[Path, Town]) -> None:
    """Development keys stay in local towns."""
    document = (made[0] / "gist" / "genesis.json").read_text(encoding="utf-8")
    open_to_all = document.replace('"local": true', '"local": false').encode()
    with pytest.raises(LocalError, match="development key"):
        genesis.parse(open_to_all)


def test_an_idle_town_has_no_scaled_rounds() -> None:
    """So that nothing falls due by itself."""
    for scenario, rounds in (("", 0), ("gwangju", 56)):
        sections = creation.sections(scenario, "0x" + "ab" * 20)
        assert sections["land"]["parameters"].get("scaled_rounds", 0) == rounds


@pytest.mark.parametrize(("validators", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (16, 9)])
def test_a_majority_of_the_organisations_decides(
    tmp_path: Path, validators: int, needed: int
) -> None:
    """Genesis names their account, every home describes it, and each organisation has its key."""
    town = prepare(tmp_path, Wish(validators, idle=True, base_port=BASE))
    (text,) = {(tmp_path / n.name / creation.AUTHORITY_FILE).read_bytes() for n in town.nodes}
    account = account_of(json.loads(text), "a test")
    assert (account.threshold, len(account.keys)) == (needed, validators)
    document = genesis.parse((tmp_path / "observer" / "genesis.json").read_bytes())
    assert document.sections["governance"] == {
        "authority": account.address,
        **officials.genesis_section(),
    }
    store = MemoryStore()
    batch = WriteBatch()
    batch.operations.extend(genesis.build(document, build_executor()).rows)
    store.write(batch, sync=False)
    assert authority.authority(State(store)) == account.witness.address
    for node in town.validators:
        key = tmp_path / node.name / creation.ACCOUNT_KEY
        signer = keystore.open_signer(key, creation.PASSWORD, KeyKind.ACCOUNT)
        assert account.names[account.keys.index(signer.public_key)] == node.organisation
    assert not (tmp_path / town.observer.name / creation.ACCOUNT_KEY).exists()


@pytest.mark.parametrize("validators", [1, 16])
def test_a_second_start_goes_on_with_the_same_town(tmp_path: Path, validators: int) -> None:
    first = prepare(tmp_path, Wish(validators, base_port=BASE))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert prepare(tmp_path, Wish()) == first
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_wish_that_contradicts_the_town_is_refused(tmp_path: Path) -> None:
    prepare(tmp_path, Wish(1, idle=True, base_port=BASE))
    with pytest.raises(LocalError, match="has 1 validators, 4 were asked for"):
        prepare(tmp_path, Wish(4))
    with pytest.raises(LocalError, match="made idle"):
        prepare(tmp_path, Wish(scenario="gwangju"))


def test_fresh_makes_another_chain(tmp_path: Path) -> None:
    prepare(tmp_path, Wish(1, base_port=BASE))
    before = (tmp_path / "observer" / "genesis.json").read_bytes()
    town = prepare(tmp_path, Wish(2, fresh=True, base_port=BASE))
    assert len(town.validators) == 2
    assert (tmp_path / "observer" / "genesis.json").read_bytes() != before


def test_wallets_find_the_observer_where_they_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody chose the ports, or another program has that one."""
    monkeypatch.setattr(ports, "is_free", lambda _port: True)
    town = layout.plan(2, "gwangju")
    assert town.observer.rpc_url == "http://127.0.0.1:8545"
    assert len({port for node in town.nodes for port in node.ports}) == 9
    assert layout.plan(2, "gwangju", BASE).observer.rpc_port == BASE + 7
    monkeypatch.setattr(ports, "is_free", lambda port: port != ports.WALLET_PORT)
    assert layout.plan(2, "gwangju").observer.rpc_port == ports.BASE_PORT + 7


def test_an_interrupted_creation_starts_over(tmp_path: Path) -> None:
    town = layout.plan(1, "gwangju", BASE)
    layout.save(tmp_path, town)
    (tmp_path / town.nodes[0].name).mkdir()
    assert prepare(tmp_path, Wish(base_port=BASE)).ready


def test_other_ports_change_the_configurations_alone(tmp_path: Path) -> None:
    town = prepare(tmp_path, Wish(2, base_port=BASE))
    keys = {node.name: creation.read_keys(tmp_path, node) for node in town.nodes}
    moved = prepare(tmp_path, Wish(base_port=BASE + 100))
    assert min(port for node in moved.nodes for port in node.ports) >= BASE + 100
    assert {node.name: creation.read_keys(tmp_path, node) for node in moved.nodes} == keys
    loaded = config.load(tmp_path / "gist" / config.CONFIG_FILE, {})
    assert loaded.network.port == moved.nodes[1].p2p_port
    assert f"@127.0.0.1:{moved.nodes[0].p2p_port}" in loaded.network.peers[0]


def test_what_is_done_is_said_before_it_is_done(tmp_path: Path) -> None:
    said: list[str] = []
    town = layout.plan(1, "", BASE)

    def say(what: str) -> None:
        said.append(what)
        if "keys" in what:
            assert not (tmp_path / town.nodes[0].name).exists()

    prepare(tmp_path, Wish(1, base_port=BASE), say)
    assert ["keys of 2 nodes" in said[0], "genesis" in said[1], len(said)] == [True, True, 2]
    prepare(tmp_path, Wish(), say)
    assert said[2].startswith("Going on with the town")
