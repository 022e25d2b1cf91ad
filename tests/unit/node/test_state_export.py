"""Exporting a stopped node's state, and what a check of the file proves: by the commands."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.crypto import sha256
from ledger.kv import WriteBatch
from ledger.primitives import UNIT
from node.state_files import state_file
from node.state_files.state_verification import proof_path
from node.store.row_keys import STATE_PREFIX
from node.store.stores import open_store
from tests.support.applied_chain import DOCUMENT
from tests.support.ledger_chain import CHAIN_ID, genesis_document
from tests.support.shell import Shell
from tests.support.stopped_homes import Home, make_home

HEIGHT = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("homes") / "node", HEIGHT)


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    """A copy that a test may spoil."""
    shutil.copytree(made.path, tmp_path / "node")
    return Home(tmp_path / "node")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def exported(home: Home, tmp_path: Path, shell: Shell) -> Path:
    out = tmp_path / "a.state"
    shell.json("state", "export", "--home", str(home.path), "--out", str(out))
    return out


def rows_of(home: Home) -> dict[bytes, bytes]:
    store = open_store(home.chain)
    prefix = len(STATE_PREFIX)
    found = {key[prefix:]: value for key, value in store.iterate(STATE_PREFIX, b"T")}
    store.close()
    return found


def put(home: Home, key: bytes, value: bytes | None) -> None:
    store, batch = open_store(home.chain), WriteBatch()
    batch.operations.append((key, value))
    store.write(batch, sync=True)
    store.close()


# Export


def test_the_file_holds_every_row_of_the_head(home: Home, exported: Path) -> None:
    assert dict(state_file.read_rows(exported)) == rows_of(home)
    found = state_file.describe(exported)
    assert (found.chain_id, found.header.height) == (CHAIN_ID, HEIGHT)


def test_exporting_twice_gives_the_same_bytes(home: Home, exported: Path, shell: Shell) -> None:
    again = exported.with_name("b.state")
    found = shell.json("state", "export", "--home", str(home.path), "--out", str(again))
    assert again.read_bytes() == exported.read_bytes()
    assert found["file_hash"] == sha256(exported.read_bytes()).hex()
    assert found["size_bytes"] == exported.stat().st_size


def test_the_chain_is_only_read(home: Home, made: Home, exported: Path) -> None:
    assert exported.exists()
    assert rows_of(home) == rows_of(made)


@pytest.mark.parametrize("ending", ["", ".proof.json"])
def test_nothing_is_overwritten(home: Home, tmp_path: Path, shell: Shell, ending: str) -> None:
    there = tmp_path / f"c.state{ending}"
    there.write_text("mine")
    command = ("state", "export", "--home", str(home.path), "--out", str(tmp_path / "c.state"))
    assert f"{there} exists and is not replaced" in shell.refusal(*command)
    assert there.read_text() == "mine"


def test_a_chain_that_another_process_holds_is_refused(home: Home, shell: Shell) -> None:
    store = open_store(home.chain)
    try:
        out = home.path / "x.state"
        found = shell.refusal("state", "export", "--home", str(home.path), "--out", str(out))
    finally:
        store.close()
    assert "another process uses the database" in found
    assert "Stop it first" in found
    assert not list(home.path.glob("x.state*"))


def test_a_chain_without_a_block_has_nothing_to_export(tmp_path: Path, shell: Shell) -> None:
    home = make_home(tmp_path / "new", 0)
    out = ("--out", str(tmp_path / "x"))
    assert "no block beyond genesis" in shell.refusal(
        "state", "export", "--home", str(home.path), *out
    )
    shutil.rmtree(home.chain)
    assert "holds no chain yet" in shell.refusal("state", "export", "--home", str(home.path), *out)


@pytest.mark.parametrize("value", [b"\x00", None])
def test_a_damaged_state_is_never_exported(home: Home, shell: Shell, value: bytes | None) -> None:
    key = next(key for key in rows_of(home) if key.startswith(b"accounts/account/"))
    put(home, STATE_PREFIX + key, value)
    out = home.path / "x.state"
    found = shell.refusal("state", "export", "--home", str(home.path), "--out", str(out))
    assert "the state rows give the root" in found
    assert "poyong doctor" in found
    assert not list(home.path.glob("x.state*")), "nothing is left behind"


def test_a_head_without_a_valid_certificate_is_never_exported(home: Home, shell: Shell) -> None:
    certificate = b"C" + HEIGHT.to_bytes(8, "big")
    store = open_store(home.chain)
    raw = store.get(certificate)
    store.close()
    assert raw is not None
    put(home, certificate, raw[:-1] + bytes([raw[-1] ^ 1]))
    out = home.path / "x.state"
    found = shell.refusal("state", "export", "--home", str(home.path), "--out", str(out))
    assert "does not prove its own head" in found
    assert not list(home.path.glob("x.state*"))


def test_another_genesis_document_is_refused(home: Home, shell: Shell) -> None:
    other = genesis_document(4, name="another town")
    Path(home.genesis).write_text(json.dumps(other), encoding="utf-8")
    out = home.path / "x.state"
    found = shell.refusal("state", "export", "--home", str(home.path), "--out", str(out))
    assert "put the right file back" in found


# Verify


def test_from_genesis_the_block_is_proven_final(home: Home, exported: Path, shell: Shell) -> None:
    found = shell.json("state", "verify", str(exported), "--genesis", home.genesis)
    assert found["final"]
    assert found["sealed_by"] == "4 of 4 validators in view 0"
    assert found["rows"] == len(rows_of(home))
    assert "from the genesis document" in found["proven"][1]
    assert any("no later block" in sentence for sentence in found["not_proven"])


def test_without_genesis_it_says_what_is_not_proven(exported: Path, shell: Shell) -> None:
    found = shell.json("state", "verify", str(exported))
    assert not found["final"]
    assert "that the file itself names" in found["proven"][1]
    assert "anybody can write such a file" in found["not_proven"][0]
    code, shown, _ = shell("state", "verify", str(exported))
    assert code == 0
    assert "NOT proven: that this is the chain you mean" in shown


def test_without_a_proof_only_the_rows_are_proven(home: Home, exported: Path, shell: Shell) -> None:
    proof_path(exported).unlink()
    found = shell.json("state", "verify", str(exported))
    assert (found["final"], found["sealed_by"], len(found["proven"])) == (False, None, 1)
    assert "is missing: without it" in shell.refusal(
        "state", "verify", str(exported), "--genesis", home.genesis
    )


def test_the_proof_is_one_that_poyong_verify_reads(
    home: Home, exported: Path, shell: Shell
) -> None:
    proof = str(proof_path(exported))
    found = shell.json("verify", proof, "--genesis", home.genesis)
    assert found["block"] == "0x" + state_file.describe(exported).header.hash.hex()


def other_rows(exported: Path, **changes: Any) -> None:
    """Write the file anew, well formed, with rows or a description of somebody's making."""
    rows = dict(state_file.read_rows(exported)) | changes.pop("rows", {})
    description = state_file.describe(exported)
    named = {name: getattr(description, name) for name in description.__dataclass_fields__}
    with state_file.writing(exported, state_file.Description(**(named | changes))) as writer:
        assert list(writer.through(sorted(rows.items())))


def test_rows_of_somebodys_making_have_another_root(exported: Path, shell: Shell) -> None:
    other_rows(exported, rows={b"accounts/account/" + b"m" * 20: UNIT.to_bytes(8, "big")})
    found = shell.refusal("state", "verify", str(exported))
    assert "the state rows give the root" in found
    assert str(exported) in found


def test_a_file_of_another_chain_is_refused(home: Home, exported: Path, shell: Shell) -> None:
    for changes, name in (
        ({"name": "another"}, "name is another"),
        ({"local": True}, "local is True"),
        ({"chain_id": 7}, "chain id is 7"),
        ({"genesis_hash": sha256(b"")}, "genesis hash is"),
    ):
        kept = state_file.describe(exported)
        other_rows(exported, **changes)
        found = shell.refusal("state", "verify", str(exported), "--genesis", home.genesis)
        assert name in found
        other_rows(exported, **{key: getattr(kept, key) for key in changes})


def spoiled(proof: Any) -> Iterator[tuple[Any, str]]:
    """(proof, reason) for each way in which a proof can be wrong."""
    chain = proof["chain"]
    certificate = chain["certificate"]
    flipped = certificate[:-1] + ("0" if certificate[-1] != "0" else "1")
    yield {**proof, "chain": {**chain, "certificate": flipped}}, "does not hold"
    yield {**proof, "chain": {**chain, "certificate": "0xc0"}}, "is no proof of a block"
    yield {**proof, "chain": None}, "is no proof of a block"
    yield [], "is no proof of a block"


def test_a_wrong_proof_is_refused_with_and_without_genesis(
    home: Home, exported: Path, shell: Shell
) -> None:
    intact = json.loads(proof_path(exported).read_text())
    for proof, reason in spoiled(intact):
        proof_path(exported).write_text(json.dumps(proof))
        for options in ((), ("--genesis", home.genesis)):
            assert reason in shell.refusal("state", "verify", str(exported), *options)
    proof_path(exported).write_text("{")
    assert "is no proof of a block" in shell.refusal("state", "verify", str(exported))


def test_a_proof_of_another_block_is_refused(
    home: Home, exported: Path, tmp_path: Path, shell: Shell
) -> None:
    shorter = make_home(tmp_path / "behind", HEIGHT - 1)
    other = tmp_path / "b.state"
    shell.json("state", "export", "--home", str(shorter.path), "--out", str(other))
    shutil.copy(proof_path(other), proof_path(exported))
    assert "it is of block" in shell.refusal("state", "verify", str(exported))
    assert "take the proof that was exported with it" in shell.refusal(
        "state", "verify", str(exported), "--genesis", home.genesis
    )


# A genesis from it


def from_state(shell: Shell, exported: Path, *options: str) -> str:
    target = exported.with_name("new.json")
    command = ("genesis", "from-state", str(target), "--state", str(exported))
    found = shell.refusal(*command, *options)
    assert not target.exists()
    return found


def test_a_wish_that_cannot_be_met_is_refused(exported: Path, shell: Shell) -> None:
    higher = ("--chain-id", str(CHAIN_ID + 1))
    assert "expected more than" in from_state(shell, exported, "--chain-id", str(CHAIN_ID))
    found = from_state(shell, exported, *higher, "--without", "o9")
    assert "no validator is called 'o9'" in found
    everybody = [word for name in ("o0", "o1", "o2", "o3") for word in ("--without", name)]
    assert "expected 1..32 validators" in from_state(shell, exported, *higher, *everybody)
    assert "governance.authority" in from_state(shell, exported, *higher, "--authority", "0x12")
    entry = exported.with_name("entry.json")
    seat = DOCUMENT.document()["validators"][0]
    entry.write_text(json.dumps(seat))
    assert "two validators share" in from_state(shell, exported, *higher, "--add", str(entry))
    entry.write_text(json.dumps({"organisation": "GIST", "node_key": seat["node_key"]}))
    assert "public_key is missing" in from_state(shell, exported, *higher, "--add", str(entry))


def test_a_damaged_file_gives_no_genesis(exported: Path, shell: Shell) -> None:
    content = bytearray(exported.read_bytes())
    content[len(content) // 2] ^= 1
    exported.write_bytes(content)
    assert "is damaged" in from_state(shell, exported, "--chain-id", str(CHAIN_ID + 1))


def test_what_is_made_is_shown_and_not_extended_by_hand(exported: Path, shell: Shell) -> None:
    target = exported.with_name("new.json")
    command = ("genesis", "from-state", str(target), "--state", str(exported))
    wanted = ("--chain-id", str(CHAIN_ID + 1), "--name", "On", "--without", "o1")
    made = shell.json(*command, *wanted)
    assert made["validators"] == ["o0", "o2", "o3"]
    assert made["state_file"] == str(target.with_suffix(".state"))
    document = shell.json("genesis", "show", str(target))
    assert document["name"] == "On"
    assert document["restart"]["height"] == HEIGHT
    assert document["restart"]["state_file_hash"] == sha256(exported.read_bytes()).hex()
    assert f"chain {CHAIN_ID} at height {HEIGHT}" in shell("genesis", "show", str(target))[1]
    assert "put the exported state" in shell.refusal("genesis", "check", str(target))
    shutil.copy(exported, target.with_suffix(".state"))
    assert shell.json("genesis", "check", str(target))["genesis_hash"] == made["genesis_hash"]
    assert "exists and is not replaced" in shell.refusal(*command, *wanted)
    added = ("--organisation", "x", "--public-key", "ab" * 32, "--node-key", "cd" * 32)
    assert "make it anew" in shell.refusal("genesis", "add-validator", str(target), *added)


def test_a_document_that_says_another_thing_than_its_file_is_refused(
    exported: Path, shell: Shell
) -> None:
    """The hash of the file is right, so somebody wrote the rest by hand."""
    target = exported.with_name("new.json")
    command = ("genesis", "from-state", str(target), "--state", str(exported))
    shell.json(*command, "--chain-id", str(CHAIN_ID + 1))
    shutil.copy(exported, target.with_suffix(".state"))
    document = json.loads(target.read_text())
    for changes in ({"height": HEIGHT + 1}, {"block_hash": "ab" * 32}, {"time_ms": 5}):
        changed = document | {"restart": document["restart"] | changes}
        target.write_text(json.dumps(changed))
        found = shell.refusal("genesis", "check", str(target))
        assert "says of the exported state what" in found
    target.write_text(json.dumps(document | {"local": True}))
    assert "says of the exported state what" in shell.refusal("genesis", "check", str(target))
