"""Compact proposals are completed from what is here, and only what is missing is asked for."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from consensus.messages import PrePrepare
from ledger.block import Block, CompactBlock
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.transaction import Transaction
from node.replica.proposals import (
    ASK_AGAIN_MS,
    FIRST_ASK_MS,
    MAX_ASKS,
    ProposalAssembler,
    answer_positions,
)
from tests.support.applied_chain import AppliedChain

ALICE, BOB = b"a" * 32, b"b" * 32


def proposed(count: int, height: int = 1) -> Block:
    """A block with so many transactions."""
    node = AppliedChain()
    for _ in range(height - 1):
        node.grow()
    return node.build(*(node.signed(ahead=i) for i in range(count)))


class Rig:
    """An assembler whose timers fire when the test says so; `held` is what the node has."""

    def __init__(self) -> None:
        self.held: dict[Hash, Transaction] = {}
        self.asked: list[tuple[bytes, Hash, list[int]]] = []
        self.delivered: list[tuple[bytes, PrePrepare]] = []
        self.later: list[tuple[int, Callable[[], None]]] = []
        self.assembler = ProposalAssembler(
            self,
            lambda peer, block_hash, positions: self.asked.append(
                (peer, block_hash, list(positions))
            ),
            lambda peer, message: self.delivered.append((peer, message)),
            lambda delay_ms, callback: self.later.append((delay_ms, callback)),
        )

    def find_verified(self, transaction_hash: Hash) -> Transaction | None:
        return self.held.get(transaction_hash)

    def hold(self, *transactions: Transaction) -> None:
        self.held |= {transaction.hash: transaction for transaction in transactions}

    def arrive(self, *transactions: Transaction) -> None:
        self.hold(*transactions)
        self.assembler.arrived(transactions)

    def receive(self, block: Block, peer: bytes = ALICE, view: int = 0) -> PrePrepare:
        """A PrePrepare with the block in full, given to the assembler in its compact form."""
        full = PrePrepare(block.height, view, block, 0, None, b"s" * 64)
        compact: CompactBlock = block.compact()
        self.assembler.receive(peer, replace(full, proposal=compact), compact)  # type: ignore[arg-type]  # as consensus_wire gives it
        return full

    def fire(self) -> int:
        """Run the timer that was set last; its delay."""
        delay_ms, callback = self.later.pop()
        callback()
        return delay_ms


def test_a_proposal_whose_transactions_are_here_is_complete_at_once() -> None:
    rig, block = Rig(), proposed(3)
    rig.hold(*block.transactions)
    full = rig.receive(block)
    assert rig.delivered == [(ALICE, full)]
    assert (rig.assembler.waiting, rig.later, rig.asked) == (0, [], [])


def test_an_empty_block_is_complete_at_once() -> None:
    rig = Rig()
    full = rig.receive(proposed(0))
    assert rig.delivered == [(ALICE, full)]


def test_what_is_on_the_wire_is_waited_for_and_not_asked_for() -> None:
    rig, block = Rig(), proposed(3)
    rig.hold(block.transactions[0])
    full = rig.receive(block)
    assert rig.assembler.waiting == 1
    rig.arrive(block.transactions[2])
    assert rig.delivered == []
    rig.arrive(block.transactions[1])
    assert rig.delivered == [(ALICE, full)]
    assert rig.fire() == FIRST_ASK_MS
    assert rig.asked == []


def test_only_what_is_missing_is_asked_for_and_again_until_it_is_there() -> None:
    rig, block = Rig(), proposed(4)
    rig.hold(block.transactions[0], block.transactions[2])
    full = rig.receive(block)
    assert rig.fire() == FIRST_ASK_MS
    assert rig.asked == [(ALICE, block.hash, [1, 3])]
    rig.arrive(block.transactions[3])
    assert rig.fire() == ASK_AGAIN_MS
    assert rig.asked[1:] == [(ALICE, block.hash, [1])]
    rig.arrive(block.transactions[1])
    assert rig.delivered == [(ALICE, full)]


def test_a_proposal_is_asked_for_a_bounded_number_of_times() -> None:
    rig, block = Rig(), proposed(1)
    rig.receive(block)
    while rig.later:
        rig.fire()
    assert len(rig.asked) == MAX_ASKS
    assert rig.assembler.waiting == 0
    rig.arrive(*block.transactions)
    assert rig.delivered == []


def test_a_newer_proposal_of_a_peer_replaces_the_older() -> None:
    rig, old, new = Rig(), proposed(1), proposed(2)
    rig.receive(old)
    full = rig.receive(new, view=1)
    assert rig.assembler.waiting == 1
    assert not rig.assembler.missing_of(old.hash)
    assert rig.assembler.missing_of(new.hash)
    rig.arrive(*old.transactions, *new.transactions)
    assert rig.delivered == [(ALICE, full)]
    while rig.later:  # timers of either find nothing to do
        rig.fire()
    assert rig.asked == []


def test_a_complete_proposal_ends_an_incomplete_one_of_its_peer() -> None:
    rig, block = Rig(), proposed(1)
    rig.receive(block)
    rig.receive(proposed(0), view=1)
    assert rig.assembler.waiting == 0


def test_proposals_of_several_peers_wait_beside_each_other() -> None:
    rig, block = Rig(), proposed(2)
    full = rig.receive(block, ALICE)
    rig.receive(block, BOB)
    assert rig.assembler.waiting == 2
    rig.arrive(*block.transactions)
    assert rig.delivered == [(ALICE, full), (BOB, full)]


def test_what_arrives_with_a_wrong_signature_completes_nothing() -> None:
    rig, block = Rig(), proposed(1)
    rig.receive(block)
    rig.assembler.arrived(block.transactions)  # and find_verified knows nothing of it
    assert rig.delivered == []
    rig.fire()
    assert rig.asked == [(ALICE, block.hash, [0])]


def test_finished_heights_and_lost_peers_are_forgotten() -> None:
    rig, first, second = Rig(), proposed(1, height=1), proposed(1, height=2)
    rig.receive(first, ALICE)
    rig.receive(second, BOB)
    rig.assembler.forget(2)
    assert rig.assembler.waiting == 1
    assert rig.assembler.missing_of(second.hash)
    rig.assembler.forget_peer(BOB)
    rig.assembler.forget_peer(BOB)
    assert rig.assembler.waiting == 0
    while rig.later:
        rig.fire()
    assert (rig.asked, rig.delivered) == ([], [])


def test_positions_are_answered_in_the_order_asked() -> None:
    hashes = [Hash(bytes((number,)) * 32) for number in range(4)]
    assert answer_positions(hashes, [3, 0]) == [hashes[3], hashes[0]]
    assert answer_positions(hashes, []) == []


def test_a_position_outside_the_block_is_a_peers_mistake() -> None:
    with pytest.raises(PeerError, match="transaction 1 of a block of 1"):
        answer_positions([Hash(bytes(32))], [0, 1])
