"""Rows of state: one declaration gives one canonical encoding, and damage is refused by name."""

from dataclasses import dataclass
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codec
from ledger.errors import DecodeError
from ledger.primitives import MAX_AMOUNT, MAX_UINT64, Hash
from ledger.rows import Amount, key, table


class Colour(IntEnum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True, slots=True)
class Sample:
    number: int
    amount: Amount
    maybe: Amount | None
    colour: Colour
    name: str
    digest: Hash
    prices: tuple[int, ...]


SAMPLES = table("test", "sample", Sample)
GOOD = Sample(7, 2**100, None, Colour.BLUE, "월출동", Hash(bytes(32)), (1, 2))


@given(
    st.builds(
        Sample,
        number=st.integers(0, MAX_UINT64),
        amount=st.integers(0, MAX_AMOUNT),
        maybe=st.none() | st.integers(0, MAX_AMOUNT),
        colour=st.sampled_from(Colour),
        name=st.text(max_size=20),
        digest=st.binary(max_size=64).map(Hash),
        prices=st.lists(st.integers(0, MAX_UINT64), max_size=8).map(tuple),
    )
)
def test_every_value_survives_a_round_trip(value: Sample) -> None:
    assert SAMPLES.decode(SAMPLES.encode(value)) == value


@pytest.mark.parametrize(
    ("position", "wrong", "named"),
    [
        (0, b"7", "Sample.number"),
        (1, b"\x00\x07", "Sample.amount"),
        (2, b"\x07", "Sample.maybe"),
        (3, 3, "Sample.colour"),
        (4, b"name", "Sample.name"),
        (5, "digest", "Sample.digest"),
        (6, (1, "2"), "Sample.prices"),
    ],
)
def test_a_damaged_field_is_named(position: int, wrong: object, named: str) -> None:
    wire = list(codec.decode(SAMPLES.encode(GOOD)))
    wire[position] = wrong
    with pytest.raises(DecodeError, match=named):
        SAMPLES.decode(codec.encode(tuple(wire)))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_row_or_a_decode_error(data: bytes) -> None:
    try:
        value = SAMPLES.decode(data)
    except DecodeError:
        return
    assert SAMPLES.encode(value) == data


def test_keys_sort_like_their_numbers() -> None:
    numbers = [(0, 1), (0, 300), (1, 0), (255, 9), (256, 0)]
    assert sorted(key(*pair) for pair in numbers) == [key(*pair) for pair in numbers]
