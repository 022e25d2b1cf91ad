"""The signer process: answers one node, or few, and signs nothing that contradicts what it signed.

It holds the key and a state of its own (node.signing.last_signed), so that a node whose folder was
restored, cloned or taken over still cannot make it sign twice.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from consensus.messages import SigningDomain
from ledger.crypto import Signer
from ledger.errors import DecodeError, LocalError, PeerError
from node.config import LogConfig
from node.files.private_socket import bind_private
from node.keys.keystore import KeyKind, ask_nobody, open_seed, open_signer, read_password
from node.network.tls import NodeIdentity, admit, peer_node_key
from node.signing.hsm import open_module
from node.signing.last_signed import SignedRecord
from node.signing.payload import ProbePayload, VotePayload, decode_asked
from node.signing.settings import Pkcs11Config, SignerHome, load_home, read_address
from node.signing.wire import (
    Answer,
    Ask,
    Greeting,
    decode_ask,
    encode_answer,
    encode_greeting,
    frame,
    take_frames,
)
from node.watch.log_setup import configure_logging

MAX_CONNECTIONS: Final = 8
READ_BYTES: Final = 16 * 1024
WRITE_PATIENCE_S: Final = 5.0
HANDSHAKE_S: Final = 5.0
EXIT_OK: Final = 0

log = structlog.get_logger(__name__)


class VoteSigning:
    """Judges what is asked, records it, then signs. Blocks; called by one thread at a time.

    The record is one for all keys: a validator whose key is replaced has one vote for each height,
    view and phase, whichever of its keys signs it.
    """

    def __init__(
        self, signers: Sequence[Signer], domain: SigningDomain, record: SignedRecord
    ) -> None:
        self._signers: Mapping[bytes, Signer] = {item.public_key: item for item in signers}
        self._domain = domain
        self._record = record

    @property
    def held(self) -> Mapping[bytes, Signer]:
        """The keys by public key."""
        return self._signers

    @property
    def greeting(self) -> Greeting:
        """What it serves."""
        return Greeting(self._domain, tuple(self._signers))

    def answer(self, asks: Sequence[Ask]) -> list[Answer]:
        """One answer to each. The record of all is durable, by one write, before any is signed.

        LocalError when the record cannot be written: then nothing was signed.
        """
        read = [self._read(ask) for ask in asks]
        votes = [
            (vote, ask.holder)
            for vote, ask in zip(read, asks, strict=True)
            if isinstance(vote, VotePayload)
        ]
        verdicts = iter(self._record.approve(votes))
        answers = []
        for ask, found in zip(asks, read, strict=True):
            problem = next(verdicts) if isinstance(found, VotePayload) else None
            if isinstance(found, str):
                problem = found
            answers.append(self._signed(ask) if problem is None else self._refused(ask, problem))
        return answers

    def replace_keys(self, signers: Sequence[Signer]) -> None:
        """Other keys from now on; the record goes on."""
        self._signers = {item.public_key: item for item in signers}

    def _read(self, ask: Ask) -> VotePayload | ProbePayload | str:
        if ask.public_key not in self._signers:
            return f"this signer does not hold the key {ask.public_key.hex()}"
        try:
            return decode_asked(ask.payload, self._domain, ask.public_key)
        except DecodeError as error:
            return f"this is no vote of its chain, and no probe: {error}"

    def _signed(self, ask: Ask) -> Answer:
        try:
            return Answer(ask.number, self._signers[ask.public_key].sign(ask.payload))
        except LocalError as error:  # of a hardware module; the same vote may be asked for again
            return self._refused(ask, str(error))

    def _refused(self, ask: Ask, reason: str) -> Answer:
        log.error("signer.refused", reason=reason)
        return Answer(ask.number, refusal=reason)


class SignerServer:
    """Listens on a Unix socket or TLS port and answers with what `signing` says."""

    def __init__(
        self, signing: VoteSigning, home: SignerHome, identity: NodeIdentity | None
    ) -> None:
        """identity: of the TLS port; None for a Unix socket."""
        self._signing = signing
        self._address = read_address(home.signer.listen, "[signer] listen")
        self._home = home.home
        self._identity = identity
        self._allowed = frozenset(bytes.fromhex(key) for key in home.signer.node_keys)
        self._thread = ThreadPoolExecutor(1, "signer")
        self._fixed = (home.signer.listen, home.domain)
        self._open: set[asyncio.Task[None]] = set()
        self._reloads = asyncio.Lock()
        self._reloading: set[asyncio.Task[None]] = set()
        self._context = None if identity is None else identity.server_context(self._allowed)
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The TLS port in use."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else 0

    async def start(self) -> None:
        """Listen; LocalError when the address cannot be had."""
        where = self._address
        try:
            if self._identity is None:
                self._server = await asyncio.start_unix_server(
                    self._connected, sock=bind_private(self._home / where.path, "[signer] listen")
                )
            else:
                self._server = await asyncio.start_server(
                    self._connected,
                    where.host,
                    where.port,
                    ssl=self._context,
                    ssl_handshake_timeout=HANDSHAKE_S,
                )
        except OSError as error:
            raise LocalError(
                f"[signer] listen: cannot listen on {where.path or f'{where.host}:{where.port}'}: "
                f"{error.strerror or error}"
            ) from error

    async def failed(self) -> None:
        """Wait until the record cannot be written, and raise that."""
        await self._failure

    async def stop(self) -> None:
        """Close the port and all connections; what is being signed is finished first."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        if self._address.path:
            (self._home / self._address.path).unlink(missing_ok=True)

    def reload_soon(self) -> None:
        """Read signer.toml again: other keys, other nodes that may ask. What is wrong in it is
        logged, and all stays as it is."""
        if not self._reloads.locked():
            task = asyncio.get_running_loop().create_task(self._reload())
            self._reloading.add(task)
            task.add_done_callback(self._reloading.discard)

    async def _reload(self) -> None:
        async with self._reloads:
            try:
                home = load_home(self._home)
                if (home.signer.listen, home.domain) != self._fixed:
                    raise LocalError("listen, chain_id and genesis_hash change at a start only")
                signers, _ = await asyncio.to_thread(
                    open_keys, home, self._signing.held, ask_nobody
                )
            except LocalError as error:
                log.error("signer.not_reloaded", reason=str(error))
                return
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._signing.replace_keys, signers)
            self._allowed = frozenset(bytes.fromhex(key) for key in home.signer.node_keys)
            if self._context is not None:
                admit(self._context, self._allowed)
            log.info("signer.reloaded", public_keys=[each.public_key.hex() for each in signers])
            for task in tuple(self._open):
                task.cancel()  # they connect anew and are greeted with the keys of now

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= MAX_CONNECTIONS:
            log.warning("signer.too_many_connections", maximum=MAX_CONNECTIONS)
            writer.close()
            return
        self._open.add(task)
        try:
            self._check_peer(writer)
            await self._serve(reader, writer)
        except (PeerError, DecodeError, OSError, TimeoutError) as error:
            log.warning("signer.connection_ended", reason=str(error) or type(error).__name__)
        except LocalError as error:
            if not self._failure.done():
                self._failure.set_exception(error)
        except asyncio.CancelledError:
            log.info("signer.connection_closed")  # by stop; the stream's own task asks no more
        finally:
            self._open.discard(task)
            writer.close()

    def _check_peer(self, writer: asyncio.StreamWriter) -> None:
        if self._identity is None:
            return
        key = peer_node_key(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
        if key not in self._allowed:
            raise PeerError(f"the node key {key.hex()} may not ask")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        log.info("signer.connected")
        loop, buffer = asyncio.get_running_loop(), bytearray()
        writer.write(frame(encode_greeting(self._signing.greeting)))
        while data := await reader.read(READ_BYTES):
            buffer += data
            asks = [decode_ask(body) for body in take_frames(buffer)]
            if not asks:
                continue
            answers = await loop.run_in_executor(self._thread, self._signing.answer, asks)
            writer.writelines(frame(encode_answer(answer)) for answer in answers)
            async with asyncio.timeout(WRITE_PATIENCE_S):
                await writer.drain()
        log.info("signer.disconnected")


def run_signer(home: SignerHome, logging: LogConfig) -> int:
    """Run until SIGTERM or SIGINT; the exit code. LocalError when the operator has to act."""
    write_out_log = configure_logging(logging)
    try:
        return asyncio.run(_run(home))
    finally:
        write_out_log()


async def _run(home: SignerHome) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        signers, identity = open_keys(home)  # reads only: what it refuses leaves all as it was
        record = SignedRecord(home.state_path, home.domain)
        stack.callback(record.close)
        server = SignerServer(VoteSigning(signers, home.domain, record), home, identity)
        stack.push_async_callback(server.stop)
        await server.start()
        loop.add_signal_handler(signal.SIGHUP, server.reload_soon)
        state = record.state
        log.info(
            "signer.started",
            listen=home.signer.listen,
            public_keys=[signer.public_key.hex() for signer in signers],
            last_height=state.height,
            last_view=state.view,
        )
        waiting = asyncio.ensure_future(stopped.wait())
        failing = asyncio.ensure_future(server.failed())
        await asyncio.wait((waiting, failing), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if failing.done():
            failing.result()
        failing.cancel()
        log.info("signer.stopping")
    return EXIT_OK


def open_keys(
    home: SignerHome,
    held: Mapping[bytes, Signer] = MappingProxyType({}),
    prompt: Callable[[str], str] | None = None,
) -> tuple[tuple[Signer, ...], NodeIdentity | None]:
    """The keys that vote, the present one first, and the identity of the TLS port (None for a Unix
    socket). held: keys in a module that are open already. prompt: of read_password.

    LocalError when one cannot be opened, or public_key names another.
    """
    config, over_tls = home.signer, not read_address(home.signer.listen, "[signer] listen").path
    password = ""
    if config.validator_key or config.next_validator_key or over_tls:
        named = config.password_file
        file = home.home / named if named else None
        password = read_password(file, "the signer's keys", prompt=prompt)
    identity = None
    if over_tls:
        seed = open_seed(home.home / config.tls_key, password, KeyKind.NODE)
        identity = NodeIdentity.from_seed(seed)

    def opened(file: str, public_key: str, module: Pkcs11Config, prefix: str) -> Signer:
        if file:
            return _in_file(home.home, file, password, public_key, prefix)
        key = bytes.fromhex(public_key)
        return held.get(key) or open_module(module, home.home, key)

    signers = [opened(config.validator_key, config.public_key, home.pkcs11, "")]
    if config.next_validator_key or config.next_public_key:
        module = home.pkcs11.of_next_key()
        signers.append(opened(config.next_validator_key, config.next_public_key, module, "next_"))
        if signers[0].public_key == signers[1].public_key:
            raise LocalError(
                f"[signer] the next key is the present one, {signers[0].public_key.hex()}: make "
                "another with `poyong keys new`"
            )
    return tuple(signers), identity


def _in_file(home: Path, file: str, password: str, public_key: str, prefix: str) -> Signer:
    signer = open_signer(home / file, password, KeyKind.VALIDATOR)
    if public_key and signer.public_key.hex() != public_key.lower():
        raise LocalError(
            f"{file} holds the key {signer.public_key.hex()}, [signer] {prefix}public_key is "
            f"{public_key}: correct one of them"
        )
    return signer
