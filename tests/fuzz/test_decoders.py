"""Every decoder is total: a value or its documented error, in bounded time and memory, and a
canonical one accepts no second encoding of a value."""

from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.checking import check, check_memory, hostile
from tests.fuzz.decoders import DECODERS
from tests.fuzz.mutation import MAX_RANDOM_BYTES, mutate

EXAMPLES = 60
HOSTILE_COUNTS = (512, 1_020, 4_096, 16_000)

every_decoder = pytest.mark.parametrize("name", sorted(DECODERS))


@every_decoder
def test_samples_are_what_the_decoder_reads(name: str) -> None:
    """Else mutations of them would test nothing; no seal in the sample proofs is real."""
    decoder = DECODERS[name]
    assert decoder.samples
    if name != "proof":
        assert any(check(decoder, sample) for sample in decoder.samples)


@every_decoder
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1))
def test_a_mutated_sample_is_refused_or_canonical(name: str, seed: int) -> None:
    decoder = DECODERS[name]
    check(decoder, mutate(decoder.samples, decoder.shape, Random(seed)))


@every_decoder
@settings(max_examples=EXAMPLES // 2)
@given(data=st.binary(max_size=MAX_RANDOM_BYTES))
@example(data=b"")
def test_any_bytes_give_a_value_or_the_documented_error(name: str, data: bytes) -> None:
    check(DECODERS[name], data)


@every_decoder
def test_what_promises_more_than_it_holds_costs_no_memory(name: str) -> None:
    """Length fields without content, and nesting without end."""
    for count in HOSTILE_COUNTS:
        for data in hostile(count):
            check_memory(DECODERS[name], data)
