"""net_*: the network."""

from api.ethereum import examples, results
from api.ethereum.encoding import quantity
from api.registry import Context, method


@method("net", example={}, result=str(examples.CHAIN_ID))
async def version(context: Context) -> str:
    """The chain id, in decimal."""
    return str(context.node.chain_id)


@method("net", example={}, result=True)
async def listening(context: Context) -> bool:
    """True: a node that answers takes part in its network."""
    del context
    return True


@method("net", example={}, result="0x1")
async def peer_count(context: Context) -> results.Quantity:
    """How many peers are connected."""
    return quantity(len(context.node.peers()))


METHODS = (version, listening, peer_count)
