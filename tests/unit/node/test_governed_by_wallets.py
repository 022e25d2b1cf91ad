"""A proposal brought, and a vote cast, from an Ethereum wallet: the chain carries it out."""

from typing import Any

import pytest

from api.ethereum.logs import emitted
from governance.proposals.lifecycle import Status
from governance.proposals.proposals import SPONSOR
from ledger import abi, accounts
from ledger.contracts import GOVERNANCE, Function
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode
from ledger.ethereum_envelope import intrinsic_gas
from ledger.message_registry import MessageType
from ledger.primitives import Address
from ledger.transaction import Transaction, decode_transaction, verify_transaction
from ledger.validator_tables import observers
from tests.support.ethereum import SENDER, Wallet
from tests.support.governed_town import (
    BASIS,
    DOCUMENT,
    GovernedTown,
    stakeholders_section,
)
from tests.support.ledger_chain import CHAIN_ID

NODE_KEY = b"n" * 32


class WalletTown(GovernedTown):
    """The city's account is that of an Ethereum wallet."""

    def __init__(self) -> None:
        section = stakeholders_section()
        section["organisations"][0]["account"] = checksum_address(SENDER)
        super().__init__(stakeholders=section)
        self.table = self.chain.executor.contracts

    def function(self, name: str) -> Function:
        (found,) = (
            item for item in self.table.functions[GOVERNANCE.address].values() if item.name == name
        )
        return found

    def signed(self, data: bytes) -> Transaction:
        """The wallet's next call of the governance contract."""
        wallet = Wallet(
            chain_id=CHAIN_ID,
            nonce=accounts.nonce(self.state, SENDER),
            gas=intrinsic_gas(data),
            to=GOVERNANCE.address,
            value=0,
            data=data,
        )
        found = decode_transaction(wallet.raw(), CHAIN_ID, self.table.decode_call)
        assert verify_transaction(found)
        assert found.sender == SENDER
        return found

    def call(self, name: str, *arguments: Any) -> None:
        """Final in a block of its own, and done."""
        function = self.function(name)
        data = function.selector + abi.encode(function.types, arguments)
        self.block(also=[self.signed(data)], after_ms=1)
        (receipt,) = self.receipts
        assert receipt.code is ErrorCode.OK, receipt.reason

    def encoded(self, message: MessageType | str, *values: Any) -> tuple[Address, bytes]:
        """A call as a proposal carries it."""
        name = message if isinstance(message, str) else message.name
        found = self.chain.executor.registry.find(name)
        assert found is not None
        return self.table.encode_call(name, found.encode(*values))


def test_a_wallet_brings_a_proposal_and_votes_and_it_is_carried_out() -> None:
    town = WalletTown()
    carried = [town.encoded("governance.add_observer", NODE_KEY, "institute")]
    town.call("submit", "An observer", DOCUMENT, BASIS, carried)
    (submitted, *_) = emitted(town.receipts[0].events)
    assert submitted.address == GOVERNANCE.address
    assert submitted.topics[1:] == ((1).to_bytes(32, "big"), bytes(12) + SENDER)
    town.must(("gist", SPONSOR, (1,)), after_ms=1)
    town.run_until(1, Status.VOTING)
    town.call("vote", 1, "yes")
    (voted,) = emitted(town.receipts[0].events)
    assert voted.topics[0] == abi.topic("Voted(uint256,uint256,string,address,string,uint256)")
    assert abi.decode((abi.UINT256, abi.STRING, abi.STRING, abi.UINT256), voted.data) == (
        1, "chamber.public", "yes", 1,
    )  # fmt: skip
    assert set(town.vote(1, "gist", "land", "build")) == {ErrorCode.OK}
    done = town.run_until(1, Status.EXECUTED, Status.FAILED, Status.REJECTED)
    assert done.status is Status.EXECUTED, done
    assert observers(town.state)[NODE_KEY] == "institute"


@pytest.mark.parametrize("choice", ["maybe", ""])
def test_a_vote_that_fails_is_on_record_with_its_reason_and_no_log(choice: str) -> None:
    town = WalletTown()
    town.call("submit", "A signal", DOCUMENT, BASIS, [])
    data = town.encoded("proposals.vote", 1, choice)[1]
    town.block(also=[town.signed(data)], after_ms=1)
    (receipt,) = town.receipts
    assert receipt.code is not ErrorCode.OK
    assert receipt.reason
    assert emitted(receipt.events) == []
