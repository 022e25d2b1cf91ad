"""Commands that need no running node: what they make is what the node reads."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ledger.errors import LocalError
from ledger.local_accounts import ed25519_accounts
from ledger.message_registry import Field, Kind, MessageType
from ledger.primitives import UNIT
from node import cli, config, parent
from node.cli.message_fields import body_of
from node.keys import keystore
from node.keys.keystore import KeyKind, open_seed
from node.localnet import creation, layout
from node.localnet.creation import Wish
from tests.support.shell import Shell

PASSWORD = "correct horse battery"
MNEMONIC = "test test test test test test test test test test test junk"


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, PASSWORD)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of the tree."""
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command, (*path, name))
    else:
        yield path


def find(path: tuple[str, ...]) -> click.Command:
    found: click.Command = cli.root
    for name in path:
        assert isinstance(found, click.Group)
        command = found.get_command(click.Context(found), name)
        assert command is not None
        found = command
    return found


@pytest.mark.parametrize("path", list(commands(cli.root)), ids=" ".join)
def test_every_command_has_json_and_says_what_it_does(path: tuple[str, ...]) -> None:
    command = find(path)
    assert "as_json" in {parameter.name for parameter in command.params}
    assert command.help


def test_a_node_from_init_to_a_checked_genesis(shell: Shell, tmp_path: Path) -> None:
    """init -> genesis new -> add-validator -> check -> doctor, as docs/operating.md has it."""
    home, document = tmp_path / "node", tmp_path / "genesis.json"
    entry = shell.json("init", "--home", str(home), "--organisation", "GIST")["entry"]
    shell.json("genesis", "new", str(document), "--chain-id", "7", "--name", "Test")
    added = shell.json(
        "genesis", "add-validator", str(document),
        "--organisation", entry["organisation"],
        "--public-key", entry["public_key"], "--node-key", entry["node_key"],
    )  # fmt: skip
    assert added["validators"] == 1
    shown = shell.json("genesis", "show", str(document))
    assert shown["validators"] == [entry]
    checked = shell.json("genesis", "check", str(document))
    assert checked["supply"] == "0"
    document.rename(home / "genesis.json")
    healthy = shell.json("doctor", "--home", str(home))
    assert healthy["ok"] is True
    assert "seat 0" in next(c["found"] for c in healthy["checks"] if c["check"] == "keys")
    assert config.load(home / config.CONFIG_FILE, {}).is_validator


def test_init_never_replaces_a_node(shell: Shell, tmp_path: Path) -> None:
    shell.json("init", "--home", str(tmp_path), "--organisation", "GIST", "--observer")
    assert "exists" in shell.refusal("init", "--home", str(tmp_path), "--organisation", "GIST")


def test_the_same_seat_twice_is_refused_and_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    document = tmp_path / "genesis.json"
    shell.json("genesis", "new", str(document), "--chain-id", "7", "--name", "Test")
    add = ("genesis", "add-validator", str(document), "--organisation", "A")
    shell.json(*add, "--public-key", "11" * 32, "--node-key", "22" * 32)
    before = document.read_bytes()
    shell.refusal(*add, "--public-key", "11" * 32, "--node-key", "33" * 32)
    assert document.read_bytes() == before
    assert "64 hex digits" in shell.refusal(*add, "--public-key", "11", "--node-key", "33" * 32)


def test_a_new_key_opens_with_its_password(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    made = shell.json("keys", "new", str(file), "--kind", "account", "--label", "mine")
    assert shell.json("keys", "show", str(file)) == made
    assert made["address"].startswith("0x")
    assert len(open_seed(file, PASSWORD, KeyKind.ACCOUNT)) == 32
    assert not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    assert "not replaced" in shell.refusal("keys", "new", str(file), "--kind", "account")


def test_a_key_is_imported_from_hex_or_mnemonic(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ed25519_accounts()[0]
    for name, text, options in (
        ("hex", account.secret.hex(), ()),
        ("words", MNEMONIC, ("--mnemonic", "--path", account.path)),
    ):
        monkeypatch.setattr("sys.stdin", Typed(text))
        made = shell.json("keys", "import", str(tmp_path / name), "--kind", "account", *options)
        assert made["public_key"] == account.signer.public_key.hex()


class Typed:
    """Standard input of a pipe."""

    def __init__(self, text: str) -> None:
        self._text = text

    def isatty(self) -> bool:
        return False

    def readline(self, limit: int) -> str:
        return self._text[:limit]


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "correct horse"])
def test_a_wrong_secret_is_refused_without_repeating_it(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for options in ((), ("--mnemonic",)):
        monkeypatch.setattr("sys.stdin", Typed(text))
        file = tmp_path / "key.json"
        said = shell.refusal("keys", "import", str(file), "--kind", "node", *options)
        assert not text or text not in said
        assert not file.exists()


def test_doctor_names_what_is_wrong(shell: Shell, tmp_path: Path) -> None:
    town = creation.prepare(tmp_path, Wish(1, base_port=23_000))
    home = tmp_path / town.nodes[0].name
    (home / "keys" / "validator.json").chmod(0o644)
    (home / "genesis.json").write_text("{}", encoding="utf-8")
    code, out, err = shell("doctor", "--home", str(home), "--json")
    assert code == cli.EXIT_FAILED
    assert "checks failed" in err
    wrong = {check["check"] for check in json.loads(out)["checks"] if not check["ok"]}
    assert {"owner only", "genesis", "keys"} == wrong


def test_commands_of_a_town_that_is_not_there_say_so(shell: Shell, tmp_path: Path) -> None:
    for command in ("status", "down"):
        assert "town" in shell.refusal("town", command, "--dir", str(tmp_path))


def test_a_town_that_does_not_run_has_no_process_ids(shell: Shell, tmp_path: Path) -> None:
    """Even where a killed town left the files."""
    made = layout.plan(1, "", 24_300)
    layout.save(tmp_path, made)
    (tmp_path / made.nodes[0].name).mkdir()
    (tmp_path / made.nodes[0].name / layout.PID_FILE).write_text("4242\n", encoding="ascii")
    code, out, _ = shell("town", "status", "--dir", str(tmp_path), "--json")
    assert code == 0
    assert [node["pid"] for node in json.loads(out)["nodes"]] == [None, None]
    assert "4242" not in shell("town", "status", "--dir", str(tmp_path))[1]


def test_town_refuses_a_folder_that_holds_something_else(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    for fresh in ((), ("--fresh",)):
        assert "--dir" in shell.refusal("town", "up", "--dir", str(tmp_path), *fresh)
    assert (tmp_path / "thesis.txt").exists()


ROW = (Field("a", Kind.TEXT, "a"), Field("b", Kind.UINT64, "b"))
FIELDS = MessageType(
    "test.all",
    "One of each.",
    (
        Field("to", Kind.ADDRESS, "receiver"),
        Field("amount", Kind.AMOUNT, "how much"),
        Field("round", Kind.UINT64, "number"),
        Field("memo", Kind.OPTIONAL_HASH, "document"),
        Field(
            "rows", Kind.LIST, "more", 4, (Field("a", Kind.TEXT, "a"), Field("b", Kind.UINT64, "b"))
        ),
    ),
)
GOOD = ("to=0x" + "ab" * 20, "amount=1.5", "round=7", 'rows=[["x", 1]]')


def test_fields_are_read_by_their_kind() -> None:
    decoded = FIELDS.decode(body_of(FIELDS, GOOD))
    assert decoded == (b"\xab" * 20, 3 * UNIT // 2, 7, b"", (("x", 1),))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (GOOD[1:], "to is missing"),
        ((*GOOD, "colour=red"), "no field colour"),
        ((*GOOD, "round=8"), "round is given twice"),
        (("to=0xab", *GOOD[1:]), "to"),
        (("to=0xAb" + "ab" * 19, *GOOD[1:]), "to: expected"),
        ((GOOD[0], "amount=x", *GOOD[2:]), "amount: expected tokens"),
        ((*GOOD[:2], "round=-1", GOOD[3]), "round"),
        ((*GOOD[:3], "rows=[1]"), "rows"),
        ((*GOOD[:3], "rows={"), "rows"),
        ((*GOOD[:3], "rows"), "NAME=VALUE"),
    ],
)
def test_a_wrong_field_is_named(arguments: tuple[str, ...], named: str) -> None:
    with pytest.raises(LocalError, match=named):
        body_of(FIELDS, arguments)


def test_a_node_whose_parent_is_gone_does_not_start() -> None:
    with pytest.raises(LocalError, match="is gone"):
        parent.end_with(2**22 + 1)


def test_a_validator_key_signs_probes_and_no_other_transaction(
    shell: Shell, tmp_path: Path
) -> None:
    key = tmp_path / "validator.json"
    made = shell.json("keys", "new", str(key), "--kind", "validator")
    offline = ("--nonce", "0", "--chain-id", "7", "--valid-until", "9")
    messages = {
        "validators.probe": (
            f"public_key=0x{made['public_key']}",
            "height=1",
            "state_root=0x" + "ab" * 32,
        ),
        "transfer.send": ("to=0x" + "ab" * 20, "amount=1"),
    }
    for name, fields in messages.items():
        code, out, _ = shell("tx", "build", name, *fields, *offline)
        assert code == 0
        (tmp_path / name).write_text(out, encoding="utf-8")
    signed = ("tx", "sign", str(tmp_path / "validators.probe"), "--key", str(key))
    assert shell.json(*signed)["raw"].startswith("0x98")
    refused = ("tx", "sign", str(tmp_path / "transfer.send"), "--key", str(key))
    assert "one of kind account is needed" in shell.refusal(*refused)
