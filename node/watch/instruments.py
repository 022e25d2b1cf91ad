"""Feeds the metrics: a little at each block, the rest when somebody scrapes."""

import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from governance.proposals.due import waiting
from governance.proposals.lifecycle import TAKING_VOTES
from governance.proposals.proposal_rows import progress_of
from ledger import accounts
from ledger.registry import MAX_VALIDATORS
from ledger.state import State
from ledger.validator_tables import find_set, recorded_evidence, set_at
from node.backups.last_backup import last_backup_ms
from node.modules import TOKEN
from node.reads.diagnosis import LAG_BLOCKS
from node.reads.governance_reads import decides
from node.replica.execution import AppliedBlock
from node.runtime import Runtime
from node.service import Service
from node.software import next_upgrade
from node.wall_clock import now_ms
from node.watch.economy_metrics import ROUND_OPEN, EconomyMetrics, zone_state
from node.watch.health import Readiness
from node.watch.metrics import Metrics, Total
from node.watch.step_watch import StepWatch
from tokenomics.issuance import views
from tokenomics.issuance.ceiling import coverage_bps
from tokenomics.issuance.derivation import issuance_round
from tokenomics.oracle import land_views
from tokenomics.oracle.appraisals import running
from tokenomics.oracle.rounds import has_land, open_rounds, schedule, town_round

MAX_PROPOSALS_LOOKED_AT: Final = 1_000
"""Open proposals that one scrape looks through for those that take votes."""


class Instruments:
    """Translates what the parts of a node know into series."""

    def __init__(
        self,
        metrics: Metrics,
        runtime: Runtime,
        service: Service,
        *,
        data: Path,
        min_block_interval_ms: int,
    ) -> None:
        """data: a folder on the file system of the database. min_block_interval_ms: of genesis."""
        self._data = data
        self._least_interval_ms = max(1, min_block_interval_ms)
        self._metrics = metrics
        self._runtime = runtime
        self._service = service
        self._watch = StepWatch(
            runtime.replica,
            time.perf_counter,
            metrics.observe_step,
            metrics.round_duration_seconds.observe,
        )
        metrics.set_cpu(runtime.meter.spent_ns)
        metrics.on_scrape(self.refresh)

    def on_event(self) -> None:
        """The replica has taken an event."""
        self._watch.look()

    def on_block(self, applied: AppliedBlock) -> None:
        """Count one committed block."""
        block, metrics = applied.block, self._metrics
        interval_ms = block.time_ms - applied.executed.info.parent_time_ms
        metrics.block_interval_seconds.observe(interval_ms / 1000)
        metrics.block_transactions.set(len(block.transactions))
        metrics.block_bytes.observe(len(block.encoded))
        metrics.transactions.inc(len(block.transactions))
        metrics.block_execution_seconds.observe(applied.execution_s)
        metrics.block_commit_seconds.observe(applied.commit_s)
        if applied.certified.certificate.view:
            metrics.view_changes.inc(applied.certified.certificate.view)
        metrics.missing_validators.set(
            len(set_at(applied.executed.state, block.height))
            - len(applied.certified.certificate.seals)
        )
        if tells_a_clock(applied, self._least_interval_ms) and not self._syncing():
            offset_ms = block.time_ms - now_ms()
            metrics.set_clock_offset(block.proposer, offset_ms / 1000)

    def _syncing(self) -> bool:
        return self._service.target_height() > self._runtime.chain.head.height

    def refresh(self) -> None:
        """Set what is read only when asked for."""
        runtime, metrics = self._runtime, self._metrics
        snapshot, head = runtime.replica.describe(), runtime.chain.head
        metrics.height.set(head.height)
        metrics.lowest_height.set(runtime.chain.blocks.lowest_height)
        metrics.head_time_seconds.set(head.time_ms / 1000)
        metrics.rounds.set(snapshot.view)
        metrics.signing.set(snapshot.no_vote_reason is None and runtime.signer_problem is None)
        metrics.vote_record_lost.set(runtime.chain.vote_record_lost)
        validators = self._service.validators(None)
        if validators is not None:
            metrics.set_validators([member.organisation for member in validators.members])
            metrics.set_last_signed([member.last_signed_height for member in validators.members])
            metrics.quorum_margin.set(self.connected_validators() - validators.quorum)
            own = snapshot.own_index
            seats = {peer.role.validator for peer in runtime.peers.peers()} | {own}
            metrics.set_connected([member.index in seats for member in validators.members])
        metrics.byzantine_validators.set(len(offenders(runtime.state, head.height)))
        metrics.mempool_transactions.set(len(runtime.mempool))
        metrics.mempool_bytes.set(runtime.mempool.bytes)
        metrics.set_rejected(runtime.ingest.rejected)
        metrics.peers.set(len(runtime.peers.peers()))
        metrics.send_queue_bytes.set(runtime.peers.queued_bytes)
        metrics.set_dropped_frames(runtime.peers.traffic().frames_dropped)
        metrics.state_rows.set(runtime.chain.commitment.row_count)
        metrics.store_bytes.set(runtime.chain.blocks.size_bytes())
        metrics.wal_bytes.set(runtime.vote_log.size_bytes())
        metrics.show_disk(self._data)
        metrics.last_backup_seconds.set((last_backup_ms(self._data) or 0) / 1000)
        target = self._service.target_height()
        metrics.syncing.set(target > head.height)
        metrics.sync_target_height.set(target)
        upgrade = next_upgrade(runtime.state)
        metrics.upgrade_height.set(0 if upgrade is None else upgrade.height)
        metrics.upgrade_ready.set(upgrade is None or upgrade.suffices)
        self._refresh_economy()
        for total, value in self._totals():
            metrics.set_total(total, value)

    def _refresh_economy(self) -> None:
        state, head_ms = self._runtime.state, self._runtime.chain.head.time_ms
        show_economy(self._metrics.economy, state, head_ms, self._runtime.genesis_time_ms)
        show_proposals(self._metrics.economy, state)

    def _totals(self) -> Sequence[tuple[Total, int]]:
        peers, gossip = self._runtime.peers, self._runtime.gossip.counters
        traffic, links = peers.traffic(), peers.counters
        return (
            (Total.P2P_SENT_BYTES, traffic.bytes_sent),
            (Total.P2P_RECEIVED_BYTES, traffic.bytes_received),
            (Total.P2P_REFUSED_CONNECTIONS, links.refused),
            (Total.P2P_CONNECTIONS, links.connected),
            (Total.P2P_DISCONNECTIONS, links.disconnected),
            (Total.P2P_BAD_FRAMES, links.bad_frames),
            (Total.P2P_BANS, links.bans),
            (Total.GOSSIP_SENT_TRANSACTIONS, gossip.transactions_sent),
            (Total.GOSSIP_RECEIVED_TRANSACTIONS, gossip.transactions_received),
            (Total.GOSSIP_BAD_TRANSACTIONS, self._runtime.ingest.bad_gossip),
            (Total.GOSSIP_DROPPED_TRANSACTIONS, self._runtime.ingest.dropped_gossip),
            (Total.SYNC_BLOCKS, self._runtime.synchroniser.blocks_applied),
        )

    def connected_validators(self) -> int:
        """Validators that this node can count on, itself included."""
        snapshot = self._runtime.replica.describe()
        own = 0 if snapshot.own_index is None else 1
        peers = self._runtime.peers.peers()
        return min(MAX_VALIDATORS, own + len({p.role.validator for p in peers} - {None}))

    def readiness(self) -> Readiness:
        """Synced, and a quorum connected. Whether this node votes is no matter of readiness: it
        serves wallets all the same."""
        if not self._runtime.accepts:
            return Readiness(False, "draining: it takes no transactions and stops voting")
        head, target = self._runtime.chain.head.height, self._service.target_height()
        unheld = self._runtime.synchroniser.unheld()
        if unheld is not None:
            return Readiness(False, unheld.sentence)
        if target >= head + LAG_BLOCKS:
            return Readiness(False, f"catching up: at height {head} of {target}")
        here, needed = self.connected_validators(), self._runtime.replica.describe().quorum
        if here < needed:
            return Readiness(False, f"{here} validators connected, a quorum is {needed}")
        problem = self._runtime.signer_problem
        note = "" if problem is None else f"does not vote: {problem}"
        return Readiness(True, f"height {head}", note)


def show_economy(metrics: EconomyMetrics, state: State, head_ms: int, genesis_time_ms: int) -> None:
    """Set the series of land and issuance by the state of the head, whose block time is head_ms."""
    summary = views.summary(state, TOKEN)
    metrics.land_index.set(summary["land_index"])
    metrics.rounds_final.set(summary["rounds_final"])
    metrics.set_issuance(
        ceiling=int(summary["ceiling"]),
        issued=int(summary["issued"]),
        supply=accounts.supply(state),
    )
    settled = issuance_round(state, summary["rounds_closed"])
    if settled is not None:
        covered = coverage_bps(settled.cover, settled.outstanding)
        metrics.set_coverage(settled.outstanding, covered)
    zones = land_views.zone_list(state)
    metrics.set_zones(zone["zone"] for zone in zones)
    for zone in zones:
        final = town_round(state, zone["final_round"])
        since_ms = genesis_time_ms if final is None else final.closed_ms
        outcome = zone["last_outcome"] or ROUND_OPEN
        metrics.set_round(zone["zone"], outcome, max(0, head_ms - since_ms) / 1000)
    metrics.set_zone_states(Counter(zone_state(zone["last_outcome"]) for zone in zones))
    metrics.set_waiting(Counter(appraisal.phase.name for _, _, appraisal in running(state)))
    now, open_now = schedule(state), list(open_rounds(state))
    oldest_ms = open_now[0].opened_ms if open_now else head_ms
    metrics.closed_rounds.set(now.closed)
    metrics.open_rounds.set(len(open_now))
    metrics.oldest_open_round_age_seconds.set(max(0, head_ms - oldest_ms) / 1000)
    last = town_round(state, now.closed)
    metrics.recognition_open.set(has_land(state) if last is None else last.recognition_open)


def show_proposals(metrics: EconomyMetrics, state: State) -> None:
    """Set how many proposals take votes, and when the first of these votes ends."""
    ends_ms: list[int] = []
    if decides(state):
        ends_ms = [
            due_ms
            for due_ms, number in islice(waiting(state), MAX_PROPOSALS_LOOKED_AT)
            if progress_of(state, number).status in TAKING_VOTES
        ]
    metrics.open_proposals.set(len(ends_ms))
    metrics.next_proposal_deadline_seconds.set(ends_ms[0] / 1000 if ends_ms else 0)


def tells_a_clock(applied: AppliedBlock, least_interval_ms: int) -> bool:
    """Whether the time of a block is what its proposer's clock said just now: not when a later
    view took the proposal over, nor when it was the earliest time that the parent allows."""
    interval_ms = applied.block.time_ms - applied.executed.info.parent_time_ms
    return applied.certified.certificate.view == 0 and interval_ms > least_interval_ms


def offenders(state: State, height: int) -> frozenset[str]:
    """Organisations with a validator at `height` + 1 against which evidence is on record that has
    not expired (consensus.md rule 11). state: that of `height`."""
    members = {member.organisation for member in set_at(state, height + 1).validators}
    named = set()
    for _, when, _, index in recorded_evidence(state):
        then = find_set(state, when)
        if then is not None and index < len(then):
            named.add(then.validators[index].organisation)
    return frozenset(named & members)
