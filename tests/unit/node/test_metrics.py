"""Every series exists from the start with value 0, under the names that operators were promised."""

import timeit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.ports import RefusalReason
from consensus.transitions import Step
from ledger.primitives import UNIT
from node.meter import Part
from node.network.wire import FrameKind
from node.watch.economy_metrics import ROUND_STATES, WAITING_PHASES, ZoneState, zone_state
from node.watch.metrics import Metrics, Total

PROMISED = [
    "consensus_height",
    "consensus_rounds",
    "consensus_round_duration_seconds",
    "consensus_step_duration_seconds",
    "consensus_block_interval_seconds",
    "consensus_missing_validators",
    "consensus_byzantine_validators",
    "consensus_validator_last_signed_height",
    "consensus_validator_connected",
    "consensus_clock_offset_seconds",
    "consensus_quorum_margin",
    "consensus_view_changes",
    "mempool_size",
    "mempool_size_bytes",
    "mempool_rejected_txs",
    "p2p_peers",
    "p2p_send_queue_size",
    "sync_syncing",
    "snapshot_joining",
    "snapshot_gathered_items",
    "state_block_execution_seconds",
    "state_block_commit_seconds",
    "wal_sync_seconds",
    "store_size_bytes",
    "disk_size_bytes",
    "disk_free_bytes",
    "oracle_round_state",
    "oracle_round_age_seconds",
    "oracle_closed_rounds",
    "oracle_open_rounds",
    "oracle_oldest_open_round_age_seconds",
    "oracle_zones",
    "oracle_waiting_zones",
    "oracle_recognition_open",
    "oracle_land_index",
    "issuance_ceiling_tokens",
    "issuance_issued_tokens",
    "issuance_supply_tokens",
    "issuance_headroom_tokens",
    "issuance_outstanding_tokens",
    "issuance_coverage_bps",
    "governance_open_proposals",
    "governance_next_deadline_timestamp_seconds",
]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(["시청", "GIST"], ["월출동", "대촌동"], version="0.1.0")


def values(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name.removeprefix("poyong_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return values(metrics)[name, frozenset(labels.items())]


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_series_exists_from_the_start(metrics: Metrics, name: str) -> None:
    found = {key for key, _ in values(metrics)}
    assert {name, f"{name}_total", f"{name}_count"} & found


def test_all_start_at_zero(metrics: Metrics) -> None:
    constant = {"build_info", "consensus_validators"}
    started = {
        key: number
        for key, number in values(metrics).items()
        if number and key[0] not in constant and not key[0].startswith("process_")
    }
    assert started == {}
    assert value(metrics, "build_info", version="0.1.0") == 1
    assert value(metrics, "consensus_validators") == 2


def test_labels_are_there_before_the_first_event(metrics: Metrics) -> None:
    found = values(metrics)
    for step in Step:
        labels = frozenset({("step", step.value)})
        assert ("consensus_step_duration_seconds_count", labels) in found
    for reason in RefusalReason:
        assert ("mempool_rejected_txs_total", frozenset({("reason", reason.value)})) in found
    for part in Part:
        assert ("cpu_seconds_total", frozenset({("part", part.value)})) in found
    for kind in FrameKind:
        assert ("p2p_dropped_frames", frozenset({("kind", kind.name.lower())})) in found
    for state in ROUND_STATES:
        assert ("oracle_round_state", frozenset({("zone", "월출동"), ("state", state)})) in found
    for zones in ZoneState:
        assert ("oracle_zones", frozenset({("state", zones.value)})) in found
    for phase in WAITING_PHASES:
        assert ("oracle_waiting_zones", frozenset({("phase", phase)})) in found
    for index, organisation in enumerate(["시청", "GIST"]):
        labels = frozenset({("validator", str(index)), ("organisation", organisation)})
        assert ("consensus_validator_last_signed_height", labels) in found


def test_what_was_set_is_shown(metrics: Metrics) -> None:
    metrics.height.set(7)
    metrics.set_last_signed([7, 5])
    metrics.observe_step(Step.COMMITTING, 0.02)
    metrics.set_rejected({RefusalReason.NONCE_TOO_LOW: 1})
    metrics.set_rejected({RefusalReason.NONCE_TOO_LOW: 3})
    metrics.set_dropped_frames({FrameKind.CONSENSUS: 2})
    metrics.economy.set_round("월출동", "FINAL", 12.5)
    metrics.economy.set_issuance(ceiling=10 * UNIT, issued=4 * UNIT, supply=3 * UNIT)
    metrics.set_total(Total.P2P_SENT_BYTES, 1234)
    metrics.set_cpu({Part.VERIFY: 1_500_000_000})
    assert value(metrics, "cpu_seconds_total", part="verify") == 1.5
    assert value(metrics, "consensus_height") == 7
    labels = {"validator": "1", "organisation": "GIST"}
    assert value(metrics, "consensus_validator_last_signed_height", **labels) == 5
    assert value(metrics, "consensus_step_duration_seconds_count", step="committing") == 1
    assert value(metrics, "mempool_rejected_txs_total", reason="nonce_too_low") == 3
    assert value(metrics, "p2p_dropped_frames", kind="consensus") == 2
    assert value(metrics, "oracle_round_state", zone="월출동", state="FINAL") == 1
    assert value(metrics, "oracle_round_age_seconds", zone="월출동") == 12.5
    assert value(metrics, "issuance_headroom_tokens") == 6
    assert value(metrics, "p2p_message_send_bytes_total") == 1234


def test_a_zone_that_is_founded_later_gets_its_series_then(metrics: Metrics) -> None:
    metrics.economy.set_round("비아동", "FINAL", 1.0)
    assert ("oracle_round_age_seconds", frozenset({("zone", "비아동")})) not in values(metrics)
    metrics.economy.set_zones(["월출동", "비아동"])
    metrics.economy.set_round("비아동", "FINAL", 1.0)
    assert value(metrics, "oracle_round_age_seconds", zone="비아동") == 1.0


def test_a_round_is_in_one_state(metrics: Metrics) -> None:
    for state in ROUND_STATES:
        metrics.economy.set_round("대촌동", state, 0)
        found = values(metrics)
        shown = [
            other
            for other in ROUND_STATES
            if found["oracle_round_state", frozenset({("zone", "대촌동"), ("state", other)})]
        ]
        assert shown == [state]


def test_zones_are_counted_by_state_and_by_the_phase_that_they_wait_in(metrics: Metrics) -> None:
    metrics.economy.set_zone_states({ZoneState.STALE: 2, ZoneState.FINAL: 4})
    metrics.economy.set_waiting({"REVEAL": 3})
    assert value(metrics, "oracle_zones", state="STALE") == 2
    metrics.economy.set_zone_states({ZoneState.FINAL: 6})
    assert value(metrics, "oracle_zones", state="STALE") == 0
    assert value(metrics, "oracle_waiting_zones", phase="REVEAL") == 3
    assert value(metrics, "oracle_waiting_zones", phase="COMMIT") == 0
    assert WAITING_PHASES[0] == "COMMIT"
    assert "FINAL" not in WAITING_PHASES


def test_every_outcome_leaves_a_zone_in_one_of_four_states() -> None:
    assert {name: zone_state(name).value for name in ("FINAL", "STALE", "DISPUTED")} == {
        name: name for name in ("FINAL", "STALE", "DISPUTED")
    }
    for outcome in (None, "NO_VALUE", "DISPERSED", "VOID", "PROVISIONAL"):
        assert zone_state(outcome) is ZoneState.HELD


def test_coverage_is_shown_with_what_was_to_be_covered(metrics: Metrics) -> None:
    metrics.economy.set_coverage(2 * UNIT, 15_000)
    assert value(metrics, "issuance_coverage_bps") == 15_000
    assert value(metrics, "issuance_outstanding_tokens") == 2
    metrics.economy.set_coverage(0, None)
    assert value(metrics, "issuance_coverage_bps") == 0


def test_a_set_change_ends_the_series_of_who_left(metrics: Metrics) -> None:
    metrics.set_last_signed([7, 7])
    metrics.set_validators(["시청", "LH", "GIST"])
    metrics.set_last_signed([8, 0, 7])
    found = {
        dict(labels)["organisation"]: number
        for (name, labels), number in values(metrics).items()
        if name == "consensus_validator_last_signed_height"
    }
    assert found == {"시청": 8, "LH": 0, "GIST": 7}
    metrics.set_validators(["시청", "LH", "GIST"])
    assert value(metrics, "consensus_validators") == 3


def test_each_validator_is_shown_with_its_connection_and_its_clock(metrics: Metrics) -> None:
    gist = {"validator": "1", "organisation": "GIST"}
    metrics.set_connected([True, True])
    metrics.set_clock_offset(1, -4.5)
    metrics.set_clock_offset(2, 7.0)  # of a set that is not known here yet
    assert value(metrics, "consensus_validator_connected", **gist) == 1
    assert value(metrics, "consensus_clock_offset_seconds", **gist) == -4.5
    metrics.set_connected([True, False])
    assert value(metrics, "consensus_validator_connected", **gist) == 0
    metrics.set_validators(["시청"])
    offsets = [key for key in values(metrics) if key[0] == "consensus_clock_offset_seconds"]
    assert len(offsets) == 1


def test_figures_are_refreshed_for_each_answer(metrics: Metrics) -> None:
    calls = []

    def refresh() -> None:
        calls.append(1)
        metrics.peers.set(len(calls))

    metrics.on_scrape(refresh)
    assert value(metrics, "p2p_peers") == 1
    assert value(metrics, "p2p_peers") == 2


def test_two_nodes_in_one_process_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.height.set(5)
    assert value(other, "consensus_height") == 0


def test_an_update_on_the_hot_path_is_cheap(metrics: Metrics) -> None:
    """A hundred times the usual cost, so that only a change of kind fails."""
    seconds = timeit.timeit(lambda: metrics.wal_sync_seconds.observe(0.001), number=1_000)
    assert seconds / 1_000 < 100e-6
