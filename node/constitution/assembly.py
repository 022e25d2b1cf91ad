"""Proposals on the running chain: brought, voted on, and followed to their end."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from api import calls, governance_results
from governance.chambers import PERSONS
from governance.proposals.lifecycle import ENDED, TAKING_VOTES, Status
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.voting import VOTE
from ledger import codec
from ledger.crypto import checksum_address, sha256
from node.constitution.chain import StepError, TownChain, value_of
from node.constitution.people import Ballot, People
from node.play.outbox import Message

_ENDED: Final = frozenset(status.name for status in ENDED)
_TAKING_VOTES: Final = frozenset(status.name for status in TAKING_VOTES)
EXECUTED: Final = Status.EXECUTED.name
QUEUED: Final = Status.QUEUED.name
REJECTED: Final = Status.REJECTED.name

Ballots = Callable[[], Sequence[Ballot]]


def carried(messages: Sequence[Message]) -> tuple[tuple[str, bytes], ...]:
    """Messages as a proposal carries them."""
    return tuple((message.type, codec.encode(message.body)) for message in messages)


def content(title: str, messages: Sequence[Message], basis: int) -> tuple[Any, ...]:
    """The values of a proposal or a petition."""
    return title, sha256(title.encode()), basis, carried(messages)


class Assembly:
    """Brings proposals to a vote and casts the votes of people."""

    def __init__(self, chain: TownChain, people: People) -> None:
        self._chain = chain
        self._people = people

    async def propose(
        self, sponsors: tuple[str, str], title: str, messages: Sequence[Message], basis: int = 0
    ) -> int:
        """A proposal of two organisations; its number."""
        one, other = (self._people.organisations[name] for name in sponsors)
        submitted = Message.of(SUBMIT, *content(title, messages, basis))
        (receipt,) = await self._chain.accepted([(one, submitted)])
        number = int(value_of(receipt, "proposals.submitted", "proposal"))
        await self._chain.accepted([(other, Message.of(SPONSOR, number))])
        return number

    async def follow(
        self, number: int, ballots: Ballots, *, until: str = EXECUTED, after_votes: int = 0
    ) -> governance_results.Proposal:
        """Vote in each vote that opens after the first `after_votes`, until the proposal is there.

        StepError when it ends otherwise.
        """
        voted = after_votes
        while True:
            found = await self._chain.until(partial(self._moved, number, until, voted))
            if found["status"] == until:
                return found
            if found["status"] not in _TAKING_VOTES:
                raise StepError(
                    f"proposal {number} ended {found['status']}, expected {until}: "
                    f"{found['reason'] or tally_of(found)}"
                )
            voted = len(found["votes"])
            await self.vote(number, await self._electors(ballots(), found["votes"][-1]))

    async def vote(self, number: int, ballots: Sequence[Ballot]) -> None:
        """Cast votes, each of which has to count."""
        await self._chain.accepted(
            [(voter, Message.of(VOTE, number, choice)) for voter, choice in ballots]
        )

    async def _electors(
        self, ballots: Sequence[Ballot], vote: governance_results.ProposalVote
    ) -> list[Ballot]:
        """The ballots without those of organisations that were registered after voting started."""
        absent = {
            listed["account"]
            for listed in await self._chain.call(calls.list_organisations())
            if not any(
                each["began"] <= vote["snapshot"]
                and (each["ended"] is None or vote["snapshot"] < each["ended"])
                for each in listed["memberships"]
            )
        }
        return [each for each in ballots if checksum_address(each[0].address) not in absent]

    async def voting(self, number: int) -> None:
        """Return when the first vote on a proposal has opened."""

        async def opened() -> bool | None:
            found = await self._proposal(number)
            return True if found["votes"] else None

        await self._chain.until(opened)

    async def decide(
        self, sponsors: tuple[str, str], title: str, messages: Sequence[Message], basis: int = 0
    ) -> governance_results.Proposal:
        """Propose, consent, and wait until it is carried out."""
        number = await self.propose(sponsors, title, messages, basis)
        return await self.follow(number, self._people.consent)

    async def _moved(
        self, number: int, until: str, voted: int
    ) -> governance_results.Proposal | None:
        """The proposal when it is there, has ended, or opened a vote that is not voted in yet."""
        found = await self._proposal(number)
        status = found["status"]
        is_new_vote = status in _TAKING_VOTES and len(found["votes"]) > voted
        return found if status == until or status in _ENDED or is_new_vote else None

    async def _proposal(self, number: int) -> governance_results.Proposal:
        found = await self._chain.call(calls.get_proposal(number))
        if found is None:
            raise StepError(f"there is no proposal {number}")
        return found


def tally_of(proposal: governance_results.Proposal) -> Mapping[str, Any] | None:
    """The newest vote on a proposal in short; None before the first."""
    if not proposal["votes"]:
        return None
    vote = proposal["votes"][-1]
    persons = [count for count in vote["chambers"] if count["chamber"] in PERSONS]
    return {
        "vote": vote["vote"],
        "outcome": vote["outcome"],
        "consenting_weight": vote["consenting_weight"],
        "weight": vote["weight"],
        "persons_yes": sum(count["yes"] for count in persons),
        "persons_no": sum(count["no"] for count in persons),
        "recused": [count["chamber"] for count in vote["chambers"] if count["recused"]],
    }


async def moved_at(chain: TownChain, number: int, proposal: governance_results.Proposal) -> int:
    """Height at which a proposal came to the status that it has."""
    found = await chain.event(
        "proposals.moved",
        where=lambda values: (
            int(values["proposal"]) == number and values["after"] == proposal["status"]
        ),
    )
    return found.height
