"""Keystores of version 3: the definition's own vectors, and what is refused."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto import SECP256K1_ORDER
from ledger.errors import LocalError
from ledger.local_accounts import secp256k1_accounts
from node.wallet.ethereum_keystore import (
    MAX_MEMORY_BYTES,
    ScryptCost,
    read_keystore,
    write_keystore,
)

CHEAP = ScryptCost(2)
PASSWORD = "correct horse"
SECRET = secp256k1_accounts()[0].secret

VECTOR_PASSWORD = "testpassword"
VECTOR_SECRET = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
PBKDF2: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
SCRYPT: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "p": 8,
            "r": 1,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
"""The two vectors of the Web3 Secret Storage Definition."""


def opened(document: object, password: str = PASSWORD) -> bytes:
    return read_keystore(json.dumps(document).encode(), "x.json").open(password)


def made(**changes: object) -> dict[str, Any]:
    """A cheap keystore of SECRET, changed at dotted places."""
    document: dict[str, Any] = json.loads(write_keystore(SECRET, PASSWORD, CHEAP))
    for place, value in changes.items():
        *outer, last = place.split("__")
        target = document
        for name in outer:
            target = target[name]
        target[last] = value
    return document


@pytest.mark.parametrize("vector", [PBKDF2, SCRYPT], ids=["pbkdf2", "scrypt"])
def test_the_definitions_vectors_open(vector: dict[str, Any]) -> None:
    assert opened(vector, VECTOR_PASSWORD).hex() == VECTOR_SECRET


def test_the_vectors_do_not_open_with_another_password() -> None:
    with pytest.raises(LocalError, match="wrong password"):
        opened(PBKDF2, VECTOR_PASSWORD + "!")


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, SECP256K1_ORDER - 1).map(lambda number: number.to_bytes(32, "big")),
    st.text(min_size=8, max_size=20),
)
def test_what_was_written_opens_again(secret: bytes, password: str) -> None:
    written = write_keystore(secret, password, CHEAP)
    assert read_keystore(written, "x").open(password) == secret
    assert secret.hex() not in written.decode()


def test_a_file_names_the_address_in_the_open_as_other_wallets_expect() -> None:
    document = made()
    assert document["address"] == secp256k1_accounts()[0].address.hex()
    assert document["version"] == 3
    assert read_keystore(json.dumps(document).encode(), "x").address == (
        secp256k1_accounts()[0].address
    )
    assert opened(made(address="0x" + document["address"])) == SECRET


def test_two_files_of_one_key_share_nothing_secret() -> None:
    first, second = made(), made()
    assert first["id"] != second["id"]
    for name in ("ciphertext", "mac", "kdfparams", "cipherparams"):
        assert first["crypto"][name] != second["crypto"][name]


def test_a_password_opens_however_the_keyboard_composes_it() -> None:
    typed = "비밀번호를 길게"
    written = json.loads(write_keystore(SECRET, unicodedata.normalize("NFD", typed), CHEAP))
    assert opened(written, unicodedata.normalize("NFC", typed)) == SECRET


def test_the_capital_letter_of_some_wallets_is_read() -> None:
    document = made()
    document["Crypto"] = document.pop("crypto")
    assert opened(document) == SECRET


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 1}, "no Ethereum keystore of version 3"),
        ({"crypto": 5}, "no Ethereum keystore"),
        ({"crypto__cipher": "aes-256-ctr"}, "no Ethereum keystore"),
        ({"crypto__kdf": "argon2id"}, "no Ethereum keystore"),
        ({"crypto__kdfparams__n": 3}, "n is a power of 2"),
        ({"crypto__kdfparams__n": 0}, "kdfparams.n: expected 1"),
        ({"crypto__kdfparams__n": 1}, "kdfparams.n: expected a power of 2"),
        ({"crypto__kdfparams__n": True}, "kdfparams.n"),
        ({"crypto__kdfparams__n": 2**24, "crypto__kdfparams__r": 8}, "is refused"),
        ({"crypto__kdfparams__p": 2**24}, "is refused"),
        ({"crypto__kdfparams__dklen": 64}, "dklen: expected 32"),
        ({"crypto__kdfparams__salt": "zz"}, "kdfparams.salt"),
        ({"crypto__kdfparams__salt": "00" * 65}, "kdfparams.salt"),
        ({"crypto__kdf": "pbkdf2", "crypto__kdfparams": {"c": 10**9}}, "kdfparams.c"),
        (
            {"crypto__kdf": "pbkdf2", "crypto__kdfparams": {"c": 1, "prf": "hmac-md5"}},
            "prf: expected hmac-sha256",
        ),
        ({"crypto__ciphertext": "00" * 31}, "ciphertext: expected 32 bytes"),
        ({"crypto__cipherparams__iv": "00"}, "iv: expected 16 bytes"),
        ({"crypto__mac": "00" * 32}, "wrong password, or the file was changed"),
        ({"crypto__ciphertext": "00" * 32}, "wrong password, or the file was changed"),
        ({"address": "11" * 20}, "names another address"),
        ({"address": "11"}, "address: expected 20 bytes"),
    ],
)
def test_a_file_that_is_wrong_says_where(changes: dict[str, object], said: str) -> None:
    with pytest.raises(LocalError, match=said):
        opened(made(**changes))


def test_a_file_cannot_ask_for_more_memory_than_is_allowed() -> None:
    """Refused when it is read: no password is asked for, nothing is allocated."""
    asks = made(crypto__kdfparams__n=2**20, crypto__kdfparams__r=16)
    assert MAX_MEMORY_BYTES < 128 * 2**20 * 16
    with pytest.raises(LocalError, match="is refused"):
        read_keystore(json.dumps(asks).encode(), "x")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"[" * 100_000, b"{}", b"nonsense"])
def test_what_is_no_keystore_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(LocalError, match="x is no Ethereum keystore of version 3"):
        read_keystore(content, "x")


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(LocalError, match="fewer than 8"):
        write_keystore(SECRET, "short", CHEAP)
    with pytest.raises(LocalError, match="longer than"):
        write_keystore(SECRET, "x" * 2000, CHEAP)
    for secret in (bytes(32), SECP256K1_ORDER.to_bytes(32, "big"), b"k"):
        with pytest.raises(LocalError, match="no secp256k1 key"):
            write_keystore(secret, PASSWORD, CHEAP)
