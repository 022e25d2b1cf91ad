"""rpc.*: the API about itself."""

from typing import Any, cast

import orjson

from api.openrpc import document
from api.registry import Context, method


@method(
    "rpc",
    example={},
    result={"openrpc": "1.3.2", "info": {"title": "Poyong JSON-RPC", "version": "0.1.0"}},
)
async def discover(context: Context) -> dict[str, Any]:
    """The OpenRPC document of this node: every method with parameters, result and example."""
    registry = context.registry
    if not registry.document:
        registry.document = orjson.dumps(document(registry, context.node.status().version))
    shown: Any = orjson.Fragment(registry.document)
    return cast(dict[str, Any], shown)


METHODS = (discover,)
