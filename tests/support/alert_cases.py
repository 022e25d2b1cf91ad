"""For each alert a node that it is about and nodes that it is not about, as series of promtool.

All nodes of a case are watched at once. `before` is a moment at which no node may raise the alert
yet, `after` one at which the ill node has raised it and the others still have not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Series = Mapping[str, str]
"""Values by series, in promtool's notation; job and instance are added."""


@dataclass(frozen=True, slots=True)
class Case:
    """labels: of the alert, beside job, instance and severity. value: as the summary shows it."""

    alert: str
    ill: Series
    well: tuple[Series, ...]
    before: str
    after: str
    labels: Mapping[str, str] = field(default_factory=dict)
    interval: str = "10s"
    value: str = ""


def _offsets(*values: str) -> dict[str, str]:
    return {
        f'poyong_consensus_clock_offset_seconds{{validator="{index}",organisation="o{index}"}}': (
            f"{value}x60"
        )
        for index, value in enumerate(values)
    }


_OWN_CLOCK_OFF: Final = _offsets("0", "-4", "-4.2", "-3.9")
_ONE_CLOCK_OFF: Final = _offsets("0", "-0.2", "4", "-0.1")
_CLOCKS_AGREE: Final = _offsets("0", "-0.2", "2.9", "-0.1")
_SEAT: Final = 'validator="2",organisation="GIST"'
_GIST: Final = {"validator": "2", "organisation": "GIST"}


def _blocks(head: str, syncing: str) -> Series:
    return {
        "poyong_consensus_head_timestamp_seconds": head,
        "poyong_sync_syncing": syncing,
    }


def _silent(signed: str, height: str) -> Series:
    return {
        f"poyong_consensus_validator_last_signed_height{{{_SEAT}}}": signed,
        "poyong_consensus_height": height,
    }


def _syncs(within_25_ms: str) -> Series:
    name = "poyong_wal_sync_seconds_bucket"
    return {
        f'{name}{{le="0.025"}}': within_25_ms,
        f'{name}{{le="0.1"}}': "0+10x120",
        f'{name}{{le="+Inf"}}': "0+10x120",
    }


def _disk(free: str, size: str) -> Series:
    return {"poyong_disk_free_bytes": free, "poyong_disk_size_bytes": size}


def _files(opened: str) -> Series:
    return {"process_open_fds": opened, "process_max_fds": "1000x60"}


def _gate(opened: str, closed_rounds: str) -> Series:
    return {
        "poyong_oracle_recognition_open": opened,
        "poyong_oracle_closed_rounds": closed_rounds,
    }


def _covered(bps: str, outstanding: str) -> Series:
    return {
        "poyong_issuance_coverage_bps": bps,
        "poyong_issuance_outstanding_tokens": outstanding,
    }


def _ceiling(headroom: str, outstanding: str) -> Series:
    return {
        "poyong_issuance_headroom_tokens": headroom,
        "poyong_issuance_ceiling_tokens": "100x110",
        "poyong_issuance_outstanding_tokens": outstanding,
    }


def _upgrade(ready: str, height: str) -> Series:
    return {"poyong_upgrade_ready": ready, "poyong_upgrade_height": height}


_CHAIN: Final = (
    Case("PoyongNodeDown", {"up": "1x6 0x30"}, ({"up": "1x36"},), "1m", "3m"),
    Case(
        "PoyongRestarts",
        {"process_start_time_seconds": "1x10 2x10 3x10 4x30"},
        ({"process_start_time_seconds": "1x10 2x10 3x40"},),
        "5m",
        "8m",
    ),
    Case(
        "PoyongNoBlocks",
        _blocks("0x60", "0x60"),
        (_blocks("0x60", "1x60"), _blocks("0+10x60", "0x60")),
        "2m",
        "5m",
    ),
    Case(
        "PoyongQuorumLost",
        {"poyong_consensus_quorum_margin": "0x10 -1x30"},
        ({"poyong_consensus_quorum_margin": "0x40"},),
        "1m40s",
        "4m",
    ),
    Case(
        "PoyongNoSpareValidator",
        {"poyong_consensus_quorum_margin": "1x6 0x60"},
        tuple({"poyong_consensus_quorum_margin": f"{margin}x66"} for margin in (-1, 1)),
        "5m",
        "8m",
    ),
    Case(
        "PoyongContradiction",
        {"poyong_consensus_byzantine_validators": "0x6 1x30"},
        ({"poyong_consensus_byzantine_validators": "0x36"},),
        "1m",
        "2m",
    ),
    Case(
        "PoyongNotVoting",
        {'poyong_consensus_signing{role="validator"}': "1x6 0x60"},
        (
            {'poyong_consensus_signing{role="observer"}': "0x66"},
            {'poyong_consensus_signing{role="validator"}': "1x6 0x10 1x50"},
        ),
        "5m",
        "8m",
        {"role": "validator"},
    ),
    Case(
        "PoyongValidatorMissing",
        {f'poyong_consensus_validator_connected{{role="validator",{_SEAT}}}': "1x6 0x60"},
        (
            {f'poyong_consensus_validator_connected{{role="observer",{_SEAT}}}': "0x66"},
            {f'poyong_consensus_validator_connected{{role="validator",{_SEAT}}}': "1x6 0x10 1x50"},
        ),
        "5m",
        "8m",
        {"role": "validator", **_GIST},
    ),
    Case("PoyongClockOff", _OWN_CLOCK_OFF, (_ONE_CLOCK_OFF, _CLOCKS_AGREE), "4m50s", "6m"),
    Case(
        "PoyongValidatorClockOff",
        _ONE_CLOCK_OFF,
        (_OWN_CLOCK_OFF, _CLOCKS_AGREE),
        "4m50s",
        "6m",
        {"validator": "2", "organisation": "o2"},
    ),
    Case(
        "PoyongValidatorSilent",
        _silent("10x60", "60+1x60"),
        (_silent("10x60", "60x60"), _silent("98+1x60", "100+1x60")),
        "5m",
        "6m",
        _GIST,
    ),
    Case(
        "PoyongViewsFail",
        {"poyong_consensus_view_changes_total": "0x12 1+1x48"},
        ({"poyong_consensus_view_changes_total": "0x12 1+1x10 11x38"},),
        "4m",
        "9m",
    ),
)
_NODE: Final = (
    Case(
        "PoyongPeerLost",
        {"poyong_p2p_peers": "4x10 3x60"},
        ({"poyong_p2p_peers": "3x10 4x60"}, {"poyong_p2p_peers": "4x10 3x20 4x40"}),
        "6m",
        "8m",
    ),
    Case(
        "PoyongCatchingUp",
        {"poyong_sync_syncing": "1x30"},
        ({"poyong_sync_syncing": "1x10 0x20"},),
        "14m",
        "17m",
        interval="1m",
    ),
    Case("PoyongSlowDisk", _syncs("0+1x120"), (_syncs("0+10x120"),), "9m", "15m"),
    Case(
        "PoyongDiskLow",
        _disk("6000000000x6 5000000000x60", "100000000000x66"),
        (_disk("6000000000x66", "100000000000x66"),),
        "5m",
        "8m",
    ),
    Case(
        "PoyongDiskLow",
        _disk("51000000000x6 49000000000x60", "1000000000000x66"),
        (_disk("51000000000x66", "1000000000000x66"),),
        "5m",
        "8m",
    ),
    Case(
        "PoyongDiskFillsUp",
        _disk("100000000000-100000000x100", "200000000000x100"),
        (_disk("100000000000-1000000x100", "200000000000x100"),),
        "1h",
        "2h",
        interval="5m",
    ),
    Case(
        "PoyongBackupOld",
        {"poyong_last_backup_timestamp_seconds": "1x60"},
        (
            {"poyong_last_backup_timestamp_seconds": "0x60"},
            {"poyong_last_backup_timestamp_seconds": "1x30 100000x30"},
        ),
        "48h",
        "49h",
        interval="1h",
    ),
    Case(
        "PoyongNoBackup",
        {'poyong_last_backup_timestamp_seconds{role="validator"}': "0x400"},
        (
            {'poyong_last_backup_timestamp_seconds{role="observer"}': "0x400"},
            {'poyong_last_backup_timestamp_seconds{role="validator"}': "0x300 72000x100"},
        ),
        "23h",
        "25h",
        {"role": "validator"},
        interval="4m",
    ),
    Case("PoyongOpenFiles", _files("700x6 900x54"), (_files("800x60"),), "5m", "8m"),
    Case(
        "PoyongMempoolFillsUp",
        {"poyong_mempool_size": "30000x6 40001x60"},
        ({"poyong_mempool_size": "40000x66"},),
        "5m",
        "8m",
    ),
    Case(
        "PoyongUpgradeNotReady",
        _upgrade("1x5 0x10", "0x5 200000x10"),
        (_upgrade("1x15", "0x5 200000x10"), _upgrade("0x15", "0x15")),
        "10m",
        "13m",
        interval="1m",
    ),
)
_TOWN: Final = (
    Case(
        "PoyongZoneWithoutValue",
        {'poyong_oracle_round_age_seconds{zone="월출동"}': "17279950+10x60"},
        ({'poyong_oracle_round_age_seconds{zone="월출동"}': "17000000+10x60"},),
        "50s",
        "2m",
        {"zone": "월출동"},
    ),
    Case(
        "PoyongZoneStale",
        {
            'poyong_oracle_zones{state="STALE"}': "0x20 2x40",
            'poyong_oracle_zones{state="HELD"}': "4x60",
        },
        ({'poyong_oracle_zones{state="STALE"}': "0x60"},),
        "3m",
        "5m",
        {"state": "STALE"},
        value="2",
    ),
    Case(
        "PoyongOracleRoundOverdue",
        {"poyong_oracle_oldest_open_round_age_seconds": "15206300+10x60"},
        (
            {"poyong_oracle_oldest_open_round_age_seconds": "11700000+10x60"},
            {"poyong_oracle_oldest_open_round_age_seconds": "0x60"},
        ),
        "1m",
        "5m",
    ),
    Case(
        "PoyongRecognitionHeld",
        _gate("1x20 0x40", "12x60"),
        (_gate("0x60", "0x60"), _gate("1x60", "12x60")),
        "3m",
        "5m",
    ),
    Case(
        "PoyongCoverageBelowOne",
        _covered("10000x20 9999x40", "500x60"),
        (_covered("0x60", "0x60"), _covered("10000x60", "500x60")),
        "3m",
        "4m",
    ),
    # At 0 too: a value that nothing covers is no missing value.
    Case(
        "PoyongCoverageBelowOne",
        _covered("10000x20 0x40", "500x60"),
        (_covered("0x60", "0x60"),),
        "3m",
        "4m",
    ),
    Case(
        "PoyongCeilingNear",
        _ceiling("2x10 0.5x100", "50x110"),
        (_ceiling("0x110", "0x110"), _ceiling("1x110", "50x110")),
        "1h10m",
        "1h30m",
        interval="1m",
    ),
    Case(
        "PoyongProposalEnds",
        {"poyong_governance_next_deadline_timestamp_seconds": "100000x30"},
        tuple(
            {"poyong_governance_next_deadline_timestamp_seconds": f"{deadline}x30"}
            for deadline in (0, 1_000_000)
        ),
        "3h",
        "5h",
        interval="1h",
    ),
)
CASES: Final = (*_CHAIN, *_NODE, *_TOWN)
