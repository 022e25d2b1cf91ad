"""Quorum sizes (consensus.md, "Quorum")."""

import pytest

from consensus.quorum import count_distinct, is_quorum, one_honest, quorum


@pytest.mark.parametrize("n", range(1, 65))
def test_two_quorums_share_an_honest_validator_and_one_is_reachable(n: int) -> None:
    f = (n - 1) // 3
    q = quorum(n)
    assert q == (n + f) // 2 + 1
    assert 2 * q - n > f
    assert q <= n - f
    assert one_honest(n) == f + 1


def test_the_sizes_of_small_sets() -> None:
    assert [quorum(n) for n in range(1, 11)] == [1, 2, 2, 3, 4, 4, 5, 6, 6, 7]


def test_a_repeated_validator_counts_once() -> None:
    assert count_distinct([1, 1, 1, 2]) == 2
    assert not is_quorum([0, 1, 1, 0], 4)
    assert is_quorum([0, 1, 2, 0], 4)
