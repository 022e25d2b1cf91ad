"""Contract ABI: the examples of its specification, and every second encoding of a value refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import abi
from ledger.abi import AbiType, Array, Parameter, Struct
from ledger.errors import DecodeError, InvariantViolation

PAIR = Struct((Parameter("to", abi.ADDRESS), Parameter("amount", abi.UINT256)), "Pair")
NAMED = Struct((Parameter("name", abi.STRING), Parameter("on", abi.BOOL)), "Named")


def words(text: str) -> bytes:
    """Hex digits, each group left- or right-padded by its own writing."""
    return bytes.fromhex("".join(text.split()))


# docs.soliditylang.org, "Contract ABI Specification", Examples: sam() and f().
SAM = words(
    """
    0000000000000000000000000000000000000000000000000000000000000060
    0000000000000000000000000000000000000000000000000000000000000001
    00000000000000000000000000000000000000000000000000000000000000a0
    0000000000000000000000000000000000000000000000000000000000000004
    6461766500000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000003
    0000000000000000000000000000000000000000000000000000000000000001
    0000000000000000000000000000000000000000000000000000000000000002
    0000000000000000000000000000000000000000000000000000000000000003
    """
)
SAM_TYPES = (abi.BYTES, abi.BOOL, Array(abi.UINT256))
# The same page, "Use of Dynamic Types": g(uint256[][],string[]).
NESTED = words(
    """
    0000000000000000000000000000000000000000000000000000000000000040
    0000000000000000000000000000000000000000000000000000000000000140
    0000000000000000000000000000000000000000000000000000000000000002
    0000000000000000000000000000000000000000000000000000000000000040
    00000000000000000000000000000000000000000000000000000000000000a0
    0000000000000000000000000000000000000000000000000000000000000002
    0000000000000000000000000000000000000000000000000000000000000001
    0000000000000000000000000000000000000000000000000000000000000002
    0000000000000000000000000000000000000000000000000000000000000001
    0000000000000000000000000000000000000000000000000000000000000003
    0000000000000000000000000000000000000000000000000000000000000003
    0000000000000000000000000000000000000000000000000000000000000060
    00000000000000000000000000000000000000000000000000000000000000a0
    00000000000000000000000000000000000000000000000000000000000000e0
    0000000000000000000000000000000000000000000000000000000000000003
    6f6e650000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000003
    74776f0000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000005
    7468726565000000000000000000000000000000000000000000000000000000
    """
)
NESTED_TYPES = (Array(Array(abi.UINT256)), Array(abi.STRING))


def test_the_specified_examples() -> None:
    assert abi.selector(abi.signature("sam", SAM_TYPES)).hex() == "a5643bf2"
    assert abi.encode(SAM_TYPES, (b"dave", True, (1, 2, 3))) == SAM
    assert abi.decode(SAM_TYPES, SAM) == (b"dave", True, (1, 2, 3))
    assert abi.selector(abi.signature("g", NESTED_TYPES)).hex() == "2289b18c"
    values = (((1, 2), (3,)), ("one", "two", "three"))
    assert abi.encode(NESTED_TYPES, values) == NESTED
    assert abi.decode(NESTED_TYPES, NESTED) == values


def test_structs_are_inline_when_every_place_is_static() -> None:
    assert (PAIR.name, PAIR.is_dynamic, PAIR.head_bytes) == ("(address,uint256)", False, 64)
    assert (NAMED.name, NAMED.is_dynamic, NAMED.head_bytes) == ("(string,bool)", True, 32)
    types = (abi.BOOL, PAIR, NAMED)
    found = abi.encode(types, (True, (b"a" * 20, 5), ("x", False)))
    assert found[32:64] == bytes(12) + b"a" * 20
    assert found[96:128] == (128).to_bytes(32, "big")
    assert abi.decode(types, found) == (True, (b"a" * 20, 5), ("x", False))
    with pytest.raises(InvariantViolation, match="no places"):
        Struct((), "Empty")


def test_the_topic_and_the_selector_that_every_token_has() -> None:
    assert abi.selector("transfer(address,uint256)").hex() == "a9059cbb"
    assert abi.topic("Transfer(address,address,uint256)").hex().startswith("ddf252ad1be2c89b")


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


REFUSED = [
    ((abi.UINT64,), b"", "32 bytes are needed, 0 are there"),
    ((abi.UINT64,), word(2**64), "uint64 is at most"),
    ((abi.UINT8,), word(256), "uint8 is at most 255"),
    ((abi.UINT64,), word(1) + b"\0", "1 bytes after the last value"),
    ((abi.ADDRESS,), word(2**160), "address has bytes before it"),
    ((abi.BOOL,), word(2), "bool is 0 or 1, found 2"),
    ((abi.BYTES,), word(64) + word(0) + word(0), "offset 64, expected 32"),
    ((abi.BYTES,), word(0) + word(0), "offset 0, expected 32"),
    ((abi.BYTES,), word(2**256 - 1) + word(0), "expected 32"),
    ((abi.BYTES,), word(32), "a word is expected at byte 32"),
    ((abi.BYTES,), word(32) + word(33) + word(0), "bytes of 33 bytes announced, 32 are there"),
    ((abi.BYTES,), word(32) + word(2**255), "announced, 0 are there"),
    ((abi.BYTES,), word(32) + word(1) + b"a", "not padded with zeros"),
    ((abi.BYTES,), word(32) + word(1) + word(1), "not padded with zeros"),
    ((abi.STRING,), word(32) + word(1) + b"\xff" + bytes(31), "not UTF-8"),
    ((Array(abi.BOOL),), word(32) + word(2) + word(1), "of 2 items announced in 32 bytes"),
    ((Array(PAIR),), word(32) + word(2**250), "items announced in 0 bytes"),
    ((Array(NAMED),), word(32) + word(1) + word(64), "offset 64, expected 32"),
    ((abi.BYTES, abi.BYTES), word(64) + word(64) + word(0), "offset 64, expected 96"),
]


@pytest.mark.parametrize(("types", "data", "message"), REFUSED)
def test_what_is_not_canonical_is_refused(
    types: tuple[AbiType, ...], data: bytes, message: str
) -> None:
    with pytest.raises(DecodeError, match=message):
        abi.decode(types, data)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (abi.UINT64, 2**64),
        (abi.UINT256, 2**256),
        (abi.UINT256, -1),
        (abi.INT256, 2**255),
        (abi.ADDRESS, b"a" * 21),
        (abi.BYTES32, b"a"),
    ],
)
def test_values_outside_their_type_are_not_written(kind: AbiType, value: object) -> None:
    with pytest.raises((ValueError, OverflowError)):
        abi.encode((kind,), (value,))


_VALUES = {
    "uint8": st.integers(0, 2**8 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "uint256": st.integers(0, 2**256 - 1),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "address": st.binary(min_size=20, max_size=20),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bool": st.booleans(),
    "bytes": st.binary(max_size=70),
    "string": st.text(max_size=40),
}
elementary: list[AbiType] = [
    *map(abi.Elementary, ("uint8", "uint64", "uint256", "int256", "address", "bytes32", "bool")),
    abi.BYTES,
    abi.STRING,
]


def _struct(parts: list[AbiType]) -> AbiType:
    return Struct(tuple(Parameter(f"p{at}", part) for at, part in enumerate(parts)), "Some")


types = st.recursive(
    st.sampled_from(elementary),
    lambda inner: inner.map(Array) | st.lists(inner, min_size=1, max_size=3).map(_struct),
    max_leaves=6,
)


def values_of(kind: AbiType) -> st.SearchStrategy[object]:
    match kind:
        case Array():
            return st.lists(values_of(kind.item), max_size=3).map(tuple)
        case Struct():
            return st.tuples(*map(values_of, kind.types))
        case _:
            return _VALUES[kind.name]


@given(st.lists(types, max_size=4), st.data())
def test_every_value_comes_back_and_a_changed_byte_is_another_value_or_none(
    kinds: list[AbiType], data: st.DataObject
) -> None:
    values = data.draw(st.tuples(*map(values_of, kinds)))
    encoded = abi.encode(kinds, values)
    assert abi.decode(kinds, encoded) == values
    changed = bytearray(encoded + data.draw(st.sampled_from([b"", bytes(32)])))
    if changed:
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = abi.decode(kinds, bytes(changed))
    except DecodeError:
        return
    assert abi.encode(kinds, found) == changed


@given(st.lists(types, max_size=3), st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused(kinds: list[AbiType], noise: bytes) -> None:
    try:
        found = abi.decode(kinds, noise)
    except DecodeError:
        return
    assert abi.encode(kinds, found) == noise
