"""A naive reference for votes: sets of people, recomputed from nothing each time.

Written from governance.md alone, with fractions and whole scans; it shares no code with the module
that it checks.
"""

from dataclasses import dataclass, field
from fractions import Fraction

DAY = 86_400_000
WEIGHT = {
    "chamber.public": 16,
    "chamber.academia": 16,
    "chamber.land": 16,
    "chamber.builders": 16,
    "chamber.participants": 20,
    "chamber.landowners": 16,
}
OF_PERSONS = ("chamber.participants", "chamber.landowners")
# Consenting weight, persons' share of Yes, persons' quorum, institutions' quorum, days of voting.
WEIGHT_NEEDED = {"A": "> 50", "B": "> 50", "C": ">= 60", "D": ">= 75"}
PERSONS_NEEDED = {"A": "", "B": "> 50", "C": "> 50", "D": ">= 60"}
PERSONS_QUORUM = {"A": 2, "B": 5, "C": 10, "D": 25}
CHAMBER_QUORUM = {"A": 30, "B": 40, "C": 50, "D": 60}
VOTING_DAYS = {"A": 7, "B": 14, "C": 21, "D": 30}


def holds(part: int, whole: int, condition: str) -> bool:
    if whole == 0:
        return False
    sign, percent = condition.split()
    share, bound = Fraction(part, whole), Fraction(int(percent), 100)
    return share > bound if sign == ">" else share >= bound


@dataclass
class Given:
    """One delegation: to whom, and when."""

    to: str
    made_ms: int

    def in_force(self, time_ms: int) -> bool:
        """Until the last five-day mark of the calendar within a year."""
        end_ms = (self.made_ms + 365 * DAY) // (5 * DAY) * (5 * DAY)
        return time_ms < end_ms


@dataclass
class ReferenceVote:
    """electorate: chamber of each member at the start. delegations: in force at the start."""

    kind: str
    electorate: dict[str, str]
    delegations: dict[str, str]
    recused: set[str]
    opened_ms: int
    ends_ms: int
    votes: dict[str, str] = field(default_factory=dict)
    quorum_reached: bool = False

    def members(self, chamber: str) -> set[str]:
        return {name for name, seat in self.electorate.items() if seat == chamber}

    def is_vacant(self, chamber: str) -> bool:
        return len(self.members(chamber)) < (30 if chamber in OF_PERSONS else 1)

    def counting(self) -> list[str]:
        return [c for c in WEIGHT if not self.is_vacant(c) and c not in self.recused]

    def may_vote(self, member: str, choice: str, time_ms: int) -> bool:
        return (
            time_ms < self.ends_ms
            and self.electorate.get(member) in self.counting()
            and self.votes.get(member) != choice
        )

    def vote(self, member: str, choice: str, time_ms: int) -> None:
        self.votes[member] = choice
        if not self.quorum_reached and self.has_quorum():
            self.quorum_reached = True
            length_ms = VOTING_DAYS[self.kind] * DAY
            if time_ms >= self.ends_ms - length_ms // 10:
                self.ends_ms += length_ms // 5

    def chamber_counts(self, chamber: str) -> dict[str, int]:
        members = self.members(chamber)
        counts = {"yes": 0, "no": 0, "abstain": 0}
        limit = max(1, len(members) * 5 // 100)
        for voter in members & set(self.votes):
            carried = {
                member
                for member in members - set(self.votes)
                if chamber in OF_PERSONS and self.delegations.get(member) == voter
            }
            counts[self.votes[voter]] += 1 + min(limit, len(carried))
        return counts

    def cast(self, chamber: str) -> int:
        return sum(self.chamber_counts(chamber).values())

    def persons_quorum(self) -> bool:
        voting = [c for c in self.counting() if c in OF_PERSONS]
        seated = sum(len(self.members(c)) for c in voting)
        cast = sum(self.cast(c) for c in voting)
        return not voting or 100 * cast >= PERSONS_QUORUM[self.kind] * seated

    def chamber_quorum(self, chamber: str) -> bool:
        if chamber in OF_PERSONS:
            return True
        needed = CHAMBER_QUORUM[self.kind] * len(self.members(chamber))
        return 100 * self.cast(chamber) >= needed

    def weight(self, chambers: list[str]) -> int:
        return sum(WEIGHT[chamber] for chamber in chambers)

    def has_quorum(self) -> bool:
        present = [c for c in self.counting() if self.chamber_quorum(c)]
        return self.persons_quorum() and holds(
            self.weight(present), self.weight(self.counting()), WEIGHT_NEEDED[self.kind]
        )

    def passes(self) -> bool:
        counts = {c: self.chamber_counts(c) for c in self.counting()}
        consenting = [
            c for c in counts if counts[c]["yes"] > counts[c]["no"] and self.chamber_quorum(c)
        ]
        persons = [c for c in counts if c in OF_PERSONS]
        if not self.persons_quorum():
            return False
        if not holds(
            self.weight(consenting), self.weight(self.counting()), WEIGHT_NEEDED[self.kind]
        ):
            return False
        if self.kind == "D" and not set(OF_PERSONS) <= set(consenting):
            return False
        if persons and PERSONS_NEEDED[self.kind]:
            yes = sum(counts[c]["yes"] for c in persons)
            no = sum(counts[c]["no"] for c in persons)
            return holds(yes, yes + no, PERSONS_NEEDED[self.kind])
        return True
