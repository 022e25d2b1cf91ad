"""Acts, ordinances and special provisions that decisions rest on, with their status and history.

A basis is registered, and its status changes, by a vote that cites the gazette's hash. What is
revoked stays revoked: a new text is a new basis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from governance.admissible import STAKEHOLDERS, require_decided, require_text
from governance.stakeholders.numbering import MAX_NUMBER, last_number, next_number
from ledger import codec
from ledger.crypto import sha256
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Hash
from ledger.rows import key, present, table
from ledger.state import State

MAX_ISSUER_BYTES: Final = 64
MAX_NUMBER_BYTES: Final = 32
MAX_ARTICLE_BYTES: Final = 64
MAX_WORD_BYTES: Final = 32
COUNTED: Final = "legal basis"


class BasisKind(IntEnum):
    """Act, ordinance (조례), special provision (특례)."""

    ACT = 1
    ORDINANCE = 2
    SPECIAL_PROVISION = 3


class BasisStatus(IntEnum):
    """REVOKED is the end."""

    IN_FORCE = 1
    SUSPENDED = 2
    REVOKED = 3


def _words(kind: type[IntEnum]) -> dict[str, int]:
    return {member.name.lower().replace("_", " "): int(member) for member in kind}


KINDS: Final = {word: BasisKind(number) for word, number in _words(BasisKind).items()}
STATUSES: Final = {word: BasisStatus(number) for word, number in _words(BasisStatus).items()}
"""How messages, genesis and views write them: "special provision", "in force"."""


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """number, article: as the issuer writes them. document_hash: SHA-256 of the text.

    changes: how many entries its history has, the registration included.
    """

    kind: BasisKind
    issuer: str
    number: str
    article: str
    document_hash: Hash
    status: BasisStatus
    changes: int


@dataclass(frozen=True, slots=True)
class StatusChange:
    """gazette_hash: SHA-256 of the gazette that published it. time_ms: block time."""

    status: BasisStatus
    gazette_hash: Hash
    time_ms: int


@dataclass(frozen=True, slots=True)
class KnownText:
    """The basis, by number, that registers a text."""

    basis: int


BASES: Final = table(STAKEHOLDERS, "basis", LegalBasis)
"""By id from 1."""
STATUS_CHANGES: Final = table(STAKEHOLDERS, "basis_change", StatusChange)
"""By id and position from 0; never deleted."""
KNOWN_TEXTS: Final = table(STAKEHOLDERS, "basis_text", KnownText)
"""By SHA-256 of the encoded [kind, issuer, number, article, document_hash]."""

_GAZETTE: Final = Field("gazette_hash", Kind.HASH, "SHA-256 of the gazette that published it")
REGISTER: Final = MessageType(
    "stakeholders.register_legal_basis",
    "Registers an act, ordinance or special provision that is in force.",
    (
        Field("kind", Kind.TEXT, "one of " + ", ".join(KINDS), MAX_WORD_BYTES),
        Field("issuer", Kind.TEXT, "who issued it", MAX_ISSUER_BYTES),
        Field("number", Kind.TEXT, "its number", MAX_NUMBER_BYTES),
        Field("article", Kind.TEXT, "article that is cited", MAX_ARTICLE_BYTES),
        Field("document_hash", Kind.HASH, "SHA-256 of its text"),
        _GAZETTE,
    ),
)
SET_STATUS: Final = MessageType(
    "stakeholders.set_legal_basis_status",
    "Suspends, revokes or puts back in force what decisions rest on.",
    (
        Field("basis", Kind.UINT64, "id of the legal basis", MAX_NUMBER),
        Field("status", Kind.TEXT, "one of " + ", ".join(STATUSES), MAX_WORD_BYTES),
        _GAZETTE,
    ),
)


def find(state: State, basis_id: int) -> LegalBasis | None:
    """A legal basis by id, whatever its status."""
    return state.get(BASES, key(basis_id)) if 0 < basis_id <= MAX_NUMBER else None


def in_force(state: State, basis_id: int) -> bool:
    """Whether decisions may rest on it now; False for an id that is not registered."""
    row = find(state, basis_id)
    return row is not None and row.status is BasisStatus.IN_FORCE


def registered(state: State) -> int:
    """How many there are: their ids are 1 to this."""
    return last_number(state, COUNTED)


def changes(state: State, basis_id: int) -> tuple[StatusChange, ...]:
    """History of a basis, its registration first; empty for an id that is not registered."""
    row = find(state, basis_id)
    count = 0 if row is None else row.changes
    return tuple(
        present(state.get(STATUS_CHANGES, key(basis_id, n)), f"change {n} of basis {basis_id}")
        for n in range(count)
    )


def register(
    context: Context,
    kind: str,
    issuer: str,
    number: str,
    article: str,
    document_hash: Hash,
    gazette_hash: Hash,
) -> int:
    """Write a basis that is in force; its id. TransactionError when it is known or illegible."""
    state = context.state
    if kind not in KINDS:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"kind: expected one of {', '.join(KINDS)}, found {kind!r:.80}",
        )
    for name, value in (("issuer", issuer), ("number", number), ("article", article)):
        require_text(value, name)
    text = sha256(codec.encode((int(KINDS[kind]), issuer, number, article, document_hash)))
    known = state.get(KNOWN_TEXTS, text)
    if known is not None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"this text is registered already, as legal basis {known.basis}"
        )
    basis_id = next_number(state, COUNTED)
    row = LegalBasis(KINDS[kind], issuer, number, article, document_hash, BasisStatus.IN_FORCE, 0)
    state.put(KNOWN_TEXTS, text, KnownText(basis_id))
    _record(context, basis_id, row, gazette_hash)
    context.emit(
        "stakeholders.legal_basis_registered",
        basis=basis_id,
        kind=kind,
        issuer=issuer,
        number=number,
        article=article,
        document_hash=document_hash,
        gazette_hash=gazette_hash,
    )
    return basis_id


def legal_basis_handlers() -> Mapping[MessageType, Handler]:
    """The messages about legal bases; each is decided by a vote."""
    return {REGISTER: _register, SET_STATUS: _set_status}


def _register(
    context: Context,
    kind: str,
    issuer: str,
    number: str,
    article: str,
    document_hash: Hash,
    gazette_hash: Hash,
) -> None:
    require_decided(context, "what decisions rest on")
    register(context, kind, issuer, number, article, document_hash, gazette_hash)


def _set_status(context: Context, basis_id: int, status: str, gazette_hash: Hash) -> None:
    require_decided(context, "what decisions rest on")
    row = find(context.state, basis_id)
    if row is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no legal basis {basis_id}")
    if status not in STATUSES:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"status: expected one of {', '.join(STATUSES)}, found {status!r:.80}",
        )
    if row.status is BasisStatus.REVOKED:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"legal basis {basis_id} is revoked for ever: register the text that took its place",
        )
    if row.status is STATUSES[status]:
        raise TransactionError(ErrorCode.CONFLICT, f"legal basis {basis_id} is {status} already")
    _record(context, basis_id, replace(row, status=STATUSES[status]), gazette_hash)
    context.emit(
        "stakeholders.legal_basis_status",
        basis=basis_id,
        status=status,
        gazette_hash=gazette_hash,
    )


def _record(context: Context, basis_id: int, row: LegalBasis, gazette_hash: Hash) -> None:
    """Write the basis as it is now, and one more entry of its history."""
    change = StatusChange(row.status, gazette_hash, context.block.time_ms)
    context.state.put(STATUS_CHANGES, key(basis_id, row.changes), change)
    context.state.put(BASES, key(basis_id), replace(row, changes=row.changes + 1))
