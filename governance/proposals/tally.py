"""From counts by chamber to the outcome of a vote; pure, and the only place that decides it.

A chamber counts while it is seated and not recused. It consents when Yes > No, an institutional
one only with its quorum. Consenting weight is a share of the chambers that count. Persons have a
quorum, and in classes B to D a majority, over the persons' chambers together; while both are
vacant that condition falls away, and class D is impossible. Abstain counts for quorum only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum

from governance.chambers import CHAMBERS, ChamberKind
from governance.proposals.classes import Rules, least, reaches
from ledger.primitives import BPS


class Outcome(IntEnum):
    """How a vote ended."""

    PASSED = 1
    REJECTED = 2
    NO_QUORUM = 3


@dataclass(frozen=True, slots=True)
class ChamberCount:
    """One chamber's votes; `seated` is how many members it had when voting started."""

    chamber: str
    yes: int
    no: int
    abstain: int
    seated: int
    recused: bool = False

    @property
    def cast(self) -> int:
        """Votes of any kind."""
        return self.yes + self.no + self.abstain

    @property
    def is_vacant(self) -> bool:
        """Too few members to be a chamber."""
        return self.seated < CHAMBERS[self.chamber].min_members

    @property
    def counts(self) -> bool:
        """Whether its weight is on the scales at all."""
        return not self.is_vacant and not self.recused

    @property
    def is_persons(self) -> bool:
        """A persons' chamber."""
        return CHAMBERS[self.chamber].kind is ChamberKind.PERSONS

    @property
    def weight(self) -> int:
        """Of 100 when all are seated."""
        return CHAMBERS[self.chamber].weight

    def has_quorum(self, rules: Rules) -> bool:
        """An institutional chamber's own quorum; persons' quorum is over both chambers."""
        return self.is_persons or self.cast * BPS >= self.seated * rules.institution_quorum_bps

    def consents(self, rules: Rules) -> bool:
        """Yes > No, and the quorum of an institutional chamber."""
        return self.counts and self.yes > self.no and self.has_quorum(rules)


class Lack(Enum):
    """What keeps a vote from a majority."""

    PERSONS_QUORUM = "persons_quorum"
    PERSONS_YES = "persons_yes"
    WEIGHT = "weight"
    INSTITUTION_QUORUM = "institution_quorum"
    PERSONS_CHAMBER = "persons_chamber"


@dataclass(frozen=True, slots=True)
class Missing:
    """One condition that does not hold yet: what is there and what it takes, in its own unit.

    Votes cast for the quorums, Yes votes (at the No votes of now) for PERSONS_YES and
    PERSONS_CHAMBER, points of weight for WEIGHT. `chamber` is empty where all are meant.
    """

    lack: Lack
    chamber: str
    found: int
    needed: int


def persons(counts: Sequence[ChamberCount]) -> list[ChamberCount]:
    """The persons' chambers that count."""
    return [count for count in counts if count.is_persons and count.counts]


def weights(rules: Rules, counts: Sequence[ChamberCount]) -> tuple[int, int]:
    """(consenting weight, weight of all chambers that count)."""
    consenting = sum(count.weight for count in counts if count.consents(rules))
    return consenting, sum(count.weight for count in counts if count.counts)


def weight_passes(rules: Rules, consenting: int, whole: int) -> bool:
    """Whether consenting weight is enough."""
    return reaches(consenting, whole, rules.weight_bps, strict=rules.weight_is_strict)


def _persons_quorum(rules: Rules, counts: Sequence[ChamberCount]) -> tuple[int, int]:
    """(persons' votes cast, persons' votes needed); (0, 0) when the condition falls away."""
    voting = persons(counts)
    seated = sum(count.seated for count in voting)
    return sum(count.cast for count in voting), least(
        seated, rules.persons_quorum_bps, strict=False
    )


def _persons_yes(rules: Rules, counts: Sequence[ChamberCount]) -> tuple[int, int]:
    """(persons' Yes, Yes needed at the No of now); (0, 0) when the condition falls away."""
    voting = persons(counts)
    if rules.persons_bps is None or not voting:
        return 0, 0
    no = sum(count.no for count in voting)
    whole = no * rules.persons_bps
    rest = BPS - rules.persons_bps
    needed = whole // rest + 1 if rules.persons_is_strict else max(1, -(-whole // rest))
    return sum(count.yes for count in voting), needed


def missing(rules: Rules, counts: Sequence[ChamberCount]) -> tuple[Missing, ...]:
    """Every condition of a majority that does not hold; empty exactly when the vote has passed."""
    found: list[Missing] = []
    cast, cast_needed = _persons_quorum(rules, counts)
    if cast < cast_needed:
        found.append(Missing(Lack.PERSONS_QUORUM, "", cast, cast_needed))
    yes, yes_needed = _persons_yes(rules, counts)
    if yes < yes_needed:
        found.append(Missing(Lack.PERSONS_YES, "", yes, yes_needed))
    consenting, whole = weights(rules, counts)
    if not weight_passes(rules, consenting, whole):
        # Of no weight at all nothing can be enough; one point stands for "somebody".
        needed = max(1, least(whole, rules.weight_bps, strict=rules.weight_is_strict))
        found.append(Missing(Lack.WEIGHT, "", consenting, needed))
        found += [
            Missing(
                Lack.INSTITUTION_QUORUM,
                count.chamber,
                count.cast,
                least(count.seated, rules.institution_quorum_bps, strict=False),
            )
            for count in counts
            if count.counts and count.yes > count.no and not count.has_quorum(rules)
        ]
    if rules.needs_both_persons:
        found += [
            Missing(Lack.PERSONS_CHAMBER, count.chamber, count.yes, count.no + 1)
            for count in counts
            if count.is_persons and not count.consents(rules)
        ]
    return tuple(found)


def outcome(rules: Rules, counts: Sequence[ChamberCount]) -> Outcome:
    """How the vote ends with these counts.

    NO_QUORUM: too few persons took part, or institutions that consent were too few in their
    chambers and would have made the difference.
    """
    lacks = {item.lack for item in missing(rules, counts)}
    if not lacks:
        return Outcome.PASSED
    if Lack.PERSONS_QUORUM in lacks:
        return Outcome.NO_QUORUM
    if lacks == {Lack.WEIGHT, Lack.INSTITUTION_QUORUM}:
        whole = sum(count.weight for count in counts if count.counts)
        willing = sum(count.weight for count in counts if count.counts and count.yes > count.no)
        if weight_passes(rules, willing, whole):
            return Outcome.NO_QUORUM
    return Outcome.REJECTED


def quorum_reached(rules: Rules, counts: Sequence[ChamberCount]) -> bool:
    """Whether enough have voted for the vote to pass, whatever they voted: the persons' quorum,
    and chambers with quorum whose weight would be enough. Once true it stays true."""
    cast, needed = _persons_quorum(rules, counts)
    present = sum(c.weight for c in counts if c.counts and c.has_quorum(rules))
    whole = sum(count.weight for count in counts if count.counts)
    return cast >= needed and weight_passes(rules, present, whole)
