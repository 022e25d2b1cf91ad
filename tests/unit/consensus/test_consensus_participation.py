"""Certificates anyone can verify, late seals, and what a header may embed."""

from dataclasses import replace

import pytest

from consensus.certificate import verify_certificate
from consensus.messages import CertifiedBlock, LateSealMessage, PrePrepare, SigningDomain, Vote
from ledger.errors import PeerError
from ledger.registry import LateSeal, Participation, Phase
from tests.support.consensus_blocks import DOMAIN, GENESIS, Block
from tests.support.consensus_cluster import Cluster

COMMIT = Phase.COMMIT


def test_a_certificate_is_verified_alone_with_real_signatures() -> None:
    cluster = Cluster(4, real_signatures=True)
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=2_000)
    good = cluster.nodes[0].blocks[0].certificate
    verify_certificate(DOMAIN, cluster.validators, good)
    first, *others = good.seals
    for bad in (
        replace(good, seals=good.seals[:2]),
        replace(good, view=1),
        replace(good, height=2),
        replace(good, block_hash=GENESIS),
        replace(good, seals=((first[0], bytes(64)), *others)),
        replace(good, seals=(*good.seals[:-1], (9, good.seals[-1][1]))),
        replace(good, seals=(first, first, first)),
    ):
        with pytest.raises(PeerError):
            verify_certificate(DOMAIN, cluster.validators, bad)
    with pytest.raises(PeerError):
        verify_certificate(SigningDomain(1, GENESIS), cluster.validators, good)


def slow_sealer() -> Cluster:
    """The seals of 3 arrive after the others have finished each height."""
    cluster = Cluster(4)

    def slow(source: int, target: int, message: object) -> bool:
        if source == 3 and isinstance(message, Vote) and message.phase is COMMIT:
            seal = message
            cluster.later(300, lambda: cluster.receive(target, seal, 3))
            return True
        return False

    cluster.blocked = slow
    return cluster


def embedded_seals(cluster: Cluster, validator: int) -> set[int]:
    """Heights whose seal by this validator some block embeds."""
    found = set()
    for certified in cluster.nodes[0].blocks:
        participation = certified.proposal.participation
        certificate = participation.certificate
        if certificate is not None and validator in dict(certificate.seals):
            found.add(certificate.height)
        found.update(s.height for s in participation.late_seals if s.validator == validator)
    return found


def test_a_late_seal_widens_the_parent_certificate() -> None:
    cluster = slow_sealer()
    for count in range(4):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1, ms=2_000)
        cluster.run(500)
    assert embedded_seals(cluster, 3) >= {1, 2, 3}


def test_seals_of_earlier_heights_are_embedded_once() -> None:
    cluster = slow_sealer()
    for count in range(6):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1, ms=2_000)
    cluster.run(1_000)
    cluster.blocked = lambda *_: False
    cluster.submit(b"last")
    assert cluster.run_to(7, ms=2_000)
    late = [
        (seal.height, seal.validator)
        for certified in cluster.nodes[0].blocks
        for seal in certified.proposal.participation.late_seals
    ]
    assert late
    assert len(late) == len(set(late))
    assert embedded_seals(cluster, 3) >= {1, 2, 3, 4, 5}
    assert all(node.peer_errors == [] for node in cluster.nodes.values())


def test_an_own_seal_that_the_certificate_lacks_is_offered() -> None:
    cluster = Cluster(4)
    sent: list[int] = []

    def watch(source: int, target: int, message: object) -> bool:
        if isinstance(message, LateSealMessage):
            sent.append(message.seal.validator)
        return source == 3 and isinstance(message, Vote) and message.phase is COMMIT

    cluster.blocked = watch
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=2_000)
    certificate = cluster.nodes[0].blocks[0].certificate
    assert 3 not in dict(certificate.seals)
    lacking = 3 not in dict(cluster.nodes[3].blocks[0].certificate.seals)
    assert (3 in sent) is lacking


def one_block() -> tuple[Cluster, CertifiedBlock]:
    """Node 1 has applied block 1 and takes PrePrepares of height 2 from validator 1's successor."""
    cluster = Cluster(4, byzantine=(1,))
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=2_000)
    cluster.run(300)
    return cluster, cluster.nodes[0].blocks[0]


def propose(cluster: Cluster, head: CertifiedBlock, participation: Participation) -> list[str]:
    """Errors of node 2 at a proposal of height 2 by the Byzantine 1."""
    block: Block = cluster.block(
        1,
        b"next",
        height=2,
        parent_hash=head.proposal.hash,
        participation=participation,
        time_ms=cluster.now_ms,
    )
    cluster.say(1, PrePrepare(2, 0, block, 1, None), (2,))
    return cluster.nodes[2].peer_errors


def test_a_header_needs_the_certificate_of_its_parent() -> None:
    cluster, head = one_block()
    assert "parent certificate is missing" in propose(cluster, head, Participation(None))[-1]
    other = replace(head.certificate, block_hash=GENESIS)
    assert "of another block" in propose(cluster, head, Participation(other))[-1]
    forged = replace(head.certificate, seals=tuple((i, bytes(64)) for i in range(4)))
    assert "signature" in propose(cluster, head, Participation(forged))[-1]
    count = len(cluster.nodes[2].peer_errors)
    assert len(propose(cluster, head, Participation(head.certificate))) == count


def test_a_header_embeds_only_valid_late_seals() -> None:
    cluster, head = one_block()
    certificate = head.certificate
    index, signature = certificate.seals[0]
    again = LateSeal(1, 0, certificate.block_hash, index, signature)
    out_of_range = replace(again, height=2)
    of_another_block = replace(again, block_hash=GENESIS)
    missing = next(i for i in range(4) if i not in dict(certificate.seals))
    forged = LateSeal(1, 0, certificate.block_hash, missing, bytes(64))
    for seal, reason in (
        (again, "recorded twice"),
        (out_of_range, "out of range"),
        (of_another_block, "another block"),
        (forged, "signature"),
    ):
        errors = propose(cluster, head, Participation(certificate, (seal,)))
        assert reason in errors[-1]


def test_describe_says_who_is_missing() -> None:
    cluster = Cluster(4, manual=True)
    cluster.submit(b"pay", to=(0,))
    cluster.deliver(1, PrePrepare, 0, 0)
    cluster.deliver(0, Vote, 0, 1, phase=Phase.PREPARE)
    described = cluster.nodes[0].replica.describe()
    assert (described.height, described.view, described.step) == (1, 0, "preparing")
    assert (described.prepares, described.missing) == ((0, 1), (2, 3))
    assert (described.proposer, described.own_index, described.quorum) == (0, 0, 3)
    assert described.no_vote_reason is None


def test_who_applies_a_final_block_is_not_said_to_withhold_its_vote() -> None:
    """A monitor that looks just then would see a validator that does not vote."""
    cluster = Cluster(4)
    cluster.submit(b"pay")
    replica = cluster.nodes[2].replica
    assert cluster.run(until=lambda: replica.describe().step == "applying")
    assert replica.describe().no_vote_reason is None
