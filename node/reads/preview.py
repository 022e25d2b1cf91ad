"""What a proposal would do if it were carried out now: executed on an overlay, which is dropped.

The same handlers run as when a vote has passed, with the same sender, all or nothing; nothing is
written. Hooks do not run: what follows in the blocks after an execution is not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final

import msgspec

from api import views
from api.encoding import address, hex_of
from governance import ports
from governance.admissible import GOVERNANCE
from governance.emergency import emergency
from governance.proposals.classes import ProposalClass
from governance.proposals.mandate import Mandate, loosens_supply
from governance.proposals.proposal_rows import Message, ballot_of, find, messages_of
from ledger import codec
from ledger.errors import DecodeError, InvariantViolation, LocalError, TransactionError
from ledger.kv import KeyValueReader
from ledger.module import (
    MAX_EVENTS_PER_TRANSACTION,
    BlockInfo,
    Context,
    Event,
    StateModule,
)
from ledger.primitives import ADDRESS_BYTES, Hash
from ledger.routing import Router
from ledger.state import State, Table, V
from node.mandate import mandate
from node.reads.governance_reads import decides

MAX_SHOWN_ROWS: Final = 1_000
_MAX_EXACT: Final = 2**53 - 1
"""Of integers that every JSON reader keeps exact; larger ones are decimal strings."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """table: "module/name". before, after: the decoded row, None where there is none."""

    table: str
    key: bytes
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen. refusal: the sentence of the message that refuses, or None; then nothing
    would change. obstacles: what would keep the chain from executing at all today. changes: at
    most MAX_SHOWN_ROWS of `changed_rows`."""

    proposal: int
    status: str
    height: int
    time_ms: int
    refusal: str | None
    obstacles: tuple[str, ...]
    changed_rows: int
    changes: tuple[ChangedRow, ...]
    events: tuple[Event, ...]

    def as_json(self) -> dict[str, Any]:
        """As one JSON value."""
        return {
            "proposal": self.proposal,
            "status": self.status,
            "height": self.height,
            "time_ms": self.time_ms,
            "refusal": self.refusal,
            "obstacles": list(self.obstacles),
            "changed_rows": self.changed_rows,
            "changes": [
                {
                    "table": row.table,
                    "key": hex_of(row.key),
                    "before": plain_row(row.before),
                    "after": plain_row(row.after),
                }
                for row in self.changes
            ],
            "events": [views.event(item) for item in self.events],
        }


class _Overlay(State):
    """A state that remembers to which table each row belongs that was written."""

    __slots__ = ("written",)

    def __init__(self, base: KeyValueReader) -> None:
        super().__init__(base)
        self.written: dict[bytes, Table[Any]] = {}

    def put(self, table: Table[V], key: bytes, value: V) -> None:
        self.written[table.prefix + key] = table
        super().put(table, key, value)


def mandate_of(modules: Sequence[StateModule]) -> Mandate:
    """What proposals may decide on a chain of these modules."""
    router = Router()
    router.connect(modules)
    return mandate(router)


def preview(base: KeyValueReader, mandate: Mandate, info: BlockInfo, number: int) -> Preview:
    """Execute proposal `number` on `base` as if block `info` carried it out, and tell what changes.

    `base` is only read. LocalError for an unknown proposal or a chain without proposals.
    """
    state = _Overlay(base)
    if not decides(state):
        raise LocalError("this chain has no proposals: its genesis has no section for them")
    try:
        proposal, progress = find(state, number)
    except TransactionError as error:
        raise LocalError(f"{error.reason}; see poyong gov list") from error
    messages = messages_of(state, number, proposal.messages)
    obstacles = [
        f"message {index} ({message.type}) is paused by the emergency council"
        for index, message in enumerate(messages)
        if emergency.message_paused(state, message.type)
    ]
    if progress.proposal_class >= ProposalClass.C and not (
        proposal.legal_basis and mandate.legal_bases.in_force(state, proposal.legal_basis)
    ):
        obstacles.append(f"legal basis {proposal.legal_basis} is not in force")
    decided_as_loosening = (
        progress.votes == 0 or ballot_of(state, number, progress.votes)[0].loosens_supply
    )
    if not decided_as_loosening:
        obstacles += [
            f"message {index} ({message.type}) loosens supply now, which is not voted on"
            for index, message in enumerate(messages)
            if loosens_supply(mandate, state, message)
        ]
    events, refusal = _carry_out(state, mandate.router, info, proposal.content_hash, messages)
    changes = _changes(base, state)
    return Preview(
        proposal=number,
        status=progress.status.name,
        height=info.height,
        time_ms=info.time_ms,
        refusal=refusal,
        obstacles=tuple(obstacles),
        changed_rows=len(changes),
        changes=tuple(changes[:MAX_SHOWN_ROWS]),
        events=tuple(events),
    )


def _carry_out(
    state: State,
    router: ports.Router,
    info: BlockInfo,
    content_hash: Hash,
    messages: Sequence[Message],
) -> tuple[list[Event], str | None]:
    """Execute everything, or nothing: (events, None), or ([], the sentence that refuses)."""
    events: list[Event] = []
    state.begin()
    for index, message in enumerate(messages):
        place = f"message {index} ({message.type})"
        call = Context(state, info, GOVERNANCE, content_hash)
        try:
            router.execute(call, message.type, codec.decode(message.body), GOVERNANCE)
        except (TransactionError, DecodeError) as error:
            state.rollback()
            return [], f"{place}: {error}"
        except Exception as error:
            raise InvariantViolation(f"{place}: {type(error).__name__}: {error}") from error
        events += call.events
    if len(events) > MAX_EVENTS_PER_TRANSACTION:
        state.rollback()
        return [], f"the proposal makes more than {MAX_EVENTS_PER_TRANSACTION} events"
    state.commit()
    return events, None


def _changes(base: KeyValueReader, state: _Overlay) -> list[ChangedRow]:
    """Rows that differ from those of `base`, in key order."""
    found, untouched = [], State(base)
    for full, after in sorted(state.writes().items(), key=lambda item: item[0]):
        table = state.written[full]
        raw = base.get(full)
        if raw == (None if after is None else table.encode(after)):
            continue
        name, key = table.prefix.decode().rstrip("/"), full[len(table.prefix) :]
        found.append(ChangedRow(name, key, untouched.get(table, key), after))
    return found


def plain_row(value: object) -> Any:
    """A decoded row as JSON: fields by name, bytes as 0x hex, 20 of them as an address, names of
    enumerations, integers above 2^53 - 1 as decimal strings."""
    match value:
        case Enum():
            return value.name.lower()
        case bool() | str() | None:
            return value
        case int():
            return value if abs(value) <= _MAX_EXACT else str(value)
        case bytes():
            return address(value) if len(value) == ADDRESS_BYTES else hex_of(value)
        case tuple() | list():
            return [plain_row(item) for item in value]
        case msgspec.Struct():
            return {name: plain_row(getattr(value, name)) for name in value.__struct_fields__}
        case _ if is_dataclass(value):
            return {item.name: plain_row(getattr(value, item.name)) for item in fields(value)}
        case _:
            return str(value)
