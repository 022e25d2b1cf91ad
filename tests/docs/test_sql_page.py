"""docs/sql.md is what the tables are; a database has just these; its queries answer rightly."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from sqlalchemy import inspect

from ledger.primitives import UNIT
from node.sqlindex.database import ChainName, open_database
from node.sqlindex.page import QUERIES, page
from node.sqlindex.rows import rows_of, zone_rows
from node.sqlindex.schema import METADATA
from tests.docs.documents import text
from tests.support.governed_town import ZONES
from tests.support.indexed_town import TownFake, played
from tests.support.sql_databases import KINDS, engine_of, fresh, query, servers
from tokenomics.oracle.uplift import zone_value_krw


@pytest.fixture(scope="module", params=KINDS)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """URL of a database with the whole town."""
    with servers(request.param) as base:
        url = fresh(base, tmp_path_factory.mktemp("sql"))
        opened = open_database(url)
        zones = zone_rows(TownFake().zones())  # type: ignore[arg-type]
        opened.create(ChainName(1, played().genesis_hash), 1, zones)
        opened.write([rows_of(block) for block in played().blocks])
        opened.close()
        yield url


def answers(database: str, title: str) -> list[tuple[object, ...]]:
    return query(database, QUERIES[title])


def test_the_page_is_current() -> None:
    again = "python -m node.sqlindex.page > docs/sql.md"
    assert text("docs/sql.md") == page(), f"write it again: {again}"


def test_a_database_has_the_tables_columns_and_indices_of_the_page(database: str) -> None:
    found = inspect(engine_of(database))
    assert set(found.get_table_names()) == set(METADATA.tables)
    for name, table in METADATA.tables.items():
        columns = {column["name"]: column["nullable"] for column in found.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}
        indices = {index["name"]: index["column_names"] for index in found.get_indexes(name)}
        assert indices == {
            index.name: [column.name for column in index.columns] for index in table.indexes
        }
        for column in table.columns:
            assert column.comment


def test_who_received_how_much_in_each_month(database: str) -> None:
    expected: dict[tuple[str, str], list[int]] = defaultdict(list)
    for block in played().blocks:
        for row in rows_of(block).tables.get("transfers", []):
            if row["kind"] in ("transfer", "release", "spend"):
                expected[f"{row['time']:%Y-%m}", row["receiver"]].append(row["amount"])
    found = answers(database, "Who received how much in each month")
    assert {(month, receiver): count for month, receiver, count, _ in found} == {
        place: len(amounts) for place, amounts in expected.items()
    }
    for month, receiver, _, tokens in found:
        whole = sum(expected[str(month), str(receiver)])
        assert float(str(tokens)) == pytest.approx(whole / UNIT)
    assert found


def test_who_took_part_in_each_vote_by_chamber(database: str) -> None:
    last: dict[tuple[int, int, str], tuple[str, str]] = {}
    for block in played().blocks:
        for row in rows_of(block).tables.get("votes", []):
            last[row["proposal"], row["vote"], row["account"]] = row["chamber"], row["choice"]
    counts = Counter((place[0], place[1], chamber) for place, (chamber, _) in last.items())
    found = answers(database, "Who took part in each vote, by chamber")
    assert {(row[0], row[1], row[2]): row[3] for row in found} == counts
    assert len(found) == 4
    assert all((row[4], row[5], row[6]) == (row[3], 0, 0) for row in found)  # one had said no first


def test_what_each_zone_was_worth_after_each_round(database: str) -> None:
    area = {zone.name_ko: zone.area_tenth_m2 for zone in ZONES}
    names = {zone.id: zone.name_ko for zone in ZONES}
    expected = {}
    for block in played().blocks:
        for row in rows_of(block).tables.get("zone_rounds", []):
            name = names[row["zone"]]
            value = zone_value_krw(area[name], row["counted_krw_per_m2"])
            expected[row["round"], name] = value // 10**6
    found = answers(database, "What each zone was worth after each round, in million KRW")
    assert {(row[0], row[1]): row[3] for row in found} == expected
    assert expected
