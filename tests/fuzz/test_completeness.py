"""A new decoder has to be added to tests/fuzz/decoders.py, or it is not fuzzed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source_tree import ROOT, python_files
from tests.fuzz.decoders import DECODERS
from tests.fuzz.stores import EXECUTOR, all_tables

ROOMS = ("ledger", "consensus", "tokenomics", "governance", "api", "node")
NAMES = re.compile(r"_?decode(_\w+|d)?|\w*from_(wire|json|hex)|_?parse(_block)?|scan|feed")
NOT_FUZZED_HERE = {
    "ingest.Ingest._decode": "transactions of a batch, each through decode_transaction",
    "keys._from_hex": "a seed typed by its owner; what it is must not appear in an error",
    "wallet_keys._from_hex": "a key typed by its owner; what it is must not appear in an error",
    "tx.decode": "the command that shows a transaction, over decode_transaction",
}


def decoders_of(path: Path) -> Iterator[str]:
    """module.Class.function of everything in a file that is named like a decoder."""

    def walk(body: list[ast.stmt], outer: tuple[str, ...]) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from walk(node.body, (*outer, node.name))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if NAMES.fullmatch(node.name):
                    yield ".".join((*outer, node.name))
                yield from walk(node.body, (*outer, node.name))

    yield from walk(ast.parse(path.read_text(encoding="utf-8")).body, (path.stem,))


def test_every_decoder_is_fuzzed() -> None:
    found = {name for path in python_files(*ROOMS) for name in decoders_of(path)}
    covered = {name for decoder in DECODERS.values() for name in decoder.covers}
    assert len(found) > 40, "the pattern no longer finds what it is there for"
    missing = sorted(found - covered - set(NOT_FUZZED_HERE))
    assert not missing, f"add to tests/fuzz/decoders.py, with a valid sample: {missing}"


def test_the_list_names_no_decoder_that_is_gone() -> None:
    """By file and function; read_* and load are no decoders by name, and yet in the list."""
    defined = {
        f"{path.stem}.{node.name}"
        for path in python_files(*ROOMS)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    named = {name for decoder in DECODERS.values() for name in decoder.covers}
    for name in sorted(named | set(NOT_FUZZED_HERE)):
        module, *_, function = name.split(".")
        assert f"{module}.{function}" in defined, name


def test_every_message_and_table_has_its_decoder() -> None:
    assert {f"body of {message.name}" for message in EXECUTOR.registry.all()} <= set(DECODERS)
    assert {f"row of {prefix}" for prefix in all_tables()} <= set(DECODERS)
    assert (ROOT / "tests" / "fuzz").is_dir()
