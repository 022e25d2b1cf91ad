"""System contracts as files for programs of other people: JSON ABIs and Solidity interfaces. Pure.

`python -m node.contract_files` writes them to api/ethereum/abi; a test compares them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from api.ethereum.contract_views import ViewFunction, view_table
from api.ethereum.event_forms import FORMS, EventForm
from api.registry import MethodRegistry
from ledger.abi import AbiType, Array, Parameter, Struct
from ledger.contracts import CONTRACTS, TRANSFER, ContractTable, Function, SystemContract
from ledger.crypto import checksum_address
from ledger.errors import ensure

INDEX_FILE: Final = "contracts.json"
"""Address of each contract by its name."""
PRAGMA: Final = "^0.8.20"
_INDENT: Final = "    "


class _Callable(Protocol):
    """A function of either kind."""

    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> tuple[Parameter, ...]: ...

    @property
    def outputs(self) -> tuple[Parameter, ...]: ...


def files(table: ContractTable, methods: MethodRegistry) -> dict[str, str]:
    """Content by file name, of a chain with all contracts."""
    views = view_table(methods)
    found = {INDEX_FILE: _json({each.name: checksum_address(each.address) for each in CONTRACTS})}
    for contract in CONTRACTS:
        functions = list(table.functions[contract.address].values())
        reads = list(views[contract.address].values())
        events = [form for form in FORMS.values() if form.contract is contract]
        found[f"{contract.name}.json"] = _json(_abi(functions, reads, events))
        found[f"I{contract.name}.sol"] = _solidity(contract, functions, reads, events)
    return found


# -- JSON -----------------------------------------------------------------------------------------


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _abi(
    functions: Iterable[Function], views: Iterable[ViewFunction], events: Iterable[EventForm]
) -> list[dict[str, Any]]:
    return [
        *(_abi_function(each, "view") for each in views),
        *(_abi_function(each, "nonpayable") for each in functions),
        *(_abi_event(each) for each in events),
    ]


def _abi_function(function: _Callable, mutability: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": function.name,
        "inputs": [_abi_parameter(item) for item in function.inputs],
        "outputs": [_abi_parameter(item) for item in function.outputs],
        "stateMutability": mutability,
    }


def _abi_event(form: EventForm) -> dict[str, Any]:
    inputs = [
        {**_abi_parameter(item), "indexed": at in form.indexed}
        for at, item in enumerate(form.parameters)
    ]
    return {"type": "event", "name": form.name, "inputs": inputs, "anonymous": False}


def _abi_parameter(parameter: Parameter) -> dict[str, Any]:
    """A struct is "tuple" there, with its places as components."""
    inner, arrays = parameter.type, ""
    while isinstance(inner, Array):
        inner, arrays = inner.item, arrays + "[]"
    if isinstance(inner, Struct):
        components = [_abi_parameter(item) for item in inner.parts]
        return {"name": parameter.name, "type": f"tuple{arrays}", "components": components}
    return {"name": parameter.name, "type": inner.name + arrays}


# -- Solidity -------------------------------------------------------------------------------------


def _solidity(
    contract: SystemContract,
    functions: Sequence[Function],
    views: Sequence[ViewFunction],
    events: Sequence[EventForm],
) -> str:
    parts = [
        *map(_struct, _structs([*views, *functions]).values()),
        *map(_event, events),
        *(_function(each, each.doc, " view") for each in views),
        *(_function(each, _doc(each), "") for each in functions),
    ]
    body = "\n\n".join("\n".join(_INDENT + line for line in part) for part in parts)
    return (
        "// SPDX-License-Identifier: Apache-2.0\n"
        "// Written by python -m node.contract_files from the message registry; not to be edited.\n"
        f"pragma solidity {PRAGMA};\n\n"
        f"/// @title {contract.name}, the system contract at {checksum_address(contract.address)}\n"
        f"/// @notice {contract.doc}\n"
        "/// @dev It has no code: the node itself answers.\n"
        f"interface I{contract.name} {{\n{body}\n}}\n"
    )


def _doc(function: Function) -> str:
    if function is TRANSFER:
        return "Moves tokens from the sender to one account, as ERC-20 says."
    return function.message.doc


def _structs(functions: Iterable[_Callable]) -> dict[str, Struct]:
    """By name, each before the one that holds it; two of one name have to be the same."""
    found: dict[str, Struct] = {}

    def walk(kind: AbiType) -> None:
        match kind:
            case Array():
                walk(kind.item)
            case Struct():
                for part in kind.parts:
                    walk(part.type)
                known = found.setdefault(kind.title, kind)
                ensure(known == kind, f"two structs are called {kind.title}")

    for function in functions:
        for item in (*function.inputs, *function.outputs):
            walk(item.type)
    return found


def _struct(kind: Struct) -> Iterator[str]:
    yield f"struct {kind.title} {{"
    for part in kind.parts:
        if part.doc:
            yield f"{_INDENT}// {part.doc}"
        yield f"{_INDENT}{_type(part.type)} {part.name};"
    yield "}"


def _event(form: EventForm) -> Iterator[str]:
    yield f"/// @notice On the record as {form.event}."
    items = [
        f"{_type(item.type)}{' indexed' if at in form.indexed else ''} {item.name}"
        for at, item in enumerate(form.parameters)
    ]
    yield f"event {form.name}({', '.join(items)});"


def _function(function: _Callable, doc: str, mutability: str) -> Iterator[str]:
    yield f"/// @notice {doc}"
    for item in function.inputs:
        yield f"/// @param {item.name} {item.doc}"
    inputs = ", ".join(f"{_type(item.type)}{_at(item, 'calldata')} {item.name}"
                       for item in function.inputs)  # fmt: skip
    outputs = ", ".join(_type(item.type) + _at(item, "memory") for item in function.outputs)
    returns = f" returns ({outputs})" if outputs else ""
    yield f"function {function.name}({inputs}) external{mutability}{returns};"


def _type(kind: AbiType) -> str:
    match kind:
        case Array():
            return f"{_type(kind.item)}[]"
        case Struct():
            return kind.title
        case _:
            return kind.name


def _at(parameter: Parameter, location: str) -> str:
    """Where Solidity keeps a value that is no single word."""
    is_word = not parameter.type.is_dynamic and not isinstance(parameter.type, Struct)
    return "" if is_word else f" {location}"
