"""poyong_*: subscriptions, over WebSocket only."""

from typing import Annotated

from api import history, parameters, results
from api.errors import METHOD_NOT_FOUND, RpcError, invalid_params
from api.history_ports import Place
from api.ports import NodePort
from api.registry import Context, method
from api.subscriptions import BLOCK_NOTIFICATION, Subscriptions, Topic


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
        parameters.one_of("blocks", "governance", "account"),
        "Blocks, what they record of proposals and stakeholders, or what concerns an account.",
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
    account: Annotated[
        bytes | None, parameters.ADDRESS, "The account to follow; only for account, which needs it."
    ] = None,
    cursor: Annotated[
        str | None,
        parameters.CURSOR,
        "Of the last notification about this account, or of a page of its history, oldest first: "
        "what follows is sent. Instead of from_height.",
    ] = None,
) -> str:
    """Follow blocks, their events of governance, or an account, as blocks become final. The result
    is the subscription's id on this connection.

    Each block comes once and in order, as a notification poyong_subscription with params
    {subscription, result}. A reader that takes nothing for 10 s is disconnected, with the reason
    in the close frame; it resumes from its own next height.

    Of the topic governance a block comes only when it has events whose names start with
    "proposals." or "stakeholders.": the result is {height, time_ms, block_hash, events}, those of
    transactions first, then those of the block itself. After 1000 blocks without any, one comes
    with no events, so that a reader knows from which height to resume.

    Of the topic account a block comes only when it concerns the account: the result is
    {account, height, cursor, items}, items as in poyong_getAccountHistory, at most 100; a block
    with more comes in several. After 1000 blocks without any, one comes with no items. Resume by
    cursor.
    """
    subscriptions = _subscriptions(context)
    if topic != "account":
        if account is not None or cursor is not None:
            raise invalid_params(f"parameters account and cursor are not for the topic {topic}")
        return subscriptions.subscribe(from_height, detail, topic)
    if account is None:
        raise invalid_params("the topic account needs the parameter account")
    start = _start_of_history(context.node, account, from_height, cursor)
    return subscriptions.follow(BLOCK_NOTIFICATION, history.follow(context.node, account, start))


def _start_of_history(
    node: NodePort, account: bytes, from_height: int | None, cursor: str | None
) -> Place:
    """The place after which to send."""
    if cursor is None:
        return history.after_block(node.height() if from_height is None else from_height - 1)
    if from_height is not None:
        raise invalid_params("give from_height or cursor, not both")
    given = history.read_cursor(account, cursor)
    if given.newest_first:
        raise invalid_params(
            "parameter cursor: expected one of a page with the oldest first, found one with the "
            "newest first"
        )
    return given.place


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
