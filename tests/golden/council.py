"""Persons and the emergency council of a golden chain: delegations, petitions, and a pause."""

from typing import TYPE_CHECKING

from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import book
from ledger.errors import ErrorCode
from ledger.primitives import UNIT
from ledger.transfers import SEND_MANY
from tests.golden.sending import message, said
from tests.support.governed_town import (
    BASIS,
    DOCUMENT,
    ORGANISATIONS,
    OWNERS,
    RESIDENTS,
    account,
    messages,
)

if TYPE_CHECKING:
    from tests.golden.script import Script

SEATS = ("city", "gist", "land", "resident 5", "owner 5")
"""Four of six seats pause something; these hold five."""


def paused(script: "Script") -> None:
    """The council is named, pauses a type of message, prolongs the pause by a vote, and reports."""
    named = [(name, name) for name in ORGANISATIONS]
    named += [(name, "resident 5") for name in RESIDENTS[4:7]]
    named += [(name, "owner 5") for name in OWNERS[4:7]]
    script.must(*[said(name, "proposals.name_seat", account(seat)) for name, seat in named])
    target = f"message:{SEND_MANY.name}"
    script.must(*[said(name, "proposals.pause", target, DOCUMENT) for name in SEATS[:4]])
    refused = script.block(said("city", SEND_MANY.name, ((account("gist"), 1),), b""))
    assert refused == [ErrorCode.PAUSED], refused
    script.must(said("gist", "proposals.renew", 1))
    number = book(script.chain.state).proposals
    script.agree(number)
    status = script.chain.run_until(number, Status.EXECUTED, Status.FAILED, Status.REJECTED)
    assert status is Status.EXECUTED, status
    script.codes["proposals.prolong"] = ErrorCode.OK
    script.must(said("city", "proposals.report", 1, DOCUMENT))


def persons_together(script: "Script") -> None:
    """A proposal is withdrawn, another comes by petition, a delegation is taken back."""
    dividend = messages((message("distribution.dividend"), ("participation", UNIT)))
    number = book(script.chain.state).proposals + 1
    script.must(said("city", "proposals.submit", "Withdrawn", DOCUMENT, BASIS, dividend))
    script.must(said("city", "proposals.withdraw", number))
    script.must(said("resident 4", "proposals.petition", "Ours", DOCUMENT, BASIS, dividend))
    script.must(*[said(name, "proposals.sign", number + 1) for name in RESIDENTS[5:8]])
    script.must(said("resident 6", "proposals.delegate", "B", account("resident 4")))
    script.must(said("resident 6", "proposals.undelegate", "B"))
