"""Drills in their short form, over TCP proxies, which every machine allows.

Those that tests/crash does already with processes (kills, a full disk, damaged files) are not done
again here; `make drills` does all of them, and longer.
"""

from collections.abc import Iterator

import pytest

from tests.drills.drills import DRILLS, SHORT
from tests.drills.town import DrillTown, drill_town

pytestmark = pytest.mark.timeout(180)

CHOSEN = ("clock", "pause", "loss", "partition")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillTown]:
    """One town for all of them. After the last, every transfer that users saw as final is on every
    node, in the same blocks, and `poyong doctor` finds each node sound."""
    with drill_town(tmp_path_factory.mktemp("town"), packets=False) as made:
        yield made
        assert made.conclude() > 0
        made.assert_sound()


@pytest.mark.parametrize("name", CHOSEN)
def test_a_drill_in_its_short_form(town: DrillTown, name: str) -> None:
    """Each asserts what has to hold; users' transfers become final through it."""
    (drill,) = (drill for drill in DRILLS if drill.name == name)
    found = drill.run(town, SHORT)
    assert found.seen.transfers > 0
    assert found.blocks_again_s >= 0
