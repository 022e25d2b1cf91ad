"""What one organisation brings to a genesis, signed with the keys of its node.

The signatures show that it holds these keys (nobody can bring another's), and that names, chamber,
address, account and balance are its own; they hold for one chain id and one text of the terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.chambers import INSTITUTIONAL
from governance.stakeholders.organisations import ID_FORM, MAX_ID_BYTES, MAX_NAME_BYTES
from ledger.crypto import ED25519_KEY_BYTES, Signer
from ledger.errors import LocalError
from ledger.primitives import HASH_BYTES, MAX_AMOUNT
from ledger.strict_json import JsonReader, nearest, read_json
from node.ceremony.statements import (
    NODE,
    SIGNATURES,
    VALIDATOR,
    check_signatures,
    read_hex,
    signed,
)
from node.ceremony.terms import Terms
from node.files.file_formats import require_format
from node.keys.threshold_account import ThresholdAccount, account_of

FORMAT: Final = "poyong-contribution-1"
MAX_CONTRIBUTION_BYTES: Final = 64 * 1024
MAX_ADDRESS_BYTES: Final = 256
MAX_PORT: Final = 65_535
_TAG: Final = b"poyong/ceremony/contribution/1"
_FIELDS: Final = (
    *("format", "chain_id", "terms", "id", "name_ko", "name_en", "chamber"),
    *("public_key", "node_key", "address", "account", "balance", SIGNATURES),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an organisation says of itself. address: HOST:PORT at which peers reach its node;
    balance: of its account in genesis, smallest units."""

    id: str
    name_ko: str
    name_en: str
    chamber: str
    address: str
    account: ThresholdAccount
    balance: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """A checked contribution. public_key: of votes, empty for an observer; document: the file."""

    wish: Wish
    public_key: bytes
    node_key: bytes
    document: Mapping[str, Any]

    @property
    def keys(self) -> dict[str, bytes]:
        """What it signs with, by name."""
        voting = {VALIDATOR: self.public_key} if self.public_key else {}
        return {**voting, NODE: self.node_key}


def new_contribution(terms: Terms, wish: Wish, signers: Mapping[str, Signer]) -> Contribution:
    """Made and signed; signers by VALIDATOR (left out for an observer) and NODE. LocalError when
    others would refuse it."""
    statement: dict[str, Any] = {
        "format": FORMAT,
        "chain_id": terms.chain_id,
        "terms": terms.hash().hex(),
        "id": wish.id,
        "name_ko": wish.name_ko,
        "name_en": wish.name_en,
        "chamber": wish.chamber,
        "public_key": signers[VALIDATOR].public_key.hex() if VALIDATOR in signers else "",
        "node_key": signers[NODE].public_key.hex(),
        "address": wish.address,
        "account": wish.account.document(),
        "balance": str(wish.balance),
    }
    return contribution_of(signed(_TAG, statement, signers), terms, "the contribution")


def read_contribution(data: bytes, terms: Terms, source: str) -> Contribution:
    """The contribution in a file; LocalError names what is wrong with it and the remedy."""
    require_format(data, source, FORMAT)
    return contribution_of(read_json(data, source, MAX_CONTRIBUTION_BYTES), terms, source)


def contribution_of(document: object, terms: Terms, source: str) -> Contribution:
    """The contribution in a JSON value; LocalError as read_contribution."""
    reader = JsonReader(source)
    fields = reader.fields(document, "", required=_FIELDS)
    if fields["format"] != FORMAT:
        raise reader.error("format", repr(FORMAT), fields["format"])
    _check_bound(reader, fields, terms)
    wish = _wish(reader, fields, terms)
    has_vote = fields["public_key"] != ""
    found = Contribution(
        wish,
        _key(reader, fields, "public_key") if has_vote else b"",
        _key(reader, fields, "node_key"),
        fields,
    )
    if found.public_key == found.node_key:
        raise LocalError(f"{source}: node_key and public_key are one key: make two")
    check_signatures(_TAG, fields, found.keys, source)
    return found


def _check_bound(reader: JsonReader, fields: Mapping[str, Any], terms: Terms) -> None:
    if type(fields["chain_id"]) is not int or fields["chain_id"] != terms.chain_id:
        raise LocalError(
            f"{reader.source}: it was made for chain {fields['chain_id']!r:.40}, and this is the "
            f"ceremony of chain {terms.chain_id}: ask for one that was made with these terms"
        )
    bound = read_hex(reader, fields["terms"], "terms", HASH_BYTES)
    if bound != terms.hash():
        raise LocalError(
            f"{reader.source}: it was made for other terms ({bound.hex()}) than these "
            f"({terms.hash().hex()}): put the agreed terms back, or have everybody contribute anew"
        )


def _key(reader: JsonReader, fields: Mapping[str, Any], name: str) -> bytes:
    return read_hex(reader, fields[name], name, ED25519_KEY_BYTES)


def _wish(reader: JsonReader, fields: Mapping[str, Any], terms: Terms) -> Wish:
    name = reader.text(fields["id"], "id", MAX_ID_BYTES)
    if not ID_FORM.fullmatch(name) or name not in terms.members:
        raise LocalError(
            f"{reader.source}: {name!r} is no member of this ceremony"
            f"{nearest(name, set(terms.members))}; members stand in the terms, on which all agree"
        )
    chamber = fields["chamber"]
    if chamber not in INSTITUTIONAL:
        raise reader.error("chamber", f"one of {', '.join(INSTITUTIONAL)}", chamber)
    account = account_of(fields["account"], f"{reader.source}: account")
    if account.rotated:
        raise LocalError(
            f"{reader.source}: account: its members were replaced on another chain; describe a new "
            "account with poyong keys threshold"
        )
    return Wish(
        id=name,
        name_ko=_shown(reader, fields, "name_ko", MAX_NAME_BYTES),
        name_en=_shown(reader, fields, "name_en", MAX_NAME_BYTES),
        chamber=chamber,
        address=_address(reader, fields),
        account=account,
        balance=_amount(reader, fields["balance"]),
    )


def _shown(reader: JsonReader, fields: Mapping[str, Any], name: str, most: int) -> str:
    text = reader.text(fields[name], name, most)
    if not text.isprintable() or text != text.strip():
        raise reader.error(name, "printable text without spaces around it", text)
    return text


def _address(reader: JsonReader, fields: Mapping[str, Any]) -> str:
    text = _shown(reader, fields, "address", MAX_ADDRESS_BYTES)
    host, _, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port[:6]) <= MAX_PORT
    if not host or not is_port or any(character in host for character in ' @",'):
        raise reader.error("address", "HOST:PORT at which peers reach the node", text)
    return text


def _amount(reader: JsonReader, value: object) -> int:
    # Written in the one way that there is: leading zeros would give two texts for one amount.
    if isinstance(value, str) and len(value) <= len(str(MAX_AMOUNT)) and value.isascii():
        amount = int(value) if value.isdigit() else -1
        if 0 <= amount <= MAX_AMOUNT and str(amount) == value:
            return amount
    raise reader.error("balance", f"decimal text in 0..{MAX_AMOUNT}", value)
