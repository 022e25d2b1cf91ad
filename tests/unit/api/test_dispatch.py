"""Messages to answers: batches, isolation of failures, bounds."""

from typing import Any

import orjson
import pytest
from hypothesis import given

from api.costs import COSTS
from api.dispatch import LARGE_BYTES, Dispatcher, UnsentAnswers
from api.encoding import hex_of
from api.errors import LIMIT_EXCEEDED, RpcError
from api.ethereum.gateway import Gateway
from api.governance_examples import PERSON
from api.methods import all_methods
from api.pool_examples import POSITION
from api.registry import Context
from ledger.errors import InvariantViolation, LocalError, PeerError
from tests.support.api_fakes import FakeNode, transfer
from tests.support.json_schema import problems
from tests.unit.api.test_jsonrpc import bodies

REGISTRY = all_methods()


class Caller:
    """A dispatcher with a node behind it, and what it reported."""

    def __init__(self, **limits: Any) -> None:
        self.node = FakeNode()
        self.gateway = Gateway(self.node)
        self.violations: list[InvariantViolation] = []
        self.admitted: list[int] = []
        self.dispatcher = Dispatcher(REGISTRY, 100, self.violations.append, **limits)

    async def raw(self, body: bytes) -> bytes | None:
        return await self.dispatcher.answer(
            body, Context(self.node, REGISTRY, self.gateway), self.admitted.append
        )

    async def ask(self, message: Any) -> Any:
        answer = await self.raw(orjson.dumps(message))
        return None if answer is None else orjson.loads(answer)


def call(request_id: int, method: str, *params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}


def send(request_id: int, nonce: int) -> dict[str, Any]:
    return call(request_id, "poyong_sendTransaction", hex_of(transfer(nonce).raw))


@given(bodies)
async def test_any_bytes_get_a_bounded_json_rpc_answer_or_none(body: bytes) -> None:
    answer = await Caller().raw(body)
    if answer is None:
        return
    assert len(answer) < 4000 + 40 * len(body)
    value = orjson.loads(answer)
    for each in value if isinstance(value, list) else [value]:
        assert each["jsonrpc"] == "2.0"
        assert ("result" in each) != ("error" in each)


async def test_a_batch_of_100_sends_is_one_submit_of_100() -> None:
    caller = Caller()
    answers = await caller.ask([send(nonce, nonce) for nonce in range(100)])
    assert caller.node.submitted == [[transfer(nonce).raw for nonce in range(100)]]
    assert [answer["id"] for answer in answers] == list(range(100))
    assert [answer["result"] for answer in answers] == [
        hex_of(transfer(nonce).hash) for nonce in range(100)
    ]


async def test_sends_between_other_calls_are_submitted_together_and_answered_in_place() -> None:
    caller = Caller()
    bad = call(4, "poyong_sendTransaction", "0x98ff")
    message = [send(1, 0), call(2, "poyong_status"), send(3, 1), bad, call(5, "poyong_nothing"), 6]
    answers = await caller.ask(message)
    assert [len(batch) for batch in caller.node.submitted] == [3]
    assert [answer["id"] for answer in answers] == [1, 2, 3, 4, 5, None]
    assert [answer.get("error", {}).get("code") for answer in answers] == [
        None, None, None, -32000, -32601, -32600,
    ]  # fmt: skip
    assert answers[3]["error"]["data"] == {"reason": "malformed"}
    assert answers[3]["error"]["message"].startswith("malformed transaction: ")


async def test_a_refusal_has_geths_words_and_the_reason() -> None:
    caller = Caller()
    await caller.node.commit()
    raw = hex_of(transfer(0, valid_until=1).raw)
    error = (await caller.ask(call(1, "poyong_sendTransaction", raw)))["error"]
    assert error == {
        "code": -32000,
        "message": "transaction expired: next height 2, valid until 1",
        "data": {"reason": "expired"},
    }


async def test_notifications_are_executed_and_not_answered() -> None:
    caller = Caller()
    notification = send(1, 0)
    del notification["id"]
    assert await caller.ask(notification) is None
    assert await caller.ask([notification, notification]) is None
    assert len(caller.node.submitted) == 2
    mixed = await caller.ask([notification, call(9, "poyong_status")])
    assert [answer["id"] for answer in mixed] == [9]


async def test_null_is_an_id_like_any_other() -> None:
    answer = await Caller().ask({"jsonrpc": "2.0", "id": None, "method": "poyong_status"})
    assert answer["id"] is None
    assert answer["result"]["chain_id"] == 82062


@pytest.mark.parametrize(
    ("failure", "code", "shown"),
    [
        (PeerError("that is rubbish"), -32602, "that is rubbish"),
        (LocalError("disk full: free space in data_dir"), -32603, "disk full"),
        (RuntimeError("secret detail"), -32603, "log of the node"),
        (InvariantViolation("supply"), -32603, "log of the node"),
    ],
)
async def test_each_family_of_error_becomes_its_answer(
    failure: Exception, code: int, shown: str
) -> None:
    caller = Caller()
    caller.node.failure = failure
    answers = await caller.ask([call(1, "poyong_status"), call(2, "poyong_peers")])
    assert answers[0]["error"]["code"] == code
    assert shown in answers[0]["error"]["message"]
    assert "secret" not in answers[0]["error"]["message"]
    assert "result" in answers[1], "one failing call spares the others"
    assert caller.violations == ([failure] if isinstance(failure, InvariantViolation) else [])


async def test_a_failing_submit_is_the_answer_of_every_send() -> None:
    class Failing(FakeNode):
        async def submit(self, raw: Any) -> Any:
            raise LocalError("the node is stopping")

    caller = Caller()
    caller.node = Failing()
    answers = await caller.ask([send(1, 0), send(2, 1)])
    assert [answer["error"]["code"] for answer in answers] == [-32603, -32603]


async def test_a_batch_stops_executing_when_its_answer_is_too_large() -> None:
    caller = Caller(max_answer_bytes=1000)
    answers = await caller.ask([call(each, "poyong_status") for each in range(10)])
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert codes[0] is None
    assert codes[-1] == LIMIT_EXCEEDED
    assert len(answers) == 10


async def test_admission_counts_calls_and_refuses_the_whole_message() -> None:
    caller = Caller()
    await caller.ask([call(1, "poyong_status"), 7, call(2, "poyong_peers")])
    assert caller.admitted == [3]
    await caller.ask([call(1, "eth_getLogs", {}), call(2, "rpc.discover"), call(3, "nothing")])
    assert caller.admitted[-1] == COSTS["eth_getLogs"] + COSTS["rpc.discover"] + 1

    def refuse(calls: int) -> None:
        raise RpcError(LIMIT_EXCEEDED, f"{calls} are too many")

    answer = await Dispatcher(REGISTRY, 100, caller.violations.append).answer(
        orjson.dumps([send(1, 0), send(2, 1)]),
        Context(caller.node, REGISTRY, caller.gateway),
        refuse,
    )
    assert answer is not None
    assert orjson.loads(answer)["error"]["message"] == "4 are too many"
    assert caller.node.submitted == []


async def test_the_refusal_of_a_single_call_has_its_id() -> None:
    """Libraries find the answer to a call by its id alone."""

    def refuse(calls: int) -> None:
        raise RpcError(LIMIT_EXCEEDED, f"{calls} are too many")

    caller = Caller()
    context = Context(caller.node, REGISTRY, caller.gateway)
    for message, answer_id in ((call(7, "poyong_status"), 7), ([call(7, "poyong_status")], None)):
        answer = await caller.dispatcher.answer(orjson.dumps(message), context, refuse)
        assert orjson.loads(answer or b"")["id"] == answer_id


async def test_only_large_answers_are_refused_while_others_are_not_taken() -> None:
    """And each that was made leaves the count when it is handed over."""
    unsent = UnsentAnswers(2 * LARGE_BYTES)
    caller = Caller(unsent=unsent)
    discover = call(1, "rpc.discover")
    many = [discover] * 3
    assert all("result" in answer for answer in await caller.ask(many))
    assert unsent.held_bytes == 0
    unsent.hold(2 * LARGE_BYTES)
    answers = await caller.ask([discover] * 10)
    assert "result" in answers[0], "alone it is small"
    assert answers[-1]["error"]["code"] == LIMIT_EXCEEDED
    assert "ask for less, or later" in answers[-1]["error"]["message"]
    assert "result" in await caller.ask(call(1, "poyong_status"))
    assert unsent.held_bytes == 2 * LARGE_BYTES


async def test_every_result_keeps_to_the_schema_of_its_method() -> None:
    caller = Caller()
    sent = await caller.ask(send(0, 0))
    await caller.node.commit()
    waiting = (await caller.ask(send(0, 1)))["result"]
    final, block = sent["result"], hex_of(caller.node.blocks[0].block.hash)
    account = hex_of(transfer(0).sender)
    asked = [
        call(1, "poyong_status"),
        *(call(1, "poyong_getBlock", which, detail)
          for which in ("latest", 1, block, 9, hex_of(bytes(32)))
          for detail in ("none", "hashes", "full")),
        *(call(1, "poyong_getCertificate", which) for which in ("latest", 9)),
        *(call(1, name, item)
          for name in ("poyong_getTransaction", "poyong_getReceipt", "poyong_getTransactionProof")
          for item in (final, waiting, hex_of(bytes(32)))),
        call(1, "poyong_getAccount", account),
        *(call(1, "poyong_getAccountHistory", holder) for holder in (account, hex_of(bytes(20)))),
        *(call(1, "poyong_search", text) for text in ("1", final, account, "wolchul", "nowhere")),
        call(1, "poyong_getProof", account),
        call(1, "poyong_getProof", None, "0x01"),
        call(1, "poyong_getStatement", "balance", account),
        call(1, "poyong_getStatement", "land_index", None, 5),
        *(call(1, "poyong_validators", height) for height in (None, 3, 50)),
        call(1, "poyong_consensusState"),
        call(1, "poyong_peers"),
        call(1, "poyong_whyStalled"),
        call(1, "poyong_getZones"),
        *(call(1, "poyong_listChallengePetitions", after) for after in (0, 1)),
        *(call(1, "poyong_getParams", *asked)
          for asked in ((), ("issuance", "lambda_bps", 0), ("land",), (None, "nothing"))),
        *(call(1, "poyong_getRound", zone) for zone in ("wolchul", "nowhere")),
        call(1, "poyong_getLandIndex"),
        *(call(1, "poyong_listRounds", first, 256) for first in (0, 9, 10)),
        *(call(1, "poyong_getIssuance", *number) for number in ((), (9,), (10,))),
        *(call(1, "poyong_getRates", *region) for region in ((), ("29",))),
        *(call(1, "poyong_getZoneEvents", zone) for zone in ("wolchul", "nowhere")),
        *(call(1, "poyong_getSales", *number) for number in ((), (9,), (90,))),
        *(call(1, "poyong_getRoles", *role) for role in ((), ("rate_reporter",), ("king",))),
        call(1, "poyong_getAppraisers"),
        call(1, "poyong_getPools"),
        *(call(1, "poyong_getPosition", holder)
          for holder in (POSITION["account"], hex_of(bytes(20)))),
        *(call(1, "poyong_listProposals", *status) for status in ((), ("VOTING",), ("FAILED", 3))),
        *(call(1, name, number)
          for name in ("poyong_getProposal", "poyong_getTally") for number in (7, 8)),
        call(1, "poyong_getChambers"),
        *(call(1, "poyong_listOrganisations", *after) for after in ((), ("z", 1))),
        *(call(1, "poyong_getPerson", holder)
          for holder in (PERSON["account"], hex_of(bytes(20)))),
        *(call(1, name, *after)
          for name in ("poyong_listAgreements", "poyong_listLegalBases") for after in ((), (1, 1))),
        call(1, "poyong_getCouncil"),
        call(1, "poyong_getGenesis"),
        call(1, "rpc.discover"),
    ]  # fmt: skip
    for request, answer in zip(asked, await caller.ask(asked), strict=True):
        method = REGISTRY.find(request["method"])
        assert method is not None
        assert "error" not in answer, (request, answer)
        assert not problems(answer["result"], method.result), request
    named = {request["method"] for request in asked}
    own = {method.name for method in REGISTRY if method.name.startswith(("poyong_", "rpc."))}
    missing = own - named
    assert missing == {
        "poyong_sendTransaction", "poyong_sendTransactionAndWait",
        "poyong_subscribe", "poyong_unsubscribe",
    }  # fmt: skip


async def test_a_proof_is_of_exactly_one_thing() -> None:
    caller = Caller()
    account = hex_of(bytes(20))
    for params, found in (([], "found none"), ([account, "0x01"], "found both")):
        error = (await caller.ask(call(1, "poyong_getProof", *params)))["error"]
        assert error["code"] == -32602
        assert found in error["message"]


async def test_waiting_in_vain_says_so_and_gives_the_hash() -> None:
    raw = hex_of(transfer(0).raw)
    answer = await Caller().ask(call(1, "poyong_sendTransactionAndWait", raw, 1))
    assert answer["error"]["code"] == 4
    assert answer["error"]["data"] == {"hash": hex_of(transfer(0).hash)}


async def test_subscriptions_need_a_websocket() -> None:
    error = (await Caller().ask(call(1, "poyong_subscribe", "blocks")))["error"]
    assert error["code"] == -32601
    assert "WebSocket" in error["message"]


async def test_a_failure_while_waiting_beforehand_is_no_failure_of_other_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a receipt waits for cannot be read: each call answers as it can by itself."""
    caller = Caller()

    def unreadable(_: bytes) -> None:
        raise LocalError("the disk says no")

    monkeypatch.setattr(caller.node, "transaction", unreadable)
    receipt = call(1, "eth_getTransactionReceipt", hex_of(bytes(32)))
    assert (await caller.ask(receipt))["result"] is None
    first, second = await caller.ask([receipt, call(2, "poyong_status")])
    assert first["result"] is None
    assert "result" in second
