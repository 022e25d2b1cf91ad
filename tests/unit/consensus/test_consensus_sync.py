"""The range planner: bounded ranges to several peers, in order, whatever some of them answer."""

import random

import pytest

from consensus.sync import (
    MAX_BUFFERED_BLOCKS,
    MAX_RANGE_BLOCKS,
    REQUEST_TIMEOUT_MS,
    REST_MS,
    SECOND_ASK_MS,
    RangePlanner,
    RangeRequest,
)


def planner(target: int, **peers: int) -> RangePlanner[int]:
    plan: RangePlanner[int] = RangePlanner(1)
    plan.set_target(target)
    for name, height in peers.items():
        plan.peer_seen(name, height)
    return plan


def drain(plan: RangePlanner[int], now_ms: int) -> list[int]:
    taken = []
    while (item := plan.take()) is not None:
        height, block = item
        assert height == block
        plan.applied(height, now_ms)
        taken.append(height)
    return taken


def answer(plan: RangePlanner[int], request: RangeRequest, now_ms: int) -> None:
    blocks = list(range(request.first, request.last + 1))
    assert plan.received(request, blocks, now_ms) == blocks


def test_ranges_go_to_several_peers_and_do_not_overlap() -> None:
    requests = planner(1_000, a=1_000, b=1_000, c=1_000).assign(0)
    covered = [h for r in requests for h in range(r.first, r.last + 1)]
    assert {request.peer for request in requests} == {"a", "b", "c"}
    assert sorted(covered) == list(range(1, len(covered) + 1))
    assert len(set(covered)) == len(covered)


def test_a_peer_is_asked_only_for_what_it_claims() -> None:
    (request,) = planner(1_000, short=3).assign(0)
    assert (request.first, request.last) == (1, 3)


def test_blocks_come_out_in_order() -> None:
    plan = planner(1_000, a=1_000, b=1_000)
    first, second = plan.assign(0)
    answer(plan, second, 10)
    assert drain(plan, 10) == []
    answer(plan, first, 20)
    assert drain(plan, 20) == list(range(1, second.last + 1))


def test_a_silent_peer_loses_its_range_and_rests_after_three_failures() -> None:
    plan = planner(5, silent=5)
    now = 0
    for _ in range(3):
        assert len(plan.assign(now)) == 1
        assert plan.assign(now) == []
        now += REQUEST_TIMEOUT_MS
    assert plan.assign(now) == []
    plan.peer_seen("good", 5)
    (request,) = plan.assign(now)
    assert (request.peer, request.first, request.last) == ("good", 1, 5)
    assert plan.assign(now + REST_MS - 1) == [], "it rests, and the other is still in time"


def test_a_block_that_fails_verification_is_fetched_elsewhere() -> None:
    plan = planner(8, liar=8)
    (request,) = plan.assign(0)
    answer(plan, request, 1)
    assert plan.take() == (1, 1)
    assert plan.reject(1, 2) == "liar"
    assert plan.take() is None
    assert plan.assign(2) == []
    plan.peer_seen("good", 8)
    (again,) = plan.assign(2)
    assert (again.peer, again.first) == ("good", 1)


def ranges(round_trip_ms: int, block_us: int, requests: int) -> list[tuple[int, int]]:
    """(blocks, ms until the answer) of the requests to the only peer that holds them."""
    plan, now_ms, found = planner(10_000, only=10_000), 0, []
    for _ in range(requests):
        (request,) = plan.assign(now_ms)
        took_ms = round_trip_ms + request.blocks * block_us // 1000
        now_ms += took_ms
        answer(plan, request, now_ms)
        drain(plan, now_ms)
        found.append((request.blocks, took_ms))
    return found


@pytest.mark.parametrize("round_trip_ms", [5, 300, 600, 900])
def test_a_distant_peer_is_not_asked_for_fewer_and_fewer(round_trip_ms: int) -> None:
    """The one archive of a town may be far away. Seed 1064 of the simulator, whose nodes remove
    old blocks, got one block each 0.8 s from it, and would have fallen behind for ever."""
    sizes = [blocks for blocks, _ in ranges(round_trip_ms, 1_000, 12)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == MAX_RANGE_BLOCKS


@pytest.mark.parametrize("block_us", [50_000, 250_000, 900_000])
@pytest.mark.parametrize("round_trip_ms", [5, 90])
def test_a_slow_peer_is_asked_for_what_it_gives_before_another_would_be_asked(
    round_trip_ms: int, block_us: int
) -> None:
    later = ranges(round_trip_ms, block_us, 20)[3:]
    assert all(took_ms <= SECOND_ASK_MS + block_us // 1000 for _, took_ms in later), later


def test_an_unasked_or_oversized_answer_is_refused() -> None:
    plan = planner(8, a=8)
    assert not plan.received(RangeRequest("a", 1, 1, 0), [1], 0)
    (request,) = plan.assign(0)
    assert not plan.received(RangeRequest("a", 2, 2, 0), [2], 0), "nobody asked for that"
    assert plan.assign(0) == [], "and the question still stands"
    assert not plan.received(request, list(range(MAX_RANGE_BLOCKS + 1)), 0)
    assert plan.take() is None
    (again,) = plan.assign(0)
    assert again.first == 1


def test_a_silent_peer_s_range_is_asked_of_one_more_peer_after_a_second() -> None:
    plan = planner(8, silent=8)
    (first,) = plan.assign(0)
    plan.peer_seen("good", 8)
    plan.peer_seen("third", 8)
    assert plan.assign(SECOND_ASK_MS - 1) == []
    assert plan.next_due_ms(0) == SECOND_ASK_MS
    (second,) = plan.assign(SECOND_ASK_MS)
    assert (first.peer, second.peer) == ("silent", "good")
    assert (second.first, second.last) == (1, 8)
    answer(plan, second, SECOND_ASK_MS + 20)
    assert drain(plan, SECOND_ASK_MS + 20) == list(range(1, 9))
    assert plan.done


def test_never_more_than_two_are_asked_for_one_block() -> None:
    plan = planner(8, a=8, b=8, c=8, d=8)
    open_requests: dict[object, RangeRequest] = {}
    for now in range(0, 3 * REQUEST_TIMEOUT_MS, 50):
        for request in plan.assign(now):
            open_requests[request.peer] = request
        for height in range(1, 9):
            asked = [
                r
                for r in open_requests.values()
                if r.first <= height <= r.last and now < r.deadline_ms
            ]
            assert len(asked) <= 2, (now, height)


def test_what_withholding_peers_cost() -> None:
    """The bound of the simulator's promise: 5 s for each two of them, 1 s for an odd one."""
    for liars in range(11):
        plan: RangePlanner[int] = RangePlanner(1)
        plan.set_target(8)
        for number in range(liars):
            plan.peer_seen(number, 8)
        plan.peer_seen("honest", 8)
        now = 0
        got: list[int] = []
        while not got:
            for request in plan.assign(now):
                if request.peer == "honest":
                    answer(plan, request, now)
                    got = drain(plan, now)
            if not got:
                due = plan.next_due_ms(now)
                assert due is not None
                now = due
        assert got == list(range(1, 9))
        assert now == liars // 2 * REQUEST_TIMEOUT_MS + liars % 2 * SECOND_ASK_MS, liars


def test_the_slower_of_two_answers_is_no_failure_and_changes_nothing() -> None:
    plan = planner(8, slow=8)
    (first,) = plan.assign(0)
    plan.peer_seen("good", 8)
    (second,) = plan.assign(SECOND_ASK_MS)
    answer(plan, second, SECOND_ASK_MS + 10)
    drain(plan, SECOND_ASK_MS + 10)
    assert plan.received(first, list(range(1, 9)), SECOND_ASK_MS + 500) == []
    assert plan.take() is None
    plan.set_target(16)
    plan.peer_seen("slow", 16)
    (again,) = plan.assign(SECOND_ASK_MS + 500)
    assert (again.peer, again.first) == ("slow", 9), "it is asked again at once"


def test_an_answer_after_the_deadline_is_used_and_forgives_the_failures() -> None:
    plan = planner(16, slow=16)
    now = 0
    for _ in range(20):
        (request,) = plan.assign(now)
        late = now + REQUEST_TIMEOUT_MS + 200
        assert len(plan.assign(now + REQUEST_TIMEOUT_MS)) <= 1
        assert plan.received(request, list(range(request.first, request.last + 1)), late)
        drain(plan, late)
        assert plan.withholding() == []
        now = late + REQUEST_TIMEOUT_MS  # the second question, for the same, is overdue too
        if plan.done:
            break
    assert plan.done


def test_who_gives_nothing_three_times_is_named_once() -> None:
    plan = planner(8, liar=8)
    for number in range(3):
        assert plan.withholding() == []
        (request,) = plan.assign(number)
        assert not plan.received(request, [], number)
    assert plan.withholding() == ["liar"]
    assert plan.withholding() == []
    plan.lower_target(0)
    assert plan.done


def test_a_short_answer_leaves_the_rest_to_be_asked_again() -> None:
    plan = planner(8, a=8)
    (request,) = plan.assign(0)
    assert plan.received(request, [1, 2], 5) == [1, 2]
    (rest,) = plan.assign(5)
    assert (rest.first, request.first) == (3, 1)


def test_the_buffer_is_bounded_while_the_first_range_is_missing() -> None:
    plan = planner(10**6, slow=10**6, fast=10**6)
    slow, fast = plan.assign(0)
    highest = 0
    for now in range(1, 200):
        answer(plan, fast, now)
        requests = plan.assign(now)
        if not requests:
            break
        (fast,) = requests
        highest = max(highest, fast.last)
    assert highest == slow.first + MAX_BUFFERED_BLOCKS - 1


def test_progress_is_told_in_integers() -> None:
    plan = planner(100, a=100)
    assert plan.progress(0).seconds_left is None
    for height in range(1, 51):
        plan.applied(height, height * 100)
    progress = plan.progress(5_000)
    assert (progress.height, progress.target) == (50, 100)
    assert progress.blocks_per_second == 10
    assert progress.seconds_left == 5
    for height in range(51, 101):
        plan.applied(height, height * 100)
    assert plan.done
    assert plan.progress(10_000).seconds_left == 0


def test_any_mix_of_good_and_bad_peers_reaches_the_target() -> None:
    """Seeded: peers answer late, wrongly, in part, or vanish; one is honest."""
    for seed in range(30):
        rnd = random.Random(seed)
        plan = planner(300, honest=300, bad=300, lazy=300)
        now, got = 0, []
        for _ in range(5_000):
            now += rnd.randrange(1, 400)
            for request in plan.assign(now):
                if request.peer == "honest":
                    count = rnd.randrange(1, request.last - request.first + 2)
                    blocks = list(range(request.first, request.first + count))
                    plan.received(request, blocks, now)
                elif request.peer == "bad" and rnd.random() < 0.5:
                    size = request.last - request.first + 1
                    plan.received(request, [-1] * size, now)
                elif rnd.random() < 0.2:
                    plan.peer_lost(request.peer)
                    plan.peer_seen(request.peer, 300)
            while (item := plan.take()) is not None:
                height, block = item
                if block != height:
                    assert plan.reject(height, now) == "bad"
                    continue
                plan.applied(height, now)
                got.append(height)
            if plan.done:
                break
        assert got == list(range(1, 301)), seed
