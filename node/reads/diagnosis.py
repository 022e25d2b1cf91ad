"""Where a node stands beside its peers, and why no block comes, for operators."""

from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from api.ports import KeyRotation, StallCause, StallReport
from consensus.describe import Snapshot
from ledger.registry import ValidatorSet
from node.sync.peer_heads import UNHELD_REMEDY, Unheld

STALLED_MS: Final = 10_000
"""Promise of consensus.md rule 3: with work and a live quorum the next block comes within 10 s."""
LAG_BLOCKS: Final = 2
"""Peers may be so far ahead before this node counts as behind: a block on its way is no lag."""


class Seal(NamedTuple):
    """The newest block with a validator's seal; time_ms: of that block, Unix time, None when this
    node has removed it."""

    height: int
    time_ms: int | None


def target_height(head: int, snapshot: Snapshot, claims: Iterable[int], max_faulty: int) -> int:
    """The height that this node has to reach: `head` when it is there.

    A verified certificate counts at once. Of what validators claim, the highest height that at
    least one honest one names (f + 1 claims), once it is LAG_BLOCKS ahead.
    """
    highest = sorted(claims, reverse=True)
    claimed = highest[max_faulty] if len(highest) > max_faulty else 0
    if claimed < head + LAG_BLOCKS:
        claimed = 0
    return max(head, snapshot.behind_target or 0, claimed)


def why_stalled(
    replica: Snapshot,
    validators: ValidatorSet,
    connected: Collection[bytes],
    executable: int,
    since_commit_ms: int,
    head: int,
    target: int,
    signer_problem: str | None = None,
    *,
    now_ms: int,
    last_seal: Callable[[int], Seal | None],
    rotation: KeyRotation | None = None,
    unheld: Unheld | None = None,
) -> StallReport:
    """Findings, those that an operator can act on first; none when blocks come as they should.

    connected: node keys of connected peers. executable: transactions that could be in a block.
    head: height of the chain, which for a moment is ahead of what the replica has taken over.
    target: of target_height. signer_problem: why the signer outside this process does not sign.
    last_seal: of the validator at an index of the set, None without any. rotation: of this node's
    keys; one that it lacks is a reason why it does not vote. unheld: that no peer holds the next
    block.
    """
    gone = [
        index
        for index, validator in enumerate(validators.validators)
        if validator.node_key not in connected and index != replica.own_index
    ]

    def since(index: int) -> str:
        return _since(validators.validators[index].organisation, last_seal(index), now_ms)

    no_quorum = len(validators) - len(gone) < replica.quorum
    behind = target > head or unheld is not None
    overdue = (replica.has_work or executable > 0) and since_commit_ms >= STALLED_MS
    if not (no_quorum or behind or overdue):
        return StallReport(False, since_commit_ms, ())

    causes = _unreachable(replica, validators, gone, since, alone=not connected)
    if rotation is not None and rotation.stage == "missing":
        finding = "this node lacks a key that the chain names for it, and does not vote"
        causes.append(StallCause(finding, rotation.advice))
    if signer_problem is not None and replica.own_index is not None:
        causes.append(
            StallCause(
                f"this validator does not vote: {signer_problem}",
                "start the signer (`poyong signer run`) or mend the way to it; it is asked again "
                'by itself (docs/operating.md, "Keys outside the node")',
            )
        )
    if unheld is not None:
        causes.append(
            StallCause(
                f"block {unheld.wanted} is needed next and peers hold blocks from {unheld.lowest} "
                "on",
                UNHELD_REMEDY,
            )
        )
    elif behind:
        causes.append(
            StallCause(
                f"this node is at height {head}, others are at {target}: it is "
                "catching up and does not vote meanwhile",
                "wait; if its height does not move, compare the heights in `poyong peers`",
            )
        )
    else:
        causes += _voteless(replica, validators)
    causes += _silent(replica, validators, connected, since, now_ms)
    return StallReport(True, since_commit_ms, tuple(causes))


def _since(organisation: str, seal: Seal | None, now_ms: int) -> str:
    """Who is missing, and since when it has shown nothing on the chain."""
    if seal is None:
        return f"{organisation} (no seal yet)"
    if seal.time_ms is None:
        return f"{organisation} (last seal in height {seal.height}, which is removed here)"
    ago = duration(now_ms - seal.time_ms)
    return f"{organisation} (last seal in height {seal.height}, {ago} ago)"


def duration(spent_ms: int) -> str:
    """In the largest unit that there are two of; 0 s when clocks disagree."""
    seconds = max(0, spent_ms) // 1000
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _unreachable(
    replica: Snapshot,
    validators: ValidatorSet,
    missing: list[int],
    since: Callable[[int], str],
    *,
    alone: bool,
) -> list[StallCause]:
    if not missing:
        return []
    gone = ", ".join(since(index) for index in missing)
    names = ", ".join(validators.validators[index].organisation for index in missing)
    here = len(validators) - len(missing)
    if alone:
        return [
            StallCause(
                f"no peer is connected; a quorum is {replica.quorum} of {len(validators)} "
                f"validators: {gone}",
                "check network.peers in the configuration, whether this machine reaches those "
                "addresses and its own network.port is open, and `peer.unreachable` in the log",
            )
        ]
    if here < replica.quorum:
        return [
            StallCause(
                f"{here} of {len(validators)} validators are connected, {replica.quorum} are "
                f"needed; not connected: {gone}",
                f"start these nodes, or mend the network to them: {names}",
            )
        ]
    return [
        StallCause(
            f"not connected: {gone}; the remaining {here} are enough for a quorum",
            f"tell the operators of {names}",
        )
    ]


def _voteless(replica: Snapshot, validators: ValidatorSet) -> list[StallCause]:
    """Why this validator does not vote, when it is one."""
    reason = replica.no_vote_reason
    if reason is None or replica.own_index is None:
        return []
    proposer = validators.validators[replica.proposer].organisation
    if replica.signs_from is None or replica.height < replica.signs_from:
        remedy = 'nothing while blocks come; see docs/operating.md, "Database and vote record"'
    elif replica.clock_refused_ms is not None:
        remedy = (
            "set this machine's clock by NTP (`timedatectl`, `chronyc tracking`), and ask the "
            f"operator of {proposer}, the proposer, to do the same"
        )
    else:
        remedy = (
            "compare the versions of the nodes in `poyong status`, run `poyong doctor`, and ask "
            f"the operator of {proposer}, the proposer, to do the same"
        )
    return [StallCause(f"this validator does not vote: {reason}", remedy)]


def _silent(
    replica: Snapshot,
    validators: ValidatorSet,
    connected: Collection[bytes],
    since: Callable[[int], str],
    now_ms: int,
) -> list[StallCause]:
    silent = [
        since(index)
        for index in replica.missing
        if index < len(validators)
        and index != replica.own_index
        and validators.validators[index].node_key in connected
    ]
    if not silent:
        return []
    return [
        StallCause(
            f"height {replica.height}, view {replica.view}, step {replica.step} for "
            f"{duration(now_ms - replica.step_since_ms)}: nothing yet from " + ", ".join(silent),
            "ask their operators for `poyong why-stalled` and the log of their node",
        )
    ]
