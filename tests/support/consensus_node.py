"""One node of the consensus test cluster: a replica with its log, its blocks and its mempool."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from consensus.effects import Request
from consensus.events import BlockApplied, TimerKind, Verdict
from consensus.messages import (
    CertifiedBlock,
    Message,
    Proposal,
    Signable,
    ViewChangeMessage,
    signed_claim,
)
from consensus.replica import Replica, ReplicaConfig
from ledger.registry import ValidatorSet
from tests.support.consensus_blocks import DOMAIN, TestSigner


def sign(signer: TestSigner, message: Any) -> Any:
    """The message with its signature, for votes of whatever validator."""
    phase, height, view, claim, *_ = signed_claim(message)
    signature = signer.sign(DOMAIN.payload(phase, height, view, claim))
    if isinstance(message, ViewChangeMessage):
        return replace(message, vote=replace(message.vote, signature=signature))
    return replace(message, signature=signature)


def view_of(message: Message) -> int:
    """The view that a message is about."""
    if isinstance(message, ViewChangeMessage):
        return message.vote.new_view
    return int(getattr(message, "view", -1))


@dataclass
class Node:
    """One replica with its log, its applied blocks and its mempool."""

    index: int
    signer: TestSigner
    config: ReplicaConfig
    replica: Replica
    head: BlockApplied
    log: list[tuple[int, bytes]] = field(default_factory=list)
    blocks: list[CertifiedBlock] = field(default_factory=list)
    heads: dict[int, BlockApplied] = field(default_factory=dict)
    sets: dict[int, ValidatorSet] = field(default_factory=dict)
    mempool: list[bytes] = field(default_factory=list)
    applied: set[bytes] = field(default_factory=set)
    alive: bool = True
    incarnation: int = 0
    clock_skew_ms: int = 0
    timers: dict[TimerKind, int] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    signed: list[Signable] = field(default_factory=list)
    peer_errors: list[str] = field(default_factory=list)
    verdict: Callable[[Proposal], Verdict] = lambda _: Verdict.VALID

    @property
    def height(self) -> int:
        return self.head.height

    @property
    def view(self) -> int:
        return self.replica.describe().view
