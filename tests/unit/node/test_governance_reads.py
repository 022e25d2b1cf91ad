"""What a node tells of governance, on chains of the two modules, keeps to the published schemas."""

from typing import Any, cast

from api import ports, views
from api.ethereum.gateway import Gateway
from api.methods import all_methods
from api.registry import Context as CallContext
from api.view_ports import View
from governance.chambers import (
    CHAMBER_BUILDERS,
    CHAMBER_LAND,
    CHAMBER_LANDOWNERS,
    CHAMBER_PARTICIPANTS,
    CHAMBER_PUBLIC,
)
from governance.proposals.classes import DAY_MS, HOUR_MS
from governance.proposals.lifecycle import Status
from governance.stakeholders.agreements import OPEN
from governance.stakeholders.legal_bases import REGISTER as REGISTER_BASIS
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger.crypto import checksum_address
from ledger.kv import MemoryStore
from ledger.message_registry import MessageRegistry
from ledger.state import State
from node.reads.governance_reads import GovernanceReads
from node.reads.preview import mandate_of
from tests.support.deciding_town import BUDGET, LAMBDA, TYPES, DecidingTown, message
from tests.support.electorate_fake import institution, person
from tests.support.json_schema import problems
from tests.support.stakeholder_town import DOCUMENT, GAZETTE, StakeholderTown, account

METHODS = all_methods()
MESSAGES = MessageRegistry(tuple(TYPES.values()))


def schema(method: str) -> dict[str, Any]:
    found = METHODS.find(method)
    assert found is not None
    return found.result


def deciding(town: DecidingTown) -> GovernanceReads:
    return GovernanceReads(lambda: town.state, town.mandate)


def known(town: StakeholderTown) -> GovernanceReads:
    return GovernanceReads(lambda: town.state, mandate_of((town.module,)))


def shown(reads: GovernanceReads, number: int) -> View:
    """The proposal as poyong_getProposal gives it."""
    found = reads.proposal(number)
    assert found is not None
    return views.proposal(found, MESSAGES)


def town_that_decides() -> DecidingTown:
    town = DecidingTown()
    town.organisations()
    town.persons(30, 30)
    return town


def test_a_proposal_keeps_to_its_schema_at_every_step_of_its_life() -> None:
    town = town_that_decides()
    reads = deciding(town)
    number = town.propose(message(LAMBDA, 5), run=False)
    assert not problems(shown(reads, number), schema("poyong_getProposal"))
    seen = set()
    for status in (
        Status.VOTING, Status.INTERVAL, Status.SECOND_VOTING, Status.QUEUED, Status.EXECUTED,
    ):  # fmt: skip
        seen.add(town.run_until(status))
        town.all_vote(number, persons=60)
        found = shown(reads, number)
        assert not problems(found, schema("poyong_getProposal"))
        assert found["status"] == town.status().name
    assert len(seen) == 5


def test_a_proposal_in_its_vote_says_what_is_missing_and_what_it_would_do() -> None:
    town = DecidingTown()
    town.organisations()
    number = town.propose(message(BUDGET, 12))
    town.must(institution(CHAMBER_PUBLIC), "vote", number, "yes")
    town.must(institution(CHAMBER_LAND), "vote", number, "yes")
    found = cast(dict[str, Any], shown(deciding(town), number))
    assert [item["fields"] for item in found["messages"]] == [{"value": 12}]
    assert found["missing"] == [{"lack": "weight", "chamber": None, "found": 32, "needed": 33}]
    (vote,) = found["votes"]
    assert (vote["rules"]["class"], vote["consenting_weight"], vote["weight"]) == ("B", 32, 64)
    assert found["executes_ms"] == vote["ends_ms"] + vote["rules"]["timelock_ms"]
    town.must(institution(CHAMBER_BUILDERS), "vote", number, "yes")
    assert shown(deciding(town), number)["missing"] == []


async def test_the_tally_is_the_part_of_a_proposal_that_counts() -> None:
    town = DecidingTown()
    town.organisations()
    number = town.propose(message(BUDGET, 12))
    reads = deciding(town)
    method = METHODS.find("poyong_getTally")
    assert method is not None
    node = cast(ports.NodePort, reads)
    context = CallContext(node, METHODS, Gateway(node))
    found = await method.single(context, number)
    assert not problems(found, method.result)
    assert found["votes"] == shown(reads, number)["votes"]
    assert await method.single(context, 99) is None


def test_a_message_of_a_type_that_the_chain_lost_is_shown_by_its_bytes() -> None:
    town = DecidingTown()
    town.organisations()
    found = deciding(town).proposal(town.propose(message(BUDGET, 12)))
    assert found is not None
    (shown_message,) = cast(list[Any], views.proposal(found, MessageRegistry(()))["messages"])
    assert shown_message == {"type": BUDGET.name, "body": "0x910c", "fields": None}


def test_proposals_are_listed_page_by_page_and_by_status() -> None:
    town = DecidingTown()
    town.organisations(each=3)
    for index in range(3):
        by, other = institution(CHAMBER_PUBLIC, index), institution(CHAMBER_LAND, index)
        town.must(by, "submit", "A proposal", DOCUMENT, 0, ())
        if index == 1:
            town.must(other, "sponsor", 2)
    reads = deciding(town)
    page = reads.proposals(None, None, 2)
    assert not problems(page, schema("poyong_listProposals"))
    assert [row["number"] for row in cast(list[Any], page["proposals"])] == [3, 2]
    assert page["next_before"] == 2
    rest = reads.proposals(None, 2, 2)
    assert [row["number"] for row in cast(list[Any], rest["proposals"])] == [1]
    assert rest["next_before"] is None
    review = cast(list[Any], reads.proposals("REVIEW", None, 100)["proposals"])
    assert [row["number"] for row in review] == [2]


def test_the_council_shows_seats_pauses_and_reports_that_are_due() -> None:
    town = DecidingTown()
    town.organisations()
    for index, chamber in enumerate((CHAMBER_PUBLIC, CHAMBER_LAND, CHAMBER_BUILDERS)):
        town.must(institution(chamber), "name_seat", person(index))
        town.must(person(index), "pause", "minting", bytes(32))
    found = deciding(town).council()
    assert found is not None
    assert not problems(found, schema("poyong_getCouncil"))
    assert (found["active"], found["unreported"]) == ([1], [1])
    town.block(after_ms=72 * HOUR_MS)
    ended = deciding(town).council()
    assert ended is not None
    assert not problems(ended, schema("poyong_getCouncil"))
    assert (ended["active"], ended["unreported"]) == ([], [1])
    (pause,) = cast(list[Any], ended["pauses"])
    assert pause["report_due_ms"] == town.time_ms + 14 * DAY_MS


def registered() -> StakeholderTown:
    town = StakeholderTown()
    town.register("city", CHAMBER_PUBLIC)
    town.register("land", CHAMBER_LAND)
    town.grant("kim", CHAMBER_PARTICIPANTS)
    town.grant("lee", CHAMBER_LANDOWNERS)
    return town


def test_who_is_there_keeps_to_the_schemas_with_hex_as_everywhere() -> None:
    town = registered()
    reads = known(town)
    chambers = reads.chambers()
    assert not problems(list(chambers), schema("poyong_getChambers"))
    assert [row["members"] for row in chambers] == [1, 0, 1, 0, 1, 1]
    rows = reads.organisations("", 256)
    assert not problems(list(rows), schema("poyong_listOrganisations"))
    assert [row["id"] for row in rows] == ["city", "land"]
    assert [row["id"] for row in reads.organisations("", 1)] == ["city"]
    assert [row["id"] for row in reads.organisations("city", 256)] == ["land"]
    kim = reads.person(account("kim"))
    assert not problems(kim, schema("poyong_getPerson"))
    assert kim is not None
    assert kim["account"] == checksum_address(account("kim"))
    assert reads.person(account("nobody")) is None


def test_agreements_and_legal_bases_keep_to_their_schemas() -> None:
    town = registered()
    town.decide(REGISTER_BASIS, "ordinance", "City", "6001", "3", DOCUMENT, GAZETTE)
    town.send(account("city"), OPEN, "Grounds", DOCUMENT, (account("city"), account("land")))
    reads = known(town)
    assert not problems(list(reads.legal_bases(0, 256)), schema("poyong_listLegalBases"))
    assert not problems(list(reads.agreements(0, 256)), schema("poyong_listAgreements"))
    assert len(reads.legal_bases(0, 256)) == len(reads.agreements(0, 256)) == 1
    assert not reads.legal_bases(1, 256)
    assert not reads.agreements(1, 256)


def test_a_chain_without_governance_answers_null_or_empty() -> None:
    reads = GovernanceReads(lambda: State(MemoryStore()), mandate_of((StakeholdersModule(),)))
    assert reads.proposals(None, None, 100) == {"proposals": [], "next_before": None}
    assert reads.proposal(1) is None
    assert reads.council() is None
    assert reads.person(account("kim")) is None
    assert reads.chambers() == reads.organisations("", 9) == []
    assert reads.agreements(0, 9) == reads.legal_bases(0, 9) == []
