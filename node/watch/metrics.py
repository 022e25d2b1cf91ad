"""Prometheus series of a node (interfaces.md, "Operators").

Names follow CometBFT's where one exists, with the prefix poyong_. Every series exists with value 0
from the start, with a child for each known validator, zone, step, reason and frame kind, so that a
dashboard shows "nothing yet" as zero and not as a gap. Children are looked up once: on the hot path
an update costs under a microsecond, a few times a block and never once a transaction.

Most figures are read when they are asked for: hand `on_scrape` a function that sets them. What
other parts count as plain integers enters by `set_total`.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from api.ports import RefusalReason
from consensus.transitions import Step
from node.meter import Part
from node.network.wire import FrameKind
from node.watch.economy_metrics import PREFIX, EconomyMetrics

# A creation time beside each counter and histogram: no one asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped

_FINE_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0)
_STEP_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 4.0, 16.0)
_BLOCK_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BLOCK_BYTES: Final = (1e3, 1e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2e6, 4e6)


class Total(StrEnum):
    """Counters that other parts keep as plain integers; the value is the name without prefix."""

    P2P_SENT_BYTES = "p2p_message_send_bytes"
    P2P_RECEIVED_BYTES = "p2p_message_receive_bytes"
    P2P_REFUSED_CONNECTIONS = "p2p_refused_connections"
    P2P_CONNECTIONS = "p2p_connections"
    P2P_DISCONNECTIONS = "p2p_disconnections"
    P2P_BAD_FRAMES = "p2p_bad_frames"
    P2P_BANS = "p2p_bans"
    GOSSIP_SENT_TRANSACTIONS = "gossip_sent_txs"
    GOSSIP_RECEIVED_TRANSACTIONS = "gossip_received_txs"
    GOSSIP_BAD_TRANSACTIONS = "gossip_bad_txs"
    GOSSIP_DROPPED_TRANSACTIONS = "gossip_dropped_txs"
    SYNC_BLOCKS = "sync_blocks"


_TOTAL_HELP: Final[Mapping[Total, str]] = {
    Total.P2P_SENT_BYTES: "Bytes sent to peers.",
    Total.P2P_RECEIVED_BYTES: "Bytes received from peers.",
    Total.P2P_REFUSED_CONNECTIONS: "Inbound connections refused at the handshake or greeting.",
    Total.P2P_CONNECTIONS: "Connections made, in and out.",
    Total.P2P_DISCONNECTIONS: "Connections ended.",
    Total.P2P_BAD_FRAMES: "Frames that were refused.",
    Total.P2P_BANS: "Peers banned for a while.",
    Total.GOSSIP_SENT_TRANSACTIONS: "Transactions sent to peers.",
    Total.GOSSIP_RECEIVED_TRANSACTIONS: "Transactions received from peers.",
    Total.GOSSIP_BAD_TRANSACTIONS: "Transactions of peers that were forged or undecodable.",
    Total.GOSSIP_DROPPED_TRANSACTIONS: "Transactions of peers that were dropped unverified.",
    Total.SYNC_BLOCKS: "Blocks applied by catching up instead of by voting.",
}


class _Totals(Collector):
    """Counters whose values are set, since they are counted elsewhere."""

    def __init__(self) -> None:
        self.values = dict.fromkeys(Total, 0)

    def collect(self) -> Iterator[CounterMetricFamily]:
        for total, value in self.values.items():
            yield CounterMetricFamily(PREFIX + total, _TOTAL_HELP[total], value)


class _CpuSeconds(Collector):
    """CPU time of the node's thread, which node.meter counts."""

    def __init__(self) -> None:
        self.spent_ns: Mapping[Part, int] = dict.fromkeys(Part, 0)

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            PREFIX + "cpu_seconds", "CPU time of the node's thread.", labels=["part"]
        )
        for part, spent_ns in self.spent_ns.items():
            family.add_metric([part], spent_ns / 1e9)
        yield family


class Metrics:
    """All series of one node, on a registry of its own; `economy` has those of land and issuance.

    validators: organisations by index of the current set. zones: names of the land zones.
    """

    def __init__(
        self,
        validators: Sequence[str] = (),
        zones: Iterable[str] = (),
        *,
        version: str = "unknown",
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        Info(PREFIX + "build", "Release that runs.", registry=self.registry).info(
            {"version": version}
        )
        self._totals = _Totals()
        self.registry.register(self._totals)
        self._cpu = _CpuSeconds()
        self.registry.register(self._cpu)
        self._refresh: list[Callable[[], None]] = []
        self._consensus()
        self._storage()
        self._network()
        self._joining()
        self.economy = EconomyMetrics(self.registry, zones)
        self.set_validators(validators)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(PREFIX + name, meaning, registry=self.registry)

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(PREFIX + name, meaning, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(PREFIX + name, meaning, buckets=buckets, registry=self.registry)

    def _consensus(self) -> None:
        gauge, histogram = self._gauge, self._histogram
        self.height = gauge("consensus_height", "Last committed height.")
        self.lowest_height = gauge(
            "store_lowest_height", "Lowest block that this node holds, 1 when it has removed none."
        )
        self.state_rows = gauge(
            "state_rows", "Rows of the state; a node's memory and its snapshots grow with them."
        )
        self.rounds = gauge("consensus_rounds", "View of the running height.")
        self.head_time_seconds = gauge(
            "consensus_head_timestamp_seconds", "Block time of the last committed block, Unix time."
        )
        self.round_duration_seconds = histogram(
            "consensus_round_duration_seconds", "Time in one view.", _BLOCK_SECONDS
        )
        steps = Histogram(
            PREFIX + "consensus_step_duration_seconds",
            "Time in one step of a view.",
            ["step"],
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )
        self._steps = {step: steps.labels(step.value) for step in Step}
        self.block_interval_seconds = histogram(
            "consensus_block_interval_seconds", "Block time since the parent's.", _BLOCK_SECONDS
        )
        self.block_transactions = gauge("consensus_num_txs", "Transactions in the last block.")
        self.block_bytes = histogram(
            "consensus_block_size_bytes", "Encoded size of blocks.", _BLOCK_BYTES
        )
        self.transactions = self._counter("consensus_total_txs", "Transactions finalised.")
        self.view_changes = self._counter(
            "consensus_view_changes", "Views entered after a failed one."
        )
        self.validators = gauge("consensus_validators", "Validators in the current set.")
        self.missing_validators = gauge(
            "consensus_missing_validators", "Validators without a seal in the last certificate."
        )
        self.byzantine_validators = gauge(
            "consensus_byzantine_validators", "Validators of the set with evidence against them."
        )
        self.quorum_margin = gauge(
            "consensus_quorum_margin",
            "Validators connected (with this one) beyond the quorum; below 0 no block can come.",
        )
        self.signing = gauge("consensus_signing", "1 while this node votes.")
        self.vote_record_lost = gauge(
            "consensus_vote_record_lost", "1 while votes wait because the vote record was lost."
        )
        self.upgrade_height = gauge(
            "upgrade_height", "Height of the next scheduled upgrade; 0 without one."
        )
        self.upgrade_ready = gauge(
            "upgrade_ready", "1 while this release goes on at the next upgrade, or none is planned."
        )
        self._last_signed = Gauge(
            PREFIX + "consensus_validator_last_signed_height",
            "Last height with an embedded seal of this validator.",
            ["validator", "organisation"],
            registry=self.registry,
        )
        self._last_signed_children: list[Gauge] = []
        self._connected = Gauge(
            PREFIX + "consensus_validator_connected",
            "1 while this node is connected with this validator, or is it.",
            ["validator", "organisation"],
            registry=self.registry,
        )
        self._connected_children: list[Gauge] = []
        self._clock_offset = Gauge(
            PREFIX + "consensus_clock_offset_seconds",
            "Time of this validator's newest block less the own clock when it was final.",
            ["validator", "organisation"],
            registry=self.registry,
        )
        self._clock_offset_children: list[Gauge] = []
        self._validators: tuple[str, ...] = ()

    def _storage(self) -> None:
        self.block_execution_seconds = self._histogram(
            "state_block_execution_seconds", "Executing one block.", _STEP_SECONDS
        )
        self.block_commit_seconds = self._histogram(
            "state_block_commit_seconds", "Writing one block, synced.", _STEP_SECONDS
        )
        self.wal_sync_seconds = self._histogram(
            "wal_sync_seconds", "Making one step's vote records durable.", _FINE_SECONDS
        )
        self.wal_bytes = self._gauge("wal_size_bytes", "Vote record on disk.")
        self.store_bytes = self._gauge("store_size_bytes", "Database on disk.")
        self.disk_bytes = self._gauge(
            "disk_size_bytes", "Size of the file system that the database is on."
        )
        self.disk_free_bytes = self._gauge(
            "disk_free_bytes", "What of it is free for the user that runs the node."
        )
        self.last_backup_seconds = self._gauge(
            "last_backup_timestamp_seconds", "When a backup was last proved (Unix); 0: never."
        )
        self.mempool_transactions = self._gauge("mempool_size", "Transactions that wait.")
        self.mempool_bytes = self._gauge("mempool_size_bytes", "Bytes of those.")
        rejected = Counter(
            PREFIX + "mempool_rejected_txs",
            "Transactions that were not admitted.",
            ["reason"],
            registry=self.registry,
        )
        self._rejected = {reason: rejected.labels(reason.value) for reason in RefusalReason}
        self._rejected_before = dict.fromkeys(RefusalReason, 0)

    def _network(self) -> None:
        self.peers = self._gauge("p2p_peers", "Connected peers.")
        self.send_queue_bytes = self._gauge(
            "p2p_send_queue_size", "Bytes that wait to be sent, of all peers."
        )
        dropped = Gauge(
            PREFIX + "p2p_dropped_frames",
            "Frames that a full queue did not take, since start.",
            ["kind"],
            registry=self.registry,
        )
        self._dropped = {kind: dropped.labels(kind.name.lower()) for kind in FrameKind}
        self.syncing = self._gauge("sync_syncing", "1 while this node catches up.")
        self.sync_target_height = self._gauge(
            "sync_target_height", "Highest certified height heard of."
        )

    def _joining(self) -> None:
        gauge = self._gauge
        self.joining = gauge(
            "snapshot_joining", "1 while this node has no chain yet and begins with a snapshot."
        )
        self.snapshot_height = gauge(
            "snapshot_height", "Block of the snapshot with which it begins; 0 before one is chosen."
        )
        self.snapshot_items = gauge(
            "snapshot_items", "Items of that snapshot: blocks, and parts of the state."
        )
        self.snapshot_items_gathered = gauge(
            "snapshot_gathered_items", "Items of it that are here, checked."
        )
        self.snapshot_bytes_gathered = gauge("snapshot_gathered_bytes", "Bytes of those.")
        self.snapshot_items_installed = gauge(
            "snapshot_installed_items", "Items of it that are in the database."
        )

    def set_validators(self, organisations: Sequence[str]) -> None:
        """The current set by index; series of those who left end, new ones start at 0."""
        if tuple(organisations) == self._validators:
            return
        self._validators = tuple(organisations)
        self._last_signed_children = self._by_validator(self._last_signed)
        self._connected_children = self._by_validator(self._connected)
        self._clock_offset_children = self._by_validator(self._clock_offset)
        self.validators.set(len(organisations))

    def _by_validator(self, family: Gauge) -> list[Gauge]:
        family.clear()
        return [
            family.labels(str(index), organisation)
            for index, organisation in enumerate(self._validators)
        ]

    def set_last_signed(self, heights: Sequence[int]) -> None:
        """Last height with an embedded seal, by index of the set."""
        for child, height in zip(self._last_signed_children, heights, strict=True):
            child.set(height)

    def set_connected(self, connected: Sequence[bool]) -> None:
        """Whether this node is connected with each validator, by index of the set."""
        for child, here in zip(self._connected_children, connected, strict=True):
            child.set(here)

    def set_clock_offset(self, index: int, seconds: float) -> None:
        """How far the clock of the validator at `index` is ahead of the own one; an index of a
        set that set_validators has not heard of yet is left out."""
        if index < len(self._clock_offset_children):
            self._clock_offset_children[index].set(seconds)

    def observe_step(self, step: Step, seconds: float) -> None:
        """Time that was spent in a step."""
        self._steps[step].observe(seconds)

    def set_rejected(self, totals: Mapping[RefusalReason, int]) -> None:
        """Transactions that were not admitted, totals since start."""
        for reason, total in totals.items():
            self._rejected[reason].inc(total - self._rejected_before[reason])
            self._rejected_before[reason] = total

    def set_cpu(self, spent_ns: Mapping[Part, int]) -> None:
        """CPU time by part since start, in nanoseconds; a live mapping is read at each scrape."""
        self._cpu.spent_ns = spent_ns

    def show_disk(self, folder: Path) -> None:
        """Size and room of the file system that the data folder is on, or will be."""
        there = next(each for each in (folder, *folder.parents) if each.exists())
        disk = shutil.disk_usage(there)
        self.disk_bytes.set(disk.total)
        self.disk_free_bytes.set(disk.free)

    def set_dropped_frames(self, dropped: Mapping[FrameKind, int]) -> None:
        """Frames that full send queues refused, totals since start."""
        for kind, count in dropped.items():
            self._dropped[kind].set(count)

    def set_total(self, total: Total, value: int) -> None:
        """Total since start of something that another part counts."""
        self._totals.values[total] = value

    def on_scrape(self, refresh: Callable[[], None]) -> Callable[[], None]:
        """Call `refresh` before each answer, to set what is read only when asked for, until the
        function that is returned is called."""
        self._refresh.append(refresh)
        return lambda: self._refresh.remove(refresh)

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        for refresh in self._refresh:
            refresh()
        return generate_latest(self.registry)
