"""docs/sql.md from the tables: `python -m node.sqlindex.page > docs/sql.md`."""

import sys
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from node.sqlindex.schema import METADATA, SCHEMA_VERSION

INTRODUCTION: Final = f"""\
# The chain in SQL

Written by `python -m node.sqlindex.page` from the tables; a test keeps it current. Do not edit.

`poyong index` follows a running node, from this machine or another, into tables of SQLite or
PostgreSQL, so that queries and dashboards need no node. It needs `pip install 'poyong[sql]'`.

```
poyong index --to sqlite:///town.db --until-head
poyong index --to postgresql://town@db.example/town --rpc http://node.example:8545
```

- An empty database gets its tables; one that holds another chain, another schema version (this is
  version {SCHEMA_VERSION}) or tables of another program is refused with one sentence, untouched. In
  PostgreSQL a schema of its own keeps them apart: `?options=-csearch_path%3Dpoyong` behind the URL.
- Blocks are final, so rows are only ever added. Those of a batch and the cursor of `poyong_index`
  are one transaction: a program killed at any moment loses and doubles nothing, and goes on at the
  cursor. One program writes a database at a time; a second one is told so and ends.
- Of each block it is checked that header, parent and transactions fit, down to the genesis hash.
  For what execution gave, the node is trusted: name one of your own.
- The password of PostgreSQL belongs in `~/.pgpass` or `PGPASSWORD`, not in the command. The URL can
  be given by `POYONG_INDEX_TO`.
- While it follows, a node that is away is asked again every 1 to 30 s. A database that fails ends
  it; let the service manager start it again.

## How values are stored

- **Amounts** are exact integers: NUMERIC(39,0) in PostgreSQL. SQLite's integers end at 2^63, so
  there they are decimal text: exact when read, but `SUM`, comparison and order have to turn them
  into numbers (`SUM(amount)`, `ORDER BY CAST(amount AS REAL)`), which keeps about 15 digits. Use
  PostgreSQL where sums have to be exact.
- **Times** are block time: `time` a timestamp in UTC (text such as `2026-01-31 08:05:00.500000` in
  SQLite), `time_ms` in `blocks` ms since 1970. PostgreSQL shows timestamps in the zone of the
  session: `SET TIME ZONE 'Asia/Seoul'` gives Korean months.
- **Addresses and hashes** are text as JSON-RPC gives them: addresses with the EIP-55 checksum.
- **JSON** is JSONB in PostgreSQL and text in SQLite, Korean as itself. U+0000, which PostgreSQL
  cannot hold, becomes U+FFFD in every text.
- There are no foreign keys: everything of a block comes in one transaction.
"""

QUERIES: Final[Mapping[str, str]] = {
    "Who received how much in each month": """\
SELECT substr(CAST(time AS TEXT), 1, 7) AS month,
       receiver,
       COUNT(*) AS payments,
       SUM(amount) / 1e18 AS tokens
FROM transfers
WHERE kind IN ('transfer', 'release', 'spend')
GROUP BY substr(CAST(time AS TEXT), 1, 7), receiver
ORDER BY month, tokens DESC, receiver""",
    "Who took part in each vote, by chamber": """\
WITH last_votes AS (
  SELECT proposal, vote, chamber, choice, votes,
         ROW_NUMBER() OVER (PARTITION BY proposal, vote, account
                            ORDER BY height DESC, position DESC) AS newest
  FROM votes
)
SELECT proposal, vote, chamber,
       COUNT(*) AS members,
       SUM(CASE WHEN choice = 'yes' THEN 1 ELSE 0 END) AS yes,
       SUM(CASE WHEN choice = 'no' THEN 1 ELSE 0 END) AS no,
       SUM(CASE WHEN choice = 'abstain' THEN 1 ELSE 0 END) AS abstain
FROM last_votes
WHERE newest = 1
GROUP BY proposal, vote, chamber
ORDER BY proposal, vote, chamber""",
    "What each zone was worth after each round, in million KRW": """\
SELECT zone_rounds.round,
       zones.name_ko,
       zone_rounds.outcome,
       zones.area_tenth_m2 * CAST(zone_rounds.counted_krw_per_m2 AS BIGINT) / 10 / 1000000
         AS million_krw,
       zones.area_tenth_m2 * CAST(zones.base_krw_per_m2 AS BIGINT) / 10 / 1000000
         AS base_million_krw
FROM zone_rounds
JOIN zones ON zones.zone = zone_rounds.zone
ORDER BY zone_rounds.round, zones.zone""",
}
"""Read by both databases; each is run by a test."""

EXPORT: Final = """\
## Files instead of a database

`poyong export` writes blocks, events or accounts, one a line: JSON (`--format jsonl`) or CSV.
Blocks and events come from a running node or, with `--home`, from the files of a stopped one;
accounts only from files, at the head. The columns are those of the tables above; accounts have
address, balance (decimal text), nonce and height. A file appears under its name when it is whole.
CSV is UTF-8 without a byte order mark: where a spreadsheet asks, choose UTF-8.

```
poyong export events --from 1 --to 5000 --out events.jsonl
poyong export accounts --home node --format csv --out accounts.csv
```
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION, "## Tables\n"]
    parts += [_section(table) for table in METADATA.tables.values()]
    parts.append("## Questions that it answers\n")
    parts += [f"### {title}\n\n```sql\n{query};\n```\n" for title, query in QUERIES.items()]
    return "\n".join([*parts, EXPORT])


def _section(table: Table) -> str:
    lines = [f"### {table.name}\n", f"{table.comment}\n"]
    lines += ["| column | PostgreSQL | SQLite | meaning |", "|---|---|---|---|"]
    for column in table.columns:
        kinds = [
            column.type.compile(dialect)
            for dialect in (postgresql.dialect(), sqlite.dialect())  # type: ignore[no-untyped-call]
        ]
        null = ", or null" if column.nullable else ""
        shown = " | ".join(f"{kind}{null}" for kind in kinds)
        lines.append(f"| `{column.name}` | {shown} | {column.comment} |")
    keys = [f"`{column.name}`" for column in table.primary_key.columns]
    lines.append(f"\nPrimary key: {', '.join(keys)}.")
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        names = ", ".join(f"`{column.name}`" for column in index.columns)
        lines.append(f"{'Unique index' if index.unique else 'Index'}: {names}.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
