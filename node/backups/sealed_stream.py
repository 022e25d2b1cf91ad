"""An encrypted file of chunks: argon2id for the password, libsodium's secretstream for the chunks.

Layout: 16 bytes of magic, argon2id passes and memory in KiB (4 bytes each, big-endian), salt,
secretstream header; then chunks, each a 4-byte big-endian length and its ciphertext. The stream
authenticates every chunk, their order and their end; the first chunk is bound to the open part.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from nacl import bindings
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from ledger.errors import LocalError
from node.files.file_formats import LATER_RELEASE
from node.keys.keystore import (
    LOCAL_COST,
    MAX_COST,
    MIN_PASSWORD_CHARACTERS,
    STANDARD_COST,
    Cost,
    derive_key,
)
from node.version import other_format

_MAGIC_STEM: Final = b"poyong-backup-"
MAGIC: Final = _MAGIC_STEM + b"1\n"
MAX_CHUNK_BYTES: Final = 64 * 1024 * 1024
"""A chunk holds at least one row whole; no row comes near this."""

_COST: Final = struct.Struct(">II")
_LENGTH: Final = struct.Struct(">I")
_OPEN_BYTES: Final = len(MAGIC) + _COST.size + argon2id.SALTBYTES
_HEADER_BYTES: Final = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_TAG_BYTES: Final = bindings.crypto_secretstream_xchacha20poly1305_ABYTES
_FINAL: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_CUT: Final = "the file is cut short: take another copy of the backup"


def require_password(password: str) -> None:
    """LocalError when the password is too short for a new file."""
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise LocalError(
            f"the password of a backup needs {MIN_PASSWORD_CHARACTERS} characters or more, found "
            f"{len(password)}: choose a longer one"
        )


def seal(
    out: IO[bytes], chunks: Iterable[bytes], password: str, salt: bytes, cost: Cost = STANDARD_COST
) -> None:
    """Write `chunks` to `out`, encrypted. salt: argon2id.SALTBYTES random bytes.

    LocalError when the password is too short.
    """
    require_password(password)
    opened = MAGIC + _COST.pack(cost.operations, cost.memory_kib) + salt
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = bindings.crypto_secretstream_xchacha20poly1305_init_push(
        state, derive_key(password, salt, cost)
    )
    out.write(opened + header)
    for chunk in chunks:
        _push(out, state, chunk, opened, _MESSAGE)
    _push(out, state, b"", opened, _FINAL)


def _push(out: IO[bytes], state: Any, chunk: bytes, opened: bytes, tag: int) -> None:
    sealed = bindings.crypto_secretstream_xchacha20poly1305_push(state, chunk, opened, tag)
    out.write(_LENGTH.pack(len(sealed)) + sealed)


def unseal(file: IO[bytes], password: str) -> Iterator[bytes]:
    """The chunks of a sealed file, in order; each is authentic when it is given out.

    LocalError when it is no such file, when the password is wrong, and when it was changed, cut
    short or continued. What came before is authentic, but only the end says that it is all.
    """
    opened, header = file.read(_OPEN_BYTES), file.read(_HEADER_BYTES)
    if opened.startswith(_MAGIC_STEM) and opened[: len(MAGIC)] != MAGIC:
        found = opened[len(_MAGIC_STEM) : len(MAGIC)].partition(b"\n")[0]
        raise other_format("the backup", found.decode(errors="replace"), 1, LATER_RELEASE)
    if opened[: len(MAGIC)] != MAGIC:
        raise LocalError("the file is no backup of this program: name a file of poyong backup")
    if len(opened) + len(header) != _OPEN_BYTES + _HEADER_BYTES:
        raise LocalError(_CUT)
    cost = Cost(*_COST.unpack_from(opened, len(MAGIC)))
    for name in ("operations", "memory_kib"):
        found, low, high = (getattr(each, name) for each in (cost, LOCAL_COST, MAX_COST))
        if not low <= found <= high:
            raise LocalError(f"the backup asks for {name} {found}, expected {low} to {high}")
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    key = derive_key(password, opened[-argon2id.SALTBYTES :], cost)
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    number = 0
    while True:
        try:
            chunk, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(
                state, _read_chunk(file), opened
            )
        except (CryptoError, RuntimeError) as error:
            why = "the password is wrong or " if number == 0 else ""
            raise LocalError(
                f"chunk {number} of the backup cannot be opened: {why}the file was changed; "
                "take another copy of the backup"
            ) from error
        if tag == _FINAL:
            break
        yield chunk
        number += 1
    if file.read(1):
        raise LocalError("bytes follow the end of the backup: take another copy of it")


def _read_chunk(file: IO[bytes]) -> bytes:
    prefix = file.read(_LENGTH.size)
    if len(prefix) != _LENGTH.size:
        raise LocalError(_CUT)
    (length,) = _LENGTH.unpack(prefix)
    if not _TAG_BYTES <= length <= MAX_CHUNK_BYTES + _TAG_BYTES:
        raise LocalError(
            f"a chunk of the backup says it has {length} bytes, at most {MAX_CHUNK_BYTES} are "
            "possible: the file was changed; take another copy of the backup"
        )
    sealed = file.read(length)
    if len(sealed) != length:
        raise LocalError(_CUT)
    return sealed
