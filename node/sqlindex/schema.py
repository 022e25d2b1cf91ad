"""Tables of a chain in a SQL database, for SQLAlchemy; docs/sql.md is made from them.

Bump SCHEMA_VERSION whenever a table, a column or the meaning of one changes: a database of another
version is refused, because its rows would mean two things.
"""

from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

SCHEMA_VERSION: Final = 1
AMOUNT_DIGITS: Final = 39
"""2^128 has 39."""
NUL_SHOWN: Final = "\ufffd"
"""Stands for the character U+0000, which PostgreSQL cannot hold."""


class Amount(TypeDecorator[int]):
    """An exact integer: NUMERIC(39,0), and decimal text in SQLite, whose integers end at 2^63."""

    impl = Numeric(AMOUNT_DIGITS, 0)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text for SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(AMOUNT_DIGITS, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """As the database takes it."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """An int, whatever the database gives."""
        return None if value is None else int(value)


class Moment(TypeDecorator[datetime]):
    """A time in UTC: TIMESTAMP WITH TIME ZONE, and in SQLite text such as
    2026-01-31 08:05:00.500000."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """With its zone, which SQLite does not keep."""
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text that people or messages bring, Korean too; U+0000 in it becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Without U+0000."""
        return value.replace("\0", NUL_SHOWN) if value is not None and "\0" in value else value


def to_json(value: object) -> str:
    """JSON text for the database: characters as themselves, and U+FFFD for U+0000."""
    text = orjson.dumps(value).decode()
    if "\\u0000" in text:  # or a backslash before "u0000": then nothing is changed
        text = orjson.dumps(_without_nul(value)).decode()
    return text


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", NUL_SHOWN)
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(name): _without_nul(item) for name, item in value.items()}
        case _:
            return value


METADATA: Final = MetaData()

Payload: Final = JSON().with_variant(JSONB(), "postgresql")
Hash32: Final = String(66)
Account: Final = String(42)


def _table(name: str, meaning: str, *parts: Column[Any] | Index) -> Table:
    return Table(name, METADATA, *parts, comment=meaning)


def _column(name: str, kind: Any, meaning: str, *, null: bool = False) -> Column[Any]:
    return Column(name, kind, nullable=null, comment=meaning)


def _key(name: str, kind: Any, meaning: str) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False, comment=meaning)


def _height() -> Column[Any]:
    return _column("height", BigInteger, "block")


def _time() -> Column[Any]:
    return _column("time", Moment, "block time, UTC")


def _position() -> Column[Any]:
    return _column("position", Integer, "of its event in the block")


def _place_key() -> tuple[Column[Any], ...]:
    return (
        _key("height", BigInteger, "block"),
        _key("position", Integer, "of its event in the block"),
    )


def _transaction(null: bool = True) -> Column[Any]:
    meaning = "that did it; null: a hook of the block" if null else "that did it"
    return _column("transaction_hash", Hash32, meaning, null=null)


CURSOR: Final = _table(
    "poyong_index",
    "One row: which chain this is, and how far it has come. It moves in the transaction that "
    "writes the blocks.",
    _key("id", Integer, "always 1"),
    _column("schema_version", Integer, "of these tables"),
    _column("chain_id", BigInteger, "of the chain"),
    _column("genesis_hash", Hash32, "of the chain; no other is ever written here"),
    _column("first_height", BigInteger, "first block that is here"),
    _column("height", BigInteger, "last block that is here; first_height - 1 before the first"),
    _column("block_hash", Hash32, "of that block; null before the first", null=True),
)
ZONES: Final = _table(
    "zones",
    "Parts of the town, which genesis names for good; written when the tables are made.",
    _key("zone", String(32), "its id"),
    _column("name_ko", Words, "in Korean"),
    _column("name_en", Words, "in Latin letters"),
    _column("legal_dong_code", String(16), "법정동코드"),
    _column("area_tenth_m2", BigInteger, "in 0.1 m2"),
    _column("base_krw_per_m2", Amount, "price at the base date"),
)
BLOCKS: Final = _table(
    "blocks",
    "Committed blocks, which are final.",
    _key("height", BigInteger, "1 for the first block after genesis"),
    _column("hash", Hash32, "of the header"),
    _column("parent_hash", Hash32, "of the block before; of genesis at height 1"),
    _column("time_ms", BigInteger, "block time, ms since 1970"),
    _time(),
    _column("proposer", Integer, "index in the validator set of this height"),
    _column("transaction_count", Integer, "transactions in it"),
    _column("parent_view", Integer, "view in which its parent became final", null=True),
    _column("parent_signers", Integer, "validators that sealed its parent"),
    _column("evidence_count", Integer, "pieces of evidence against validators in it"),
    _column("transactions_root", Hash32, "Merkle root over the transactions"),
    _column("state_root", Hash32, "after execution"),
    _column("receipts_root", Hash32, "Merkle root over receipts and hook events"),
    _column("validators_hash", Hash32, "of the validator set of height + 2"),
    Index("blocks_by_hash", "hash", unique=True),
    Index("blocks_by_time", "time"),
)
TRANSACTIONS: Final = _table(
    "transactions",
    "Final transactions with what became of them.",
    _key("hash", Hash32, "of the signed bytes"),
    _height(),
    _column("position", Integer, "in its block, from 0"),
    _time(),
    _column("sender", Account, "address of the sender"),
    _column("nonce", BigInteger, "of the sender"),
    _column("message_type", Words, "such as transfer.send"),
    _column("module", Words, "part of message_type before the dot"),
    _column("fee", Amount, "orders replacement only; nothing is charged"),
    _column("valid_until", BigInteger, "last height to execute at; null: none", null=True),
    _column("code", Integer, "0 when the message took effect"),
    _column("status", String(64), "name of the code"),
    _column("reason", Words, "why it failed; empty when code is 0"),
    _column("fields", Payload, "the message by field name; null: does not decode", null=True),
    Index("transactions_by_place", "height", "position", unique=True),
    Index("transactions_by_sender", "sender", "height"),
    Index("transactions_by_type", "message_type", "height"),
)
EVENTS: Final = _table(
    "events",
    "Everything on the record: events of transactions in order, then of the block's hooks.",
    _key("height", BigInteger, "block"),
    _key("position", Integer, "in the block, from 0"),
    _time(),
    _transaction(),
    _column("name", String(128), "such as transfer.sent"),
    _column("module", String(64), "part of the name before the dot"),
    _column("type", String(64), "part of the name after the dot"),
    _column("account", Account, "first address among its values", null=True),
    _column("payload", Payload, "its values by name; every integer is decimal text"),
    Index("events_by_name", "name", "height"),
    Index("events_by_account", "account", "height"),
    Index("events_by_transaction", "transaction_hash"),
)
TRANSFERS: Final = _table(
    "transfers",
    "Every movement of tokens. sender or receiver is null where tokens come into being or are "
    "burned, and sender where what several pools owed leaves them at once (kind leave).",
    *_place_key(),
    _key("number", Integer, "of the movement in its event, from 0"),
    _time(),
    _transaction(),
    _column(
        "kind",
        String(16),
        "transfer, claim, release, spend, dividend, pool, reserve, leave or mint",
    ),
    _column("sender", Account, "whose balance falls", null=True),
    _column("receiver", Account, "whose balance rises", null=True),
    _column("amount", Amount, "in smallest units, 10^-18 token"),
    Index("transfers_by_sender", "sender", "time"),
    Index("transfers_by_receiver", "receiver", "time"),
    Index("transfers_by_time", "time"),
)
ROUNDS: Final = _table(
    "rounds",
    "Closed town rounds.",
    _key("round", BigInteger, "from 1"),
    _height(),
    _position(),
    _time(),
    _column("is_anchor", Boolean, "appraised, not carried on"),
    _column("zones_final", Integer, "zones whose round ended with a value of its own"),
    _column("reports", Integer, "appraisers' reports that counted"),
    _column("value_krw", Amount, "accepted land value of the town, KRW"),
    _column("costs_krw", Amount, "costs of certified works, KRW"),
    _column("certified_krw", Amount, "rise that certified works alone allow, KRW"),
    _column("normal_growth_krw", Amount, "by official rates; null: not known", null=True),
    _column("recognition_open", Boolean, "the ratio study lets uplift be recognised"),
    _column("elapsed_ms", BigInteger, "since the round before closed"),
    Index("rounds_by_time", "time"),
)
ZONE_ROUNDS: Final = _table(
    "zone_rounds",
    "What a closed round gave for each zone; prices in KRW a square metre.",
    _key("round", BigInteger, "town round"),
    _key("zone", String(128), "id of the zone"),
    _height(),
    _position(),
    _time(),
    _column("outcome", String(32), "how the zone's round ended"),
    _column("reports", Integer, "that made the median"),
    _column("median_krw_per_m2", Amount, "of the reports; 0 without"),
    _column("dispersion_ppm", BigInteger, "of the reports"),
    _column("last_krw_per_m2", Amount, "accepted before"),
    _column("accepted_krw_per_m2", Amount, "accepted now"),
    _column("counted_krw_per_m2", Amount, "that counts for issuance"),
    _column("certified_krw_per_m2", Amount, "rise that certified works alone allow"),
    Index("zone_rounds_by_zone", "zone", "round"),
)
RECOGNITIONS: Final = _table(
    "recognitions",
    "What issuance made of each closed round; terms as in economy.md.",
    _key("round", BigInteger, "town round"),
    _height(),
    _position(),
    _time(),
    _column("mode", String(32), "how uplift is recognised"),
    _column("value_krw", Amount, "V: accepted land value"),
    _column("base_value_krw", Amount, "V of the base date"),
    _column("costs_krw", Amount, "C: costs taken off"),
    _column("live_krw", Amount, "L; null: not known", null=True),
    _column("lasting_krw", Amount, "S; null: not known", null=True),
    _column("recognised_krw", Amount, "R: recognised so far"),
    _column("entitlement", Amount, "E, smallest units"),
    _column("ceiling", Amount, "of what may be issued, smallest units"),
    _column("burned", Amount, "so far, smallest units"),
    _column("is_paused", Boolean, "minting was paused"),
)
MINTS: Final = _table(
    "mints",
    "Rounds in which tokens were minted, in smallest units.",
    _key("round", BigInteger, "town round"),
    _height(),
    _position(),
    _time(),
    _column("amount", Amount, "minted"),
    _column("certified_amount", Amount, "of it for certified works"),
    _column("issued", Amount, "in all, with this"),
    _column("outstanding", Amount, "before this"),
    _column("quarter_limit", Amount, "most that a quarter may mint"),
)
PROPOSALS: Final = _table(
    "proposals",
    "Proposals as submitted; proposal_moves says where each stands.",
    _key("proposal", BigInteger, "its number"),
    _height(),
    _position(),
    _time(),
    _transaction(),
    _column("origin", String(32), "who may have brought it in"),
    _column("account", Account, "that submitted it"),
    _column("class", String(8), "which rules decide it"),
    _column("content_hash", Hash32, "of what it carries out"),
    _column("document_hash", Hash32, "of its text"),
)
PROPOSAL_MOVES: Final = _table(
    "proposal_moves",
    "Each change of a proposal's status; the last one is where it stands.",
    *_place_key(),
    _time(),
    _column("proposal", BigInteger, "its number"),
    _column("before", String(32), "status before"),
    _column("after", String(32), "status after"),
    _column("due_ms", BigInteger, "when the next comes by itself; null: never", null=True),
    _column("reason", Words, "where there is one; else empty"),
    Index("proposal_moves_by_proposal", "proposal", "height", "position"),
)
VOTES: Final = _table(
    "votes",
    "Each vote that was cast. A later one of the same account in the same vote replaces it.",
    *_place_key(),
    _time(),
    _transaction(),
    _column("proposal", BigInteger, "its number"),
    _column("vote", Integer, "which vote on it: 1, and 2 after a recall"),
    _column("chamber", String(64), "in which it counts"),
    _column("account", Account, "that voted"),
    _column("choice", String(16), "yes, no or abstain"),
    _column("votes", BigInteger, "one and those it was delegated, when it was cast"),
    Index("votes_by_proposal", "proposal", "vote", "chamber"),
    Index("votes_by_account", "account", "height"),
)
