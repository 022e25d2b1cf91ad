"""Whose turn it is to propose (rule 9)."""

from collections.abc import Sequence


def proposer_of(view: int, parent_proposer: int, eligible: Sequence[int], n: int) -> int:
    """Index of the proposer of `view`: the next eligible after the parent's proposer, + view.

    eligible: ascending indices from the state after the parent; empty means all. Views past the
    end of the list use all validators, so that a wrong list never stops the chain.
    """
    turn = [index for index in eligible if index < n]
    if not turn or view >= len(turn):
        return (parent_proposer + 1 + view) % n
    start = next((i for i, index in enumerate(turn) if index > parent_proposer), 0)
    return turn[(start + view) % len(turn)]
