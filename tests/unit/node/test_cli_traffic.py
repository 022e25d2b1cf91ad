"""The town's transfers: consecutive nonces, another node when one is down, a fresh look after a
refusal."""

from dataclasses import dataclass, field

import pytest

from ledger.local_accounts import ed25519_accounts
from ledger.primitives import Address
from ledger.transaction import decode_transaction, verify_transaction
from node.localnet.traffic import Position, Traffic

CHAIN_ID = 82062
SIGNERS = [account.signer for account in ed25519_accounts()[:3]]


class Done(Exception):
    """Enough was seen."""


@dataclass
class FakeNode:
    """Accepts transactions with the right nonce, like a node whose mempool is empty."""

    stop_after: int = 30
    down: bool = False
    refuse: set[int] = field(default_factory=set)
    nonces: dict[Address, int] = field(default_factory=dict)
    reads: int = 0
    offers: int = 0

    async def position(self, address: Address) -> Position:
        if self.down:
            raise ConnectionRefusedError
        self.reads += 1
        return Position(self.nonces.get(address, 0), 100)

    async def offer(self, transaction: bytes) -> bool:
        if self.down:
            raise ConnectionRefusedError
        self.offers += 1
        if self.offers > self.stop_after:
            raise Done
        if self.offers in self.refuse:
            return False
        decoded = decode_transaction(transaction, CHAIN_ID)
        assert verify_transaction(decoded)
        assert decoded.nonce == self.nonces.get(decoded.sender, 0)
        self.nonces[decoded.sender] = decoded.nonce + 1
        return True


async def no_waiting(_: float) -> None:
    return None


def traffic(*nodes: FakeNode) -> Traffic:
    return Traffic(nodes, SIGNERS, CHAIN_ID, sleep=no_waiting)


async def test_each_account_pays_in_turn_with_consecutive_nonces() -> None:
    node = FakeNode()
    with pytest.raises(Done):
        await traffic(node).run()
    assert sorted(node.nonces.values()) == [10, 10, 10]
    assert node.reads == len(SIGNERS)


async def test_a_node_that_is_down_is_skipped() -> None:
    down, up = FakeNode(down=True), FakeNode()
    with pytest.raises(Done):
        await traffic(down, up).run()
    assert (down.offers, up.offers) == (0, 31)


async def test_after_a_refusal_the_nonce_is_read_again() -> None:
    node = FakeNode(refuse={5})
    with pytest.raises(Done):
        await traffic(node).run()
    assert node.reads == len(SIGNERS) + 1
    assert sum(node.nonces.values()) == 29
