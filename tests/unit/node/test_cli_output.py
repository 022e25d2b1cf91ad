"""The command line's contract: fast help, one sentence on stderr, exit codes, amounts as text."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LocalError
from ledger.primitives import MAX_AMOUNT
from node import cli
from node.cli.output import parse_tokens, print_table, tokens

HEAVY = ("aiohttp", "nacl", "coincurve", "rich", "plyvel", "cryptography", "asyncio", "ssl")


@given(st.integers(0, MAX_AMOUNT))
def test_tokens_as_text_lose_nothing(units: int) -> None:
    assert parse_tokens(tokens(units)) == units


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "one",
        "1e-19",
        "0.0000000000000000001",
        "NaN",
        "inf",
        "9" * 61,
        "1e30",
        "340282366920938463464",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(LocalError, match="expected tokens"):
        parse_tokens(text)


def test_help_imports_nothing_of_the_node() -> None:
    """So that `poyong --help` and completion answer at once."""
    code = f"import sys, node.cli; node.cli.run(['--help']); print(set({HEAVY}) & set(sys.modules))"
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert completed.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["twon"], "No such command 'twon'; see poyong --help"),
        (["completion", "csh"], "'csh' is not one of"),
        (["completion", "bash", "--jsn"], "see poyong completion --help"),
    ],
)
def test_a_mistyped_command_is_one_sentence_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == cli.EXIT_USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.startswith("poyong: ")
    assert printed.err.count("\n") == 1


def test_completion_prints_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert cli.run(["completion", "bash", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["script"].strip() == script.strip()


def test_a_table_shows_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("of [node]", ("check",), [("config.toml: [rpc] has no option 'prot' :x:",)])
    printed = capsys.readouterr().out
    assert "of [node]" in printed
    assert "config.toml: [rpc] has no option 'prot' :x:" in printed
