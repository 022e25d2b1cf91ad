"""One book of roles for both kinds of chain, and who decides on each."""

import pytest

from governance.admissible import GOVERNANCE
from governance.authority import AUTHORITY, authority
from governance.chambers import CHAMBER_PARTICIPANTS, CHAMBER_PUBLIC
from governance.deciding import REMOVE_VALIDATOR
from governance.proposals.proposals import SUBMIT
from governance.roles import GRANT_ROLE
from governance.stakeholders.chain_roles import ChainRoles
from ledger import genesis
from ledger.crypto import checksum_address, ed25519_address
from ledger.errors import ErrorCode, LocalError
from node.modules import ROLE_BOOK, build_executor
from tests.support.governed_town import DOCUMENT, GovernedTown, account, governed_document
from tests.support.ledger_chain import (
    AUTHORITY as DECIDER,
)
from tests.support.ledger_chain import RICH, LedgerChain, genesis_document, parsed

DECIDES = ed25519_address(DECIDER.public_key)
CITY = account("city")


def plain_chain() -> LedgerChain:
    """An authority of genesis, and no stakeholders."""
    document = genesis_document(4)
    document["modules"]["governance"]["roles"] = {
        "chamber.public": [checksum_address(CITY)],
        "certifier": [checksum_address(account("certifier"))],
    }
    document["modules"]["governance"]["certifiers"] = [
        {
            "account": checksum_address(account("certifier")),
            "kind": "work",
            "points_a_round": 7,
        }
    ]
    return LedgerChain(document=parsed(document), whole=build_executor())


def test_with_stakeholders_votes_are_the_authority_and_members_hold_their_chamber() -> None:
    town = GovernedTown()
    town.seat_persons(("resident 0",))
    state = town.state
    assert authority(state) == GOVERNANCE
    assert ROLE_BOOK.holders(state, "authority") == (GOVERNANCE,)
    assert ROLE_BOOK.holds(state, "authority", GOVERNANCE)
    assert ROLE_BOOK.holders(state, CHAMBER_PUBLIC) == (CITY,)
    assert ROLE_BOOK.holds(state, CHAMBER_PARTICIPANTS, account("resident 0"))
    assert ROLE_BOOK.holders(state, CHAMBER_PARTICIPANTS) == ()
    assert ROLE_BOOK.certifier_limit(state, account("certifier"), "work") == 1_000
    assert ROLE_BOOK.certifier_limits(state, account("certifier")) == (("work", 1_000),)


def test_without_stakeholders_the_roles_of_genesis_stand() -> None:
    chain = plain_chain()
    state = chain.state
    assert authority(state) == DECIDES
    assert ROLE_BOOK.holders(state, "authority") == (DECIDES,)
    assert ROLE_BOOK.holders(state, CHAMBER_PUBLIC) == (CITY,)
    assert not ROLE_BOOK.holds(state, "authority", GOVERNANCE)
    assert ROLE_BOOK.certifier_limit(state, account("certifier"), "work") == 7
    assert ROLE_BOOK.certifier_limits(state, account("certifier")) == (("work", 7),)


def test_without_stakeholders_nothing_of_them_is_on_the_chain() -> None:
    """No row, no deadline, and their messages say why they are refused."""
    chain = plain_chain()
    chain.advance(4)
    sent = [
        chain.signed(RICH, SUBMIT.name, SUBMIT.encode("A title", DOCUMENT, 0, ())),
        chain.signed(DECIDER, REMOVE_VALIDATOR.name, ("o3",)),
    ]
    refused, done = chain.add(sent).receipts
    assert refused.code is ErrorCode.NOT_NOW
    assert "its genesis names no stakeholders" in refused.reason
    assert done.code is ErrorCode.OK
    for name in (b"stakeholders/", b"proposals/"):
        assert not list(chain.store.iterate(name, name[:-1] + b"0"))


def test_an_authority_beside_stakeholders_is_refused() -> None:
    document = governed_document(100, governance={"authority": checksum_address(DECIDES)})
    with pytest.raises(LocalError, match="governance: expected nothing beside stakeholders"):
        genesis.build(parsed(document), build_executor())


def test_an_authority_that_a_restart_carries_over_is_of_no_effect() -> None:
    town = GovernedTown()
    state = town.state
    state.put(AUTHORITY, b"", DECIDES)
    assert authority(state) == GOVERNANCE
    assert not ChainRoles(ROLE_BOOK.names).holds(state, "authority", DECIDES)


def test_proposals_without_stakeholders_are_refused() -> None:
    document = genesis_document(4)
    document["modules"]["proposals"] = {"parameters": {}}
    with pytest.raises(LocalError, match=r"modules\.proposals and no modules\.stakeholders"):
        genesis.build(parsed(document), build_executor())


def test_the_stand_ins_roles_are_not_granted_beside_stakeholders() -> None:
    town = GovernedTown()
    code, reason = town.refused(("city", GRANT_ROLE, ("certifier", CITY)))
    assert (code, reason) == (
        ErrorCode.UNAUTHORISED,
        "this is decided by a vote alone: propose it",
    )
