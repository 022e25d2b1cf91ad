"""poyong_*: subscriptions, over WebSocket only."""

from typing import Annotated

from api import parameters, results
from api.errors import METHOD_NOT_FOUND, RpcError, invalid_params
from api.registry import Context, method
from api.subscriptions import Subscriptions, Topic


def _subscriptions(context: Context) -> Subscriptions:
    if context.subscriptions is None:
        raise RpcError(
            METHOD_NOT_FOUND, "subscriptions need a WebSocket: connect to ws:// on this port"
        )
    return context.subscriptions


@method(
    "poyong",
    example={"topic": "blocks", "from_height": 1, "detail": "hashes"},
    result="0x1",
)
async def subscribe(
    context: Context,
    topic: Annotated[
        Topic,
        parameters.one_of("blocks", "governance"),
        "Blocks, or what they record of proposals and stakeholders.",
    ],
    from_height: Annotated[
        int | None,
        parameters.HEIGHT,
        "The first block to send; the next one to be committed by default. To resume, the height "
        "after the last block received.",
    ] = None,
    detail: Annotated[
        results.Detail,
        parameters.DETAIL,
        "How much of each block, as in poyong_getBlock; only for blocks.",
    ] = "hashes",
) -> str:
    """Follow blocks, or their events of governance, as they become final. The result is the
    subscription's id on this connection.

    Each block comes once and in order, as a notification poyong_subscription with params
    {subscription, result}. A reader that takes nothing for 10 s is disconnected, with the reason
    in the close frame; it resumes from its own next height.

    Of the topic governance a block comes only when it has events whose names start with
    "proposals." or "stakeholders.": the result is {height, time_ms, block_hash, events}, those of
    transactions first, then those of the block itself. After 1000 blocks without any, one comes
    with no events, so that a reader knows from which height to resume.
    """
    return _subscriptions(context).subscribe(from_height, detail, topic)


@method("poyong", example={"subscription": "0x1"}, result=True)
async def unsubscribe(
    context: Context,
    subscription: Annotated[str, parameters.SUBSCRIPTION_ID, "The id that poyong_subscribe gave."],
) -> bool:
    """End a subscription of this connection."""
    if not _subscriptions(context).unsubscribe(subscription):
        raise invalid_params(f"this connection has no subscription {subscription!r}")
    return True


METHODS = (subscribe, unsubscribe)
