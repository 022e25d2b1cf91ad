"""What a town came to: examined on disk once every node has stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from node import audit
from node.audit import OK, StoreAudit
from node.localnet.layout import Town

HEADS_AGREE = "town.heads_agree"


def examine(folder: Path, town: Town) -> tuple[StoreAudit, str]:
    """The audit of the node that came furthest, and OK or "NAME: what was found" for the town.

    Every node's store is examined, and all have to hold the same block at each common height.
    """
    audits = {node.name: audit.audit(folder / node.name) for node in town.nodes}
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
