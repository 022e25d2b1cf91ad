"""Backups of a stopped node by the commands: what comes back, and what is refused."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from consensus.chain import RECENT_HEIGHTS
from ledger.errors import LocalError
from ledger.kv import WriteBatch
from node import audit, config
from node.backups import sealed_stream
from node.backups.backup import backup, restore, verify
from node.backups.sealed_stream import MAGIC, seal
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.opening import VOTES_FOLDER
from node.signing.fence import Fence, Standing, read_fence, write_fence
from node.store.account_index import HistoryRules
from node.store.pruning import PruningRules
from node.store.stores import open_store
from tests.support.shell import Shell
from tests.support.snapshots import GENESIS, gathered, grown, snapshot_of
from tests.support.stopped_homes import Home, empty_home, make_home

SECRET = "a long backup password"
HEIGHT = 4


@pytest.fixture(scope="module", params=["leveldb", "rocksdb"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    engine: str = request.param
    return make_home(tmp_path_factory.mktemp("homes") / "node", HEIGHT, engine)


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    shutil.copytree(made.path, tmp_path / "node")
    return Home(tmp_path / "node")


@pytest.fixture
def taken(home: Home, tmp_path: Path) -> Path:
    out = tmp_path / "node.backup"
    backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST)
    return out


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("POYONG_KEY_PASSWORD", SECRET)
    return Shell(capsys)


def all_rows(home: Path) -> dict[bytes, bytes]:
    store = open_store(home / "data/chain")
    found = dict(store.iterate(b"", b"\xff" * 64))
    store.close()
    return found


def listing(folder: Path) -> set[str]:
    """Names in a folder, but those of an engine, which changes its files at every opening."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in names if not name.startswith("node/data/chain/")}


def test_every_row_comes_back_by_the_commands_and_only_the_owner_reads_the_file(
    made: Home, home: Home, tmp_path: Path, shell: Shell
) -> None:
    out, copy = tmp_path / "x.backup", tmp_path / "copy"
    found = shell.json("backup", "--home", str(home.path), "--out", str(out))
    assert (found["height"], found["invariants"]) == (HEIGHT, "ok")
    assert out.stat().st_mode & 0o777 == 0o600
    assert shell.json("backup", "verify", str(out))["block"] == found["block"]
    restored = shell.json("restore", str(out), "--home", str(copy))
    assert restored["block"] == found["block"]
    assert all_rows(copy) == all_rows(made.path)
    assert not (copy / "data" / VOTES_FOLDER).exists()
    assert sorted(path.name for path in copy.iterdir()) == ["config.toml", "data", "genesis.json"]
    assert {path.name for path in tmp_path.iterdir()} == {"node", "x.backup", "copy"}


def _pruned(folder: Path) -> Home:
    return make_home(folder, RECENT_HEIGHTS + 6, pruning=PruningRules(keep_blocks=RECENT_HEIGHTS))


def _from_a_snapshot(folder: Path) -> Home:
    home = empty_home(folder)
    snapshot = snapshot_of(grown(RECENT_HEIGHTS + 6), folder.parent / "snapshots")
    join = gathered(snapshot, home.chain.parent)
    join.install(home.chain, GENESIS, "auto", HistoryRules())
    join.remove()
    return home


@pytest.mark.parametrize("make", [_pruned, _from_a_snapshot])
def test_a_store_without_its_old_blocks_comes_back_as_it_is(
    tmp_path: Path, make: Callable[[Path], Home]
) -> None:
    home, copy, out = make(tmp_path / "node"), tmp_path / "copy", tmp_path / "x.backup"
    rows, before = all_rows(home.path), audit.audit(home.path, {})
    assert before.lowest_height > 1
    assert {b"\0schema", b"\0lowest"} <= rows.keys()
    backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST)
    restored = restore(out, copy, SECRET)
    assert (restored.height, restored.lowest_height) == (before.height, before.lowest_height)
    assert all_rows(copy) == rows


def test_both_keys_of_a_kind_come_back_while_one_is_replaced(home: Home, tmp_path: Path) -> None:
    names = {
        "validator_key": ("keys/v.json", KeyKind.VALIDATOR),
        "next_validator_key": ("keys/v2.json", KeyKind.VALIDATOR),
        "node_key": ("keys/n.json", KeyKind.NODE),
        "next_node_key": ("keys/n2.json", KeyKind.NODE),
    }
    made = {}
    for option, (name, kind) in names.items():
        info = keystore.create_key(home.path / name, kind, SECRET, cost=LOCAL_COST)
        made[option] = info.public_key
    file = home.path / config.CONFIG_FILE
    settings = config.load(file, {})
    named = replace(settings.node, **{option: path for option, (path, _) in names.items()})
    file.write_text(config.render(replace(settings, node=named)))
    out, copy = tmp_path / "x.backup", tmp_path / "copy"
    backup(home.path, out, SECRET, keys=True, cost=LOCAL_COST)
    restore(out, copy, SECRET)
    found = config.load(copy / config.CONFIG_FILE, {})
    for option, public_key in made.items():
        path = found.path(getattr(found.node, option))
        assert path.is_relative_to(copy)
        assert keystore.read_key_info(path).public_key == public_key


def test_no_text_of_the_node_stands_in_the_file_in_the_open(taken: Path) -> None:
    data = taken.read_bytes()
    for text in (b"validator_key", b"chain_id", b"accounts/"):
        assert text not in data


def test_a_store_that_does_not_add_up_gives_no_backup(home: Home, tmp_path: Path) -> None:
    """The proof: the root over the restored rows is not that of the certified header."""
    store = open_store(home.chain)
    key, value = next(store.iterate(b"Saccounts/", b"Saccounts0"))
    batch = WriteBatch()
    batch.put(key, value + b"\0")
    store.write(batch, sync=True)
    store.close()
    before = listing(tmp_path)
    with pytest.raises(LocalError, match="state_root"):
        backup(home.path, tmp_path / "x.backup", SECRET, keys=False, cost=LOCAL_COST)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("restore", "FILE", "--home", "NODE"), "is not empty"),
        (("restore", "missing", "--home", "copy"), "missing: No such file"),
        (("restore", "CUT", "--home", "copy"), "cut short"),
        (("restore", "NEWER", "--home", "copy"), "has format 9, this release"),
        (("restore", "OTHER", "--home", "copy"), "no backup of this program"),
        (("restore", "BROKEN", "--home", "copy"), "the file was changed"),
        (("backup", "verify", "CUT"), "cut short"),
        (("restore", "FILE", "--home", "copy", "--genesis-hash", "ab" * 32), "expected 0xabab"),
        (("restore", "FILE", "--home", "copy", "--genesis-hash", "ab"), "expected 64 hex digits"),
        (("backup", "--home", "NODE", "--out", "FILE"), "exists and is not replaced"),
        (("backup", "--home", "NODE", "--out", "no/such/folder"), "Create its folder"),
        (("backup", "--home", "missing", "--out", "x"), "config.toml"),
        (("backup", "--home", "NODE", "--out", "INSIDE"), "lies in the node's data folder"),
        (("backup", "--home", "NODE", "--out", "THROUGH"), "lies in the node's data folder"),
        (("backup", "--home", "NODE", "--out", "LINK"), "LINK is a link"),
        (("backup", "--home", "NODE", "--out", "DANGLING"), "DANGLING is a link"),
        (("backup", "--home", "NODE", "--out", "x"), "x.part is a link"),
        (("backup", "--home", "NODE", "--out", "y", "--password-file", "OPEN"), "chmod 600"),
        (("backup", "--home", "NODE", "--out", "y", "--password-file", "none"), "no file none"),
        (("backup", "--home", "NODE", "--out", "y", "--password-file", "SHORT"), "8 characters"),
        (("backup", "--home", "NODE", "--out", "y", "--keys"), "cannot read NODE/keys/node.json"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_and_nothing_is_touched(
    wrong: dict[str, Path], shell: Shell, tmp_path: Path, command: tuple[str, ...], said: str
) -> None:
    before = listing(tmp_path)
    names = [str(wrong.get(word, word)) for word in command]
    assert said.replace("NODE", str(wrong["NODE"])) in shell.refusal(*names)
    assert listing(tmp_path) == before
    assert (tmp_path / "mine").read_text() == "a file of somebody"


@pytest.fixture
def wrong(
    taken: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Path]:
    """Files by what is wrong with them."""
    monkeypatch.chdir(tmp_path)
    data = taken.read_bytes()
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    contents = {
        "CUT": data[:-20],
        "NEWER": data.replace(MAGIC, b"poyong-backup-9\n"),
        "OTHER": b"not a backup at all",
        "BROKEN": bytes(changed),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "mine").write_text("a file of somebody")
    (tmp_path / "LINK").symlink_to("mine")
    (tmp_path / "DANGLING").symlink_to("nowhere")
    (tmp_path / "x.part").symlink_to("mine")
    (tmp_path / "linked").symlink_to(home.path / "data")
    for name, password, mode in (("OPEN", SECRET, 0o644), ("SHORT", "short", 0o600)):
        (tmp_path / name).write_text(password)
        (tmp_path / name).chmod(mode)
    places = {"INSIDE": home.path / "data/x.backup", "THROUGH": tmp_path / "linked/x.backup"}
    files = {name: tmp_path / name for name in contents}
    return files | places | {"FILE": taken, "NODE": home.path}


def test_a_wrong_password_is_said_at_the_first_chunk(
    taken: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POYONG_KEY_PASSWORD", "quite another password")
    before = listing(tmp_path)
    assert "the password is wrong" in shell.refusal("backup", "verify", str(taken))
    assert listing(tmp_path) == before


def test_a_chunk_of_a_kind_that_comes_later_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "later.backup"
    for chunks, said in (
        ([b"Z?"], "does not know"),
        ([b"F\xff?"], "does not know"),
        ([b"Nfence"], "fence cannot be read"),
        ([], "no rows of a chain"),
    ):
        with file.open("wb") as out:
            seal(out, chunks, SECRET, b"s" * 16, LOCAL_COST)
        with pytest.raises(LocalError, match=said):
            verify(file, SECRET)
        assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_said_before_and_while_writing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "x.backup"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = listing(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(sealed_stream, "_push", full)
        with pytest.raises(LocalError, match="the disk is full"):
            backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(LocalError, match="the disk is full"):
        backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("place", "number", "said"),
    [
        ("node.backups.sealed_stream._push", errno.EIO, "cannot write {part}: Input/output error"),
        ("os.fsync", errno.EIO, "cannot write {part}: Input/output error. Check the disk"),
        (
            "node.backups.backup_content._append",
            errno.ENOSPC,
            "cannot restore {part}: the disk is full",
        ),
        (
            "node.backups.backup_content._append",
            errno.EIO,
            "cannot restore {part}: Input/output error",
        ),
        ("node.backups.backup.sync_folder", errno.EIO, "cannot write {part}: Input/output error"),
    ],
)
def test_a_disk_that_fails_while_a_backup_is_written_or_proved_leaves_none(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    number: int,
    said: str,
) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    before = listing(tmp_path)
    out = tmp_path / "x.backup"
    monkeypatch.setattr(place, fails)
    with pytest.raises(LocalError) as caught:
        backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST)
    assert str(caught.value).startswith(said.format(part=out.with_name("x.backup.part")))
    assert listing(tmp_path) == before


def test_a_chain_that_another_command_reads_is_said(home: Home, tmp_path: Path) -> None:
    """As by a node that does not listen for its operator."""
    before = listing(tmp_path)
    with audit.opened(home.path), pytest.raises(LocalError, match="another process uses"):
        backup(home.path, tmp_path / "x.backup", SECRET, keys=False, cost=LOCAL_COST)
    assert listing(tmp_path) == before


def test_what_a_killed_backup_or_restore_left_is_removed_and_what_is_a_persons_is_not(
    home: Home, taken: Path, tmp_path: Path
) -> None:
    out, copy = tmp_path / "y.backup", tmp_path / "copy"
    (tmp_path / "y.backup.part").write_bytes(b"half of one")
    for name in (".y.backup.part.unfinished", "copy.unfinished"):
        left = tmp_path / name
        (left / "data/chain").mkdir(parents=True)
        (left / "restore.lock").touch()
        (left / "config.toml").write_text("half")
    backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST)
    restore(taken, copy, SECRET)
    assert {path.name for path in tmp_path.iterdir()} == {"node", taken.name, out.name, "copy"}
    mine = tmp_path / "other.unfinished"
    mine.mkdir()
    (mine / "thesis").touch()
    with pytest.raises(LocalError, match="not made by a restore"):
        restore(taken, tmp_path / "other", SECRET)
    assert (mine / "thesis").exists()


def test_a_variable_of_the_environment_does_not_lead_the_proof_elsewhere(
    home: Home, taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service that runs backups may have POYONG_STORAGE_PATH set, for the node."""
    (home.path / "data").rename(home.path / "elsewhere")
    monkeypatch.setenv("POYONG_STORAGE_PATH", "elsewhere")
    out = tmp_path / "z.backup"
    assert backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST).height == HEIGHT
    assert restore(taken, tmp_path / "copy", SECRET).height == HEIGHT
    assert (tmp_path / "copy/data/chain").is_dir()


def test_a_validators_folder_waits_after_a_restore_under_a_place_of_its_own(
    home: Home, tmp_path: Path
) -> None:
    config = home.path / "config.toml"
    config.write_text(
        config.read_text().replace('validator_key = ""', 'validator_key = "keys/validator.json"')
    )
    write_fence(home.path / "data", Fence(b"p" * 16, (b"k" * 32,), number=6))
    out = tmp_path / "v.backup"
    backup(home.path, out, SECRET, keys=False, cost=LOCAL_COST)
    places = set()
    for name in ("one", "two"):
        restore(out, tmp_path / name, SECRET)
        fence = read_fence(tmp_path / name / "data")
        assert fence is not None
        assert (fence.standing, fence.number, fence.keys) == (Standing.WAITING, 6, (b"k" * 32,))
        places.add(fence.place)
    assert len(places | {b"p" * 16}) == 3
