"""A served chain followed into SQLite and PostgreSQL: what is there, and what a wrong one does."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from api import ports
from api.client import Client
from api.server import ApiConfig
from ledger.errors import LocalError
from node import cli
from node.sqlindex.database import ChainName, open_database
from node.sqlindex.follow import Follower, Standing
from node.sqlindex.rows import rows_of
from node.sqlindex.schema import METADATA, SCHEMA_VERSION
from tests.support.api_servers import Served, serving
from tests.support.governed_town import ZONES
from tests.support.indexed_town import TITLE, TownFake, played
from tests.support.sql_databases import KINDS, contents, engine_of, fresh, query, servers

GENESIS = "0x" + "11" * 32
CHAIN = ChainName(82062, GENESIS)


@pytest.fixture(scope="module", params=KINDS)
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    with servers(request.param) as found:
        yield found


@pytest.fixture
def database(base: str, tmp_path: Path) -> str:
    """URL of an empty database."""
    return fresh(base, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """URL of an empty SQLite file, for what does not depend on the kind of database."""
    return fresh("", tmp_path)


async def index(served: Served, url: str, first_height: int | None = None) -> Standing:
    """Up to the head."""
    opened = open_database(url)
    try:
        async with Client(served.url) as client:
            follower = Follower(client, opened, first_height=first_height, until_head=True)
            return await follower.run()
    finally:
        opened.close()


def expected(first: int = 1, last: int | None = None) -> dict[str, list[dict[str, object]]]:
    """What the blocks add, by the pure function, in the order of each primary key."""
    found: dict[str, list[dict[str, object]]] = {name: [] for name in METADATA.tables}
    del found["poyong_index"], found["zones"]
    for block in played().blocks[first - 1 : last]:
        for name, rows in rows_of(block).tables.items():
            found[name] += rows
    for name, rows in found.items():
        keys = [column.name for column in METADATA.tables[name].primary_key.columns]
        rows.sort(key=lambda row: [row[key] for key in keys])
    return found


def found_in(url: str) -> dict[str, list[dict[str, object]]]:
    found = contents(url)
    del found["poyong_index"], found["zones"]
    return found


async def test_each_row_comes_back_as_the_pure_function_made_it(database: str) -> None:
    async with serving(node=TownFake()) as served:
        done = await index(served, database)
    assert done.blocks == len(played().committed)
    assert done.cursor.block_hash == played().blocks[-1]["hash"]
    assert found_in(database) == expected()
    assert all(rows for name, rows in expected().items())
    assert (await asyncio.to_thread(query, database, "SELECT count(*) FROM blocks")) == [
        (done.blocks,)
    ]


async def test_korean_is_stored_as_itself(database: str) -> None:
    async with serving(node=TownFake()) as served:
        await index(served, database)
    found = query(
        database, f"SELECT count(*) FROM transactions WHERE CAST(fields AS TEXT) LIKE '%{TITLE}%'"
    )
    assert found == [(1,)]


async def test_a_second_run_goes_on_where_the_first_ended_and_doubles_nothing(
    database: str,
) -> None:
    node = TownFake(height=40)
    async with serving(node=node) as served:
        assert (await index(served, database)).cursor.height == 40
        assert (await index(served, database)).blocks == 0
        await node.extend(to=60)
        assert (await index(served, database)).blocks == 20
    assert found_in(database) == expected(last=60)


def test_blocks_that_are_there_already_are_left_out(database: str) -> None:
    genesis = ChainName(1, played().genesis_hash)
    batch = [rows_of(block) for block in played().blocks[:30]]
    opened = open_database(database)
    assert opened.find(genesis, None) is None
    opened.create(genesis, 1)
    opened.write(batch[:20])
    assert opened.write(batch[:20]).height == 20
    assert opened.write(batch).height == 30
    with pytest.raises(LocalError, match="from 31 on without a gap, found"):
        opened.write([rows_of(played().blocks[31])])
    opened.close()
    assert found_in(database) == expected(last=30)


def test_of_two_programs_that_write_the_second_is_told_so_and_nothing_is_doubled(
    database: str,
) -> None:
    genesis = ChainName(1, played().genesis_hash)
    batch = [rows_of(block) for block in played().blocks[:5]]
    one, two = open_database(database), open_database(database)
    one.find(genesis, None)
    one.create(genesis, 1)
    two.find(genesis, None)
    one.write(batch)
    with pytest.raises(LocalError, match="another program has written blocks"):
        two.write(batch)
    one.close()
    two.close()
    assert found_in(database) == expected(last=5)


@pytest.mark.timeout(240)
async def test_a_process_killed_anywhere_loses_nothing_and_doubles_nothing(database: str) -> None:
    """SIGKILL while the tables are made, before the cursor moves, between two tables, and before
    the commit."""
    async with serving(node=TownFake()) as served:
        assert await killed(served.url, database, 1) == -signal.SIGKILL
        assert inspect(engine_of(database)).get_table_names() == []
        for statement in (2, 2, 6, 0):
            assert await killed(served.url, database, statement) == -signal.SIGKILL
            after = contents(database)
            (cursor,) = after.pop("poyong_index")
            assert len(after.pop("zones")) == len(ZONES)
            height = int(cursor["height"])
            # Whole: up to the cursor, with nothing beyond it.
            assert after == expected(last=height)
        assert await killed(served.url, database, -1) == 0
    assert found_in(database) == expected()


async def killed(rpc_url: str, database: str, statement: int) -> int:
    command = (sys.executable, "-m", "tests.support.killed_index")
    process = await asyncio.create_subprocess_exec(*command, rpc_url, database, str(statement))
    return await process.wait()


async def test_it_follows_new_blocks_until_it_is_told_to_stop(file: str) -> None:
    node = TownFake(height=10)
    told: asyncio.Queue[Standing] = asyncio.Queue()
    async with serving(node=node) as served, Client(served.url) as client:
        opened = open_database(file)
        follower = Follower(client, opened, told=told.put_nowait)
        running = asyncio.create_task(follower.run())
        for height in (10, 11, 30):
            await node.extend(to=height)
            while (await told.get()).cursor.height < height:
                pass
        follower.stop()
        assert (await running).cursor.height == 30
        opened.close()
    assert found_in(file) == expected(last=30)


async def test_it_waits_for_a_node_that_goes_away_and_goes_on(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.sqlindex.follow.RETRY_MIN_S", 0.01)
    node = TownFake(height=10)
    told: asyncio.Queue[Standing] = asyncio.Queue()
    async with serving(node=node) as served:
        client = Client(served.url)
        opened = open_database(file)
        follower = Follower(client, opened, told=told.put_nowait)
        running = asyncio.create_task(follower.run())
        while (await told.get()).cursor.height < 10:
            pass
        await served.server.stop()
        while not (await told.get()).away:
            pass
        again = ApiConfig(port=served.port)
        node.blocks += played().committed[10:12]
        async with serving(again, node):
            while (await told.get()).cursor.height < 12:
                pass
            follower.stop()
            await running
        await client.close()
        opened.close()
    assert found_in(file) == expected(last=12)


def test_a_node_that_does_not_answer_is_said_at_once_and_no_file_is_made(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "http://127.0.0.1:9"
    assert cli.run(["index", "--to", file, "--rpc", nobody]) == cli.EXIT_FAILED
    assert "Is the node running" in capsys.readouterr().err
    assert not Path(file.removeprefix("sqlite:///")).exists()


async def test_a_database_may_begin_later(database: str) -> None:
    async with serving(node=TownFake()) as served:
        await index(served, database, 50)
        assert (await index(served, database)).blocks == 0
        with pytest.raises(LocalError, match="begins at block 50, --from asks for 7"):
            await index(served, database, 7)
    assert found_in(database) == expected(first=50)


async def test_another_chain_is_refused_and_nothing_is_touched(database: str) -> None:
    opened = open_database(database)
    opened.create(CHAIN, 1)
    opened.close()
    before = contents(database)
    async with serving(node=TownFake()) as served:
        with pytest.raises(LocalError, match=f"holds chain 82062 of genesis {GENESIS}, the node"):
            await index(served, database)
    assert contents(database) == before


async def test_another_history_of_the_same_genesis_is_refused(database: str) -> None:
    async with serving(node=TownFake(height=20)) as served:
        await index(served, database)
    change(database, "UPDATE poyong_index SET block_hash = '0x" + "22" * 32 + "'")
    before = contents(database)
    async with serving(node=TownFake(height=25)) as served:
        with pytest.raises(LocalError, match="block 20 of the node is 0x"):
            await index(served, database)
    assert contents(database) == before


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
async def test_tables_of_another_version_are_refused(database: str, version: int) -> None:
    async with serving(node=TownFake(height=5)) as served:
        await index(served, database)
        change(database, f"UPDATE poyong_index SET schema_version = {version}")
        before = contents(database)
        with pytest.raises(LocalError, match=f"tables of schema version {version}, this release"):
            await index(served, database)
    assert contents(database) == before


async def test_tables_of_another_program_are_left_alone(database: str) -> None:
    change(database, "CREATE TABLE events (concert TEXT)")
    async with serving(node=TownFake(height=5)) as served:
        with pytest.raises(LocalError, match="has a table events that is not an index"):
            await index(served, database)
    assert query(database, "SELECT * FROM events") == []


def change(url: str, statement: str) -> None:
    with engine_of(url).begin() as connection:
        connection.execute(text(statement))


async def test_a_node_that_changes_a_block_is_refused_before_it_is_written(file: str) -> None:
    node = TownFake()
    forged = node.blocks[6]
    header = replace(forged.block.header, parent_hash=forged.block.hash)
    node.blocks[6] = ports.CommittedBlock(
        replace(forged.block, header=header), forged.receipts, forged.hook_events
    )
    async with serving(node=node) as served:
        with pytest.raises(LocalError, match="block 7 stands on 0x"):
            await index(served, file)
    assert found_in(file)["blocks"] == expected(last=len(found_in(file)["blocks"]))["blocks"]
    assert len(found_in(file)["blocks"]) <= 6


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("town.db", "expected sqlite:///FILE or postgresql://"),
        ("mysql://town", "found a URL that begins with 'mysql'"),
        ("sqlite://", "found no name of a database"),
        ("sqlite:///:memory:", "found no name of a database"),
    ],
)
def test_a_url_that_names_no_database_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(LocalError, match=sentence):
        open_database(url)


def test_what_the_database_says_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    text_file = tmp_path / "letter.txt"
    text_file.write_text("no database, but a letter of more than a hundred characters " * 4)
    with pytest.raises(LocalError, match=r"cannot read sqlite:.*not a database"):
        open_database(f"sqlite:///{text_file}").find(CHAIN, None)
    away = f"postgresql://town:secret@/town?host={tmp_path}"
    with pytest.raises(LocalError, match="cannot read postgresql://") as refused:
        open_database(away).find(CHAIN, None)
    assert "secret" not in str(refused.value)


async def test_the_command_prints_what_it_wrote(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(node=TownFake()) as served:
        options = ["index", "--to", file, "--rpc", served.url, "--until-head"]
        assert await asyncio.to_thread(cli.run, [*options, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["height"], found["blocks"]) == (len(played().committed),) * 2
        assert found["database"] == file
        assert await asyncio.to_thread(cli.run, options) == 0
        assert "blocks_per_second" in capsys.readouterr().out
        wrong = [*options[:2], "mysql://x", *options[3:]]
        assert await asyncio.to_thread(cli.run, wrong) == cli.EXIT_FAILED
        assert "poyong: --to: expected" in capsys.readouterr().err


@pytest.mark.timeout(60)
async def test_sigterm_ends_the_command_with_everything_written(file: str) -> None:
    node = TownFake(height=10)
    async with serving(node=node) as served:
        command = (sys.executable, "-m", "node.cli", "index", "--json")
        process = await asyncio.create_subprocess_exec(
            *command, "--to", file, "--rpc", served.url, stdout=asyncio.subprocess.PIPE
        )
        # The subscription waits for the next block: all others were sent.
        await node.until_waiting(1)
        await node.extend(to=11)
        await node.until_waiting(1)
        process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
    assert process.returncode == 0
    height = json.loads(out)["height"]
    assert found_in(file) == expected(last=height)
