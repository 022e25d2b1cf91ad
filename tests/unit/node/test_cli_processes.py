"""Which ends of a node count as its own failure, and that stopping always ends."""

import asyncio
import signal
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from node.localnet import layout, processes
from node.localnet.processes import NodeProcess
from node.localnet.view import NodeView, TownView, live_table, plain_line

WAIT = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WAIT


async def run(code: str, log: Path) -> NodeProcess:
    """A process in a node's place; returns when it has printed a line or ended."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    assert process.stdout is not None
    await process.stdout.readline()
    return NodeProcess("gist", log, process)


async def test_an_exit_code_is_a_failure_with_the_last_line_of_the_log(tmp_path: Path) -> None:
    node = await run("import sys; sys.exit('poyong: no key')", tmp_path / "log")
    await node.process.wait()
    assert not node.alive
    assert node.failure() == "gist ended with exit code 1: poyong: no key"


async def test_a_crash_is_a_failure(tmp_path: Path) -> None:
    node = await run("import os; os.abort()", tmp_path / "log")
    await node.process.wait()
    assert (node.failure() or "").startswith("gist ended with SIGABRT")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_node_killed_by_hand_did_not_fail(tmp_path: Path, number: int) -> None:
    node = await run(WAIT, tmp_path / "log")
    assert node.alive
    node.process.send_signal(number)
    await node.process.wait()
    assert (node.alive, node.failure()) == (False, None)


async def test_stop_ends_every_node_even_one_that_does_not_listen(tmp_path: Path) -> None:
    willing = await run(WAIT, tmp_path / "a")
    stubborn = await run(STUBBORN, tmp_path / "b")
    assert await processes.stop([willing, stubborn], timeout_s=0.5) == ["gist"]
    assert not willing.alive
    assert stubborn.process.returncode == -signal.SIGKILL
    assert await processes.stop([willing, stubborn]) == []


def town_view() -> TownView:
    return TownView(
        [
            NodeView("gist", "GIST", "http://127.0.0.1:1", 11, "up", 1234, 2, 3, 5),
            NodeView("builder", "Builder 건설사", "http://127.0.0.1:2", None, "down", 1200),
        ],
        scenario="gwangju",
        transactions=98765,
        quarter="2014 Q2",
        economy={
            "land_index": 101802,
            "ceiling": str(458_002 * 10**18),
            "issued": str(458_001 * 10**18 + 1),
            "rounds_final": 10,
        },
    )


def test_the_live_table_shows_every_figure() -> None:
    output = StringIO()
    Console(width=120, file=output).print(live_table(town_view(), 120))
    text = output.getvalue()
    shown = (
        "GIST", "Builder 건설사", "down", "1,234", "98,765", "101.802", "458,002 BJT",
        "458,001 BJT", "2014 Q2", "http://127.0.0.1:2",
    )  # fmt: skip
    for figure in shown:
        assert figure in text


@pytest.mark.parametrize("width", [80, 100, 120])
def test_addresses_and_names_are_whole_on_one_line_each(width: int) -> None:
    """All sixteen organisations, with the largest figures that a town comes to."""
    town = layout.plan(layout.MAX_VALIDATORS, "", 31_000)
    view = town_view()
    view.nodes = [
        NodeView(node.name, node.organisation, node.rpc_url, 4194304, "starting", 9_999_999, 12, 16)
        for node in town.nodes
    ]
    output = StringIO()
    Console(width=width, file=output).print(live_table(view, width))
    lines = output.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    for node in town.nodes:
        (line,) = [line for line in lines if node.rpc_url in line]
        assert line.strip().startswith(node.organisation)
        assert "9,999,999" in line
    assert ("4194304" in output.getvalue()) == (width > 80)
    assert any(f"{458_002:,} BJT" in line and "98,765 (0.0/s)" in line for line in lines)


def test_a_plain_line_is_one_line_with_every_figure() -> None:
    line = plain_line(town_view())
    assert "\n" not in line
    shown = (
        "nodes=1/2", "height=1234", "view=2", "peers=3", "transactions=98765",
        "land_index=101.802", "ceiling=458,002", "issued=458,001", "down=builder",
    )  # fmt: skip
    for figure in shown:
        assert figure in line


def test_a_start_says_what_it_waits_for_until_the_first_block() -> None:
    town = TownView(
        [NodeView(name, name, "http://127.0.0.1:1", 11) for name in ("gist", "builder")],
        started_height=7,
    )
    assert "(waiting for 2 of 2 nodes to start)" in plain_line(town)
    town.nodes[0].state, town.nodes[0].height = "up", 7
    assert "(waiting for 1 of 2 nodes to start)" in plain_line(town)
    town.nodes[1].state = "up"
    assert "(waiting for the first block)" in plain_line(town)
    output = StringIO()
    Console(width=80, file=output).print(live_table(town, 80))
    assert "waiting for the first block" in output.getvalue()
    town.nodes[1].height = 8
    assert "waiting" not in plain_line(town)


def test_before_the_first_answer_there_is_a_table_too() -> None:
    empty = TownView([NodeView("gist", "GIST", "http://127.0.0.1:1", 11)])
    assert "height=0" in plain_line(empty)
    assert live_table(empty, 80).renderables
