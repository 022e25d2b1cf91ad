"""What operators give by mistake, to the commands as processes: one sentence that says what to do,
an exit code, and every file and folder as it was, by name, mode, time and content."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from node import config
from node.keys.keystore import LOCAL_COST, PASSWORD_VARIABLE, KeyKind, create_key
from node.localnet.creation import PASSWORD
from node.signing.settings import PIN_VARIABLE, Pkcs11Config
from node.store.data_folder import FILE
from node.version import SOFTWARE
from tests.support.folder_holder import held
from tests.support.mistakes import (
    SECRET,
    cut,
    cut_genesis,
    damaged,
    flipped,
    gone,
    home_of,
    in_file,
    key_in_module,
    later_genesis,
    later_vote_record,
    make_scene,
    no_genesis,
    nothing,
    occupied,
    other_chain_of_newcomer,
    other_genesis,
    other_node_key,
    other_organisation,
    other_signer,
    password_of_another,
    relabelled,
)
from tests.support.refusals import differences, fingerprint, refusal
from tests.support.sealed_chain import SealedChain
from tests.support.softhsm import MODULES, PIN, UTIL
from tests.support.town_processes import base_port

pytestmark = pytest.mark.timeout(120)

START = ("start", "--home", "{home}")
DOCTOR = ("doctor", "--home", "{home}")
VERIFY = ("backup", "verify", "{at}/node.backup")
RESTORE = ("restore", "{at}/node.backup", "--home", "{at}/made/there")
RESTORE_SNAPSHOT = ("snapshot", "restore", "{at}/some.snapshot", "--home", "{at}/newcomer")
SIGNER = ("signer", "run", "--home", "{at}/signer")
BACKUP = ("backup", "--home", "{home}", "--out", "{at}/new.backup")
OF_A_STOPPED_NODE = (
    DOCTOR,
    ("state", "export", "--home", "{home}", "--out", "{at}/state"),
    ("history", "rebuild", "--home", "{home}"),
    ("export", "blocks", "--home", "{home}", "--out", "{at}/blocks"),
    ("fence", "release", "--home", "{home}", "--to", "ab" * 16),
)


@dataclass(frozen=True)
class Case:
    """A mistake, and the commands that meet it. says: parts of the sentence of each."""

    mistake: Callable[[Path], None]
    commands: tuple[tuple[str, ...], ...]
    says: tuple[str, ...]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    held: bool = False
    """Others use the folders."""
    examines: bool = False
    """The database is sound and is examined, and an engine writes to its folder when it opens."""


CASES = {
    # A wrong genesis
    "another genesis": Case(
        other_genesis,
        (START, BACKUP, *OF_A_STOPPED_NODE),
        ("holds the chain of genesis document", "put the right file back"),
    ),
    "no genesis": Case(no_genesis, (START, DOCTOR), ("cannot read the genesis file",)),
    "half a genesis": Case(cut_genesis, (START, DOCTOR), ("genesis.json", "not JSON")),
    "a genesis of a later release": Case(
        later_genesis, (START, DOCTOR), ("has genesis format 2, this release reads 1",)
    ),
    "a signer of another chain": Case(
        other_signer, (SIGNER,), ("last-signed is of another chain", "put those of the file back")
    ),
    # A wrong snapshot
    "no snapshot": Case(damaged("some.snapshot", gone), (RESTORE_SNAPSHOT,), ("cannot read",)),
    "what is no snapshot": Case(
        damaged("some.snapshot", lambda data: b"x" * 100), (RESTORE_SNAPSHOT,), ("is no snapshot",)
    ),
    "half a snapshot": Case(
        damaged("some.snapshot", cut), (RESTORE_SNAPSHOT,), ("damaged or cut short",)
    ),
    "a changed snapshot": Case(
        damaged("some.snapshot", flipped(250)), (RESTORE_SNAPSHOT,), ("does not hold",)
    ),
    "a snapshot of another chain": Case(
        other_chain_of_newcomer, (RESTORE_SNAPSHOT,), ("some.snapshot", "another chain")
    ),
    "a snapshot for a node that has a chain": Case(
        nothing,
        (("snapshot", "restore", "{at}/some.snapshot", "--home", "{home}"),),
        ("holds a chain already", "name another folder"),
    ),
    # A wrong backup
    "a wrong backup password": Case(
        nothing,
        (VERIFY, RESTORE),
        ("the password is wrong or the file was changed",),
        environment={PASSWORD_VARIABLE: "not the password"},
    ),
    "no backup password": Case(
        nothing,
        (VERIFY, RESTORE, BACKUP),
        ("no password for the backup",),
        environment={PASSWORD_VARIABLE: None},
    ),
    "a backup password that is too short": Case(
        nothing, (BACKUP,), ("8 characters or more",), environment={PASSWORD_VARIABLE: "short"}
    ),
    "no backup": Case(damaged("node.backup", gone), (VERIFY, RESTORE), ("node.backup",)),
    "what is no backup": Case(
        damaged("node.backup", lambda data: b"x" * 100), (VERIFY, RESTORE), ("is no backup",)
    ),
    "half a backup": Case(damaged("node.backup", cut), (VERIFY, RESTORE), ("cut short",)),
    "a changed backup": Case(
        damaged("node.backup", flipped(-60)), (VERIFY, RESTORE), ("the file was changed",)
    ),
    "a backup of a later release": Case(
        damaged("node.backup", lambda data: data.replace(b"backup-1", b"backup-2", 1)),
        (VERIFY, RESTORE),
        ("has format 2, this release",),
    ),
    "a backup of another chain": Case(
        nothing,
        tuple((*words, "--genesis-hash", "ab" * 32) for words in (VERIFY, RESTORE)),
        ("of the chain with genesis hash", "expected 0x" + "ab" * 32),
    ),
    "a backup into what is there": Case(
        occupied, (RESTORE,), ("is not empty", "restore into a new folder")
    ),
    "a backup onto a backup": Case(
        nothing, (("backup", "--home", "{home}", "--out", "{at}/node.backup"),), ("exists and is",)
    ),
    # What a later release wrote
    "a data folder of a later release": Case(
        relabelled(format="poyong-data-2", more=1),
        (START, BACKUP, *OF_A_STOPPED_NODE),
        ("poyong-data-2", SOFTWARE, "'poyong/7.0.0' wrote it: start that release"),
    ),
    "a database of a later release": Case(
        relabelled(store=4),
        (START, BACKUP, *OF_A_STOPPED_NODE),
        ("the database in", SOFTWARE, "'poyong/7.0.0' wrote it: start that release"),
    ),
    "a vote record of a later release, by the label": Case(
        relabelled(votes=2), (START, DOCTOR), ("the vote record in", SOFTWARE)
    ),
    "a vote record of a later release": Case(
        later_vote_record,
        (START,),
        ("has format 2, this release", "must not vote without what it has voted"),
    ),
    "a key file of a later release": Case(
        in_file("keys/validator.json", "poyong-key-1", "poyong-key-2"),
        (START,),
        ("reads poyong-key-1",),
    ),
    "a configuration of a later release": Case(
        in_file(config.CONFIG_FILE, "format = 1", "format = 2"),
        (START, DOCTOR, BACKUP),
        ("has format 2, this release",),
    ),
    # What belongs to another node
    "configuration and keys of another node": Case(
        other_organisation,
        (
            START,
            DOCTOR,
            ("fence", "release", "--home", "{home}", "--to", "ab" * 16),
            ("fence", "take", "--home", "{home}", "--without-token"),
        ),
        ("the votes in", "put this node's own configuration and keys back"),
    ),
    "a node key that the chain does not know": Case(
        other_node_key,
        (DOCTOR,),
        ("the chain names the node key", "put this node's own keys back"),
        examines=True,
    ),
    # A folder in use
    "a second node, or a tool, on a folder in use": Case(
        nothing,
        (START, *OF_A_STOPPED_NODE),
        ("another process uses the",),
        held=True,
    ),
    "the right to sign of a folder in use": Case(
        nothing,
        (("fence", "take", "--home", "{home}", "--without-token"),),
        ("stop the node first",),
        held=True,
    ),
    "restored onto a folder in use": Case(
        nothing,
        (
            ("restore", "{at}/node.backup", "--home", "{home}"),
            ("snapshot", "restore", "{at}/some.snapshot", "--home", "{home}"),
        ),
        ("{home}",),
        held=True,
    ),
    "a folder in which a node begins with a snapshot": Case(
        nothing,
        (RESTORE_SNAPSHOT, ("start", "--home", "{at}/newcomer")),
        ("another process begins a node in", "stop it first"),
        environment={"POYONG_SNAPSHOTS_JOIN": "true"},
        held=True,
    ),
    "a second signer on a folder in use": Case(
        nothing, (SIGNER,), ("one signer runs on a folder at a time",), held=True
    ),
    # Passwords, modes, options
    "a wrong password": Case(
        password_of_another, (START,), ("wrong password", "node.password_file")
    ),
    "no password": Case(
        in_file(config.CONFIG_FILE, 'password_file = "keys/password"', 'password_file = ""'),
        (START,),
        (PASSWORD_VARIABLE,),
        environment={PASSWORD_VARIABLE: None},
    ),
    "a key file that others can read": Case(
        lambda at: (home_of(at) / "keys/node.json").chmod(0o644),
        (START,),
        ("chmod 600 {home}/keys/node.json",),
    ),
    "a misspelt option": Case(
        in_file(config.CONFIG_FILE, "base_timeout_ms", "base_timout_ms"),
        (START, DOCTOR),
        ("base_timout_ms", "'base_timeout_ms'", "{home}/config.toml"),
    ),
    "a misspelt section": Case(
        in_file(config.CONFIG_FILE, "[mempool]", "[mempol]"), (START,), ("mempool",)
    ),
    "a value out of bounds in the environment": Case(
        nothing,
        (START,),
        ("POYONG_CONSENSUS_BASE_TIMEOUT_MS",),
        environment={"POYONG_CONSENSUS_BASE_TIMEOUT_MS": "-1"},
    ),
    "a configuration that is no TOML": Case(
        damaged("home/config.toml", lambda _: b"\xff\xfe[node"),
        (START, DOCTOR),
        ("{home}/config.toml",),
    ),
    "a folder that is no home": Case(
        nothing, (("start", "--home", "{at}/nowhere"),), ("poyong init",)
    ),
    "python without assertions": Case(nothing, (START,), ("without -O",), flags=("-O",)),
    "API keys are asked for and there are none": Case(
        nothing,
        (START,),
        ("poyong keys api-key new",),
        environment={"POYONG_RPC_REQUIRE_KEY": "true"},
    ),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("original")
    make_scene(at, base_port())
    return at


@pytest.fixture
def at(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "at")


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_one_sentence_and_changes_nothing(at: Path, name: str) -> None:
    case = CASES[name]
    case.mistake(at)
    environment = {PASSWORD_VARIABLE: SECRET, **case.environment}
    with ExitStack() as until_asked:
        if case.held:
            until_asked.enter_context(held(at))
        before = fingerprint(at)
        for words in case.commands:
            filled = [word.format(at=at, home=home_of(at)) for word in words]
            said = refusal(filled, environment, case.flags)
            for part in case.says:
                assert part.format(at=at, home=home_of(at)) in " ".join(said.split()), said
            assert SECRET not in said
            assert "not the password" not in said
            touched = differences(before, fingerprint(at))
            assert [name for name in touched if not case.examines or "/chain" not in name] == []
        # With --json there is the same sentence.
        assert said.splitlines()[0] in refusal([*filled, "--json"], environment, case.flags)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """SOFTHSM2_CONF of a token with keys, and the public key of "validator"."""
    folder = tmp_path_factory.mktemp("token")
    # In a process of its own: it sets SOFTHSM2_CONF for all that comes after.
    program = "import pathlib, sys; from tests.support.softhsm import make_token; "
    program += "print(make_token(pathlib.Path(sys.argv[1]))[1].hex())"
    made = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    return str(folder / "softhsm2.conf"), made.stdout.strip()


@pytest.mark.skipif(
    UTIL is None or not MODULES, reason="softhsm2-util is missing (Debian: softhsm2)"
)
@pytest.mark.parametrize(
    ("named", "pin", "says"),
    [
        ({"slot": 12_345}, PIN, "token 'votes' in slot 12345: expected one such token"),
        ({"token": "vote"}, PIN, "'votes' in slot"),
        ({}, "wrong-pin", "refuses the PIN of token 'votes': correct it before the module locks"),
        ({}, None, "no PIN for the token 'votes': set [pkcs11] pin_file"),
        ({"module": "/nowhere.so"}, PIN, "cannot load /nowhere.so"),
        ({"key_label": "missing"}, PIN, "expected one private key 'missing' in the token, found 0"),
        ({"key_label": "other"}, PIN, "signs for another public key"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_module_that_is_not_as_named(
    at: Path, token: tuple[str, str], named: dict[str, Any], pin: str | None, says: str
) -> None:
    conf, public_key = token
    module = Pkcs11Config(module=str(MODULES[0]), token="votes", key_label="validator")
    key_in_module(at, replace(module, **named), public_key)
    environment = {PASSWORD_VARIABLE: PASSWORD, PIN_VARIABLE: pin, "SOFTHSM2_CONF": conf}
    before = fingerprint(at)
    for words in (START, SIGNER):
        said = refusal([word.format(at=at, home=home_of(at)) for word in words], environment)
        assert says in said
        assert pin is None or pin not in said
        assert differences(before, fingerprint(at)) == []


@pytest.mark.parametrize("section", ["network", "metrics", "rpc"])
def test_a_taken_port_names_the_option(at: Path, section: str) -> None:
    """Found out when everything is open: the database may have been written to."""
    settings = config.load(home_of(at) / config.CONFIG_FILE, {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {
            f"POYONG_{each.upper()}_PORT": str(port) if each == section else "0"
            for each in ("network", "metrics", "rpc")
        }
        said = refusal(["start", "--home", str(settings.home)], environment)
    assert str(port) in said
    assert section in said


def test_a_file_of_api_keys_that_is_none_or_that_others_can_write(at: Path) -> None:
    file = home_of(at) / "keys/api-keys.json"
    environment = {"POYONG_RPC_API_KEYS": "keys/api-keys.json"}
    words = ["start", "--home", str(home_of(at))]
    assert "poyong keys api-key new" in refusal(words, environment)
    file.write_text('{"keys": [{"name": "exchange"}]}')
    file.chmod(0o600)
    assert str(file) in refusal(words, environment)
    file.chmod(0o666)
    assert f"chmod 600 {file}" in refusal(words, environment)


def test_a_new_key_goes_on_with_the_record_and_a_lost_label_is_written_anew(at: Path) -> None:
    """What looks like a mistake and is none."""
    home = home_of(at)
    (home / "data" / FILE).unlink()
    with SealedChain(home, at / "other"):
        assert json.loads((home / "data" / FILE).read_bytes())["software"] == SOFTWARE
    (home / "keys/validator.json").unlink()
    create_key(home / "keys/validator.json", KeyKind.VALIDATOR, PASSWORD, cost=LOCAL_COST)
    with SealedChain(home, at / "other"):
        assert json.loads((home / "data" / FILE).read_bytes())["organisation"] == ""
