"""Bringing a proposal: two members of different organisations sponsor it, and may withdraw it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from governance.admissible import require_text
from governance.chambers import INSTITUTIONAL, PERSONS
from governance.proposals.classes import ProposalClass, governance_parameters
from governance.proposals.due import reschedule
from governance.proposals.lifecycle import Status, Step
from governance.proposals.mandate import Mandate, judge, seated_persons
from governance.proposals.parameter_changes import check_bounds
from governance.proposals.progress import move, slots, take_slot
from governance.proposals.proposal_rows import (
    BOOK,
    MAX_BODY_BYTES,
    MAX_MESSAGES,
    MAX_PROPOSALS,
    MAX_TITLE_BYTES,
    MESSAGES,
    PROGRESS,
    PROPOSALS,
    Message,
    Origin,
    Progress,
    Proposal,
    book,
    find,
)
from ledger import codec
from ledger.crypto import checksum_address, sha256
from ledger.errors import DecodeError, ErrorCode, TransactionError
from ledger.message_registry import MAX_TYPE_BYTES, Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import key
from ledger.state import State

CONTENT_FIELDS: Final = (
    Field("title", Kind.TEXT, "what it is about, in one line", MAX_TITLE_BYTES),
    Field("document_hash", Kind.HASH, "SHA-256 of the proposal's text"),
    Field("legal_basis", Kind.UINT64, "number of the legal basis, 0 for none"),
    Field(
        "messages",
        Kind.LIST,
        "what is carried out when it passes, in order; none for a signal",
        MAX_MESSAGES,
        (
            Field("type", Kind.TEXT, "message type", MAX_TYPE_BYTES),
            Field("body", Kind.BYTES, "its body, canonically encoded", MAX_BODY_BYTES),
        ),
    ),
)
SUBMIT: Final = MessageType(
    "proposals.submit",
    "Brings a proposal; a second organisation has to sponsor it.",
    CONTENT_FIELDS,
)
SPONSOR: Final = MessageType(
    "proposals.sponsor",
    "Sponsors another organisation's proposal, which puts it up for review.",
    (Field("proposal", Kind.UINT64, "number of the proposal"),),
)
WITHDRAW: Final = MessageType(
    "proposals.withdraw",
    "Withdraws one's own proposal before voting starts.",
    (Field("proposal", Kind.UINT64, "number of the proposal"),),
)

Items = Sequence[tuple[str, bytes]]
"""Messages as a body gives them."""


def proposals_handlers(mandate: Mandate) -> Mapping[MessageType, Handler]:
    """The messages of this file."""
    return {
        SUBMIT: partial(_submit, mandate),
        SPONSOR: partial(_sponsor, mandate),
        WITHDRAW: partial(_withdraw, mandate),
    }


def content_hash(messages: Sequence[Message], document_hash: Hash) -> Hash:
    """What makes two proposals the same: their messages, or without any their document."""
    if messages:
        return sha256(codec.encode(tuple((each.type, each.body) for each in messages)))
    return sha256(codec.encode((document_hash,)))


def checked(
    mandate: Mandate, context: Context, title: str, legal_basis: int, items: Items
) -> tuple[list[Message], ProposalClass]:
    """The messages and their class of now; TransactionError for what could never be decided."""
    state, time_ms = context.state, context.block.time_ms
    require_text(title, "title")
    messages = [_checked_message(mandate, state, index, *item) for index, item in enumerate(items)]
    found = judge(mandate, state, time_ms, messages).proposal_class
    if found is ProposalClass.D and len(seated_persons(mandate, state)) < len(PERSONS):
        raise TransactionError(
            ErrorCode.NOT_NOW,
            "class D needs both persons' chambers, and one is vacant: it becomes possible when "
            "each has 30 members",
        )
    if legal_basis == 0 and found >= ProposalClass.C:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"legal_basis: a proposal of class {found.name} has to name the legal basis it acts on",
        )
    if legal_basis and not mandate.legal_bases.in_force(state, legal_basis):
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"legal basis {legal_basis} is not in force: name one that is, or have its status "
            "changed first",
        )
    return messages, found


def _checked_message(
    mandate: Mandate, state: State, index: int, message_type: str, raw: bytes
) -> Message:
    place = f"message {index} ({message_type:.48})"
    if message_type not in mandate.class_of:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"{place}: this is nothing that a vote can carry out"
        )
    try:
        body = codec.decode(raw, MAX_BODY_BYTES)
        mandate.router.check(message_type, body)
        check_bounds(state, message_type, body)
    except DecodeError as error:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, f"{place}: {error}") from error
    except TransactionError as error:
        raise TransactionError(error.code, f"{place}: {error.reason}") from error
    return Message(message_type, raw)


def create(
    context: Context,
    proposal: Proposal,
    messages: Sequence[Message],
    proposal_class: ProposalClass,
    due_ms: int,
) -> int:
    """Put a proposal on record as SUBMITTED; its number."""
    state = context.state
    counters = book(state)
    number = counters.proposals + 1
    if number > MAX_PROPOSALS:
        raise TransactionError(ErrorCode.LIMIT_EXCEEDED, f"{MAX_PROPOSALS} proposals are on record")
    state.put(BOOK, b"", replace(counters, proposals=number))
    state.put(PROPOSALS, key(number), proposal)
    for index, message in enumerate(messages):
        state.put(MESSAGES, key(number, index), message)
    progress = Progress(
        status=Status.SUBMITTED,
        proposal_class=proposal_class,
        due_ms=due_ms,
        second_sponsor=b"",
        votes=0,
        signatures=0,
        recalls=0,
        recalls_needed=0,
        is_recalled=False,
        executable_ms=0,
        expires_ms=0,
        tries=0,
        reason="",
        ended_ms=0,
    )
    state.put(PROGRESS, key(number), progress)
    reschedule(state, number, None, due_ms)
    context.emit(
        "proposals.submitted",
        proposal=number,
        origin=proposal.origin.name,
        account=proposal.account,
        proposal_class=proposal_class.name,
        content_hash=proposal.content_hash,
        document_hash=proposal.document_hash,
    )
    return number


def _organisation(mandate: Mandate, context: Context) -> bytes:
    """Identity of the sender as a member of an institutional chamber."""
    sender = context.require_sender()
    member = mandate.electorate.member_id(context.state, sender)
    chamber = mandate.electorate.chamber_of(context.state, sender)
    if chamber not in INSTITUTIONAL or member is None:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} is no organisation of a chamber: proposals need two "
            "organisations as sponsors, or a petition of persons",
        )
    return member


def _take_slot(context: Context, member: bytes) -> None:
    limit = governance_parameters(context.state).open_a_sponsor
    if (used := slots(context.state, member)) >= limit:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"this organisation already sponsors {used} open proposals, at most {limit} are "
            "allowed: wait for a decision or withdraw one",
        )
    take_slot(context.state, member)


def _submit(
    mandate: Mandate,
    context: Context,
    title: str,
    document_hash: Hash,
    legal_basis: int,
    items: Items,
) -> None:
    member = _organisation(mandate, context)
    _take_slot(context, member)
    messages, found = checked(mandate, context, title, legal_basis, items)
    parameters, time_ms = governance_parameters(context.state), context.block.time_ms
    proposal = Proposal(
        Origin.SPONSORS,
        title,
        document_hash,
        content_hash(messages, document_hash),
        legal_basis,
        len(messages),
        context.require_sender(),
        member,
        time_ms,
        0,
    )
    due_ms = time_ms + parameters.block_ms(parameters.sponsoring_ms)
    create(context, proposal, messages, found, due_ms)


def start_review(context: Context, number: int, **changes: object) -> None:
    """Enough support: the review starts, and voting after it by itself."""
    parameters = governance_parameters(context.state)
    due_ms = context.block.time_ms + parameters.block_ms(parameters.review_ms)
    move(context, number, Step.SPONSOR, due_ms=due_ms, **changes)


def _sponsor(mandate: Mandate, context: Context, number: int) -> None:
    proposal, progress = find(context.state, number)
    member = _organisation(mandate, context)
    if proposal.origin is not Origin.SPONSORS or progress.status is not Status.SUBMITTED:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"proposal {number} ({proposal.origin.name}) is {progress.status.name} and takes no "
            "further sponsor",
        )
    if member == proposal.sponsor:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"proposal {number} is this organisation's own: a different one has to sponsor it",
        )
    require_in_time(context, number, progress)
    _take_slot(context, member)
    start_review(context, number, second_sponsor=member)


def require_in_time(context: Context, number: int, progress: Progress) -> None:
    """TransactionError once the time to sponsor or sign is over."""
    if progress.due_ms is not None and context.block.time_ms >= progress.due_ms:
        raise TransactionError(
            ErrorCode.NOT_NOW, f"proposal {number} could be supported until {progress.due_ms}"
        )


def _withdraw(mandate: Mandate, context: Context, number: int) -> None:
    proposal, progress = find(context.state, number)
    sender: Address = context.require_sender()
    if mandate.electorate.member_id(context.state, sender) != proposal.sponsor:
        raise TransactionError(
            ErrorCode.UNAUTHORISED, f"proposal {number} was brought by somebody else"
        )
    # Once others have signed in sufficient number, a petition is no longer one person's.
    last = Status.REVIEW if proposal.origin is Origin.SPONSORS else Status.SUBMITTED
    if progress.status > last:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"proposal {number} is {progress.status.name}: it can no longer be withdrawn",
        )
    move(context, number, Step.WITHDRAW)
