"""What the scripts share."""

from collections.abc import Callable

import pytest


@pytest.fixture
def take_out(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], None]:
    """Replace one check by something that always agrees."""
    return monkeypatch.setattr
