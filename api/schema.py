"""JSON Schema of the types in api.results."""

import types
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from api.results import Form

Schema = dict[str, Any]

_SCALARS: dict[object, Schema] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


def schema_of(annotation: Any) -> Schema:
    """Schema of a result type; TypeError for a type that results do not use."""
    if annotation in _SCALARS:
        return dict(_SCALARS[annotation])
    if is_typeddict(annotation):
        return _object(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return schema_of(arguments[0]) | _described(arguments[1:])
    if origin is NotRequired:
        return schema_of(arguments[0])
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object"}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(argument) for argument in arguments]}
    raise TypeError(f"no JSON schema for {annotation!r}")


def _described(notes: tuple[object, ...]) -> Schema:
    schema: Schema = {}
    for note in notes:
        if isinstance(note, Form):
            schema |= {"pattern": note.pattern, "description": note.doc}
        elif isinstance(note, str):
            schema["description"] = note
    return schema


def _object(annotation: Any) -> Schema:
    hints = get_type_hints(annotation, include_extras=True)
    return {
        "title": annotation.__name__,
        "description": annotation.__doc__,
        "type": "object",
        "properties": {name: schema_of(hint) for name, hint in hints.items()},
        "required": sorted(annotation.__required_keys__, key=list(hints).index),
        "additionalProperties": False,
    }
