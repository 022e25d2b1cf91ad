"""Why no block comes, from what the replica, the peers and the mempool say."""

from collections.abc import Collection
from typing import Final

from api.ports import StallCause, StallReport
from consensus.describe import Snapshot
from ledger.registry import ValidatorSet

STALLED_MS: Final = 10_000
"""Promise of consensus.md rule 3: with work and a live quorum the next block comes within 10 s."""


def why_stalled(
    replica: Snapshot,
    validators: ValidatorSet,
    connected: Collection[bytes],
    executable: int,
    since_commit_ms: int,
) -> StallReport:
    """Findings in order of likelihood; none when blocks come as they should.

    connected: node keys of connected peers. executable: transactions that could be in a block.
    """
    has_work = replica.has_work or executable > 0
    if not has_work and replica.behind_target is None:
        return StallReport(False, since_commit_ms, ())
    if since_commit_ms < STALLED_MS and replica.behind_target is None:
        return StallReport(False, since_commit_ms, ())
    causes: list[StallCause] = []
    if replica.behind_target is not None:
        causes.append(
            StallCause(
                f"this node is at height {replica.height - 1}, height {replica.behind_target} is "
                "certified: it is catching up and does not vote meanwhile",
                "wait; if the height does not move, look at `poyong peers`",
            )
        )
    elif replica.no_vote_reason is not None and replica.own_index is not None:
        causes.append(
            StallCause(
                f"this validator does not vote: {replica.no_vote_reason}",
                "see docs/operating.md, section on lost vote records",
            )
        )
    causes.extend(_unreachable(replica, validators, connected))
    causes.extend(_silent(replica, validators, connected))
    return StallReport(bool(causes) or has_work, since_commit_ms, tuple(causes))


def _unreachable(
    replica: Snapshot, validators: ValidatorSet, connected: Collection[bytes]
) -> list[StallCause]:
    gone = [
        validator
        for index, validator in enumerate(validators.validators)
        if validator.node_key not in connected and index != replica.own_index
    ]
    if not gone:
        return []
    names = ", ".join(validator.organisation for validator in gone)
    here = len(validators) - len(gone)
    if here < replica.quorum:
        return [
            StallCause(
                f"{here} of {len(validators)} validators are connected, {replica.quorum} are "
                f"needed; not connected: {names}",
                f"start these nodes, or mend the network to them: {names}",
            )
        ]
    return [
        StallCause(
            f"not connected: {names}; the remaining {here} are enough for a quorum",
            f"tell the operators of {names}",
        )
    ]


def _silent(
    replica: Snapshot, validators: ValidatorSet, connected: Collection[bytes]
) -> list[StallCause]:
    silent = [
        validators.validators[index].organisation
        for index in replica.missing
        if index < len(validators)
        and index != replica.own_index
        and validators.validators[index].node_key in connected
    ]
    if not silent:
        return []
    return [
        StallCause(
            f"height {replica.height}, view {replica.view}, step {replica.step}: nothing yet from "
            + ", ".join(silent),
            "ask their operators for `poyong why-stalled` and the log of their node",
        )
    ]
