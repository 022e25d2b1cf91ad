"""A SQL database that holds one chain: opened, made once, and written a batch of blocks at a time.

The cursor moves in the transaction that writes the blocks, and only from the place it was read at.
So whatever ends the program between two statements loses no block and doubles none, and of two
programs that write one database the second is told so. Synchronous: callers use a thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ledger.errors import LocalError
from node.sqlindex.event_rows import Row
from node.sqlindex.rows import BlockRows
from node.sqlindex.schema import CURSOR, METADATA, SCHEMA_VERSION, ZONES, to_json

DRIVERS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
FORMS: Final = "sqlite:///FILE or postgresql://USER@HOST/DATABASE"
BUSY_S: Final = 30
"""How long SQLite waits for a reader or another writer."""
_MAX_QUOTED: Final = 300


@dataclass(frozen=True, slots=True)
class ChainName:
    """Which chain; a genesis hash as 0x hex is enough, its number is for people."""

    chain_id: int
    genesis_hash: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a database has come. block_hash: of `height`, None while it holds no block."""

    first_height: int
    height: int
    block_hash: str | None


class IndexDatabase:
    """Opened by open_database(). Every error of the database is a LocalError in one sentence."""

    def __init__(self, engine: Engine, name: str) -> None:
        """name: its URL without the password."""
        self._engine = engine
        self._name = name
        self._cursor: Cursor | None = None

    @property
    def name(self) -> str:
        """Its URL without the password."""
        return self._name

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def find(self, chain: ChainName, first_height: int | None) -> Cursor | None:
        """How far it has come, None when it is empty; nothing is written.

        first_height: what the caller asks to begin at. LocalError when it holds another chain,
        tables of another schema version or of another program, or begins elsewhere.
        """
        with self._said("read"), self._engine.connect() as connection:
            names = set(inspect(connection).get_table_names())
            if CURSOR.name not in names:
                taken = sorted(names & set(METADATA.tables))
                if taken:
                    raise LocalError(
                        f"{self._name} has a table {taken[0]} that is not an index of a chain: "
                        "name an empty database, or in PostgreSQL another schema"
                    )
                return None
            row = connection.execute(select(CURSOR)).mappings().one_or_none()
        if row is None:
            raise LocalError(f"{self._name}: table {CURSOR.name} is empty; name another database")
        self._require(row, chain, first_height)
        self._cursor = Cursor(row["first_height"], row["height"], row["block_hash"])
        return self._cursor

    def _require(self, row: Mapping[Any, Any], chain: ChainName, first_height: int | None) -> None:
        if row["schema_version"] != SCHEMA_VERSION:
            raise LocalError(
                f"{self._name} has tables of schema version {row['schema_version']}, this release "
                f"writes version {SCHEMA_VERSION}: index into a new database, or use the release "
                "that made this one"
            )
        if row["genesis_hash"] != chain.genesis_hash:
            raise LocalError(
                f"{self._name} holds chain {row['chain_id']} of genesis {row['genesis_hash']}, the "
                f"node follows chain {chain.chain_id} of genesis {chain.genesis_hash}: name "
                "another database or another node"
            )
        if first_height not in (None, row["first_height"]):
            raise LocalError(
                f"{self._name} begins at block {row['first_height']}, --from asks for "
                f"{first_height}: leave --from out, or name another database"
            )

    def create(self, chain: ChainName, first_height: int, zones: Sequence[Row] = ()) -> Cursor:
        """Make the tables of an empty database, all or none; zones: rows of that table."""
        cursor = Cursor(first_height, first_height - 1, None)
        with self._said("create the tables of"), self._engine.begin() as connection:
            METADATA.create_all(connection, checkfirst=False)
            connection.execute(
                insert(CURSOR),
                {
                    "id": 1,
                    "schema_version": SCHEMA_VERSION,
                    "chain_id": chain.chain_id,
                    "genesis_hash": chain.genesis_hash,
                    "first_height": first_height,
                    "height": cursor.height,
                    "block_hash": None,
                },
            )
            if zones:
                connection.execute(insert(ZONES), zones)
        if self._engine.dialect.name == "sqlite":
            self._let_others_read()
        self._cursor = cursor
        return cursor

    def _let_others_read(self) -> None:
        """Readers and the writer of a SQLite file do not wait for each other; a trait of the file.

        Outside a transaction, as SQLite demands.
        """
        with self._said("prepare"), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA journal_mode=WAL")

    def write(self, batch: Sequence[BlockRows]) -> Cursor:
        """Add blocks that follow the cursor, in one transaction; the new cursor.

        Blocks up to the cursor are left out: they are there. LocalError when another program has
        moved the cursor meanwhile, or when the database refuses.
        """
        before = self._cursor
        if before is None:
            raise LocalError(f"{self._name} was not opened for a chain")
        new = [block for block in batch if block.height > before.height]
        if not new:
            return before
        heights = [block.height for block in new]
        if heights != list(range(before.height + 1, before.height + 1 + len(new))):
            raise LocalError(
                f"expected blocks from {before.height + 1} on without a gap, found {heights[:3]}"
            )
        after = Cursor(before.first_height, new[-1].height, new[-1].block_hash)
        with self._said("write"), self._engine.begin() as connection:
            self._move(connection, before, after)
            for name, table in METADATA.tables.items():
                rows = [row for block in new for row in block.tables.get(name, ())]
                if rows:
                    connection.execute(insert(table), rows)
        self._cursor = after
        return after

    def _move(self, connection: Connection, before: Cursor, after: Cursor) -> None:
        """First of all, so that a second writer waits here and then finds it moved."""
        moved = connection.execute(
            update(CURSOR)
            .where(CURSOR.c.id == 1, CURSOR.c.height == before.height)
            .values(height=after.height, block_hash=after.block_hash)
        )
        if moved.rowcount != 1:
            raise LocalError(
                f"another program has written blocks to {self._name} since block {before.height}: "
                "let one poyong index write a database, and stop the other"
            )

    @contextmanager
    def _said(self, action: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise _refused(action, self._name, error) from error


def open_database(url: str) -> IndexDatabase:
    """The database of a URL; connects when it is first used.

    LocalError for a URL of another kind.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LocalError(f"--to: expected {FORMS}, found {url!r:.80}") from error
    if parsed.drivername not in DRIVERS:
        raise LocalError(
            f"--to: expected {FORMS}, found a URL that begins with {parsed.drivername!r:.40}"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise LocalError(f"--to: expected {FORMS}, found no name of a database")
    return IndexDatabase(_engine(parsed), parsed.render_as_string(hide_password=True))


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {"json_serializer": to_json}
    if url.drivername == "sqlite":
        options["connect_args"] = {"timeout": BUSY_S}
    engine = create_engine(url.set(drivername=DRIVERS[url.drivername]), **options)
    if url.drivername == "sqlite":
        event.listen(engine, "connect", _begin_by_hand)
        event.listen(engine, "begin", _begin_at_once)
    return engine


def _begin_by_hand(connection: Any, _: object) -> None:
    """The driver begins no transaction before CREATE TABLE, so that tables would be made one by
    one."""
    connection.isolation_level = None


def _begin_at_once(connection: Connection) -> None:
    # A transaction that reads first and then writes fails at once when another one writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _refused(action: str, name: str, error: SQLAlchemyError) -> LocalError:
    """What the database said, in one line."""
    said = str(getattr(error, "orig", None) or error).strip().replace("\n", " ")[:_MAX_QUOTED]
    return LocalError(
        f"cannot {action} {name}: {said}. Check the URL, the rights of its user and the disk; "
        "what was written before is whole, and the next run goes on there."
    )
