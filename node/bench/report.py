"""The bench's figures as a table for people and as JSON for scripts."""

from collections.abc import Iterable
from typing import Any, Final

from rich.table import Table

from node.bench.measure import Latency, Throughput
from node.bench.run import Full, Limits, Short

Row = tuple[str, str, str]
"""(what, figure, must reach)."""
MIN_RATIO: Final = 0.25


def short_json(short: Short) -> dict[str, Any]:
    """The short form."""
    return {
        **_limits(short.limits),
        **_throughput(short.throughput, short.limits),
        "latency_ms": _latency(short.idle),
    }


def full_json(full: Full) -> dict[str, Any]:
    """The full form; finalised_per_second and ratio are those of the large state."""
    return {
        **_limits(full.limits),
        **_throughput(full.large, full.limits),
        "latency_ms": _latency(full.idle),
        "half_load": {"per_second": full.half_load_rate, "latency_ms": _latency(full.half_load)},
        "small_state": _throughput(full.small, full.limits),
        "large_to_small": round(full.large.per_second / full.small.per_second, 3),
        "commitment_us": round(full.commitment_us, 2),
        "idle_cpu_percent": round(full.idle_cpu_percent, 2),
        "restart_s": round(full.restart_s, 2),
        "killed_pause_s": round(full.killed_pause_s, 2),
        "returned_s": round(full.returned_s, 2),
    }


def short_table(short: Short) -> Table:
    """The short form for people."""
    return _table(
        [
            *_limit_rows(short.limits),
            *_load_rows("", short.throughput, short.limits),
            _latency_row("one transaction on an idle chain", short.idle, "p50 40, p99 100"),
        ]
    )


def full_table(full: Full) -> Table:
    """The full form for people."""
    large_to_small = full.large.per_second / full.small.per_second
    return _table(
        [
            *_limit_rows(full.limits),
            *_load_rows("large state: ", full.large, full.limits),
            *_load_rows("small state: ", full.small, full.limits),
            ("large to small state", f"{large_to_small:.2f}", "at least 0.80"),
            _latency_row("one transaction on an idle chain", full.idle, "p50 40, p99 100"),
            _latency_row(f"at {full.half_load_rate} a second", full.half_load, "p99 500"),
            ("state commitment, us a transaction", f"{full.commitment_us:.1f}", "at most 12"),
            ("restart to ready, s", f"{full.restart_s:.2f}", "at most 3"),
            ("idle town, % of one core", f"{full.idle_cpu_percent:.1f}", "under 5"),
            ("longest pause after a kill, s", f"{full.killed_pause_s:.2f}", "at most 10"),
            ("killed validator ready again, s", f"{full.returned_s:.2f}", ""),
        ]
    )


def _limits(limits: Limits) -> dict[str, Any]:
    return {
        "cores": limits.cores,
        "validators": limits.validators,
        "verify_us": round(limits.verify_us, 2),
        "signature_bound_per_second": round(limits.signature_bound, 1),
    }


def _throughput(load: Throughput, limits: Limits) -> dict[str, Any]:
    return {
        "finalised_per_second": round(load.per_second, 1),
        "ratio": round(load.per_second / limits.signature_bound, 4),
        "seconds": round(load.seconds, 2),
        "finalised": load.finalised,
        "blocks": load.blocks,
        "cpu_us_per_transaction_and_validator": round(load.cpu_us, 2),
        "resident_mib": round(load.resident_mib, 1),
        "sent": load.sent,
        "refused": load.refused,
        "first_refusal": load.first_refusal,
        "cpu_us_by_part": {part: round(us, 2) for part, us in load.cpu_us_by_part.items()},
    }


def _latency(latency: Latency) -> dict[str, Any]:
    return {
        "p50": round(latency.p50, 2),
        "p99": round(latency.p99, 2),
        "count": latency.count,
    }


def _limit_rows(limits: Limits) -> Iterable[Row]:
    yield "one PyNaCl verify, us", f"{limits.verify_us:.1f}", ""
    name = f"signature bound ({limits.cores} cores, {limits.validators} validators), 1/s"
    yield name, f"{limits.signature_bound:,.0f}", ""


def _load_rows(prefix: str, load: Throughput, limits: Limits) -> Iterable[Row]:
    ratio = load.per_second / limits.signature_bound
    yield prefix + "finalised, 1/s", f"{load.per_second:,.0f}", ""
    yield prefix + "of the bound", f"{ratio:.2f}", f"at least {MIN_RATIO}"
    yield prefix + "CPU us a transaction and validator", f"{load.cpu_us:.1f}", ""
    for part, us in load.cpu_us_by_part.items():
        yield f"{prefix}  {part}", f"{us:.1f}", ""
    yield prefix + "resident MiB", f"{load.resident_mib:.0f}", "at most 400"


def _latency_row(name: str, latency: Latency, limit: str) -> Row:
    return f"{name}: p50 / p99, ms", f"{latency.p50:.1f} / {latency.p99:.1f}", limit


def _table(rows: Iterable[Row]) -> Table:
    table = Table("figure", "measured", "must reach")
    for row in rows:
        table.add_row(*row)
    return table
