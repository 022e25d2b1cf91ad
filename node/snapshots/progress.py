"""How far a node is that has no chain yet, for its probes and its metrics.

A supervisor has to see that it is alive, a monitor that it moves, and an operator why it is not
ready: gathering and installing a large state take minutes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from node.watch.health import HealthServer, Readiness
from node.watch.metrics import Metrics


@dataclass(frozen=True, slots=True)
class JoinProgress:
    """peers: connected now. height: block of the snapshot, 0 before one was chosen. items: of
    items_in_all, gathered and checked, with their bytes; installed: in the database.
    seconds_left: None while the speed is not known. refusal: why the last source was dropped or
    its offer not taken, empty without one."""

    peers: int
    height: int = 0
    items: int = 0
    items_in_all: int = 0
    bytes: int = 0
    seconds_left: int | None = None
    installed: int = 0
    is_installing: bool = False
    refusal: str = ""


def reason(found: JoinProgress) -> str:
    """Why a joining node is not ready."""
    if found.is_installing:
        return (
            f"makes its database of the snapshot of block {found.height:,}: {found.installed:,} of "
            f"{found.items_in_all:,} items"
        )
    peers = f"peers connected: {found.peers}"
    refused = f"; the last refusal: {found.refusal}" if found.refusal else ""
    if found.height == 0:
        return f"begins with a snapshot of its peers, and has found none yet; {peers}{refused}"
    left = "" if found.seconds_left is None else f", about {found.seconds_left:,} s left"
    return (
        f"gathers the snapshot of block {found.height:,}: {found.items:,} of "
        f"{found.items_in_all:,} items, {found.bytes:,} bytes{left}; {peers}{refused}"
    )


@contextmanager
def watched(
    health: HealthServer, metrics: Metrics, data: Path, progress: Callable[[], JoinProgress]
) -> Iterator[None]:
    """Probes and metrics tell of the progress until the end of the block; after it the node opens
    its chain, and says so until somebody else answers."""

    def show() -> None:
        _show(metrics, progress())
        metrics.show_disk(data)

    health.answer_by(lambda: Readiness(False, reason(progress())))
    forget = metrics.on_scrape(show)
    try:
        yield
    finally:
        show()
        metrics.joining.set(0)
        forget()
        health.answer_by(lambda: Readiness(False, "opens its chain"))


def _show(metrics: Metrics, found: JoinProgress) -> None:
    metrics.joining.set(1)
    metrics.syncing.set(1)  # its head is old, and nobody is to be called for that
    metrics.quorum_margin.set(float("nan"))  # of a set that it does not know yet
    metrics.peers.set(found.peers)
    metrics.snapshot_height.set(found.height)
    metrics.snapshot_items.set(found.items_in_all)
    metrics.snapshot_items_gathered.set(found.items)
    metrics.snapshot_bytes_gathered.set(found.bytes)
    metrics.snapshot_items_installed.set(found.installed)
