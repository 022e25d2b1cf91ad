"""Scenario `colluding-appraisers`: an invented attack by some of the five seats of every panel.

Three of five report 30 % too much for a year, keep their reports to themselves for another, and are
then replaced: nobody sits on a zone's panel for more than two years running.
"""

from typing import Final

from node.scenarios.gwangju import QUARTERS, ZONES
from node.scenarios.model import Scenario
from node.scenarios.real_gwangju import FIRST_MONTH, gwangju, monthly_rates, steps

COLLUDERS: Final = 3
FALSE_PERCENT: Final = 130
FALSE_FROM_ROUND: Final = 21
WITHHELD_FROM_ROUND: Final = 25
REPLACED_FROM_ROUND: Final = 29


def colluding_appraisers(colluders: int = COLLUDERS) -> Scenario:
    """`colluders` seats of every panel report +30 % from round 21 on, nothing from round 25 on, and
    are replaced in round 29; the others report Gwangju's real prices throughout."""
    honest = gwangju()

    def reported(number: int, zone: int, seat: int) -> int | None:
        price = honest.prices[number - 1][zone]
        if seat >= colluders or not FALSE_FROM_ROUND <= number < REPLACED_FROM_ROUND:
            return price
        return None if number >= WITHHELD_FROM_ROUND else price * FALSE_PERCENT // 100

    return Scenario(
        name="colluding-appraisers",
        title=f"{colluders} of 5 appraisers report 30 % too much, then nothing",
        title_ko=f"감정평가사 5명 중 {colluders}명의 담합: 30 % 과대 보고 후 보고 거부",
        assumption=(
            f"INVENTED attack · 지어낸 공격: {colluders} of 5 seats, "
            f"{honest.quarter(FALSE_FROM_ROUND)} to {honest.quarter(REPLACED_FROM_ROUND - 1)}"
        ),
        currency="KRW",
        zones=ZONES,
        first_month=FIRST_MONTH,
        prices=honest.prices,
        parameters=honest.parameters,
        rates=steps(*monthly_rates(QUARTERS, (), ())),
        reporter=reported,
    )
