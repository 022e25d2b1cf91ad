"""A threshold account as the authority of genesis: m organisations decide, m-1 do not."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from governance.authority import authority
from governance.deciding import ADD_OBSERVER, ADD_VALIDATOR, REMOVE_VALIDATOR
from ledger import threshold
from ledger.crypto import Ed25519Signer, Secp256k1Signer, Signer, checksum_address
from ledger.errors import DecodeError, ErrorCode
from ledger.executor import InvalidBlock
from ledger.message_registry import MessageType
from ledger.threshold import ROTATE, Members, Witness
from ledger.transaction import Draft, Transaction, sign_threshold
from ledger.validator_tables import observers, set_at
from tests.support.ledger_chain import (
    AUTHORITY,
    CHAIN_ID,
    LedgerChain,
    genesis_document,
    parsed,
    validator,
)

MEMBERS: Final[Sequence[Signer]] = (
    Ed25519Signer(b"0" * 32),
    Ed25519Signer(b"1" * 32),
    Secp256k1Signer(b"2" * 32),
    Ed25519Signer(b"3" * 32),
)
WITNESS: Final = threshold.create(bytes(32), 3, tuple(s.public_key for s in MEMBERS))
OBSERVER_KEY: Final = b"o" * 32


@pytest.fixture
def chain() -> LedgerChain:
    """Four organisations, three of which decide together."""
    document = genesis_document(4)
    document["modules"]["governance"]["authority"] = checksum_address(WITNESS.address)
    chain = LedgerChain(4, document=parsed(document))
    chain.advance(8)
    return chain


def draft(chain: LedgerChain, message: MessageType, *values: Any) -> Draft:
    return Draft(
        chain_id=CHAIN_ID,
        nonce=chain.nonce(WITNESS.address),
        type=message.name,
        body=message.encode(*values),
        valid_until=chain.height + 100,
    )


def code(chain: LedgerChain, transaction: Transaction) -> int:
    (receipt,) = chain.add([transaction]).receipts
    return receipt.code


def test_genesis_takes_it_as_the_authority(chain: LedgerChain) -> None:
    assert authority(chain.state) == WITNESS.address


@pytest.mark.parametrize("absent", range(4))
def test_any_three_admit_an_observer_and_a_validator(chain: LedgerChain, absent: int) -> None:
    signers = [signer for index, signer in enumerate(MEMBERS) if index != absent]
    observer = draft(chain, ADD_OBSERVER, OBSERVER_KEY, "Library")
    assert code(chain, sign_threshold(observer, WITNESS, signers)) == ErrorCode.OK
    assert observers(chain.state) == {OBSERVER_KEY: "Library"}
    seat = validator("joiner")
    joins = draft(chain, ADD_VALIDATOR, "joiner", seat.public_key, seat.node_key)
    assert code(chain, sign_threshold(joins, WITNESS, signers[::-1])) == ErrorCode.OK
    assert set_at(chain.state, chain.height + 2).validators[-1] == seat
    chain.advance(2)
    leaves = draft(chain, REMOVE_VALIDATOR, "o1")
    assert code(chain, sign_threshold(leaves, WITNESS, signers)) == ErrorCode.OK


def test_two_of_them_decide_nothing(chain: LedgerChain) -> None:
    """Two signatures are no transaction; with a threshold of two they are not the account's."""
    two = MEMBERS[:2]
    decision = draft(chain, ADD_OBSERVER, OBSERVER_KEY, "Library")
    with pytest.raises(DecodeError, match="signature"):
        sign_threshold(decision, WITNESS, two)
    lower = Witness(WITNESS.address, WITNESS.salt, Members(2, WITNESS.members.keys))
    own = threshold.create(bytes(32), 2, WITNESS.members.keys)
    forged = sign_threshold(decision, lower, two)
    assert chain.execute([forged], skip_inapplicable=True).included == ()
    with pytest.raises(InvalidBlock):
        chain.execute([forged])
    # Both accounts are new, so that the draft's nonce fits this one too.
    assert code(chain, sign_threshold(decision, own, two)) == ErrorCode.UNAUTHORISED
    assert observers(chain.state) == {}


def test_one_key_alone_decides_nothing(chain: LedgerChain) -> None:
    body = ADD_OBSERVER.encode(OBSERVER_KEY, "Library")
    for signer in (AUTHORITY, MEMBERS[0]):
        assert isinstance(signer, Ed25519Signer)
        alone = chain.signed(signer, ADD_OBSERVER.name, body)
        assert code(chain, alone) == ErrorCode.UNAUTHORISED


def test_after_its_members_were_replaced_only_the_new_ones_decide(chain: LedgerChain) -> None:
    new = tuple(sorted((MEMBERS[0].public_key, AUTHORITY.public_key)))
    rotation = draft(chain, ROTATE, 2, new)
    assert code(chain, sign_threshold(rotation, WITNESS, MEMBERS[1:])) == ErrorCode.OK
    decision = draft(chain, ADD_OBSERVER, OBSERVER_KEY, "Library")
    old = sign_threshold(decision, WITNESS, MEMBERS[:3])
    assert chain.execute([old], skip_inapplicable=True).included == ()
    rotated = Witness(WITNESS.address, bytes(32), Members(2, new))
    assert code(chain, sign_threshold(decision, rotated, (AUTHORITY, MEMBERS[0]))) == ErrorCode.OK
    assert observers(chain.state) == {OBSERVER_KEY: "Library"}
