"""Rules taken out one at a time, to show that the simulator notices (and how soon).

`python -m tests.simulation.mutations` tries all of them and says which seed found each. The rules
that random faults find once in a million have scripted tests instead (tests/scenarios/consensus).
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch
from zlib import crc32

import consensus.certificate
import consensus.chain
import consensus.finality
import consensus.height
import consensus.proposing
import consensus.replica
import consensus.safety
import consensus.sync
import consensus.view_change
import consensus.viewing
import ledger.registry
import ledger.set_changes
import ledger.validator_tables
import node.replica.effects
import node.replica.execution
import node.store.block_store
import node.store.removing
import node.sync.peer_heads
import node.votes.wal
import node.votes.wal_format
from consensus import wal_records
from consensus.events import Verdict
from ledger.errors import LocalError
from tests.simulation.changing import size_of
from tests.simulation.run import Outcome, run_seed


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rule taken out: what it replaces, the n to try, and within how many seeds it is found.

    rare: it takes minutes; only the command tries it (a scripted test names the case). changes: try
    seeds in which the validator set changes, each with its own n. first: the seed to begin with,
    where those before it notice nothing and take long. disk: kinds of faults of disks that each of
    the seeds has; None: those of its own. pruning: likewise, whether nodes remove old blocks;
    drains: whether validators are drained.
    """

    name: str
    targets: tuple[tuple[Any, str, object], ...]
    n: int = 4
    seeds: int = 200
    rare: bool = False
    changes: bool = False
    first: int = 0
    disk: tuple[str, ...] | None = None
    pruning: bool | None = None
    drains: bool | None = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The rule is out in here."""
        with ExitStack() as stack:
            for target, attribute, instead in self.targets:
                stack.enter_context(patch.object(target, attribute, instead))
            yield

    def hunt(self) -> Outcome | None:
        """The first seed that fails without the rule."""
        with self.applied():
            for seed in range(self.first, self.first + self.seeds):
                outcome = self.run(seed)
                if outcome.reason is not None:
                    return outcome
        return None

    def run(self, seed: int) -> Outcome:
        """One of the seeds that are tried."""
        n = size_of(seed) if self.changes else self.n
        return run_seed(
            seed,
            n,
            changes=self.changes,
            disk=self.disk,
            pruning=self.pruning,
            drains=self.drains,
        )


def _send_before_sync(self: Any, effects: Any, peer: bytes | None = None) -> None:
    records, effects.records = effects.records, []
    _PERFORM(self, effects, peer)
    effects.records = records
    if records:
        self._vote_log.append([wal_records.encode(record) for record in records])


def _commit_unsynced(self: Any, batch: Any) -> Any:
    store = self._store
    with patch.object(self, "_store", _Unsynced(store)):
        return _COMMIT(self, batch)


class _Unsynced:
    """A store that never syncs."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def write(self, batch: Any, *, sync: bool) -> None:
        """As if sync were False."""
        del sync
        self._store.write(batch, sync=False)


def _decided_for_the_next(since: int, validators: Any) -> Any:
    return _SET_CHANGE(since - 1, validators)


def _sign_on(self: Any, height: int, validator: int | None) -> None:
    _NEXT_HEIGHT(self, height, self.validator if validator is None else validator)


def _rows_with_certificate(self: Any, block: bytes, header: Any, raws: Any) -> Any:
    rows = _ROWS_OF(self, block, header, raws)
    certificate = b"C" + header.height.to_bytes(8, "big")
    return rows if certificate in dict(rows) else [*rows, (certificate, 0)]


class _ForgetfulOfFailure(node.votes.wal.WriteAheadLog):
    """A vote record that goes on after a sync that failed: the next one will do."""

    def append(self, records: list[bytes]) -> None:
        """As if nothing had happened."""
        with suppress(LocalError):
            super().append(records)
        self._failed = False


def _rewrite_nothing(files: Any, marker: Any) -> Any:
    read_only: Any = _ReadOnly(files)
    return _RECOVER(read_only, marker)


class _ReadOnly:
    """Files that recovery cannot write."""

    def __init__(self, files: Any) -> None:
        self.path, self.read = files.path, files.read

    def write(self, slot: int, offset: int, data: bytes) -> None:
        """Nothing is written."""


def _without_checksum(data: bytes, offset: int, seed: int) -> Any:
    """Whatever starts like a frame is one."""
    header = data[offset : offset + node.votes.wal_format._FRAME_HEADER.size]
    if header[:4] != node.votes.wal_format._FRAME_MAGIC:
        return None
    *fields, length, _ = node.votes.wal_format._FRAME_HEADER.unpack(header)
    start = offset + node.votes.wal_format._FRAME_HEADER_BYTES
    body = data[start : start + length]
    mended = node.votes.wal_format._FRAME_HEADER.pack(*fields, length, crc32(body, seed))
    mended += node.votes.wal_format._CRC.pack(crc32(mended, seed)) + body
    page = bytes(data[:offset]) + mended + data[start + length :]
    return _COPY_AT(page, offset, seed)


def _first_copies(data: bytes, seed: int) -> Any:
    """As if each frame were written once."""
    return [frame for frame in node.votes.wal_format.scan(data, seed) if 0 in frame.intact]


_RECOVER: Final = node.votes.wal._recover
_COPY_AT: Final = node.votes.wal_format._copy_at
_NEXT_HEIGHT: Final = consensus.safety.VoteGuard.next_height
_SET_CHANGE: Final = ledger.validator_tables.SetChange
_PERFORM: Final = node.replica.effects.ReplicaDriver.perform
_COMMIT: Final = node.store.block_store.BlockStore.commit
_ROWS_OF: Final = node.store.removing.OldBlocks._rows_of


def _nothing(*_: object, **__: object) -> None:
    return None


def _true(*_: object) -> bool:
    return True


def _restore_nothing(self: Any, records: Any) -> dict[Any, Any]:
    del self, records
    return {}


MUTATIONS: Final = (
    Mutation(
        "quorum of 2f + 1 when n = 6",
        ((ledger.registry, "quorum", lambda n: 2 * ((n - 1) // 3) + 1),),
        n=6,
    ),
    Mutation(
        "the highest claim does not bind the proposer",
        (
            (consensus.proposing, "must_propose", _nothing),
            (consensus.viewing, "must_propose", _nothing),
            (consensus.viewing, "require_proposed", _nothing),
        ),
    ),
    Mutation(
        "seals of different views add up",
        ((consensus.certificate, "adds_up_with", lambda vote: (0, vote.block_hash)),),
    ),
    Mutation(
        "sent before durable",
        ((node.replica.effects.ReplicaDriver, "perform", _send_before_sync),),
    ),
    Mutation(
        "prepared certificates are not verified",
        ((consensus.view_change, "require_prepared", _nothing),),
        seeds=2_000,
        rare=True,
    ),
    Mutation("votes below the asked view", ((consensus.safety, "never_back", _true),)),
    Mutation(
        "votes are not restored after a crash",
        ((consensus.safety.VoteGuard, "restore", _restore_nothing),),
    ),
    Mutation(
        "commit certificates from peers are not verified",
        ((consensus.finality, "require_certificate", _nothing),),
    ),
    Mutation(
        "the commit batch is not synced",
        ((node.store.block_store.BlockStore, "commit", _commit_unsynced),),
    ),
    Mutation(
        "blocks are not executed before voting",
        ((node.replica.execution.Chain, "check", lambda self, proposal: Verdict.VALID),),
    ),
    Mutation(
        "a view's timer never runs",
        ((consensus.viewing, "may_start_timer", lambda core: False),),
    ),
    Mutation(
        "sent before durable, on slow disks",
        ((node.replica.effects.ReplicaDriver, "perform", _send_before_sync),),
        disk=("slow",),
    ),
    Mutation(
        "a vote record goes on after a sync that failed",
        ((node.votes.wal, "WriteAheadLog", _ForgetfulOfFailure),),
        disk=("failing",),
    ),
    Mutation(
        "a record in memory is believed after a sync that failed",
        ((node.votes.wal, "_recover", _rewrite_nothing),),
        disk=("failing",),
    ),
    Mutation(
        "frames of the vote record are believed without their checksum",
        ((node.votes.wal_format, "_copy_at", _without_checksum),),
        disk=("torn", "reordered"),
    ),
    Mutation(
        "the second copy of a frame of the vote record is not read",
        ((node.votes.wal, "scan", _first_copies),),
        disk=("misread",),
        first=100,
        seeds=50,
    ),
    Mutation(
        "the commit batch is not synced, on disks that lose the end of a log",
        ((node.store.block_store.BlockStore, "commit", _commit_unsynced),),
        disk=("torn",),
    ),
    Mutation(
        "certificates are checked with the newest set",
        (
            (
                consensus.height.HeightState,
                "validators",
                property(lambda self: self.parent.validators_next),
            ),
        ),
        changes=True,
    ),
    Mutation(
        "the parent's certificate is checked with the set of the running height",
        ((consensus.chain.Chain, "validators_at", lambda self, height: self.head.validators),),
        changes=True,
    ),
    Mutation(
        "a change of the set is in force at h + 1",
        ((ledger.set_changes, "SetChange", _decided_for_the_next),),
        changes=True,
    ),
    Mutation(
        "a change of the set needs nobody who lives",
        ((ledger.set_changes, "_live_members", lambda state, height, proposed: len(proposed)),),
        changes=True,
        first=15,
    ),
    Mutation(
        "a key signs on when its rotation is in force",
        ((consensus.safety.VoteGuard, "next_height", _sign_on),),
        changes=True,
        first=5,
    ),
    Mutation(
        "light clients are not told of changes of the set",
        ((node.replica.execution, "set_change", lambda parent, block, state: b""),),
        changes=True,
    ),
    Mutation(
        "the certificate of a change of the set goes with its block",
        ((node.store.removing.OldBlocks, "_rows_of", _rows_with_certificate),),
        changes=True,
        pruning=True,
    ),
    Mutation(
        "who lacks a block is asked for it again",
        (
            (consensus.sync.RangePlanner, "peer_holds_from", _nothing),
            (node.sync.peer_heads.PeerHeads, "holds_from", _nothing),
        ),
        pruning=True,
    ),
    Mutation(
        "a drained validator signs on",
        ((consensus.replica.Replica, "sit_out", _nothing),),
        n=7,
        drains=True,
    ),
)


def main() -> int:
    """Try all mutations; 1 when one stays unnoticed."""
    unnoticed = 0
    for mutation in MUTATIONS:
        found = mutation.hunt()
        if found is None:
            unnoticed += 1
            print(f"UNNOTICED in {mutation.seeds} seeds: {mutation.name}")
        else:
            print(f"seed {found.seed:4} n={found.n}: {mutation.name}: {found.reason}"[:160])
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
