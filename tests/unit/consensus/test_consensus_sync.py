"""The range planner: bounded ranges to several peers, in order, whatever some of them answer."""

import random

from consensus.sync import (
    MAX_BUFFERED_BLOCKS,
    MAX_RANGE_BLOCKS,
    REQUEST_TIMEOUT_MS,
    REST_MS,
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
    assert plan.received(request.peer, request.first, blocks, now_ms)


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


def test_an_unasked_or_oversized_answer_is_refused() -> None:
    plan = planner(8, a=8)
    assert not plan.received("a", 1, [1], 0)
    (request,) = plan.assign(0)
    assert not plan.received("a", request.first + 1, [2], 0)
    (request,) = plan.assign(0)
    assert not plan.received("a", request.first, list(range(MAX_RANGE_BLOCKS + 1)), 0)


def test_a_short_answer_leaves_the_rest_to_be_asked_again() -> None:
    plan = planner(8, a=8)
    (request,) = plan.assign(0)
    assert plan.received("a", 1, [1, 2], 5)
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
                    plan.received("honest", request.first, blocks, now)
                elif request.peer == "bad" and rnd.random() < 0.5:
                    size = request.last - request.first + 1
                    plan.received("bad", request.first, [-1] * size, now)
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
