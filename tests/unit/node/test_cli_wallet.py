"""`poyong wallet` without a node: making, bringing, showing, exporting, removing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import segno

from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.local_accounts import DEVELOPMENT_MNEMONIC, ed25519_accounts, secp256k1_accounts
from ledger.primitives import MAX_AMOUNT, UNIT
from node.cli import wallet_keys
from node.cli.output import parse_amount
from node.keys import keystore
from node.wallet import ethereum_keystore, folder
from node.wallet.ethereum_keystore import ScryptCost, read_keystore, write_keystore
from node.wallet.folder import Cost, WalletFolder
from tests.support.shell import Shell

PASSWORD = "correct horse battery"
NATIVE, ETHEREUM = ed25519_accounts()[0], secp256k1_accounts()[0]
FIRST = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
STRANGER = "0x" + "77" * 20


class Typed:
    """Standard input: lines of a pipe, or a terminal whose prompts are answered elsewhere."""

    def __init__(self, *lines: str, terminal: bool = False) -> None:
        self._lines = list(lines)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def readline(self, limit: int) -> str:
        return self._lines.pop(0)[:limit] + "\n"


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.setenv(folder.FOLDER_VARIABLE, str(tmp_path / "wallet"))
    monkeypatch.chdir(tmp_path)
    cheap = Cost(keystore.LOCAL_COST, ScryptCost(2))
    monkeypatch.setattr(WalletFolder.__init__, "__defaults__", (cheap,))
    monkeypatch.setattr(folder.write_key, "__defaults__", (cheap,))
    return Shell(capsys)


def typing(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", Typed(*lines))


def imported(shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, *options: str) -> Any:
    typing(monkeypatch, DEVELOPMENT_MNEMONIC)
    return shell.json("wallet", "import", name, "--mnemonic", *options)


# Making


def test_a_new_account_is_that_of_its_phrase(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal the phrase goes to a file; brought back it gives the same account."""
    for kind, words in (("secp256k1", 24), ("ed25519", 12)):
        made = shell.json(
            "wallet", "new", kind, "--kind", kind, "--words", str(words), "--mnemonic-file", "p",
        )  # fmt: skip
        file = Path("p")
        assert file.stat().st_mode & 0o777 == 0o600
        phrase = file.read_text()
        assert len(phrase.split()) == words
        shell.json("wallet", "remove", kind, "--yes")
        typing(monkeypatch, phrase)
        again = shell.json("wallet", "import", "again-" + kind, "--mnemonic", "--kind", kind)
        assert again["address"] == made["address"]
        assert again["path"] == made["path"]
        file.unlink()


def answer(monkeypatch: pytest.MonkeyPatch, wrong_first: int) -> list[str]:
    """A terminal whose user types the words back, at first wrongly; what was shown."""
    shown: list[str] = []
    echo = click.echo

    def seen(message: object = None, **options: Any) -> None:
        shown.append(str(message))
        echo(message, **options)

    wrong = [wrong_first * wallet_keys.CONFIRMED_WORDS]

    def prompt(question: str, **options: Any) -> str:
        assert options["hide_input"]
        words = phrase_in(shown)
        if wrong[0]:
            wrong[0] -= 1
            return "nonsense"
        return words[int(question.removeprefix("Word ")) - 1].upper()

    monkeypatch.setattr("sys.stdin", Typed(terminal=True))
    monkeypatch.setattr(click, "echo", seen)
    monkeypatch.setattr(click, "prompt", prompt)
    return shown


def phrase_in(shown: Sequence[str]) -> list[str]:
    """The numbered words on the screen."""
    lines = [line.split() for line in shown if line.startswith("   1 ") or line[2:4].strip()]
    words: dict[int, str] = {}
    for line in lines:
        if line[0].isdecimal():
            words |= {int(n): word for n, word in zip(line[::2], line[1::2], strict=True)}
    return [words[number] for number in sorted(words)]


def test_a_new_phrase_is_shown_once_and_typed_back(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = answer(monkeypatch, wrong_first=1)
    code, out, err = shell("wallet", "new", "mine", "--words", "12", "--json")
    assert code == 0, err
    phrase = " ".join(phrase_in(shown))
    assert len(phrase.split()) == 12
    assert "look again" in err
    said = set(map(str, json.loads(out).values()))  # "address" is also a word of phrases
    assert not said & set(phrase.split()), "stdout may be a file"
    assert sum(line.count(phrase.split()[0]) for line in shown) >= 1
    typing(monkeypatch, phrase)
    shell.json("wallet", "remove", "mine", "--yes")
    assert shell.json("wallet", "import", "mine", "--mnemonic")["address"] in out


def test_a_phrase_that_is_not_typed_back_makes_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, wrong_first=wallet_keys.CONFIRMATIONS)
    code, out, err = shell("wallet", "new", "mine")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("poyong: the words were not confirmed")
    assert shell.json("wallet", "list") == []


def test_a_password_is_typed_twice(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keystore.PASSWORD_VARIABLE)
    monkeypatch.setattr("sys.stdin", Typed(terminal=True))
    typed = iter(["correct horse", "corect horse"])
    monkeypatch.setattr("getpass.getpass", lambda question: next(typed))
    said = shell.refusal("wallet", "new", "mine", "--mnemonic-file", "p")
    assert "the two passwords differ" in said
    assert not Path("p").exists()


def test_without_a_terminal_no_phrase_is_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch)
    assert "--mnemonic-file" in shell.refusal("wallet", "new", "mine")


def test_a_short_password_makes_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, "short")
    said = shell.refusal("wallet", "new", "mine", "--mnemonic-file", "p")
    assert "fewer than 8" in said
    assert not Path("p").exists()


# Bringing


def test_a_phrase_gives_the_accounts_that_metamask_shows(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert imported(shell, monkeypatch, "first")["address"] == FIRST
    second = imported(shell, monkeypatch, "second", "--index", "1")
    assert second["address"] == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    third = imported(shell, monkeypatch, "third", "--path", "m/44'/60'/0'/0/2")
    assert third["address"] == "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
    native = imported(shell, monkeypatch, "native", "--kind", "ed25519")
    assert native["address"] == checksum_address(NATIVE.address)
    with_more = shell.json  # the same words with a word more are another account
    typing(monkeypatch, DEVELOPMENT_MNEMONIC, "TREZOR")
    assert with_more("wallet", "import", "p", "--mnemonic", "--passphrase")["address"] != FIRST


@pytest.mark.parametrize("prefix", ["", "0x"])
def test_a_key_in_hex(shell: Shell, monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    typing(monkeypatch, prefix + ETHEREUM.secret.hex())
    assert shell.json("wallet", "import", "mine", "--hex")["address"] == FIRST
    typing(monkeypatch, prefix + NATIVE.secret.hex())
    found = shell.json("wallet", "import", "native", "--hex", "--kind", "ed25519")
    assert found["address"] == checksum_address(NATIVE.address)


def test_a_keystore_of_another_wallet(shell: Shell, tmp_path: Path) -> None:
    """Open to others, without an address, under another password: as they come."""
    content = json.loads(write_keystore(ETHEREUM.secret, "another password", ScryptCost(2)))
    del content["address"]
    file = tmp_path / "UTC--2026"
    file.write_text(json.dumps(content))
    word = tmp_path / "word"
    word.write_text("another password\n")
    word.chmod(0o600)
    made = shell.json(
        "wallet", "import", "mine", "--keystore", str(file), "--keystore-password-file", str(word)
    )
    assert made["address"] == FIRST
    assert read_keystore(Path(made["file"]).read_bytes(), "x").open(PASSWORD) == ETHEREUM.secret


@pytest.mark.parametrize("kind", ["secp256k1", "ed25519"])
def test_an_exported_account_comes_back_elsewhere(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    made = imported(shell, monkeypatch, "mine", "--kind", kind)
    exported = shell.json("wallet", "export", "mine", "out.json")
    assert exported["format"] == ("ethereum-keystore-3" if kind == "secp256k1" else "poyong-key-1")
    assert Path("out.json").stat().st_mode & 0o777 == 0o600
    other = ("--wallet", str(tmp_path / "other"))
    again = shell.json("wallet", "import", "again", "--keystore", "out.json", *other)
    assert (again["address"], again["kind"]) == (made["address"], kind)
    assert "not replaced" in shell.refusal("wallet", "export", "mine", "out.json")


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        ([], [], "one of --mnemonic, --hex and --keystore"),
        ([], ["--mnemonic", "--hex"], "one of --mnemonic, --hex and --keystore"),
        ([], ["--hex", "--index", "1"], "belong to --mnemonic"),
        ([], ["--mnemonic", "--index", "1", "--path", "m/0"], "not both"),
        (["test " * 11 + "jnuk"], ["--mnemonic"], "word 12, 'jnuk'.*did you mean 'junk'"),
        (["test " * 12], ["--mnemonic"], "checksum is wrong"),
        ([DEVELOPMENT_MNEMONIC], ["--mnemonic", "--path", "44/60"], "is no path"),
        (
            [DEVELOPMENT_MNEMONIC],
            ["--mnemonic", "--kind", "ed25519", "--path", "m/44'/60'/0'/0/0"],
            "hardened steps only",
        ),
        (["ab"], ["--hex"], "64 hex digits"),
        (["00" * 32], ["--hex"], "no secp256k1 key"),
        ([], ["--keystore", "none.json"], "none.json"),
    ],
)
def test_what_cannot_be_brought_is_refused_in_one_sentence(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str],
    options: list[str],
    said: str,
) -> None:
    typing(monkeypatch, *lines)
    with pytest.raises(LocalError, match=said):
        raise LocalError(shell.refusal("wallet", "import", "mine", *options))
    assert shell.json("wallet", "list") == []


def test_nothing_is_brought_twice(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(shell, monkeypatch, "mine")
    typing(monkeypatch, DEVELOPMENT_MNEMONIC)
    assert "kept as 'mine' already" in shell.refusal("wallet", "import", "other", "--mnemonic")
    assert "an account 'mine'" in shell.refusal("wallet", "import", "mine", "--mnemonic")


# Showing


def test_what_needs_no_password(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(shell, monkeypatch, "mine")
    imported(shell, monkeypatch, "native", "--kind", "ed25519")
    shell.json("wallet", "watch", "friend", STRANGER)
    monkeypatch.delenv(keystore.PASSWORD_VARIABLE)
    listed = shell.json("wallet", "list")
    assert [(row["name"], row["kind"]) for row in listed] == [
        ("friend", "watch"), ("mine", "secp256k1"), ("native", "ed25519"),
    ]  # fmt: skip
    assert shell("wallet", "address", "mine")[1] == FIRST + "\n"
    assert shell.json("wallet", "show", "native")["public_key"] == NATIVE.signer.public_key.hex()
    _, table, _ = shell("wallet", "list")
    assert FIRST in table
    assert "did you mean 'native'" in shell.refusal("wallet", "show", "natve")


def test_a_qr_code_is_that_of_the_address(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(shell, monkeypatch, "mine")
    found = shell.json("wallet", "qr", "mine")
    assert found["content"] == FIRST
    code = segno.make_qr(FIRST, error="m")
    assert [[int(dot) for dot in row] for row in found["rows"]] == [
        list(row) for row in code.matrix
    ]
    _, drawn, _ = shell("wallet", "qr", FIRST.lower())
    *lines, address = drawn.splitlines()
    assert address == FIRST
    assert {len(line) for line in lines} == {len(code.matrix) + 8}
    assert set("".join(lines)) <= set(" ▀▄█")


def test_a_qr_code_may_ask_for_an_amount(shell: Shell) -> None:
    asked = ("wallet", "qr", STRANGER, "--amount", "1.5", "--chain-id", "82062")
    content = shell.json(*asked)["content"]
    assert content == f"ethereum:{STRANGER}@82062?value={15 * UNIT // 10}"
    assert "together" in shell.refusal(*asked[:-2])


def test_a_mistyped_address_is_found(shell: Shell) -> None:
    wrong = FIRST.replace("f39F", "f38F")
    assert "checksum" in shell.refusal("wallet", "watch", "friend", wrong)
    for text in ("0x12", "mine", FIRST + "0", "0xzz" + "0" * 38):
        shell.refusal("wallet", "watch", "friend", text)
    assert shell.json("wallet", "list") == []


def test_removing_asks_first(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(shell, monkeypatch, "mine")
    typing(monkeypatch)
    assert "--yes" in shell.refusal("wallet", "remove", "mine")
    assert shell.json("wallet", "remove", "mine", "--yes")["address"] == FIRST
    assert shell.json("wallet", "list") == []


def test_a_watched_account_cannot_sign_or_be_exported(shell: Shell) -> None:
    shell.json("wallet", "watch", "friend", STRANGER)
    offline = ("--nonce", "0", "--chain-id", "7", "--valid-until", "9")
    draft = shell.json("tx", "build", "transfer.send", f"to={FIRST}", "amount=1", *offline)
    Path("draft").write_text(json.dumps(draft))
    for command in (
        ("wallet", "export", "friend", "out.json"),
        ("wallet", "send", "friend", STRANGER, "1"),
        ("tx", "sign", "draft", "--key", "friend"),
    ):
        assert "watched only" in shell.refusal(*command)


# Amounts


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1.5", 15 * UNIT // 10),
        ("1,000", 1000 * UNIT),
        ("0.000000000000000001", 1),
        ("2 BJT", 2 * UNIT),
        ("1500wei", 1500),
        ("0 wei", 0),
        (f"{MAX_AMOUNT}wei", MAX_AMOUNT),
    ],
)
def test_amounts_are_exact(text: str, units: int) -> None:
    assert parse_amount(text) == units


@pytest.mark.parametrize(
    "text",
    ["", "wei", "1.5wei", "-1wei", "1e18wei", f"{MAX_AMOUNT + 1}wei", "٣wei", "9" * 99 + "wei",
     "0.0000000000000000001", "-1", "nan", "1.5 ETH"],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(LocalError, match="expected"):
        parse_amount(text)


def test_the_standard_cost_is_what_ethereums_wallets_write() -> None:
    cost = ethereum_keystore.STANDARD_COST
    assert (cost.n, cost.r, cost.p) == (262_144, 8, 1)
    assert Cost() == folder.STANDARD_COST
