"""poyong_*: sending signed transactions. All of one batch are verified and admitted together."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

from api import examples, parameters, results, views
from api.encoding import hex_of
from api.errors import NOT_FINAL_YET, RpcError, refused
from api.ports import Refusal
from api.registry import Context, method_together

DEFAULT_WAIT_MS: Final = 10_000

SignedTransaction = Annotated[
    bytes, parameters.SIGNED_TRANSACTION, "The signed envelope (docs/formats.md)."
]


class Send(NamedTuple):
    """Parameters of sendTransaction."""

    transaction: SignedTransaction


class SendAndWait(NamedTuple):
    """Parameters of sendTransactionAndWait."""

    transaction: SignedTransaction
    timeout_ms: Annotated[
        int, parameters.WAIT_MS, f"How long to wait at most, in ms; {DEFAULT_WAIT_MS} by default."
    ] = DEFAULT_WAIT_MS


@method_together(
    "poyong",
    Send,
    results.Hash32,
    example={"transaction": hex_of(examples.TRANSACTION.raw)},
    result=hex_of(examples.TRANSACTION.hash),
)
async def send_transaction(
    context: Context, calls: Sequence[tuple[Any, ...]]
) -> Sequence[str | RpcError]:
    """Send a signed transaction. The result is its hash, as soon as it is in the mempool.

    Sending the same bytes again is safe and gives the same hash. A refusal has code -32000 and
    data.reason. Up to 100 calls in one batch are verified together, which is the fast way.
    """
    outcomes = await context.node.submit([transaction for (transaction,) in calls])
    return [
        refused(outcome) if isinstance(outcome, Refusal) else hex_of(outcome)
        for outcome in outcomes
    ]


@method_together(
    "poyong",
    SendAndWait,
    results.Receipt,
    example={"transaction": hex_of(examples.TRANSACTION.raw), "timeout_ms": 5000},
    result=views.receipt(examples.FINAL_RECEIPT),
)
async def send_transaction_and_wait(
    context: Context, calls: Sequence[tuple[Any, ...]]
) -> Sequence[results.Receipt | RpcError]:
    """Send a signed transaction and wait until it is final. The result is its receipt.

    When the time runs out the error has code 4 and data.hash: the transaction stays in the mempool,
    and sending it again, or poyong_getReceipt, tells what became of it.
    """

    async def receipt_of(transaction_hash: bytes, timeout_ms: int) -> results.Receipt | RpcError:
        found = await context.node.wait_for_receipt(transaction_hash, timeout_ms)
        if found is not None:
            return views.receipt(found)
        return RpcError(
            NOT_FINAL_YET,
            f"transaction was admitted but is not final after {timeout_ms} ms",
            {"hash": hex_of(transaction_hash)},
        )

    async def settled(error: RpcError) -> RpcError:
        return error

    outcomes = await context.node.submit([transaction for transaction, _ in calls])
    return await asyncio.gather(
        *(
            settled(refused(outcome))
            if isinstance(outcome, Refusal)
            else receipt_of(outcome, timeout_ms)
            for outcome, (_, timeout_ms) in zip(outcomes, calls, strict=True)
        )
    )


METHODS = (send_transaction, send_transaction_and_wait)
