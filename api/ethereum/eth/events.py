"""eth_*: logs, filters, and over WebSocket subscriptions."""

from typing import Annotated, Any

from api import parameters
from api.errors import METHOD_NOT_FOUND, REFUSED, RpcError, invalid_params
from api.ethereum import examples, forms, results
from api.ethereum.forms import PENDING, LogFilter
from api.ethereum.logs import EVERY_LOG
from api.registry import Context, method
from api.subscriptions import Subscriptions

_NOTIFICATION = "eth_subscription"
_BLOCKS = "blocks"
_PENDING_TOPIC = "newPendingTransactions"
_Filter = Annotated[
    LogFilter,
    forms.LOG_FILTER,
    "fromBlock and toBlock (latest by default) or blockHash, address, and topics: at each position "
    "null, a topic, or an array of which one has to match.",
]
_FilterId = Annotated[str, forms.FILTER_ID, "The filter's id."]
_Changes = list[results.Log] | list[results.Hash32]


@method("eth", example={"filter": examples.LOG_FILTER}, result=[examples.LOG])
async def get_logs(context: Context, filter: _Filter) -> list[results.Log]:
    """Logs of a range of blocks, at most 10,000, by address and topics. Every event of a
    module is a log of its system contract; those of a block's hooks name the block's hash in the
    place of a transaction's."""
    return await context.ethereum.logs(filter)


@method("eth", example={"filter": examples.LOG_FILTER}, result=examples.FILTER_ID)
async def new_filter(context: Context, filter: _Filter) -> str:
    """Begin to collect logs; the result is the filter's id. It is forgotten when it was not read
    for five minutes."""
    return context.ethereum.new_filter(filter)


@method("eth", example={}, result=examples.FILTER_ID)
async def new_block_filter(context: Context) -> str:
    """Begin to collect hashes of blocks; the result is the filter's id."""
    return context.ethereum.new_filter(_BLOCKS)


@method("eth", example={}, result=examples.FILTER_ID)
async def new_pending_transaction_filter(context: Context) -> str:
    """Begin to collect hashes of transactions that enter the mempool; the result is the filter's
    id."""
    return context.ethereum.new_filter(PENDING)


@method("eth", example={"filter_id": examples.FILTER_ID}, result=[examples.LOG])
async def get_filter_changes(context: Context, filter_id: _FilterId) -> _Changes:
    """What a filter has collected since it was last read: logs, or hashes."""
    changes: list[Any] = await context.ethereum.changes(filter_id)
    return changes


@method("eth", example={"filter_id": examples.FILTER_ID}, result=[examples.LOG])
async def get_filter_logs(context: Context, filter_id: _FilterId) -> list[results.Log]:
    """Every log of a log filter's range, as eth_getLogs."""
    return await context.ethereum.filter_logs(filter_id)


@method("eth", example={"filter_id": examples.FILTER_ID}, result=True)
async def uninstall_filter(context: Context, filter_id: _FilterId) -> bool:
    """Forget a filter. False when there is none of this id."""
    return context.ethereum.uninstall(filter_id)


def _subscriptions(context: Context) -> Subscriptions:
    if context.subscriptions is None:
        raise RpcError(
            METHOD_NOT_FOUND,
            "notifications not supported over HTTP: connect to ws:// on this port",
        )
    return context.subscriptions


@method("eth", example={"topic": "newHeads"}, result="0x1")
async def subscribe(
    context: Context,
    topic: Annotated[
        str,
        parameters.one_of("newHeads", "logs", "newPendingTransactions"),
        "What to follow.",
    ],
    options: Annotated[
        LogFilter | bool | None,
        forms.SUBSCRIPTION_OPTIONS,
        "For logs: address and topics. For newPendingTransactions: true for whole transactions.",
    ] = None,
) -> str:
    """Follow headers, logs or pending transactions, over WebSocket. The result is the id on this
    connection; notifications are eth_subscription with params {subscription, result}."""
    followed = _subscriptions(context)
    is_filter = isinstance(options, LogFilter)
    if (topic != "logs" and is_filter) or (topic != _PENDING_TOPIC and isinstance(options, bool)):
        raise invalid_params(f"eth_subscribe: {topic} does not take these options")
    if topic == "newHeads":
        return followed.follow(_NOTIFICATION, context.ethereum.follow_heads())
    if topic == _PENDING_TOPIC:
        feed = context.ethereum.follow_pending(full=options is True)
        return followed.follow(_NOTIFICATION, feed)
    criteria = options.criteria if isinstance(options, LogFilter) else EVERY_LOG
    return followed.follow(_NOTIFICATION, context.ethereum.follow_logs(criteria))


@method("eth", example={"subscription": "0x1"}, result=True)
async def unsubscribe(
    context: Context,
    subscription: Annotated[str, parameters.SUBSCRIPTION_ID, "The id that eth_subscribe gave."],
) -> bool:
    """End a subscription of this connection."""
    if not _subscriptions(context).unsubscribe(subscription):
        raise RpcError(REFUSED, "subscription not found")
    return True


METHODS = (
    get_logs,
    new_filter,
    new_block_filter,
    new_pending_transaction_filter,
    get_filter_changes,
    get_filter_logs,
    uninstall_filter,
    subscribe,
    unsubscribe,
)
