"""What persons can set going without an organisation: petitions, and recalls of queued actions."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from governance.chambers import PERSONS
from governance.proposals.classes import governance_parameters, least
from governance.proposals.delegation import person_of
from governance.proposals.lifecycle import OPEN, Status, Step
from governance.proposals.mandate import Mandate, seated_persons
from governance.proposals.progress import update
from governance.proposals.proposal_rows import (
    CONTENTS,
    RECALLS,
    SIGNATURES,
    SIGNED,
    Origin,
    Proposal,
    Signature,
    find,
    progress_of,
)
from governance.proposals.proposals import (
    CONTENT_FIELDS,
    Items,
    checked,
    content_hash,
    create,
    require_in_time,
    start_review,
)
from governance.proposals.voting import open_vote
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Hash
from ledger.rows import key
from ledger.state import State

PETITION: Final = MessageType(
    "proposals.petition",
    "Opens a petition and signs it; enough signatures put it up for review.",
    CONTENT_FIELDS,
)
SIGN: Final = MessageType(
    "proposals.sign",
    "Signs a petition.",
    (Field("proposal", Kind.UINT64, "number of the petition"),),
)
RECALL: Final = MessageType(
    "proposals.recall",
    "Asks that a queued action faces one further vote.",
    (Field("proposal", Kind.UINT64, "number of the proposal"),),
)


def petition_handlers(mandate: Mandate) -> Mapping[MessageType, Handler]:
    """The messages of this file."""
    return {
        PETITION: partial(_petition, mandate),
        SIGN: partial(_sign, mandate),
        RECALL: partial(_recall, mandate),
    }


def signatures_needed(mandate: Mandate, state: State) -> int:
    """max(20, 3 % of all persons, rounded up), with the parameters of now."""
    parameters = governance_parameters(state)
    everybody = sum(mandate.electorate.seated(state, chamber) for chamber in PERSONS)
    return max(parameters.petition_min, least(everybody, parameters.petition_bps, strict=False))


def _require_free_signer(state: State, member: bytes) -> None:
    row = state.get(SIGNED, member)
    if row is not None and progress_of(state, row.proposal).status in OPEN:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"this person has signed petition {row.proposal}, which is still open: one open "
            "petition a person",
        )


def _require_new_content(context: Context, content: Hash) -> None:
    parameters = governance_parameters(context.state)
    row = context.state.get(CONTENTS, content)
    if row is None:
        return
    free_ms = row.signed_ms + parameters.block_ms(parameters.same_content_ms)
    if context.block.time_ms < free_ms:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"petition {row.proposal} had the same content: it can be opened again at {free_ms}",
        )


def _petition(
    mandate: Mandate,
    context: Context,
    title: str,
    document_hash: Hash,
    legal_basis: int,
    items: Items,
) -> None:
    state, time_ms = context.state, context.block.time_ms
    sender = context.require_sender()
    _, member = person_of(mandate, state, sender, "opening a petition")
    _require_free_signer(state, member)
    messages, found = checked(mandate, context, title, legal_basis, items)
    content = content_hash(messages, document_hash)
    _require_new_content(context, content)
    parameters = governance_parameters(state)
    proposal = Proposal(
        Origin.PETITION,
        title,
        document_hash,
        content,
        legal_basis,
        len(messages),
        sender,
        member,
        time_ms,
        signatures_needed(mandate, state),
    )
    due_ms = time_ms + parameters.block_ms(parameters.petition_ms)
    number = create(context, proposal, messages, found, due_ms)
    state.put(CONTENTS, content, Signature(number, time_ms))
    _add_signature(context, number, member)


def _sign(mandate: Mandate, context: Context, number: int) -> None:
    state = context.state
    proposal, progress = find(state, number)
    _, member = person_of(mandate, state, context.require_sender(), "signing")
    if state.get(SIGNATURES, key(number) + member) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"this person has already signed petition {number}"
        )
    if proposal.origin is not Origin.PETITION or progress.status is not Status.SUBMITTED:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"proposal {number} ({proposal.origin.name}) is {progress.status.name} and takes no "
            "signatures",
        )
    require_in_time(context, number, progress)
    _require_free_signer(state, member)
    _add_signature(context, number, member)


def _add_signature(context: Context, number: int, member: bytes) -> None:
    state, time_ms = context.state, context.block.time_ms
    proposal, progress = find(state, number)
    state.put(SIGNATURES, key(number) + member, Signature(number, time_ms))
    state.put(SIGNED, member, Signature(number, time_ms))
    count = progress.signatures + 1
    context.emit(
        "proposals.signed",
        proposal=number,
        account=context.require_sender(),
        signatures=count,
        needed=proposal.signatures_needed,
    )
    if count >= proposal.signatures_needed:
        start_review(context, number, signatures=count)
    else:
        update(state, number, due_ms=progress.due_ms, signatures=count)


def _recall(mandate: Mandate, context: Context, number: int) -> None:
    state, time_ms = context.state, context.block.time_ms
    _, progress = find(state, number)
    chamber, member = person_of(mandate, state, context.require_sender(), "recalling")
    if progress.status is not Status.QUEUED or time_ms >= progress.executable_ms:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"proposal {number} is {progress.status.name}: only an action in its timelock can be "
            "recalled",
        )
    if progress.is_recalled:
        raise TransactionError(
            ErrorCode.NOT_NOW, f"proposal {number} was recalled once and passed again"
        )
    if chamber not in {count.chamber for count in seated_persons(mandate, state)}:
        raise TransactionError(
            ErrorCode.NOT_NOW, f"{chamber} is vacant: it can recall when it has 30 members"
        )
    if state.get(RECALLS, key(number) + member) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"this person has already asked to recall proposal {number}"
        )
    state.put(RECALLS, key(number) + member, Signature(number, time_ms))
    count, needed = progress.recalls + 1, max(1, progress.recalls_needed)
    context.emit(
        "proposals.recall_signed",
        proposal=number,
        account=context.require_sender(),
        recalls=count,
        needed=needed,
    )
    update(state, number, due_ms=progress.due_ms, recalls=count)
    if count >= needed:
        update(state, number, due_ms=progress.due_ms, is_recalled=True)
        open_vote(context, mandate, number, Step.RECALL)
