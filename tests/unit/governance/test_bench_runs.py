"""The bench of decisions still plays what it measures: nothing else runs it between releases."""

import pytest

from tests.bench import governance_micro


def test_every_step_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    governance_micro.main(2_000)
    said = capsys.readouterr().out
    for step in ("delegate", "open a vote", "a block in which nothing is due"):
        assert step in said
