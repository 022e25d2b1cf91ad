"""docs/json-rpc.md from the method registry: `python -m api.reference > docs/json-rpc.md`."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from api.errors import ERROR_DOCS, WORDING
from api.methods import admin_methods, all_methods
from api.registry import Method
from api.schema import Schema

MAX_EXAMPLE_CHARACTERS: Final = 76
"""Of a string in an example; longer hex is cut in the page, not in rpc.discover."""

INTRODUCTION: Final = """\
# JSON-RPC

Written by `python -m api.reference` from the method registry; a test keeps it current. Do not edit.

JSON-RPC 2.0 by HTTP POST and by WebSocket on one port (8545 by default), single calls and batches
(up to 100 by default). Parameters by name or by position. `rpc.discover` gives the same as OpenRPC.

`poyong_*` methods have forms of their own. Heights and counts are integers. Amounts are decimal
strings in the smallest unit (10^-18 token).
Bytes are 0x hex; addresses come with the EIP-55 checksum and are accepted in any case. Times are ms
since 1970 in block time. A committed block is final. `eth_*`, `net_*` and `web3_*` keep to the
Ethereum execution API: integers are 0x hex, addresses lower case, times seconds; what their fields
mean on this chain is in [ethereum.md](ethereum.md).

All `poyong_sendTransaction` calls of one batch are verified and admitted together, and so are those
of `eth_sendRawTransaction`: send in batches.

Every call counts against the budget of its client (`rpc.calls_per_second`, `rpc.burst_calls`, or
those of its API key); an expensive one as several calls, as its section says. A message over the
budget is refused as a whole with code -32005 and `data.retry_after_ms`, over HTTP with status 429
and `Retry-After`.

`admin_*` methods are for the operator of a node, who alone can open its Unix socket
([operating.md](operating.md#the-operators-socket)); the port of the wallets does not have them.

A request with an unknown `Host` or `Origin` is refused. Loopback names, IP addresses, pages of
loopback and wallet extensions pass; `rpc.allowed_hosts` and `rpc.allowed_origins` add others.
"""


def page() -> str:
    """The whole page."""
    operators = [method for method in admin_methods() if method.name.startswith("admin_")]
    wallets = list(all_methods())
    methods = [*wallets, *operators]
    parts = [INTRODUCTION, "## Methods\n", *map(_entry, wallets)]
    parts += ["\nOn the operator's socket alone:\n", *map(_entry, operators)]
    parts += ["", *(_section(method) for method in methods), _types(methods), _errors()]
    return "\n".join(parts)


def _entry(method: Method) -> str:
    return f"- [`{method.name}`](#{_anchor(method.name)}): {method.summary}"


def _anchor(name: str) -> str:
    return name.lower().replace(".", "")


def _section(method: Method) -> str:
    lines = [f"## {method.name}\n", method.doc, ""]
    if method.cost > 1:
        lines += [f"Counts as {method.cost} calls.", ""]
    if method.parameters:
        lines += ["| parameter | form | meaning |", "|---|---|---|"]
        for parameter in method.parameters:
            optional = "" if parameter.required else ", optional"
            lines.append(
                f"| `{parameter.name}` | {parameter.kind.expected}{optional} | {parameter.doc} |"
            )
        lines.append("")
    lines += _result(method.result)
    request = {"jsonrpc": "2.0", "id": 1, "method": method.name, "params": method.example}
    response = {"jsonrpc": "2.0", "id": 1, "result": method.example_result}
    lines += ["```json", _json(request), "```", "", "```json", _json(response), "```", ""]
    return "\n".join(lines)


def _result(schema: Schema) -> list[str]:
    """What comes back; the members, when it is an object or an array of them."""
    for candidate in (schema, schema.get("items", {}), *schema.get("anyOf", [])):
        if "properties" in candidate:
            return [f"Result: {_form(schema)}.", "", *_member_table(candidate)]
    return [f"Result: {_form(schema)}.", ""]


def _member_table(schema: Schema) -> list[str]:
    rows = [
        f"| `{name}` | {_form(member)} | {member.get('description', '')} |"
        for name, member in schema["properties"].items()
    ]
    return ["| member | form | meaning |", "|---|---|---|", *rows, ""]


def _types(methods: list[Method]) -> str:
    """The objects inside results that are no result of a method themselves."""
    nested: dict[str, Schema] = {}
    for method in methods:
        for schema in _objects(method.result):
            nested.setdefault(schema["title"], schema)
    for method in methods:
        for schema in (
            method.result,
            method.result.get("items", {}),
            *method.result.get("anyOf", []),
        ):
            nested.pop(schema.get("title", ""), None)
    lines = ["## Objects inside results\n"]
    for title, schema in nested.items():
        lines += [f"### {title}\n", schema["description"], "", *_member_table(schema)]
    return "\n".join(lines)


def _objects(schema: Schema) -> Iterator[Schema]:
    if "properties" in schema:
        yield schema
    parts = [*schema.get("anyOf", []), *schema.get("properties", {}).values()]
    if "items" in schema:
        parts.append(schema["items"])
    for part in parts:
        yield from _objects(part)


def _form(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(_form(option) for option in schema["anyOf"])
    if "title" in schema:
        return str(schema["title"])
    if schema.get("type") == "array":
        return f"array of {_form(schema['items'])}"
    if "enum" in schema:
        return " or ".join(f'"{name}"' for name in schema["enum"])
    return str(schema.get("type", "any"))


def _json(value: object) -> str:
    return json.dumps(_shortened(value), ensure_ascii=False, indent=1)


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_EXAMPLE_CHARACTERS:
        return f"{value[:20]}...{value[-8:]}" if value.startswith("0x") else value
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    return value


def _errors() -> str:
    lines = ["## Errors\n", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {text} |" for code, text in ERROR_DOCS.items()]
    lines += ["", "Refused transactions (-32000):", "", "| data.reason | message begins with |"]
    lines += ["|---|---|"]
    lines += [f"| `{reason.value}` | {wording} |" for reason, wording in WORDING.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
