"""Upgrades: scheduled and cancelled by votes, executed once at their height."""

from typing import Any

import pytest

from governance.admissible import GOVERNANCE
from governance.stakeholders import upgrades
from governance.stakeholders.upgrades import CANCEL, MAX_SCHEDULED, MIN_NOTICE_HEIGHTS, SCHEDULE
from ledger.errors import ErrorCode
from tests.support.stakeholder_town import DOCUMENT, StakeholderTown, account


def upgrade(name: str = "vouchers", height: int = 20, **changes: Any) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "name": name,
        "height": height,
        "from_version": "0.2.0",
        "below_version": "0.10.0",
        "artefact_hash": DOCUMENT,
    }
    return tuple((values | changes).values())


def test_it_is_executed_once_before_the_transactions_of_its_height() -> None:
    town = StakeholderTown()
    town.decide(SCHEDULE, *upgrade())
    assert upgrades.required_version(town.state, 19) is None
    needed = upgrades.required_version(town.state, 20)
    assert needed is not None
    assert needed.name == "vouchers"
    executed = []
    while town.height < 25:
        town.block()
        executed += [(town.height, event) for event in town.named("stakeholders.upgrade_executed")]
    ((height, event),) = executed
    assert (height, event["upgrade"]) == (20, "vouchers")
    assert upgrades.required_version(town.state, 21) is not None
    assert town.refused(GOVERNANCE, CANCEL, "vouchers").code is ErrorCode.NOT_NOW
    again = town.refused(GOVERNANCE, SCHEDULE, *upgrade(height=100))
    assert (again.code, "once" in again.reason) == (ErrorCode.CONFLICT, True)


def test_a_cancelled_one_is_not_executed_and_its_name_is_free() -> None:
    town = StakeholderTown()
    town.decide(SCHEDULE, *upgrade())
    town.decide(CANCEL, "vouchers")
    while town.height < 20:
        town.block()
        assert not town.named("stakeholders.upgrade_executed")
    assert upgrades.required_version(town.state, 21) is None
    town.decide(SCHEDULE, *upgrade(height=town.height + MIN_NOTICE_HEIGHTS + 1))


def test_the_newest_that_has_come_counts_whatever_the_order_of_voting() -> None:
    town = StakeholderTown()
    town.decide(SCHEDULE, *upgrade("second", 30, from_version="0.3.0"))
    town.decide(SCHEDULE, *upgrade("first", 25))
    found = {
        height: None if row is None else row.name
        for height in (24, 25, 29, 30, 99)
        for row in [upgrades.required_version(town.state, height)]
    }
    assert found == {24: None, 25: "first", 29: "first", 30: "second", 99: "second"}
    while town.height < 31:
        town.block()
    assert upgrades.plan(town.state) == upgrades.Plan(1, ())


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("0.1.9", False),
        ("0.2.0", True),
        ("0.9.0", True),
        ("0.10.0", False),
        ("1.0.0", False),
        ("0.3", False),
        ("0.3.0-rc1", False),
        ("00.3.0", False),
    ],
)
def test_versions_are_compared_by_number(version: str, enough: bool) -> None:
    town = StakeholderTown()
    town.decide(SCHEDULE, *upgrade())
    row = upgrades.find(town.state, 1)
    assert row is not None
    assert upgrades.suffices(version, row) is enough


@pytest.mark.parametrize(
    ("message", "values", "code", "says"),
    [
        (SCHEDULE, upgrade(height=40), ErrorCode.CONFLICT, "one is executed once"),
        (SCHEDULE, upgrade("x"), ErrorCode.CONFLICT, "'vouchers' is scheduled for height 20"),
        (SCHEDULE, upgrade("x", 17), ErrorCode.INVALID_MESSAGE, "expected 18 or more"),
        (SCHEDULE, upgrade("", 40), ErrorCode.INVALID_MESSAGE, "name"),
        (SCHEDULE, upgrade("x", 40, from_version="1"), ErrorCode.INVALID_MESSAGE, "1.2.3"),
        (SCHEDULE, upgrade("x", 40, below_version="0.2.0"), ErrorCode.INVALID_MESSAGE, "ascend"),
        (CANCEL, ("x",), ErrorCode.NOT_FOUND, "'x'"),
    ],
)
def test_what_cannot_be_is_refused(
    message: Any, values: tuple[Any, ...], code: ErrorCode, says: str
) -> None:
    town = StakeholderTown()
    town.decide(SCHEDULE, *upgrade())
    error = town.refused(GOVERNANCE, message, *values)
    assert (error.code, says in error.reason) == (code, True), error.reason
    assert town.refused(account("x"), message, *values).code is ErrorCode.UNAUTHORISED


def test_so_many_are_scheduled_at_once() -> None:
    town = StakeholderTown()
    for n in range(MAX_SCHEDULED):
        town.decide(SCHEDULE, *upgrade(f"u{n}", 100 + n))
    full = town.refused(GOVERNANCE, SCHEDULE, *upgrade("x", 200))
    assert full.code is ErrorCode.LIMIT_EXCEEDED
