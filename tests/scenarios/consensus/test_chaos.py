"""Seeded chaos: loss, delay, duplication, crashes, skewed clocks, and a Byzantine validator.

First anything happens and only safety is asked for; then faults stop (W falls silent or goes on),
and a new block must come. A failing case names its seed.
"""

import random
from dataclasses import replace
from functools import partial
from typing import TypeVar

import pytest

from consensus.message_wire import decode, encode
from consensus.messages import (
    BlockRequest,
    BlockResponse,
    CertifiedBlock,
    EvidenceMessage,
    LateSealMessage,
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from ledger.errors import DecodeError
from ledger.primitives import Hash
from ledger.registry import Certificate, Evidence, LateSeal, Phase
from tests.support.consensus_blocks import Block, make_set, read_block
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_node import sign

M = TypeVar("M", bound=Message)
SIZES = (1, 2, 3, 4, 4, 4, 5, 6, 7, 10)


class Weather:
    """What the network does to each message, from one seed."""

    def __init__(self, cluster: Cluster, rnd: random.Random) -> None:
        self.cluster, self.rnd = cluster, rnd
        self.loss = rnd.choice((0.0, 0.1, 0.3, 0.6))
        self.longest_ms = rnd.choice((20, 300, 2_000))
        self.overheard: list[Message] = []
        cluster.transport = self.send

    def send(self, source: int, target: int, message: Message) -> None:
        if len(self.overheard) < 400:
            self.overheard.append(message)
        else:
            self.overheard[self.rnd.randrange(400)] = message
        copies = 2 if self.rnd.random() < 0.05 else 1
        for _ in range(copies):
            if self.rnd.random() >= self.loss:
                self.cluster.later(
                    self.rnd.randrange(1, self.longest_ms),
                    partial(self.cluster.arrive, source, target, encode(message)),
                )


class Liar:
    """A Byzantine validator that says everything its key can sign."""

    def __init__(self, cluster: Cluster, weather: Weather, index: int, rnd: random.Random) -> None:
        self.cluster, self.weather, self.index, self.rnd = cluster, weather, index, rnd

    def speak(self) -> None:
        for _ in range(self.rnd.randrange(1, 6)):
            message = self.lie()
            if message is None or not _is_decodable(message):
                continue
            for target in self.cluster.nodes:
                if self.rnd.random() < 0.6:
                    self.cluster.receive(target, message, self.index)

    def lie(self) -> Message | None:
        rnd, index = self.rnd, self.index
        height = max(self.cluster.heights()) + rnd.choice((-1, 0, 1, 1, 1, 1, 2))
        view = rnd.choice((0, 0, 1, 1, 2, 3, 9, 2**31))
        kind = rnd.randrange(11)
        if height < 1:
            return None
        block_hash = self.some_hash()
        match kind:
            case 0 | 1:
                phase = rnd.choice((Phase.PREPARE, Phase.COMMIT))
                return self.signed(Vote(phase, height, view, block_hash, index))
            case 2:
                justification = self.pick(NewView)
                return self.signed(
                    PrePrepare(height, view, self.some_block(height), index, justification)
                )
            case 3:
                claim = self.pick(ViewChangeMessage)
                certificate = None if claim is None else claim.certificate
                return self.signed(self.view_change(height, view, certificate))
            case 4:
                votes = [m.vote for m in self.weather.overheard if isinstance(m, ViewChangeMessage)]
                claim = self.pick(ViewChangeMessage)
                chosen = rnd.sample(votes, min(len(votes), self.cluster.n))
                chosen.sort(key=lambda vote: vote.validator)
                certificate = None if claim is None else claim.certificate
                return NewView(height, view, tuple(chosen), certificate)
            case 5:
                return Status(rnd.choice((height, 10**12)), view, True, 0, 2**32 - 1, 5)
            case 6:
                seals = tuple((i, rnd.randbytes(64)) for i in range(self.cluster.n))
                block = self.some_block(height)
                return CertifiedBlock(Certificate(height, view, block.hash, seals), block)
            case 7:
                return rnd.choice(
                    (BlockRequest(height, block_hash), BlockResponse(self.some_block(height)))
                )
            case 8:
                return EvidenceMessage(
                    Evidence(
                        Phase.COMMIT,
                        height,
                        view,
                        rnd.randrange(32),
                        b"a",
                        bytes(64),
                        b"b",
                        bytes(64),
                    )
                )
            case 9:
                return LateSealMessage(LateSeal(height, view, block_hash, index, bytes(64)))
            case _:
                return rnd.choice(self.weather.overheard) if self.weather.overheard else None

    def view_change(
        self, height: int, view: int, certificate: PreparedCertificate | None
    ) -> ViewChangeMessage:
        if certificate is None or self.rnd.random() < 0.5:
            return ViewChangeMessage(ViewChange(height, view, None, None, self.index), None)
        vote = ViewChange(height, view, certificate.view, certificate.block_hash, self.index)
        return ViewChangeMessage(vote, certificate)

    def signed(self, message: Vote | PrePrepare | ViewChangeMessage) -> Message:
        signed: Message = sign(self.cluster.signers[self.index], message)
        return signed

    def some_block(self, height: int) -> Block:
        seen = self.pick(PrePrepare)
        if seen is not None and isinstance(seen.proposal, Block) and self.rnd.random() < 0.5:
            return seen.proposal
        node = self.rnd.choice(list(self.cluster.nodes.values()))
        return Block(
            height,
            node.head.block_hash,
            self.cluster.now_ms,
            self.rnd.randrange(self.cluster.n),
            self.cluster.validators.hash(),
            transactions=(self.rnd.randbytes(3),),
        )

    def some_hash(self) -> Hash:
        votes = self.pick(Vote)
        return votes.block_hash if votes is not None else Hash(self.rnd.randbytes(32))

    def pick(self, kind: type[M]) -> M | None:
        held = [m for m in self.weather.overheard if isinstance(m, kind)]
        return self.rnd.choice(held) if held else None


def _is_decodable(message: Message) -> bool:
    """What has no canonical form never reaches a replica."""
    try:
        decode(encode(message), read_block)
    except DecodeError:
        return False
    return True


def chaos(seed: int, *, set_changes: bool = False) -> None:
    rnd = random.Random(seed)
    n = SIZES[seed % len(SIZES)]
    f = (n - 1) // 3
    byzantine = tuple(rnd.sample(range(n), rnd.randrange(f + 1))) if rnd.random() < 0.8 else ()
    cluster = Cluster(n, byzantine=byzantine, observers=int(set_changes))
    if set_changes:
        _let_the_last_one_come_and_go(cluster, rnd)
    weather = Weather(cluster, rnd)
    liars = [Liar(cluster, weather, index, rnd) for index in byzantine]
    lists = [tuple(sorted(rnd.sample(range(n), rnd.randrange(n + 1)))) for _ in range(7)]
    cluster.eligible_after = lambda height: lists[height % len(lists)]
    longest_work_ms = rnd.choice((1, 1, 200))
    cluster.work_delay_ms = lambda: rnd.randrange(longest_work_ms)
    for node in cluster.nodes.values():
        node.clock_skew_ms = rnd.randrange(-2_000, 2_000)
    for step in range(rnd.randrange(3, 14)):
        _disturb(cluster, weather, rnd, step)
        for _ in range(rnd.randrange(1, 4)):
            for liar in liars:
                liar.speak()
            cluster.run(rnd.randrange(1, 3_000))
        assert not cluster.forked(), seed
        assert cluster.double_votes() == [], seed
    weather.loss, weather.longest_ms = 0.0, 100
    for index, node in cluster.nodes.items():
        if not node.alive:
            cluster.restart(index)
    goal = max(cluster.heights()) + 1
    cluster.submit(b"last", to=(rnd.choice(list(cluster.nodes)),))
    assert cluster.run_to(goal, ms=30_000), (seed, cluster.heights())
    assert not cluster.forked(), seed
    assert cluster.double_votes() == [], seed


def _let_the_last_one_come_and_go(cluster: Cluster, rnd: random.Random) -> None:
    """The spare key enters and leaves the set every few heights."""
    without, everybody = cluster.validators, make_set(cluster.signers)
    spare = cluster.nodes[cluster.n]
    spare.config = replace(spare.config, public_key=cluster.signers[cluster.n].public_key)
    cluster.crash(cluster.n)
    cluster.restart(cluster.n)
    cluster.n += 1
    height = 3
    while height < 60:
        cluster.next_sets[height] = everybody
        height += rnd.randrange(1, 6)
        cluster.next_sets[height] = without
        height += rnd.randrange(1, 6)


def _disturb(cluster: Cluster, weather: Weather, rnd: random.Random, step: int) -> None:
    choice = rnd.random()
    indices = list(cluster.nodes)
    if choice < 0.45:
        chosen = rnd.sample(indices, rnd.randrange(1, len(indices) + 1))
        cluster.submit(b"pay %d" % step, tuple(chosen))
    elif choice < 0.6:
        index = rnd.choice(indices)
        if cluster.nodes[index].alive:
            cluster.crash(index)
    elif choice < 0.9:
        index = rnd.choice(indices)
        if not cluster.nodes[index].alive:
            cluster.restart(index)
    else:
        weather.loss = rnd.choice((0.0, 0.1, 0.5, 1.0))


@pytest.mark.parametrize("block", range(10))
def test_chaos(block: int) -> None:
    for seed in range(block * 12, block * 12 + 12):
        chaos(seed)


@pytest.mark.parametrize("block", range(3))
def test_chaos_while_the_set_changes(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        chaos(seed, set_changes=True)
