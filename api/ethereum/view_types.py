"""From the JSON schemas of parameters and results to ABI types and values. Pure.

A result's object is a struct of its members in their order; a decimal string is an integer; null is
the zero of its type, and a member without a fixed form is left out. An argument that is zero or
empty is left out where the method allows it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.encoding import from_hex, hex_of
from api.registry import Parameter as MethodParameter
from api.results import AddressText, Bytes, Hash32
from api.schema import Schema, schema_of
from ledger import abi
from ledger.abi import AbiType, Array, Elementary, Packed, Parameter, Struct
from ledger.contracts import camel
from ledger.primitives import ADDRESS_BYTES, HASH_BYTES


@dataclass(frozen=True, slots=True)
class Shown:
    """How a JSON value is shown. convert: from one that is not null to a value of the type."""

    type: AbiType
    convert: Callable[[Any], Any]

    def value(self, given: Any) -> Any:
        """The ABI value of a JSON value, the zero of its type for null."""
        return zero(self.type) if given is None else self.convert(given)


def _pattern(alias: Any) -> str:
    found: str = schema_of(alias)["pattern"]
    return found


_HEX: Final[Mapping[str, AbiType]] = {
    _pattern(Hash32): abi.BYTES32,
    _pattern(Bytes): abi.BYTES,
    _pattern(AddressText): abi.ADDRESS,
}


def zero(kind: AbiType) -> Any:
    """What null is shown as."""
    match kind:
        case Struct():
            return tuple(zero(item) for item in kind.types)
        case Array():
            return ()
        case Packed():
            return "" if kind == abi.STRING else b""
        case Elementary(name="address"):
            return bytes(ADDRESS_BYTES)
        case Elementary(name="bytes32"):
            return bytes(HASH_BYTES)
        case _:
            return 0


def shown(schema: Schema) -> Shown | None:
    """How values of a result's schema are shown; None when it has no fixed form."""
    if "anyOf" in schema:
        known = [item for item in schema["anyOf"] if item != {"type": "null"}]
        return shown(known[0] | _doc(schema)) if len(known) == 1 else None
    match schema.get("type"):
        case "integer":
            return Shown(abi.UINT256, int)
        case "boolean":
            return Shown(abi.BOOL, bool)
        case "string":
            return _string(schema.get("pattern", ""))
        case "array":
            item = shown(schema["items"])
            if item is None:
                return None
            return Shown(Array(item.type), lambda values: [item.value(each) for each in values])
        case "object" if "properties" in schema:
            return _struct(schema)
        case _:
            return None


def _string(pattern: str) -> Shown:
    if pattern in _HEX:
        return Shown(_HEX[pattern], from_hex)
    if pattern.startswith("^-?"):
        return Shown(abi.INT256, int)
    if pattern:
        return Shown(abi.UINT256, int)
    return Shown(abi.STRING, str)


def _struct(schema: Schema) -> Shown:
    members = {
        name: (item, inner.get("description", ""))
        for name, inner in schema["properties"].items()
        if (item := shown(inner)) is not None
    }
    parts = tuple(Parameter(camel(name), item.type, doc) for name, (item, doc) in members.items())
    return Shown(
        Struct(parts, schema["title"]),
        lambda value: [item.value(value.get(name)) for name, (item, _) in members.items()],
    )


def _doc(schema: Schema) -> Schema:
    return {"description": schema["description"]} if "description" in schema else {}


# -- arguments ------------------------------------------------------------------------------------


def argument(parameter: MethodParameter) -> Parameter:
    """A method's parameter as an argument; TypeError for a kind that contracts do not take."""
    schema = parameter.kind.schema
    pattern = schema.get("pattern", "")
    if schema.get("type") == "integer":
        kind: AbiType = abi.UINT64
    elif pattern.endswith(f"{{{2 * ADDRESS_BYTES}}}$"):
        kind = abi.ADDRESS
    elif schema.get("type") == "string" and not pattern:
        kind = abi.STRING
    else:
        raise TypeError(f"parameter {parameter.name} has no form in the ABI: {schema}")
    left_out = "" if parameter.required else " Zero or empty for the default."
    return Parameter(camel(parameter.name), kind, parameter.doc + left_out)


def given(parameter: MethodParameter, value: Any) -> object:
    """An argument as JSON has it; None, which stands for the default, where it may be left out."""
    if not parameter.required and not value:
        return None
    return hex_of(value) if isinstance(value, bytes) else value
