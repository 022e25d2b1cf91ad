"""Validators that hold a key and keep no rule (consensus.md, "Proof by simulation").

Each runs the production program and bends what it sends; besides it does mischief from time to
time. All Byzantine validators of a seed act together. A twin needs nothing of this: it is an honest
program whose key runs twice.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, TypeVar

from consensus.messages import (
    BlockResponse,
    CertifiedBlock,
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    Signable,
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
    signed_claim,
)
from consensus.rotation import proposer_of
from consensus.view_change import build_new_view, must_propose
from ledger.block import Block
from ledger.crypto import Signer, sha256
from ledger.primitives import SIGNATURE_BYTES, Hash
from ledger.registry import Certificate, Phase
from node.network.consensus_wire import encode_message
from node.network.wire import FrameKind
from node.sync import sync_wire
from node.sync.sync_wire import RangeAnswer
from tests.simulation.node import SimulatedNode, Site
from tests.simulation.process import Process

HABITS: Final = ("equivocate", "withhold", "forge", "wrong root", "replay", "garbage", "lie")
REMEMBERED_FRAMES: Final = 64
MISCHIEF_US: Final = (30_000, 800_000)

SignedMessage = TypeVar("SignedMessage", PrePrepare, Vote, ViewChangeMessage)


@dataclass(slots=True)
class Face:
    """What a two-faced proposer tells one part of the nodes in one view."""

    block: Block
    shown_to: frozenset[int]


@dataclass(slots=True)
class Coven:
    """What the Byzantine validators of a seed know together; `silent`: they stopped."""

    silent: bool = False
    faces: dict[tuple[int, int], Face] = field(default_factory=dict)


class ByzantineNode(SimulatedNode):
    """A validator with bad habits."""

    honest = False

    def __init__(
        self,
        site: Site,
        endpoint: int,
        keys: tuple[Signer, bytes],
        rng: Random,
        habits: tuple[str, ...],
        coven: Coven,
    ) -> None:
        super().__init__(site, endpoint, keys, rng)
        self.habits = habits
        self.coven = coven
        self.key = keys[0]

    def make_process(self) -> Process:
        """The production program, bent."""
        return ByzantineProcess(self)


class TwinNode(SimulatedNode):
    """One of two honest programs that run with the same key: together they equivocate."""

    honest = False

    def __init__(
        self, site: Site, endpoint: int, keys: tuple[Signer, bytes], rng: Random, coven: Coven
    ) -> None:
        super().__init__(site, endpoint, keys, rng)
        self.coven = coven

    def make_process(self) -> Process:
        """The production program."""
        return TwinProcess(self)


class TwinProcess(Process):
    """Speaks until the coven is silent."""

    def __init__(self, node: TwinNode) -> None:
        self._coven = node.coven
        super().__init__(node)

    def send_frame(self, target: int, kind: FrameKind, payload: bytes) -> None:
        """As an honest node."""
        if not self._coven.silent:
            super().send_frame(target, kind, payload)


class ByzantineProcess(Process):
    """One run of a Byzantine validator's program."""

    def __init__(self, node: ByzantineNode) -> None:
        self._habits, self._coven, self._key = node.habits, node.coven, node.key
        self._rng = node.rng
        self._frames: deque[tuple[FrameKind, bytes]] = deque(maxlen=REMEMBERED_FRAMES)
        self._view_changes: deque[ViewChangeMessage] = deque(maxlen=REMEMBERED_FRAMES)
        self._votes: deque[Vote] = deque(maxlen=REMEMBERED_FRAMES)
        super().__init__(node)
        mischief: dict[str, Callable[[], None]] = {
            "forge": self._forge,
            "replay": self._replay,
            "garbage": self._garbage,
            "lie": self._lie,
        }
        self._mischief = [act for habit, act in mischief.items() if habit in self._habits]

    def start(self) -> None:
        """Begin, and think of mischief from now on."""
        super().start()
        if self._mischief:
            self._plan_mischief()

    def _plan_mischief(self) -> None:
        def turn() -> None:
            if not self._coven.silent:
                self.turns.soon(self._rng.choice(self._mischief))
                self._plan_mischief()

        self.turns.later_us(self._rng.randint(*MISCHIEF_US), turn)

    # What it sends as part of the protocol

    def send_frame(self, target: int, kind: FrameKind, payload: bytes) -> None:
        """Keep some frames back, remember all."""
        if self._coven.silent:
            return
        self._frames.append((kind, payload))
        if "withhold" in self._habits and self._rng.randrange(3) == 0:
            return
        super().send_frame(target, kind, payload)

    def broadcast(self, message: Message) -> None:
        """Tell one half of the others one thing and the other half another."""
        if not isinstance(message, PrePrepare | Vote | ViewChangeMessage):
            super().broadcast(message)
            return
        if isinstance(message, PrePrepare) and self._rng.randrange(3) == 0:
            message = self._with_wrong_root(message)
        shown: frozenset[int] = frozenset()
        second: Signable = message
        if "equivocate" in self._habits or "forge" in self._habits:
            shown, second = self._second_face(message)
        for endpoint in self._everybody():
            chosen = second if endpoint in shown else message
            self.send_frame(endpoint, FrameKind.CONSENSUS, encode_message(chosen))

    def _with_wrong_root(self, message: PrePrepare) -> PrePrepare:
        block = message.proposal
        if "wrong root" not in self._habits or not isinstance(block, Block):
            return message
        header = replace(block.header, state_root=sha256(block.hash))
        changed = Block(header, block.participation, block.transactions)
        return self._signed(replace(message, proposal=changed))

    def _second_face(self, message: Signable) -> tuple[frozenset[int], Signable]:
        """(who is told the other thing, the other thing)."""
        _, height, view, *_ = signed_claim(message)
        if isinstance(message, ViewChangeMessage) and "forge" in self._habits:
            return frozenset(self._everybody()), self._with_forged_claim(message)
        if "equivocate" not in self._habits:
            return frozenset(), message
        if isinstance(message, PrePrepare):
            self._make_face(message)
        face = self._coven.faces.get((height, view))
        match message:
            case PrePrepare() if face is not None:
                return face.shown_to, self._signed(replace(message, proposal=face.block))
            case Vote() if face is not None:
                return face.shown_to, self._signed(replace(message, block_hash=face.block.hash))
            case Vote() if self._rng.randrange(4) == 0:
                other = Hash(self._rng.randbytes(32))
                return self._some(), self._signed(replace(message, block_hash=other))
            case ViewChangeMessage() if message.certificate is not None:
                unclaimed = replace(message.vote, prepared_view=None, prepared_hash=None)
                return self._some(), self._signed(ViewChangeMessage(unclaimed, None))
        return frozenset(), message

    def _with_forged_claim(self, message: ViewChangeMessage) -> ViewChangeMessage:
        """Claims a block that contradicts what was prepared, in the view just before."""
        vote = message.vote
        for block in self._known_blocks(vote.height):
            view = vote.new_view - 1
            pile = self._pile_of(Phase.PREPARE)
            claim = replace(vote, prepared_view=view, prepared_hash=block.hash)
            certificate = PreparedCertificate(vote.height, view, block.hash, pile)
            self._say(BlockResponse(block))
            return self._signed(ViewChangeMessage(claim, certificate))
        return message

    def _make_face(self, message: PrePrepare) -> None:
        block, key = message.proposal, (message.height, message.view)
        if key in self._coven.faces or not isinstance(block, Block):
            return
        if must_propose(message.justification) is None:
            header = replace(block.header, time_ms=block.time_ms + 1)
            other = Block(header, block.participation, block.transactions)
            self._coven.faces[key] = Face(other, self._some())

    def _some(self) -> frozenset[int]:
        return frozenset(item for item in self._everybody() if self._rng.randrange(2))

    def _signed(self, message: SignedMessage) -> SignedMessage:
        phase, height, view, claim, *_ = signed_claim(message)
        signature = self._key.sign(self.domain.payload(phase, height, view, claim))
        if isinstance(message, ViewChangeMessage):
            return replace(message, vote=replace(message.vote, signature=signature))
        return replace(message, signature=signature)

    # What it hears

    def frame_arrived(self, source: int, kind: FrameKind, payload: bytes) -> None:
        """Remember frames for replays."""
        self._frames.append((kind, payload))
        super().frame_arrived(source, kind, payload)

    def _on_consensus(self, source: int, payload: object) -> None:
        if isinstance(payload, ViewChangeMessage):
            self._view_changes.append(payload)
        elif isinstance(payload, Vote):
            self._votes.append(payload)
        super()._on_consensus(source, payload)

    # Mischief

    def _tell(self, kind: FrameKind, payload: bytes) -> None:
        """To some of the others."""
        for endpoint in self._some():
            self.send_frame(endpoint, kind, payload)

    def _say(self, message: Message) -> None:
        self._tell(FrameKind.CONSENSUS, encode_message(message))

    def _replay(self) -> None:
        if self._frames:
            self._tell(*self._rng.choice(self._frames))

    def _garbage(self) -> None:
        kind = self._rng.choice(list(FrameKind))
        if self._rng.randrange(3) == 0 or not self._frames:
            self._tell(kind, self._rng.randbytes(self._rng.randrange(200)))
            return
        kind, payload = self._rng.choice(self._frames)
        changed = bytearray(payload)
        for _ in range(self._rng.randint(1, 4) if changed else 0):
            changed[self._rng.randrange(len(changed))] = self._rng.randrange(256)
        self._tell(kind, bytes(changed[: self._rng.randint(0, len(changed))]))

    def _lie(self) -> None:
        rng = self._rng
        height = self.chain.head.height + rng.choice((1, 2, 3, 50, 10**6))
        everyone = 2 ** len(self.validators) - 1
        if rng.randrange(2):
            self._say(Status(height, rng.randrange(100), True, everyone, everyone, everyone))
            return
        answer = RangeAnswer(rng.randrange(1, 40), height, (rng.randbytes(80),))
        self._tell(FrameKind.SYNC, sync_wire.encode(answer))

    def _forge(self) -> None:
        snapshot = self.driver.replica.describe()
        if snapshot.own_index is None or snapshot.no_vote_reason is not None:
            return
        forgeries = (
            self._unproven_claim,
            self._forged_justification,
            self._forged_certificate,
            self._far_view_change,
        )
        self._rng.choice(forgeries)(snapshot.height, snapshot.view, snapshot.own_index)

    def _unproven_claim(self, height: int, view: int, own: int) -> None:
        """A ViewChange that claims a block which no quorum prepared."""
        claimed = self._claimed_hash()
        vote = ViewChange(height, view + 1, view, claimed, own)
        certificate = PreparedCertificate(height, view, claimed, self._pile_of(Phase.PREPARE))
        self._say(self._signed(ViewChangeMessage(vote, certificate)))

    def _far_view_change(self, height: int, view: int, own: int) -> None:
        """A signed ViewChange far ahead."""
        vote = ViewChange(height, view + self._rng.choice((2, 5, 1000)), None, None, own)
        self._say(self._signed(ViewChangeMessage(vote, None)))

    def _forged_justification(self, height: int, view: int, own: int) -> None:
        """A PrePrepare of an own turn whose NewView leaves out what binds, or is no quorum."""
        head = self.chain.applied_event()
        n = len(self.validators)
        turns = [
            later
            for later in range(view + 1, view + 1 + n)
            if proposer_of(later, head.proposer, head.eligible, n) == own
        ]
        if not turns or not self.driver.replica.describe().proposal_hash:
            return
        turn = turns[0]
        heard = {
            message.vote.validator: message
            for message in self._view_changes
            if (message.vote.height, message.vote.new_view) == (height, turn)
        }
        claim_nothing = ViewChange(height, turn, None, None, own)
        heard[own] = self._signed(ViewChangeMessage(claim_nothing, None))
        honest = build_new_view(height, turn, [heard[index] for index in sorted(heard)])
        lowest = min(
            (m.certificate for m in heard.values() if m.certificate is not None),
            key=lambda certificate: certificate.view,
            default=None,
        )
        justification = NewView(
            height, turn, honest.view_changes, self._rng.choice((None, lowest, honest.certificate))
        )
        self._say(justification)
        for block in self._known_blocks(height):
            message = PrePrepare(height, turn, block, own, justification)
            self._say(self._signed(message))

    def _block_by_hash(self, height: int, block_hash: Hash) -> bytes | None:
        for face in self._coven.faces.values():
            if face.block.hash == block_hash:
                return face.block.encoded
        return super()._block_by_hash(height, block_hash)

    def _known_blocks(self, height: int) -> list[Block]:
        """Blocks of the running height: those with two faces, and what this node made of them."""
        found = [face.block for (at, _), face in self._coven.faces.items() if at == height]
        block_hash = self.driver.replica.describe().proposal_hash
        own = None if block_hash is None else self.driver.held_block(block_hash)
        if own is not None:
            header = replace(own.header, time_ms=own.time_ms + 1 + self._rng.randrange(5))
            found.append(Block(header, own.participation, own.transactions))
        return found[:2]

    def _forged_certificate(self, height: int, view: int, own: int) -> None:
        """A block with seals that do not add up: of several views, or of other phases."""
        del own
        for block in self._known_blocks(height):
            seals = self._pile_of(self._rng.choice((Phase.COMMIT, Phase.PREPARE)))
            self._say(CertifiedBlock(Certificate(height, view, block.hash, seals), block))

    def _claimed_hash(self) -> Hash:
        votes = list(self._votes)
        return self._rng.choice(votes).block_hash if votes else Hash(self._rng.randbytes(32))

    def _pile_of(self, phase: Phase) -> tuple[tuple[int, bytes], ...]:
        """One signature for each validator, of whatever view and hash it was heard for."""
        pile = {
            index: self._rng.randbytes(SIGNATURE_BYTES) for index in range(len(self.validators))
        }
        pile.update({vote.validator: vote.signature for vote in self._votes if vote.phase is phase})
        return tuple(sorted(pile.items()))
