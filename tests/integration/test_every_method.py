"""Every registered method on a real node: its example is executed and keeps to its schema, and no
parameters whatever make it fail, take long, or stop the chain."""

import asyncio
import copy
import itertools
import logging
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.dispatch import Dispatcher
from api.ethereum.gateway import Gateway
from api.methods import all_methods
from api.registry import Context, Method
from api.server import ApiConfig
from api.subscriptions import EncodedBlocks, Subscriptions
from node.service import Service
from tests.support.api_servers import fail
from tests.support.execution_api import RESULTS
from tests.support.json_schema import problems
from tests.support.running_nodes import RunningNodes, running_nodes
from tests.support.town import base_port

TOKEN_CONTRACT = "0x0000000000000000000000000000000000000401"

METHODS = list(all_methods())
SEED = 82062
INPUTS_A_METHOD = 200
MAX_BODY_BYTES = ApiConfig().max_body_bytes
LONGEST_S = 5.0
"""For one message with one call, on a busy machine; each takes well under a tenth."""
CODES = {-32700, -32600, -32601, -32602, -32000, -32005, 3, 4}
"""All but -32603: a caller never causes an internal error."""


class Caller:
    """Calls through the dispatcher to a real node, as over a WebSocket whose reader takes
    everything."""

    def __init__(self, service: Service) -> None:
        registry = all_methods()
        gateway = Gateway(service)
        self.notices: list[bytes] = []
        self._dispatcher = Dispatcher(registry, 100, fail)
        self._subscriptions = Subscriptions(
            service, EncodedBlocks(service), self._take, lambda _: None, maximum=64
        )
        self._context = Context(service, registry, gateway, self._subscriptions)

    async def _take(self, *parts: bytes) -> None:
        self.notices.append(b"".join(parts))

    async def raw(self, body: bytes) -> bytes | None:
        """The answer to a body."""
        answer = await self._dispatcher.answer(body, self._context, lambda _: None)
        self._subscriptions.start()
        return answer

    async def ask(self, method: str, params: object) -> dict[str, Any]:
        """The answer to a call, which is one in form."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer: dict[str, Any] = orjson.loads(await self.raw(orjson.dumps(message)) or b"")
        assert answer.keys() in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}), answer
        assert answer["id"] == 1
        return answer

    async def close(self) -> None:
        """End the subscriptions."""
        await self._subscriptions.close()


@asynccontextmanager
async def one_node(folder: Path, port: int) -> AsyncIterator[tuple[RunningNodes, str, Caller]]:
    async with running_nodes(folder, port, validators=1) as nodes:
        (name,) = nodes.validators
        await nodes.start(name)
        await nodes.finalise(name, 3)
        caller = Caller(nodes.nodes[name].service)
        try:
            yield nodes, name, caller
        finally:
            await caller.close()


def whole(schema: Any, document: dict[str, Any]) -> Any:
    """A schema of the OpenRPC document with what it refers to in its place."""
    if isinstance(schema, list):
        return [whole(item, document) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(reference := schema.get("$ref"), str):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return whole(found, document)
    return {name: whole(item, document) for name, item in schema.items()}


async def test_the_examples_of_rpc_discover_are_executed(tmp_path: Path) -> None:
    """As a reader of the document would send them. Two things differ from chain to chain: a
    filter's id, and that of a subscription."""
    async with one_node(tmp_path, base_port() + 1800) as (_, _, caller):
        document = (await caller.ask("rpc.discover", []))["result"]
        assert {item["name"] for item in document["methods"]} == {item.name for item in METHODS}
        made_filter = (await caller.ask("eth_newFilter", [{"fromBlock": "0x1"}]))["result"]
        ended = ("eth_uninstallFilter", "eth_unsubscribe", "poyong_unsubscribe")
        ordered = sorted(document["methods"], key=lambda item: item["name"] in ended)
        for method in ordered:
            name, (example,) = method["name"], method["examples"]
            given = {item["name"]: item["value"] for item in example["params"]}
            for parameter in method["params"]:
                if parameter["name"] in given:
                    value = given[parameter["name"]]
                    assert not problems(value, whole(parameter["schema"], document)), name
            if "filter_id" in given:
                given["filter_id"] = made_filter
            if name.endswith("_unsubscribe"):
                topic = {"eth": "newHeads", "poyong": "blocks"}[name.partition("_")[0]]
                subscribe = name.replace("unsub", "sub")
                given["subscription"] = (await caller.ask(subscribe, [topic]))["result"]
            answer = await caller.ask(name, given)
            assert "result" in answer, (name, answer)
            schema = whole(method["result"]["schema"], document)
            assert not problems(answer["result"], schema, name)
            assert not problems(example["result"]["value"], schema, name) or name == "rpc.discover"
            if name in RESULTS:
                assert not problems(answer["result"], RESULTS[name], name)


# Arbitrary parameters

HUGE = 10**30
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 0.5, 1e308, -0.0,
    "", "0x", "0x0", "0x1", "0x00", "0x01", "0xg", "0X1", "-0x1", "0x-1", "0x" + "f" * 16,
    "0x" + "f" * 64, "0x" + "f" * 65, "0x" + "00" * 20, "0x" + "00" * 32, "0x" + "ab" * 2_000,
    "latest", "pending", "earliest", "safe", "finalized", "LATEST", "\u0000", "\ud7ff", "é" * 300,
    "٣", "0x٣", " 0x1", "0x1\n", "1", "null", "newHeads", "logs", "newPendingTransactions",
    "blocks", "governance", "none", "full", "../../etc/passwd", "'; drop table", "%s%s%n",
    "x" * 5_000,
)  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def hostile(choose: random.Random, depth: int = 0) -> Any:
    """Any JSON value."""
    kind = choose.random()
    if kind < 0.7 or depth > 3:
        return choose.choice(SCALARS)
    if kind < 0.72:
        return nested(choose.choice((10, 200)))
    if kind < 0.86:
        if choose.random() < 0.1:
            return [choose.choice(SCALARS)] * 300
        return [hostile(choose, depth + 1) for _ in range(choose.choice((0, 1, 2, 5)))]
    names = ("fromBlock", "toBlock", "address", "topics", "blockHash", "blockNumber", "to", "from",
             "data", "input", "value", "gas", "requireCanonical", "colour")  # fmt: skip
    return {choose.choice(names): hostile(choose, depth + 1) for _ in range(choose.randrange(6))}


def bent(value: Any, choose: random.Random) -> Any:
    """A valid value, changed a little."""
    if isinstance(value, str) and value:
        at = choose.randrange(len(value))
        return choose.choice(
            (value[:-1], value + "0", value[:at] + "z" + value[at + 1 :], value.upper(), value[2:],
             value[:at] + "-" + value[at:], value * 2, "0x" + "f" * (len(value) - 2))
        )  # fmt: skip
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return choose.choice((-value, value + 1, str(value), hex(value), float(value), 2**64 - 1))
    if isinstance(value, list) and value:
        items = copy.deepcopy(value)
        items[choose.randrange(len(items))] = hostile(choose, 2)
        return choose.choice((items, items * 100))
    if isinstance(value, dict) and value:
        changed: dict[str, Any] = copy.deepcopy(value)
        name = choose.choice(list(changed))
        changed[name] = bent(changed[name], choose) if choose.random() < 0.5 else hostile(choose)
        return changed
    return hostile(choose)


def parameters(method: Method, choose: random.Random) -> object:
    """By position or by name: examples, bent ones, anything; or what is no parameters at all."""
    if choose.random() < 0.05:
        return hostile(choose)
    given: dict[str, Any] = {}
    for parameter in method.parameters:
        kind = choose.random()
        example = method.example.get(parameter.name)
        if kind < 0.35:
            given[parameter.name] = copy.deepcopy(example)
        elif kind < 0.6:
            given[parameter.name] = bent(example, choose)
        elif kind < 0.9:
            given[parameter.name] = hostile(choose)
    if choose.random() < 0.1:
        given["colour"] = hostile(choose)
    return given if choose.random() < 0.4 else list(given.values())


@pytest.fixture
def errors() -> Iterator[list[logging.LogRecord]]:
    """What is logged as an error, or with a traceback."""
    found: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info or record.levelno >= logging.ERROR:
                found.append(record)

    handler = Handler()
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)


async def test_no_parameters_whatever_break_a_method_or_the_chain(
    tmp_path: Path, errors: list[logging.LogRecord]
) -> None:
    async with one_node(tmp_path, base_port() + 1810) as (nodes, name, caller):
        for method in METHODS:
            choose = random.Random(f"{SEED} {method.name}")
            for _ in range(INPUTS_A_METHOD):
                params = short_waits(parameters(method, choose))
                message = {"jsonrpc": "2.0", "id": 1, "method": method.name, "params": params}
                body = orjson.dumps(message)
                if len(body) > MAX_BODY_BYTES:
                    continue  # no byte of it is parsed
                began_s = time.monotonic()
                answer = orjson.loads(await caller.raw(body) or b"null")
                took_s = time.monotonic() - began_s
                shown = (method.name, str(params)[:300], str(answer)[:300])
                assert answer.keys() in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})
                if "error" in answer:
                    assert answer["error"]["code"] in CODES, shown
                    assert len(answer["error"]["message"]) < 1_000, shown
                else:
                    assert not problems(answer["result"], method.result, method.name), shown
                assert took_s < LONGEST_S, (took_s, shown)
            await nodes.finalise(name)
        assert not errors


def short_waits(params: object) -> object:
    """A time to wait is no attack: the caller alone waits."""
    if isinstance(params, dict) and isinstance(params.get("timeout_ms"), int):
        return {**params, "timeout_ms": min(params["timeout_ms"], 20)}
    if isinstance(params, list) and len(params) == 2 and type(params[1]) is int:
        return [params[0], min(params[1], 20)]
    return params


BODIES = (
    b"", b" ", b"nul", b"1", b'"x"', b"[]", b"{}", b"[[]]", b"[1,2,3]", b"[" * 100_000,
    b"\xff\xfe{}",
    b'{"a":' * 50_000, b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}',
    b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', b'{"jsonrpc":"2.0","id":1,"method":7}',
    b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":"x"}',
    b'{"jsonrpc":"2.0","id":1e999,"method":"eth_chainId"}',
    b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"__class__"}',
    b'{"jsonrpc":"2.0","id":1,"method":"' + b"m" * 100_000 + b'"}',
    b'{"jsonrpc":"2.0","id":' + b"9" * 5_000 + b',"method":"eth_chainId"}',
    b'{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":[' + b"9" * 400 + b"]}",
    b"[" + b",".join([b"{}"] * 101) + b"]",
    b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}'] * 100) + b"]",
)  # fmt: skip


async def test_no_body_whatever_breaks_the_dispatcher(
    tmp_path: Path, errors: list[logging.LogRecord]
) -> None:
    async with one_node(tmp_path, base_port() + 1820) as (nodes, name, caller):
        for body in BODIES:
            answer = orjson.loads(await caller.raw(body) or b"null")
            for each in answer if isinstance(answer, list) else [answer]:
                assert each["jsonrpc"] == "2.0"
                assert "result" in each or each["error"]["code"] in CODES, (body[:80], each)
        await nodes.finalise(name)
    assert not errors


async def test_a_range_of_a_million_blocks_is_answered_at_once(tmp_path: Path) -> None:
    """Only blocks that exist are looked through; more than rpc.max_log_blocks of them are refused
    (tests/unit/api/test_ethereum_logs.py)."""
    ranges = [{"fromBlock": "0x0", "toBlock": "0xf4240"}, {"fromBlock": "0xf4240"}]
    async with one_node(tmp_path, base_port() + 1830) as (_, _, caller):
        began_s = time.monotonic()
        for wanted in ranges:
            answer = await caller.ask("eth_getLogs", [wanted | {"address": TOKEN_CONTRACT}])
            assert len(answer["result"]) == (3 if "toBlock" in wanted else 0)
        assert time.monotonic() - began_s < LONGEST_S


async def test_filters_that_are_never_read_cost_a_place_each(tmp_path: Path) -> None:
    async with one_node(tmp_path, base_port() + 1840) as (nodes, name, caller):
        methods = ("eth_newFilter", "eth_newBlockFilter", "eth_newPendingTransactionFilter")
        names = [
            (await caller.ask(method, [{}] if method == "eth_newFilter" else []))["result"]
            for method, _ in itertools.product(methods, range(700))
        ]
        await nodes.finalise(name, 2)
        assert (await caller.ask("eth_getFilterChanges", [names[0]]))["error"]["code"] == -32000
        assert len((await caller.ask("eth_getFilterChanges", [names[-1]]))["result"]) == 2


async def test_a_hundred_full_batches_at_once_leave_the_chain_alone(tmp_path: Path) -> None:
    async with one_node(tmp_path, base_port() + 1850) as (nodes, name, caller):
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockReceipts", "params": ["0x1"]}
        batch = orjson.dumps([call] * 100)
        asked = [asyncio.create_task(caller.raw(batch)) for _ in range(100)]
        await nodes.finalise(name, 3)
        assert all(answer is not None for answer in await asyncio.gather(*asked))
