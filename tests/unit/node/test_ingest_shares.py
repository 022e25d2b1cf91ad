"""What waits of each peer and of clients: shares of their own, in turns; forgers lose theirs."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from api.ports import Refusal, RefusalReason
from ledger.crypto import Ed25519Signer
from ledger.mempool import Mempool
from ledger.primitives import Address, Hash
from ledger.transaction import Draft, Transaction, sign, verify_transaction
from ledger.transfers import SEND
from node.network.reputation import BAD_TRANSACTION_POINTS, FULL_POINTS, Reputation
from node.transactions import ingest
from node.transactions.ingest import (
    MAX_ANSWERED_TRANSACTIONS,
    MAX_BAD_A_TURN,
    MAX_GOSSIP_WAITING_TRANSACTIONS,
    MAX_PEER_WAITING_TRANSACTIONS,
    TURN_TRANSACTIONS,
    Ingest,
)
from tests.support.applied_chain import EXECUTOR
from tests.support.ledger_chain import CHAIN_ID

ALICE = Ed25519Signer(b"a" * 32)
FLOODER, OTHER = b"f" * 32, b"o" * 32
TO = Address(b"t" * 20)


def transfer(nonce: int = 0, amount: int = 5, chain_id: int = CHAIN_ID) -> Transaction:
    body = SEND.encode(TO, amount, b"")
    return sign(
        Draft(chain_id=chain_id, nonce=nonce, type=SEND.name, body=body, valid_until=100), ALICE
    )


def forged(count: int) -> list[bytes]:
    """Well-formed transactions, all different, whose signatures do not match."""
    raw = transfer().raw
    return [raw[:-2] + number.to_bytes(2, "big") for number in range(count)]


class Rig:
    """An Ingest with the real reputation behind it; it counts verifications."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.verified: list[Hash] = []
        self.bad: Counter[bytes] = Counter()
        self.reasons: list[str] = []
        self.banned: list[bytes] = []
        self.problem: str | None = None
        self.admitted: list[tuple[Transaction, bool]] = []
        self.scores = Reputation()
        self.mempool = Mempool(0, lambda _: False)

        def counting(transaction: Transaction) -> bool:
            self.verified.append(transaction.hash)
            return verify_transaction(transaction)

        monkeypatch.setattr(ingest, "verify_transaction", counting)
        self.ingest = Ingest(
            CHAIN_ID,
            EXECUTOR.registry,
            self.mempool,
            lambda _: (0, 1, self.problem),
            lambda found, from_client: self.admitted.extend((t, from_client) for t in found),
            judge=self._judge,
        )

    def _judge(self, peer: bytes, count: int, reason: str) -> bool:
        self.bad[peer] += count
        self.reasons.append(reason)
        banned = self.scores.lower(peer, count * BAD_TRANSACTION_POINTS, 0.0)
        if banned:
            self.banned.append(peer)
        return banned

    def work_off(self) -> None:
        """As Ingest.run does, without waiting for more."""
        while self.ingest._busy:
            self.ingest._turn()


Make = Callable[[], Rig]


@pytest.fixture
def make_rig(monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda: Rig(monkeypatch)


@pytest.fixture
def rig(make_rig: Make) -> Rig:
    return make_rig()


# Shares


async def test_a_flooding_peer_takes_no_room_from_clients_or_other_peers(
    monkeypatch: pytest.MonkeyPatch, rig: Rig
) -> None:
    monkeypatch.setattr(ingest, "MAX_PEER_WAITING_TRANSACTIONS", 50)
    monkeypatch.setattr(ingest, "MAX_WAITING_TRANSACTIONS", 2)
    flood = [transfer(0, amount).raw for amount in range(100)]
    assert len(rig.ingest.receive(FLOODER, flood)) == 50
    assert rig.ingest.receive(FLOODER, [transfer(0, 200).raw]) == []
    assert rig.ingest.dropped_gossip == 51
    assert len(rig.ingest.receive(OTHER, [transfer(1).raw])) == 1
    client = asyncio.create_task(rig.ingest.submit([transfer(2).raw, transfer(3).raw]))
    await asyncio.sleep(0)
    assert rig.ingest.waiting == 53
    rig.work_off()
    assert await client == [transfer(2).hash, transfer(3).hash]
    assert rig.ingest.waiting == 0
    assert rig.banned == []


async def test_a_client_waits_one_turn_behind_a_flood_and_not_for_its_end(rig: Rig) -> None:
    flood = [transfer(0, amount).raw for amount in range(1_000)]
    rig.ingest.receive(FLOODER, flood)
    client = asyncio.create_task(rig.ingest.submit([transfer(1).raw]))
    await asyncio.sleep(0)
    rig.ingest._turn()
    rig.ingest._turn()
    assert await client == [transfer(1).hash]
    assert len(rig.verified) == TURN_TRANSACTIONS + 1
    assert rig.ingest.waiting == 1_000 - TURN_TRANSACTIONS


def test_many_flooding_peers_share_a_bound(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    monkeypatch.setattr(ingest, "MAX_GOSSIP_WAITING_TRANSACTIONS", 100)
    flood = [transfer(0, amount).raw for amount in range(400)]
    for number in range(10):
        rig.ingest.receive(bytes((number,)) * 32, flood[40 * number :])
    assert [share.waiting for share in rig.ingest._gossip.values()][4:] == [20, 16, 14, 12, 11, 10]
    assert MAX_GOSSIP_WAITING_TRANSACTIONS // MAX_PEER_WAITING_TRANSACTIONS == 8


def test_an_answer_about_a_proposal_has_room_beside_a_full_share(
    monkeypatch: pytest.MonkeyPatch, rig: Rig
) -> None:
    monkeypatch.setattr(ingest, "MAX_PEER_WAITING_TRANSACTIONS", 1)
    rig.ingest.receive(OTHER, [transfer(0).raw, transfer(1).raw])
    assert len(rig.ingest.receive_answer(OTHER, [transfer(1).raw])) == 1
    assert MAX_ANSWERED_TRANSACTIONS >= 2_000
    rig.work_off()
    assert len(rig.mempool) == 2


async def test_a_client_s_transaction_does_not_wait_in_a_peer_s_share(rig: Rig) -> None:
    """Else it would be lost with the share of a forger, who had seen it elsewhere."""
    rig.ingest.receive(FLOODER, [*forged(50), transfer(0).raw])
    client = asyncio.create_task(rig.ingest.submit([transfer(0).raw]))
    await asyncio.sleep(0)
    assert rig.ingest.waiting == 51
    rig.work_off()
    assert await client == [transfer(0).hash]
    assert rig.admitted == [(transfer(0), True)]
    assert rig.banned == [FLOODER]
    assert rig.ingest.waiting == 0


def test_what_a_block_brought_leaves_its_share(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    monkeypatch.setattr(ingest, "MAX_PEER_WAITING_TRANSACTIONS", 1)
    rig.ingest.receive(OTHER, [transfer(0).raw])
    rig.ingest.applied([transfer(0)])
    assert len(rig.ingest.receive(OTHER, [transfer(1).raw])) == 1
    rig.work_off()
    assert rig.verified == [transfer(1).hash]
    assert rig.ingest._gossip == {}, "a peer of which nothing waits takes no room"


# Forgers


def test_forged_gossip_costs_ten_verifications_and_then_the_connection(rig: Rig) -> None:
    assert FULL_POINTS == MAX_BAD_A_TURN * BAD_TRANSACTION_POINTS
    rig.ingest.receive(FLOODER, forged(4_000))
    rig.ingest.receive(FLOODER, [transfer(7).raw])
    rig.work_off()
    assert len(rig.verified) == MAX_BAD_A_TURN
    assert rig.banned == [FLOODER]
    assert rig.reasons == ["10 gossiped transactions do not match their signature"]
    assert rig.ingest.bad_gossip == MAX_BAD_A_TURN
    assert rig.ingest.dropped_gossip == 4_001 - MAX_BAD_A_TURN
    assert rig.ingest.waiting == 0
    assert rig.ingest._gossip == {}


def test_undecodable_gossip_is_read_up_to_ten_and_costs_the_connection(rig: Rig) -> None:
    assert rig.ingest.receive(FLOODER, [transfer(0).raw, *[b"rubbish"] * 4_000]) == []
    assert rig.banned == [FLOODER]
    assert rig.bad[FLOODER] == MAX_BAD_A_TURN
    assert "10 gossiped transactions cannot be decoded, the last: " in rig.reasons[0]
    rig.work_off()
    assert rig.verified == []
    assert rig.ingest.waiting == 0


def test_another_chain_s_transactions_are_bad_too(rig: Rig) -> None:
    rig.ingest.receive(FLOODER, [transfer(0, chain_id=1).raw])
    assert rig.bad == {FLOODER: 1}


def test_a_few_bad_ones_cost_points_and_the_rest_is_admitted(rig: Rig) -> None:
    rig.ingest.receive(OTHER, [b"rubbish", *forged(3), transfer(0).raw])
    rig.work_off()
    assert rig.bad == {OTHER: 4}
    assert rig.banned == []
    assert transfer(0).hash in rig.mempool


def test_others_go_on_while_a_forger_is_dropped(rig: Rig) -> None:
    good = [transfer(nonce) for nonce in range(60)]
    rig.ingest.receive(FLOODER, forged(500))
    rig.ingest.receive(OTHER, [item.raw for item in good])
    rig.work_off()
    assert rig.banned == [FLOODER]
    assert [item for item, _ in rig.admitted] == good


def test_a_peer_starts_anew_after_its_ban(rig: Rig) -> None:
    """The ban is the reputation's; nothing is held against the share that comes after it."""
    rig.ingest.receive(FLOODER, forged(20))
    rig.work_off()
    assert len(rig.ingest.receive(FLOODER, [transfer(0).raw])) == 1
    rig.work_off()
    assert transfer(0).hash in rig.mempool


def test_bad_answers_about_proposals_are_dropped_and_held_against_nobody(rig: Rig) -> None:
    """An honest peer passes on a proposal before it has checked the block."""
    rig.ingest.receive_answer(OTHER, forged(500))
    rig.work_off()
    assert len(rig.verified) == MAX_BAD_A_TURN
    assert rig.bad == {}
    assert rig.ingest.waiting == 0


async def test_bad_transactions_of_clients_are_held_against_nobody(rig: Rig) -> None:
    client = asyncio.create_task(rig.ingest.submit([*forged(30), b"rubbish", transfer(0).raw]))
    await asyncio.sleep(0)
    rig.work_off()
    *refused, last = await client
    assert last == transfer(0).hash
    assert len(refused) == 31
    assert all(isinstance(outcome, Refusal) for outcome in refused)
    assert rig.ingest.rejected == {RefusalReason.BAD_SIGNATURE: 30, RefusalReason.MALFORMED: 1}
    assert rig.bad == {}


async def test_an_honest_node_s_gossip_never_counts_against_it(make_rig: Make) -> None:
    """Whatever its clients and peers send, what it passes on is verified; and what the receiver
    refuses by its own state (nonces, rotated keys) is no offence."""
    node, receiver = make_rig(), make_rig()
    inputs = [*forged(200), b"rubbish", *(transfer(nonce).raw for nonce in range(30)), b"\xc1"]
    client = asyncio.create_task(node.ingest.submit(inputs))
    await asyncio.sleep(0)
    node.ingest.receive(FLOODER, [*forged(300), transfer(40).raw])
    node.work_off()
    await client
    published = [item.raw for item, from_client in node.admitted if from_client]
    relayed = [item.raw for item in node.mempool.pending(1_000)]
    assert len(published) == 30
    for problem in (None, "the account was rotated"):
        receiver.problem = problem
        for batch in (published, relayed, published):
            receiver.ingest.receive(OTHER, batch)
            receiver.work_off()
    assert receiver.bad == {}
