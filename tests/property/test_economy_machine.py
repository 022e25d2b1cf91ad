"""The whole economy through the executor of node.modules, in random lives of a town."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.support.economy_life import EconomyLife, life_settings

LIVES, RULES_A_LIFE = 40, 25
MIN_STEPS = 10_000


@pytest.mark.timeout(300)
def test_ten_thousand_steps_of_a_whole_town() -> None:
    EconomyLife.start()
    run_state_machine_as_test(EconomyLife, settings=life_settings(LIVES, RULES_A_LIFE))
    print(f"{EconomyLife.steps} messages and blocks in {EconomyLife.lives} lives")
    print(sorted(EconomyLife.did.items()))
    assert EconomyLife.steps >= MIN_STEPS
