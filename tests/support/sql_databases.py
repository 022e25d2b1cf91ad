"""Databases for the index: a SQLite file, or a database of a PostgreSQL server of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, create_engine, make_url, select, text
from sqlalchemy.pool import NullPool

from node.sqlindex.database import DRIVERS
from node.sqlindex.schema import METADATA
from tests.support import postgres

KINDS: Final = ("sqlite", "postgresql")
NO_SERVER: Final = "needs Debian's package postgresql"


@contextmanager
def servers(kind: str) -> Iterator[str]:
    """What open_fresh() needs of a kind; skips the test without a server."""
    if kind == "sqlite":
        yield ""
        return
    programs = postgres.binaries()
    if programs is None:
        pytest.skip(NO_SERVER)
    with postgres.server(programs) as base:
        yield base


def fresh(base: str, folder: Path, name: str = "town") -> str:
    """URL of an empty database that no other test has: of a server, or a file in `folder`."""
    if not base:
        return f"sqlite:///{folder / name}.db"
    name = f"{name}_{abs(hash(folder))}"
    with engine_of(base.replace("DATABASE", "postgres")).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f'CREATE DATABASE "{name}"')
        )
    return base.replace("DATABASE", name)


def engine_of(url: str) -> Engine:
    """An engine of its own, which keeps no connection."""
    parsed = make_url(url)
    return create_engine(parsed.set(drivername=DRIVERS[parsed.drivername]), poolclass=NullPool)


def contents(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, in the order of the primary key."""
    found = {}
    with engine_of(url).connect() as connection:
        for name, table in METADATA.tables.items():
            ordered = select(table).order_by(*table.primary_key.columns)
            found[name] = [dict(row) for row in connection.execute(ordered).mappings()]
    return found


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a statement in SQL."""
    with engine_of(url).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]
