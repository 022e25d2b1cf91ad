"""Fixtures that several files of tests share."""

from pathlib import Path

import pytest

from node.keys import keystore
from tests.support.ceremony_homes import MEMBERS, Ceremony
from tests.support.shell import Shell


@pytest.fixture
def ceremony(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Ceremony:
    """Four organisations at home, and a folder between them."""
    monkeypatch.delenv(keystore.PASSWORD_VARIABLE, raising=False)
    return Ceremony(tmp_path, Shell(capsys))


@pytest.fixture
def contributed(ceremony: Ceremony) -> Ceremony:
    """All have contributed."""
    ceremony.contribute(*MEMBERS)
    return ceremony
