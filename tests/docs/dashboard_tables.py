"""What Grafana's dashboards show: tables from which tests/docs/dashboards.py writes them."""

from dataclasses import dataclass
from typing import Final

INSTANCE: Final = "$instance"
RATE_INTERVAL: Final = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    """expression: NODES stands for the selector of the nodes that are chosen. legend: Grafana's."""

    expression: str
    legend: str

    @property
    def promql(self) -> str:
        """The expression as Grafana gets it, with its variables."""
        return self.expression.replace("NODES", f'job="poyong",instance=~"{INSTANCE}"')


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph over time, or with `now` the newest figures. unit: Grafana's name of it."""

    title: str
    meaning: str
    queries: tuple[Query, ...]
    unit: str = "short"
    now: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One file; panels fill rows of `across` from left to right."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    across: int = 3


def _each(metric: str, by: str = "") -> Query:
    """The series of a metric: one a node, or one for each of its labels `by`."""
    legend = f"{{{{instance}}}} {{{{{by}}}}}" if by else "{{instance}}"
    return Query(f"poyong_{metric}{{NODES}}", legend)


def _rate(metric: str, legend: str = "{{instance}}") -> Query:
    return Query(f"rate({metric}{{NODES}}[{RATE_INTERVAL}])", legend)


def _quantiles(metric: str, by: str = "instance") -> tuple[Query, ...]:
    return tuple(
        Query(
            f"histogram_quantile({share}, sum by (le, {by}) "
            f"(rate(poyong_{metric}_bucket{{NODES}}[{RATE_INTERVAL}])))",
            f"{{{{{by}}}}} {percent} %",
        )
        for share, percent in ((0.5, 50), (0.99, 99))
    )


CHAIN: Final = Dashboard(
    "chain",
    "Poyong: chain",
    (
        Panel(
            "Age of the last block",
            "An idle chain makes a block every 30 s.",
            (Query("time() - poyong_consensus_head_timestamp_seconds{NODES}", "{{instance}}"),),
            "s",
            now=True,
        ),
        Panel(
            "Validators to spare",
            "Connected beyond the quorum; at 0 one more failure stops the chain.",
            (_each("consensus_quorum_margin"),),
            now=True,
        ),
        Panel("Height", "Last committed height.", (_each("consensus_height"),), now=True),
        Panel(
            "Connected validators",
            "1 while the node is connected with the validator, or is it.",
            (_each("consensus_validator_connected", "organisation"),),
        ),
        Panel(
            "Heights since the last seal",
            "By how much each validator's newest seal is behind.",
            (
                Query(
                    "poyong_consensus_height{NODES} - on (instance) group_right () "
                    "poyong_consensus_validator_last_signed_height{NODES}",
                    "{{instance}} {{organisation}}",
                ),
            ),
        ),
        Panel(
            "Clocks",
            "Each validator's clock less the own one, as its newest block tells.",
            (_each("consensus_clock_offset_seconds", "organisation"),),
            "s",
        ),
        Panel(
            "Time between blocks",
            "By block time.",
            _quantiles("consensus_block_interval_seconds"),
            "s",
        ),
        Panel(
            "Steps of a view",
            "Where the time of a block goes, 99 of a hundred, all nodes.",
            _quantiles("consensus_step_duration_seconds", "step"),
            "s",
        ),
        Panel(
            "Failed views",
            "In ten minutes.",
            (Query("increase(poyong_consensus_view_changes_total{NODES}[10m])", "{{instance}}"),),
        ),
        Panel(
            "Transactions a second",
            "Finalised.",
            (_rate("poyong_consensus_total_txs_total"),),
        ),
        Panel("Waiting transactions", "In the mempool.", (_each("mempool_size"),)),
        Panel(
            "Refused transactions",
            "A second, by reason.",
            (
                Query(
                    "sum by (reason) "
                    f"(rate(poyong_mempool_rejected_txs_total{{NODES}}[{RATE_INTERVAL}]))",
                    "{{reason}}",
                ),
            ),
        ),
        Panel(
            "Evidence",
            "Validators of the set with evidence against them.",
            (_each("consensus_byzantine_validators"),),
            now=True,
        ),
        Panel(
            "Height of the next upgrade",
            "0 without one.",
            (_each("upgrade_height"),),
            now=True,
        ),
        Panel(
            "Votes",
            "1 while the node votes; observers do not.",
            (_each("consensus_signing"),),
            now=True,
        ),
    ),
)
NODE: Final = Dashboard(
    "node",
    "Poyong: nodes",
    (
        Panel(
            "Free disk",
            "Of the file system of the database.",
            (_each("disk_free_bytes"),),
            "bytes",
        ),
        Panel(
            "Database and vote record",
            "On disk.",
            (
                Query("poyong_store_size_bytes{NODES}", "{{instance}} database"),
                Query("poyong_wal_size_bytes{NODES}", "{{instance}} vote record"),
            ),
            "bytes",
        ),
        Panel(
            "Making votes durable",
            "A vote is synced before it is sent.",
            _quantiles("wal_sync_seconds"),
            "s",
        ),
        Panel(
            "Executing a block",
            "Each block of the chain.",
            _quantiles("state_block_execution_seconds"),
            "s",
        ),
        Panel("Writing a block", "Synced.", _quantiles("state_block_commit_seconds"), "s"),
        Panel(
            "CPU of the node's thread",
            "Seconds a second, by part.",
            (
                Query(
                    f"sum by (part) (rate(poyong_cpu_seconds_total{{NODES}}[{RATE_INTERVAL}]))",
                    "{{part}}",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Memory",
            "Resident, of the process.",
            (Query("process_resident_memory_bytes{NODES}", "{{instance}}"),),
            "bytes",
        ),
        Panel(
            "Open files",
            "Share of what the process may open.",
            (
                Query(
                    "process_open_fds{NODES} / process_max_fds{NODES}",
                    "{{instance}}",
                ),
            ),
            "percentunit",
        ),
        Panel("Peers", "Connected.", (_each("p2p_peers"),)),
        Panel(
            "Traffic between nodes",
            "Bytes a second.",
            (
                _rate("poyong_p2p_message_send_bytes_total", "{{instance}} sent"),
                _rate("poyong_p2p_message_receive_bytes_total", "{{instance}} received"),
            ),
            "Bps",
        ),
        Panel(
            "Waiting to be sent",
            "Bytes in the queues of all peers.",
            (_each("p2p_send_queue_size"),),
            "bytes",
        ),
        Panel(
            "Frames dropped",
            "That a full queue did not take, a second.",
            (
                Query(
                    f"sum by (kind) (rate(poyong_p2p_dropped_frames{{NODES}}[{RATE_INTERVAL}]))",
                    "{{kind}}",
                ),
            ),
        ),
        Panel(
            "Catching up",
            "Blocks behind the highest certified height.",
            (
                Query(
                    "clamp_min(poyong_sync_target_height{NODES} - "
                    "poyong_consensus_height{NODES}, 0)",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            "Releases",
            "Which version runs where.",
            (Query("poyong_build_info{NODES}", "{{instance}} {{version}}"),),
            now=True,
        ),
        Panel(
            "Age of the last backup",
            "Since one was proved; some 50 years where none ever was.",
            (Query("time() - poyong_last_backup_timestamp_seconds{NODES}", "{{instance}}"),),
            "s",
            now=True,
        ),
        Panel(
            "Blocks held",
            "Fewer than the height where old ones are removed, or the node began with a snapshot.",
            (
                Query(
                    "poyong_consensus_height{NODES} + 1 - poyong_store_lowest_height{NODES}",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            "Rows of the state",
            "A node's memory and its snapshots grow with them.",
            (Query("poyong_state_rows{NODES}", "{{instance}}"),),
        ),
        Panel(
            "Up since",
            "Seconds.",
            (Query("time() - process_start_time_seconds{NODES}", "{{instance}}"),),
            "s",
            now=True,
        ),
    ),
)


def _town(metric: str, legend: str = "", by: str = "") -> Query:
    """What all nodes agree on, once: the figure of the one that came furthest."""
    grouping = f" by ({by})" if by else ""
    shown = legend or (f"{{{{{by}}}}}" if by else metric)
    return Query(f"max{grouping} (poyong_{metric}{{NODES}})", shown)


TOWN: Final = Dashboard(
    "town",
    "Poyong: town",
    (
        Panel(
            "Ceiling and issued",
            "Tokens; issued never passes the ceiling.",
            (
                _town("issuance_ceiling_tokens", "ceiling"),
                _town("issuance_issued_tokens", "issued"),
                _town("issuance_supply_tokens", "supply"),
            ),
        ),
        Panel(
            "Left under the ceiling",
            "Tokens.",
            (_town("issuance_headroom_tokens", "headroom"),),
        ),
        Panel(
            "Coverage",
            "What land is worth now over what was outstanding before the last mint.",
            (
                Query("max(poyong_issuance_coverage_bps{NODES}) / 10000", "coverage"),
                _town("issuance_outstanding_tokens", "outstanding, tokens"),
            ),
        ),
        Panel(
            "Land index",
            "100000 is the base.",
            (_town("oracle_land_index", "land index"),),
        ),
        Panel(
            "Zones by state",
            "How the last closed round left their value.",
            (_town("oracle_zones", by="state"),),
        ),
        Panel(
            "Zones that wait",
            "Appraisals that are not at an end, by phase.",
            (_town("oracle_waiting_zones", by="phase"),),
        ),
        Panel(
            "Age of each zone's value",
            "Block time since the last FINAL one; over 550 days it is STALE.",
            (_town("oracle_round_age_seconds", by="zone"),),
            "s",
        ),
        Panel(
            "Rounds",
            "Town rounds so far.",
            (
                _town("oracle_closed_rounds", "closed"),
                _town("oracle_rounds_final", "with every zone FINAL"),
                _town("oracle_open_rounds", "open"),
            ),
        ),
        Panel(
            "Age of the oldest open round",
            "A quarter and all phases take 175.25 days.",
            (_town("oracle_oldest_open_round_age_seconds", "age"),),
            "s",
        ),
        Panel(
            "Recognition",
            "1 unless the ratio gate of the last closed round holds it back.",
            (_town("oracle_recognition_open", "open"),),
            now=True,
        ),
        Panel(
            "Open votes",
            "Proposals that take votes.",
            (_town("governance_open_proposals", "proposals"),),
            now=True,
        ),
        Panel(
            "The next vote ends",
            "1970 without one.",
            (
                Query(
                    "max(poyong_governance_next_deadline_timestamp_seconds{NODES}) * 1000",
                    "end of the vote",
                ),
            ),
            "dateTimeAsIso",
            now=True,
        ),
    ),
)
DASHBOARDS: Final = (CHAIN, NODE, TOWN)
