"""Encrypted key files: argon2id for the password, XChaCha20-Poly1305 for the seed (libsodium).

A key file is JSON that names its kind, public key, derivation cost, salt and nonce; all of that is
authenticated together with the encrypted 32-byte Ed25519 seed. Files and the folder that holds them
belong to their owner alone, which is checked at every opening. Nothing here logs, prints or puts
into an error message a seed or a password. The node signs through ledger.crypto.Signer, which a
separate process or a hardware module can fill instead of `open_signer`.
"""

import getpass
import os
import secrets
import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

import msgspec
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_ABYTES as TAG_BYTES,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_NPUBBYTES as NONCE_BYTES
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from ledger import codec
from ledger.crypto import ED25519_KEY_BYTES, Ed25519Signer
from ledger.errors import LocalError
from node.files.file_formats import require_format
from node.files.private_files import read_private, write_private

PASSWORD_VARIABLE: Final = "POYONG_KEY_PASSWORD"
MIN_PASSWORD_CHARACTERS: Final = 8
MAX_PASSWORD_BYTES: Final = 1024
MAX_KEY_FILE_BYTES: Final = 16 * 1024
MAX_LABEL_CHARACTERS: Final = 128
SEED_BYTES: Final = 32
FORMAT: Final = "poyong-key-1"


class KeyKind(StrEnum):
    """What a key signs; a file of one kind never serves as another."""

    VALIDATOR = "validator"  # consensus votes
    NODE = "node"  # TLS between peers
    ACCOUNT = "account"  # native transactions


@dataclass(frozen=True, slots=True)
class Cost:
    """What each guess of a password costs: argon2id passes and memory."""

    operations: int
    memory_kib: int


STANDARD_COST: Final = Cost(operations=3, memory_kib=128 * 1024)
"""About 0.2 s a guess and 128 MiB."""
LOCAL_COST: Final = Cost(operations=1, memory_kib=8)
"""For towns on one machine, whose password is public: starts at once, protects nothing."""
MAX_COST: Final = Cost(operations=32, memory_kib=2 * 1024 * 1024)
"""A file that asks for more is refused instead of holding the node."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a key file says in the open."""

    kind: KeyKind
    public_key: bytes
    label: str


class _Kdf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Literal["argon2id"]
    operations: int
    memory_kib: int
    salt: str


class _Cipher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Literal["xchacha20-poly1305"]
    nonce: str
    ciphertext: str


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["poyong-key-1"]
    kind: KeyKind
    label: str
    public_key: str
    kdf: _Kdf
    cipher: _Cipher


def create_key(
    path: Path,
    kind: KeyKind,
    password: str,
    *,
    label: str = "",
    seed: bytes | None = None,
    cost: Cost = STANDARD_COST,
) -> KeyInfo:
    """Write a new key file; a random seed when none is given. An existing file is never replaced.

    LocalError when the file exists, the password is too short or the disk refuses.
    """
    if cost != LOCAL_COST and len(password) < MIN_PASSWORD_CHARACTERS:
        raise LocalError(f"the password has fewer than {MIN_PASSWORD_CHARACTERS} characters")
    seed = secrets.token_bytes(SEED_BYTES) if seed is None else seed
    if len(seed) != SEED_BYTES:
        raise LocalError(f"a key seed has {SEED_BYTES} bytes, found {len(seed)}")
    info = KeyInfo(kind, Ed25519Signer(seed).public_key, label[:MAX_LABEL_CHARACTERS])
    content = _encrypt(info, seed, password, cost)
    write_private(path, content, "the key file", "a key that is overwritten is lost")
    return info


def read_key_info(path: Path) -> KeyInfo:
    """The open part of a key file; needs no password. LocalError as for open_signer."""
    return _info(_read(path), path)


def open_signer(path: Path, password: str, kind: KeyKind) -> Ed25519Signer:
    """The key as a signer in this process.

    LocalError when the file is missing, open to others, malformed, of another kind, or when the
    password is wrong; the message names the file and the remedy.
    """
    return Ed25519Signer(open_seed(path, password, kind))


def open_seed(path: Path, password: str, kind: KeyKind) -> bytes:
    """The 32-byte seed itself, for what needs the raw key (TLS). Errors as open_signer."""
    content = _read(path)
    info = _info(content, path)
    if info.kind is not kind:
        raise LocalError(f"{path} is a key of kind {info.kind}, one of kind {kind} is needed here")
    cost = Cost(content.kdf.operations, content.kdf.memory_kib)
    salt = _hex(content.kdf.salt, argon2id.SALTBYTES, path, "kdf.salt")
    nonce = _hex(content.cipher.nonce, NONCE_BYTES, path, "cipher.nonce")
    ciphertext = _hex(content.cipher.ciphertext, SEED_BYTES + TAG_BYTES, path, "cipher.ciphertext")
    try:
        seed: bytes = crypto_aead_xchacha20poly1305_ietf_decrypt(
            ciphertext,
            _open_part(info, cost, salt),
            nonce,
            derive_key(password, salt, cost),
        )
    except CryptoError as error:
        raise LocalError(
            f"cannot open {path}: wrong password, or the file was changed. The password comes from "
            f"node.password_file, {PASSWORD_VARIABLE} or the prompt, in this order."
        ) from error
    if Ed25519Signer(seed).public_key != info.public_key:
        raise LocalError(f"{path}: the encrypted seed is not that of public_key; use a backup")
    return seed


def read_password(
    password_file: Path | None,
    purpose: str,
    *,
    environment: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> str:
    """Password from the file (its first line), else POYONG_KEY_PASSWORD, else a prompt.

    prompt: asks for it; by default getpass when standard input is a terminal.
    LocalError when there is none of them, or when others may read the file.
    """
    if password_file is not None:
        content = _read_private(password_file, MAX_PASSWORD_BYTES + 2)
        return content.decode(errors="surrogateescape").split("\n", 1)[0].rstrip("\r")
    if PASSWORD_VARIABLE in environment:
        return environment[PASSWORD_VARIABLE]
    if prompt is None and sys.stdin is not None and sys.stdin.isatty():
        prompt = getpass.getpass
    if prompt is None:
        raise LocalError(
            f"no password for {purpose}: set node.password_file in the configuration to a file "
            f"that only you can read, or {PASSWORD_VARIABLE}, or start in a terminal"
        )
    return prompt(f"Password for {purpose}: ")


def ask_nobody(question: str) -> str:
    """As `prompt` of read_password, for a process that runs: it has no terminal to itself."""
    raise LocalError(
        f"{question.rstrip(': ')} cannot be typed while the process runs: name a password_file in "
        f"the configuration, or start it with {PASSWORD_VARIABLE}"
    )


def _encrypt(info: KeyInfo, seed: bytes, password: str, cost: Cost) -> bytes:
    salt = secrets.token_bytes(argon2id.SALTBYTES)
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = crypto_aead_xchacha20poly1305_ietf_encrypt(
        seed, _open_part(info, cost, salt), nonce, derive_key(password, salt, cost)
    )
    content = _KeyFile(
        format="poyong-key-1",
        kind=info.kind,
        label=info.label,
        public_key=info.public_key.hex(),
        kdf=_Kdf("argon2id", cost.operations, cost.memory_kib, salt.hex()),
        cipher=_Cipher("xchacha20-poly1305", nonce.hex(), ciphertext.hex()),
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _open_part(info: KeyInfo, cost: Cost, salt: bytes) -> bytes:
    """What the cipher authenticates beside the seed."""
    return codec.encode(
        (
            "poyong-key-1",
            str(info.kind),
            info.label,
            info.public_key,
            cost.operations,
            cost.memory_kib,
            salt,
        )
    )


def derive_key(password: str, salt: bytes, cost: Cost) -> bytes:
    """32 bytes that a password and a salt give at this cost; LocalError when it is too long."""
    # The same password typed on another system may come as other code points (Korean on macOS).
    encoded = unicodedata.normalize("NFKC", password).encode(errors="surrogateescape")
    if len(encoded) > MAX_PASSWORD_BYTES:
        raise LocalError(f"the password is longer than {MAX_PASSWORD_BYTES} bytes")
    key: bytes = argon2id.kdf(
        32, encoded, salt, opslimit=cost.operations, memlimit=cost.memory_kib * 1024
    )
    return key


def _read(path: Path) -> _KeyFile:
    raw = _read_private(path, MAX_KEY_FILE_BYTES)
    require_format(raw, path, FORMAT, "Use the release that wrote it, or a backup of the key")
    try:
        content = msgspec.json.decode(raw, type=_KeyFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LocalError(f"{path} is no key file ({error!s:.200}): use a backup of it") from error
    for name, value, maximum in (
        ("operations", content.kdf.operations, MAX_COST.operations),
        ("memory_kib", content.kdf.memory_kib, MAX_COST.memory_kib),
    ):
        minimum = getattr(LOCAL_COST, name)
        if not minimum <= value <= maximum:
            raise LocalError(f"{path}: kdf.{name} is {value}, expected {minimum} to {maximum}")
    return content


def _info(content: _KeyFile, path: Path) -> KeyInfo:
    if len(content.label) > MAX_LABEL_CHARACTERS:
        raise LocalError(f"{path}: label is longer than {MAX_LABEL_CHARACTERS} characters")
    public_key = _hex(content.public_key, ED25519_KEY_BYTES, path, "public_key")
    return KeyInfo(content.kind, public_key, content.label)


def _hex(text: str, length: int, path: Path, name: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != length:
        raise LocalError(f"{path}: {name} is not {length} bytes in hex; use a backup of the file")
    return value


def _read_private(path: Path, max_bytes: int) -> bytes:
    return read_private(
        path, max_bytes, "key or password file", "make a key with `poyong keys new`"
    )
