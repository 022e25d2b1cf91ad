"""poyong_*: the pools over which each mint splits, and what a person holds in them. Token amounts
and shares are decimal strings."""

from typing import Annotated, cast

from api import parameters, pool_examples, pool_results
from api.registry import Context, method


@method("poyong", example={}, result=pool_examples.POOLS)
async def get_pools(context: Context) -> pool_results.Pools | None:
    """Every pool: balance, shares, holders, and what it received so far. Null on a chain without
    distribution, whose treasury receives every mint."""
    return cast(pool_results.Pools | None, context.node.pools())


@method(
    "poyong",
    example={"account": pool_examples.POSITION["account"]},
    result=pool_examples.POSITION,
)
async def get_position(
    context: Context,
    account: Annotated[bytes, parameters.ADDRESS, "Account of the person."],
) -> pool_results.Position | None:
    """A person's shares, what may be claimed and released, grants and newest certificates. Null for
    an account that was never enrolled."""
    return cast(pool_results.Position | None, context.node.position(account))


METHODS = (get_pools, get_position)
