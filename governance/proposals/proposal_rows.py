"""What is kept of proposals: rows that are written and never deleted.

Proposals count from 1, and so do the votes on one. A vote's rows are its frozen rules, its ballot
(electorate and counts) and what each member voted, by the identity that survives a lost key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from governance.chambers import ALL_CHAMBERS
from governance.proposals.classes import ProposalClass, Rules
from governance.proposals.lifecycle import Status
from governance.proposals.tally import ChamberCount, Outcome
from ledger import codec
from ledger.errors import ErrorCode, InvariantViolation, TransactionError
from ledger.message_registry import MAX_TYPE_BYTES
from ledger.primitives import Address, Hash
from ledger.rows import key, present, table
from ledger.state import State, Table

MODULE: Final = "proposals"
MAX_TITLE_BYTES: Final = 128
MAX_MESSAGES: Final = 16
MAX_BODY_BYTES: Final = 8_192
"""Of one message of a proposal, canonically encoded."""
MAX_PROPOSALS: Final = 2**32 - 1


class Origin(IntEnum):
    """Who brought a proposal, and so which road it takes to a vote."""

    SPONSORS = 1
    PETITION = 2
    COUNCIL = 3


class Choice(IntEnum):
    """What a member voted. NONE: not yet, though delegators of theirs have voted themselves."""

    NONE = 0
    YES = 1
    NO = 2
    ABSTAIN = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed; never changes.

    legal_basis: number of the registered basis, 0 for none. messages: how many it carries.
    content_hash: of the messages, or of the document when there are none. sponsor: member identity.
    signatures_needed: of a petition.
    """

    origin: Origin
    title: str
    document_hash: Hash
    content_hash: Hash
    legal_basis: int
    messages: int
    account: Address
    sponsor: bytes
    submitted_ms: int
    signatures_needed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a proposal stands. due_ms: when its next step comes by itself, None once it ended.

    proposal_class: as judged last, binding from the start of voting. votes: votes opened.
    executable_ms, expires_ms: of the queued action, 0 before. reason: why the newest try failed.
    """

    status: Status
    proposal_class: ProposalClass
    due_ms: int | None
    second_sponsor: bytes
    votes: int
    signatures: int
    recalls: int
    recalls_needed: int
    is_recalled: bool
    executable_ms: int
    expires_ms: int
    tries: int
    reason: str
    ended_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message that a proposal carries; body: its canonical encoding."""

    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote: the frozen electorate, and the counts by chamber in the order of ALL_CHAMBERS.

    snapshot: of the electorate. number: how many votes of the class had begun, this included, by
    which delegations are looked up. quorum_ms: when enough had voted, None until then.
    """

    snapshot: int
    number: int
    opened_ms: int
    ends_ms: int
    quorum_ms: int | None
    is_extended: bool
    seated: tuple[int, ...]
    recused: tuple[bool, ...]
    yes: tuple[int, ...]
    no: tuple[int, ...]
    abstain: tuple[int, ...]
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Vote:
    """One member's vote. carried: delegations that it counts for. taken: delegators of this
    member who voted themselves, or are carried no longer for that reason."""

    choice: Choice
    carried: int
    taken: int
    cast_ms: int
    account: bytes


@dataclass(frozen=True, slots=True)
class Book:
    """Counters of the module. begun: votes begun so far of each class A to D."""

    proposals: int
    start_ms: int
    begun: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slots:
    """Proposals of a sponsor that are open."""

    open: int


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a petition or a recall, when, and for which proposal."""

    proposal: int
    signed_ms: int


@dataclass(frozen=True, slots=True)
class Execution:
    """The proposal that a block carried out."""

    proposal: int


def _decode_message(raw: bytes) -> Message:
    name, body = codec.as_array(codec.decode(raw), "Message", 2)
    return Message(
        codec.as_text(name, "Message.type", MAX_TYPE_BYTES),
        codec.as_bytes_up_to(body, "Message.body", MAX_BODY_BYTES),
    )


PROPOSALS: Final = table(MODULE, "proposal", Proposal)
PROGRESS: Final = table(MODULE, "progress", Progress)
MESSAGES: Final[Table[Message]] = Table(
    MODULE, "message", lambda value: codec.encode((value.type, value.body)), _decode_message
)
"""By proposal and position; a body may be longer than other rows' bytes."""
RULES: Final = table(MODULE, "rules", Rules)
BALLOTS: Final = table(MODULE, "ballot", Ballot)
"""RULES and BALLOTS by proposal and vote."""
VOTES: Final = table(MODULE, "vote", Vote)
"""By proposal, vote, position of the chamber, member identity."""
BOOK: Final = table(MODULE, "book", Book)
SLOTS: Final = table(MODULE, "slots", Slots)
"""By sponsor's member identity."""
SIGNATURES: Final = table(MODULE, "signature", Signature)
"""Of petitions: by proposal and member identity."""
RECALLS: Final = table(MODULE, "recall", Signature)
"""By proposal and member identity."""
SIGNED: Final = table(MODULE, "signed", Signature)
"""The petition that a person signed last, by member identity."""
CONTENTS: Final = table(MODULE, "content", Signature)
"""The newest petition with a content, by its hash."""

EXECUTIONS: Final = table(MODULE, "execution", Execution)
"""What was carried out, by the hash of its content and the block time (8 bytes, big-endian)."""


def execution_key(content_hash: Hash, time_ms: int) -> bytes:
    """Key in EXECUTIONS."""
    return content_hash + time_ms.to_bytes(8, "big")


def executed_by(state: State, content_hash: Hash, time_ms: int) -> int | None:
    """The proposal with this content that the block of this time carried out, or None."""
    row = state.get(EXECUTIONS, execution_key(content_hash, time_ms))
    return None if row is None else row.proposal


CHAMBER_INDEX: Final = {chamber.name: index for index, chamber in enumerate(ALL_CHAMBERS)}


def book(state: State) -> Book:
    """The module's counters."""
    return present(state.get(BOOK, b""), "the book of proposals")


def find(state: State, number: int) -> tuple[Proposal, Progress]:
    """A proposal and where it stands; TransactionError for a number that nobody was given."""
    proposal = state.get(PROPOSALS, key(number)) if 0 < number <= MAX_PROPOSALS else None
    if proposal is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND,
            f"there is no proposal {number}; the newest is {book(state).proposals}",
        )
    return proposal, progress_of(state, number)


def progress_of(state: State, number: int) -> Progress:
    """Where an existing proposal stands."""
    return present(state.get(PROGRESS, key(number)), f"progress of proposal {number}")


def messages_of(state: State, number: int, count: int) -> list[Message]:
    """What a proposal carries, in order."""
    return [
        present(state.get(MESSAGES, key(number, index)), f"message {index} of proposal {number}")
        for index in range(count)
    ]


def ballot_of(state: State, number: int, vote: int) -> tuple[Rules, Ballot]:
    """A vote that was opened, with its frozen rules."""
    rules, ballot = state.get(RULES, key(number, vote)), state.get(BALLOTS, key(number, vote))
    if rules is None or ballot is None:
        raise InvariantViolation(f"state lacks vote {vote} of proposal {number}")
    return rules, ballot


def vote_key(number: int, vote: int, chamber: int, member: bytes) -> bytes:
    """Where a member's vote lies; chamber: position in ALL_CHAMBERS."""
    return key(number, vote) + bytes((chamber,)) + member


def counts_of(ballot: Ballot) -> Sequence[ChamberCount]:
    """The counts that the tally reads."""
    return [
        ChamberCount(
            chamber.name,
            ballot.yes[index],
            ballot.no[index],
            ballot.abstain[index],
            ballot.seated[index],
            ballot.recused[index],
        )
        for index, chamber in enumerate(ALL_CHAMBERS)
    ]
