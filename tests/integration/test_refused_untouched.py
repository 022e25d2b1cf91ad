"""What a node must not open it leaves as it is: one sentence, an exit code, the same bytes."""

import json
import shutil
from pathlib import Path

import pytest

from node import config, wal_format
from node.data_folder import FILE
from node.keystore import LOCAL_COST, KeyKind, create_key
from node.localnet.creation import PASSWORD, Wish, prepare
from node.version import SOFTWARE
from tests.integration.test_bad_input_start import change, refusal
from tests.integration.test_rolling_upgrade import fingerprint
from tests.support.sealed_chain import SealedChain
from tests.support.town_processes import base_port

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Homes of two validators of one chain, with two blocks."""
    folder = tmp_path_factory.mktemp("town")
    plan = prepare(folder, Wish(validators=2, idle=True, base_port=base_port() + 1_200))
    homes = [folder / node.name for node in plan.validators]
    with SealedChain(*homes) as chain:
        chain.block()
        chain.block()
    return homes


@pytest.fixture
def home(town: list[Path], tmp_path: Path) -> Path:
    return shutil.copytree(town[0], tmp_path / "home")


def refused(home: Path) -> str:
    """The sentence of a start that changes nothing."""
    before = fingerprint(home)
    said = refusal(home)
    assert fingerprint(home) == before, said
    return said


def relabel(home: Path, **changes: object) -> None:
    path = home / "data" / FILE
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(found | changes), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"format": "poyong-data-2", "more": 1}, "poyong-data-2"),
        ({"store": 4}, "the database in"),
        ({"votes": 2}, "the vote record in"),
    ],
)
def test_a_data_folder_of_a_later_release(
    home: Path, changes: dict[str, object], part: str
) -> None:
    relabel(home, software="poyong/7.0.0", **changes)
    said = refused(home)
    for each in (part, SOFTWARE, "'poyong/7.0.0' wrote it: start that release"):
        assert each in said


def test_a_vote_record_of_a_later_release(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "data" / "votes" / "votes-0.wal"
    data = path.read_bytes()
    monkeypatch.setattr(wal_format, "_FILE_MAGIC", b"poyong votes 2\0\0")
    header = wal_format.file_header(data[16:32], 0)
    path.write_bytes(header + data[len(header) :])
    said = refused(home)
    assert "has format 2, this release" in said
    assert "must not vote without what it has voted" in said


def test_a_key_file_a_configuration_and_a_genesis_of_a_later_release(home: Path) -> None:
    key, settings, genesis = (
        home / "keys" / "validator.json",
        home / config.CONFIG_FILE,
        home / "genesis.json",
    )
    kept = key.read_text(encoding="utf-8")
    change(key, "poyong-key-1", "poyong-key-2")
    assert "reads poyong-key-1" in refused(home)
    key.write_text(kept, encoding="utf-8")
    document = json.loads(genesis.read_text(encoding="utf-8"))
    genesis.write_text(json.dumps(document | {"format": 2}), encoding="utf-8")
    assert "has genesis format 2, this release reads 1" in refused(home)
    change(settings, "format = 1", "format = 2")
    assert "has format 2, this release" in refused(home)


def test_the_genesis_of_another_chain(home: Path) -> None:
    path = home / "genesis.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"name": "another town"}), encoding="utf-8")
    assert "put the right file back" in refused(home)


def test_the_configuration_and_keys_of_another_node(home: Path, town: list[Path]) -> None:
    for name in ("validator.json", "node.json"):
        shutil.copy(town[1] / "keys" / name, home / "keys" / name)
    shutil.copy(town[1] / config.CONFIG_FILE, home / config.CONFIG_FILE)
    said = refused(home)
    assert "the votes in" in said
    assert "put this node's own configuration and keys back" in said


def test_a_folder_that_another_node_uses(home: Path, town: list[Path]) -> None:
    with SealedChain(home, town[1]):
        said = refused(home)
    assert "another process uses the vote record" in said


def test_a_new_key_goes_on_with_the_record_and_a_lost_label_is_written_anew(
    home: Path, town: list[Path]
) -> None:
    (home / "data" / FILE).unlink()
    with SealedChain(home, town[1]):
        assert json.loads((home / "data" / FILE).read_bytes())["software"] == SOFTWARE
    key = home / "keys" / "validator.json"
    key.unlink()
    create_key(key, KeyKind.VALIDATOR, PASSWORD, cost=LOCAL_COST)
    with SealedChain(home, town[1]):
        assert json.loads((home / "data" / FILE).read_bytes())["organisation"] == ""
