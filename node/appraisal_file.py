"""The file of an appraisal that is committed to and not yet revealed: the report and its salt.

Who loses it cannot reveal, and who reads it knows the price before the others have committed; so it
is made for its owner alone and never replaced.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from api.encoding import from_hex
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.primitives import ADDRESS_BYTES, HASH_BYTES, Address, Hash
from node.files.file_formats import require_format
from node.files.private_files import read_private, write_private
from tokenomics.oracle.reports import Statement, commitment_of

MAX_FILE_BYTES: Final = 16 * 1024
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SealedAppraisal:
    """A report of a zone in a round with the salt of its commitment."""

    chain_id: int
    zone: str
    round: int
    appraiser: Address
    statement: Statement
    salt: Hash

    @property
    def commitment(self) -> Hash:
        """What goes onto the chain before anybody reveals."""
        return commitment_of(
            self.chain_id, self.zone, self.round, self.appraiser, self.statement, self.salt
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["poyong-appraisal-1"]
    chain_id: int
    zone: str
    round: int
    appraiser: str
    price_krw_per_m2: int
    valuation_date_ms: int
    method: str
    comparables: int
    document_hash: str
    salt: str


def new_salt() -> Hash:
    """From the operating system's randomness."""
    return Hash(secrets.token_bytes(SALT_BYTES))


def write_appraisal(path: Path, sealed: SealedAppraisal) -> None:
    """Write it to a new file; LocalError when there is one already."""
    said = sealed.statement
    content = _File(
        format="poyong-appraisal-1",
        chain_id=sealed.chain_id,
        zone=sealed.zone,
        round=sealed.round,
        appraiser=checksum_address(sealed.appraiser),
        price_krw_per_m2=said.price_krw_per_m2,
        valuation_date_ms=said.valuation_date_ms,
        method=said.method,
        comparables=said.comparables,
        document_hash="0x" + said.document_hash.hex(),
        salt="0x" + sealed.salt.hex(),
    )
    text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    lost = "whoever has committed with its salt could not reveal any more"
    write_private(path, text, "the appraisal's file", lost)


def read_appraisal(path: Path) -> SealedAppraisal:
    """What write_appraisal wrote; LocalError names what is wrong with the file."""
    raw = read_private(
        path,
        MAX_FILE_BYTES,
        "file of an appraisal",
        "make one with `poyong land commit`, which names it",
    )
    require_format(raw, path, "poyong-appraisal-1")
    try:
        found = msgspec.json.decode(raw, type=_File)
        statement = Statement(
            found.price_krw_per_m2,
            found.valuation_date_ms,
            found.method,
            found.comparables,
            Hash(_bytes(found.document_hash, HASH_BYTES, "document_hash")),
        )
        return SealedAppraisal(
            found.chain_id,
            found.zone,
            found.round,
            Address(_bytes(found.appraiser, ADDRESS_BYTES, "appraiser")),
            statement,
            Hash(_bytes(found.salt, SALT_BYTES, "salt")),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, DecodeError) as error:
        raise LocalError(
            f"{path} is no file of an appraisal ({error!s:.200}): use the one that poyong land "
            "commit wrote, unchanged"
        ) from error


def _bytes(text: str, length: int, name: str) -> bytes:
    value = from_hex(text)
    if len(value) != length:
        raise DecodeError(f"{name} has {len(value)} bytes, expected {length}")
    return value
