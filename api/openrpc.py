"""The OpenRPC document (open-rpc.org) of the method registry.

What several methods share, objects and errors, stands once under components.
"""

from typing import TYPE_CHECKING, Any, Final

from api.errors import APPLICATION_ERRORS, ERROR_DOCS

if TYPE_CHECKING:
    from api.registry import Method, MethodRegistry, Parameter

OPENRPC_VERSION: Final = "1.3.2"


def document(registry: "MethodRegistry", version: str) -> dict[str, Any]:
    """Every method with parameters, result schema, errors and an example."""
    schemas: dict[str, Any] = {}
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {
            "title": "Poyong JSON-RPC",
            "version": version,
            "description": "In poyong_ methods heights and counts are integers, amounts decimal "
            "strings in smallest units, bytes 0x hex, addresses EIP-55 checksummed (any case is "
            "accepted). eth_, net_ and web3_ methods keep to the Ethereum execution API.",
        },
        "methods": [_method(method, schemas) for method in registry],
        "components": {
            "schemas": schemas,
            "errors": {
                _error_name(code): {"code": code, "message": text}
                for code, text in ERROR_DOCS.items()
            },
        },
    }


def _method(method: "Method", schemas: dict[str, Any]) -> dict[str, Any]:
    namespace = method.name.partition("_")[0]
    return {
        "name": method.name,
        "summary": method.summary,
        "description": method.doc,
        "x-cost": method.cost,  # how many calls of a client's budget it counts as
        "paramStructure": "either",
        "params": [_parameter(parameter) for parameter in method.parameters],
        "result": {"name": "result", "schema": _referring(method.result, namespace, schemas)},
        "errors": [
            {"$ref": f"#/components/errors/{_error_name(code)}"} for code in APPLICATION_ERRORS
        ],
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


def _referring(schema: Any, namespace: str, schemas: dict[str, Any]) -> Any:
    """The schema with its titled objects put under components and named there; different objects
    may have one title."""
    if isinstance(schema, list):
        return [_referring(item, namespace, schemas) for item in schema]
    if not isinstance(schema, dict):
        return schema
    described = {name: _referring(item, namespace, schemas) for name, item in schema.items()}
    # A member may be called "title" too; then its schema stands there, not a name.
    if not isinstance(described.get("title"), str):
        return described
    name = f"{namespace}.{described['title']}"
    while schemas.setdefault(name, described) != described:
        name += "_"
    return {"$ref": f"#/components/schemas/{name}"}


def _error_name(code: int) -> str:
    return f"Error{abs(code)}"


def _parameter(parameter: "Parameter") -> dict[str, Any]:
    descriptor: dict[str, Any] = {
        "name": parameter.name,
        "description": parameter.doc,
        "required": parameter.required,
        "schema": parameter.kind.schema,
    }
    return descriptor
