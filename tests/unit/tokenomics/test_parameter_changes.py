"""Parameters changed by vote: from which round on, within which bounds, and with which record."""

from dataclasses import fields
from typing import Any

import pytest

from ledger.errors import ErrorCode, LocalError
from ledger.kv import MemoryStore
from ledger.message_registry import MessageType
from ledger.primitives import UNIT
from ledger.rows import key
from ledger.state import State
from tests.support.land_town import FixedPanels, LandTown, land_section, zone_section
from tests.support.pool_town import GOVERNANCE, PoolTown, person, working_town
from tokenomics.distribution.distribution_rules import ONLY_SHORTER, SET_DISTRIBUTION_PARAMETER
from tokenomics.distribution.pool_params import DistributionParameters, distribution_parameters
from tokenomics.issuance.derivation import ISSUANCE_ROUNDS, totals
from tokenomics.issuance.issuance import SET_ISSUANCE_PARAMETER
from tokenomics.loosening import OF_ISSUANCE, OF_LAND, loosens_supply
from tokenomics.oracle.land_rules import SET_LAND_PARAMETER, parameters_by_round, parameters_of
from tokenomics.oracle.rounds import opened_round, schedule
from tokenomics.oracle.zone_rounds import Outcome, zone_round
from tokenomics.parameter_changes import changes_of
from tokenomics.parameter_views import UNITS, parameter_changes, parameters
from tokenomics.params import (
    IssuanceParameters,
    LandParameters,
    Mode,
    issuance_parameters,
    land_parameters,
)
from tokenomics.roles import AUTHORITY, VOTE

ZONES = ("east", "west")


def make_town(**issuance: Any) -> LandTown:
    town = LandTown(
        land_section(*(zone_section(name) for name in ZONES)),
        {"parameters": issuance},
        panels=FixedPanels(),
    )
    town.block(5_000)
    return town


def change(town: LandTown, message: MessageType, name: str, value: int) -> ErrorCode:
    (code,) = town.soon([(VOTE, message, (name, value))])
    return code


def outcomes(town: LandTown, number: int) -> list[Outcome]:
    """How the zones of a closed round ended."""
    rows = [zone_round(town.state, number, zone) for zone in range(len(ZONES))]
    return [row.outcome for row in rows if row is not None]


def test_a_round_that_has_opened_goes_by_the_rules_of_its_opening() -> None:
    town = make_town()
    first = schedule(town.state).newest
    before = opened_round(town.state, first)
    assert change(town, SET_LAND_PARAMETER, "scaled_quarter_ms", 2_000) is ErrorCode.OK
    assert change(town, SET_LAND_PARAMETER, "min_reports", 4) is ErrorCode.OK
    assert opened_round(town.state, first) == before
    number = town.begin_appraisal()
    assert number == first
    following = opened_round(town.state, first + 1)
    assert (before.length_ms, following.length_ms) == (1_000, 2_000)
    assert parameters_of(town.state, first).min_reports == 3
    assert parameters_of(town.state, first + 1).min_reports == 4
    rules = parameters_by_round(town.state)
    assert {n: rules[n].min_reports for n in rules} == {first: 3, first + 1: 4}
    # Three reports are enough in the round that opened before, and too few in the next.
    three = {zone: [1_010, 1_010, 1_010, None, None] for zone in ZONES}
    town.commit_and_reveal(first, three)
    town.finish(first)
    assert outcomes(town, first) == [Outcome.FINAL] * 2
    town.begin_appraisal()
    town.commit_and_reveal(first + 1, three)
    town.finish(first + 1)
    assert outcomes(town, first + 1) == [Outcome.NO_VALUE] * 2


def test_before_the_first_round_nothing_keeps_the_old_rules() -> None:
    town = LandTown(land_section(zone_section("east")), genesis_ms=1_000)
    state = town.state
    context = town.context(state, 2_000)
    call = (VOTE, SET_LAND_PARAMETER, ("min_reports", 4))
    assert town.execute(context, call) is ErrorCode.OK
    assert (land_parameters(state).min_reports, parameters_by_round(state)) == (4, {})


def test_lambda_is_in_force_for_the_next_round_that_closes() -> None:
    town = make_town(window_anchors=1)
    for price in (1_010, 1_020):
        town.play({zone: [price] * 5 for zone in ZONES})
    issued = totals(town.state).issued
    assert issued > 0
    assert change(town, SET_ISSUANCE_PARAMETER, "lambda_bps", 1_250) is ErrorCode.OK
    for price in (1_030, 1_040):
        town.play({zone: [price] * 5 for zone in ZONES})
    now = totals(town.state)
    row = town.state.get(ISSUANCE_ROUNDS, key(now.round))
    assert row is not None
    assert row.lambda_bps == 1_250
    assert issued <= now.issued <= row.ceiling
    (kept,) = changes_of(town.state, "issuance")
    assert (kept.name, kept.before, kept.after, kept.from_round) == ("lambda_bps", 2_500, 1_250, 3)


def test_a_change_of_distribution_waits_for_the_close_of_the_round() -> None:
    desk = working_town()
    assert desk.send(VOTE, SET_DISTRIBUTION_PARAMETER, "idle_quarters", 2) is ErrorCode.OK
    assert distribution_parameters(desk.state).idle_quarters == 4
    (shown,) = [row for row in parameters(desk.state) if row["name"] == "idle_quarters"]
    assert (shown["value"], shown["coming"]) == ("4", "2")
    desk.close()
    assert distribution_parameters(desk.state).idle_quarters == 2
    assert all(row["coming"] is None for row in parameters(desk.state))
    desk.check()


def test_vesting_becomes_shorter_for_what_was_granted_and_never_longer() -> None:
    desk = working_town()
    desk.close()
    desk.close(1_000 * UNIT)
    desk.claim(0)
    for _ in range(4):
        desk.close()
    before = desk.balance(0)
    assert desk.send(VOTE, SET_DISTRIBUTION_PARAMETER, "vesting_quarters", 8) is ErrorCode.OK
    desk.close()
    assert desk.release(0) is ErrorCode.OK
    # Five of eight quarters, of half of the participation pool's quarter of the mint.
    assert desk.balance(0) - before == 125 * UNIT * 5 // 8
    for name, value in (("vesting_quarters", 9), ("cliff_quarters", 5)):
        assert desk.send(VOTE, SET_DISTRIBUTION_PARAMETER, name, value) is ErrorCode.CONFLICT
        assert "would let grants that exist vest later than was promised" in desk.refusal
    desk.check()


MESSAGES = {
    "land": SET_LAND_PARAMETER,
    "issuance": SET_ISSUANCE_PARAMETER,
    "distribution": SET_DISTRIBUTION_PARAMETER,
}
REFUSED = [
    ("land", "min_report", 4, ErrorCode.NOT_FOUND, "'min_report'; did you mean 'min_reports'"),
    ("land", "min_reports", 3, ErrorCode.CONFLICT, "min_reports is 3 already"),
    ("land", "min_reports", 6, ErrorCode.LIMIT_EXCEEDED, "parameter min_reports is 6, expected"),
    ("land", "clip_bps_a_year", 10_001, ErrorCode.LIMIT_EXCEEDED, "expected 0..10000"),
    ("issuance", "lambda_bps", 0, ErrorCode.LIMIT_EXCEEDED, "expected 1..10000"),
    ("issuance", "limit_bps", 501, ErrorCode.LIMIT_EXCEEDED, "limit_bps is 501"),
    ("issuance", "mode", 3, ErrorCode.LIMIT_EXCEEDED, "outside bounds"),
    ("issuance", "mode", 2, ErrorCode.CONFLICT, "NET needs the nation's rates"),
    ("issuance", "hard_cap", 1, ErrorCode.CONFLICT, "below the"),
    ("distribution", "holder_cap_bps", 0, ErrorCode.LIMIT_EXCEEDED, "holder_cap_bps is 0"),
]


def whole_town() -> LandTown:
    town = LandTown(
        land_section(*(zone_section(name) for name in ZONES)),
        {"parameters": {}},
        distribution={"parameters": {}},
        balance=UNIT,
    )
    town.block(5_000)
    return town


@pytest.mark.parametrize(("module", "name", "value", "code", "sentence"), REFUSED)
def test_a_refused_change_says_why_and_changes_nothing(
    module: str, name: str, value: int, code: ErrorCode, sentence: str
) -> None:
    town = whole_town()
    shown = parameters(town.state)
    assert change(town, MESSAGES[module], name, value) is code
    assert sentence in town.refusals[0]
    assert parameters(town.state) == shown
    assert parameter_changes(town.state, most=9) == []


@pytest.mark.parametrize("module", MESSAGES)
def test_only_a_vote_changes_a_parameter(module: str) -> None:
    """Not even the authority of genesis, which holds that role on a chain without stakeholders."""
    town = whole_town()
    town.book.roles[AUTHORITY] = {GOVERNANCE}
    for sender in (GOVERNANCE, person(0)):
        codes = town.soon([(sender, MESSAGES[module], ("lambda_bps", 1))])
        assert codes == [ErrorCode.UNAUTHORISED]
        assert "by a vote of governance alone" in town.refusals[0]


def test_a_chain_without_the_section_says_so() -> None:
    desk = PoolTown(distributes=False)
    assert desk.send(VOTE, SET_DISTRIBUTION_PARAMETER, "idle_quarters", 2) is ErrorCode.NOT_NOW
    town = LandTown({}, {})
    state = town.state
    for message in (SET_LAND_PARAMETER, SET_ISSUANCE_PARAMETER):
        call = (VOTE, message, ("lambda_bps", 1))
        assert town.execute(town.context(state, 1), call) is ErrorCode.NOT_NOW


def test_history_shows_each_parameter_the_newest_change_first() -> None:
    town = whole_town()
    for name, value in (("min_reports", 4), ("clip_bps_a_year", 700), ("min_reports", 5)):
        assert change(town, SET_LAND_PARAMETER, name, value) is ErrorCode.OK
    rows = parameter_changes(town.state, most=9)
    assert [(row["name"], row["before"], row["after"]) for row in rows] == [
        ("min_reports", "4", "5"), ("clip_bps_a_year", "800", "700"), ("min_reports", "3", "4"),
    ]  # fmt: skip
    assert rows[0]["time_ms"] == town.time_ms == rows[2]["time_ms"] + 2
    assert rows[0]["from_round"] == schedule(town.state).newest + 1
    assert parameter_changes(town.state, most=2) == rows[:2]


def test_every_parameter_is_shown_with_unit_and_with_the_bounds_that_refuse() -> None:
    town = whole_town()
    rows = parameters(town.state)
    kinds: dict[str, Any] = {
        "land": LandParameters, "issuance": IssuanceParameters,
        "distribution": DistributionParameters,
    }  # fmt: skip
    shown = [(row["module"], row["name"]) for row in rows]
    assert shown == [
        (module, field.name) for module, kind in kinds.items() for field in fields(kind)
    ]
    assert {module: set(units) for module, units in UNITS.items()} == {
        module: {field.name for field in fields(kind)} for module, kind in kinds.items()
    }
    for row in rows:
        kind, lowest, highest = kinds[row["module"]], int(row["lowest"]), int(row["highest"])
        assert lowest <= int(row["value"]) <= highest
        for outside in (lowest - 1, highest + 1):
            with pytest.raises((LocalError, ValueError)):
                with_value(kind, row["name"], outside)


def with_value(kind: Any, name: str, value: int) -> object:
    return kind(**{name: Mode(value) if name == "mode" else value})


# -- what loosens supply ---------------------------------------------------------------------------

LOOSER: dict[MessageType, dict[str, int]] = {
    SET_ISSUANCE_PARAMETER: {
        "lambda_bps": 2_501,
        "price_krw_per_token": 999,
        "hard_cap": 10**9 * UNIT + 1,
        "window_anchors": 8,
        "limit_bps": 81,
        "limit_room_divisor": 23,
        "limit_bound_bps": 501,
    },
    SET_LAND_PARAMETER: {
        "quarter_ms": LandParameters().quarter_ms - 1,
        "scaled_quarter_ms": 999,
        "min_reports": 2,
        "clip_bps_a_year": 801,
        "stale_ms": LandParameters().stale_ms + 1,
    },
}
TIGHTER: dict[MessageType, dict[str, int]] = {
    SET_ISSUANCE_PARAMETER: {
        "mode": 2,
        "lambda_bps": 2_499,
        "price_krw_per_token": 1_001,
        "hard_cap": 10**9 * UNIT - 1,
        "window_anchors": 10,
        "limit_bps": 79,
        "limit_room_divisor": 25,
        "limit_bound_bps": 499,
    },
    SET_LAND_PARAMETER: {
        "quarter_ms": LandParameters().quarter_ms + 1,
        "scaled_quarter_ms": 1_001,
        "anchor_every_rounds": 4,
        "min_reports": 4,
        "clip_bps_a_year": 799,
        "stale_ms": LandParameters().stale_ms - 1,
        "grace_bps": 9_999,
        "challenge_ms": 1,
    },
}


def judged(state: State, message: MessageType, name: str, value: int) -> bool:
    return loosens_supply(state, message.name, message.encode(name, value))


def test_each_direction_of_each_parameter_is_judged() -> None:
    state = whole_town().state
    for message, values in LOOSER.items():
        for name, value in values.items():
            assert judged(state, message, name, value), name
    for message, values in TIGHTER.items():
        for name, value in values.items():
            assert not judged(state, message, name, value), name


def test_what_has_two_values_or_two_sides_is_judged_from_where_it_stands() -> None:
    town = LandTown(
        land_section(zone_section("east"), anchor_every_rounds=4) | {"rates": RATES},
        {"parameters": {"mode": "NET"}},
    )
    state = town.state
    assert judged(state, SET_ISSUANCE_PARAMETER, "mode", 1)
    assert judged(state, SET_LAND_PARAMETER, "anchor_every_rounds", 1)
    for rounds in (0, 9_999, 10_001):
        assert judged(state, SET_LAND_PARAMETER, "scaled_rounds", rounds)


RATES = {"first_month": 201_201}


def test_every_listed_name_is_a_parameter() -> None:
    assert set(OF_ISSUANCE) == set(IssuanceParameters.__slots__)
    assert set(OF_LAND) < set(LandParameters.__slots__)


def test_other_messages_loosen_nothing_and_undecodable_ones_are_judged_strictly() -> None:
    state = whole_town().state
    assert not loosens_supply(state, "transfer.send", ())
    assert not judged(state, SET_LAND_PARAMETER, "no_such", 1)
    assert loosens_supply(state, SET_ISSUANCE_PARAMETER.name, ("only a name",))
    assert not judged(State(MemoryStore()), SET_ISSUANCE_PARAMETER, "lambda_bps", 9_999)
    assert set(ONLY_SHORTER) < set(DistributionParameters.__slots__)
    assert issuance_parameters(state) == IssuanceParameters()
