"""How the town's table tells a node's state from its process and from what answers at its port."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from node.localnet import layout
from node.localnet.layout import Town
from node.localnet.processes import NodeProcess
from node.localnet.watch import Watch

STATUS = {"syncing": False, "height": 7, "peers": 3, "mempool_transactions": 0}
RESULTS = {"poyong_status": STATUS, "poyong_consensusState": {"view": 2}}


@asynccontextmanager
async def answering(port: int) -> AsyncIterator[None]:
    """A node in miniature: knows where it stands, and no other method."""

    async def reply(request: web.Request) -> web.Response:
        answers = []
        for call in await request.json():
            found = RESULTS.get(call["method"])
            outcome = {"result": found} if found else {"error": {"code": -32601, "message": "no"}}
            answers.append({"jsonrpc": "2.0", "id": call["id"], **outcome})
        return web.json_response(answers)

    application = web.Application()
    application.router.add_post("/", reply)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def ended(town: Town, folder: Path, code: str = "pass") -> list[NodeProcess]:
    """Processes of a town, all of which have ended."""
    processes = []
    for node in town.nodes:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        await process.wait()
        processes.append(NodeProcess(node.name, folder / node.name, process))
    return processes


async def test_a_node_that_ended_is_down_until_it_answers_again(tmp_path: Path) -> None:
    """Started by hand it is up, without a process id, since that process is not the town's."""
    town = layout.plan(1, "", 24_100)
    watch = Watch(town, await ended(town, tmp_path))
    node, other = watch.view.nodes
    await watch.look()
    assert (node.state, node.pid, node.peers, watch.view.up) == ("down", None, None, 0)
    async with answering(town.nodes[0].rpc_port):
        await watch.look()
        assert (node.state, node.pid, node.height, node.view) == ("up", None, 7, 2)
        assert (other.state, watch.view.up) == ("down", 1)
    await watch.look()
    assert (node.state, node.height, node.peers) == ("down", 7, None)
    await watch.close()


async def test_a_node_that_failed_is_failed_until_it_answers_again(tmp_path: Path) -> None:
    town = layout.plan(1, "", 24_200)
    watch = Watch(town, await ended(town, tmp_path, "raise SystemExit(1)"))
    await watch.look()
    assert {node.state for node in watch.view.nodes} == {"failed"}
    async with answering(town.nodes[1].rpc_port):
        await watch.look()
    assert [node.state for node in watch.view.nodes] == ["failed", "up"]
    await watch.close()
