"""Commands of `poyong`, run in this process."""

import json
from typing import Any

import pytest

from node import cli


class Shell:
    """Runs commands in this process and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments)
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def json(self, *arguments: str) -> Any:
        """The one JSON value that a command prints; it has to succeed."""
        code, out, err = self(*arguments, "--json")
        assert code == 0, err
        assert out.count("\n") == 1
        return json.loads(out)

    def refusal(self, *arguments: str) -> str:
        """The one sentence with which a command refuses; nothing else is printed."""
        code, out, err = self(*arguments)
        assert (code, out) == (cli.EXIT_FAILED, "")
        assert err.startswith("poyong: ")
        assert err.count("\n") == 1
        return err
