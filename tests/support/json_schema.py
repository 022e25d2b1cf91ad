"""The part of JSON Schema that the method registry uses, as a check."""

import re
from collections.abc import Iterator
from typing import Any

_KEYWORDS = {
    "title", "description", "type", "properties", "required", "additionalProperties", "items",
    "anyOf", "enum", "const", "pattern", "minimum", "maximum", "minLength", "maxLength",
}  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def problems(value: Any, schema: dict[str, Any], where: str = "result") -> list[str]:
    """What in `value` does not keep to `schema`; an unknown keyword is a problem too."""
    unknown = schema.keys() - _KEYWORDS
    if unknown:
        return [f"{where}: schema uses {sorted(unknown)}, which this check does not know"]
    return list(_problems(value, schema, where))


def _problems(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    if "anyOf" in schema:
        tried = [problems(value, option, where) for option in schema["anyOf"]]
        if all(tried):
            yield f"{where}: fits no option: {tried}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where}: expected {schema['const']!r}, found {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: expected one of {schema['enum']}, found {value!r}"
    expected = _TYPES.get(schema.get("type", ""))
    if expected and type(value) not in expected:
        yield f"{where}: expected {schema['type']}, found {value!r}"
        return
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{where}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from problems(item, schema["items"], f"{where}[{index}]")
    if isinstance(value, dict):
        yield from _member_problems(value, schema, where)


def _member_problems(value: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}: {name} is missing"
    members = schema.get("properties", {})
    for name, item in value.items():
        if name in members:
            yield from problems(item, members[name], f"{where}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{where}: {name} is not in the schema"
