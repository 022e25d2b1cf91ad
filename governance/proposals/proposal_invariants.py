"""Registered invariants of proposals (governance.md, "Invariants"); they may read every row."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Final

from governance.chambers import ALL_CHAMBERS, PERSONS
from governance.emergency import emergency
from governance.proposals import challenge_petitions, due
from governance.proposals.classes import DAY_MS, HOUR_MS, ProposalClass, governance_parameters
from governance.proposals.delegation import (
    DELEGATIONS,
    RECEIVED,
    cap,
    delegate_of,
    in_force,
    received_by,
)
from governance.proposals.lifecycle import ENDED, OPEN, TAKING_VOTES, Status
from governance.proposals.mandate import Mandate, electorate_now
from governance.proposals.proposal_rows import (
    PROGRESS,
    PROPOSALS,
    SLOTS,
    VOTES,
    Ballot,
    Choice,
    Origin,
    Vote,
    ballot_of,
    book,
    counts_of,
    progress_of,
)
from governance.proposals.tally import ChamberCount, Outcome, outcome
from ledger.errors import ensure
from ledger.module import BlockInfo, Invariant
from ledger.rows import key
from ledger.state import State

_LONGEST_PAUSE_MS: Final = 72 * HOUR_MS
_LONGEST_RENEWAL_MS: Final = 14 * DAY_MS


def proposal_invariants(mandate: Mandate) -> Mapping[str, Invariant]:
    """By name."""
    return {
        "tally_is_the_votes_of_the_electorate": _tally,
        "delegations_are_counted_once": _delegations,
        "executed_with_majority_after_timelock": _executed,
        "queue_holds_every_open_proposal": _queue,
        "sponsors_slots": _slots,
        "pauses_end": _pauses_end,
        "challenges_have_their_signatures": _challenges,
        "no_dead_end": partial(_no_dead_end, mandate),
    }


def _numbers(state: State) -> range:
    return range(1, book(state).proposals + 1)


def _votes(state: State, number: int, vote: int) -> dict[tuple[int, bytes], Vote]:
    """Rows of one vote by (chamber, member). A member votes in one chamber only; in one where it
    was a delegate before it moved, a row may stand that takes delegators back."""
    prefix = key(number, vote)
    found = {
        (place[len(prefix)], place[len(prefix) + 1 :]): row
        for place, row in state.iterate(VOTES, prefix)
    }
    members = Counter(member for (_, member), row in found.items() if row.choice is not Choice.NONE)
    ensure(all(n == 1 for n in members.values()), f"proposal {number}: a member counts twice")
    return found


def _tally(state: State, info: BlockInfo) -> None:
    """Counts are exactly the rows of votes, and no chamber has more votes than members."""
    del info
    for number in _numbers(state):
        for vote in range(1, progress_of(state, number).votes + 1):
            _, ballot = ballot_of(state, number, vote)
            votes = _votes(state, number, vote)
            sums = {choice: [0] * len(ALL_CHAMBERS) for choice in Choice}
            for (chamber, _member), row in votes.items():
                if row.choice is not Choice.NONE:
                    sums[row.choice][chamber] += 1 + row.carried
            for choice, counted in (
                (Choice.YES, ballot.yes),
                (Choice.NO, ballot.no),
                (Choice.ABSTAIN, ballot.abstain),
            ):
                ensure(
                    tuple(sums[choice]) == counted,
                    f"proposal {number}, vote {vote}: {choice.name} counts {counted}, the votes "
                    f"give {sums[choice]}",
                )
            _require_within(ballot, number)
            if ballot.outcome is None:
                _carried(state, number, vote, votes)


def _require_within(ballot: Ballot, number: int) -> None:
    for count in counts_of(ballot):
        ensure(
            count.cast <= (count.seated if count.counts else 0),
            f"proposal {number}: {count.cast} votes of {count.seated} members of {count.chamber}",
        )


def _carried(state: State, number: int, vote: int, votes: Mapping[tuple[int, bytes], Vote]) -> None:
    """A delegate's vote carries who delegated and has not voted: nobody counts twice."""
    rules, ballot = ballot_of(state, number, vote)
    mark = governance_parameters(state).mark_at(ballot.opened_ms)
    took_back: Counter[tuple[int, bytes]] = Counter()
    for (chamber, member), row in votes.items():
        given = delegate_of(state, rules.proposal_class, member, ballot.number, mark)
        if row.choice is not Choice.NONE and given is not None and given.chamber == chamber:
            took_back[chamber, given.delegate] += 1
    for (chamber, member), row in votes.items():
        ensure(
            row.taken == took_back[chamber, member],
            f"proposal {number}: {row.taken} delegators taken back, "
            f"{took_back[chamber, member]} voted",
        )
        if row.choice is Choice.NONE or ALL_CHAMBERS[chamber].name not in PERSONS:
            continue
        held = received_by(state, rules.proposal_class, chamber, member, ballot.number, mark)
        limit = cap(ballot.seated[chamber], rules.delegate_bps)
        ensure(
            row.carried == min(limit, held - row.taken),
            f"proposal {number}: a vote carries {row.carried} of {held} delegations",
        )


def _delegations(state: State, info: BlockInfo) -> None:
    """What delegates hold is what delegators gave, and nobody gave a class away twice."""
    mark = governance_parameters(state).mark_at(info.time_ms)
    given: Counter[bytes] = Counter()
    for place, row in state.iterate(DELEGATIONS):
        if row.delegate and row.ends_mark > mark:
            given[place[:1] + bytes((row.chamber,)) + row.delegate] += 1
    for place, held in state.iterate(RECEIVED):
        ensure(
            in_force(held, mark) == given.pop(place, 0),
            f"delegate {place.hex()} holds {in_force(held, mark)} delegations, others were given",
        )
    ensure(not given, f"delegations to {[place.hex() for place in given]} are not counted")


def _executed(state: State, info: BlockInfo) -> None:
    """Nothing is queued or executed without a majority, executed before its timelock, or twice."""
    del info
    for number in _numbers(state):
        row = progress_of(state, number)
        if row.status not in (Status.QUEUED, Status.EXECUTED):
            continue
        ensure(row.votes > 0, f"proposal {number} is {row.status.name} without a vote")
        first, _ = ballot_of(state, number, 1)
        needed = {row.votes, *range(1, first.votes + 1)}
        for vote in needed:
            rules, ballot = ballot_of(state, number, vote)
            ensure(
                ballot.outcome is Outcome.PASSED
                and outcome(rules, counts_of(ballot)) is Outcome.PASSED,
                f"proposal {number} is {row.status.name} without the majority of vote {vote}",
            )
        _, last = ballot_of(state, number, row.votes)
        ensure(
            row.executable_ms >= last.ends_ms + first.timelock_ms,
            f"proposal {number} has less than its timelock",
        )
        if row.status is Status.EXECUTED:
            ensure(row.ended_ms >= row.executable_ms, f"proposal {number} ran in its timelock")


def _queue(state: State, _: BlockInfo) -> None:
    """Each proposal that has not ended has one place in the queue, at the time it says."""
    places = [
        (int.from_bytes(place[:8], "big"), row.proposal) for place, row in state.iterate(due.QUEUE)
    ]
    expected = []
    for number in _numbers(state):
        row = progress_of(state, number)
        ensure((row.due_ms is None) == (row.status in ENDED), f"proposal {number} has no next step")
        if row.due_ms is not None:
            expected.append((row.due_ms, number))
    ensure(places == sorted(expected), f"the queue holds {places}, expected {sorted(expected)}")
    first = places[0][0] if places else None
    ensure(due.earliest_ms(state) == first, f"the queue begins at {first}")


def _slots(state: State, _: BlockInfo) -> None:
    """A sponsor's slots are its open proposals."""
    taken: Counter[bytes] = Counter()
    for place, row in state.iterate(PROGRESS):
        proposal = state.get(PROPOSALS, place)
        ensure(proposal is not None, f"progress without proposal at {place.hex()}")
        if proposal is not None and proposal.origin is Origin.SPONSORS and row.status in OPEN:
            taken.update(filter(None, (proposal.sponsor, row.second_sponsor)))
    for sponsor, slots in state.iterate(SLOTS):
        ensure(
            slots.open == taken.pop(sponsor, 0), f"slots of sponsor {sponsor.hex()}: {slots.open}"
        )
    ensure(not taken, "open proposals of a sponsor take no slot")


def _pauses_end(state: State, info: BlockInfo) -> None:
    """A pause in force has an end that has not passed, no later than law allows."""
    parameters, found = governance_parameters(state), emergency.register(state)
    for number in range(1, found.pauses + 1):
        row = emergency.pause_of(state, number)
        ensure((row.ended_ms == 0) == (number in found.active), f"pause {number} is half ended")
        longest_ms = parameters.block_ms(
            _LONGEST_PAUSE_MS + (_LONGEST_RENEWAL_MS if row.is_renewed else 0)
        )
        ensure(row.until_ms <= row.started_ms + longest_ms, f"pause {number} is too long")
        # The genesis of a restart (no parent) comes days later; its first block ends what is over.
        if row.ended_ms == 0 and info.parent_time_ms:
            ensure(info.time_ms < row.until_ms, f"pause {number} did not end at {row.until_ms}")


def _challenges(state: State, info: BlockInfo) -> None:
    """A petition's signatures are the persons who signed, and a challenge was made exactly when
    they were enough."""
    del info
    signed = Counter(row.petition for _, row in state.iterate(challenge_petitions.SIGNATURES))
    for at, row in state.iterate(challenge_petitions.PETITIONS):
        number = int.from_bytes(at, "big")
        ensure(
            signed[number] == row.signatures,
            f"challenge petition {number} counts {row.signatures} of {signed[number]} signatures",
        )
        ensure(
            (row.signatures >= row.needed) == (row.filed_ms > 0),
            f"challenge petition {number} has {row.signatures} of {row.needed} signatures, filed "
            f"at {row.filed_ms}",
        )


def _no_dead_end(mandate: Mandate, state: State, info: BlockInfo) -> None:
    """If everybody agrees, something of each class A to C passes, and no vote stays open."""
    del info
    if book(state).proposals == 0:
        return
    parameters = governance_parameters(state)
    counts = [
        ChamberCount(each.chamber, each.seated, 0, 0, each.seated)
        for each in electorate_now(mandate, state)
    ]
    for proposal_class in (ProposalClass.A, ProposalClass.B, ProposalClass.C):
        rules = parameters.rules(proposal_class, loosens_supply=False)
        ensure(
            outcome(rules, counts) is Outcome.PASSED,
            f"with everybody's consent a proposal of class {proposal_class.name} fails",
        )
    for number in _numbers(state):
        row = progress_of(state, number)
        if row.status in TAKING_VOTES:
            _, ballot = ballot_of(state, number, row.votes)
            ensure(row.due_ms == ballot.ends_ms, f"the vote on proposal {number} has no end")
