"""The method registry is complete: docs, schemas and examples that hold, errors that name."""

import inspect
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api import calls
from api.errors import INVALID_PARAMS, RpcError
from api.methods import all_methods
from api.openrpc import document
from api.reference import page
from api.registry import Method, MethodRegistry
from ledger.errors import InvariantViolation
from tests.support.json_schema import problems

METHODS = list(all_methods())
PAGE = Path(__file__).parents[3] / "docs" / "json-rpc.md"
ETHEREUM = ("eth_", "net_", "web3_")  # have clients of their own
NOT_CALLS = {"poyong_subscribe", "poyong_unsubscribe"}  # Client.blocks makes these

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def found(name: str) -> Method:
    method = all_methods().find(name)
    assert method is not None
    return method


def refusal(method: str, params: Any) -> str:
    with pytest.raises(RpcError) as caught:
        found(method).bind(params)
    assert caught.value.code == INVALID_PARAMS
    return caught.value.message


@every_method
def test_every_method_has_doc_schema_and_example(method: Method) -> None:
    assert len(method.doc) > 20
    assert method.summary
    assert method.result.keys() & {"type", "anyOf", "enum"}
    assert method.example_result is not None
    for parameter in method.parameters:
        assert parameter.doc
        assert parameter.kind.expected
        assert parameter.kind.schema


@every_method
def test_the_example_is_what_the_method_takes_and_gives(method: Method) -> None:
    assert len(method.bind(method.example)) == len(method.parameters)
    assert len(method.bind(list(method.example.values()))) == len(method.parameters)
    for parameter in method.parameters:
        if parameter.name in method.example:
            value = method.example[parameter.name]
            assert not problems(value, parameter.kind.schema, parameter.name)
    assert not problems(method.example_result, method.result)


@every_method
def test_an_unknown_parameter_is_named(method: Method) -> None:
    assert '"colour"' in refusal(method.name, {**method.example, "colour": 1})


@every_method
def test_parameters_beyond_the_last_are_counted(method: Method) -> None:
    count = len(method.parameters)
    assert f"at most {count} parameters" in refusal(method.name, [None] * (count + 1))


def test_a_missing_parameter_is_named_with_what_is_expected() -> None:
    expected = "missing parameter hash of poyong_getReceipt: expected 0x and 64 hex digits"
    assert refusal("poyong_getReceipt", None) == expected
    assert refusal("poyong_getReceipt", []) == expected
    assert refusal("poyong_getReceipt", {"hash": None}) == expected


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("poyong_getReceipt", ["0x12"], "parameter hash"),
        ("poyong_getReceipt", ["12" * 32], "found"),
        ("poyong_getReceipt", ["0x" + "zz" * 32], "64 hex digits"),
        ("poyong_getReceipt", ["0x" + "1 " * 32], "64 hex digits"),
        ("poyong_getReceipt", [[[[]]]], "found an array"),
        ("poyong_getReceipt", ["0x" + "é" * 64], "64 hex digits"),
        ("poyong_getBlock", [0], "parameter block of poyong_getBlock: expected a height from 1"),
        ("poyong_getBlock", [-1], "found -1"),
        ("poyong_getBlock", [True], "found true"),
        ("poyong_getBlock", [1.5], "found 1.5"),
        ("poyong_getBlock", [float(2**64)], "found 1.84"),  # what a JSON parser makes of it
        ("poyong_getBlock", ["newest"], '"latest"'),
        ("poyong_getBlock", {"detail": "some"}, 'one of "none", "hashes", "full"'),
        ("poyong_sendTransaction", ["0x"], "parameter transaction"),
        ("poyong_sendTransaction", ["0x" + "00" * (16 * 1024 + 1)], "16384 bytes"),
        ("poyong_sendTransactionAndWait", ["0x00", 60_001], "an integer in 1..60000"),
        ("poyong_getRound", ["z" * 65], "64 characters"),
        (
            "poyong_listRounds",
            [1, 257],
            "parameter count of poyong_listRounds: expected an integer in 1..256, found 257",
        ),
        ("poyong_listRounds", [1], "missing parameter count"),
        ("poyong_getSales", [-1], "parameter round"),
        ("poyong_getRoles", ["r" * 33], "32 characters"),
        ("poyong_subscribe", ["votes"], 'one of "blocks"'),
    ],
)
def test_a_parameter_of_another_form_is_named(method: str, params: list[Any], named: str) -> None:
    message = refusal(method, params)
    assert named in message
    assert len(message) < 400


def test_an_address_is_taken_in_any_case() -> None:
    address = "0x52908400098527886E0F7030069857D2E4169EE7"
    bind = found("poyong_getAccount").bind
    assert bind([address]) == bind({"address": address.lower()}) == (bytes.fromhex(address[2:]),)


def test_null_for_an_optional_parameter_is_its_default() -> None:
    assert found("poyong_getBlock").bind([None, None]) == ("latest", "hashes")


def test_a_second_method_of_the_same_name_is_fatal() -> None:
    registry = all_methods()
    with pytest.raises(InvariantViolation, match="registered twice"):
        registry.add(METHODS[0])


def test_a_method_without_doc_or_with_a_wrong_example_is_fatal() -> None:
    method = found("poyong_getReceipt")
    with pytest.raises(InvariantViolation, match="no docstring"):
        MethodRegistry().add(replace(method, doc=""))
    with pytest.raises(InvariantViolation, match="example"):
        MethodRegistry().add(replace(method, example={}))
    parameter = replace(method.parameters[0], doc="")
    with pytest.raises(InvariantViolation, match="parameter hash has no doc"):
        MethodRegistry().add(replace(method, parameters=(parameter,)))


def test_the_openrpc_document_holds_every_method() -> None:
    described = document(all_methods(), "0.1.0")
    assert [method["name"] for method in described["methods"]] == [m.name for m in METHODS]
    for method in described["methods"]:
        assert {"params", "result", "errors", "examples", "description"} <= method.keys()


def test_every_reference_of_the_openrpc_document_leads_somewhere() -> None:
    """And no object is lost, also where two have one title."""
    described = document(all_methods(), "0.1.0")
    references = set(re.findall(r'"\$ref": "#/components/(\w+)/([\w.]+)"', json.dumps(described)))
    assert len(references) > 30
    for kind, name in references:
        assert name in described["components"][kind]
    shown = [
        item.get("properties", {}).keys() for item in described["components"]["schemas"].values()
    ]
    for method in METHODS:
        for schema in (method.result, *method.result.get("anyOf", [])):
            assert "properties" not in schema or schema["properties"].keys() in shown


def test_the_reference_page_is_current() -> None:
    """Write it again with `python -m api.reference > docs/json-rpc.md`."""
    assert PAGE.read_text(encoding="utf-8") == page()


@every_method
def test_the_sdk_has_every_call_with_the_same_parameters(method: Method) -> None:
    if method.name in NOT_CALLS or method.name.startswith(ETHEREUM):
        return
    stem = method.name.replace("rpc.", "poyong_").removeprefix("poyong_")
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in stem)
    function = getattr(calls, snake)
    names = [parameter.name for parameter in method.parameters]
    assert list(inspect.signature(function).parameters) == names
    call = function(**method.example)
    assert call.method == method.name
    assert len(method.bind(call.params)) == len(names)
    for name, value in method.example.items():
        assert call.params[name] == value
