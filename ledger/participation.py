"""Who takes part in consensus, as far as blocks embed it, and who is skipped as proposer (rule 9).

Pure values and functions. Certificates differ from node to node; only what blocks embed counts.
Indices are those of the set of History.height + 1. Rule numbers are consensus.md's.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from ledger import codec
from ledger.errors import ensure
from ledger.registry import MAX_VALIDATORS, MAX_VIEW, max_faulty, quorum

MAX_REPEATS: Final = 6
"""Largest j: a failed turn skips its validator for n * 2^j heights."""
GONE: Final = MAX_VALIDATORS
"""Index of a proposer that has left the set since."""
_EVERYONE: Final = 2**MAX_VALIDATORS - 1


class Member(msgspec.Struct, frozen=True):
    """What counts for or against one validator of the set.

    active_since: first height of its membership. last_embedded: last height whose block embedded
    a seal of it (active_since - 1 before the first). skip_until: last height at which it is
    skipped for failed turns, 0 for never. repeats: j of its next failed turn. suspended_at: height
    that recorded evidence against it, 0 when not suspended.
    """

    active_since: int
    last_embedded: int
    skip_until: int = 0
    repeats: int = 0
    suspended_at: int = 0


class BlockRecord(msgspec.Struct, frozen=True):
    """What one block embedded: bit masks of the validators whose seals it carries.

    proposer: who first proposed the block, or GONE. view: of the parent's certificate. sealed: in
    that certificate. late: seals of earlier heights.
    """

    proposer: int
    view: int
    sealed: int
    late: int

    def embeds(self, validator: int) -> bool:
        """True when the block carries a seal of `validator`."""
        return bool((self.sealed | self.late) >> validator & 1)


class History(msgspec.Struct, frozen=True):
    """State after the block of `height`.

    members: by index. blocks: the last heights, oldest first, enough for a set that grows by one.
    turn: who was to propose `height` in view 0, or GONE; next_turn: likewise for height + 1.
    """

    height: int
    members: tuple[Member, ...]
    blocks: tuple[BlockRecord, ...]
    turn: int
    next_turn: int

    def window(self) -> tuple[BlockRecord, ...]:
        """The blocks of the last 2n heights."""
        return self.blocks[-2 * len(self.members) :]


class Source(msgspec.Struct, frozen=True):
    """Where a seat of a new set comes from: its index in the old set, and whether with its key."""

    index: int
    same_key: bool


def initial_history(n: int, first_proposer: int) -> History:
    """After genesis: nobody has sealed anything, and nobody is skipped."""
    return History(
        height=0,
        members=tuple(Member(active_since=1, last_embedded=0) for _ in range(n)),
        blocks=(),
        turn=GONE,
        next_turn=first_proposer,
    )


def proposer_in_turn(parent_proposer: int, eligible: Sequence[int]) -> int:
    """Proposer of view 0: the next eligible index after the parent's proposer (rule 9)."""
    ensure(eligible, "some validator is always eligible")
    return next((index for index in eligible if index > parent_proposer), eligible[0])


def advance(
    history: History, block: BlockRecord, sources: Sequence[Source | None] | None = None
) -> History:
    """History after one more block, whose indices are those of the set of its height.

    sources: for each seat of the next height's set where it comes from (None: new), given when
    that set is another. next_turn is open until with_next_turn, at the end of the block.
    """
    height = history.height + 1
    n = len(history.members)
    failed = history.turn if block.view > 0 else GONE
    members = tuple(
        _advance_member(member, height, n, block.embeds(index), index == failed)
        for index, member in enumerate(history.members)
    )
    blocks = (*history.blocks, block)[-2 * (n + 1) :]
    after = History(height, members, blocks, history.next_turn, GONE)
    return after if sources is None else _realigned(after, sources)


def with_next_turn(history: History, parent_proposer: int) -> History:
    """The history once all that the block decides is known: who proposes the next height.

    parent_proposer keeps its index even when the set changes: consensus counts so too.
    """
    next_turn = proposer_in_turn(parent_proposer, eligible(history))
    return msgspec.structs.replace(history, next_turn=next_turn)


def _advance_member(member: Member, height: int, n: int, embedded: bool, failed: bool) -> Member:
    last_embedded = height if embedded else member.last_embedded
    skip_until, repeats = member.skip_until, member.repeats
    if failed:
        # The list of height + 1 is the first to leave it out, for n * 2^j heights.
        skip_until = height + n * 2**repeats
        repeats = min(repeats + 1, MAX_REPEATS)
    elif height > skip_until + 2 * n:
        # 2n heights in which it had its turns, counted from the end of the last skip, and the
        # certificates of all of them are embedded by now.
        repeats = 0
    if (last_embedded, skip_until, repeats) == (
        member.last_embedded,
        member.skip_until,
        member.repeats,
    ):
        return member
    return Member(member.active_since, last_embedded, skip_until, repeats, member.suspended_at)


def _realigned(history: History, sources: Sequence[Source | None]) -> History:
    """The same history by the indices of another set; a new key starts without seals."""
    new_index = {source.index: new for new, source in enumerate(sources) if source is not None}
    kept_bits = [
        (source.index, new)
        for new, source in enumerate(sources)
        if source is not None and source.same_key
    ]

    def moved(mask: int) -> int:
        return sum(1 << new for old, new in kept_bits if mask >> old & 1)

    members = []
    for source in sources:
        if source is None:
            members.append(Member(history.height + 1, history.height))
            continue
        member = history.members[source.index]
        if not source.same_key:
            member = msgspec.structs.replace(
                member, active_since=history.height + 1, last_embedded=history.height
            )
        members.append(member)
    return History(
        height=history.height,
        members=tuple(members),
        blocks=tuple(
            BlockRecord(
                new_index.get(block.proposer, GONE),
                block.view,
                moved(block.sealed),
                moved(block.late),
            )
            for block in history.blocks
        ),
        turn=new_index.get(history.turn, GONE),
        next_turn=GONE,
    )


def is_missing(history: History, validator: int) -> bool:
    """Rule 9 (ii): fewer than f+1 distinct proposers embedded a seal of it in the last 2n
    heights, counted once it has been active for 2n heights."""
    n = len(history.members)
    if history.height - history.members[validator].active_since + 1 < 2 * n:
        return False
    embedders = {
        block.proposer
        for block in history.window()
        if block.proposer != GONE and block.embeds(validator)
    }
    return len(embedders) < max_faulty(n) + 1


def eligible(history: History) -> tuple[int, ...]:
    """Indices that propose in turn at height + 1, ascending; never empty (rule 9).

    At most n - quorum(n) are left out: the suspended first, then the longest-missing, ties by
    index.
    """
    members = history.members
    n = len(members)
    candidates = [
        index
        for index, member in enumerate(members)
        if member.suspended_at or member.skip_until > history.height or is_missing(history, index)
    ]
    candidates.sort(
        key=lambda index: (not members[index].suspended_at, members[index].last_embedded, index)
    )
    skipped = set(candidates[: n - quorum(n)])
    return tuple(index for index in range(n) if index not in skipped)


def has_recent_seal(history: History, validator: int) -> bool:
    """A seal of it is embedded in the last 2n heights (rule 10's liveness condition)."""
    return any(block.embeds(validator) for block in history.window())


def suspended(history: History, validator: int, height: int) -> History:
    """The history with one validator suspended as of `height`, or, with 0, no longer."""
    members = list(history.members)
    members[validator] = msgspec.structs.replace(members[validator], suspended_at=height)
    return msgspec.structs.replace(history, members=tuple(members))


def encode_history(history: History) -> bytes:
    """[height, turn, next_turn, [member fields, ...], [block fields, ...]]."""
    return codec.encode(
        (
            history.height,
            history.turn,
            history.next_turn,
            [
                (m.active_since, m.last_embedded, m.skip_until, m.repeats, m.suspended_at)
                for m in history.members
            ],
            [(b.proposer, b.view, b.sealed, b.late) for b in history.blocks],
        )
    )


def decode_history(raw: bytes) -> History:
    """Inverse of encode_history; DecodeError for anything else."""
    height, turn, next_turn, members, blocks = codec.as_array(codec.decode(raw), "history", 5)
    return History(
        height=codec.as_uint(height, "history.height"),
        turn=codec.as_uint(turn, "history.turn", GONE),
        next_turn=codec.as_uint(next_turn, "history.next_turn", GONE),
        members=tuple(
            Member(*(codec.as_uint(field, "member") for field in codec.as_array(item, "member", 5)))
            for item in codec.as_list(members, "history.members", MAX_VALIDATORS)
        ),
        blocks=tuple(
            _block_from_wire(item)
            for item in codec.as_list(blocks, "history.blocks", 2 * (MAX_VALIDATORS + 1))
        ),
    )


def _block_from_wire(value: object) -> BlockRecord:
    proposer, view, sealed, late = codec.as_array(value, "history.block", 4)
    return BlockRecord(
        codec.as_uint(proposer, "history.block.proposer", GONE),
        codec.as_uint(view, "history.block.view", MAX_VIEW),
        codec.as_uint(sealed, "history.block.sealed", _EVERYONE),
        codec.as_uint(late, "history.block.late", _EVERYONE),
    )
