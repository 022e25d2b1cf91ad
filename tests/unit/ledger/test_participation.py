"""Rule 9 of consensus.md, sentence by sentence, on sequences of blocks."""

from collections.abc import Iterable

import msgspec
import pytest

from consensus.rotation import proposer_of
from ledger import participation
from ledger.participation import (
    GONE,
    MAX_REPEATS,
    BlockRecord,
    History,
    Source,
    advance,
    eligible,
    initial_history,
    with_next_turn,
)
from ledger.registry import max_faulty, quorum


def mask(indices: Iterable[int]) -> int:
    return sum(1 << index for index in indices)


def after_block(
    history: History,
    sealers: Iterable[int] | None = None,
    *,
    view: int = 0,
    proposer: int | None = None,
    late: Iterable[int] = (),
) -> History:
    """One more block: sealed by all and proposed in turn, unless told otherwise."""
    n = len(history.members)
    sealed = range(n) if sealers is None else sealers
    by = history.next_turn if proposer is None else proposer
    record = BlockRecord(by, view, mask(sealed), mask(late))
    return with_next_turn(advance(history, record), by)


def after(history: History, heights: int, sealers: Iterable[int] | None = None) -> History:
    sealed = None if sealers is None else tuple(sealers)
    for _ in range(heights):
        history = after_block(history, sealed)
    return history


def settled(n: int) -> History:
    """Everyone sealed for as long as rule 9 looks back."""
    return after(initial_history(n, 0), 4 * n)


def failed_turn(history: History) -> tuple[History, int, int]:
    """The next height's view-0 proposer fails; (history that knows it, who, at which height).

    The block is proposed by the one after it, and the block after that embeds the certificate.
    """
    failing = history.next_turn
    substitute = proposer_of(1, history_proposer(history), eligible(history), len(history.members))
    history = after_block(history, proposer=substitute)
    return after_block(history, view=1), failing, history.height


def history_proposer(history: History) -> int:
    return history.blocks[-1].proposer


def heights_skipped(history: History, validator: int, limit: int = 2_000) -> int:
    """Consecutive lists from the next height on that leave `validator` out, while all seal."""
    for skipped in range(limit):
        if validator in eligible(history):
            return skipped
        history = after_block(history)
    raise AssertionError("still skipped")


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 10, 16, 32])
def test_rule_9_everyone_proposes_in_turn_while_everyone_takes_part(n: int) -> None:
    history = settled(n)
    assert eligible(history) == tuple(range(n))
    turns = []
    for _ in range(n):
        turns.append(history.next_turn)
        history = after_block(history)
    assert sorted(turns) == list(range(n))


@pytest.mark.parametrize("n", [3, 4, 7, 10])
def test_rule_9_i_a_failed_view_0_turn_skips_for_n_heights(n: int) -> None:
    history, failing, _ = failed_turn(settled(n))
    assert failing not in eligible(history)
    assert heights_skipped(history, failing) == n


def test_rule_9_i_only_the_view_0_proposer_is_skipped() -> None:
    history = settled(7)
    failing = history.next_turn
    history = after_block(history, proposer=(failing + 3) % 7)
    history = after_block(history, view=3)
    assert set(range(7)) - set(eligible(history)) == {failing}


def test_rule_9_i_a_certificate_of_view_0_is_no_failed_turn() -> None:
    history = after_block(settled(4), view=0)
    assert eligible(history) == (0, 1, 2, 3)


def test_rule_9_i_the_first_block_has_no_parent_turn_that_could_fail() -> None:
    history = initial_history(4, 0)
    assert history.turn == GONE
    assert eligible(after_block(history)) == (0, 1, 2, 3)


def test_rule_9_i_j_grows_with_repeats_to_at_most_6() -> None:
    history, n = settled(4), 4
    failing = 2
    lengths = []
    for _ in range(MAX_REPEATS + 3):
        while history.next_turn != failing:
            history = after_block(history)
        history, who, _ = failed_turn(history)
        assert who == failing
        lengths.append(heights_skipped(history, failing))
        while failing not in eligible(history):
            history = after_block(history)
    assert lengths == [n * 2**j for j in (0, 1, 2, 3, 4, 5, 6, 6, 6)]


@pytest.mark.parametrize(("extra", "length"), [(0, 8), (1, 4)])
def test_rule_9_i_j_resets_after_2n_heights_without_a_failed_turn(extra: int, length: int) -> None:
    """Heights of a skip do not count: it has no turn in them that could fail."""
    n = 4
    history, failing, _ = failed_turn(settled(n))
    history = after(history, heights_skipped(history, failing) + 2 * n + extra)
    skip_until = history.members[failing].skip_until
    assert history.height == skip_until + 2 * n + extra
    # The certificate of height skip_until + 2n is embedded one height later.
    repeats = history.members[failing].repeats
    assert n * 2**repeats == length


def embedded_by(n: int, embedders: set[int], heights: int, *, late: bool = False) -> History:
    """Validator n-1 seals, but only these proposers embed it."""
    history = settled(n)
    others = range(n - 1)
    for _ in range(heights):
        embeds = history.next_turn in embedders
        if late:
            history = after_block(history, others, late=[n - 1] if embeds else [])
        else:
            history = after_block(history, range(n) if embeds else others)
    return history


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("n", [4, 7, 10])
def test_rule_9_ii_fewer_than_f_plus_1_distinct_proposers_embedded_its_seal(
    n: int, late: bool
) -> None:
    f = max_faulty(n)
    assert n - 1 not in eligible(embedded_by(n, set(range(f)), 2 * n, late=late))
    assert n - 1 in eligible(embedded_by(n, set(range(f + 1)), 2 * n, late=late))


def test_rule_9_ii_counts_the_last_2n_heights() -> None:
    """With f + 1 = 2: skipped once the last two of its embedders left the window."""
    n = 4
    history = settled(n)
    silent = [history := after_block(history, range(3)) for _ in range(2 * n)]
    skipped_from = [3 not in eligible(each) for each in silent]
    window_proposers = 2 * n - 1  # after so many silent blocks one old block is left
    assert skipped_from.index(True) + 1 == window_proposers
    assert all(skipped_from[window_proposers - 1 :])


def test_rule_9_ii_a_seal_brings_it_back_once_f_plus_1_proposers_embedded_it() -> None:
    history = after(settled(4), 8, range(3))
    assert 3 not in eligible(history)
    history = after_block(history)
    assert 3 not in eligible(history)
    history = after_block(history)
    assert 3 in eligible(history)


def test_rule_9_ii_counts_once_it_has_been_active_2n_heights() -> None:
    n = 4
    history = initial_history(n, 0)
    for height in range(1, 2 * n):
        history = after_block(history, range(3))
        assert 3 in eligible(history), height
    assert 3 not in eligible(after_block(history, range(3)))


def test_rule_9_ii_a_joiner_is_active_from_its_first_height() -> None:
    history = settled(3)
    sources = [Source(index, True) for index in range(3)] + [None]
    record = BlockRecord(history.next_turn, 0, mask(range(3)), 0)
    history = with_next_turn(advance(history, record, sources), record.proposer)
    assert history.members[3].active_since == history.height + 1
    for _ in range(7):
        history = after_block(history, range(3))
        assert 3 in eligible(history)
    assert 3 not in eligible(after_block(history, range(3)))


@pytest.mark.parametrize("n", range(1, 33))
def test_rule_9_never_more_than_n_minus_quorum_are_skipped(n: int) -> None:
    history = after(settled(n), 2 * n, ())
    for index in range(n):
        history = participation.suspended(history, index, 1)
    assert len(eligible(history)) == quorum(n)
    assert eligible(history)


def missing_from(history: History, last_embedded: dict[int, int]) -> History:
    """As if no window block embedded any seal, and these heights were the last."""
    members = tuple(
        msgspec.structs.replace(member, last_embedded=last_embedded.get(index, 0))
        for index, member in enumerate(history.members)
    )
    blocks = tuple(BlockRecord(block.proposer, 0, 0, 0) for block in history.blocks)
    return msgspec.structs.replace(history, members=members, blocks=blocks)


def skipped(history: History) -> set[int]:
    return set(range(len(history.members))) - set(eligible(history))


def test_rule_9_skips_suspended_ones_first_then_longest_missing_ties_by_index() -> None:
    history = settled(7)  # n - quorum(n) = 2
    longest = missing_from(history, dict(enumerate([9, 8, 7, 3, 5, 9, 9])))
    assert skipped(longest) == {3, 4}
    assert skipped(participation.suspended(longest, 6, 1)) == {6, 3}
    tied = missing_from(history, dict.fromkeys(range(7), 5))
    assert skipped(tied) == {0, 1}
    both = participation.suspended(participation.suspended(tied, 6, 1), 5, 1)
    assert skipped(both) == {5, 6}
    three = participation.suspended(both, 2, 1)
    assert skipped(three) == {2, 5}


def test_rule_9_an_empty_list_means_all() -> None:
    """The state never gives one; consensus would take all."""
    assert [proposer_of(0, parent, (), 4) for parent in range(4)] == [1, 2, 3, 0]


def test_rule_9_a_validator_that_is_over_the_cap_keeps_its_turn_and_may_fail_again() -> None:
    history = settled(4)  # one may be skipped
    history = participation.suspended(history, 0, 1)
    while history.next_turn != 2:
        history = after_block(history)
    history, failing, _ = failed_turn(history)
    assert failing == 2
    assert skipped(history) == {0}
    assert history.members[2].repeats == 1
    while history.next_turn != 2:
        history = after_block(history)
    history, _, height = failed_turn(history)
    assert history.members[2].skip_until == height + 1 + 4 * 2


@pytest.mark.parametrize("n", [1, 4, 7])
def test_rule_9_the_expected_proposer_is_the_one_that_consensus_asks(n: int) -> None:
    """The list for h comes from the state after h-1; proposer = next eligible after the parent's
    proposer. A turn is judged by the same rule as consensus counts by."""
    history = settled(n)
    for step in range(6 * n):
        asked = proposer_of(0, history_proposer(history), eligible(history), n)
        assert history.next_turn == asked
        history = after_block(history, range(n - max_faulty(n)), view=step % 2, proposer=asked)


def test_a_removed_validator_takes_its_record_and_its_turn_with_it() -> None:
    history = after(settled(4), 8, range(3))
    sources = [Source(0, True), Source(2, True), Source(3, True)]
    gone = msgspec.structs.replace(history, next_turn=1)
    record = BlockRecord(1, 0, mask(range(3)), 0)
    realigned = advance(gone, record, sources)
    assert len(realigned.members) == 3
    assert realigned.turn == GONE
    assert [block.sealed for block in realigned.blocks][-1] == mask([0, 1])
    assert {block.proposer for block in realigned.blocks} <= {0, 1, 2, GONE}


def test_a_new_key_starts_without_seals_and_stays_suspended() -> None:
    history = participation.suspended(settled(4), 2, 5)
    sources = [Source(index, index != 2) for index in range(4)]
    record = BlockRecord(0, 0, mask(range(4)), 0)
    rotated = advance(history, record, sources)
    assert not participation.has_recent_seal(rotated, 2)
    assert participation.has_recent_seal(rotated, 1)
    assert rotated.members[2].suspended_at == 5
    assert rotated.members[2].active_since == rotated.height + 1


def test_history_is_bounded_and_survives_encoding() -> None:
    history = after(settled(32), 100)
    assert len(history.blocks) == 2 * 33
    raw = participation.encode_history(history)
    assert participation.decode_history(raw) == history
    assert len(raw) < 2_048
