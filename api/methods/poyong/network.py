"""poyong_*: validators, the running height, peers, and why nothing moves."""

from typing import Annotated

from api import examples, parameters, results, views
from api.registry import Context, method


@method("poyong", example={}, result=views.validators(examples.VALIDATORS))
async def validators(
    context: Context,
    height: Annotated[
        int | None,
        parameters.HEIGHT,
        "The height at which the set votes, from 1 to the last committed + 2; the running one by "
        "default.",
    ] = None,
) -> results.Validators | None:
    """The validator set: organisations, keys, the last height each has sealed, and who proposes in
    turn. Null for a height that is not decided yet."""
    found = context.node.validators(height)
    return None if found is None else views.validators(found)


@method("poyong", example={}, result=views.consensus_state(examples.CONSENSUS_STATE))
async def consensus_state(context: Context) -> results.ConsensusState:
    """The running height as this node sees it: view, phase, proposer, and whose votes arrived."""
    return views.consensus_state(context.node.consensus_state())


@method("poyong", example={}, result=views.peers([examples.PEER]))
async def peers(context: Context) -> list[results.Peer]:
    """Connected peers, each authenticated by its on-chain node key."""
    return views.peers(context.node.peers())


@method("poyong", example={}, result=views.stall_report(examples.STALL_REPORT))
async def why_stalled(context: Context) -> results.StallReport:
    """Why no block comes, with a remedy for each cause. stalled is false when all is well."""
    return views.stall_report(context.node.why_stalled())


METHODS = (validators, consensus_state, peers, why_stalled)
