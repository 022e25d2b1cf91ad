"""`poyong export` from the files of a stopped node and from a running one: the same rows."""

import asyncio
import csv
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from api import examples, ports
from api.encoding import address
from ledger.message_registry import MessageRegistry
from ledger.primitives import UNIT, Hash
from node import cli, config
from node.modules import build_executor
from node.opening import CHAIN_FOLDER
from node.store.stores import open_store
from tests.support.api_fakes import FakeNode
from tests.support.api_servers import serving
from tests.support.applied_chain import DOCUMENT, POOR_ADDRESS, RICH_ADDRESS, AppliedChain
from tests.support.ledger_chain import CHAIN_ID

HEIGHT = 6


@dataclass(frozen=True)
class Stopped:
    """Folder of a stopped node, and what it committed."""

    home: Path
    genesis_hash: Hash
    committed: list[ports.CommittedBlock]


class SameChain(FakeNode):
    """A running node with the blocks of the stopped one."""

    def __init__(self, stopped: Stopped) -> None:
        super().__init__()
        self.blocks = stopped.committed
        self._genesis_hash = stopped.genesis_hash

    @property
    def messages(self) -> MessageRegistry:
        return build_executor().registry

    def status(self) -> ports.NodeStatus:
        return replace(
            examples.STATUS,
            chain_id=CHAIN_ID,
            height=self.height(),
            genesis_hash=self._genesis_hash,
        )


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    home = tmp_path_factory.mktemp("export") / "node"
    home.mkdir()
    options = config.Config(node=config.NodeConfig(name="test"))
    (home / config.CONFIG_FILE).write_text(config.render(options), encoding="utf-8")
    (home / "genesis.json").write_text(json.dumps(DOCUMENT.document()), encoding="utf-8")
    store = open_store(home / "data" / CHAIN_FOLDER)
    chain = AppliedChain(store, executor=build_executor())
    for _ in range(HEIGHT):
        chain.grow(chain.signed())
    committed = [
        ports.CommittedBlock(item.block, item.executed.receipts, item.executed.hook_events)
        for item in chain.applied
    ]
    store.close()
    return Stopped(home, chain.opened.genesis_hash, committed)


async def run(*arguments: str) -> int:
    """In a thread, since the command has an event loop of its own."""
    return await asyncio.to_thread(cli.run, ["export", *arguments])


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("kind", ["blocks", "events"])
async def test_files_and_a_running_node_give_the_same_bytes(
    stopped: Stopped, tmp_path: Path, kind: str, form: str
) -> None:
    one, two = tmp_path / "files", tmp_path / "rpc"
    options = [kind, "--format", form, "--from", "2", "--to", "5"]
    assert await run(*options, "--home", str(stopped.home), "--out", str(one)) == 0
    async with serving(node=SameChain(stopped)) as served:
        assert await run(*options, "--rpc", served.url, "--out", str(two)) == 0
    content = one.read_bytes()
    assert content == two.read_bytes()
    assert content.count(b"\n") == 4 + (form == "csv")
    assert list(tmp_path.iterdir()) in ([one, two], [two, one])  # noqa: ASYNC240


def test_rows_say_what_the_blocks_hold(
    stopped: Stopped, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["export", "events", "--home", str(stopped.home)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["height"] for row in rows] == list(range(1, HEIGHT + 1))
    assert rows[0]["payload"]["amount"] == "5"
    assert rows[0]["account"] == address(RICH_ADDRESS)
    assert rows[0]["time"].endswith("+00:00")
    assert cli.run(["export", "events", "--home", str(stopped.home), "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [json.loads(row["payload"]) for row in table] == [row["payload"] for row in rows]
    assert cli.run(["export", "blocks", "--home", str(stopped.home)]) == 0
    blocks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["hash"] for row in blocks] == [
        "0x" + item.block.hash.hex() for item in stopped.committed
    ]


def test_accounts_are_every_row_at_the_head(
    stopped: Stopped, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["export", "accounts", "--home", str(stopped.home)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {row["address"]: (row["balance"], row["nonce"], row["height"]) for row in rows}
    assert found == {
        address(RICH_ADDRESS): (str(1_000 * UNIT - 5 * HEIGHT), HEIGHT, HEIGHT),
        address(POOR_ADDRESS): (str(5 * HEIGHT), 0, HEIGHT),
    }


def test_what_was_written_is_told(
    stopped: Stopped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "accounts.csv"
    options = ["export", "accounts", "--home", str(stopped.home), "--format", "csv"]
    assert cli.run([*options, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "kind": "accounts",
        "rows": 2,
        "file": str(out),
        "size_bytes": out.stat().st_size,
    }
    assert cli.run([*options, "--out", str(out)]) == cli.EXIT_FAILED
    assert "exists and is not replaced" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("blocks", "--from", "3", "--to", "9"), 1, "holds blocks 1 to 6, asked for were 3 to 9"),
        (("blocks", "--from", "5", "--to", "2"), 1, "asked for were 5 to 2"),
        (("accounts", "--from", "2"), 2, "accounts are those of the head"),
        (("blocks", "--json"), 2, "--json needs --out FILE"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_no_file_appears(
    stopped: Stopped,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    out = [] if "--json" in arguments else ["--out", str(tmp_path / "out")]
    assert cli.run(["export", *arguments, "--home", str(stopped.home), *out]) == code
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


async def test_a_running_node_lists_no_accounts(
    stopped: Stopped, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(node=SameChain(stopped)) as served:
        assert await run("accounts", "--rpc", served.url) == cli.EXIT_FAILED
    assert "stop one and export them from its files with --home" in capsys.readouterr().err


async def test_a_node_that_breaks_off_leaves_no_file(
    stopped: Stopped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = SameChain(stopped)
    wrong = stopped.committed[3]
    header = replace(wrong.block.header, parent_hash=wrong.block.hash)
    node.blocks = [
        *stopped.committed[:3],
        replace(wrong, block=replace(wrong.block, header=header)),
        *stopped.committed[4:],
    ]
    out = ["--out", str(tmp_path / "out")]
    async with serving(node=node) as served:
        assert await run("blocks", "--rpc", served.url, *out) == cli.EXIT_FAILED
    assert "block 4 stands on" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240
