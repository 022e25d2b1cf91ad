"""What a node answers that has removed old blocks, when somebody asks for one of them."""

from api.errors import HISTORY_UNAVAILABLE, RpcError
from api.ports import NodePort
from api.results import Status


def require_held(node: NodePort, height: int) -> None:
    """RpcError, in geth's words, for a block that this node held once and removed.

    Call it where a block was not found: rows of blocks that are gone may be kept all the same.
    """
    lowest = node.lowest_height()
    if 1 <= height < lowest:
        raise RpcError(
            HISTORY_UNAVAILABLE,
            f"pruned history unavailable: this node holds blocks from {lowest} on, block {height} "
            "was asked for; ask a node that keeps all of them",
            {"reason": "pruned", "lowest_height": lowest},
        )


def lowest_of(status: Status) -> int:
    """The lowest block that the node of a poyong_status holds; one of an earlier release does not
    say it, and holds all."""
    return status.get("lowest_height", 1)
