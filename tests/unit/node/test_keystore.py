"""Key files: what opens them, what refuses them, and that they keep their secret."""

import json
import logging
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.errors import LocalError
from node.keys.keystore import (
    LOCAL_COST,
    STANDARD_COST,
    Cost,
    KeyKind,
    create_key,
    open_seed,
    open_signer,
    read_key_info,
    read_password,
)

SEED = bytes(range(32))
PASSWORD = "correct horse"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "validator.json"
    create_key(path, KeyKind.VALIDATOR, PASSWORD, label="GIST", seed=SEED, cost=LOCAL_COST)
    return path


def rewrite(path: Path, place: str, value: object) -> None:
    content = json.loads(path.read_text())
    *outer, last = place.split(".")
    target = content
    for name in outer:
        target = target[name]
    target[last] = value
    path.write_text(json.dumps(content))


def test_it_signs_what_its_public_key_verifies(key: Path) -> None:
    signer = open_signer(key, PASSWORD, KeyKind.VALIDATOR)
    assert signer.public_key == Ed25519Signer(SEED).public_key
    assert verify_ed25519(signer.public_key, b"vote", signer.sign(b"vote"))
    assert open_seed(key, PASSWORD, KeyKind.VALIDATOR) == SEED


def test_the_open_part_needs_no_password(key: Path) -> None:
    info = read_key_info(key)
    assert (info.kind, info.label) == (KeyKind.VALIDATOR, "GIST")
    assert info.public_key == Ed25519Signer(SEED).public_key


def test_a_key_at_standard_cost(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    made = create_key(path, KeyKind.ACCOUNT, PASSWORD)
    assert open_signer(path, PASSWORD, KeyKind.ACCOUNT).public_key == made.public_key
    kdf = json.loads(path.read_text())["kdf"]
    assert (kdf["operations"], kdf["memory_kib"]) == (
        STANDARD_COST.operations,
        STANDARD_COST.memory_kib,
    )


def test_two_files_of_one_seed_share_nothing_secret(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        create_key(tmp_path / name, KeyKind.NODE, PASSWORD, seed=SEED, cost=LOCAL_COST)
        files.append(json.loads((tmp_path / name).read_text()))
    assert files[0]["kdf"]["salt"] != files[1]["kdf"]["salt"]
    assert files[0]["cipher"] != files[1]["cipher"]


def test_file_and_folder_belong_to_their_owner(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("wrong", ["", "correct horsE", "correct horse ", "x" * 100])
def test_a_wrong_password_is_refused(key: Path, wrong: str) -> None:
    with pytest.raises(LocalError, match=r"validator\.json: wrong password, or the file was chang"):
        open_signer(key, wrong, KeyKind.VALIDATOR)


def test_the_same_korean_password_opens_from_any_system(tmp_path: Path) -> None:
    """NFC on Linux, decomposed on macOS."""
    composed = "\ube44\ubc00\ubc88\ud638\ud3ec\uc6a9\ub9c8\uc744"
    path = tmp_path / "k"
    create_key(path, KeyKind.NODE, composed, seed=SEED, cost=LOCAL_COST)
    decomposed = unicodedata.normalize("NFD", composed)
    assert decomposed != composed
    assert open_seed(path, decomposed, KeyKind.NODE) == SEED


def test_a_key_of_another_kind_is_refused(key: Path) -> None:
    with pytest.raises(LocalError, match="kind validator, one of kind node is needed"):
        open_signer(key, PASSWORD, KeyKind.NODE)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("kind", "node"),
        ("label", "someone else"),
        ("public_key", "00" * 32),
        ("kdf.operations", 2),
        ("kdf.memory_kib", 16),
        ("kdf.salt", "00" * 16),
        ("cipher.nonce", "00" * 24),
        ("cipher.ciphertext", "00" * 48),
    ],
)
def test_every_changed_field_is_noticed(key: Path, place: str, value: object) -> None:
    rewrite(key, place, value)
    kind = KeyKind.NODE if place == "kind" else KeyKind.VALIDATOR
    with pytest.raises(LocalError, match="wrong password, or the file was changed"):
        open_seed(key, PASSWORD, kind)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("format", "poyong-key-9", "has format poyong-key-9, this release .* reads poyong-key-1"),
        ("format", "another-key-1", "no key file"),
        ("kind", "wallet", "no key file"),
        ("surplus", 1, "no key file"),
        ("label", "x" * 129, "label is longer"),
        ("public_key", "zz", "public_key is not 32 bytes in hex"),
        ("kdf.salt", "00", r"kdf\.salt is not 16 bytes"),
        ("kdf.memory_kib", 2**40, r"kdf\.memory_kib is 1099511627776, expected 8 to 2097152"),
        ("kdf.operations", 0, r"kdf\.operations is 0, expected 1 to 32"),
        ("cipher.ciphertext", "00" * 47, r"cipher\.ciphertext is not 48 bytes"),
    ],
)
def test_a_malformed_file_is_named(key: Path, place: str, value: object, message: str) -> None:
    rewrite(key, place, value)
    with pytest.raises(LocalError, match=message):
        open_seed(key, PASSWORD, KeyKind.VALIDATOR)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("keys") / "k"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(LocalError, match="is no key file"):
        read_key_info(path)


def test_an_oversize_file_is_refused(key: Path) -> None:
    key.write_bytes(b" " * 20_000)
    with pytest.raises(LocalError, match="more than 16384 bytes"):
        read_key_info(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_file_open_to_others_is_refused_with_the_remedy(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(LocalError, match=rf"mode {mode:04o}\): chmod 600 .*validator\.json"):
        open_signer(key, PASSWORD, KeyKind.VALIDATOR)


def test_a_folder_where_others_write_is_refused_with_the_remedy(key: Path) -> None:
    key.parent.chmod(0o770)
    with pytest.raises(LocalError, match=r"chmod go-w .*keys"):
        open_signer(key, PASSWORD, KeyKind.VALIDATOR)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        LocalError,
        match=r"absent\.json: correct the path, or make a key with `poy",
    ):
        read_key_info(tmp_path / "absent.json")


def test_an_existing_key_is_never_replaced(key: Path) -> None:
    before = key.read_bytes()
    with pytest.raises(LocalError, match="exists and is not replaced"):
        create_key(key, KeyKind.VALIDATOR, PASSWORD, cost=LOCAL_COST)
    assert key.read_bytes() == before


def test_a_short_password_and_a_wrong_seed_make_no_file(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="fewer than 8 characters"):
        create_key(tmp_path / "k", KeyKind.NODE, "short")
    with pytest.raises(LocalError, match="32 bytes, found 31"):
        create_key(tmp_path / "k", KeyKind.NODE, PASSWORD, seed=SEED[1:], cost=LOCAL_COST)
    with pytest.raises(LocalError, match="longer than 1024 bytes"):
        create_key(tmp_path / "k", KeyKind.NODE, "x" * 1025, cost=LOCAL_COST)
    assert list(tmp_path.iterdir()) == []


def test_no_secret_is_shown(key: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        signer = open_signer(key, PASSWORD, KeyKind.VALIDATOR)
        with pytest.raises(LocalError) as refused:
            open_signer(key, PASSWORD + "!", KeyKind.VALIDATOR)
    shown = repr(signer) + str(signer) + str(refused.value) + caplog.text + key.read_text()
    assert SEED.hex() not in shown
    assert PASSWORD not in shown


def test_the_default_cost_is_no_less_than_recommended() -> None:
    """libsodium's interactive limits are 2 passes over 64 MiB."""
    assert STANDARD_COST.operations >= 2
    assert STANDARD_COST.memory_kib >= 64 * 1024
    assert Cost(1, 8) == LOCAL_COST


class TestPassword:
    """File, then environment, then prompt."""

    def file(self, folder: Path, content: bytes, mode: int = 0o600) -> Path:
        path = folder / "password"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def test_the_file_comes_first(self, tmp_path: Path) -> None:
        path = self.file(tmp_path, b"from file\r\nsecond line\n")
        environment = {"POYONG_KEY_PASSWORD": "from environment"}
        assert read_password(path, "the key", environment=environment) == "from file"

    def test_then_the_environment(self) -> None:
        environment = {"POYONG_KEY_PASSWORD": "from environment"}
        assert read_password(None, "the key", environment=environment) == "from environment"

    def test_then_the_prompt(self) -> None:
        asked = []

        def prompt(text: str) -> str:
            asked.append(text)
            return "typed"

        assert read_password(None, "the key", environment={}, prompt=prompt) == "typed"
        assert asked == ["Password for the key: "]

    def test_without_any_the_ways_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with open(os.devnull) as nothing:
            monkeypatch.setattr("sys.stdin", nothing)
            with pytest.raises(LocalError, match=r"node\.password_file .* POYONG_KEY_PASSWORD, or"):
                read_password(None, "the validator key", environment={})

    def test_a_file_open_to_others_is_refused(self, tmp_path: Path) -> None:
        path = self.file(tmp_path, b"secret", 0o644)
        with pytest.raises(LocalError, match="chmod 600"):
            read_password(path, "the key", environment={})

    def test_a_missing_or_huge_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(LocalError, match="there is no file"):
            read_password(tmp_path / "password", "the key", environment={})
        path = self.file(tmp_path, b"x" * 2_000)
        with pytest.raises(LocalError, match="more than"):
            read_password(path, "the key", environment={})
