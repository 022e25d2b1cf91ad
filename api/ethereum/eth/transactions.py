"""eth_*: sending, and what became of it."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

from api import parameters
from api.encoding import hex_of
from api.errors import NOT_FINAL_YET, RpcError, refused
from api.ethereum import blocks, examples, forms, results
from api.ethereum.blocks import Place
from api.ethereum.forms import BlockId
from api.held_blocks import require_held
from api.methods.poyong.send import DEFAULT_WAIT_MS
from api.ports import FinalReceipt, Refusal
from api.registry import Context, method, method_together

_Raw = Annotated[bytes, parameters.SIGNED_TRANSACTION, "The signed envelope, Ethereum's or native."]
_Hash = Annotated[bytes, parameters.HASH, "Hash of the transaction."]
_Index = Annotated[int, forms.INDEX, "Position in the block, from 0x0."]

PATIENCE_MS: Final = 5_000
"""How long a receipt is waited for while its transaction is in the mempool: some blocks long."""

_EXAMPLE_RAW = {"transaction": hex_of(examples.TRANSACTION.raw)}
_EXAMPLE_HASH = {"transaction_hash": hex_of(examples.TRANSACTION.hash)}


class Send(NamedTuple):
    """Parameters of sendRawTransaction."""

    transaction: _Raw


class SendSync(NamedTuple):
    """Parameters of sendRawTransactionSync."""

    transaction: _Raw
    timeout_ms: Annotated[
        int, forms.WAIT_MS, f"How long to wait at most, in ms; {DEFAULT_WAIT_MS} by default."
    ] = DEFAULT_WAIT_MS


@method_together(
    "eth",
    Send,
    results.Hash32,
    example=_EXAMPLE_RAW,
    result=hex_of(examples.TRANSACTION.hash),
)
async def send_raw_transaction(
    context: Context, calls: Sequence[tuple[Any, ...]]
) -> Sequence[str | RpcError]:
    """Send a signed transaction. The result is its hash, as soon as it is in the mempool; the same
    bytes again give the same hash. A refusal has code -32000 and geth's words."""
    outcomes = await context.node.submit([transaction for (transaction,) in calls])
    return [
        refused(outcome) if isinstance(outcome, Refusal) else hex_of(outcome)
        for outcome in outcomes
    ]


@method_together(
    "eth",
    SendSync,
    results.Receipt,
    example={**_EXAMPLE_RAW, "timeout_ms": 5000},
    result=examples.RECEIPT_RESULT,
)
async def send_raw_transaction_sync(
    context: Context, calls: Sequence[tuple[Any, ...]]
) -> Sequence[results.Receipt | RpcError]:
    """Send a signed transaction and wait until it is final (EIP-7966). The result is its receipt.

    When the time runs out the error has code 4 and data is the hash.
    """
    outcomes = await context.node.submit([transaction for transaction, _ in calls])
    return await asyncio.gather(
        *(
            _receipt_of(context, outcome, timeout_ms)
            for outcome, (_, timeout_ms) in zip(outcomes, calls, strict=True)
        )
    )


async def _receipt_of(
    context: Context, outcome: bytes | Refusal, timeout_ms: int
) -> results.Receipt | RpcError:
    if isinstance(outcome, Refusal):
        return refused(outcome)
    found = await context.node.wait_for_receipt(outcome, timeout_ms)
    shown = None if found is None else _shown(context, found)
    if shown is not None:
        return shown
    return RpcError(
        NOT_FINAL_YET,
        f"transaction was admitted but is not final after {timeout_ms} ms",
        hex_of(outcome),
    )


def _shown(context: Context, found: FinalReceipt) -> results.Receipt | None:
    """A receipt in Ethereum's form."""
    known = context.node.transaction(found.receipt.transaction_hash)
    place = _place(context, found.height, found.index)
    if known is None or place is None:
        return None
    first_log = context.ethereum.summary_at(found.height).first_logs[found.index]
    return blocks.receipt(found, known.transaction, place, first_log)


def _place(context: Context, height: int | None, index: int | None) -> Place | None:
    header = None if height is None else context.node.header(height)
    if header is None or index is None:
        return None
    return Place(header.hash, header.height, header.time_ms, index)


async def _until_final(context: Context, calls: Sequence[tuple[Any, ...]]) -> None:
    """Wait until those of these transactions that are in the mempool are final, at most
    PATIENCE_MS. An early null makes ethers miss the last block of a quiet chain (ADR 0030)."""
    node = context.node
    pending = []
    for (transaction_hash,) in calls:
        known = node.transaction(transaction_hash)
        if known is not None and known.height is None:
            pending.append(node.wait_for_receipt(transaction_hash, PATIENCE_MS))
    if pending:
        await asyncio.gather(*pending)


@method("eth", example=_EXAMPLE_HASH, result=examples.RECEIPT_RESULT, beforehand=_until_final)
async def get_transaction_receipt(
    context: Context, transaction_hash: _Hash
) -> results.Receipt | None:
    """What became of a transaction. For one in the mempool the answer comes when it is final, or
    after five seconds. Null until it is final; final means for ever."""
    found = context.node.receipt(transaction_hash)
    return None if found is None else _shown(context, found)


@method("eth", example={"block": "latest"}, result=[examples.RECEIPT_RESULT])
async def get_block_receipts(
    context: Context,
    block: Annotated[BlockId, forms.BLOCK_ID, "Which block."],
) -> list[results.Receipt] | None:
    """Every receipt of a block, in order. Null for a block that there is not."""
    found: list[results.Receipt] | None = await context.ethereum.receipts(block)
    return found


@method("eth", example=_EXAMPLE_HASH, result=examples.TRANSACTION_RESULT)
async def get_transaction_by_hash(
    context: Context, transaction_hash: _Hash
) -> results.Transaction | None:
    """A transaction that is final, or waits in this node's mempool. Null when it is not known."""
    found = context.node.transaction(transaction_hash)
    if found is None:
        return None
    return blocks.transaction(found.transaction, _place(context, found.height, found.index))


def _at(context: Context, block: BlockId, index: int) -> results.Transaction | None:
    height = context.ethereum.height_of(block)
    found = context.node.block(height) if height else None
    if height and found is None:
        require_held(context.node, height)
    if found is None or index >= len(found.block.transactions):
        return None
    return blocks.transaction_at(found, index)


@method(
    "eth",
    example={"block_hash": hex_of(examples.BLOCK.hash), "index": "0x0"},
    result=examples.TRANSACTION_RESULT,
)
async def get_transaction_by_block_hash_and_index(
    context: Context,
    block_hash: Annotated[bytes, parameters.HASH, "Hash of the block."],
    index: _Index,
) -> results.Transaction | None:
    """A transaction by its place. Null when there is none."""
    return _at(context, block_hash, index)


@method("eth", example={"block": "0x1", "index": "0x0"}, result=examples.TRANSACTION_RESULT)
async def get_transaction_by_block_number_and_index(
    context: Context,
    block: Annotated[BlockId, forms.BLOCK_NUMBER, "Height or tag."],
    index: _Index,
) -> results.Transaction | None:
    """A transaction by its place. Null when there is none."""
    return _at(context, block, index)


METHODS = (
    send_raw_transaction,
    send_raw_transaction_sync,
    get_transaction_receipt,
    get_block_receipts,
    get_transaction_by_hash,
    get_transaction_by_block_hash_and_index,
    get_transaction_by_block_number_and_index,
)
