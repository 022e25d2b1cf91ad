"""A machine that can no longer fail proves nothing: rules are broken here one by one, and the lives
of tests/support/economy_life.py have to notice each within a fixed number of steps.

A mutant takes a function's place in every module that uses it, the invariants among them. Each life
follows from its seed, so each run of these tests plays the same ones.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as replaced

from ledger import accounts
from ledger.crypto import sha256
from ledger.errors import InvariantViolation
from ledger.module import Context
from ledger.primitives import Address, Hash
from ledger.rows import key
from ledger.state import State
from tests.support import economy_chain
from tests.support.economy_chain import REGISTRAR, STRANGER
from tests.support.economy_life import EconomyLife, seeded_life
from tokenomics import params
from tokenomics.distribution import (
    certificates,
    persons,
    pools,
    reserve,
    shares,
    vesting,
)
from tokenomics.facts import land_events, ratio_study
from tokenomics.issuance import ceiling, derivation, issuance
from tokenomics.oracle import appraisals, lots, uplift, valuation, zone_rounds

MAX_LIVES, RULES_A_LIFE = 40, 20
MAX_STEPS = 10_000
ROOMS = ("ledger", "tokenomics", "governance", "node")
Mutant = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, Mutant] = {}


def everywhere(patch: pytest.MonkeyPatch, original: Any, mutant: Any) -> None:
    """Put `mutant` in the place of a function wherever it was imported."""
    found = [
        (module, name)
        for module in list(sys.modules.values())
        if module.__name__.partition(".")[0] in ROOMS or module is economy_chain
        for name, value in list(vars(module).items())
        if value is original
    ]
    assert found, original
    for module, name in found:
        patch.setattr(module, name, mutant)


def mutant(original: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The function that follows takes the place of `original`, which it is given first."""

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        MUTANTS[body.__name__] = lambda patch: everywhere(
            patch, original, lambda *args, **kwargs: body(original, *args, **kwargs)
        )
        return body

    return register


# Land


@mutant(valuation.clip_limit)
def clip_ignored(_: Any, accepted: int, *__: int) -> int:
    return accepted * 10


@mutant(valuation.lower_median)
def mean_for_the_median(_: Any, prices: Sequence[int]) -> int:
    return sum(prices) // len(prices)


@mutant(valuation.too_wide)
def scattered_reports_accepted(*_: Any) -> bool:
    return False


@mutant(zone_rounds._held)
def held_zone_rolled_up(original: Any, *args: Any) -> Any:
    held = original(*args)
    return replace(held, counted_krw_per_m2=held.counted_krw_per_m2 * 101 // 100)


@mutant(zone_rounds._unless_stale)
def stale_zone_counts_on(_: Any, __: Any, ___: Any, ____: Any, result: Any, *_____: Any) -> Any:
    return result


@mutant(appraisals.require_seat)
def anybody_appraises(*_: Any) -> None:
    return


@mutant(land_events.costs_krw)
def development_costs_forgotten(*_: Any) -> int:
    return 0


@mutant(ratio_study.study_ratios)
def gate_always_open(original: Any, pairs: Any) -> Any:
    return replace(original(pairs), is_open=True)


# Issuance


@mutant(derivation.recognise)
def gate_ignored(original: Any, before: Any, town: Any, *args: Any) -> Any:
    return original(before, replace(town, recognition_open=True), *args)


@mutant(derivation.recognise)
def entitlement_falls_with_land(original: Any, before: Any, *args: Any) -> Any:
    found = original(before, *args)
    lasting = found.lasting_krw
    if lasting is None or lasting >= found.recognised_krw:
        return found
    fallen = found.entitlement * lasting // found.recognised_krw
    return replace(found, recognised_krw=lasting, entitlement=fallen)


@mutant(uplift.lasting_uplift_krw)
def window_ignored(_: Any, live: Any, __: int) -> int:
    return int(live[-1])


@mutant(ceiling.mint_amount)
def cover_ignored(_: Any, room: int, __: int, ___: int, limit: int) -> int:
    return max(0, min(room, limit))


@mutant(ceiling.prorated)
def elapsed_time_ignored(_: Any, limit: int, *__: int) -> int:
    return limit


@mutant(ceiling.outstanding)
def burned_counts_twice(_: Any, issued: int, genesis: int, burned: int) -> int:
    return max(0, issued - genesis - 2 * burned)


@mutant(derivation.settle)
def pause_ignored(original: Any, *args: Any, paused: bool) -> Any:
    del paused
    return original(*args, paused=False)


@mutant(accounts.mint)
def minted_to_one_account_too_much(original: Any, state: State, to: Address, amount: int) -> None:
    original(state, to, amount)
    if amount and to == issuance.MINT_ACCOUNT:
        original(state, STRANGER, 1)


@mutant(issuance.set_parameters)
def hard_cap_below_issued(_: Any, context: Context, parameters: Any) -> None:
    context.state.put(params.ISSUANCE_PARAMETERS, b"", parameters)


# Distribution


@mutant(pools.split)
def remainder_to_the_treasury(original: Any, amount: int, *args: Any) -> Any:
    parts = [amount * percent // 100 for percent in pools.PERCENT]
    parts[pools.Pool.TREASURY] += amount - sum(parts)
    return tuple(parts)


@mutant(pools.after_mint)
def pending_share_counted_twice(original: Any, row: Any, part: int) -> Any:
    after = original(row, part)
    return replaced(after, active=after.active + row.pending)


@mutant(pools.after_mint)
def pending_shares_are_paid(original: Any, row: Any, part: int) -> Any:
    return original(replaced(row, active=row.active + row.pending, pending=0), part)


@mutant(shares.possible_shares)
def holders_cap_ignored(*_: Any) -> None:
    return None


@mutant(vesting.vested)
def cliff_skipped(original: Any, amount: int, quarters: int, parameters: Any) -> int:
    return int(original(amount, quarters, replace(parameters, cliff_quarters=0)))


@mutant(certificates._require_revocable)
def revocation_after_the_close(*_: Any) -> None:
    return


@mutant(certificates._spend_limit)
def certifiers_limit_ignored(*_: Any) -> None:
    return


@mutant(persons._enrol)
def credential_used_twice(
    original: Any, roles: Any, credentials: Any, context: Context, account: Address, used: Hash
) -> None:
    state = context.state
    known = state.get(persons.NULLIFIERS, used)
    if known is None or persons.find_person(state, account) or context.sender != REGISTRAR:
        original(roles, credentials, context, account, used)
        return
    state.put(persons.PERSONS, account, persons.Person(used, 1, 0, 0, ""))
    state.put(persons.NULLIFIERS, used, persons.Nullifier(account))


@mutant(reserve.mature)
def reserve_never_burns(original: Any, *args: Any) -> Any:
    return original(*args[:-1], 0)


@mutant(reserve.add_tranche)
def tranches_of_a_round_replace_each_other(
    _: Any, state: State, now: Any, amount: int, parameters: Any
) -> None:
    if amount:
        row_key = key(now.quarter + parameters.reserve_rounds)
        state.put(reserve.TRANCHES, row_key, reserve.Tranche(amount))


# The executor, and what may not be asked of a process


def refused_message_leaves_a_trace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(State, "rollback", State.commit)


def lots_drawn_by_the_process(patch: pytest.MonkeyPatch) -> None:
    """A seed that counts up as long as the process lives: a replay draws others."""
    calls = iter(range(10**9))
    draw = lots.draw

    def drawn(seed: Hash, label: str, *args: Any) -> Any:
        return draw(sha256(seed + next(calls).to_bytes(4, "big")), label, *args)

    everywhere(patch, draw, drawn)


MUTANTS["refused_message_leaves_a_trace"] = refused_message_leaves_a_trace
MUTANTS["lots_drawn_by_the_process"] = lots_drawn_by_the_process


def play(replay_every: int = 0) -> None:
    """The same lives each time, until something is noticed."""
    EconomyLife.start(replay_every)
    for seed in range(MAX_LIVES):
        seeded_life(seed, RULES_A_LIFE)
        if EconomyLife.steps > MAX_STEPS:
            break


def test_the_same_lives_break_nothing_while_the_rules_stand() -> None:
    play()
    assert EconomyLife.steps > MAX_STEPS


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rule_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    with pytest.raises((AssertionError, InvariantViolation)) as caught:
        play(replay_every=int(name == "lots_drawn_by_the_process"))
    print(f"{name}: after {EconomyLife.steps} steps: {str(caught.value)[:150]}")
    assert EconomyLife.steps <= MAX_STEPS
