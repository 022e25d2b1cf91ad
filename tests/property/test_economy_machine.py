"""The whole economy in random lives of a town, through the executor of the node's own modules.

After every block all registered invariants hold, refused messages have changed nothing but a nonce,
and every account and every figure of a closed round is what the naive references say
(tests/support/economy_audit.py). Blocks executed again from genesis give the same roots: 16.
"""

import pytest
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test

from node.modules import build_executor
from tests.support.economy_chain import town_executor
from tests.support.economy_life import EconomyLife, life_settings

MIN_STEPS = 10_000
LIVES_A_RUN, RULES_A_LIFE, MAX_RUNS = 4, 25, 24
REPLAY_EVERY = 4
MIN_REPLAYED_BLOCKS = 50

HAPPENED = (
    "FINAL", "PROVISIONAL", "NO_VALUE", "STALE", "DISPERSED", "mint", "burn", "gate closed",
    "paused close", "crash after recognition",
    "land.commit OK", "land.commit NOT_NOW", "land.commit UNAUTHORISED",
    "land.reveal OK", "land.reveal NOT_NOW", "land.reveal CONFLICT", "land.reveal INVALID_MESSAGE",
    "land.challenge OK", "land.challenge UNAUTHORISED",
    "land.report_rate OK", "land.report_rate CONFLICT", "land.certify_event OK",
    "land.register_sale OK", "land.strike_sale OK", "land.register_appraiser OK",
    "steering.set_issuance OK", "steering.set_issuance CONFLICT",
    "governance.grant_role UNAUTHORISED", "issuance.mint INVALID_MESSAGE",
    "distribution.enrol OK", "distribution.enrol CONFLICT",
    "distribution.certify OK", "distribution.certify LIMIT_EXCEEDED",
    "distribution.revoke OK", "distribution.revoke NOT_NOW",
    "distribution.claim OK", "distribution.release OK", "distribution.leave OK",
    "distribution.dividend OK", "transfer.send OK",
)  # fmt: skip
"""What the lives of a run have to hold, taken together."""


def missing() -> list[str]:
    return [name for name in HAPPENED if not EconomyLife.did.get(name)]


@pytest.mark.timeout(600)
def test_ten_thousand_messages_and_blocks_break_nothing() -> None:
    EconomyLife.start(REPLAY_EVERY)
    for _ in range(MAX_RUNS):
        run_state_machine_as_test(EconomyLife, settings=life_settings(LIVES_A_RUN, RULES_A_LIFE))
        if EconomyLife.steps >= MIN_STEPS and not missing():
            break
    print(f"{EconomyLife.steps} messages and blocks in {EconomyLife.lives} lives, "
          f"{EconomyLife.replayed_blocks} blocks executed again")  # fmt: skip
    assert EconomyLife.steps >= MIN_STEPS
    assert not missing()
    # Lives differ in length: how many blocks there are is the next test's.
    assert EconomyLife.replayed_lives


def test_invariant_16_blocks_executed_again_from_genesis_give_the_same_roots() -> None:
    """Every block of three lives, with modules and a store of their own and no cache."""
    EconomyLife.start(replay_every=1)
    run_state_machine_as_test(
        EconomyLife,
        settings=life_settings(3, RULES_A_LIFE, phases=(Phase.generate,), database=None),
    )
    assert EconomyLife.replayed_lives >= 3
    assert EconomyLife.replayed_blocks >= MIN_REPLAYED_BLOCKS


def test_the_towns_of_the_machine_have_every_module_of_the_node() -> None:
    """And every registered invariant; one more module stands for votes that are not there yet."""
    town, node = town_executor(), build_executor()
    assert [module.name for module in town.modules[:-1]] == [each.name for each in node.modules]
    assert [type(module) for module in town.modules[:-1]] == [type(each) for each in node.modules]
    assert list(town.invariants) == list(node.invariants)
