"""The OpenRPC document (open-rpc.org) of the method registry."""

from typing import TYPE_CHECKING, Any, Final

from api.errors import ERROR_DOCS

if TYPE_CHECKING:
    from api.registry import Method, MethodRegistry, Parameter

OPENRPC_VERSION: Final = "1.3.2"


def document(registry: "MethodRegistry", version: str) -> dict[str, Any]:
    """Every method with parameters, result schema, errors and an example."""
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {
            "title": "Poyong JSON-RPC",
            "version": version,
            "description": "Heights and counts are integers, amounts decimal strings in smallest "
            "units, bytes 0x hex, addresses EIP-55 checksummed (any case is accepted).",
        },
        "methods": [_method(method) for method in registry],
    }


def _method(method: "Method") -> dict[str, Any]:
    return {
        "name": method.name,
        "summary": method.summary,
        "description": method.doc,
        "paramStructure": "either",
        "params": [_parameter(parameter) for parameter in method.parameters],
        "result": {"name": "result", "schema": method.result},
        "errors": [{"code": code, "message": text} for code, text in ERROR_DOCS.items()],
        "examples": [
            {
                "name": method.name,
                "params": [
                    {"name": name, "value": value} for name, value in method.example.items()
                ],
                "result": {"name": "result", "value": method.example_result},
            }
        ],
    }


def _parameter(parameter: "Parameter") -> dict[str, Any]:
    descriptor: dict[str, Any] = {
        "name": parameter.name,
        "description": parameter.doc,
        "required": parameter.required,
        "schema": parameter.kind.schema,
    }
    return descriptor
