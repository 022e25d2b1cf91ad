"""From every pattern of vacancy and recusal something of each class A to C can still pass
(governance.md, "Invariants"): whoever is seated can agree."""

from hypothesis import given
from hypothesis import strategies as st

from governance.chambers import ALL_CHAMBERS, CHAMBER_BUILDERS, CHAMBER_LAND
from governance.proposals.classes import GovernanceParameters, ProposalClass
from governance.proposals.tally import ChamberCount, Outcome, missing, outcome, quorum_reached

seats = st.lists(st.integers(0, 70), min_size=len(ALL_CHAMBERS), max_size=len(ALL_CHAMBERS))


@given(seated=seats, is_recused=st.booleans(), cast=st.integers(0, 100))
def test_whoever_is_seated_can_decide(seated: list[int], is_recused: bool, cast: int) -> None:
    recused = {CHAMBER_LAND, CHAMBER_BUILDERS} if is_recused else set()
    counts = [
        ChamberCount(
            chamber.name,
            0 if chamber.name in recused else -(-members * (60 + 40 * cast // 100) // 100),
            0,
            0,
            members,
            chamber.name in recused,
        )
        for chamber, members in zip(ALL_CHAMBERS, seated, strict=True)
    ]
    # At least 60 % take part and all agree: enough for each quorum of the table.
    for proposal_class in (ProposalClass.A, ProposalClass.B, ProposalClass.C):
        rules = GovernanceParameters().rules(proposal_class, loosens_supply=False)
        can_decide = any(count.counts for count in counts)
        assert (outcome(rules, counts) is Outcome.PASSED) == can_decide
        assert quorum_reached(rules, counts) == can_decide
        assert (not missing(rules, counts)) == can_decide
