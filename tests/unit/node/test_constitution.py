"""The parts of the scenario constitution that need no running town."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import pytest

from api import results
from api.calls import Call
from api.client import Client, NodeError
from consensus.authentication import Authenticator
from consensus.evidence import build_evidence, require_evidence
from consensus.messages import SigningDomain
from ledger.crypto import Ed25519Signer, sha256, verify_ed25519
from ledger.primitives import Address
from ledger.registry import Validator, ValidatorSet
from ledger.transaction import Transaction, decode_transaction
from ledger.transfers import SEND
from node.cli import run
from node.constitution.chain import StepError, TownChain, value_of
from node.constitution.offence import conflicting_votes
from node.constitution.record import STEPS, Record, Seen
from node.play.outbox import Message, Sender

SIGNERS = [Ed25519Signer(bytes([number]) * 32) for number in range(1, 5)]
ONE, OTHER = (Sender.of_key(signer) for signer in SIGNERS[:2])
EVENT = {"name": "proposals.moved", "values": {"proposal": "1"}}


class FakeClient:
    """A node that finalises in its next block whatever it is sent, with `code`."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.refuses = False
        self.sent: list[Transaction] = []
        self._queue: asyncio.Queue[results.Block] = asyncio.Queue()
        self._height = 0

    async def blocks(self, first: int, detail: str) -> AsyncGenerator[results.Block, None]:
        assert (first, detail) == (1, "full")
        while True:
            yield await self._queue.get()

    async def batch(self, batch: Sequence[Call[Any]]) -> list[Any]:
        owners = [Address(bytes.fromhex(call.params["address"][2:])) for call in batch]
        found = [sum(each.sender == owner for each in self.sent) for owner in owners]
        await asyncio.sleep(0)  # as long as the answer is on its way, others may ask as well
        return [{"pending_nonce": nonce} for nonce in found]

    async def send(self, raws: Sequence[bytes]) -> list[Any]:
        if self.refuses:
            return [NodeError("poyong_sendTransaction", -1, "nonce too high", None) for _ in raws]
        signed = [decode_transaction(raw, 82062) for raw in raws]
        self.sent += signed
        hashes = [f"0x{each.hash.hex()}" for each in signed]
        self.block(hashes)
        return hashes

    def block(self, hashes: Sequence[str] = (), events: Sequence[Any] = ()) -> None:
        self._height += 1
        receipts: list[dict[str, Any]] = [
            {
                "transaction_hash": each,
                "height": self._height,
                "code": self.code,
                "status": "OK" if self.code == 0 else "UNAUTHORISED",
                "reason": "" if self.code == 0 else "not yours",
                "events": [],
            }
            for each in hashes
        ]
        found = {"height": self._height, "receipts": receipts, "hook_events": list(events)}
        self._queue.put_nowait(cast("results.Block", found))


def chain_on(client: FakeClient) -> TownChain:
    return TownChain(cast("Client", client), 82062)


def pay(sender: Sender) -> tuple[Sender, Message]:
    return sender, Message.of(SEND, sender.address, 1, b"")


async def test_two_batches_of_one_account_queue_with_nonces_of_their_own() -> None:
    client = FakeClient()
    chain = chain_on(client)
    follower = asyncio.create_task(chain.follow())
    found = await asyncio.gather(
        chain.accepted([pay(ONE), pay(OTHER)]), chain.accepted([pay(ONE), pay(ONE)])
    )
    assert [[receipt["height"] for receipt in batch] for batch in found] == [[1, 1], [2, 2]]
    nonces = {
        sender: [each.nonce for each in client.sent if each.sender == sender.address]
        for sender in (ONE, OTHER)
    }
    assert nonces == {ONE: [0, 1, 2], OTHER: [0]}
    follower.cancel()


async def test_a_step_is_told_what_the_chain_refused() -> None:
    client = FakeClient(code=3)
    chain = chain_on(client)
    follower = asyncio.create_task(chain.follow())
    with pytest.raises(StepError, match="height 1: UNAUTHORISED: not yours"):
        await chain.accepted([pay(ONE)])
    assert len(await chain.refused([pay(ONE)], "UNAUTHORISED")) == 1
    with pytest.raises(StepError, match="expected NOT_NOW, found UNAUTHORISED"):
        await chain.refused([pay(ONE)], "NOT_NOW")
    client.refuses = True
    with pytest.raises(StepError, match="nonce too high"):
        await chain.accepted([pay(ONE)])
    follower.cancel()


async def test_an_event_is_found_whether_it_came_before_or_comes_later() -> None:
    client = FakeClient()
    chain = chain_on(client)
    follower = asyncio.create_task(chain.follow())
    client.block()
    client.block(events=[EVENT, {"name": "land.opened", "values": {}}])
    found = await chain.event("proposals.moved", where=lambda values: values["proposal"] == "1")
    assert found.height == 2
    waiting = asyncio.create_task(chain.event("validators.suspended"))
    await chain.until_height(2)
    assert not waiting.done()
    client.block(events=[{"name": "validators.suspended", "values": {}}])
    assert (await waiting).height == 3
    assert {each.name for each in chain.events} == {"proposals.moved", "validators.suspended"}
    follower.cancel()


def test_a_receipt_without_the_event_is_no_success() -> None:
    receipt = cast("results.Receipt", {"transaction_hash": "0x12", "events": [EVENT]})
    assert value_of(receipt, "proposals.moved", "proposal") == "1"
    with pytest.raises(StepError, match=r"no proposals\.submitted"):
        value_of(receipt, "proposals.submitted", "proposal")


def test_the_two_votes_are_evidence_that_every_node_accepts() -> None:
    seats = ValidatorSet(
        tuple(
            Validator(f"o{at}", signer.public_key, sha256(signer.public_key))
            for at, signer in enumerate(SIGNERS)
        )
    )
    domain = SigningDomain(82062, sha256(b"genesis"))
    one, other = conflicting_votes(domain, SIGNERS[3], 3, 17)
    evidence = build_evidence(one, other)
    assert (evidence.height, evidence.view, evidence.validator) == (17, 0, 3)
    require_evidence(Authenticator(domain, verify_ed25519), seats, evidence)


def test_the_record_names_every_step_and_what_is_missing() -> None:
    told: list[Seen] = []
    record = Record(told.append)
    record.saw("recall", 7, "6 persons recalled it", proposal=2, tally={"vote": 2})
    assert [seen.name for seen in told] == ["recall"]
    assert record.missing == [name for name in STEPS if name != "recall"]
    steps = {step["name"]: step for step in record.steps()}
    assert list(steps) == list(STEPS)
    assert (steps["recall"]["seen"], steps["recall"]["height"]) == (True, 7)
    assert (steps["upgrade"]["seen"], steps["upgrade"]["height"]) == (False, None)


@pytest.mark.parametrize(
    "option", [("--validators", "5"), ("--quarter-ms", "700"), ("--noise",), ("--chart", "a.svg")]
)
def test_options_of_other_scenarios_are_refused(
    option: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["town", "scenario", "constitution", *option]) != 0
    assert f"{option[0]}: the scenario constitution has" in capsys.readouterr().err
