"""A signer's own record: what it lets through, what it refuses, and that damage is found."""

import os
from pathlib import Path

import pytest

from consensus.messages import SigningDomain, ViewChange
from ledger import codec
from ledger.errors import DecodeError, LocalError
from ledger.primitives import Hash
from ledger.registry import Phase
from node.files.private_files import replace_private
from node.signing import last_signed
from node.signing.last_signed import (
    LastSigned,
    SignedRecord,
    create_record,
    decode_state,
    encode_state,
)
from node.signing.payload import VotePayload, decode_payload
from node.signing.wire import Holder
from tests.support.signer_homes import DOMAIN

OTHER = SigningDomain(8, DOMAIN.genesis_hash)
A, B = b"a" * 32, b"b" * 32
HOLDER = Holder(1, b"p" * 16)


def vote(phase: Phase, height: int, view: int, claim: bytes = A) -> VotePayload:
    if phase is Phase.VIEW_CHANGE:
        claim = ViewChange(height, view, None, None, 0).claim
    return decode_payload(DOMAIN.payload(phase, height, view, claim), DOMAIN)


def approve(
    record: SignedRecord, votes: list[VotePayload], holder: Holder = HOLDER
) -> list[str | None]:
    return record.approve([(item, holder) for item in votes])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_record(tmp_path / "last-signed", DOMAIN)
    return tmp_path / "last-signed"


def test_an_honest_replicas_votes_pass_in_their_order_and_again(path: Path) -> None:
    record = SignedRecord(path, DOMAIN)
    for height in (1, 2):
        for view in (0, 1):
            phases = [Phase.PRE_PREPARE, Phase.PREPARE, Phase.COMMIT]
            votes = [vote(phase, height, view) for phase in phases]
            votes[:0] = [vote(Phase.VIEW_CHANGE, height, view)] if view else []
            assert approve(record, votes) == [None] * len(votes)
            assert approve(record, votes) == [None] * len(votes)


@pytest.mark.parametrize(
    "later",
    [
        vote(Phase.COMMIT, 5, 2, B),  # another block
        vote(Phase.PREPARE, 5, 2),  # an earlier phase that was not signed
        vote(Phase.VIEW_CHANGE, 5, 2),
        vote(Phase.COMMIT, 5, 1),  # an earlier view
        vote(Phase.COMMIT, 4, 9),  # an earlier height
    ],
    ids=lambda item: f"{item.phase.name}-{item.height}-{item.view}",
)
def test_what_contradicts_or_goes_back_is_refused_after_a_restart_too(
    path: Path, later: VotePayload
) -> None:
    record = SignedRecord(path, DOMAIN)
    approve(record, [vote(Phase.COMMIT, 5, 2)])
    before = path.read_bytes()
    (problem,) = approve(record, [later])
    assert problem is not None
    record.close()
    again = SignedRecord(path, DOMAIN)
    assert approve(again, [later]) == [problem]
    assert path.read_bytes() == before
    assert approve(again, [vote(Phase.COMMIT, 5, 2)]) == [None]


def test_two_votes_of_one_batch_are_judged_one_after_the_other(path: Path) -> None:
    record = SignedRecord(path, DOMAIN)
    first, second = approve(record, [vote(Phase.PREPARE, 3, 0, A), vote(Phase.PREPARE, 3, 0, B)])
    assert first is None
    assert second is not None


def test_a_record_damaged_or_torn_at_any_byte_is_never_taken(path: Path) -> None:
    state = LastSigned().with_vote(vote(Phase.PREPARE, 9, 1)).with_vote(vote(Phase.COMMIT, 9, 1))
    whole = encode_state(state, DOMAIN)
    assert decode_state(whole, DOMAIN) == state
    for end in range(len(whole)):
        flipped = whole[:end] + bytes((whole[end] ^ 1,)) + whole[end + 1 :]
        for damaged in (whole[:end], flipped):
            path.write_bytes(damaged)
            with pytest.raises(LocalError, match="cannot be trusted"):
                SignedRecord(path, DOMAIN)


def test_a_write_that_was_torn_beside_the_record_loses_nothing(path: Path) -> None:
    record = SignedRecord(path, DOMAIN)
    approve(record, [vote(Phase.COMMIT, 5, 0)])
    record.close()
    path.with_suffix(".new").write_bytes(b"half")
    assert SignedRecord(path, DOMAIN).state.height == 5


def test_what_may_be_only_in_memory_is_written_again_by_who_believes_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync of the folder fails after the rename: the vote does not leave, and yet the next
    process reads it. It signs the same vote again only once the file is on disk by its own write;
    a folder that still refuses keeps it from starting."""
    record = SignedRecord(path, DOMAIN)
    real = os.fsync

    def refuses_folders(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(5, "Input/output error")
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuses_folders)
        with pytest.raises(LocalError, match=r"Input/output error.*Check the disk"):
            approve(record, [vote(Phase.PREPARE, 5, 0)])
        record.close()
        assert decode_state(path.read_bytes(), DOMAIN).height == 5
        with pytest.raises(LocalError, match=r"Input/output error.*Check the disk"):
            SignedRecord(path, DOMAIN)
    written: list[bytes] = []

    def replaced(where: Path, content: bytes) -> None:
        assert where == path
        replace_private(where, content)
        written.append(content)

    monkeypatch.setattr(last_signed, "replace_private", replaced)
    record = SignedRecord(path, DOMAIN)
    assert written == [encode_state(record.state, DOMAIN)]
    assert record.state.height == 5
    assert approve(record, [vote(Phase.PREPARE, 5, 0)]) == [None]
    assert approve(record, [vote(Phase.PREPARE, 5, 0, B)]) != [None]
    record.close()


def test_a_missing_foreign_or_held_record_is_refused_in_a_sentence(path: Path) -> None:
    with pytest.raises(LocalError, match="of another chain"):
        SignedRecord(path, OTHER)
    held = SignedRecord(path, DOMAIN)
    with pytest.raises(LocalError, match="another process holds"):
        SignedRecord(path, DOMAIN)
    held.close()
    with pytest.raises(LocalError, match="exists and is not replaced"):
        create_record(path, DOMAIN)
    path.unlink()
    with pytest.raises(LocalError, match="never voted"):
        SignedRecord(path, DOMAIN)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbage",
        OTHER.payload(Phase.COMMIT, 1, 0, A),
        SigningDomain(7, Hash(b"h" * 32)).payload(Phase.COMMIT, 1, 0, A),
        DOMAIN.payload(Phase.COMMIT, 0, 0, A),
        DOMAIN.payload(Phase.COMMIT, 1, 0, A[:31]),
        DOMAIN.payload(Phase.VIEW_CHANGE, 1, 1, codec.encode((1, A))),
        DOMAIN.payload(Phase.VIEW_CHANGE, 1, 1, codec.encode((None, A))),
        DOMAIN.payload(Phase.VIEW_CHANGE, 1, 1, A),
        DOMAIN.payload(Phase.COMMIT, 1, 0, A) + b"\0",
        codec.encode(("poyong/consensus/1", 7, DOMAIN.genesis_hash, 5, 1, 0, A)),
        codec.encode(("poyong/consensus/1", 7, DOMAIN.genesis_hash, 0, 1, 0, A)),
        codec.encode(("poyong/transaction/1", 7, DOMAIN.genesis_hash, 3, 1, 0, A)),
        DOMAIN.payload(Phase.COMMIT, 1, 0, bytes(1_000)),
    ],
)
def test_what_is_no_vote_of_the_chain_is_not_read(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_payload(payload, DOMAIN)


def test_only_the_node_with_the_highest_token_is_answered_and_only_above_the_others_heights(
    path: Path,
) -> None:
    """A standby knows nothing of the blocks that the other node prepared: a view change of its
    would claim less than that one locked, though no two votes contradict each other."""
    record = SignedRecord(path, DOMAIN)
    first, standby, clone = HOLDER, Holder(2, b"q" * 16), Holder(2, b"r" * 16)
    assert approve(record, [vote(Phase.COMMIT, 5, 0)], first) == [None]
    (refused,) = approve(record, [vote(Phase.PREPARE, 6, 0)], Holder(1, b"q" * 16))
    assert refused is not None
    assert "holds the right to sign, by number 1" in refused
    assert approve(record, [vote(Phase.COMMIT, 5, 0)], first) == [None]  # and it changed nothing
    (below,) = approve(record, [vote(Phase.VIEW_CHANGE, 5, 1)], standby)
    assert below is not None
    assert "another node asked for votes up to height 5" in below
    record.close()
    record = SignedRecord(path, DOMAIN)  # that it holds the right now is remembered
    assert None not in approve(record, [vote(Phase.PREPARE, 6, 0)], first)
    assert None not in approve(record, [vote(Phase.PREPARE, 6, 0)], clone)
    assert approve(record, [vote(Phase.PREPARE, 6, 0)], standby) == [None]
