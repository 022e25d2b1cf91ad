"""A replica from its log: the same votes are sent again, never others (rule 1)."""

from collections.abc import Iterable

from consensus.authentication import Authenticator, Verify
from consensus.chain import Chain, FinishedHeight
from consensus.core import Core, ReplicaConfig, own_seat
from consensus.events import BlockApplied
from consensus.height import HeightState
from consensus.messages import CertifiedBlock
from consensus.pacemaker import Pacemaker
from consensus.safety import VoteGuard
from consensus.transitions import Step
from consensus.wal_records import PreparedRecord, Record, ViewChangeRecord
from ledger.errors import ensure
from ledger.registry import Phase


def recover(
    config: ReplicaConfig,
    head: BlockApplied,
    recent: Iterable[FinishedHeight],
    head_block: CertifiedBlock | None,
    records: Iterable[Record],
    verify: Verify,
) -> Core:
    """State of a replica whose store has applied `head` and whose log holds `records`."""
    chain = Chain(head)
    for fact in sorted(recent, key=lambda fact: fact.height):
        is_head = head_block is not None and fact.height == head.height
        block = head_block.proposal if is_head and head_block is not None else None
        chain.finish(fact, block)
    known = chain.fact(head.height)
    ensure(
        head.height == 0 or (known is not None and known.block_hash == head.block_hash),
        f"`recent` ends with the certificate of the applied head {head.height}",
    )
    own = own_seat(head.validators, config.own_keys)
    # A single validator has nobody to contradict, and nobody who could show it a head.
    lost = config.vote_record_lost and len(head.validators) > 1
    core = Core(
        config=config,
        own_keys=config.own_keys,
        chain=chain,
        authenticator=Authenticator(config.domain, verify),
        guard=VoteGuard(head.height + 1, own, None if lost else config.signs_from),
        pacemaker=Pacemaker(config.base_timeout_ms, config.lowest_cap_ms, config.highest_cap_ms),
        height=HeightState(head, 0),
    )
    for record in records:
        core.later_records.setdefault(record_height(record), []).append(record)
    replay(core)
    return core


def record_height(record: Record) -> int:
    """The height that a record belongs to."""
    match record:
        case PreparedRecord():
            return record.certificate.height
        case ViewChangeRecord():
            return record.vote.height
        case _:
            return record.height


def records_to_replay(core: Core) -> list[Record]:
    """Records of the running height; those of finished ones are of no more use."""
    height = core.height.height
    for old in [h for h in core.later_records if h < height]:
        del core.later_records[old]
    return core.later_records.pop(height, [])


def replay(core: Core) -> None:
    """Bring guard and height state to where the log says that they were."""
    records = records_to_replay(core)
    if not records:
        return
    state, guard = core.height, core.guard
    state.blocks.update(guard.restore(records))
    state.verdicts.update(dict.fromkeys(state.blocks, True))
    state.prepared = guard.prepared
    state.work = True
    state.view = guard.floor
    state.justification = guard.justification(state.view)
    state.entered = state.view == 0 or state.justification is not None
    if not state.entered:
        state.step = Step.CHANGING_VIEW
    elif guard.signed(Phase.COMMIT, state.view) is not None:
        state.step = Step.COMMITTING
    elif guard.signed(Phase.PREPARE, state.view) is not None:
        state.step = Step.PREPARING
    else:
        state.step = Step.AWAITING
