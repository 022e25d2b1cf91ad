"""Whose turn it is to propose (rule 9)."""

from collections.abc import Sequence


def proposer_of(view: int, parent_proposer: int, eligible: Sequence[int], n: int) -> int:
    """Index of the proposer of `view`: the next eligible after the parent's proposer, + view.

    eligible: ascending indices from the state after the parent; empty means all. Views past the
    end of the list use all validators, so that a wrong list never stops the chain; they go on from
    the last of the list, so that nobody has two turns in a row and a silent one costs one timeout.
    """
    turn = [index for index in eligible if index < n] or list(range(n))
    start = next((i for i, index in enumerate(turn) if index > parent_proposer), 0)
    if view < len(turn):
        return turn[(start + view) % len(turn)]
    return (turn[start - 1] + 1 + view - len(turn)) % n
