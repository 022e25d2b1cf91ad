"""Calls of an Ethereum client, by dispatcher, on a node in memory."""

from typing import Any

import orjson

from api.dispatch import Dispatcher
from api.encoding import hex_of
from api.ethereum.gateway import Gateway
from api.methods import all_methods
from api.registry import Context
from ledger.errors import InvariantViolation
from tests.support import execution_api
from tests.support.api_fakes import FakeNode
from tests.support.json_schema import problems

REGISTRY = all_methods()


class Caller:
    """A client: result() checks every answer against the specification and our own schema."""

    def __init__(self) -> None:
        self.node = FakeNode()
        self.node.hook_events = ()
        self.now_s = 0.0
        self.gateway = Gateway(self.node, lambda: self.now_s, max_log_blocks=20, max_filters=3)
        self._dispatcher = Dispatcher(REGISTRY, 100, self._failed)

    @staticmethod
    def _failed(error: InvariantViolation) -> None:
        raise error

    async def answers(self, *calls: tuple[Any, ...]) -> list[dict[str, Any]]:
        """Of one batch, each call (method, parameter, ...)."""
        message = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, *params) in enumerate(calls)
        ]
        context = Context(self.node, REGISTRY, self.gateway)
        answer = await self._dispatcher.answer(orjson.dumps(message), context, lambda _: None)
        found: list[dict[str, Any]] = orjson.loads(answer or b"[]")
        return found

    async def result(self, method: str, *params: Any) -> Any:
        """The result, which keeps to both schemas."""
        (answer,) = await self.answers((method, *params))
        assert "error" not in answer, answer
        known = REGISTRY.find(method)
        assert known is not None
        assert not problems(answer["result"], execution_api.RESULTS[method], method)
        assert not problems(answer["result"], known.result, method)
        return answer["result"]

    async def error(self, method: str, *params: Any) -> dict[str, Any]:
        """The error object."""
        (answer,) = await self.answers((method, *params))
        assert "result" not in answer, answer
        found: dict[str, Any] = answer["error"]
        return found

    async def send(self, *raws: bytes) -> list[str]:
        """Hashes of raw transactions that the node takes."""
        return [await self.result("eth_sendRawTransaction", hex_of(raw)) for raw in raws]

    async def block(self, *raws: bytes) -> list[str]:
        """Send these and commit them in one block; their hashes."""
        hashes = await self.send(*raws)
        await self.node.commit()
        return hashes
