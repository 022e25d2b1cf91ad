"""A signer and the node's side of it, over a Unix socket and TLS, in one process."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from consensus.events import Event, VoteSigned
from consensus.messages import SigningDomain, Vote
from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.primitives import Hash
from ledger.registry import Phase
from ledger.set_changes import PROBE
from ledger.transaction import Draft, verify_transaction
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.localnet.creation import PASSWORD
from node.network.tls import NodeIdentity
from node.signing.last_signed import SignedRecord
from node.signing.process import SignerServer, VoteSigning, open_keys
from node.signing.remote import Place, RemoteSigner
from node.signing.settings import SIGNER_FILE, SignerHome, load_home, read_address, render_home
from node.signing.wire import frame
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
    signers, identity = open_keys(home)
    server = SignerServer(VoteSigning(signers, home.domain, record), home, identity)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        record.close()


class Asking:
    """A node's side with its run loop, and what was delivered."""

    def __init__(
        self,
        home: SignerHome,
        *,
        identity: NodeIdentity = NODE,
        domain: SigningDomain = DOMAIN,
        keys: tuple[bytes, ...] = (KEY,),
    ) -> None:
        place = Place(home.home, read_address(home.signer.listen, "listen"), SIGNER_TLS, TIMEOUT_S)
        self.signer = RemoteSigner(place, keys, domain, identity, HOLDER)
        self.signatures: list[tuple[bytes, bytes]] = []
        self.events: list[Event] = []

    def ask(
        self,
        phase: Phase,
        height: int,
        claim: bytes = b"a" * 32,
        view: int = 0,
        key: bytes = KEY,
    ) -> bytes:
        payload = DOMAIN.payload(phase, height, view, claim)

        def signed(signature: bytes) -> Event:
            self.signatures.append((payload, signature))
            return VoteSigned(Vote(phase, height, view, Hash(claim), 0, signature))

        self.signer.request(key, height, payload, signed)
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
        assert node.signer.problem(KEY) is None


async def test_a_signer_that_is_away_stops_the_votes_and_gives_them_when_it_is_back(
    home: SignerHome,
) -> None:
    async with Asking(home).running() as node:
        await until(lambda: "away: not connected" not in (node.signer.problem(KEY) or ""))
        assert node.signer.problem(KEY) is not None
        node.ask(Phase.COMMIT, 3)
        async with serving(home):
            await until(lambda: len(node.events) == 1)
        await until(lambda: node.signer.problem(KEY) is not None)
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
        await until(lambda: node.signer.problem(KEY) is not None)
        assert "would contradict it" in (node.signer.problem(KEY) or "")
        assert len(node.events) == 1
        node.ask(Phase.COMMIT, 4)
        await until(lambda: len(node.events) == 2)
        assert node.signer.problem(KEY) is None


async def test_a_signer_of_another_chain_is_not_asked(home: SignerHome) -> None:
    node = Asking(home, domain=SigningDomain(9, DOMAIN.genesis_hash))
    async with serving(home), node.running():
        node.ask(Phase.COMMIT, 3)
        await until(lambda: "it signs for chain 7" in (node.signer.problem(KEY) or ""))
        assert not node.events


async def test_a_strangers_key_gets_no_answer_over_tls(tmp_path: Path) -> None:
    listen = f"tls:127.0.0.1:{base_port() + 951}"
    home = own_home(tmp_path / "signer", listen, (NODE.node_key.hex(),))
    async with serving(home), Asking(home, identity=STRANGER).running() as node:
        node.ask(Phase.COMMIT, 3)
        await until(lambda: "not connected yet" not in (node.signer.problem(KEY) or ""))
        assert node.signer.problem(KEY) is not None
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
        await until(lambda: "no answer in time" in (node.signer.problem(KEY) or ""))
        mute.close()
        async with serving(home):
            await until(lambda: len(node.events) == 1)


# Two keys while one is replaced


def with_next_key(home: SignerHome) -> bytes:
    """Make the next key of a signer and name it in its file; its public key."""
    path = home.home / "keys/validator-2.json"
    made = keystore.create_key(path, KeyKind.VALIDATOR, PASSWORD, cost=LOCAL_COST)
    named = replace(home.signer, next_validator_key="keys/validator-2.json")
    (home.home / SIGNER_FILE).write_text(render_home(replace(home, signer=named)))
    return made.public_key


async def test_one_record_for_both_keys(home: SignerHome) -> None:
    """Each height has one vote, whichever key signs it; and no height comes back."""
    second = with_next_key(home)
    async with (
        serving(load_home(home.home)),
        Asking(home, keys=(KEY, second)).running() as node,
    ):
        node.ask(Phase.COMMIT, 3)
        await until(lambda: len(node.events) == 1)
        asked = node.ask(Phase.COMMIT, 4, key=second)
        await until(lambda: len(node.events) == 2)
        assert node.signatures[-1][0] == asked
        assert verify_ed25519(second, *node.signatures[-1])
        node.ask(Phase.COMMIT, 4, b"b" * 32)
        await until(lambda: "would contradict it" in (node.signer.problem(KEY) or ""))
        node.ask(Phase.COMMIT, 5, key=second)
        await until(lambda: len(node.events) == 3)
        assert node.signer.problem(KEY) is None
        assert node.signer.problem(second) is None


async def test_a_key_that_the_signer_lacks_holds_up_no_other(home: SignerHome) -> None:
    missing = Ed25519Signer(b"m" * 32).public_key
    async with serving(home), Asking(home, keys=(KEY, missing)).running() as node:
        node.ask(Phase.PREPARE, 3, key=missing)
        node.ask(Phase.PREPARE, 3, b"c" * 32)
        await until(lambda: len(node.events) == 1)
        assert node.signer.problem(KEY) is None
        assert f"not {missing.hex()}" in (node.signer.problem(missing) or "")


async def test_a_signer_reads_its_next_key_while_it_runs(home: SignerHome) -> None:
    async with serving(home) as server, Asking(home).running() as node:
        node.ask(Phase.COMMIT, 3)
        await until(lambda: len(node.events) == 1)
        second = with_next_key(home)
        node.signer.replace_keys((KEY, second))
        await until(lambda: "not " + second.hex() in (node.signer.problem(second) or ""))
        server.reload_soon()
        await until(lambda: node.signer.problem(second) is None)
        node.ask(Phase.COMMIT, 4, key=second)
        await until(lambda: len(node.events) == 2)
        assert verify_ed25519(second, *node.signatures[-1])


async def test_a_signer_keeps_its_keys_when_its_file_is_wrong(
    home: SignerHome, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(home) as server, Asking(home).running() as node:
        named = replace(home.signer, next_validator_key="keys/none.json")
        (home.home / SIGNER_FILE).write_text(render_home(replace(home, signer=named)))
        server.reload_soon()
        await until(lambda: not server._reloading)
        assert "signer.not_reloaded" in capsys.readouterr().out
        node.ask(Phase.COMMIT, 3)
        await until(lambda: len(node.events) == 1)


async def test_a_signer_signs_the_probe_of_its_own_key_and_no_other(home: SignerHome) -> None:
    found: list[bytes] = []

    def draft(fee: int) -> Draft:
        body = PROBE.encode(KEY, 7, b"r" * 32)
        return Draft(
            chain_id=DOMAIN.chain_id,
            nonce=0,
            type=PROBE.name,
            body=body,
            valid_until=71,
            fee=fee,
        )

    async with serving(home), Asking(home).running() as node:
        node.signer.request(KEY, 8, draft(0).signing_bytes(KEY), found.append)
        await until(lambda: len(found) == 1)
        assert verify_transaction(draft(0).signed(KEY, found[0]))
        assert node.events == [], "the replica did not ask for it"
        node.signer.request(KEY, 8, draft(1).signing_bytes(KEY), found.append)
        await until(lambda: "a probe has none" in (node.signer.problem(KEY) or ""))
        assert len(found) == 1


@pytest.mark.parametrize("how", ["keys", "lost"])
def test_what_is_asked_while_a_connection_ends_is_asked_again(home: SignerHome, how: str) -> None:
    """On the loop of a real node, which takes no bytes for a connection that has ended."""

    async def ask_amid() -> None:
        async with serving(home), Asking(home).running() as node:
            await until(lambda: node.signer.problem(KEY) is None)
            writer = node.signer._writer
            assert writer is not None
            if how == "keys":
                node.signer.replace_keys((KEY, Ed25519Signer(b"m" * 32).public_key))
            else:
                writer.transport.abort()
            for height in range(3, 13):  # in each turn of the loop until the end is noticed
                asked = node.ask(Phase.COMMIT, height)
                await asyncio.sleep(0)
            await until(lambda: asked in {payload for payload, _ in node.signatures})

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask_amid())
