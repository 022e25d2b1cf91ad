"""Transactions on their way in: an outcome for each, in order, and one verification each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from api.ports import Refusal, RefusalReason
from ledger import codec
from ledger.crypto import Ed25519Signer, keccak256
from ledger.mempool import MAX_VALIDITY_BLOCKS, Mempool, MempoolLimits
from ledger.primitives import UNIT, Address, Hash
from ledger.transaction import Draft, Transaction, sign, verify_transaction
from ledger.transfers import SEND
from node.transactions import ingest
from node.transactions.ingest import TURN_TRANSACTIONS, Ingest
from tests.support import ethereum
from tests.support.applied_chain import EXECUTOR
from tests.support.ledger_chain import CHAIN_ID

PEER = b"p" * 32
ALICE = Ed25519Signer(b"a" * 32)
TO = Address(b"t" * 20)
SMALL = MempoolLimits(max_count=3, max_sender_count=2, max_future_count=2, max_unfunded_count=1)


def transfer(nonce: int = 0, signer: Ed25519Signer = ALICE, **changes: object) -> Transaction:
    fields: dict[str, object] = {
        "chain_id": CHAIN_ID,
        "nonce": nonce,
        "type": SEND.name,
        "body": SEND.encode(TO, 5, b""),
        "valid_until": 100,
    }
    return sign(Draft(**(fields | changes)), signer)  # type: ignore[arg-type]  # by name


def forged(transaction: Transaction) -> bytes:
    return transaction.raw[:-1] + bytes((transaction.raw[-1] ^ 1,))


class Rig:
    """An Ingest whose facts the test sets; it notes what was admitted and what was verified."""

    def __init__(self, limits: MempoolLimits | None = None, height: int = 0) -> None:
        self.mempool = Mempool(height, lambda _: False, limits)
        self.nonce = 0
        self.balance = 10 * UNIT
        self.problem: str | None = None
        self.admitted: list[tuple[list[Hash], bool]] = []
        self.ingest = Ingest(
            CHAIN_ID,
            EXECUTOR.registry,
            self.mempool,
            lambda _: (self.nonce, self.balance, self.problem),
            lambda found, from_client: self.admitted.append(
                ([transaction.hash for transaction in found], from_client)
            ),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.ingest.run())
        try:
            async with asyncio.timeout(20):
                yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def outcome(self, raw: bytes) -> object:
        async with self.running():
            (found,) = await self.ingest.submit([raw])
        return found.reason if isinstance(found, Refusal) else found


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[Hash]:
    """Hashes of the transactions whose signature was checked, in order."""
    checked: list[Hash] = []

    def counting(transaction: Transaction) -> bool:
        checked.append(transaction.hash)
        return verify_transaction(transaction)

    monkeypatch.setattr(ingest, "verify_transaction", counting)
    return checked


async def test_each_of_a_batch_has_its_outcome_in_its_place() -> None:
    rig = Rig()
    good = [transfer(nonce) for nonce in range(3)]
    raws = [good[0].raw, b"rubbish", good[1].raw, forged(transfer(2)), good[2].raw]
    async with rig.running():
        outcomes = await rig.ingest.submit(raws)
    reasons = [found.reason if isinstance(found, Refusal) else found for found in outcomes]
    assert reasons == [
        good[0].hash,
        RefusalReason.MALFORMED,
        good[1].hash,
        RefusalReason.BAD_SIGNATURE,
        good[2].hash,
    ]
    assert rig.admitted == [([item.hash for item in good], True)]
    assert rig.ingest.rejected == {RefusalReason.MALFORMED: 1, RefusalReason.BAD_SIGNATURE: 1}
    assert rig.ingest.waiting == 0


async def test_a_batch_of_several_turns_is_answered_whole() -> None:
    rig = Rig()
    batch = [transfer(nonce) for nonce in range(2 * TURN_TRANSACTIONS + 1)]
    async with rig.running():
        assert await rig.ingest.submit([item.raw for item in batch]) == [i.hash for i in batch]
    assert [len(found) for found, _ in rig.admitted] == [TURN_TRANSACTIONS, TURN_TRANSACTIONS, 1]


async def test_an_empty_batch_has_no_outcomes() -> None:
    rig = Rig()
    async with rig.running():
        assert await rig.ingest.submit([]) == []


# Every reason of a refusal


async def test_rubbish_is_malformed() -> None:
    assert await Rig().outcome(b"\xc1" * 40) is RefusalReason.MALFORMED
    assert await Rig().outcome(codec.encode((1, 2, 3))) is RefusalReason.MALFORMED


async def test_another_chain_is_named() -> None:
    assert await Rig().outcome(transfer(chain_id=1).raw) is RefusalReason.WRONG_CHAIN


async def test_a_wrong_signature_is_refused() -> None:
    assert await Rig().outcome(forged(transfer())) is RefusalReason.BAD_SIGNATURE


async def test_keys_that_may_not_act_for_the_sender_are_refused() -> None:
    rig = Rig()
    rig.problem = "the account was rotated"
    assert await rig.outcome(transfer().raw) is RefusalReason.BAD_SIGNATURE


async def test_an_unknown_message_is_refused_to_a_client() -> None:
    raw = transfer(type="transfer.nothing").raw
    assert await Rig().outcome(raw) is RefusalReason.UNKNOWN_MESSAGE


async def test_a_body_that_is_not_the_messages_is_refused_to_a_client() -> None:
    assert await Rig().outcome(transfer(body=(1, 2)).raw) is RefusalReason.INVALID_MESSAGE


async def test_a_used_nonce_is_too_low() -> None:
    rig = Rig()
    rig.nonce = 3
    assert await rig.outcome(transfer(2).raw) is RefusalReason.NONCE_TOO_LOW


async def test_a_far_nonce_is_too_high() -> None:
    assert await Rig().outcome(transfer(1_000).raw) is RefusalReason.NONCE_TOO_HIGH


async def test_what_expired_or_is_valid_too_long_is_refused() -> None:
    assert await Rig(height=5).outcome(transfer(valid_until=5).raw) is RefusalReason.EXPIRED
    late = transfer(valid_until=MAX_VALIDITY_BLOCKS + 1).raw
    assert await Rig().outcome(late) is RefusalReason.INVALID_MESSAGE


async def test_a_replacement_has_to_pay_more() -> None:
    rig = Rig()
    first, rival = transfer(), transfer(body=SEND.encode(TO, 6, b""))
    async with rig.running():
        await rig.ingest.submit([first.raw])
        (outcome,) = await rig.ingest.submit([rival.raw])
    assert isinstance(outcome, Refusal)
    assert outcome.reason is RefusalReason.UNDERPRICED


async def test_full_pools_say_whose_bound_was_met() -> None:
    rig = Rig(SMALL)
    signers = [Ed25519Signer(bytes((number,)) * 32) for number in range(1, 5)]
    async with rig.running():
        await rig.ingest.submit([transfer(0).raw, transfer(1).raw])
        (of_sender,) = await rig.ingest.submit([transfer(2).raw])
        outcomes = await rig.ingest.submit([transfer(0, signer).raw for signer in signers[:2]])
    assert isinstance(of_sender, Refusal)
    assert of_sender.reason is RefusalReason.SENDER_QUOTA
    assert isinstance(outcomes[1], Refusal)
    assert outcomes[1].reason is RefusalReason.MEMPOOL_FULL


async def test_accounts_without_a_balance_share_a_small_quota() -> None:
    rig = Rig(SMALL)
    rig.balance = 0
    other = Ed25519Signer(b"o" * 32)
    async with rig.running():
        first, second = await rig.ingest.submit([transfer().raw, transfer(0, other).raw])
    assert first == transfer().hash
    assert isinstance(second, Refusal)
    assert second.reason is RefusalReason.INSUFFICIENT_FUNDS


async def test_a_client_is_told_to_come_back_when_too_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "MAX_WAITING_TRANSACTIONS", 2)
    rig = Rig()
    async with rig.running():
        *taken, outcome = await rig.ingest.submit([transfer(nonce).raw for nonce in range(3)])
    assert taken == [transfer(0).hash, transfer(1).hash]
    assert isinstance(outcome, Refusal)
    assert outcome.reason is RefusalReason.MEMPOOL_FULL
    assert "2 transactions wait" in outcome.detail
    assert rig.ingest.waiting == 0


# One verification


async def test_what_is_known_is_not_verified_again(verified: list[Hash]) -> None:
    rig = Rig()
    known = transfer()
    async with rig.running():
        assert await rig.ingest.submit([known.raw]) == [known.hash]
        assert await rig.ingest.submit([known.raw, known.raw]) == [known.hash, known.hash]
        assert rig.ingest.receive(PEER, [known.raw]) == []
    assert rig.ingest.verify_all([known])
    assert rig.ingest.find_verified(known.hash) is known or known == rig.mempool.get(known.hash)
    assert verified == [known.hash]
    assert rig.admitted == [([known.hash], True)]


async def test_a_double_in_one_batch_is_admitted_once(verified: list[Hash]) -> None:
    rig = Rig()
    async with rig.running():
        outcomes = await rig.ingest.submit([transfer().raw] * 3)
    assert outcomes == [transfer().hash] * 3
    assert verified == [transfer().hash]


async def test_what_a_proposal_needs_is_verified_at_once_and_admitted_in_its_turn(
    verified: list[Hash],
) -> None:
    rig = Rig()
    (waiting,) = rig.ingest.receive(PEER, [transfer().raw])
    assert rig.ingest.find_verified(waiting.hash) == waiting
    assert rig.ingest.find_verified(waiting.hash) == waiting
    assert verified == [waiting.hash]
    async with rig.running():
        await rig.ingest.submit([])
    assert rig.admitted == [([waiting.hash], False)]
    assert verified == [waiting.hash]


def test_what_is_unknown_or_wrongly_signed_is_not_found() -> None:
    rig = Rig()
    assert rig.ingest.find_verified(transfer().hash) is None
    (waiting,) = rig.ingest.receive(PEER, [forged(transfer())])
    assert rig.ingest.find_verified(waiting.hash) is None
    assert not rig.ingest.verify_all([waiting])


def test_a_blocks_transactions_are_verified_once_until_it_is_applied(verified: list[Hash]) -> None:
    rig = Rig()
    block = [transfer(0), transfer(1)]
    assert rig.ingest.verify_all(block)
    assert rig.ingest.verify_all(block)
    assert verified == [item.hash for item in block]
    rig.ingest.applied()
    assert rig.ingest.find_verified(block[0].hash) is None


def test_what_became_final_before_its_turn_is_neither_verified_nor_admitted(
    verified: list[Hash],
) -> None:
    rig = Rig()
    (waiting,) = rig.ingest.receive(PEER, [transfer().raw])
    rig.ingest.applied([waiting])
    rig.ingest._turn()
    assert verified == []
    assert waiting.hash not in rig.mempool


def test_what_is_verified_aside_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MAX_VERIFIED_ASIDE", 2)
    rig = Rig()
    assert rig.ingest.verify_all([transfer(nonce) for nonce in range(3)])
    assert rig.ingest.find_verified(transfer(0).hash) is None
    assert rig.ingest.find_verified(transfer(2).hash) is not None


# Gossip, and clients that go away


async def test_gossip_is_admitted_as_such_and_skips_the_message_check() -> None:
    """What a peer admitted was checked there; at the latest a receipt refuses it."""
    rig = Rig()
    unknown = transfer(type="transfer.nothing")
    assert rig.ingest.receive(PEER, [unknown.raw, b"rubbish"]) == [unknown]
    async with rig.running():
        await rig.ingest.submit([])
    assert rig.admitted == [([unknown.hash], False)]
    assert rig.ingest.rejected == {RefusalReason.MALFORMED: 1}


async def test_a_transaction_whose_block_came_while_it_waited_is_not_admitted() -> None:
    """performance.md, "Traps": it would come back into the mempool."""
    rig = Rig()
    rig.ingest.receive(PEER, [transfer().raw])
    rig.nonce = 1
    async with rig.running():
        await rig.ingest.submit([])
    assert len(rig.mempool) == 0
    assert rig.ingest.rejected == {RefusalReason.NONCE_TOO_LOW: 1}


async def test_a_client_that_went_away_disturbs_nobody() -> None:
    rig = Rig()
    gone = asyncio.create_task(rig.ingest.submit([transfer(0).raw]))
    await asyncio.sleep(0)
    gone.cancel()
    async with rig.running():
        assert await rig.ingest.submit([transfer(1).raw]) == [transfer(1).hash]
    assert gone.cancelled()
    assert rig.mempool.executable_count == 2


# Ethereum envelopes


async def test_both_kinds_of_envelope_are_verified_together(verified: list[Hash]) -> None:
    rig = Rig()
    raws = [transfer().raw, ethereum.raw(), ethereum.raw(nonce=1, kind=0), transfer(1).raw]
    async with rig.running():
        outcomes = await rig.ingest.submit(raws)
        again = await rig.ingest.submit([raws[1]])
    assert outcomes == [keccak256(raw) for raw in raws]
    assert again == [keccak256(raws[1])], "sent again: the same hash, and no second check"
    assert verified == outcomes
    assert len(rig.admitted) == 1


async def test_a_wallet_that_sends_more_than_it_has_is_told_at_once() -> None:
    rig = Rig()
    async with rig.running():
        (found,) = await rig.ingest.submit([ethereum.raw(value=10 * UNIT + 1)])
        (covered,) = await rig.ingest.submit([ethereum.raw(value=10 * UNIT, max_fee=10**12)])
    assert isinstance(found, Refusal)
    assert found.reason is RefusalReason.INSUFFICIENT_FUNDS
    assert found.detail == f"balance {10 * UNIT}, tx cost {10 * UNIT + 1}, overshot 1"
    assert isinstance(covered, bytes), "the fee that a wallet offers is never reserved"


async def test_a_nonce_that_is_used_counts_before_the_balance() -> None:
    rig = Rig()
    rig.nonce, rig.balance = 1, 0
    assert await rig.outcome(ethereum.raw()) is RefusalReason.NONCE_TOO_LOW


async def test_a_signature_that_no_key_made_is_a_bad_one() -> None:
    raw = ethereum.Wallet().with_signature(0, 5, 1)
    assert await Rig().outcome(raw) is RefusalReason.BAD_SIGNATURE


async def test_what_a_peer_admitted_is_not_measured_by_this_nodes_balance() -> None:
    rig = Rig()
    async with rig.running():
        rig.ingest.receive(PEER, [ethereum.raw(value=11 * UNIT)])
        await rig.ingest.submit([transfer().raw])
    assert keccak256(ethereum.raw(value=11 * UNIT)) in rig.mempool
