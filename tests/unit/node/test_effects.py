"""The driver performs effects in the order that safety depends on (consensus.md rules 1 and 5)."""

from dataclasses import replace

import pytest

from consensus.effects import (
    BuildProposal,
    CancelTimer,
    CatchUp,
    CheckProposal,
    Effects,
    FetchBlock,
    RelayWork,
    Reply,
    Send,
    SetTimer,
    Sign,
)
from consensus.events import (
    BlockApplied,
    Event,
    MessageReceived,
    ProposalBuilt,
    ProposalChecked,
    TimerKind,
    Verdict,
    VoteSigned,
    WorkAvailable,
)
from consensus.messages import Message, Status, ViewChange, ViewChangeMessage, Vote
from consensus.replica import Replica, ReplicaConfig
from consensus.wal_records import PrepareRecord, decode
from ledger.block import decode_block
from ledger.crypto import verify_ed25519
from ledger.errors import InvariantViolation, LocalError, PeerError
from ledger.executor import PIECE_TRANSACTIONS
from ledger.primitives import Hash
from ledger.registry import Phase
from node.replica.effects import ReplicaDriver
from node.replica.execution import AppliedBlock
from node.signing.ring import KeyRing
from tests.support.applied_chain import AppliedChain
from tests.support.ledger_chain import CHAIN_ID, genesis_document, parsed, validator_signer

HASH = Hash(b"h" * 32)
STATUS = Status(1, 0, False, 0, 0, 0)
PEER = b"p" * 32


class Rig:
    """A driver over real chain and replica; what it does is noted in order."""

    def __init__(self, n: int = 4, name: str | None = "o0") -> None:
        self.done: list[str] = []
        self.records: list[bytes] = []
        self.sent: list[tuple[Message, object]] = []
        self.disk_full = False
        self.node = AppliedChain(document=parsed(genesis_document(n)))
        self.node.on_applied.append(self._applied)
        signer = None if name is None else validator_signer(name)
        config = ReplicaConfig(
            domain=self.node.domain, public_key=None if signer is None else signer.public_key
        )
        ring = KeyRing(() if signer is None else (signer,))
        self.now_ms = self.node.chain.head.time_ms + 10
        self.replica = Replica(config, self.node.chain.applied_event())
        self.driver = ReplicaDriver(
            self.replica, self.node.chain, self, ring, self.node.domain, self, self, self
        )

    def append(self, records: list[bytes]) -> None:
        if self.disk_full:
            raise LocalError("the disk is full")
        self.done.append("records")
        self.records += records

    def broadcast(self, message: Message) -> None:
        self._send(message, "all")

    def send(self, message: Message, to: tuple[int, ...]) -> None:
        self._send(message, to)

    def reply(self, message: Message, peer: bytes) -> None:
        self._send(message, peer)

    def _send(self, message: Message, to: object) -> None:
        self.done.append("send")
        self.sent.append((message, to))

    def perform(self, effect: SetTimer | CancelTimer) -> None:
        self.done.append("timer")

    def _applied(self, applied: AppliedBlock) -> None:
        """The chain tells of a block: it is written by now."""
        head = self.node.chain.blocks.head()
        assert head is not None
        assert head.height == applied.block.height
        self.done.append("applied")

    def fetch_block(self, request: FetchBlock) -> None:
        self.done.append("fetch")

    def relay_work(self) -> None:
        self.done.append("relay")

    def catch_up(self, request: CatchUp) -> None:
        self.done.append("catch_up")

    def settle(self) -> list[Event]:
        """Hand the driver its own answers until there are none; what they were."""
        handled = []
        while self.driver.answers:
            event = self.driver.answers.popleft()
            handled.append(event)
            assert self.driver.handle(event, self.now_ms) is None
        return handled


def prepare(validator: int = 0) -> Vote:
    return Vote(Phase.PREPARE, 1, 0, HASH, validator)


def test_records_sends_timers_committed_requests_in_this_order() -> None:
    """Rule 5, and rule 1: one sync for all records, before anything is sent."""
    rig = Rig()
    certified = rig.node.certified(rig.node.build(rig.node.signed()))
    request = replace(rig.node.request(), height=2)
    rig.driver.perform(
        Effects(
            records=[PrepareRecord(1, 0, HASH, True), PrepareRecord(1, 1, HASH, False)],
            sends=[Sign(prepare()), Send(STATUS, (1, 2)), Reply(STATUS)],
            timers=[SetTimer(TimerKind.VIEW, 1, 5), CancelTimer(TimerKind.WORK)],
            committed=[certified],
            requests=[RelayWork(), FetchBlock(2, HASH, (1,)), CatchUp(9), request],
        ),
        PEER,
    )
    assert rig.done == [
        "records", "send", "send", "send", "timer", "timer", "applied", "relay", "fetch",
        "catch_up",
    ]  # fmt: skip
    assert [to for _, to in rig.sent] == ["all", (1, 2), PEER]
    rig.driver.go_on()
    signed, applied, built = rig.driver.answers
    assert isinstance(signed, VoteSigned)
    assert isinstance(applied, BlockApplied)
    assert applied.height == 1
    # Built on the block that the same effects committed.
    assert isinstance(built, ProposalBuilt)
    assert built.proposal is not None
    assert built.proposal.parent_hash == certified.proposal.hash


def test_records_are_those_that_recovery_reads() -> None:
    rig = Rig()
    record = PrepareRecord(1, 0, HASH, True)
    rig.driver.perform(Effects(records=[record]))
    assert [decode(raw, lambda block: decode_block(block, CHAIN_ID)) for raw in rig.records] == [
        record
    ]


def test_nothing_is_sent_when_the_record_is_not_durable() -> None:
    rig = Rig()
    rig.disk_full = True
    with pytest.raises(LocalError):
        rig.driver.perform(
            Effects(records=[PrepareRecord(1, 0, HASH, True)], sends=[Sign(prepare())])
        )
    assert (rig.done, list(rig.driver.answers)) == ([], [])


def test_nothing_is_written_without_records() -> None:
    rig = Rig()
    rig.driver.perform(Effects(sends=[Send(STATUS, (1,))]))
    assert rig.done == ["send"]


@pytest.mark.parametrize(
    "message",
    [
        prepare(),
        Vote(Phase.COMMIT, 1, 3, HASH, 0),
        ViewChangeMessage(ViewChange(1, 2, None, None, 0), None),
    ],
    ids=["prepare", "commit", "view change"],
)
def test_a_vote_is_signed_sent_to_all_and_handed_back(message: Vote | ViewChangeMessage) -> None:
    rig = Rig()
    rig.driver.perform(Effects(sends=[Sign(message)]))
    ((sent, to),) = rig.sent
    assert to == "all"
    assert list(rig.driver.answers) == [VoteSigned(sent)]  # type: ignore[arg-type]  # as signed
    if isinstance(sent, ViewChangeMessage):
        vote = sent.vote
        payload = rig.node.domain.payload(Phase.VIEW_CHANGE, 1, 2, vote.claim)
        assert verify_ed25519(validator_signer("o0").public_key, payload, vote.signature)
        assert replace(sent, vote=replace(vote, signature=b"")) == message
    else:
        assert isinstance(sent, Vote)
        payload = rig.node.domain.payload(sent.phase, 1, sent.view, HASH)
        assert verify_ed25519(validator_signer("o0").public_key, payload, sent.signature)


def test_an_observer_never_signs() -> None:
    with pytest.raises(InvariantViolation, match="which is not here"):
        Rig(name=None).driver.perform(Effects(sends=[Sign(prepare())]))


def test_a_reply_needs_somebody_to_reply_to() -> None:
    with pytest.raises(InvariantViolation, match="a reply to nobody"):
        Rig().driver.perform(Effects(sends=[Reply(STATUS)]))


def test_a_request_to_check_is_answered_with_the_verdict() -> None:
    rig, other = Rig(), AppliedChain()
    block = other.build(other.signed())
    rig.driver.perform(Effects(requests=[CheckProposal(block)]))
    rig.driver.go_on()
    assert list(rig.driver.answers) == [ProposalChecked(block.hash, Verdict.VALID)]


def test_long_work_is_done_in_pieces_and_nothing_is_begun_between_them() -> None:
    """So the replica sees the same events in the same order as when all is done at once."""
    rig, other = Rig(), AppliedChain()
    block = other.build(*(other.signed(ahead=i) for i in range(2 * PIECE_TRANSACTIONS + 1)))
    rig.driver.start(rig.now_ms)
    rig.driver.perform(Effects(requests=[CheckProposal(block)]))
    before = rig.replica.describe()
    for _ in range(2):
        rig.driver.go_on()
        assert list(rig.driver.answers) == []
        with pytest.raises(InvariantViolation, match="while a block was being executed"):
            rig.driver.begin(WorkAvailable(), rig.now_ms)
    assert rig.replica.describe() == before
    rig.driver.go_on()
    assert list(rig.driver.answers) == [ProposalChecked(block.hash, Verdict.VALID)]
    assert not rig.driver.work


def test_nothing_to_build_is_answered_too() -> None:
    rig = Rig()
    request: BuildProposal = rig.node.request(allow_empty=False)
    rig.driver.perform(Effects(requests=[request]))
    rig.driver.go_on()
    assert list(rig.driver.answers) == [ProposalBuilt(1, 0, None)]


def test_what_is_wrong_with_a_peers_message_is_returned_and_changes_nothing() -> None:
    rig = Rig()
    rig.driver.start(rig.now_ms)
    before = rig.replica.describe()
    forged = replace(prepare(1), signature=bytes(64))
    error = rig.driver.handle(MessageReceived(forged, 1), rig.now_ms, PEER)
    assert isinstance(error, PeerError)
    assert rig.replica.describe() == before


def test_an_own_event_that_is_refused_stops_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()

    def refuses(event: Event, now_ms: int) -> Effects:
        raise PeerError("nonsense")

    monkeypatch.setattr(rig.replica, "step", refuses)
    with pytest.raises(InvariantViolation, match=r"own event WorkAvailable\(\) was refused"):
        rig.driver.handle(WorkAvailable(), rig.now_ms)


def test_listeners_hear_of_each_event_that_was_taken() -> None:
    rig, heard = Rig(), list[str]()
    rig.driver.on_event.append(lambda: heard.append(rig.replica.describe().step))
    rig.driver.start(rig.now_ms)
    rig.driver.handle(MessageReceived(replace(prepare(1), signature=bytes(64)), 1), 0, PEER)
    assert heard == []
    rig.node.admit(rig.node.signed())
    rig.driver.handle(WorkAvailable(), rig.now_ms)
    assert len(heard) == 1


def test_a_single_validator_finalises_by_its_own_answers_alone() -> None:
    """Replica, chain and driver joined, from work to the next height."""
    rig = Rig(n=1)
    rig.driver.start(rig.now_ms)
    rig.node.admit(rig.node.signed(), rig.node.signed(ahead=1))
    rig.driver.handle(WorkAvailable(), rig.now_ms)
    handled = rig.settle()
    assert [type(event).__name__ for event in handled] == [
        "ProposalBuilt", "VoteSigned", "VoteSigned", "VoteSigned", "BlockApplied",
    ]  # fmt: skip
    assert rig.node.chain.head.height == 1
    assert rig.replica.describe().height == 2
    assert rig.done.index("records") < rig.done.index("send")
    assert len(rig.node.applied[0].block.transactions) == 2


def test_a_lost_vote_record_ends_with_the_height_below_the_first_that_is_signed() -> None:
    """The replica knows when it signs again; the chain writes it into the next head row."""
    rig = Rig()
    rig.node.chain.vote_record_lost = True
    rig.replica.core.guard.sign_from = 3
    for height, lost in ((1, True), (2, False)):
        certified = rig.node.certified(rig.node.build())
        rig.driver.perform(Effects(committed=[certified]))
        rig.node.certificate = certified.certificate
        head = rig.node.chain.blocks.head()
        assert head is not None
        assert (head.height, head.vote_record_lost) == (height, lost)
