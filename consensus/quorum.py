"""How many distinct validators decide, and how many contain an honest one."""

from collections.abc import Collection

from ledger import registry


def quorum(n: int) -> int:
    """floor((n + f) / 2) + 1: two quorums share an honest validator, for every n.

    2f + 1 is the same only when n = 3f + 1; with n = 6 it forks (consensus.md, "Quorum").
    """
    return registry.quorum(n)


def one_honest(n: int) -> int:
    """f + 1: so many distinct validators include an honest one."""
    return registry.max_faulty(n) + 1


def is_quorum(voters: Collection[int], n: int) -> bool:
    """True when `voters` (indices) are a quorum of n; the same validator counts once."""
    return count_distinct(voters) >= quorum(n)


def count_distinct(voters: Collection[int]) -> int:
    """Number of different validators; a repeated one adds nothing."""
    return len(set(voters))
