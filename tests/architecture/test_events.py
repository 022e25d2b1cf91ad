"""The table of events that logs are made of against every place that puts one on the record."""

import ast
from collections.abc import Iterator

import pytest

from api.ethereum.event_forms import FORMS, MAX_INDEXED
from api.ethereum.event_table import EVENTS
from ledger.contracts import CONTRACT_OF
from ledger.receipt import MAX_EVENT_VALUES
from tests.architecture.source_tree import parsed, python_files, shown

STAND_INS = "standins.py"
"""Modules of tests and small chains; no node runs them."""
OF_EACH_MODULE = ("land", "issuance", "distribution")
"""Whose parameters tokenomics.parameter_changes changes, by a name that it is handed."""
OPTIONAL = {
    "land.town_round_closed": {"normal_growth_krw"},
    "issuance.recognised": {
        "normal_growth_krw", "live_krw", "certified_krw", "lasting_krw", "certified_lasting_krw",
    },
}  # fmt: skip
"""Values that an event leaves out while there are none, so that they are no plain arguments."""


def emitted() -> Iterator[tuple[str, str, list[str]]]:
    """(place, event, names of its values) of each call of Context.emit."""
    for path in python_files("ledger", "tokenomics", "governance"):
        if path.name == STAND_INS:
            continue
        for node in ast.walk(parsed(path)):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "emit"
            ):
                continue
            (name,) = node.args
            keys = [item.arg for item in node.keywords if item.arg is not None]
            if isinstance(name, ast.Constant):
                yield f"{shown(path)}:{node.lineno}", str(name.value), keys
                continue
            assert ast.unparse(name).endswith("parameter_changed'"), shown(path)
            for module in OF_EACH_MODULE:
                yield f"{shown(path)}:{node.lineno}", f"{module}.parameter_changed", keys


def keys_of(event: str) -> list[str]:
    return [item.split(" ")[1] for item in EVENTS[event].split(", ")]


def test_every_event_is_in_the_table_with_its_values_in_order() -> None:
    found = list(emitted())
    assert len(found) > 80, "the pattern no longer finds what it is there for"
    for place, event, keys in found:
        assert event in EVENTS, f"add {event} to api/ethereum/event_table.py: {place}"
        listed = [key for key in keys_of(event) if key not in OPTIONAL.get(event, set())]
        assert keys == listed, f"{place}: {event} has other values in api/ethereum/event_table.py"


def test_the_table_holds_no_event_that_is_gone() -> None:
    assert set(EVENTS) - {event for _, event, _ in emitted()} == {"transfer.sent"}


def test_no_contract_has_two_events_of_one_name() -> None:
    names = [(form.contract.name, form.name) for form in FORMS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_a_log_of_its_modules_contract(event: str) -> None:
    form = FORMS[event]
    assert form.contract is CONTRACT_OF[event.split(".", maxsplit=1)[0]]
    assert len(form.indexed) <= MAX_INDEXED
    assert len(form.keys) <= MAX_EVENT_VALUES
    assert all(form.parameters[at].type.name in ("address", "uint256") for at in form.indexed), (
        "a string as a topic could not be read"
    )
    assert form.contract.modules[0] != "transfer" or form.name == "Transfer"
