"""What a portal shows of a proposal is what the rules say of it."""

from governance.chambers import ALL_CHAMBERS, CHAMBER_PARTICIPANTS, INSTITUTIONAL
from governance.proposals import proposal_views
from governance.proposals.classes import DAY_MS
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import find
from tests.support.deciding_town import BUDGET, DOCUMENT, LAMBDA, ZONE, DecidingTown, message
from tests.support.electorate_fake import institution, person


def small_town() -> DecidingTown:
    town = DecidingTown()
    town.organisations()
    town.persons(60, 40)
    return town


def test_a_running_vote_with_what_is_missing() -> None:
    town = small_town()
    number = town.propose(message(BUDGET, 5))
    town.block(
        (institution("chamber.public"), "vote", (number, "yes")),
        *[(person(index), "vote", (number, "yes")) for index in range(3)],
        (person(3), "vote", (number, "no")),
    )
    found = proposal_views.proposal(town.state, number)
    assert found is not None
    assert (found["status"], found["class"], found["title"]) == ("VOTING", "B", "A proposal")
    assert found["messages"] == [{"type": "town.budget", "body": "0x9105"}]
    (vote,) = found["votes"]
    assert (vote["consenting_weight"], vote["weight"]) == (36, 100)
    assert vote["rules"]["persons_quorum_bps"] == 500
    (participants,) = [c for c in vote["chambers"] if c["chamber"] == CHAMBER_PARTICIPANTS]
    assert participants == {
        "chamber": CHAMBER_PARTICIPANTS,
        "weight": 20,
        "seated": 60,
        "yes": 3,
        "no": 1,
        "abstain": 0,
        "recused": False,
        "vacant": False,
        "consents": True,
    }
    assert found["missing"] == [
        {"lack": "persons_quorum", "chamber": None, "found": 4, "needed": 5},
        {"lack": "weight", "chamber": None, "found": 36, "needed": 51},
    ]
    assert found["executes_ms"] == vote["ends_ms"] + 7 * DAY_MS


def test_when_it_executes_is_right_all_the_way() -> None:
    """The forecast while voting is when the chain then does it, class D and its second vote too."""
    town = small_town()
    for given in (message(ZONE, 1), message(LAMBDA, 0)):
        number = town.propose(given)
        forecasts = []
        while (status := town.status(number)) is not Status.EXECUTED:
            if status in (Status.VOTING, Status.SECOND_VOTING):
                town.all_vote(number, persons=100)
            found = proposal_views.proposal(town.state, number)
            assert found is not None
            forecasts.append(found["executes_ms"])
            due_ms = town.module.next_deadline_ms(town.state)
            assert due_ms is not None
            town.block(at_ms=due_ms)
        assert set(forecasts) == {find(town.state, number)[1].ended_ms}
        done = proposal_views.proposal(town.state, number)
        assert done is not None
        assert (done["executes_ms"], done["missing"]) == (None, [])


def test_the_list_goes_on_page_by_page_and_by_status() -> None:
    town = small_town()
    numbers = [town.propose(message(BUDGET, 1), run=False)]
    town.must(institution("chamber.public"), "withdraw", numbers[0])
    numbers.append(town.propose(message(BUDGET, 2)))
    listed = proposal_views.proposal_list(town.state)
    assert [each["number"] for each in listed["proposals"]] == [2, 1]
    assert listed["next_before"] is None
    only = proposal_views.proposal_list(town.state, Status.CANCELLED)
    assert [each["number"] for each in only["proposals"]] == [1]
    below = proposal_views.proposal_list(town.state, before=2)
    assert [each["number"] for each in below["proposals"]] == [1]
    assert proposal_views.proposal(town.state, 3) is None
    assert proposal_views.proposal(town.state, 0) is None


def test_a_members_vote_is_found_by_identity() -> None:
    town = small_town()
    number = town.propose(message(BUDGET, 1))
    town.must(person(0), "delegate", "B", person(1))
    town.must(person(0), "vote", number, "abstain")
    found = proposal_views.vote_of(town.state, number, 1, 4, b"m" + person(0))
    assert found is not None
    assert (found["choice"], found["carried"]) == ("abstain", 0)
    assert proposal_views.vote_of(town.state, number, 1, 4, b"m" + person(1)) is None


def test_the_council_and_its_pauses() -> None:
    town = small_town()
    for chamber in INSTITUTIONAL:
        town.must(institution(chamber), "name_seat", institution(chamber))
    for index in range(3):
        town.must(person(index), "name_seat", person(50))
    for sender in (*[institution(chamber) for chamber in INSTITUTIONAL[:3]], person(50)):
        town.must(sender, "pause", "minting", DOCUMENT)
    found = proposal_views.council(town.mandate, town.state)
    assert [each["chamber"] for each in found["seats"]] == [c.name for c in ALL_CHAMBERS]
    assert found["seats"][5]["account"] is None
    assert (found["active"], found["unreported"]) == ([1], [1])
    assert found["pauses"][0]["target"] == "minting"
    assert found["pauses"][0]["ended_ms"] is None
