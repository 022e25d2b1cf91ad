"""System contracts of a whole chain: every message that a person sends has its function, and what a
wallet signs is the message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import abi, codec
from ledger.contracts import (
    CONTRACT_OF,
    CONTRACTS,
    DISTRIBUTION,
    GOVERNANCE,
    LAND,
    NOT_CALLED,
    TOKEN,
    TRANSFER,
    camel,
    pascal,
)
from ledger.errors import DecodeError
from ledger.message_registry import Field, Kind, MessageType
from ledger.primitives import MAX_AMOUNT, MAX_UINT64, ZERO_HASH, Address
from node.mandate import CLASS_OF
from tests.fuzz.stores import EXECUTOR, body_of

TABLE = EXECUTOR.contracts
MESSAGES = EXECUTOR.registry.all()
CALLED = [message for message in MESSAGES if message.name not in NOT_CALLED]
SOMEONE = Address(b"s" * 20)


def call(name: str, *values: Any) -> tuple[Address, bytes]:
    """(address, calldata) of a message by its handler's values."""
    message = EXECUTOR.registry.find(name)
    assert message is not None
    return TABLE.encode_call(name, message.encode(*values))


def test_addresses_are_fixed() -> None:
    assert {contract.name: int.from_bytes(contract.address, "big") for contract in CONTRACTS} == {
        "Token": 0x401,
        "LandOracle": 0x402,
        "Issuance": 0x403,
        "Distribution": 0x404,
        "Governance": 0x405,
        "Organisations": 0x406,
    }


def test_every_message_has_a_function_or_a_reason_why_not() -> None:
    without = {message.name for message in MESSAGES if TABLE.function_of(message.name) is None}
    assert without == set(NOT_CALLED)
    assert {message.name.split(".")[0] for message in MESSAGES} <= set(CONTRACT_OF)


def test_what_a_vote_can_carry_out_has_a_function() -> None:
    assert all(TABLE.function_of(name) is not None for name in CLASS_OF)


@pytest.mark.parametrize("message", CALLED, ids=lambda message: message.name)
def test_a_function_has_the_name_and_the_fields_of_its_message(message: MessageType) -> None:
    address, function = TABLE.function_of(message.name) or (None, TRANSFER)
    module, verb = message.name.split(".")
    assert (address, function.name) == (CONTRACT_OF[module].address, camel(verb))
    assert [item.name for item in function.inputs] == [camel(item.name) for item in message.fields]
    assert [item.doc for item in function.inputs] == [item.doc for item in message.fields]


def test_no_contract_has_two_functions_of_one_name_or_selector() -> None:
    for functions in TABLE.functions.values():
        assert len({function.name for function in functions.values()}) == len(functions)
        assert all(function.selector == selector for selector, function in functions.items())


def test_names_are_those_of_solidity() -> None:
    assert camel("price_krw_per_m2") == "priceKrwPerM2"
    assert pascal("round_opened") == "RoundOpened"
    assert (camel("new"), camel("after"), camel("old")) == ("new_", "after_", "old")


@pytest.mark.parametrize("message", CALLED, ids=lambda message: message.name)
def test_calldata_says_what_the_body_says(message: MessageType) -> None:
    body = body_of(message)
    to, data = TABLE.encode_call(message.name, body)
    assert TABLE.decode_call(to, 0, data) == (message.name, body)
    assert len(message.decode(body)) == len(message.fields)


_KINDS = {
    Kind.ADDRESS: st.binary(min_size=20, max_size=20),
    Kind.AMOUNT: st.integers(0, MAX_AMOUNT),
    Kind.UINT64: st.integers(0, MAX_UINT64),
    Kind.HASH: st.binary(min_size=32, max_size=32),
    Kind.OPTIONAL_HASH: st.just(b"")
    | st.binary(min_size=32, max_size=32).filter(lambda found: found != ZERO_HASH),
}


def values_of(field: Field) -> st.SearchStrategy[Any]:
    maximum = field.maximum or 40
    match field.kind:
        case Kind.AMOUNT | Kind.UINT64 if field.maximum is not None:
            return st.integers(0, field.maximum)
        case Kind.TEXT:
            return st.text(max_size=maximum // 4)
        case Kind.BYTES:
            return st.binary(max_size=min(maximum, 40))
        case Kind.LIST if len(field.items) == 1:
            return st.lists(values_of(field.items[0]), max_size=3).map(tuple)
        case Kind.LIST:
            return st.lists(st.tuples(*map(values_of, field.items)), max_size=3).map(tuple)
        case _:
            return _KINDS[field.kind]


@given(
    st.sampled_from(CALLED).filter(lambda found: not found.name.startswith("proposals")), st.data()
)
def test_every_value_of_every_message_comes_back(message: MessageType, data: st.DataObject) -> None:
    values = data.draw(st.tuples(*map(values_of, message.fields)))
    to, calldata = TABLE.encode_call(message.name, message.encode(*values))
    name, body = TABLE.decode_call(to, 0, calldata)
    assert (name, message.decode(body)) == (message.name, values)


@given(st.sampled_from([contract.address for contract in CONTRACTS]), st.data())
def test_any_calldata_is_a_message_or_refused(to: Address, data: st.DataObject) -> None:
    selector = data.draw(st.sampled_from(sorted(TABLE.functions[to])))
    noise = selector + data.draw(st.binary(max_size=400))
    try:
        name, _ = TABLE.decode_call(to, 0, noise)
    except DecodeError:
        return
    assert EXECUTOR.registry.find(name) is not None


def test_a_token_transfer_is_that_of_erc20() -> None:
    data = TRANSFER.selector + abi.encode(TRANSFER.types, (SOMEONE, 5))
    assert TABLE.decode_call(TOKEN.address, 0, data) == (
        "transfer.send",
        (SOMEONE, codec.encode_amount(5), b""),
    )
    assert TABLE.decode_call(SOMEONE, 5, b"") == TABLE.decode_call(TOKEN.address, 0, data)


def test_no_memo_is_the_zero_hash() -> None:
    to, data = call("transfer.send", SOMEONE, 1, b"")
    assert data.endswith(ZERO_HASH)
    assert TABLE.decode_call(to, 0, data)[1][2] == b""


def test_a_proposal_carries_calls() -> None:
    land, spend = (
        call("land.remove_appraiser", SOMEONE, "moved away"),
        call("distribution.spend", SOMEONE, 10**20, b"m" * 32),
    )
    function = next(
        item for item in TABLE.functions[GOVERNANCE.address].values() if item.name == "submit"
    )
    data = function.selector + abi.encode(function.types, ("title", b"d" * 32, 7, [land, spend]))
    name, body = TABLE.decode_call(GOVERNANCE.address, 0, data)
    assert (name, body[:3]) == ("proposals.submit", ("title", b"d" * 32, 7))
    assert [(kind, codec.decode(inner)) for kind, inner in body[3]] == [
        ("land.remove_appraiser", (SOMEONE, "moved away")),
        ("distribution.spend", (SOMEONE, codec.encode_amount(10**20), b"m" * 32)),
    ]
    assert TABLE.encode_call(name, body) == (GOVERNANCE.address, data)


def submit(*calls: tuple[Address, bytes]) -> bytes:
    _, function = TABLE.function_of("proposals.submit") or (None, TRANSFER)
    return function.selector + abi.encode(function.types, ("title", b"d" * 32, 0, calls))


SEND_TO = call("transfer.send", SOMEONE, 1, b"")[1]
CLAIM = call("distribution.claim", "land")
REFUSED = [
    (SOMEONE, 1, b"x", "is no system contract: a transaction with 1 bytes of data"),
    (TOKEN.address, 1, b"", "takes no tokens: expected value 0, found 1"),
    (TOKEN.address, 0, b"", "takes no tokens: call one of its functions"),
    (TOKEN.address, 1, SEND_TO, "takes no tokens: expected value 0"),
    (TOKEN.address, 0, SEND_TO + b"\0", "send.*1 bytes after the last value"),
    (TOKEN.address, 0, SEND_TO[:-1], "are needed"),
    (LAND.address, 0, SEND_TO, "LandOracle .* has no function 0xb19f4284"),
    (TOKEN.address, 0, abi.selector("approve(address,uint256)"), "no allowances"),
    (
        TOKEN.address,
        0,
        TRANSFER.selector + abi.encode(TRANSFER.types, (SOMEONE, MAX_AMOUNT + 1)),
        "amount: at most",
    ),
    (GOVERNANCE.address, 0, submit((SOMEONE, b"")), "is no system contract"),
    (GOVERNANCE.address, 0, submit((GOVERNANCE.address, submit())), "cannot carry another one"),
    (GOVERNANCE.address, 0, submit((CLAIM[0], CLAIM[1][:9])), "claim.string.: ABI"),
    (DISTRIBUTION.address, 0, b"\0\0\0", "has no function 0x000000"),
]


@pytest.mark.parametrize(("to", "value", "data", "message"), REFUSED)
def test_what_says_nothing_is_refused(to: Address, value: int, data: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        TABLE.decode_call(to, value, data)


def test_a_message_without_function_has_no_calldata() -> None:
    with pytest.raises(DecodeError, match="is no function"):
        TABLE.encode_call("validators.probe", (b"k" * 32, 1, bytes(32)))
