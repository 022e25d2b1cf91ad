"""web3_*: the client."""

from typing import Annotated

from api.encoding import hex_of
from api.ethereum import examples, forms, results
from api.registry import Context, method
from ledger.crypto import keccak256


@method("web3", example={}, result=f"Poyong/v{examples.VERSION}/python")
async def client_version(context: Context) -> str:
    """Name and version of this software."""
    return f"Poyong/v{context.node.status().version}/python"


@method("web3", example={"data": "0x"}, result=hex_of(keccak256(b"")))
async def sha3(
    context: Context,
    data: Annotated[bytes, forms.SHA3_DATA, "Bytes, at most 512 KiB."],
) -> results.Hash32:
    """Keccak-256 of the data."""
    del context
    return hex_of(keccak256(data))


METHODS = (client_version, sha3)
