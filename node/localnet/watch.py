"""Asks the nodes of a town where they stand, and keeps the TownView up to date."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from api import calls
from api.calls import Call
from api.client import Client, ClientError, NodeError
from node.localnet.layout import Town
from node.localnet.processes import NodeProcess
from node.localnet.view import NodeView, TownView

INTERVAL_S: Final = 0.5
IDLE_INTERVAL_S: Final = 2.0
"""Looking costs the nodes more than an idle chain does."""
BLOCKS_A_LOOK: Final = 1_000
"""Blocks counted in one look; a long chain is caught up with over several."""
RATE_WINDOW_S: Final = 10.0

_STANDING: Final[list[Call[Any]]] = [calls.status(), calls.consensus_state()]
_ECONOMY: Final[list[Call[Any]]] = [calls.get_issuance(), calls.get_land_index()]


class Watch:
    """Looks at each node in turn; a node that does not answer keeps its last figures."""

    def __init__(
        self,
        town: Town,
        processes: Sequence[NodeProcess],
        counted: tuple[int, int] = (0, 0),
        interval_s: float = INTERVAL_S,
    ) -> None:
        """counted: (height, transactions up to it) that are known already."""
        self._interval_s = interval_s
        self._processes = {process.name: process for process in processes}
        self.view = TownView(
            [
                NodeView(node.name, node.organisation, node.rpc_url, self._processes[node.name].pid)
                for node in town.nodes
            ],
            scenario=town.scenario,
            started_height=counted[0],
            transactions=counted[1],
        )
        self._counted_height = counted[0]
        self._clients = {node.name: Client(node.rpc_url, timeout_s=5.0) for node in town.nodes}
        self._rate: deque[tuple[float, int]] = deque()
        self.first_block = asyncio.Event()

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.close()

    def client(self, name: str) -> Client:
        """The client of a node."""
        return self._clients[name]

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._interval_s)

    async def look(self) -> None:
        """Ask every node that runs, then one of them for the town's figures."""
        await asyncio.gather(*(self._look_at(node) for node in self.view.nodes))
        if not self.view.waiting:
            self.first_block.set()
        # The observer is last in the list and serves such questions; validators stand in for it.
        for node in reversed(self.view.nodes):
            if node.state == "up":
                await self._figures(node)
                return

    async def _look_at(self, node: NodeView) -> None:
        process = self._processes[node.name]
        try:
            status, consensus = await self._clients[node.name].batch(_STANDING)
        except ClientError:
            if not process.alive:
                node.state = "failed" if process.failure() else "down"
                node.pid = node.view = node.peers = node.mempool = None
            return
        if not process.alive:
            node.pid = None  # started again by hand: up, in a process that is not the town's
        if not isinstance(status, NodeError):
            node.state = "syncing" if status["syncing"] else "up"
            node.height, node.peers = status["height"], status["peers"]
            node.mempool = status["mempool_transactions"]
        if not isinstance(consensus, NodeError):
            node.view = consensus["view"]

    async def _figures(self, node: NodeView) -> None:
        self._measure_rate()
        if node.height == self._counted_height and self.view.economy:
            return  # nothing changes but by blocks
        first = self._counted_height + 1
        last = min(node.height or 0, self._counted_height + BLOCKS_A_LOOK)
        client = self._clients[node.name]
        try:
            issuance, land = await client.batch(_ECONOMY)
            blocks = await client.batch(
                [calls.get_block(height) for height in range(first, last + 1)]
            )
        except ClientError:
            return
        self.view.economy = {**_known(land), **_known(issuance)}
        for block in blocks:
            if block is None or isinstance(block, NodeError):
                break
            self._counted_height = block["height"]
            self.view.transactions += block["transaction_count"]

    def _measure_rate(self) -> None:
        now = time.monotonic()
        self._rate.append((now, self.view.transactions))
        while now - self._rate[0][0] > RATE_WINDOW_S:
            self._rate.popleft()
        since, before = self._rate[0]
        sent = self.view.transactions - before
        self.view.transactions_per_second = sent / (now - since) if now > since else 0.0


def _known(answer: object) -> Mapping[str, Any]:
    """A view's members, or nothing of a chain without that module."""
    return answer if isinstance(answer, dict) else {}
