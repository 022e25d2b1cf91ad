"""What must hold at the end of a seed in which nodes remove old blocks."""

from ledger.errors import InvariantViolation
from node.audit import first_damage
from node.replica.execution import Chain
from node.store.block_store import BlockStore
from tests.simulation.chains import ChainTemplate
from tests.simulation.node import SimulatedNode
from tests.simulation.sets import SetWatch
from tests.simulation.violation import Violation


def require_pruned(
    template: ChainTemplate, node: SimulatedNode, chain: Chain, sets: SetWatch, first: int
) -> None:
    """A node has the blocks that its rules keep and no others, proves every change of the
    validators, and is found healthy. first: the lowest block that it ever had."""
    blocks, head, lowest = chain.blocks, chain.head.height, chain.blocks.lowest_height
    name, keeps = f"node {node.endpoint}", node.pruning.keep_blocks
    if lowest != max(first, head - keeps + 1 if keeps else first):
        raise Violation("pruning", f"{name} keeps {keeps} and has blocks {lowest} to {head}")
    for height in range(1, head + 1):
        _require_rows(name, blocks, height, height >= lowest)
    for height in sets.decided:
        if height < head and blocks.certificate_bytes(height) is None:
            raise Violation("pruning", f"{name} lacks the certificate of the set change {height}")
    kept = [height for height, _ in blocks.set_changes(head)]
    if kept != [height for height in sets.decided if height < head]:
        raise Violation("pruning", f"{name} knows set changes at {kept}, decided: {sets.decided}")
    try:
        found = first_damage(blocks, template.document, template.executor, template.verify)
    except InvariantViolation as violation:
        raise Violation("audit", f"{name}: {violation}") from violation
    if found is not None:
        raise Violation("audit", f"{name}, {found[0]}: {found[1]}")


def _require_rows(name: str, blocks: BlockStore, height: int, held: bool) -> None:
    raw, receipts = blocks.block_bytes(height), blocks.receipts_bytes(height)
    if {raw is not None, receipts is not None} != {held}:
        raise Violation("pruning", f"{name}: block {height} is half there")
    certified = blocks.certificate_bytes(height) is not None
    if certified != (held or any(kept == height for kept, _ in blocks.set_changes(height + 1))):
        raise Violation("pruning", f"{name}: certificate of block {height}: {certified}")
