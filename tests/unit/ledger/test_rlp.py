"""RLP: the examples of its specification, and every second encoding of a value refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import rlp
from ledger.errors import DecodeError

LOREM = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit"

# ethereum.org, "Recursive-length prefix serialization", Examples.
SPECIFIED = [
    ([b"cat", b"dog"], b"\xc8\x83cat\x83dog"),
    ([], b"\xc0"),
    ([b""], b"\xc1\x80"),
    ([b"\0"], b"\xc1\x00"),
    ([b"\x0f"], b"\xc1\x0f"),
    ([b"\x04\x00"], b"\xc3\x82\x04\x00"),
    ([[], [[]], [[], [[]]]], bytes.fromhex("c7c0c1c0c3c0c1c0")),
    ([LOREM], b"\xf8\x3a\xb8\x38" + LOREM),
]


@pytest.mark.parametrize(("value", "encoded"), SPECIFIED)
def test_the_specified_examples(value: rlp.Item, encoded: bytes) -> None:
    assert rlp.encode(value) == encoded
    assert rlp.decode_list(encoded)[0] == value


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        ("", "expected a list"),
        ("83636174", "expected a list"),
        ("c180c0", "1 bytes after the list"),
        ("c2", "2 bytes announced, 0 are there"),
        ("c183", "3 bytes announced, 0 are there"),
        ("c3836361", "3 bytes announced, 2 are there"),
        ("c28105", "byte 0x05 stands for itself"),
        ("c181", "1 bytes announced, 0 are there"),
        ("f80163", "length 01 is not minimal"),
        ("f90001", "length 0001 is not minimal"),
        ("c3b80161", "length 01 is not minimal"),
        ("f8", "length  is not minimal"),
        ("ffffffffffffffffff", "bytes announced"),
        ("c4c3c2c1c0", "nested deeper than 4"),
    ],
)
def test_what_is_not_canonical_is_refused(encoded: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        rlp.decode_list(bytes.fromhex(encoded))


strings = st.binary(max_size=70)
second = st.one_of(strings, st.lists(strings, max_size=4))
items = st.one_of(strings, st.lists(second, max_size=4))


@given(st.lists(items, max_size=6))
def test_an_encoded_list_comes_back(value: list[rlp.Item]) -> None:
    assert rlp.decode_list(rlp.encode(value))[0] == value


@given(st.binary(max_size=80))
def test_what_decodes_encodes_to_the_same_bytes(encoded: bytes) -> None:
    for data in (encoded, rlp.encode_list_of(encoded)):
        try:
            value, _ = rlp.decode_list(data)
        except DecodeError:
            continue
        assert rlp.encode(value) == data
