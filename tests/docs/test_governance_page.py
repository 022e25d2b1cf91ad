"""The worked example of docs/governance.md, played on the module; and its table of classes."""

import re

from governance.chambers import ALL_CHAMBERS, CHAMBER_ACADEMIA, CHAMBER_LANDOWNERS, CHAMBER_PUBLIC
from governance.proposals import proposal_views
from governance.proposals.classes import DAY_MS, GovernanceParameters, ProposalClass
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import find
from ledger.errors import ErrorCode
from tests.docs.documents import text
from tests.support.deciding_town import BASIS, DOCUMENT, ZONE, DecidingTown, message
from tests.support.electorate_fake import institution, person

PARTICIPANTS, LANDOWNERS, DELEGATIONS = 1_200, 300, 40


def played() -> tuple[DecidingTown, int]:
    """The town on day 24, when the vote has closed; and when the review began."""
    town = DecidingTown()
    town.organisations(2)
    town.persons(PARTICIPANTS, LANDOWNERS)
    delegators = range(1, DELEGATIONS + 1)
    town.block(*[(person(n), "delegate", ("C", person(0))) for n in delegators])
    given = ("Park opened", DOCUMENT, BASIS, (message(ZONE, 1),))
    town.must(institution(CHAMBER_PUBLIC), "submit", *given)
    town.must(institution(CHAMBER_ACADEMIA), "sponsor", 1)
    review_ms = town.time_ms
    town.run_until(Status.VOTING)
    yes = [institution(CHAMBER_PUBLIC, n) for n in range(2)] + [institution(CHAMBER_ACADEMIA)]
    yes += [person(0), *(person(n) for n in range(100, 192))]
    yes += [person(n) for n in range(PARTICIPANTS, PARTICIPANTS + 10)]
    no = [person(n) for n in (1, 2, 3, *range(200, 217))]
    no += [person(n) for n in range(PARTICIPANTS + 10, PARTICIPANTS + 35)]
    sent = [(account, "vote", (1, "yes")) for account in yes]
    sent += [(account, "vote", (1, "no")) for account in no]
    sent.append((institution(CHAMBER_ACADEMIA, 1), "vote", (1, "abstain")))
    assert set(town.block(*sent)) == {ErrorCode.OK}
    town.run_until(Status.QUEUED)
    return town, review_ms


def test_the_page_shows_what_the_vote_gives() -> None:
    town, review_ms = played()
    shown = proposal_views.proposal(town.state, 1)
    assert shown is not None
    (vote,) = shown["votes"]
    academia, participants, landowners = (vote["chambers"][n] for n in (1, 4, 5))
    assert (academia["yes"], academia["abstain"]) == (1, 1)
    assert landowners["chamber"] == CHAMBER_LANDOWNERS
    assert not landowners["consents"]
    yes, no = (participants[c] + landowners[c] for c in ("yes", "no"))
    delegate = proposal_views.vote_of(town.state, 1, 1, 4, b"m" + person(0))
    assert delegate is not None
    weight, whole = vote["consenting_weight"], vote["weight"]
    days = [(ms - review_ms) // DAY_MS for ms in (vote["opened_ms"], vote["ends_ms"])]
    town.run_until(Status.EXECUTED)
    days.append((find(town.state, 1)[1].ended_ms - review_ms) // DAY_MS)
    assert days == [3, 24, 38]
    page = text("docs/governance.md")
    for figure in (
        f"{whole} of 100 points of weight are left",
        f"with {DELEGATIONS} delegations ({PARTICIPANTS * 5 // 100} are allowed)",
        f"the vote counts {1 + delegate['carried']}",
        f"{participants['yes']} Yes, {participants['no']} No",
        f"{landowners['yes']} landowners vote Yes and {landowners['no']} No",
        f"{yes + no} of {PARTICIPANTS + LANDOWNERS:,} persons have voted",
        f"and {(PARTICIPANTS + LANDOWNERS) // 10} are needed",
        f"Their Yes is {yes} of {yes + no}, {1_000 * yes // (yes + no) / 10} %",
        f"16 + 16 + 20 = {weight} of {whole}, {1_000 * weight // whole / 10} %: passed",
        f"{shown['recalls_needed']} persons could recall it",
    ):
        assert figure in page, figure
    korean = text("docs/governance.ko.md")
    for figure in (
        f"비중 100 가운데 {whole}이 남습니다",
        f"{DELEGATIONS}명에게서 위임받은 참여자({PARTICIPANTS * 5 // 100}명까지",
        f"이 표는 {1 + delegate['carried']}표로 셉니다",
        f"찬성 {participants['yes']}표, 반대 {participants['no']}표",
        f"찬성 {landowners['yes']}표, 반대 {landowners['no']}표로 동의하지 않습니다",
        f"개인 {PARTICIPANTS + LANDOWNERS:,}명 가운데 {yes + no}명이 투표하여 정족수 "
        f"{(PARTICIPANTS + LANDOWNERS) // 10}명",
        f"{yes + no}표 가운데 {yes}표({1_000 * yes // (yes + no) / 10} %)",
        f"16 + 16 + 20 = {weight}로, {whole} 가운데 {1_000 * weight // whole / 10} %",
        f"개인 {shown['recalls_needed']}명이 요구하면",
        *(f"| {day} |" for day in (0, *days, f"{days[0]}~{days[1]}", f"{days[1]}~{days[2]}")),
    ):
        assert figure in korean, figure


def test_the_table_of_classes_is_what_the_code_has() -> None:
    page = text("docs/governance.md")
    parameters = GovernanceParameters()
    for proposal_class in ProposalClass:
        rules = parameters.rules(proposal_class, loosens_supply=False)
        (line,) = [
            line
            for line in page.splitlines()
            if line.startswith(f"| {proposal_class.name} | ")
            if "%" in line and line.isascii()
        ]
        _, _, _, weight, persons, quorum, chamber_quorum, voting, timelock, _ = (
            cell.strip() for cell in line.split("|")
        )
        assert weight.startswith(
            f"{'>' if rules.weight_is_strict else '>='} {rules.weight_bps // 100} %"
        )
        assert ("both persons' chambers" in weight) == rules.needs_both_persons
        if rules.persons_bps is None:
            assert persons == "-"
        else:
            sign = ">" if rules.persons_is_strict else ">="
            assert persons == f"{sign} {rules.persons_bps // 100} %"
        assert quorum == f"{rules.persons_quorum_bps // 100} %"
        assert chamber_quorum == f"{rules.institution_quorum_bps // 100} %"
        days = rules.voting_ms // DAY_MS
        assert voting == f"{days} d" + (", two votes" if rules.votes == 2 else "")
        waits = rules.timelock_ms // DAY_MS
        assert timelock.split(" d")[0] == (str(waits) if waits else "none")
    loose = parameters.rules(ProposalClass.D, loosens_supply=True)
    assert f"{loose.timelock_ms // DAY_MS} d when supply loosens" in page


def test_the_korean_table_of_classes_has_the_same_numbers() -> None:
    """Row by row the percentages and days of the English one, and every chamber's weight."""
    for proposal_class in ProposalClass:
        start = f"| {proposal_class.name} | "
        english, korean = (
            next(line for line in text(page).splitlines() if line.startswith(start) and "%" in line)
            for page in ("docs/governance.md", "docs/governance.ko.md")
        )
        found = [re.findall(r"\d+(?= ?%| d|일)", line) for line in (english, korean)]
        assert found[0] == found[1], (english, korean)
    page = text("docs/governance.ko.md")
    for chamber in ALL_CHAMBERS:
        assert re.search(
            rf"^\| {re.escape(chamber.name_ko)} \|.*\| {chamber.weight} \|$", page, re.M
        )
