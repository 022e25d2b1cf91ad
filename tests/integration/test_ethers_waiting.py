"""ethers 6 on a quiet chain: nothing but its own transaction makes a block there for half a minute,
and what it has read stays in its cache for a quarter of a second."""

import asyncio

from api.encoding import hex_of
from api.ports import FinalReceipt
from tests.support import client_programs
from tests.support.api_fakes import FakeNode
from tests.support.api_servers import serving
from tests.support.ethereum import raw

BLOCK_S = 0.1


class QuietChain(FakeNode):
    """Makes one block, a little after the first question what became of a transaction."""

    committing: asyncio.Task[object] | None = None

    def receipt(self, transaction_hash: bytes) -> FinalReceipt | None:
        if self.committing is None:
            self.committing = asyncio.create_task(self._commit_later())
        return super().receipt(transaction_hash)

    async def _commit_later(self) -> None:
        await asyncio.sleep(BLOCK_S)
        await self.commit()


async def test_a_transaction_is_waited_for_no_longer_than_its_block_takes() -> None:
    """An early null would stay in the cache past the only block that there is to see."""
    node, folder = client_programs.node_with("ethers")
    async with serving(node=QuietChain()) as served:
        found = await asyncio.to_thread(
            client_programs.run, node, "ethers_waiting.mjs", folder, served.url, hex_of(raw())
        )
    assert found == {"status": 1, "block": 1}
