"""eth_*: the chain, its blocks, and what they cost."""

from typing import Annotated

from api.encoding import hex_of
from api.ethereum import blocks, examples, forms, results
from api.ethereum.encoding import quantity
from api.ethereum.forms import BlockId
from api.held_blocks import require_held
from api.parameters import HASH
from api.registry import Context, method
from ledger.ethereum_envelope import TRANSFER_GAS

ZERO = quantity(0)
_BlockHash = Annotated[bytes, HASH, "Hash of the block."]
_BlockNumber = Annotated[
    BlockId, forms.BLOCK_NUMBER, "Height or tag; latest, safe, finalized and pending are one."
]
_Full = Annotated[bool, forms.FLAG, "Whole transactions instead of hashes."]
_BY_HASH = {"block_hash": hex_of(examples.BLOCK.hash)}
_BY_NUMBER = {"block": "latest"}


@method("eth", example={}, result=quantity(examples.CHAIN_ID))
async def chain_id(context: Context) -> results.Quantity:
    """Number of this chain, for which transactions are signed."""
    return quantity(context.node.chain_id)


@method("eth", example={}, result="0x1")
async def block_number(context: Context) -> results.Quantity:
    """Height of the last committed block, which is final."""
    return quantity(context.node.height())


@method("eth", example={}, result=ZERO)
async def gas_price(context: Context) -> results.Quantity:
    """Price of gas: zero. Nothing is charged for a transaction."""
    del context
    return ZERO


@method("eth", example={}, result=ZERO)
async def max_priority_fee_per_gas(context: Context) -> results.Quantity:
    """The priority fee to offer: zero. Only to replace a waiting transaction offer 10 % more."""
    del context
    return ZERO


@method(
    "eth",
    example={"block_count": "0x1", "newest_block": "latest", "reward_percentiles": [20]},
    result=examples.FEE_HISTORY,
)
async def fee_history(
    context: Context,
    block_count: Annotated[int, forms.FEE_BLOCKS, "How many; at most 1,024 are given."],
    newest_block: _BlockNumber,
    reward_percentiles: Annotated[
        tuple[float, ...], forms.PERCENTILES, "Percentiles of priority fees to give."
    ] = (),
) -> results.FeeHistory:
    """Base fees, priority fees (all zero) and how full blocks were, up to a block."""
    height = context.ethereum.height_of(newest_block)
    newest = context.node.height() if height is None else height
    oldest = max(0, newest - block_count + 1)
    count = 0 if block_count == 0 else newest - oldest + 1
    counts = await context.ethereum.transaction_counts(oldest, count)
    ratios = [each * TRANSFER_GAS / blocks.GAS_LIMIT for each in counts]
    found: results.FeeHistory = {
        "oldestBlock": quantity(oldest if count else 0),
        "baseFeePerGas": [ZERO] * (count + 1 if count else 0),
        "gasUsedRatio": ratios,
    }
    if reward_percentiles:
        found["reward"] = [[ZERO] * len(reward_percentiles) for _ in ratios]
    return found


async def _block(context: Context, block: BlockId, *, full: bool) -> results.Block | None:
    found: results.Block | None = await context.ethereum.block(block, full=full)
    return found


@method("eth", example={**_BY_HASH, "full": False}, result=examples.BLOCK_RESULT)
async def get_block_by_hash(
    context: Context, block_hash: _BlockHash, full: _Full = False
) -> results.Block | None:
    """A committed block. Null for an unknown hash."""
    return await _block(context, block_hash, full=full)


@method("eth", example={**_BY_NUMBER, "full": True}, result=examples.FULL_BLOCK_RESULT)
async def get_block_by_number(
    context: Context, block: _BlockNumber, full: _Full = False
) -> results.Block | None:
    """A committed block. Null for a height that is not reached; 0 is genesis."""
    return await _block(context, block, full=full)


def _count(context: Context, block: BlockId) -> results.Quantity | None:
    height = context.ethereum.height_of(block)
    if height is None:
        return None
    return quantity(context.ethereum.transaction_count(height))


@method("eth", example=_BY_HASH, result="0x1")
async def get_block_transaction_count_by_hash(
    context: Context, block_hash: _BlockHash
) -> results.Quantity | None:
    """How many transactions a block holds. Null for an unknown hash."""
    return _count(context, block_hash)


@method("eth", example=_BY_NUMBER, result="0x1")
async def get_block_transaction_count_by_number(
    context: Context, block: _BlockNumber
) -> results.Quantity | None:
    """How many transactions a block holds. Null for a height that is not reached."""
    return _count(context, block)


def _uncles(context: Context, block: BlockId) -> results.Quantity | None:
    height = context.ethereum.height_of(block)
    if height is None:
        return None
    require_held(context.node, height)
    return ZERO


@method("eth", example=_BY_HASH, result=ZERO)
async def get_uncle_count_by_block_hash(
    context: Context, block_hash: _BlockHash
) -> results.Quantity | None:
    """Uncles of a block: none, for no block is ever left behind. Null for an unknown hash."""
    return _uncles(context, block_hash)


@method("eth", example=_BY_NUMBER, result=ZERO)
async def get_uncle_count_by_block_number(
    context: Context, block: _BlockNumber
) -> results.Quantity | None:
    """Uncles of a block: none. Null for a height that is not reached."""
    return _uncles(context, block)


@method("eth", example={}, result=False)
async def syncing(context: Context) -> results.SyncStatus | bool:
    """False, or how far this node has come while it catches up with others."""
    status = context.node.status()
    if status.target_height <= status.height:
        return False
    current = quantity(status.height)
    return {
        "startingBlock": current,
        "currentBlock": current,
        "highestBlock": quantity(status.target_height),
    }


METHODS = (
    chain_id,
    block_number,
    gas_price,
    max_priority_fee_per_gas,
    fee_history,
    get_block_by_hash,
    get_block_by_number,
    get_block_transaction_count_by_hash,
    get_block_transaction_count_by_number,
    get_uncle_count_by_block_hash,
    get_uncle_count_by_block_number,
    syncing,
)
