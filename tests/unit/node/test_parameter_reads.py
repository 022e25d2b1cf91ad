"""poyong_getParams: what a chain tells of its parameters, and how each came to be."""

from typing import Any

import pytest

from api.methods import all_methods
from governance.proposals.classes import BOUNDS, GovernanceParameters, ProposalClass
from governance.proposals.lifecycle import Status
from governance.proposals.parameter_changes import CHANGE_PARAMETER
from node.reads.parameter_reads import parameters
from tests.support.governed_town import ORGANISATIONS, OWNERS, RESIDENTS, Carried, GovernedTown
from tests.support.json_schema import problems
from tests.support.ledger_chain import LedgerChain
from tokenomics.issuance.issuance import SET_ISSUANCE_PARAMETER
from tokenomics.loosening import OF_ISSUANCE, OF_LAND
from tokenomics.oracle.land_rules import SET_LAND_PARAMETER

MOST = 100


def one(town: GovernedTown, module: str, name: str, position: int | None = None) -> Any:
    rows = parameters(town.state, module, name, MOST)
    (found,) = [row for row in rows if row["position"] == position]
    return found


def decide(town: GovernedTown, number: int, carried: Carried) -> None:
    """By everybody, in as many votes as the class has."""
    town.propose(number, carried)
    while (status := town.progress(number).status) in (Status.VOTING, Status.SECOND_VOTING):
        town.vote(number, *ORGANISATIONS, *RESIDENTS, *OWNERS)
        town.run_until(
            number, Status.SECOND_VOTING if status is Status.VOTING else Status.EXECUTED,
            Status.EXECUTED, Status.FAILED, Status.REJECTED, Status.NO_QUORUM,
        )  # fmt: skip
    assert town.progress(number).status is Status.EXECUTED, town.progress(number)


def test_each_keeps_to_the_schema_and_says_who_changes_it() -> None:
    town = GovernedTown()
    town.block()
    method = all_methods().find("poyong_getParams")
    assert method is not None
    rows = parameters(town.state, None, None, MOST)
    assert not problems(list(rows), method.result)
    own = [row for row in rows if row["module"] == "proposals"]
    assert [row["name"] for row in own] == [name for name, all_of in BOUNDS.items() for _ in all_of]
    for row in own:
        low, high = BOUNDS[row["name"]][row["position"] or 0]
        assert (row["lowest"], row["highest"]) == (str(low), str(high))
        assert row["class"] == (None if row["name"] == "day_ms" else "D")
    classes = {row["module"]: row["class"] for row in rows if row["module"] != "proposals"}
    assert classes == {"land": "C", "issuance": "D", "distribution": "C"}
    loosening = {row["name"]: row["loosens"] for row in rows if row["loosens"] is not None}
    assert loosening == {name: way.value for name, way in {**OF_ISSUANCE, **OF_LAND}.items()}
    assert {row["class_loosening"] for row in rows if row["loosens"]} == {"D"}


def test_a_change_is_shown_with_the_proposal_and_its_time() -> None:
    town = GovernedTown()
    town.block()
    decide(town, 1, (SET_LAND_PARAMETER, ("min_reports", 4)))
    done = town.progress(1)
    shown = one(town, "land", "min_reports")
    assert (shown["coming"], len(shown["changes"])) == ("4", 1)
    (change,) = shown["changes"]
    assert (change["before"], change["after"]) == ("3", "4")
    assert (change["proposal"], change["time_ms"]) == (1, done.ended_ms)
    # Whoever asks for none of the history gets none, and other parameters have none.
    assert parameters(town.state, "land", "min_reports", 0)[0]["changes"] == []
    assert one(town, "land", "clip_bps_a_year")["changes"] == []


def test_changes_of_issuance_and_of_deciding_by_class_d() -> None:
    town = GovernedTown()
    town.block()
    town.seat_persons()
    before = GovernanceParameters().voting_ms[ProposalClass.B - 1]
    position = ProposalClass.B - 1
    decide(town, 1, (SET_ISSUANCE_PARAMETER, ("lambda_bps", 2_000)))
    decide(town, 2, (CHANGE_PARAMETER, ("voting_ms", position, before + 1)))
    (change,) = one(town, "issuance", "lambda_bps")["changes"]
    assert (change["before"], change["after"], change["proposal"]) == ("2500", "2000", 1)
    shown = one(town, "proposals", "voting_ms", position)
    assert shown["value"] == str(before + 1)
    (change,) = shown["changes"]
    assert (change["proposal"], change["from_round"]) == (2, None)
    assert one(town, "proposals", "voting_ms", 0)["changes"] == []


@pytest.mark.parametrize(("module", "name"), [("land", "lambda_bps"), (None, "nothing")])
def test_what_a_chain_does_not_have_is_an_empty_list(module: str | None, name: str) -> None:
    town = GovernedTown()
    assert parameters(town.state, module, name, MOST) == []


def test_a_chain_on_which_nobody_decides_shows_no_class() -> None:
    chain = LedgerChain()
    assert parameters(chain.state, None, None, MOST) == []
