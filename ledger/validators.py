"""Who validates and who may connect: sets by height, participation, probes and evidence.

Rules 9, 10 and 11 of consensus.md as far as state decides them. Who may decide a change is the
question of the deciding module (governance/ports.py); this one refuses what would stop the chain.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ledger import participation
from ledger.errors import ErrorCode, TransactionError, ensure
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context, Handler, Invariant
from ledger.participation import BlockRecord, History, Source
from ledger.primitives import Hash
from ledger.registry import MAX_VALIDATORS, Validator, ValidatorSet
from ledger.set_changes import PROBE, decide, probe, proposed_set
from ledger.state import State
from ledger.validator_tables import (
    EVIDENCE,
    HISTORY,
    OBSERVERS,
    ONE_ROW,
    RETAINED_HEIGHTS,
    ROOTS,
    TIMELINE,
    SetChange,
    evidence_key,
    find_set,
    history_of,
    observers,
    root_key,
    seat_of,
    set_at,
    timeline_of,
)

MAX_OBSERVERS: Final = 1_024


class ConsensusView(msgspec.Struct, frozen=True):
    """What consensus needs of the state after a height (consensus.events.BlockApplied).

    eligible: indices in `validators`, the set of height + 1, that propose in turn; never empty.
    """

    validators: ValidatorSet
    validators_next: ValidatorSet
    eligible: tuple[int, ...]
    set_change_pending: bool


def view(state: State, height: int) -> ConsensusView:
    """What consensus needs of `state`, the state after the block of `height`."""
    return ConsensusView(
        validators=set_at(state, height + 1),
        validators_next=set_at(state, height + 2),
        eligible=participation.eligible(history_of(state)),
        set_change_pending=timeline_of(state)[-1].since > height + 1,
    )


def validators_hash_after(state: State, height: int) -> Hash:
    """Hash of the set of height + 2: what the header of `height` carries."""
    return set_at(state, height + 2).hash()


def admitted_node_keys(state: State, height: int) -> frozenset[bytes]:
    """Node keys that may connect after `height`: of both coming sets and of observers."""
    sets = (set_at(state, height + 1), set_at(state, height + 2))
    seats = {validator.node_key for each in sets for validator in each.validators}
    return frozenset(seats | set(observers(state)))


def _sources(old: ValidatorSet, new: ValidatorSet) -> tuple[Source | None, ...]:
    """Where each seat of `new` comes from: a seat is its organisation's."""
    sources: list[Source | None] = []
    for validator in new.validators:
        index = seat_of(old, validator.organisation)
        if index is None:
            sources.append(None)
        else:
            same_key = old.validators[index].public_key == validator.public_key
            sources.append(Source(index, same_key))
    return tuple(sources)


def _named(state: State, height: int, index: int) -> Validator | None:
    """Who had `index` in the set of `height`; None when that is not known."""
    then = find_set(state, height)
    return None if then is None or index >= len(then) else then.validators[index]


def _mask(state: State, current: ValidatorSet, seals: list[tuple[int, int]]) -> int:
    """Bits of the keys of `current` among `seals` (height, index in that height's set)."""
    mask = 0
    for height, index in seals:
        sealer = _named(state, height, index)
        seat = None if sealer is None else current.index_of(sealer.public_key)
        if seat is not None:
            mask |= 1 << seat
    return mask


def _block_record(state: State, info: BlockInfo, current: ValidatorSet) -> BlockRecord:
    certificate = info.participation.certificate
    seals = () if certificate is None else certificate.seals
    return BlockRecord(
        proposer=info.proposer,
        view=0 if certificate is None else certificate.view,
        sealed=_mask(state, current, [(info.height - 1, index) for index, _ in seals]),
        late=_mask(
            state,
            current,
            [(seal.height, seal.validator) for seal in info.participation.late_seals],
        ),
    )


def _record_evidence(context: Context, now: History, current: ValidatorSet) -> History:
    """Rule 11: recorded once, and its validator suspended. `current`: set of height + 1."""
    state, height = context.state, context.block.height
    for key, _ in list(state.iterate(EVIDENCE)):
        if int.from_bytes(key[:8], "big") + RETAINED_HEIGHTS < height:
            state.delete(EVIDENCE, key)
    for evidence in context.block.participation.evidence:
        key = evidence_key(evidence)
        expired = evidence.height + RETAINED_HEIGHTS < height
        if expired or state.get(EVIDENCE, key) is not None:
            continue
        state.put(EVIDENCE, key, height)
        offender = _named(state, evidence.height, evidence.validator)
        # By organisation: a new key does not wash the offence off.
        index = None if offender is None else seat_of(current, offender.organisation)
        if index is not None:
            now = participation.suspended(now, index, height)
            context.emit(
                "validators.suspended",
                organisation=current.validators[index].organisation,
                phase=int(evidence.phase),
                height=evidence.height,
                view=evidence.view,
            )
    return now


class ValidatorsModule:
    """StateModule of the validators, and the port through which the deciding module acts."""

    name: Final = "validators"
    handlers: Final[Mapping[MessageType, Handler]] = {PROBE: probe}

    @property
    def invariants(self) -> Mapping[str, Invariant]:
        """Participation matches the set, a quorum may propose, and the state knows whose turn it
        is."""
        return {"participation_matches_set": _check_participation}

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """section: {"validators": ValidatorSet, "observers": {node key: name}}, already parsed."""
        validators: ValidatorSet = section["validators"]
        n = len(validators)
        context.state.put(TIMELINE, ONE_ROW, (SetChange(0, validators),))
        context.state.put(
            HISTORY,
            ONE_ROW,
            participation.initial_history(
                n, participation.proposer_in_turn(context.block.proposer, range(n))
            ),
        )
        for node_key, name in section["observers"].items():
            context.state.put(OBSERVERS, node_key, name)

    def begin_block(self, context: Context) -> None:
        """Count what the block embeds (rules 9 and 11), and remember the parent's state root."""
        state, info = context.state, context.block
        current, coming = set_at(state, info.height), set_at(state, info.height + 1)
        before = history_of(state)
        ensure(
            before.height + 1 == info.height,
            f"participation is of height {before.height}, the block of {info.height}",
        )
        sources = None if coming is current else _sources(current, coming)
        now = participation.advance(before, _block_record(state, info, current), sources)
        state.put(HISTORY, ONE_ROW, _record_evidence(context, now, coming))
        parent = info.height - 1
        state.put(ROOTS, root_key(parent), (parent, info.parent_state_root))

    def end_block(self, context: Context) -> None:
        """Settle whose turn the next height is, once suspensions are final."""
        now = participation.with_next_turn(history_of(context.state), context.block.proposer)
        context.state.put(HISTORY, ONE_ROW, now)

    def next_deadline_ms(self, state: State) -> int | None:
        """None: nothing depends on time."""
        del state
        return None

    def add_validator(self, context: Context, validator: Validator) -> None:
        """Add a validator at height + 2; TransactionError when rule 10 refuses it."""
        current = set_at(context.state, context.block.height + 2)
        if len(current) == MAX_VALIDATORS:
            raise TransactionError(
                ErrorCode.LIMIT_EXCEEDED, f"there are {MAX_VALIDATORS} validators already"
            )
        proposed = proposed_set((*current.validators, validator))
        decide(context, proposed, validator.organisation)

    def remove_validator(self, context: Context, organisation: str) -> None:
        """Remove an organisation's validator at height + 2, unless rule 10 refuses it."""
        current = set_at(context.state, context.block.height + 2)
        index = _require_index(current, organisation)
        if len(current) == 1:
            raise TransactionError(ErrorCode.CONFLICT, "the last validator cannot be removed")
        rest = current.validators[:index] + current.validators[index + 1 :]
        decide(context, proposed_set(rest), organisation)

    def coming_seat(self, context: Context, public_key: bytes) -> Validator | None:
        """The seat of a consensus key in the set of height + 2."""
        coming = set_at(context.state, context.block.height + 2)
        index = coming.index_of(public_key)
        return None if index is None else coming.validators[index]

    def rotate_key(self, context: Context, validator: Validator) -> None:
        """Give an organisation's validator new keys at height + 2, unless rule 10 refuses it."""
        current = set_at(context.state, context.block.height + 2)
        index = _require_index(current, validator.organisation)
        seats = list(current.validators)
        seats[index] = validator
        decide(context, proposed_set(tuple(seats)), validator.organisation)

    def lift_suspension(self, context: Context, organisation: str) -> None:
        """Let a validator that was suspended for evidence propose again (rule 11)."""
        state = context.state
        index = _require_index(set_at(state, context.block.height + 1), organisation)
        record = history_of(state)
        if not record.members[index].suspended_at:
            raise TransactionError(ErrorCode.CONFLICT, f"{organisation} is not suspended")
        lifted = participation.suspended(record, index, 0)
        # A vote carries it out after end_block of this module has settled the next turn.
        now = participation.with_next_turn(lifted, context.block.proposer)
        state.put(HISTORY, ONE_ROW, now)
        context.emit("validators.suspension_lifted", organisation=organisation)

    def add_observer(self, context: Context, node_key: bytes, name: str) -> None:
        """Admit an observer's node key to the peer network."""
        if context.state.get(OBSERVERS, node_key) is not None:
            raise TransactionError(ErrorCode.CONFLICT, "node_key: already an observer's")
        if len(observers(context.state)) >= MAX_OBSERVERS:
            raise TransactionError(
                ErrorCode.LIMIT_EXCEEDED, f"there are {MAX_OBSERVERS} observers already"
            )
        context.state.put(OBSERVERS, node_key, name)
        context.emit("validators.observer_added", node_key=node_key, observer=name)

    def remove_observer(self, context: Context, node_key: bytes) -> None:
        """Admit an observer's node key no longer."""
        if context.state.get(OBSERVERS, node_key) is None:
            raise TransactionError(ErrorCode.NOT_FOUND, "node_key: no observer has it")
        context.state.delete(OBSERVERS, node_key)
        context.emit("validators.observer_removed", node_key=node_key)


def _require_index(validators: ValidatorSet, organisation: str) -> int:
    index = seat_of(validators, organisation)
    if index is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"{organisation!r} has no validator")
    return index


def _check_participation(state: State, info: BlockInfo) -> None:
    record, seats = history_of(state), set_at(state, info.height + 1)
    ensure(
        len(record.members) == len(seats) and record.height == info.height,
        f"participation of {len(record.members)} members at height {record.height}, "
        f"the set of {info.height + 1} has {len(seats)}",
    )
    eligible = participation.eligible(record)
    ensure(
        len(eligible) >= seats.quorum,
        f"fewer than {seats.quorum} validators may propose",
    )
    turn = participation.proposer_in_turn(info.proposer, eligible)
    ensure(
        record.next_turn == turn,
        f"validator {turn} has the next turn, the state names {record.next_turn}",
    )
