"""Slots for Prepares and Commits of the running height (rule 7).

One slot for each validator, view and phase, in a window of views around the own one. The first
valid vote wins; a slot that is pruned is simply empty again, so a retransmission is never mistaken
for something already held.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from consensus import certificate
from consensus.messages import Vote
from consensus.quorum import is_quorum
from ledger.primitives import Hash
from ledger.registry import Phase

OLD_VIEWS: Final = 8
"""Views below the own one whose seals are still collected."""
NEW_VIEWS: Final = 8
"""Views above the own one whose votes are kept."""


def in_window(view: int, own_view: int) -> bool:
    """True for views whose votes have a slot."""
    return own_view - OLD_VIEWS <= view <= own_view + NEW_VIEWS


@dataclass(slots=True)
class VoteBook:
    """Verified votes of one height."""

    _slots: dict[tuple[Phase, int], dict[int, Vote]] = field(default_factory=dict)

    def get(self, phase: Phase, view: int, validator: int) -> Vote | None:
        """The vote in this slot."""
        return self._slots.get((phase, view), {}).get(validator)

    def add(self, vote: Vote) -> None:
        """Fill an empty slot with a verified vote."""
        self._slots.setdefault((vote.phase, vote.view), {}).setdefault(vote.validator, vote)

    def votes(self, phase: Phase, view: int) -> dict[int, Vote]:
        """Votes of one phase and view by validator."""
        return self._slots.get((phase, view), {})

    def mask(self, phase: Phase, view: int) -> int:
        """Bit mask of the validators whose vote is held."""
        return sum(1 << validator for validator in self.votes(phase, view))

    def quorum_for(self, phase: Phase, view: int, n: int) -> list[Vote] | None:
        """A quorum of one phase and view for one hash."""
        by_hash: dict[Hash, list[Vote]] = {}
        for vote in self.votes(phase, view).values():
            by_hash.setdefault(vote.block_hash, []).append(vote)
        return _first_quorum(by_hash.values(), n)

    def commit_quorum(self, n: int) -> list[Vote] | None:
        """A quorum of Commits that add up, of whatever view."""
        groups: dict[tuple[int, Hash], list[Vote]] = {}
        for vote in self.commits():
            groups.setdefault(certificate.adds_up_with(vote), []).append(vote)
        return _first_quorum(groups.values(), n)

    def commits(self) -> Iterator[Vote]:
        """Every Commit held, of all views."""
        for (phase, _), votes in self._slots.items():
            if phase == Phase.COMMIT:
                yield from votes.values()

    def all(self) -> Iterator[Vote]:
        """Every vote held."""
        for votes in self._slots.values():
            yield from votes.values()

    def prune(self, own_view: int) -> None:
        """Empty the slots that fell out of the window."""
        for key in [key for key in self._slots if key[1] < own_view - OLD_VIEWS]:
            del self._slots[key]


def _first_quorum(groups: Iterable[list[Vote]], n: int) -> list[Vote] | None:
    for votes in groups:
        if is_quorum([vote.validator for vote in votes], n):
            return votes
    return None
