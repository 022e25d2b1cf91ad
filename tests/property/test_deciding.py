"""Random electorates, joins, leaves, delegations and clocks: every vote is counted, extended and
decided as a naive reference counts it from sets of people."""

from collections import Counter

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from governance.chambers import ALL_CHAMBERS, INSTITUTIONAL, PERSONS
from governance.proposals.classes import DAY_MS, HOUR_MS
from governance.proposals.lifecycle import TAKING_VOTES, Status
from governance.proposals.proposal_rows import VOTES, ballot_of, book, find
from governance.proposals.tally import Outcome
from ledger import invariants
from ledger.errors import ErrorCode
from ledger.primitives import Address
from ledger.rows import key
from tests.support.deciding_reference import Given, ReferenceVote
from tests.support.deciding_town import (
    BASIS,
    BUDGET,
    DOCUMENT,
    LAMBDA,
    ZONE,
    DecidingTown,
    message,
)
from tests.support.electorate_fake import institution, person

EXAMPLES = 300
STEPS = 60
MIN_STEPS = 10_000
PEOPLE = 90
ORGANISATIONS = 3
"""In each institutional chamber at most."""

CARRIED = {"A": None, "B": BUDGET, "C": ZONE, "D": LAMBDA}
RECUSED = {"chamber.land", "chamber.builders"}
VOTING_NAMES = {status.name for status in TAKING_VOTES}

people = st.integers(0, PEOPLE - 1)
choices = st.sampled_from(("yes", "yes", "no", "abstain"))
classes = st.sampled_from("ABCD")
seen: Counter[str] = Counter()


class Deciding(RuleBasedStateMachine):
    """`model` maps each member to its chamber; `given` each class and member to a delegation."""

    @initialize(
        participants=st.integers(28, 46),
        landowners=st.sampled_from((0, 20, 34, 40)),
        organisations=st.lists(st.integers(1, ORGANISATIONS), min_size=4, max_size=4),
        kinds=st.lists(classes, min_size=2, max_size=4),
        wishes=st.lists(st.tuples(people, people), min_size=6, max_size=24),
    )
    def start(
        self,
        participants: int,
        landowners: int,
        organisations: list[int],
        kinds: list[str],
        wishes: list[tuple[int, int]],
    ) -> None:
        self.town = DecidingTown(checks=False)
        self.model: dict[Address, str] = {}
        self.given: dict[tuple[str, Address], Given] = {}
        self.votes: dict[int, ReferenceVote] = {}
        self.names: dict[str, Address] = {}
        for chamber, count in zip(INSTITUTIONAL, organisations, strict=True):
            for index in range(count):
                self.admit(institution(chamber, index), chamber)
        for index in range(participants + landowners):
            self.admit(person(index), PERSONS[0 if index < participants else 1])
        # Every history has votes and delegations in it, whatever rules are drawn.
        for by, to in wishes:
            for kind in sorted(set(kinds)):
                self.give(kind, by, to % 3)
        for index, kind in enumerate(kinds):
            self.bring(kind, index % 4, (index + 1) % 4)

    def admit(self, account: Address, chamber: str) -> None:
        self.town.electorate.join(account, chamber)
        self.model[account] = chamber
        self.names[account.hex()] = account

    def run_block(
        self, *sent: tuple[Address, str, tuple[object, ...]], after_ms: int = HOUR_MS
    ) -> list[ErrorCode]:
        """A block; then votes that it closed are compared and votes that it opened are copied."""
        before = dict(self.votes)
        codes = self.town.block(*sent, after_ms=after_ms)
        self.follow(before)
        return codes

    def follow(self, before: dict[int, ReferenceVote]) -> None:
        for event in self.town.events:
            if event.name != "proposals.moved":
                continue
            values = dict(event.values)
            number = values["proposal"]
            assert isinstance(number, int)
            if values["before"] in VOTING_NAMES and number in before:
                self.compare(number, self.votes.pop(number))
                before.pop(number)
            if values["after"] in VOTING_NAMES:
                self.open(number)

    def open(self, number: int) -> None:
        state = self.town.state
        progress = find(state, number)[1]
        rules, _ = ballot_of(state, number, progress.votes)
        kind, time_ms = rules.proposal_class.name, self.town.time_ms
        self.votes[number] = ReferenceVote(
            kind=kind,
            electorate={account.hex(): chamber for account, chamber in self.model.items()},
            delegations={
                account.hex(): given.to
                for (of, account), given in self.given.items()
                if of == kind and account in self.model and given.in_force(time_ms)
            },
            recused=RECUSED if kind == "C" else set(),
            opened_ms=time_ms,
            ends_ms=time_ms + rules.voting_ms,
        )
        seen["opened"] += 1
        seen["recalled"] += progress.status is Status.RECALL_VOTING
        seen["second"] += progress.status is Status.SECOND_VOTING

    def compare(self, number: int, reference: ReferenceVote) -> None:
        state = self.town.state
        newest = find(state, number)[1].votes
        vote = max(v for v in range(1, newest + 1) if ballot_of(state, number, v)[1].outcome)
        _, ballot = ballot_of(state, number, vote)
        for index, chamber in enumerate(ALL_CHAMBERS):
            counted = {
                "yes": ballot.yes[index],
                "no": ballot.no[index],
                "abstain": ballot.abstain[index],
            }
            assert counted == reference.chamber_counts(chamber.name)
            assert ballot.seated[index] == len(reference.members(chamber.name))
        assert ballot.ends_ms == reference.ends_ms
        assert (ballot.outcome is Outcome.PASSED) == reference.passes()
        seen[f"{reference.kind} {'passed' if reference.passes() else 'failed'}"] += 1
        seen["extended"] += ballot.is_extended
        rows = [row for _, row in state.iterate(VOTES, key(number, vote))]
        seen["carried"] += sum(row.carried for row in rows)
        seen["taken back"] += sum(row.taken for row in rows)

    def bring(self, kind: str, *sponsors: int) -> None:
        """A proposal up to its vote, when its sponsors have slots."""
        by, other = (institution(INSTITUTIONAL[n % 4], n // 4) for n in sponsors)
        carried = CARRIED[kind]
        messages = () if carried is None else (message(carried, 0),)
        (code,) = self.run_block((by, "submit", ("T", DOCUMENT, BASIS, messages)))
        if code is ErrorCode.OK:
            number = book(self.town.state).proposals
            self.run_block((other, "sponsor", (number,)), after_ms=0)
            self.run_block(after_ms=3 * DAY_MS)

    @rule(kind=classes, sponsors=st.tuples(st.integers(0, 5), st.integers(0, 5)))
    def propose(self, kind: str, sponsors: tuple[int, int]) -> None:
        self.bring(kind, *sponsors)

    @rule(data=st.data(), by=st.integers(0, 2), choice=choices)
    def delegate_votes(self, data: st.DataObject, by: int, choice: str) -> None:
        if (number := self.pick(data)) is not None:
            self.cast([person(by)], number, choice)

    @rule(data=st.data(), many=st.booleans())
    def everybody_votes_yes(self, data: st.DataObject, many: bool) -> None:
        if (number := self.pick(data)) is not None:
            voters = [institution(chamber) for chamber in INSTITUTIONAL]
            voters += [person(index) for index in range(0, PEOPLE, 2 if many else 7)]
            self.cast(voters, number, "yes")

    def cast(self, accounts: list[Address], number: int, choice: str) -> None:
        reference = self.votes[number]
        sent = [(account, "vote", (number, choice)) for account in accounts]
        time_ms = self.town.time_ms + HOUR_MS
        expected = []
        for account in accounts:
            allowed = reference.may_vote(account.hex(), choice, time_ms)
            expected.append(allowed)
            if allowed:
                reference.vote(account.hex(), choice, time_ms)
        codes = self.run_block(*sent)
        assert [code is ErrorCode.OK for code in codes] == expected
        seen["votes"] += sum(expected)

    def pick(self, data: st.DataObject) -> int | None:
        return data.draw(st.sampled_from(sorted(self.votes))) if self.votes else None

    @rule(data=st.data(), voter=people, choice=choices)
    def vote(self, data: st.DataObject, voter: int, choice: str) -> None:
        if (number := self.pick(data)) is not None:
            self.cast([person(voter)], number, choice)

    @rule(data=st.data(), first=people, count=st.integers(5, 60), choice=choices)
    def many_vote(self, data: st.DataObject, first: int, count: int, choice: str) -> None:
        if (number := self.pick(data)) is not None:
            voters = [person((first + index) % PEOPLE) for index in range(count)]
            self.cast(voters, number, choice)

    @rule(data=st.data(), skipped=st.integers(0, 4), choice=choices)
    def organisations_vote(self, data: st.DataObject, skipped: int, choice: str) -> None:
        if (number := self.pick(data)) is not None:
            voters = [
                institution(chamber, index)
                for position, chamber in enumerate(INSTITUTIONAL)
                for index in range(ORGANISATIONS)
                if position != skipped
            ]
            self.cast(voters, number, choice)

    @rule(kind=classes, by=people, to=st.integers(0, 8))
    def delegate(self, kind: str, by: int, to: int) -> None:
        self.give(kind, by, to * 9)

    @rule(kind=classes, first=people, to=people)
    def several_delegate(self, kind: str, first: int, to: int) -> None:
        for index in range(3):
            self.give(kind, (first + index) % PEOPLE, to)

    def give(self, kind: str, by: int, to: int) -> None:
        source, target = person(by), person(to)
        chamber = self.model.get(source)
        time_ms = self.town.time_ms + HOUR_MS
        held = {
            account
            for (of, account), given in self.given.items()
            if of == kind and given.to == target.hex() and given.in_force(time_ms)
            # What was delegated to somebody who has changed chambers since carries nothing.
            if self.model.get(account) == chamber
        }
        limit = max(1, list(self.model.values()).count(chamber or "") * 5 // 100)
        allowed = (
            chamber is not None
            and self.model.get(target) == chamber
            and source != target
            and (source in held or len(held) < limit)
        )
        (code,) = self.run_block((source, "delegate", (kind, target)))
        assert (code is ErrorCode.OK) == allowed
        if allowed:
            self.given[kind, source] = Given(target.hex(), time_ms)
            seen["delegations"] += 1

    @rule(kind=classes, by=people)
    def undelegate(self, kind: str, by: int) -> None:
        source = person(by)
        (code,) = self.run_block((source, "undelegate", (kind,)))
        given = self.given.get((kind, source))
        allowed = source in self.model and given is not None and given.in_force(self.town.time_ms)
        assert (code is ErrorCode.OK) == allowed
        if allowed:
            del self.given[kind, source]

    @rule(index=people, chamber=st.sampled_from(PERSONS))
    def join(self, index: int, chamber: str) -> None:
        if person(index) not in self.model:
            self.admit(person(index), chamber)

    @rule(index=people, moves=st.booleans())
    def leave(self, index: int, moves: bool) -> None:
        self.dismiss(index, moves=moves)

    def dismiss(self, index: int, *, moves: bool) -> None:
        account = person(index)
        if account not in self.model:
            return
        chamber = self.model.pop(account)
        before = dict(self.votes)
        self.town.block(leaves=[account], after_ms=HOUR_MS)
        for kind in "ABCD":
            self.given.pop((kind, account), None)
        self.follow(before)
        if moves:
            self.admit(account, PERSONS[1 - PERSONS.index(chamber)])

    @rule(first=people)
    def several_leave(self, first: int) -> None:
        """A chamber shrinks, and with it what a delegate may carry."""
        for index in range(5):
            self.dismiss((first + index) % PEOPLE, moves=False)

    @rule(index=st.integers(0, 11), joins=st.booleans())
    def organisation_moves(self, index: int, joins: bool) -> None:
        account = institution(INSTITUTIONAL[index % 4], index // 4)
        if joins and account not in self.model:
            self.admit(account, INSTITUTIONAL[index % 4])
        elif not joins and account in self.model:
            del self.model[account]
            before = dict(self.votes)
            self.town.block(leaves=[account], after_ms=HOUR_MS)
            self.follow(before)

    @rule(first=people, data=st.data())
    def recall(self, first: int, data: st.DataObject) -> None:
        queued = [
            number
            for number in range(1, book(self.town.state).proposals + 1)
            if self.town.status(number) is Status.QUEUED
        ]
        if queued:
            number = data.draw(st.sampled_from(queued))
            signers = [person((first + index) % PEOPLE) for index in range(12)]
            self.run_block(*[(account, "recall", (number,)) for account in signers])

    @rule(length_ms=st.sampled_from((HOUR_MS, DAY_MS, 4 * DAY_MS, 13 * DAY_MS, 35 * DAY_MS)))
    def time_passes(self, length_ms: int) -> None:
        self.run_block(after_ms=length_ms)

    @rule()
    def until_the_next_deadline(self) -> None:
        due_ms = self.town.module.next_deadline_ms(self.town.state)
        if due_ms is not None:
            self.run_block(after_ms=max(0, due_ms - self.town.time_ms))

    @rule(data=st.data(), tenths=st.integers(0, 99))
    def into_the_last_tenth(self, data: st.DataObject, tenths: int) -> None:
        if (number := self.pick(data)) is not None:
            vote = self.votes[number]
            length_ms = vote.ends_ms - vote.opened_ms
            at_ms = vote.ends_ms - length_ms // 10 * (100 - tenths) // 100
            self.run_block(after_ms=max(0, at_ms - HOUR_MS - self.town.time_ms))

    def run_out(self) -> None:
        """Everything that is open comes to its end; votes of class D get everybody's Yes first."""
        self.agree_on_d()
        for _ in range(30):
            due_ms = self.town.module.next_deadline_ms(self.town.state)
            if due_ms is None:
                return
            self.run_block(after_ms=max(0, due_ms - self.town.time_ms))
            self.agree_on_d()

    def agree_on_d(self) -> None:
        for number in sorted(self.votes):
            if number in self.votes and self.votes[number].kind == "D":
                voters = [
                    institution(chamber, index)
                    for chamber in INSTITUTIONAL
                    for index in range(ORGANISATIONS)
                ]
                voters += [person(index) for index in range(PEOPLE)]
                self.cast(voters, number, "yes")

    def teardown(self) -> None:
        if hasattr(self, "town"):
            self.run_out()
            found = invariants.collect((self.town.module,))
            somebody = any(self.town.electorate.seats[c.name] for c in ALL_CHAMBERS[:4])
            if not somebody:  # everybody has left: the one dead end, which the registry prevents
                found = {k: v for k, v in found.items() if not k.endswith("no_dead_end")}
            block = self.town.context(self.town.state).block
            invariants.check(found, self.town.state, block)


def test_votes_agree_with_the_naive_reference() -> None:
    """At least MIN_STEPS steps: a message, a block of votes, or a move of the clock each."""
    seen.clear()
    steps = Counter[str]()

    class Counted(Deciding):
        def check_invariants(self, *args: object, **kwargs: object) -> None:
            steps["run"] += 1
            super().check_invariants(*args, **kwargs)  # type: ignore[arg-type]

    # Shrinking a history of 60 steps takes longer than a test may; the printed one replays.
    run_state_machine_as_test(
        Counted,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=(Phase.reuse, Phase.generate),
            report_multiple_bugs=False,
        ),
    )
    print(dict(steps), dict(sorted(seen.items())))
    assert steps["run"] >= MIN_STEPS
