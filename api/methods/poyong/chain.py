"""poyong_*: status, blocks, certificates, transactions, receipts, accounts."""

from typing import Annotated

from api import examples, parameters, results, views
from api.encoding import address as address_text
from api.encoding import hex_of
from api.held_blocks import require_held
from api.parameters import LATEST, BlockReference
from api.ports import NodePort
from api.registry import Context, method

_EXAMPLE_HASH = {"hash": hex_of(examples.TRANSACTION.hash)}


def resolve(node: NodePort, block: BlockReference) -> int | None:
    """Height of the block that a caller named, or None for an unknown hash."""
    if isinstance(block, int):
        return block
    if isinstance(block, bytes):
        return node.height_of_block(block)
    return node.height()


@method("poyong", example={}, result=views.status(examples.STATUS))
async def status(context: Context) -> results.Status:
    """Where this node stands: chain, role, height, synchronisation, peers, mempool."""
    return views.status(context.node.status())


@method(
    "poyong",
    example={},
    result={"genesis_hash": hex_of(examples.GENESIS_HASH), "document": examples.GENESIS_DOCUMENT},
)
async def get_genesis(context: Context) -> results.GenesisDocument:
    """The genesis document, with which another node joins (`poyong join`). Whoever knows the
    genesis hash of the chain checks the document by it."""
    return {
        "genesis_hash": hex_of(context.node.genesis_header().hash),
        "document": context.node.genesis_document(),
    }


@method(
    "poyong",
    example={"block": 1, "detail": "hashes"},
    result=views.compact_block(examples.BLOCK.compact()),
)
async def get_block(
    context: Context,
    block: Annotated[
        BlockReference, parameters.BLOCK, 'A height from 1, a block hash, or "latest".'
    ] = LATEST,
    detail: Annotated[
        results.Detail,
        parameters.DETAIL,
        '"none": the header; "hashes": and who took part, and transactions by hash; "full": and '
        "transactions, receipts and events.",
    ] = "hashes",
) -> results.Block | None:
    """A committed block, which is final. Null when there is none yet."""
    height = resolve(context.node, block)
    found = None if height is None else views.block_at(context.node, height, detail)
    if height is not None and found is None:
        require_held(context.node, height)
    return found


@method("poyong", example={"block": 1}, result=views.certificate(examples.CERTIFICATE))
async def get_certificate(
    context: Context,
    block: Annotated[
        BlockReference, parameters.BLOCK, 'A height from 1, a block hash, or "latest".'
    ] = LATEST,
) -> results.Certificate | None:
    """The commit certificate with which this node finalised a block. Null when there is none.

    Certificates of one block differ from node to node; each is proof by itself.
    """
    height = resolve(context.node, block)
    found = None if height is None else context.node.certificate(height)
    if height is not None and found is None:
        require_held(context.node, height)
    return None if found is None else views.certificate(found)


@method(
    "poyong",
    example=_EXAMPLE_HASH,
    result=views.transaction(examples.KNOWN_TRANSACTION, examples.MESSAGES),
)
async def get_transaction(
    context: Context,
    hash: Annotated[bytes, parameters.HASH, "Hash of the transaction."],
) -> results.Transaction | None:
    """A transaction that is final, or waits in this node's mempool (height is null then). Null when
    this node does not know it, or no longer: its block may be below lowest_height of poyong_status.
    """
    found = context.node.transaction(hash)
    return None if found is None else views.transaction(found, context.node.messages)


@method("poyong", example=_EXAMPLE_HASH, result=views.receipt(examples.FINAL_RECEIPT))
async def get_receipt(
    context: Context,
    hash: Annotated[bytes, parameters.HASH, "Hash of the transaction."],
) -> results.Receipt | None:
    """What became of a transaction. Null until it is final, and when its block is below
    lowest_height of poyong_status; final means for ever.

    A code other than 0 is a message that had no effect, with the reason.
    """
    found = context.node.receipt(hash)
    return None if found is None else views.receipt(found)


@method(
    "poyong",
    example={"address": address_text(examples.BOB)},
    result=views.account(examples.ACCOUNT),
)
async def get_account(
    context: Context,
    address: Annotated[bytes, parameters.ADDRESS, "Any address, in any case."],
) -> results.Account:
    """Balance and nonces of an account. One that was never used has zeros."""
    return views.account(context.node.account(address))


METHODS = (
    status,
    get_genesis,
    get_block,
    get_certificate,
    get_transaction,
    get_receipt,
    get_account,
)
