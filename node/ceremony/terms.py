"""The terms of a ceremony: who takes part, in the order of the seats, and what is agreed already.

JSON with `format`, `members` (ids) and `genesis`: a genesis document without validators and
organisations, which come from the contributions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from governance.stakeholders.organisations import ID_FORM, MAX_ID_BYTES
from ledger.errors import LocalError
from ledger.genesis import MAX_CHAIN_ID, MAX_GENESIS_BYTES, MAX_NAME_BYTES
from ledger.primitives import Hash
from ledger.registry import MAX_VALIDATORS
from ledger.strict_json import JsonReader, read_json
from node.ceremony.statements import digest
from node.files.file_formats import require_format

FORMAT: Final = "poyong-ceremony-1"
MAX_MEMBERS: Final = MAX_VALIDATORS
STAKEHOLDERS: Final = "stakeholders"
ORGANISATIONS: Final = "organisations"
_TAG: Final = b"poyong/ceremony/terms/1"


@dataclass(frozen=True, slots=True)
class Terms:
    """members: ids, in the order of the seats. document: the whole file, as JSON gave it."""

    chain_id: int
    name: str
    members: tuple[str, ...]
    document: Mapping[str, Any]

    @property
    def genesis(self) -> Mapping[str, Any]:
        """The genesis document without what contributions bring."""
        found: Mapping[str, Any] = self.document["genesis"]
        return found

    def hash(self) -> Hash:
        """What contributions and approvals are bound to."""
        return digest(_TAG, self.document)


def new_terms(chain_id: int, name: str, time_ms: int, members: Sequence[str]) -> Terms:
    """Terms to go on writing by hand; LocalError when they cannot be read back."""
    document = {
        "format": FORMAT,
        "members": list(members),
        "genesis": {
            "chain_id": chain_id,
            "name": name,
            "time_ms": time_ms,
            "modules": {
                "accounts": {"accounts": []},
                STAKEHOLDERS: {"registrars": [], "legal_bases": []},
            },
        },
    }
    return terms_of(document, "the terms")


def read_terms(data: bytes, source: str) -> Terms:
    """The terms in a file; LocalError names the place that is wrong."""
    require_format(data, source, FORMAT)
    return terms_of(read_json(data, source, MAX_GENESIS_BYTES), source)


def terms_of(document: object, source: str) -> Terms:
    """The terms in a JSON value; LocalError names the place that is wrong."""
    reader = JsonReader(source)
    fields = reader.fields(document, "", required=("format", "members", "genesis"))
    if fields["format"] != FORMAT:
        raise reader.error("format", repr(FORMAT), fields["format"])
    genesis = reader.fields(
        fields["genesis"],
        "genesis",
        required=("chain_id", "name", "time_ms", "modules"),
        optional=("bucket_count", "parameters", "observers"),
    )
    _check_sections(reader, genesis["modules"])
    return Terms(
        chain_id=reader.integer(genesis["chain_id"], "genesis.chain_id", 1, MAX_CHAIN_ID),
        name=reader.text(genesis["name"], "genesis.name", MAX_NAME_BYTES),
        members=_members(reader, fields["members"]),
        document=fields,
    )


def _check_sections(reader: JsonReader, modules: object) -> None:
    if not isinstance(modules, dict):
        raise reader.error("genesis.modules", "an object with a section for each module", modules)
    for name in ("accounts", STAKEHOLDERS):
        if not isinstance(modules.get(name, {}), dict):
            raise reader.error(f"genesis.modules.{name}", "an object", modules[name])
    reader.items(modules.get("accounts", {}).get("accounts", []), "genesis.modules.accounts")
    if "governance" in modules:
        raise LocalError(
            f"{reader.source}: genesis.modules.governance: the chambers of the contributors decide "
            "on this chain; for one that an authority decides on use poyong genesis new"
        )
    if ORGANISATIONS in modules.get(STAKEHOLDERS, {}):
        raise LocalError(
            f"{reader.source}: genesis.modules.{STAKEHOLDERS}.{ORGANISATIONS}: they come from the "
            "contributions; name them in members and leave this out"
        )


def _members(reader: JsonReader, value: object) -> tuple[str, ...]:
    items = reader.items(value, "members")
    if not 1 <= len(items) <= MAX_MEMBERS:
        raise reader.error("members", f"1 to {MAX_MEMBERS} ids", len(items))
    found: list[str] = []
    for position, item in enumerate(items):
        place = f"members[{position}]"
        name = reader.text(item, place, MAX_ID_BYTES)
        if not ID_FORM.fullmatch(name):
            raise reader.error(place, "an id of a-z, 0-9 and -, with a letter in front", name)
        if name in found:
            raise LocalError(f"{reader.source}: {place}: {name!r} is there twice")
        found.append(name)
    return tuple(found)
