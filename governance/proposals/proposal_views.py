"""What others may read of proposals and of the emergency council: plain maps of a state.

Values are ints, strings, None, booleans, lists and maps of them; hashes and accounts are 0x hex.
Privacy: the portal withholds counts below five in any group; what is here is what the chain holds.
"""

from typing import Any, Final

from governance.chambers import ALL_CHAMBERS
from governance.emergency import emergency
from governance.emergency.council import holders
from governance.proposals.classes import Rules, governance_parameters
from governance.proposals.lifecycle import TAKING_VOTES, Status
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import (
    VOTES,
    Ballot,
    Choice,
    Progress,
    Proposal,
    ballot_of,
    book,
    counts_of,
    find,
    messages_of,
    vote_key,
)
from governance.proposals.tally import Missing, missing, weights
from ledger.crypto import checksum_address
from ledger.primitives import Address
from ledger.rows import present
from ledger.state import State

View = dict[str, Any]

MAX_LISTED: Final = 100
"""Proposals, or pauses, in one answer."""
MAX_SEARCHED: Final = 1_000
"""Proposals that one answer looks at for those of a status."""


def proposal_list(state: State, status: Status | None = None, before: int | None = None) -> View:
    """The newest proposals below number `before`, of one status or of all, newest first.

    `next_before` continues the list; None when it is complete.
    """
    newest = book(state).proposals
    start = newest if before is None else min(newest, before - 1)
    found: list[View] = []
    number = start
    while number > 0 and start - number < MAX_SEARCHED and len(found) < MAX_LISTED:
        proposal, progress = find(state, number)
        if status is None or progress.status is status:
            found.append(_summary(number, proposal, progress))
        number -= 1
    return {"proposals": found, "next_before": number + 1 if number > 0 else None}


def proposal(state: State, number: int) -> View | None:
    """One proposal: what it carries, its votes with their frozen rules and counts, what is still
    missing for a majority, and when it moves next; None for an unknown number."""
    if not 0 < number <= book(state).proposals:
        return None
    row, progress = find(state, number)
    votes = [_vote(state, number, vote) for vote in range(1, progress.votes + 1)]
    return {
        **_summary(number, row, progress),
        "document_hash": _hex(row.document_hash),
        "content_hash": _hex(row.content_hash),
        "legal_basis": row.legal_basis or None,
        "account": checksum_address(row.account),
        "messages": [
            {"type": message.type, "body": _hex(message.body)}
            for message in messages_of(state, number, row.messages)
        ],
        "signatures": progress.signatures,
        "signatures_needed": row.signatures_needed,
        "recalls": progress.recalls,
        "recalls_needed": progress.recalls_needed,
        "is_recalled": progress.is_recalled,
        "tries": progress.tries,
        "reason": progress.reason,
        "expires_ms": progress.expires_ms or None,
        "votes": votes,
        "missing": votes[-1]["missing"] if progress.status in TAKING_VOTES else [],
        "executes_ms": _executes_ms(state, number, progress),
    }


def vote_of(state: State, number: int, vote: int, chamber: int, member: bytes) -> View | None:
    """What a member voted, by the identity that votes are kept by; None for no vote."""
    row = state.get(VOTES, vote_key(number, vote, chamber, member))
    if row is None or row.choice is Choice.NONE:
        return None
    return {
        "choice": row.choice.name.lower(),
        "carried": row.carried,
        "cast_ms": row.cast_ms,
        "account": checksum_address(Address(row.account)),
    }


def council(mandate: Mandate, state: State) -> View:
    """The seats of the emergency council, and what is paused or waits for a report."""
    found = emergency.register(state)
    first = max(1, found.pauses - MAX_LISTED + 1)
    return {
        "seats": [
            {
                "chamber": ALL_CHAMBERS[index].name,
                "account": None if account is None else checksum_address(account),
            }
            for index, account in holders(mandate, state).items()
        ],
        "active": list(found.active),
        "unreported": list(found.unreported),
        "pauses": [_pause(state, number) for number in range(first, found.pauses + 1)],
    }


def _pause(state: State, number: int) -> View:
    row = emergency.pause_of(state, number)
    return {
        "number": number,
        "target": row.target,
        "reason_hash": _hex(row.reason_hash),
        "started_ms": row.started_ms,
        "until_ms": row.until_ms,
        "ended_ms": row.ended_ms or None,
        "renewal": row.renewal or None,
        "is_renewed": row.is_renewed,
        "report_due_ms": row.report_due_ms or None,
        "report_hash": _hex(row.report_hash) if row.report_hash else None,
    }


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


def _summary(number: int, row: Proposal, progress: Progress) -> View:
    return {
        "number": number,
        "title": row.title,
        "origin": row.origin.name.lower(),
        "status": progress.status.name,
        "class": progress.proposal_class.name,
        "submitted_ms": row.submitted_ms,
        "next_step_ms": progress.due_ms,
        "ended_ms": progress.ended_ms or None,
    }


def _vote(state: State, number: int, vote: int) -> View:
    rules, ballot = ballot_of(state, number, vote)
    counts = counts_of(ballot)
    consenting, whole = weights(rules, counts)
    return {
        "vote": vote,
        "rules": _rules(rules),
        "opened_ms": ballot.opened_ms,
        "ends_ms": ballot.ends_ms,
        "is_extended": ballot.is_extended,
        "quorum_ms": ballot.quorum_ms,
        "snapshot": ballot.snapshot,
        "outcome": None if ballot.outcome is None else ballot.outcome.name,
        "consenting_weight": consenting,
        "weight": whole,
        "chambers": _chambers(rules, ballot),
        "missing": [_missing(each) for each in missing(rules, counts)],
    }


def _chambers(rules: Rules, ballot: Ballot) -> list[View]:
    return [
        {
            "chamber": count.chamber,
            "weight": count.weight,
            "seated": count.seated,
            "yes": count.yes,
            "no": count.no,
            "abstain": count.abstain,
            "recused": count.recused,
            "vacant": count.is_vacant,
            "consents": count.consents(rules),
        }
        for count in counts_of(ballot)
    ]


def _rules(rules: Rules) -> View:
    return {
        "class": rules.proposal_class.name,
        "loosens_supply": rules.loosens_supply,
        "weight_bps": rules.weight_bps,
        "weight_is_strict": rules.weight_is_strict,
        "persons_bps": rules.persons_bps,
        "persons_is_strict": rules.persons_is_strict,
        "needs_both_persons": rules.needs_both_persons,
        "votes": rules.votes,
        "persons_quorum_bps": rules.persons_quorum_bps,
        "institution_quorum_bps": rules.institution_quorum_bps,
        "voting_ms": rules.voting_ms,
        "timelock_ms": rules.timelock_ms,
        "delegate_bps": rules.delegate_bps,
    }


def _missing(item: Missing) -> View:
    return {
        "lack": item.lack.value,
        "chamber": item.chamber or None,
        "found": item.found,
        "needed": item.needed,
    }


def _executes_ms(state: State, number: int, progress: Progress) -> int | None:
    """When the action is carried out: fixed once queued; before, if every vote still to come
    passes in its nominal time; None before the first vote and once the proposal has ended."""
    if progress.status is Status.QUEUED:
        return max(progress.executable_ms, present(progress.due_ms, "the next step"))
    if progress.due_ms is None or not progress.votes:
        return None
    rules, _ = ballot_of(state, number, progress.votes)
    parameters = governance_parameters(state)
    rest_ms = rules.timelock_ms
    if progress.status is Status.INTERVAL:
        rest_ms += rules.voting_ms
    elif progress.status is Status.VOTING and rules.votes > 1:
        rest_ms += parameters.block_ms(parameters.second_vote_after_ms) + rules.voting_ms
    return progress.due_ms + rest_ms
