"""Scenario `crash-and-recover`: Gwangju's real series, then an invented crash and recovery.

After 2025 prices fall by 40 % in six quarters and are back in eight more, both in straight lines;
then they stand for two years. The nation's prices are taken to stand throughout.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from node.scenarios.gwangju import QUARTERS, ZONES
from node.scenarios.model import MONTHS_A_QUARTER, Scenario
from node.scenarios.real_gwangju import FIRST_MONTH, monthly_rates, prices_of, steps
from tokenomics.oracle.uplift import RATE_SCALE

FALL_QUARTERS: Final = 6
RECOVERY_QUARTERS: Final = 8
QUIET_QUARTERS: Final = 8
FALL_PERCENT: Final = 40
ROUNDS: Final = QUARTERS + FALL_QUARTERS + RECOVERY_QUARTERS + QUIET_QUARTERS


def crash_and_recover() -> Scenario:
    """GROSS, so that what happens to issued tokens and their cover is plain to see."""
    city, nation = monthly_rates(ROUNDS, [*_changes(), 0], (0,))
    return Scenario(
        name="crash-and-recover",
        title="Gwangju's series, then an invented crash of 40 % and its recovery",
        title_ko="광주 지가변동률 이후 40 % 폭락과 회복을 가정",
        assumption=(
            "INVENTED after 2025 · 2025년 이후는 지어낸 값: "
            f"-{FALL_PERCENT} % in {FALL_QUARTERS} quarters, back in {RECOVERY_QUARTERS}"
        ),
        currency="KRW",
        zones=ZONES,
        first_month=FIRST_MONTH,
        prices=prices_of(city),
        rates=steps(city, nation),
    )


def _changes() -> Iterator[int]:
    """Monthly changes in 0.001 % along the two straight lines."""
    fall, back = FALL_QUARTERS * MONTHS_A_QUARTER, RECOVERY_QUARTERS * MONTHS_A_QUARTER
    low = 100 - FALL_PERCENT
    levels = [
        *(100 * fall - FALL_PERCENT * month for month in range(fall + 1)),
        # From here on in parts of `back`, brought to the same unit.
        *((low * back + FALL_PERCENT * month) * fall // back for month in range(1, back + 1)),
    ]
    for before, after in pairwise(levels):
        yield after * RATE_SCALE // before - RATE_SCALE
