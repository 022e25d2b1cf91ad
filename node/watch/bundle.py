"""The file that an operator hands to somebody who helps: what a node says of itself, no secrets.

Three rules keep secrets out. Parts are made of what is known to be open: a configuration is
rendered anew from its parsed options, key files are listed and never read into it. What people or
programs wrote, the log, is searched for the forms in which secrets are written. And every part is
searched for each secret that this machine can name: the password, the PIN, the API key of the
environment. Names of organisations, accounts and addresses of peers are no secrets here, and stay.
"""

import gzip
import io
import os
import re
import stat
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node import config
from node.config import Config
from node.files.private_files import write_private
from node.keys import keystore
from node.signing.settings import PIN_VARIABLE

MAX_PART_BYTES: Final = 2 * 1024 * 1024
"""Of one part; what is longer keeps its end, or for answers of the node is left out by name."""
MAX_PARTS: Final = 24
MAX_LISTED_FILES: Final = 2_000
MIN_SECRET_BYTES: Final = 4
"""Shorter passwords would take ordinary words out of every part; the node accepts none below 8."""
REMOVED: Final = b"[removed]"

_CUT: Final = b"[the beginning is left out]\n"
_SECRET_FORMS: Final = (
    re.compile(
        rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S
    ),
    re.compile(rb"\b[a-z0-9-]{1,32}\.[0-9a-fA-F]{64}\b"),
    re.compile(rb"(?i)\bbearer\s+[^\s\"',}]+"),
    re.compile(
        rb"(?i)(?:password|passphrase|passwd|api[-_]?key|secret|seed|mnemonic|authorization|\bpin)"
        rb"[\"']?\s*[:=]\s*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s,}]+)"
    ),
)
"""A private key in PEM; an API key (NAME.SECRET); a header that carries one; NAME = value."""
_PATHS_OF_SECRETS: Final = (
    ("node", "password_file"),
    ("rpc", "api_keys"),
    ("pkcs11", "pin_file"),
)


def known_secrets(home: Path, loaded: Config | None, environment: Mapping[str, str]) -> set[bytes]:
    """Passwords, PINs and API keys that this process may read: none of them may be in a bundle.

    loaded: None when the configuration does not parse; then every small file in keys/ that is no
    key file counts as one.
    """
    names = (keystore.PASSWORD_VARIABLE, PIN_VARIABLE, config.API_KEY_VARIABLE)
    found = {environment[name] for name in names if name in environment}
    if loaded is not None:
        files = [
            loaded.path(value)
            for section, name in _PATHS_OF_SECRETS
            if name != "api_keys" and (value := getattr(getattr(loaded, section), name))
        ]
    else:
        files = [path for path in sorted((home / "keys").glob("*")) if path.suffix != ".json"]
    for file in files:
        try:
            with file.open(encoding="utf-8", errors="surrogateescape") as content:
                found.add(content.readline(keystore.MAX_PASSWORD_BYTES + 2).strip("\r\n"))
        except OSError:  # not there, or not ours to read: then nothing of it can be in a part
            continue
    encoded = {text.encode(errors="surrogateescape") for text in found}
    return {secret for secret in encoded if len(secret) >= MIN_SECRET_BYTES}


def open_options(loaded: Config) -> str:
    """The configuration as it holds, environment included: rendered anew, without the comments of
    its file. An option that should name a file of secrets and names none may be the secret itself
    by mistake, so its value is left out."""
    shown = loaded
    for section, name in _PATHS_OF_SECRETS:
        options = getattr(shown, section)
        value = getattr(options, name)
        if value and not loaded.path(value).is_file():
            hidden = replace(options, **{name: "[names no file: left out]"})
            shown = replace(shown, **{section: hidden})
    return config.render(shown)


def overridden(environment: Mapping[str, str]) -> list[str]:
    """Names of the variables that speak to the node; never their values."""
    return sorted(name for name in environment if name.startswith("POYONG_"))


def listing(home: Path) -> str:
    """Mode, size and name of each file below a node's folder; no content. At most
    MAX_LISTED_FILES."""
    lines = []
    for path in sorted(home.rglob("*"))[:MAX_LISTED_FILES]:
        try:
            entry = path.lstat()
        except FileNotFoundError:  # the database removes files while it runs
            continue
        lines.append(
            f"{stat.filemode(entry.st_mode)} {entry.st_size:>14,} {path.relative_to(home)}"
        )
    return "\n".join(lines) + "\n"


def tail(file: Path) -> bytes:
    """The last whole lines of a log, MAX_PART_BYTES at most. LocalError when it cannot be read."""
    try:
        with file.open("rb") as content:
            size = content.seek(0, os.SEEK_END)
            if size <= MAX_PART_BYTES:
                content.seek(0)
                return content.read(MAX_PART_BYTES)
            content.seek(len(_CUT) - MAX_PART_BYTES, os.SEEK_END)
            return _CUT + content.read(MAX_PART_BYTES - len(_CUT)).split(b"\n", 1)[-1]
    except OSError as error:
        raise LocalError(f"cannot read the log {file}: {error.strerror}; name another") from error


def scrubbed(content: bytes, secrets: Iterable[bytes]) -> bytes:
    """Without what looks like a secret, and without these."""
    for form in _SECRET_FORMS:
        content = form.sub(REMOVED, content)
    # The longest first: one may be part of another.
    for secret in sorted(secrets, key=len, reverse=True):
        content = content.replace(secret, REMOVED)
    return content


def write(path: Path, parts: Mapping[str, bytes], secrets: Iterable[bytes]) -> int:
    """Write the parts by name as a new tar.gz that only its owner can read; its size in bytes.

    LocalError when the file exists or the disk refuses. Names and contents are searched as by
    `scrubbed`, so call it with `known_secrets`.
    """
    known = tuple(secrets)
    if len(parts) > MAX_PARTS:
        raise LocalError(f"a bundle has at most {MAX_PARTS} parts, found {len(parts)}")
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in parts.items():
            clean = scrubbed(content, known)
            if len(clean) > MAX_PART_BYTES:
                clean = f"left out: {len(clean):,} bytes, at most {MAX_PART_BYTES:,}\n".encode()
            entry = tarfile.TarInfo(f"poyong/{name}")
            entry.size, entry.mode = len(clean), 0o600
            archive.addfile(entry, io.BytesIO(clean))
    packed = gzip.compress(raw.getvalue(), mtime=0)
    write_private(path, packed, "the bundle", "it may be one that somebody waits for")
    return len(packed)
