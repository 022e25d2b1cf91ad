"""Each test of an attack tells what it measured, and its row in docs/economy.md says just that."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.attack_table import attack_rows


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Called with measured figures; the row of the test names them all and no other number."""
    figures: list[str] = []
    yield lambda *found: figures.extend(found)
    name = request.node.name
    row = next((row for row in attack_rows() if row.test == name), None)
    assert row is not None, f"docs/economy.md has no row of {name}; it measured {figures}"
    assert not row.lacks(figures), f"measured, not in the row: {row.lacks(figures)} of {figures}"
    assert not row.unmeasured(figures), f"in the row, not measured: {row.unmeasured(figures)}"
