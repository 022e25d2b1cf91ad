"""A signer and the node's side of it, over a Unix socket and TLS, in one process."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consensus.events import Event, VoteSigned
from consensus.messages import SigningDomain, Vote
from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.primitives import Hash
from ledger.registry import Phase
from node.signing.last_signed import SignedRecord
from node.signing.process import SignerServer, VoteSigning, open_keys
from node.signing.remote import Place, RemoteSigner
from node.signing.settings import SignerHome, read_address
from node.signing.wire import frame
from node.tls import NodeIdentity
from tests.support.running_nodes import until
from tests.support.signer_homes import DOMAIN, HOLDER, SEED, own_home
from tests.support.town import base_port

KEY = Ed25519Signer(SEED).public_key
NODE = NodeIdentity.from_seed(b"n" * 32)
STRANGER = NodeIdentity.from_seed(b"x" * 32)
SIGNER_TLS = NodeIdentity.from_seed(b"t" * 32).node_key
TIMEOUT_S = 1.0


@asynccontextmanager
async def serving(home: SignerHome) -> AsyncIterator[SignerServer]:
    record = SignedRecord(home.state_path, home.domain)
    signer, identity = open_keys(home)
    server = SignerServer(VoteSigning((signer,), home.domain, record), home, identity)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        record.close()


class Asking:
    """A node's side with its run loop, and what was delivered."""

    def __init__(
        self, home: SignerHome, *, identity: NodeIdentity = NODE, domain: SigningDomain = DOMAIN
    ) -> None:
        place = Place(home.home, read_address(home.signer.listen, "listen"), SIGNER_TLS, TIMEOUT_S)
        self.signer = RemoteSigner(place, KEY, domain, identity, HOLDER)
        self.signatures: list[tuple[bytes, bytes]] = []
        self.events: list[Event] = []

    def ask(self, phase: Phase, height: int, claim: bytes = b"a" * 32, view: int = 0) -> bytes:
        payload = DOMAIN.payload(phase, height, view, claim)

        def signed(signature: bytes) -> Event:
            self.signatures.append((payload, signature))
            return VoteSigned(Vote(phase, height, view, Hash(claim), 0, signature))

        self.signer.request(height, payload, signed)
        return payload

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Asking"]:
        task = asyncio.create_task(self.signer.run(self.events.append))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=["unix", "tls"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> SignerHome:
    listen = "unix:s" if request.param == "unix" else f"tls:127.0.0.1:{base_port() + 950}"
    return own_home(tmp_path / "signer", listen, (NODE.node_key.hex(),))


async def test_several_votes_under_way_are_signed_in_order(home: SignerHome) -> None:
    async with serving(home), Asking(home).running() as node:
        payloads = [
            node.ask(phase, 3) for phase in (Phase.PRE_PREPARE, Phase.PREPARE, Phase.COMMIT)
        ]
        await until(lambda: len(node.events) == 3)
        assert [payload for payload, _ in node.signatures] == payloads
        assert all(verify_ed25519(KEY, *signature) for signature in node.signatures)
        assert node.signer.problem is None


async def test_a_signer_that_is_away_stops_the_votes_and_gives_them_when_it_is_back(
    home: SignerHome,
) -> None:
    async with Asking(home).running() as node:
        await until(lambda: "away: not connected" not in (node.signer.problem or ""))
        assert node.signer.problem is not None
        node.ask(Phase.COMMIT, 3)
        async with serving(home):
            await until(lambda: len(node.events) == 1)
        await until(lambda: node.signer.problem is not None)
        node.ask(Phase.COMMIT, 4)
        wanted = node.ask(Phase.COMMIT, 5)
        async with serving(home):
            await until(lambda: len(node.events) == 2)
        assert node.signatures[-1][0] == wanted, "a vote of a height that is over is dropped"


async def test_a_refusal_is_told_and_ends_with_the_next_signature(home: SignerHome) -> None:
    async with serving(home), Asking(home).running() as node:
        node.ask(Phase.COMMIT, 3)
        await until(lambda: len(node.events) == 1)
        node.ask(Phase.COMMIT, 3, b"b" * 32)
        await until(lambda: node.signer.problem is not None)
        assert "would contradict it" in (node.signer.problem or "")
        assert len(node.events) == 1
        node.ask(Phase.COMMIT, 4)
        await until(lambda: len(node.events) == 2)
        assert node.signer.problem is None


async def test_a_signer_of_another_chain_is_not_asked(home: SignerHome) -> None:
    node = Asking(home, domain=SigningDomain(9, DOMAIN.genesis_hash))
    async with serving(home), node.running():
        node.ask(Phase.COMMIT, 3)
        await until(lambda: "it signs for chain 7" in (node.signer.problem or ""))
        assert not node.events


async def test_a_strangers_key_gets_no_answer_over_tls(tmp_path: Path) -> None:
    listen = f"tls:127.0.0.1:{base_port() + 951}"
    home = own_home(tmp_path / "signer", listen, (NODE.node_key.hex(),))
    async with serving(home), Asking(home, identity=STRANGER).running() as node:
        node.ask(Phase.COMMIT, 3)
        await until(lambda: "not connected yet" not in (node.signer.problem or ""))
        assert node.signer.problem is not None
        assert not node.events
        async with Asking(home).running() as known:
            known.ask(Phase.COMMIT, 3)
            await until(lambda: len(known.events) == 1)


async def test_the_socket_is_its_owners_and_rubbish_ends_only_its_connection(
    tmp_path: Path,
) -> None:
    home = own_home(tmp_path / "signer")
    async with serving(home):
        assert stat.S_IMODE((home.home / "s").stat().st_mode) == 0o600
        for rubbish in (frame(b"rubbish"), b"\xff" * 100, frame(b"")):
            reader, writer = await asyncio.open_unix_connection(home.home / "s")
            writer.write(rubbish)
            async with asyncio.timeout(5):
                await reader.read()  # the greeting, then the end
                assert reader.at_eof()
            writer.close()
        async with Asking(home).running() as node:
            node.ask(Phase.COMMIT, 3)
            await until(lambda: len(node.events) == 1)


async def test_a_signer_that_does_not_answer_is_left_and_tried_again(tmp_path: Path) -> None:
    home = own_home(tmp_path / "signer")

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    mute = await asyncio.start_unix_server(silent, home.home / "s")
    async with Asking(home).running() as node:
        node.ask(Phase.COMMIT, 3)
        await until(lambda: "no answer in time" in (node.signer.problem or ""))
        mute.close()
        async with serving(home):
            await until(lambda: len(node.events) == 1)
