"""Files that hold a proof, or a header that was verified once and is trusted since."""

import json
from pathlib import Path
from typing import Any

from api.encoding import hex_of
from api.light import MAX_PROOF_BYTES, TrustedHeader, anchor_from_json
from ledger.errors import DecodeError, LocalError
from ledger.primitives import Hash
from node.files.disk_errors import os_error
from node.files.file_formats import TRUSTED_FORMAT, require_format


def read_json(path: Path, known: str) -> Any:
    """The JSON value of a file of at most MAX_PROOF_BYTES; LocalError says what is wrong.

    known: the format that the file may name (node.files.file_formats).
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PROOF_BYTES + 1)
    except OSError as error:
        raise os_error("read", path, error) from error
    if len(content) > MAX_PROOF_BYTES:
        raise LocalError(f"{path} has more than {MAX_PROOF_BYTES} bytes: it is no proof")
    require_format(content, path, known)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LocalError(f"{path} is not JSON: {error}; write it anew") from error


def read_trusted_header(path: Path) -> TrustedHeader:
    """The header that `poyong verify --keep` wrote; LocalError when the file holds none."""
    try:
        return anchor_from_json(read_json(path, TRUSTED_FORMAT))
    except DecodeError as error:
        raise LocalError(f"{path} is no trusted header: {error}; write one with --keep") from error


def require_of_chain(
    trusted: TrustedHeader, chain_id: int, genesis_hash: Hash, path: Path
) -> TrustedHeader:
    """The same header; LocalError when it is of another chain than the genesis document."""
    for name, found, expected in (
        ("chain id", trusted.chain_id, chain_id),
        ("genesis hash", hex_of(trusted.genesis_hash), hex_of(genesis_hash)),
    ):
        if found != expected:
            raise LocalError(
                f"{path} is a trusted header of another chain: its {name} is {found}, the genesis "
                f"document gives {expected}; take a header of this chain"
            )
    return trusted
