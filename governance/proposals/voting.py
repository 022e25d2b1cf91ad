"""Opening, casting and closing a vote. Each touches a bounded number of rows, whatever the number
of persons: the electorate is a snapshot number, the counts are kept as votes come in, and a
delegate's vote carries a number."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from governance.chambers import ALL_CHAMBERS, PERSONS
from governance.proposals import delegation
from governance.proposals.classes import ProposalClass, Rules, governance_parameters, least
from governance.proposals.lifecycle import TAKING_VOTES, Status, Step
from governance.proposals.mandate import Mandate, judge, seated_persons
from governance.proposals.progress import move, update
from governance.proposals.proposal_rows import (
    BALLOTS,
    BOOK,
    RULES,
    VOTES,
    Ballot,
    Choice,
    Origin,
    Progress,
    Proposal,
    Vote,
    ballot_of,
    book,
    counts_of,
    find,
    messages_of,
    vote_key,
)
from governance.proposals.tally import Outcome, outcome, quorum_reached
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError, ensure
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address
from ledger.rows import key
from ledger.state import State

CHOICES: Final = {"yes": Choice.YES, "no": Choice.NO, "abstain": Choice.ABSTAIN}
LATE_PART: Final = 10
"""A quorum reached in the last tenth of a vote extends it ..."""
EXTENSION_PART: Final = 5
"""... once, by a fifth."""

VOTE: Final = MessageType(
    "proposals.vote",
    "Votes on a proposal, or changes the vote; what stands at the end counts.",
    (
        Field("proposal", Kind.UINT64, "number of the proposal"),
        Field("choice", Kind.TEXT, "yes, no or abstain", 8),
    ),
)


def open_vote(context: Context, mandate: Mandate, number: int, step: Step) -> None:
    """Freeze rules and electorate, and let voting start. A further vote on the same proposal has
    the rules of the first, and an electorate of its own."""
    state, time_ms = context.state, context.block.time_ms
    proposal, progress = find(state, number)
    if progress.votes:
        rules, first = ballot_of(state, number, progress.votes)
        recused = first.recused
    else:
        rules, recused = _frozen(context, mandate, number, proposal)
    index = rules.proposal_class - 1
    counters = book(state)
    begun = list(counters.begun)
    begun[index] += 1
    state.put(BOOK, b"", replace(counters, begun=tuple(begun)))
    none = (0,) * len(ALL_CHAMBERS)
    ballot = Ballot(
        snapshot=mandate.electorate.snapshot(state),
        number=begun[index],
        opened_ms=time_ms,
        ends_ms=time_ms + rules.voting_ms,
        quorum_ms=None,
        is_extended=False,
        seated=tuple(mandate.electorate.seated(state, each.name) for each in ALL_CHAMBERS),
        recused=recused,
        yes=none,
        no=none,
        abstain=none,
        outcome=None,
    )
    vote = progress.votes + 1
    state.put(RULES, key(number, vote), rules)
    state.put(BALLOTS, key(number, vote), ballot)
    move(
        context,
        number,
        step,
        due_ms=ballot.ends_ms,
        votes=vote,
        proposal_class=rules.proposal_class,
    )


def _frozen(
    context: Context, mandate: Mandate, number: int, proposal: Proposal
) -> tuple[Rules, tuple[bool, ...]]:
    """Rules and recusals by what the proposal's messages do today."""
    state = context.state
    parameters = governance_parameters(state)
    if proposal.origin is Origin.COUNCIL:
        rules = parameters.rules(ProposalClass.B, loosens_supply=False)
        voting_ms = parameters.block_ms(parameters.renewal_voting_ms)
        return replace(rules, voting_ms=voting_ms, timelock_ms=0), (False,) * len(ALL_CHAMBERS)
    messages = messages_of(state, number, proposal.messages)
    judged = judge(mandate, state, context.block.time_ms, messages)
    rules = parameters.rules(judged.proposal_class, loosens_supply=judged.loosens_supply)
    return rules, tuple(each.name in judged.recused for each in ALL_CHAMBERS)


def close_vote(context: Context, mandate: Mandate, number: int) -> None:
    """Count, and move the proposal on by the outcome."""
    state, time_ms = context.state, context.block.time_ms
    _, progress = find(state, number)
    rules, ballot = ballot_of(state, number, progress.votes)
    ensure(time_ms >= ballot.ends_ms, f"vote on proposal {number} closed before {ballot.ends_ms}")
    found = outcome(rules, counts_of(ballot))
    state.put(BALLOTS, key(number, progress.votes), replace(ballot, outcome=found))
    parameters = governance_parameters(state)
    if found is Outcome.REJECTED:
        move(context, number, Step.REJECT)
    elif found is Outcome.NO_QUORUM:
        move(context, number, Step.MISS_QUORUM)
    elif progress.status is Status.VOTING and rules.votes > 1:
        after_ms = parameters.block_ms(parameters.second_vote_after_ms)
        move(context, number, Step.PASS_FIRST, due_ms=time_ms + after_ms)
    else:
        executable_ms = time_ms + rules.timelock_ms
        seated = sum(count.seated for count in seated_persons(mandate, state))
        move(
            context,
            number,
            Step.PASS,
            due_ms=executable_ms,
            executable_ms=executable_ms,
            expires_ms=executable_ms + parameters.block_ms(parameters.expiry_ms),
            recalls_needed=least(seated, parameters.recall_bps, strict=False),
        )


def voting_handlers(mandate: Mandate) -> Mapping[MessageType, Handler]:
    """The message of this file."""
    return {VOTE: partial(_vote, mandate)}


def _open_ballot(context: Context, number: int) -> tuple[Progress, Rules, Ballot]:
    """The vote that takes votes now; TransactionError when there is none."""
    _, progress = find(context.state, number)
    if progress.status not in TAKING_VOTES:
        when = (
            "voting has not started"
            if not progress.votes
            else f"no vote is open, {progress.votes} ended"
        )
        raise TransactionError(
            ErrorCode.NOT_NOW, f"proposal {number} is {progress.status.name}: {when}"
        )
    rules, ballot = ballot_of(context.state, number, progress.votes)
    if context.block.time_ms >= ballot.ends_ms:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"voting on proposal {number} ended at {ballot.ends_ms}, the block's time is "
            f"{context.block.time_ms}",
        )
    return progress, rules, ballot


def elector(
    mandate: Mandate, state: State, ballot: Ballot, number: int, account: Address
) -> tuple[int, bytes]:
    """(chamber, member identity) that an account votes by; TransactionError when by none."""
    for index, chamber in enumerate(ALL_CHAMBERS):
        if mandate.electorate.was_member(state, account, chamber.name, ballot.snapshot):
            member = mandate.electorate.member_id(state, account)
            if member is not None:
                _require_voice(ballot, number, index)
                return index, member
    raise TransactionError(
        ErrorCode.UNAUTHORISED,
        f"{checksum_address(account)} was no member of a chamber when voting on proposal {number} "
        f"started at {ballot.opened_ms}",
    )


def _require_voice(ballot: Ballot, number: int, index: int) -> None:
    count = counts_of(ballot)[index]
    if count.recused:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{count.chamber} is recused from proposal {number}: it may speak but not vote",
        )
    if count.is_vacant:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"{count.chamber} had {count.seated} members when voting started and was vacant: its "
            "votes count from the next vote on in which it is seated",
        )


def _add(ballot: Ballot, choice: Choice, chamber: int, votes: int) -> Ballot:
    """The ballot with more (or fewer) votes of a choice."""

    def changed(counts: tuple[int, ...]) -> tuple[int, ...]:
        return (*counts[:chamber], counts[chamber] + votes, *counts[chamber + 1 :])

    if choice is Choice.YES:
        return replace(ballot, yes=changed(ballot.yes))
    if choice is Choice.NO:
        return replace(ballot, no=changed(ballot.no))
    return replace(ballot, abstain=changed(ballot.abstain))


class _Delegated:
    """Delegations as they stood when one vote started, in one chamber."""

    def __init__(self, state: State, rules: Rules, ballot: Ballot, chamber: int) -> None:
        self._state, self._class, self._number = state, rules.proposal_class, ballot.number
        self._mark = governance_parameters(state).mark_at(ballot.opened_ms)
        self._chamber = chamber
        self._cap = delegation.cap(ballot.seated[chamber], rules.delegate_bps)

    def carried(self, member: bytes, taken: int) -> int:
        """Votes beside their own that a delegate's vote counts for."""
        held = delegation.received_by(
            self._state, self._class, self._chamber, member, self._number, self._mark
        )
        return min(self._cap, held - taken)

    def delegate_of(self, member: bytes) -> bytes | None:
        """Whom a member had delegated to."""
        row = delegation.delegate_of(self._state, self._class, member, self._number, self._mark)
        return None if row is None or row.chamber != self._chamber else row.delegate


def _vote(mandate: Mandate, context: Context, number: int, choice_name: str) -> None:
    state = context.state
    choice = CHOICES.get(choice_name)
    if choice is None:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"choice: expected yes, no or abstain, found {choice_name!r}"
        )
    progress, rules, ballot = _open_ballot(context, number)
    sender = context.require_sender()
    chamber, member = elector(mandate, state, ballot, number, sender)
    place = vote_key(number, progress.votes, chamber, member)
    before = state.get(VOTES, place)
    taken = 0 if before is None else before.taken
    if before is not None and before.choice is choice:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"this member already voted {choice_name} on proposal {number}; another choice "
            "replaces it until voting ends",
        )
    if before is not None and before.choice is not Choice.NONE:
        carried = before.carried
        ballot = _add(ballot, before.choice, chamber, -1 - carried)
    else:
        carried = 0
        if ALL_CHAMBERS[chamber].name in PERSONS:
            delegated = _Delegated(state, rules, ballot, chamber)
            ballot = _take_back(context, number, progress.votes, ballot, chamber, member, delegated)
            carried = delegated.carried(member, taken)
    ballot = _add(ballot, choice, chamber, 1 + carried)
    state.put(VOTES, place, Vote(choice, carried, taken, context.block.time_ms, sender))
    context.emit(
        "proposals.voted",
        proposal=number,
        vote=progress.votes,
        chamber=ALL_CHAMBERS[chamber].name,
        account=sender,
        choice=choice_name,
        votes=1 + carried,
    )
    _store(context, number, progress, rules, ballot)


def _take_back(
    context: Context,
    number: int,
    vote: int,
    ballot: Ballot,
    chamber: int,
    member: bytes,
    delegated: _Delegated,
) -> Ballot:
    """A delegator votes: the delegate's vote, cast or still to come, no longer counts for them."""
    delegate = delegated.delegate_of(member)
    if delegate is None:
        return ballot
    state = context.state
    place = vote_key(number, vote, chamber, delegate)
    row = state.get(VOTES, place) or Vote(Choice.NONE, 0, 0, 0, b"")
    after = replace(row, taken=row.taken + 1)
    if row.choice is not Choice.NONE:
        after = replace(after, carried=delegated.carried(delegate, after.taken))
        ballot = _add(ballot, row.choice, chamber, after.carried - row.carried)
    state.put(VOTES, place, after)
    return ballot


def _store(context: Context, number: int, progress: Progress, rules: Rules, ballot: Ballot) -> None:
    """Write the ballot; a quorum reached late extends the vote once."""
    time_ms = context.block.time_ms
    if ballot.quorum_ms is None and quorum_reached(rules, counts_of(ballot)):
        ballot = replace(ballot, quorum_ms=time_ms)
        if time_ms >= ballot.ends_ms - rules.voting_ms // LATE_PART:
            ends_ms = ballot.ends_ms + rules.voting_ms // EXTENSION_PART
            ballot = replace(ballot, ends_ms=ends_ms, is_extended=True)
            update(context.state, number, due_ms=ends_ms)
            context.emit("proposals.extended", proposal=number, ends_ms=ends_ms)
    context.state.put(BALLOTS, key(number, progress.votes), ballot)
