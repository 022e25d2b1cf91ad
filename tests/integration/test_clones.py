"""One validator's key in three folders: the original and two that came out of its backup.

Every payload that any of them signs is kept, and no two contradict each other; no node holds
evidence. What a token cannot keep from happening stands in ADR 0028.
"""

import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from consensus.messages import SigningDomain
from ledger.crypto import Ed25519Signer
from ledger.errors import DecodeError, LocalError
from ledger.primitives import Hash
from ledger.registry import Phase
from node.backups.backup import backup, restore
from node.keys.keystore import LOCAL_COST
from node.localnet.creation import PASSWORD
from node.signing import fence_moves
from node.signing.fence import Fence, Standing
from node.signing.payload import VotePayload, decode_payload
from tests.support.running_nodes import RunningNodes, running_nodes, until
from tests.support.town import base_port

SECRET = "a long backup password"


@pytest.fixture
def port() -> int:
    return base_port() + 700


class Votes:
    """All payloads that the keys of this process signed, by key and by signer."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.signed: list[tuple[bytes, int, bytes]] = []
        sign = Ed25519Signer.sign

        def kept(signer: Ed25519Signer, message: bytes) -> bytes:
            self.signed.append((signer.public_key, id(signer), message))
            return sign(signer, message)

        patch.setattr(Ed25519Signer, "sign", kept)

    def of(self, nodes: RunningNodes, name: str) -> int:
        """Payloads that the node which runs under this name has signed."""
        ids = {id(signer) for signer in nodes.nodes[name].opened.ring.files}
        return sum(1 for _, by, _ in self.signed if by in ids)

    def contradictions(self, domain: SigningDomain) -> list[list[VotePayload]]:
        """Votes of one key for one phase, height and view that differ."""
        found: dict[tuple[bytes, Phase, int, int], set[VotePayload]] = defaultdict(set)
        read = 0
        for key, _, payload in self.signed:
            try:
                vote = decode_payload(payload, domain)
            except DecodeError:  # a transaction, or a certificate of TLS
                continue
            read += 1
            found[key, vote.phase, vote.height, vote.view].add(vote)
        assert read > 0
        return [sorted(votes, key=lambda v: v.digest) for votes in found.values() if len(votes) > 1]


def clone(nodes: RunningNodes, file: Path, name: str, node_key_of: str) -> None:
    """Restore a backup as a node of this name, under the node key and on the port of another."""
    home = nodes.folder / name
    restore(file, home, SECRET)
    shutil.copy(nodes.folder / node_key_of / "keys/node.json", home / "keys/node.json")
    shutil.copy(nodes.folder / node_key_of / "keys/password", home / "keys/password")
    text = (home / "config.toml").read_text()
    own, other = (f"\nport = {nodes.settings(each).network.port}\n" for each in (name, node_key_of))
    (home / "config.toml").write_text(text.replace(own, other, 1))


async def test_clones_of_a_validator_never_contradict_it(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POYONG_KEY_PASSWORD", PASSWORD)
    votes = Votes(monkeypatch)
    async with running_nodes(tmp_path, port) as nodes:
        *others, original = nodes.validators
        await nodes.start_validators()
        await nodes.finalise(others[0], 3)
        domain = nodes.nodes[original].runtime.domain

        # Backed up, and on it goes: the backup is older than what the original signs from here on.
        await nodes.stop(original)
        file, home = tmp_path / "node.backup", nodes.folder / original
        backup(home, file, SECRET, keys=True, cost=LOCAL_COST)
        await nodes.start(original)
        await nodes.connected(original, others)
        clone(nodes, file, "standby", nodes.observer)
        clone(nodes, file, "forgotten", original)

        # A clone beside the original follows the chain and signs nothing, over restarts too.
        for _ in range(2):
            await nodes.start("standby")
            await nodes.connected("standby", others)
            head = await nodes.finalise(others[0], 4)
            await nodes.at_height(head.height, "standby", original)
            assert votes.of(nodes, "standby") == 0
            why = nodes.nodes["standby"].runtime.replica.describe().no_vote_reason
            assert why is not None
            assert "fencing token" in why
            await nodes.stop("standby")

        # The right moves: the original is off for good, the token is for one folder alone.
        await nodes.stop(original)
        standby, forgotten = nodes.folder / "standby", nodes.folder / "forgotten"
        token = fence_moves.release(home, fence_moves.place_of(standby).place)
        written: list[Fence] = []
        with monkeypatch.context() as patch:
            patch.setattr(fence_moves, "write_fence", lambda _, fence: written.append(fence))
            # Who asks again gets the same token, and the release is made durable once more.
            assert fence_moves.release(home, fence_moves.place_of(standby).place) == token
        assert [fence.standing for fence in written] == [Standing.RELEASED]
        with pytest.raises(LocalError, match="for the folder"):
            fence_moves.take(forgotten, token)
        fence_moves.take(standby, token)
        with pytest.raises(LocalError, match="used already"):
            fence_moves.take(standby, token)
        with pytest.raises(LocalError, match="given up the right"):
            await nodes.start(original)
        await nodes.start("standby", "forgotten")
        await nodes.connected("standby", others)
        await nodes.stop(others[-1])  # three of four, and the standby is one of them
        await nodes.finalise(others[0], 4)
        await until(lambda: votes.of(nodes, "standby") > 0)
        assert votes.of(nodes, "forgotten") == 0
        assert votes.contradictions(domain) == []
        for name in (*others[:-1], "standby"):
            assert nodes.nodes[name].runtime.replica.describe().pending_evidence == 0


async def test_the_slow_road_signs_nothing_before_others_passed_what_was_signed(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine is lost, and with it the token: rule 6, from the moment of the take on."""
    monkeypatch.setenv("POYONG_KEY_PASSWORD", PASSWORD)
    votes = Votes(monkeypatch)
    async with running_nodes(tmp_path, port) as nodes:
        *others, lost = nodes.validators
        await nodes.start_validators()
        await nodes.finalise(others[0], 2)
        domain: SigningDomain = nodes.nodes[lost].runtime.domain
        await nodes.stop(lost)
        file = tmp_path / "node.backup"
        backup(nodes.folder / lost, file, SECRET, keys=True, cost=LOCAL_COST)
        await nodes.start(lost)
        await nodes.connected(lost, others)
        clone(nodes, file, "restored", lost)

        # It follows for a while as a folder that waits; what it saw meanwhile counts for nothing,
        # since the other one went on.
        await nodes.stop(lost)
        await nodes.start("restored")
        await nodes.connected("restored", others)
        head = await nodes.finalise(others[0], 3)
        await nodes.at_height(head.height, "restored")
        await nodes.stop("restored")
        await nodes.start(lost)
        await nodes.connected(lost, others)
        await nodes.finalise(others[0], 3)
        await nodes.stop(lost)

        fence_moves.take_without_token(nodes.folder / "restored", None)
        await nodes.start("restored")
        await nodes.connected("restored", others)
        assert nodes.nodes["restored"].runtime.chain.vote_record_lost
        first = await nodes.finalise(others[0])
        await nodes.at_height(first.height, "restored")
        assert votes.of(nodes, "restored") == 0
        for _ in range(4):
            await nodes.finalise(others[0])
        await until(lambda: votes.of(nodes, "restored") > 0)
        assert votes.contradictions(domain) == []
        assert nodes.nodes["restored"].runtime.replica.describe().pending_evidence == 0


def test_the_scan_would_find_two_votes_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    votes, domain = Votes(monkeypatch), SigningDomain(7, Hash(b"g" * 32))
    signer = Ed25519Signer(b"v" * 32)
    for claim in (b"a", b"b"):
        signer.sign(domain.payload(Phase.PREPARE, 1, 0, claim * 32))
    assert len(votes.contradictions(domain)) == 1
