"""Options as typed dataclass fields: reading a value, refusing a wrong one, writing TOML.

A section is a frozen dataclass whose fields are made by `option`. Every refusal is one LocalError
that names where the value stands, what was expected and what was found.
"""

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from ledger.errors import LocalError
from node.files.disk_errors import os_error
from node.version import other_format

ENVIRONMENT_PREFIX: Final = "POYONG_"
MAX_TEXT_CHARACTERS: Final = 4096
MAX_LIST_ITEMS: Final = 256
FORMAT_KEY: Final = "format"
FORMAT: Final = 1
"""Of configuration files; another one when options that a file may name change their meaning."""

T = TypeVar("T", bool, int, str, tuple[str, ...])
S = TypeVar("S")


def read_text(file: Path, made_by: str, max_bytes: int) -> str:
    """A configuration file as text. made_by: the command that makes one. LocalError when it is
    missing, too large or no UTF-8."""
    try:
        with open(file, "rb") as opened:
            content = opened.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise LocalError(
            f"there is no configuration {file}: make one with `{made_by}`, or name its folder "
            "with --home"
        ) from error
    except OSError as error:
        raise os_error("read the configuration", file, error) from error
    if len(content) > max_bytes:
        raise LocalError(f"{file} has more than {max_bytes} bytes: it is no configuration")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise LocalError(f"{file} is not UTF-8: byte {error.start} is unreadable") from error


def tables_of(text: str, file: Path, known: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The sections of a TOML text by name; LocalError for another format, and for anything that is
    not one of `known`. A text that names no format is of the first."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LocalError(f"{file} is not TOML: {error}") from error
    if (written := tables.pop(FORMAT_KEY, FORMAT)) != FORMAT:
        remedy = "Use the release that wrote it or a later one, or write it anew with this one"
        raise other_format(file, written, FORMAT, remedy)
    names = tuple(known)
    for name, table in tables.items():
        if name not in names:
            what = "section" if isinstance(table, dict) else "option outside a section"
            raise LocalError(f"{file}: unknown {what} {name!r:.80}{nearest(name, names)}")
        if not isinstance(table, dict):
            raise LocalError(f"{file}: expected a section [{name}], found {name} = {table!r:.80}")
    return tables


def option(
    default: T, meaning: str, *, minimum: int = 0, maximum: int = 0, choices: tuple[str, ...] = ()
) -> T:
    """A field. Integers need their bounds; `choices` limits a text to some words."""
    metadata = {"meaning": meaning, "bounds": (minimum, maximum), "choices": choices}
    value: T = dataclasses.field(default=default, metadata=metadata)
    return value


def read_section(cls: type[S], name: str, given: Mapping[str, object], source: str) -> S:
    """An instance of `cls` from the values of one TOML table; LocalError for the first wrong one.

    source: what messages call the file.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # S is a dataclass
    values = {}
    for key, value in given.items():
        if key not in fields:
            raise LocalError(f"{source}: [{name}] has no option {key!r}{nearest(key, fields)}")
        values[key] = _checked(fields[key], value, f"{source}: [{name}] {key}")
    return cls(**values)


def from_environment(
    sections: Mapping[str, type[Any]], environment: Mapping[str, str], other: Iterable[str]
) -> dict[str, dict[str, object]]:
    """Values by section and key from POYONG_<SECTION>_<KEY> variables.

    other: variables of this program that are no options. A name that is neither, but starts with a
    section or comes close to an option, is refused, so that no misspelt override is ignored.
    """
    known = {
        f"{ENVIRONMENT_PREFIX}{name}_{field.name}".upper(): (name, field)
        for name, cls in sections.items()
        for field in dataclasses.fields(cls)
    }
    starts = tuple(f"{ENVIRONMENT_PREFIX}{name}_".upper() for name in sections)
    values: dict[str, dict[str, object]] = {}
    for variable, text in environment.items():
        if variable in known:
            name, field = known[variable]
            value = _checked(field, _from_text(field, text, variable), variable)
            values.setdefault(name, {})[field.name] = value
            continue
        if variable in other or not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        near = nearest(variable, known, cutoff=0.85)
        if near or variable.startswith(starts):
            raise LocalError(
                f"the environment sets {variable}, which is no option"
                f"{near or nearest(variable, known)}; unset it or correct its name"
            )
    return values


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """'; did you mean X?', or nothing when no known name is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {found[0]!r}?" if found else ""


def expected(field: "dataclasses.Field[Any]") -> str:
    """What a value of the option must be, in words."""
    minimum, maximum = field.metadata["bounds"]
    choices = field.metadata["choices"]
    match field.default:
        case bool():
            return "true or false"
        case int():
            return f"an integer in {minimum}..{maximum}"
        case str() if choices:
            return "one of " + ", ".join(choices)
        case str():
            return "a text"
    return "a list of texts"


def render_section(section: object) -> list[str]:
    """Lines of TOML: for each option its meaning, what it must be, and its value."""
    lines = []
    for field in dataclasses.fields(section):  # type: ignore[arg-type]  # a section is a dataclass
        words = expected(field)
        lines += [f"# {line}" for line in field.metadata["meaning"].splitlines()]
        lines.append(f"# ({words}; default {toml_value(field.default)})")
        lines.append(f"{field.name} = {toml_value(getattr(section, field.name))}")
        lines.append("")
    return lines


def render_sections(heading: Sequence[str], sections: Mapping[str, object]) -> str:
    """A commented TOML file: each section with its meaning, each option with its own."""
    lines = [*(f"# {line}" for line in heading), f"{FORMAT_KEY} = {FORMAT}", ""]
    for name, section in sections.items():
        meaning = " ".join(str(type(section).__doc__).split())
        lines += [f"# {meaning}", f"[{name}]", *render_section(section)]
    return "\n".join(lines).rstrip() + "\n"


def toml_value(value: object) -> str:
    """A value as TOML; JSON's strings, numbers, booleans and flat arrays are the same."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _from_text(field: "dataclasses.Field[Any]", text: str, where: str) -> object:
    match field.default:
        case bool():
            word = text.strip().lower()
            if word not in ("true", "false", "1", "0"):
                raise _refusal(field, text, where)
            return word in ("true", "1")
        case int():
            try:
                return int(text)
            except ValueError:
                raise _refusal(field, text, where) from None
        case tuple():
            return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _checked(field: "dataclasses.Field[Any]", value: object, where: str) -> object:
    minimum, maximum = field.metadata["bounds"]
    choices = field.metadata["choices"]
    match field.default:
        case bool():
            valid = isinstance(value, bool)
        case int():
            valid = type(value) is int and minimum <= value <= maximum
        case str():
            valid = (
                isinstance(value, str)
                and len(value) <= MAX_TEXT_CHARACTERS
                and (not choices or value in choices)
            )
        case _:
            if not isinstance(value, list) or len(value) > MAX_LIST_ITEMS:
                raise _refusal(field, value, where)
            valid = all(isinstance(i, str) and len(i) <= MAX_TEXT_CHARACTERS for i in value)
            value = tuple(value)
    if not valid:
        raise _refusal(field, value, where)
    return value


def _refusal(field: "dataclasses.Field[Any]", value: object, where: str) -> LocalError:
    near = nearest(value, field.metadata["choices"]) if isinstance(value, str) else ""
    return LocalError(f"{where}: expected {expected(field)}, found {value!r:.80}{near}")
