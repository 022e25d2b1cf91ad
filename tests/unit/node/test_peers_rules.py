"""The pure parts of the peer manager: backoff, priorities and bounds, scores, budgets."""

from hypothesis import given
from hypothesis import strategies as st

from node.network.backoff import RECONNECT_CAP_MS, RECONNECT_FIRST_MS, Backoff
from node.network.frame_queue import FrameQueue, QueueBound
from node.network.reputation import (
    AFTER_BAN_POINTS,
    BAD_MESSAGE_POINTS,
    BAN_S,
    FULL_POINTS,
    Reputation,
)
from node.network.token_bucket import TokenBucket
from node.network.wire import DATA_KINDS, FrameKind

KEY = b"k" * 32
SMALL = dict.fromkeys(DATA_KINDS, QueueBound(max_bytes=100, max_frames=4))


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=40, max_size=40))
def test_reconnects_back_off_to_two_seconds_and_never_beyond(jitter: list[float]) -> None:
    """consensus.md rule 3."""
    draws = iter(jitter)
    backoff = Backoff(lambda: next(draws))
    delays = [backoff.next_ms() for _ in range(40)]
    assert delays[0] == 0
    for attempt, delay in enumerate(delays[1:]):
        whole = min(RECONNECT_CAP_MS, RECONNECT_FIRST_MS * 2**attempt)
        assert whole / 2 <= delay <= whole
    assert max(delays) <= RECONNECT_CAP_MS == 2_000


def test_after_a_success_the_first_delay_comes_again() -> None:
    backoff = Backoff(lambda: 0.0)
    for _ in range(10):
        backoff.next_ms()
    backoff.reset()
    assert backoff.next_ms() == RECONNECT_FIRST_MS


def test_consensus_goes_before_sync_before_transactions() -> None:
    queue = FrameQueue()
    for kind in reversed(DATA_KINDS):
        for number in range(3):
            queue.push(kind, bytes((number,)))
    popped = [queue.pop() for _ in range(9)]
    assert popped == [(kind, bytes((n,))) for kind in DATA_KINDS for n in range(3)]


def test_a_full_consensus_lane_drops_its_oldest_frame() -> None:
    queue = FrameQueue(SMALL)
    dropped = [queue.push(FrameKind.CONSENSUS, bytes((n,))) for n in range(6)]
    assert dropped == [0, 0, 0, 0, 1, 1]
    assert [queue.pop()[1][0] for _ in range(4)] == [2, 3, 4, 5]


def test_a_full_transaction_lane_drops_the_new_frame() -> None:
    queue = FrameQueue(SMALL)
    dropped = [queue.push(FrameKind.TRANSACTIONS, bytes((n,))) for n in range(6)]
    assert dropped == [0, 0, 0, 0, 1, 1]
    assert [queue.pop()[1][0] for _ in range(4)] == [0, 1, 2, 3]


def test_a_full_lane_takes_nothing_from_the_others() -> None:
    queue = FrameQueue(SMALL)
    queue.push(FrameKind.TRANSACTIONS, bytes(100))
    assert queue.push(FrameKind.TRANSACTIONS, b"x") == 1
    assert queue.push(FrameKind.CONSENSUS, bytes(100)) == 0
    assert queue.bytes_of(FrameKind.CONSENSUS) == 100


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(DATA_KINDS), st.binary(min_size=1, max_size=120)),
            st.none(),
        )
    )
)
def test_bounds_and_totals_hold_after_any_sequence(
    steps: list[tuple[FrameKind, bytes] | None],
) -> None:
    queue = FrameQueue(SMALL)
    for step in steps:
        if step is not None:
            queue.push(*step)
        elif queue:
            queue.pop_batch(60)
        sizes = [queue.bytes_of(kind) for kind in DATA_KINDS]
        # One frame alone may be larger than the bound: its kind has its own maximum.
        assert all(size <= 120 for size in sizes)
        assert sum(sizes) == queue.total_bytes
        assert len(queue) <= 4 * len(DATA_KINDS)
    while queue:
        queue.pop()
    assert queue.total_bytes == 0


def test_rubbish_bans_for_a_bounded_time_and_time_forgives() -> None:
    scores = Reputation()
    offences = 0
    while not scores.lower(KEY, BAD_MESSAGE_POINTS, now_s=0.0):
        offences += 1
    assert offences == FULL_POINTS // BAD_MESSAGE_POINTS - 1
    assert scores.banned_for_s(KEY, 0.0) == BAN_S
    assert scores.banned_for_s(KEY, BAN_S) == 0
    assert scores.points(KEY, 0.0) == AFTER_BAN_POINTS
    assert scores.points(KEY, 1e6) == FULL_POINTS


def test_a_slow_drip_of_offences_never_bans() -> None:
    scores = Reputation()
    assert not any(
        scores.lower(KEY, BAD_MESSAGE_POINTS, now_s=float(n * BAD_MESSAGE_POINTS))
        for n in range(500)
    )


def test_scores_are_kept_for_registered_keys_only() -> None:
    scores = Reputation()
    scores.lower(KEY, 30, 0.0)
    scores.keep_only(frozenset())
    assert scores.points(KEY, 0.0) == FULL_POINTS


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 3)), max_size=60))
def test_a_budget_never_gives_more_than_burst_and_rate(steps: list[tuple[int, float]]) -> None:
    now_s, spent = 0.0, 0
    bucket = TokenBucket(per_second=10, burst=40, now_s=now_s)
    for units, wait_s in steps:
        now_s += wait_s
        spent += units if bucket.take(units, now_s) else 0
        assert spent <= 40 + 10 * now_s + 1e-6


def test_a_debt_is_paid_back_before_anything_else() -> None:
    bucket = TokenBucket(per_second=10, burst=40, now_s=0.0)
    assert bucket.take(1, 0.0)
    bucket.owe(59)
    assert not bucket.take(1, 2.0)
    assert bucket.take(1, 2.1)
