"""Which coalitions decide (governance.md, "Proposal classes"), by enumeration of all of them."""

from dataclasses import replace
from itertools import product

import pytest

from governance.chambers import ALL_CHAMBERS, CHAMBER_BUILDERS, CHAMBER_LAND, PERSONS
from governance.proposals.classes import GovernanceParameters, ProposalClass, Rules
from governance.proposals.tally import (
    ChamberCount,
    Lack,
    Missing,
    Outcome,
    missing,
    outcome,
    quorum_reached,
    weight_passes,
    weights,
)

A, B, C, D = ProposalClass
PARAMETERS = GovernanceParameters()
RULES = {each: PARAMETERS.rules(each, loosens_supply=False) for each in ProposalClass}
PARTICIPANTS, LANDOWNERS = 4, 5
INSTITUTIONS = 10
PEOPLE = 100

Coalition = tuple[bool, ...]


def counts(
    coalition: Coalition,
    recused: frozenset[str] = frozenset(),
    vacant: frozenset[str] = frozenset(),
) -> list[ChamberCount]:
    """Everybody votes: all members of a chamber in the coalition Yes, all others No."""
    found = []
    for chamber, consents in zip(ALL_CHAMBERS, coalition, strict=True):
        seated = PEOPLE if chamber.name in PERSONS else INSTITUTIONS
        if chamber.name in vacant:
            found.append(ChamberCount(chamber.name, 0, 0, 0, chamber.min_members - 1))
            continue
        if chamber.name in recused:
            found.append(ChamberCount(chamber.name, 0, 0, 0, seated, recused=True))
            continue
        yes, no = (seated, 0) if consents else (0, seated)
        found.append(ChamberCount(chamber.name, yes, no, 0, seated))
    return found


def coalitions() -> list[Coalition]:
    return list(product((False, True), repeat=len(ALL_CHAMBERS)))


def has_weight(rules: Rules, found: list[ChamberCount]) -> bool:
    return weight_passes(rules, *weights(rules, found))


@pytest.mark.parametrize(("proposal_class", "expected"), [(A, 32), (B, 32), (C, 22)])
def test_coalitions_with_enough_weight(proposal_class: ProposalClass, expected: int) -> None:
    rules = RULES[proposal_class]
    assert sum(has_weight(rules, counts(each)) for each in coalitions()) == expected


def test_class_d_needs_both_persons_chambers_and_three_institutions() -> None:
    passing = [c for c in coalitions() if outcome(RULES[D], counts(c)) is Outcome.PASSED]
    assert len(passing) == 5
    assert all(c[PARTICIPANTS] and c[LANDOWNERS] and sum(c[:4]) >= 3 for c in passing)


@pytest.mark.parametrize("proposal_class", [A, B, C])
def test_no_single_chambers_weight_passes_or_blocks(proposal_class: ProposalClass) -> None:
    rules = RULES[proposal_class]
    for alone in range(len(ALL_CHAMBERS)):
        only = tuple(index == alone for index in range(len(ALL_CHAMBERS)))
        others = tuple(index != alone for index in range(len(ALL_CHAMBERS)))
        assert not has_weight(rules, counts(only))
        assert has_weight(rules, counts(others))


@pytest.mark.parametrize("proposal_class", [B, C, D])
def test_institutions_alone_cannot_pass(proposal_class: ProposalClass) -> None:
    assert outcome(RULES[proposal_class], counts((True,) * 4 + (False, False))) is Outcome.REJECTED
    # Nor when the persons stay at home: their quorum is missing.
    silent = [
        replace(count, no=0) if count.is_persons else count
        for count in counts((True,) * 4 + (False, False))
    ]
    assert outcome(RULES[proposal_class], silent) is Outcome.NO_QUORUM


def test_coalitions_with_land_and_builders_recused() -> None:
    """Their weight leaves both sides: 68 points are left, 16 + 16 + 20 + 16."""
    recused = frozenset((CHAMBER_LAND, CHAMBER_BUILDERS))
    free = [c for c in coalitions() if not c[2] and not c[3]]
    assert len(free) == 16
    passing = {
        each: sum(has_weight(RULES[each], counts(c, recused)) for c in free) for each in RULES
    }
    # More than 34: participants with one other, or any three. From 40.8: any three. From 51: three
    # with the participants.
    assert passing == {A: 8, B: 8, C: 5, D: 4}
    for coalition in free:
        both = (coalition[PARTICIPANTS], coalition[LANDOWNERS])
        expected = all(both) and sum(coalition[:2]) >= 1
        assert (outcome(RULES[D], counts(coalition, recused)) is Outcome.PASSED) == expected


@pytest.mark.parametrize("gone", [PERSONS[:1], PERSONS[1:]], ids=["participants", "landowners"])
def test_only_the_other_persons_chamber_counts_while_one_is_vacant(gone: tuple[str]) -> None:
    vacant = frozenset(gone)
    for coalition in coalitions():
        found = counts(coalition, vacant=vacant)
        other = next(count for count in found if count.is_persons and not count.is_vacant)
        passes = outcome(RULES[B], found) is Outcome.PASSED
        assert passes == (has_weight(RULES[B], found) and other.yes > other.no)
        assert outcome(RULES[D], found) is not Outcome.PASSED


def test_persons_condition_falls_away_while_both_chambers_are_vacant() -> None:
    vacant = frozenset(PERSONS)
    for coalition in coalitions():
        found = counts(coalition, vacant=vacant)
        consenting = sum(coalition[:4])
        assert (outcome(RULES[A], found) is Outcome.PASSED) == (consenting >= 3)
        assert (outcome(RULES[B], found) is Outcome.PASSED) == (consenting >= 3)
        assert (outcome(RULES[C], found) is Outcome.PASSED) == (consenting >= 3)
        assert outcome(RULES[D], found) is not Outcome.PASSED


@pytest.mark.parametrize("vacant", [frozenset(v) for v in ((), PERSONS[:1], PERSONS[1:], PERSONS)])
def test_unanimity_passes_whatever_is_vacant(vacant: frozenset[str]) -> None:
    """No dead end: over every pattern of vacancy and recusal in which somebody is seated, A to C
    can pass."""
    names = [chamber.name for chamber in ALL_CHAMBERS]
    for pattern in coalitions():
        gone = vacant | {name for name, seated in zip(names, pattern, strict=True) if not seated}
        for recused in (frozenset[str](), frozenset((CHAMBER_LAND, CHAMBER_BUILDERS))):
            found = counts((True,) * 6, recused - gone, frozenset(gone))
            somebody = any(count.counts for count in found)
            for proposal_class in (A, B, C):
                passed = outcome(RULES[proposal_class], found) is Outcome.PASSED
                assert passed == somebody


def test_a_chamber_consents_only_with_more_yes_than_no_and_its_quorum() -> None:
    quorum = RULES[B]
    name = ALL_CHAMBERS[0].name
    assert ChamberCount(name, 4, 0, 0, 10).consents(quorum)  # 40 % of ten
    assert not ChamberCount(name, 3, 0, 0, 10).consents(quorum)
    assert ChamberCount(name, 2, 1, 1, 10).consents(quorum)  # abstaining helps the quorum
    assert not ChamberCount(name, 4, 4, 0, 10).consents(quorum)


def full(yes: int, no: int, abstain: int, institutions_yes: int = 4) -> list[ChamberCount]:
    """Persons' votes all in the participants' chamber of 100; landowners vote as many."""
    found = counts((*(index < institutions_yes for index in range(4)), True, True))
    for position in (PARTICIPANTS, LANDOWNERS):
        found[position] = replace(found[position], yes=yes, no=no, abstain=abstain)
    return found


@pytest.mark.parametrize(
    ("proposal_class", "yes", "no", "expected"),
    [
        (B, 50, 50, Outcome.REJECTED),  # > 50 %
        (B, 51, 50, Outcome.PASSED),
        (D, 60, 40, Outcome.PASSED),  # >= 60 %
        (D, 59, 41, Outcome.REJECTED),
    ],
)
def test_majority_of_persons_as_written(
    proposal_class: ProposalClass, yes: int, no: int, expected: Outcome
) -> None:
    found = [replace(each, seated=101) if each.is_persons else each for each in full(yes, no, 0)]
    assert outcome(RULES[proposal_class], found) is expected


@pytest.mark.parametrize(("proposal_class", "quorum"), [(A, 2), (B, 5), (C, 10), (D, 25)], ids=str)
def test_quorum_of_persons_over_both_chambers(proposal_class: ProposalClass, quorum: int) -> None:
    rules = RULES[proposal_class]
    enough = full(quorum - 1, 0, 1)
    assert outcome(rules, enough) is Outcome.PASSED
    assert quorum_reached(rules, enough)
    short = list(enough)
    short[LANDOWNERS] = replace(short[LANDOWNERS], abstain=0)
    assert outcome(rules, short) is Outcome.NO_QUORUM
    assert not quorum_reached(rules, short)
    assert Missing(Lack.PERSONS_QUORUM, "", 2 * quorum - 1, 2 * quorum) in missing(rules, short)


def test_institutions_without_quorum_make_no_quorum_only_when_they_decide_it() -> None:
    found = full(50, 10, 0)
    for index in range(4):
        found[index] = replace(found[index], yes=1)
    assert outcome(RULES[B], found) is Outcome.NO_QUORUM
    lacks = missing(RULES[B], found)
    assert Missing(Lack.WEIGHT, "", 36, 51) in lacks
    assert Missing(Lack.INSTITUTION_QUORUM, ALL_CHAMBERS[0].name, 1, 4) in lacks
    for index in range(1, 4):
        found[index] = replace(found[index], yes=0, no=10)
    # 36 + 16 would be enough, so its quorum decides; without the landowners it would not be.
    assert outcome(RULES[B], found) is Outcome.NO_QUORUM
    found[LANDOWNERS] = replace(found[LANDOWNERS], yes=1, no=1)
    assert outcome(RULES[B], found) is Outcome.REJECTED


def test_nothing_is_missing_exactly_when_the_vote_passes() -> None:
    for proposal_class, coalition in product(ProposalClass, coalitions()):
        for recused in (frozenset[str](), frozenset((CHAMBER_LAND,))):
            for vacant in (frozenset[str](), frozenset(PERSONS), frozenset(PERSONS[:1])):
                found = counts(coalition, recused, vacant)
                rules = RULES[proposal_class]
                passed = outcome(rules, found) is Outcome.PASSED
                assert passed == (not missing(rules, found))


def test_no_chamber_at_all_decides_nothing() -> None:
    nobody = [ChamberCount(chamber.name, 0, 0, 0, 0) for chamber in ALL_CHAMBERS]
    for rules in RULES.values():
        assert outcome(rules, nobody) is Outcome.REJECTED
        assert not quorum_reached(rules, nobody)
