"""Following a proposal: who is asked to vote, and what ends it."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, cast

import pytest

from api.calls import Call
from governance.proposals.voting import VOTE
from ledger.crypto import Ed25519Signer, checksum_address
from node.constitution.assembly import EXECUTED, QUEUED, Assembly, tally_of
from node.constitution.chain import Sent, StepError, TownChain
from node.constitution.people import Ballot, People
from node.play.outbox import Message, Sender

OLD, NEW, LEFT, PERSON = (Sender.of_key(Ed25519Signer(bytes([n]) * 32)) for n in range(1, 5))
SNAPSHOT = 70


def listed(sender: Sender, *memberships: tuple[int, int | None]) -> dict[str, Any]:
    return {
        "account": checksum_address(sender.address),
        "memberships": [{"began": began, "ended": ended} for began, ended in memberships],
    }


def proposal(status: str, votes: int, reason: str = "") -> dict[str, Any]:
    count = {"chamber": "chamber.public", "yes": 1, "no": 0, "recused": False}
    vote = {
        "snapshot": SNAPSHOT,
        "outcome": None,
        "consenting_weight": 16,
        "weight": 100,
        "chambers": [count],
    }
    found = [{**vote, "vote": number} for number in range(1, votes + 1)]
    return {"status": status, "votes": found, "reason": reason}


class ScriptedChain:
    """A chain whose one proposal goes through these states, one a question."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self._states: Iterator[dict[str, Any]] = iter(states)
        self.sent: list[list[Sent]] = []

    async def call(self, call: Call[Any]) -> Any:
        if call.method == "poyong_getProposal":
            return next(self._states)
        return [
            listed(OLD, (1, None)),
            listed(NEW, (SNAPSHOT + 1, None)),
            listed(LEFT, (2, SNAPSHOT), (SNAPSHOT + 4, None)),
        ]

    async def until(self, question: Callable[[], Awaitable[Any]]) -> Any:
        while (answer := await question()) is None:
            pass
        return answer

    async def accepted(self, sent: Sequence[Sent]) -> None:
        self.sent.append(list(sent))


def everybody() -> list[Ballot]:
    return [(sender, "yes") for sender in (OLD, NEW, LEFT, PERSON)]


def assembly_on(chain: ScriptedChain) -> Assembly:
    return Assembly(cast("TownChain", chain), cast("People", None))


async def test_each_vote_is_voted_in_once_by_those_who_were_there_when_it_began() -> None:
    chain = ScriptedChain(
        proposal("REVIEW", 0),
        proposal("VOTING", 1),
        proposal("VOTING", 1),
        proposal("INTERVAL", 1),
        proposal("SECOND_VOTING", 2),
        proposal("QUEUED", 2),
        proposal("EXECUTED", 2),
    )
    done = await assembly_on(chain).follow(7, everybody)
    assert (done["status"], len(chain.sent)) == (EXECUTED, 2)
    expected = Message.of(VOTE, 7, "yes")
    assert chain.sent[0] == chain.sent[1] == [(OLD, expected), (PERSON, expected)]


async def test_a_recall_is_voted_in_after_the_votes_that_are_over() -> None:
    chain = ScriptedChain(
        proposal("QUEUED", 1), proposal("RECALL_VOTING", 2), proposal("REJECTED", 2)
    )
    await assembly_on(chain).follow(7, everybody, until="REJECTED", after_votes=1)
    assert len(chain.sent) == 1


async def test_a_proposal_that_ends_otherwise_is_told_with_its_reason() -> None:
    chain = ScriptedChain(proposal("QUEUED", 1), proposal("FAILED", 1, "the treasury is empty"))
    with pytest.raises(StepError, match="proposal 7 ended FAILED, expected EXECUTED: the treasury"):
        await assembly_on(chain).follow(7, everybody, after_votes=1)
    chain = ScriptedChain(proposal("REJECTED", 1))
    with pytest.raises(StepError, match="'consenting_weight': 16"):
        await assembly_on(chain).follow(7, everybody, until=QUEUED, after_votes=1)


def test_a_proposal_without_a_vote_has_no_tally() -> None:
    assert tally_of(cast("Any", proposal("REVIEW", 0))) is None
