"""Every scenario by its name."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from ledger.errors import LocalError
from ledger.strict_json import nearest
from node.scenarios.collusion import colluding_appraisers
from node.scenarios.crash import crash_and_recover
from node.scenarios.district import district
from node.scenarios.model import Scenario
from node.scenarios.real_gwangju import gwangju, gwangju_net
from node.scenarios.tokyo import tokyo_bubble

SCENARIOS: Final[Mapping[str, Callable[[], Scenario]]] = MappingProxyType(
    {
        "gwangju": gwangju,
        "gwangju-net": gwangju_net,
        "district": district,
        "tokyo-bubble": tokyo_bubble,
        "tokyo-bubble-annual": partial(tokyo_bubble, annual=True),
        "tokyo-bubble-quarter": partial(tokyo_bubble, 25),
        "tokyo-bubble-double": partial(tokyo_bubble, 200),
        "colluding-appraisers": colluding_appraisers,
        "crash-and-recover": crash_and_recover,
    }
)


def scenario(name: str) -> Scenario:
    """The scenario called `name`; LocalError names the nearest one."""
    if name not in SCENARIOS:
        raise LocalError(f"no scenario is called {name!r:.60}{nearest(name, set(SCENARIOS))}")
    return SCENARIOS[name]()
