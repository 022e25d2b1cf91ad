"""The folder of a wallet: what it holds, what it refuses, and whom it lets in."""

import json
import unicodedata
from pathlib import Path

import pytest

from ledger.crypto import Ed25519Signer, Secp256k1Signer, checksum_address
from ledger.errors import LocalError
from ledger.local_accounts import ed25519_accounts, secp256k1_accounts
from ledger.primitives import Address
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.wallet import folder
from node.wallet.ethereum_keystore import ScryptCost
from node.wallet.folder import (
    AccountKind,
    Cost,
    WalletFolder,
    checked_name,
    open_secret,
    open_signer,
    read_account,
    require_key,
)
from node.wallet.phrases import Curve

PASSWORD = "correct horse"
CHEAP = Cost(keystore.LOCAL_COST, ScryptCost(2))
NATIVE, ETHEREUM = ed25519_accounts()[0], secp256k1_accounts()[0]
STRANGER = Address(b"\x77" * 20)


@pytest.fixture
def wallet(tmp_path: Path) -> WalletFolder:
    """One account of each kind."""
    opened = WalletFolder(tmp_path / "wallet", CHEAP)
    opened.add_key("native", Curve.ED25519, NATIVE.secret, PASSWORD)
    opened.add_key("ethereum", Curve.SECP256K1, ETHEREUM.secret, PASSWORD)
    opened.add_watched("watched", STRANGER)
    return opened


def test_it_holds_accounts_of_both_kinds_and_addresses(wallet: WalletFolder) -> None:
    assert [(a.name, a.kind, a.address) for a in wallet.accounts()] == [
        ("ethereum", AccountKind.SECP256K1, ETHEREUM.address),
        ("native", AccountKind.ED25519, NATIVE.address),
        ("watched", AccountKind.WATCH, STRANGER),
    ]
    assert open_secret(wallet.account("native"), PASSWORD) == (Curve.ED25519, NATIVE.secret)
    assert open_secret(wallet.account("ethereum"), PASSWORD) == (Curve.SECP256K1, ETHEREUM.secret)


def test_keys_sign_as_what_they_are(wallet: WalletFolder) -> None:
    native = open_signer(wallet.account("native"), PASSWORD)
    ethereum = open_signer(wallet.account("ethereum"), PASSWORD)
    assert isinstance(native, Ed25519Signer)
    assert isinstance(ethereum, Secp256k1Signer)
    assert native.public_key == NATIVE.signer.public_key
    assert ethereum.public_key == ETHEREUM.signer.public_key


def test_folder_and_files_belong_to_their_owner_alone(wallet: WalletFolder) -> None:
    assert wallet.path.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in wallet.path.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o704])
def test_an_open_folder_is_refused_with_the_command(wallet: WalletFolder, mode: int) -> None:
    wallet.path.chmod(mode)
    for use in (wallet.names, wallet.accounts, lambda: wallet.account("native")):
        with pytest.raises(LocalError, match="chmod 700"):
            use()


def test_an_open_file_is_refused_with_the_command(wallet: WalletFolder) -> None:
    wallet.account("native").file.chmod(0o644)
    with pytest.raises(LocalError, match="chmod 600"):
        wallet.account("native")


def test_no_secret_is_in_any_file(wallet: WalletFolder) -> None:
    content = b"".join(file.read_bytes() for file in wallet.path.iterdir())
    for secret in (NATIVE.secret, ETHEREUM.secret):
        assert secret.hex().encode() not in content
        assert secret not in content


def test_a_wrong_password_is_one_sentence_that_names_the_file(wallet: WalletFolder) -> None:
    for name in ("native", "ethereum"):
        with pytest.raises(LocalError, match=rf"{name}\.json: wrong password"):
            open_signer(wallet.account(name), "wrong horse")


def test_a_watched_account_has_no_key(wallet: WalletFolder) -> None:
    watched = wallet.account("watched")
    for use in (lambda: require_key(watched), lambda: open_signer(watched, PASSWORD)):
        with pytest.raises(LocalError, match="watched is watched only"):
            use()


def test_no_name_and_no_address_twice(wallet: WalletFolder) -> None:
    before = {file: file.read_bytes() for file in wallet.path.iterdir()}
    key = b"k" * 32
    with pytest.raises(LocalError, match="has an account 'native'"):
        wallet.add_key("native", Curve.ED25519, key, PASSWORD)
    with pytest.raises(LocalError, match="kept as 'native' already"):
        wallet.add_key("other", Curve.ED25519, NATIVE.secret, PASSWORD)
    with pytest.raises(LocalError, match="kept as 'ethereum' already"):
        wallet.add_watched("other", ETHEREUM.address)
    with pytest.raises(LocalError, match=r"watched as 'watched' already.*wallet remove watched"):
        wallet.add_watched("other", STRANGER)
    assert {file: file.read_bytes() for file in wallet.path.iterdir()} == before


def test_an_unknown_name_is_answered_with_the_nearest(wallet: WalletFolder) -> None:
    with pytest.raises(LocalError, match=r"no account 'natve'; did you mean 'native'\?"):
        wallet.account("natve")
    with pytest.raises(LocalError, match="poyong wallet list"):
        wallet.account("zzzz")


@pytest.mark.parametrize("name", ["내지갑", "a", "mine-2.old_one", "Ä" * 64])
def test_a_name_is_kept_in_one_form(wallet: WalletFolder, name: str) -> None:
    typed = unicodedata.normalize("NFD", name) if len(name) < 64 else name
    wallet.add_watched(typed, Address(b"\x01" * 20))
    assert wallet.account(typed).name == unicodedata.normalize("NFC", name)
    assert name in wallet.names()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../a", "-a", "0xab", "0XAB", "a b", "a\n", "a\0", "x" * 65]
)
def test_what_could_be_a_path_an_option_or_an_address_is_no_name(name: str) -> None:
    with pytest.raises(LocalError, match="cannot be the name of an account"):
        checked_name(name)


def test_a_removed_account_is_gone_and_the_others_stay(wallet: WalletFolder) -> None:
    wallet.remove(wallet.account("native"))
    assert wallet.names() == ["ethereum", "watched"]
    wallet.add_key("again", Curve.ED25519, NATIVE.secret, PASSWORD)


def test_there_is_a_bound(wallet: WalletFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_ACCOUNTS", 3)
    with pytest.raises(LocalError, match="3 accounts, the most allowed"):
        wallet.add_watched("one-more", Address(b"\x01" * 20))
    monkeypatch.setattr(folder, "MAX_ACCOUNTS", 2)
    with pytest.raises(LocalError, match="has 3 accounts, at most 2"):
        wallet.names()


def test_a_folder_that_is_not_there_is_an_empty_wallet(tmp_path: Path) -> None:
    assert WalletFolder(tmp_path / "none").accounts() == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("years of work", "is no file of a wallet"),
        ("[1]", "is no file of a wallet"),
        ("{}", "is no key file"),
        ('{"format": "poyong-watch-1"}', "is no watched address"),
        ('{"format": "poyong-watch-1", "address": "0x12"}', "is no watched address"),
        (
            json.dumps({"format": "poyong-watch-1", "address": checksum_address(STRANGER).lower()}),
            None,
        ),
        (
            json.dumps(
                {
                    "format": "poyong-watch-1",
                    "address": checksum_address(ETHEREUM.address).swapcase(),
                }
            ),
            "is no watched address",
        ),
        ('{"version": 3}', "is no Ethereum keystore"),
    ],
)
def test_a_file_that_is_something_else_is_named(
    tmp_path: Path, content: str, said: str | None
) -> None:
    file = tmp_path / "x.json"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    if said is None:  # digits alone: the checksum says nothing
        assert read_account(file, "x").address == STRANGER
        return
    with pytest.raises(LocalError, match=said) as caught:
        read_account(file, "x")
    assert "x.json" in str(caught.value)


def test_a_key_of_another_kind_is_no_account(tmp_path: Path) -> None:
    keystore.create_key(tmp_path / "v.json", KeyKind.VALIDATOR, PASSWORD, cost=keystore.LOCAL_COST)
    with pytest.raises(LocalError, match="of kind validator, one of kind account is needed"):
        read_account(tmp_path / "v.json", "v")


def test_an_address_that_was_swapped_in_the_file_does_not_sign(wallet: WalletFolder) -> None:
    file = wallet.account("ethereum").file
    content = json.loads(file.read_text())
    content["address"] = STRANGER.hex()
    file.write_text(json.dumps(content))
    with pytest.raises(LocalError, match="names another address"):
        open_signer(wallet.account("ethereum"), PASSWORD)
