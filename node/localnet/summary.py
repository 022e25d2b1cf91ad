"""What a town came to: examined on disk once every node has stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import LocalError
from node import audit
from node.audit import OK, StoreAudit
from node.files.disk_errors import StoreHeldError
from node.localnet.layout import Town

HEADS_AGREE = "town.heads_agree"


@dataclass(frozen=True, slots=True)
class Examination:
    """What the stores of a town hold.

    found: the audit of the node that came furthest, or of the first that is broken. invariants:
    OK, or "NAME: what was found" for the town. held: nodes that another process runs, so that
    their stores could not be examined.
    """

    found: StoreAudit
    invariants: str
    held: tuple[str, ...] = ()


def examine(folder: Path, town: Town) -> Examination:
    """Every store that no other process holds; they have to have the same block at each common
    height. LocalError when a store cannot be read, or when all of them are held."""
    audits: dict[str, StoreAudit] = {}
    held: list[str] = []
    for node in town.nodes:
        try:
            audits[node.name] = audit.audit(folder / node.name)
        except StoreHeldError:  # started by hand, so its operator's to stop
            held.append(node.name)
    if not audits:
        raise LocalError(
            f"other processes use all stores in {folder}, so none was examined: stop them, then "
            "ask poyong doctor --home for each node"
        )
    found, invariants = _judge(folder, audits)
    return Examination(found, invariants, tuple(held))


def _judge(folder: Path, audits: Mapping[str, StoreAudit]) -> tuple[StoreAudit, str]:
    furthest = max(audits.values(), key=lambda found: found.height)
    for name, found in audits.items():
        if found.invariants != OK:
            return found, f"{found.invariants} in the store of {name}: {found.found}"
    # Each block names its parent, so one common hash means one common history.
    common = min(found.height for found in audits.values())
    if common > 0:
        hashes = {name: audit.block_hash_at(folder / name, common) for name in audits}
        if len(set(hashes.values())) > 1:
            shown = ", ".join(f"{name} {(h or b'').hex()[:16]}" for name, h in hashes.items())
            return furthest, f"{HEADS_AGREE}: nodes differ at height {common}: {shown}"
    return furthest, OK


def report(town: Town, found: StoreAudit, invariants: str) -> Mapping[str, Any]:
    """The JSON object with which `poyong town up --json` ends (docs/operating.md)."""
    economy = found.economy
    return {
        "height": found.height,
        "validators": len(town.validators),
        "finalised_transactions": found.transactions,
        "rounds_final": economy["rounds_final"],
        "land_index": economy["land_index"],
        "live": economy["live"],
        "recognised": economy["recognised"],
        "ceiling": economy["ceiling"],
        "issued": economy["issued"],
        "minted": economy["minted"],
        "invariants": invariants.partition(":")[0].partition(" ")[0],
        "rpc_urls": [node.rpc_url for node in town.nodes],
        "metrics_urls": [node.metrics_url for node in town.nodes],
    }
