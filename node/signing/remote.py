"""The node's side of a signer process: asks for signatures, connects anew when it is away."""

import asyncio
import random
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from consensus.events import Event
from consensus.messages import SigningDomain
from ledger.crypto import verify_ed25519
from ledger.errors import DecodeError, PeerError
from node.network.backoff import Backoff
from node.network.tls import NodeIdentity, peer_node_key
from node.signing.settings import Address
from node.signing.waiting import Request, Signed, WaitingVotes
from node.signing.wire import (
    Answer,
    Ask,
    Holder,
    decode_answer,
    decode_greeting,
    encode_ask,
    frame,
    take_frames,
)

READ_BYTES: Final = 16 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the signer is: a Unix socket (path), or host and port with its public TLS key."""

    home: Path
    address: Address
    tls_key: bytes
    timeout_s: float

    @property
    def name(self) -> str:
        """For people."""
        where = self.address
        return str(self.home / where.path) if where.path else f"{where.host}:{where.port}"


class RemoteSigner:
    """VoteSigner over a connection; several votes may be under way, answered in order."""

    def __init__(
        self,
        place: Place,
        public_keys: tuple[bytes, ...],
        domain: SigningDomain,
        identity: NodeIdentity,
        holder: Holder,
    ) -> None:
        """holder: what the fence of this node's folder says."""
        self._place, self._public_keys = place, public_keys
        self._domain, self._identity, self._holder = domain, identity, holder
        self._waiting = WaitingVotes()
        self._under_way: deque[tuple[Ask, Request, float]] = deque()
        self._number = 0
        self._writer: asyncio.StreamWriter | None = None
        self._away: str | None = "not connected yet"
        self._refusal: str | None = None
        self._held: tuple[bytes, ...] = ()

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """Ed25519 public keys, 32 bytes each; the present one first."""
        return self._public_keys

    def replace_keys(self, public_keys: tuple[bytes, ...]) -> None:
        """Other keys from now on; connects anew, to hear which of them the signer holds."""
        if public_keys == self._public_keys:
            return
        self._public_keys = public_keys
        if self._writer is not None:
            self._writer.close()
            self._writer = None  # what is asked from now on waits for the next connection

    def problem(self, public_key: bytes) -> str | None:
        """Why nothing is signed with this key now, a sentence; None while it is."""
        if self._away is not None:
            return f"the signer at {self._place.name} is away: {self._away}"
        if public_key not in self._held:
            held = ", ".join(key.hex() for key in self._held)
            return f"the signer at {self._place.name} holds {held}, not {public_key.hex()}"
        if self._refusal is not None:
            return f"the signer at {self._place.name} refused to sign: {self._refusal}"
        return None

    def request(self, public_key: bytes, height: int, payload: bytes, signed: Signed) -> None:
        """Ask for a signature, at once when connected."""
        self._waiting.add(Request(public_key, height, payload, signed))
        self._ask()

    async def run(self, deliver: Callable[[Event], None]) -> None:
        """Until cancelled: connect, ask, deliver; connect anew after whatever ends that."""
        backoff = Backoff(random.random)
        while True:
            await asyncio.sleep(backoff.next_ms() / 1000)
            try:
                await self._connection(deliver, backoff)
            except (OSError, TimeoutError, PeerError, DecodeError) as error:
                reason = str(error) or "no answer in time"
                if self._away != reason:
                    log.error("signer.away", signer=self._place.name, reason=reason)
                self._away = reason

    async def _connection(self, deliver: Callable[[Event], None], backoff: Backoff) -> None:
        async with asyncio.timeout(self._place.timeout_s):
            reader, writer = await self._connect()
        try:
            buffer = bytearray()
            await self._greeted(reader, buffer)
            self._away = None
            backoff.reset()
            log.info("signer.connected", signer=self._place.name)
            self._writer = writer
            self._ask()
            await self._answers(reader, buffer, deliver)
        finally:
            self._writer = None
            self._waiting.put_back(deque(request for _, request, _ in self._under_way))
            self._under_way.clear()
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = self._place.address
        if where.path:
            return await asyncio.open_unix_connection(self._place.home / where.path)
        reader, writer = await asyncio.open_connection(
            where.host, where.port, ssl=self._identity.client_context([self._place.tls_key])
        )
        found: ssl.SSLObject = writer.get_extra_info("ssl_object")
        key = peer_node_key(found.getpeercert(binary_form=True))
        if key != self._place.tls_key:
            writer.close()
            raise PeerError(f"its TLS key is {key.hex()}, expected {self._place.tls_key.hex()}")
        return reader, writer

    async def _greeted(self, reader: asyncio.StreamReader, buffer: bytearray) -> None:
        frames: list[bytes] = []
        async with asyncio.timeout(self._place.timeout_s):
            while not frames:
                buffer += await _read(reader)
                frames = take_frames(buffer)
        greeting = decode_greeting(frames[0])
        if len(frames) > 1:
            raise PeerError("it answered before it was asked")
        if greeting.domain != self._domain:
            raise PeerError(
                f"it signs for chain {greeting.domain.chain_id} with genesis hash "
                f"{greeting.domain.genesis_hash.hex()}, expected chain {self._domain.chain_id} "
                f"with {self._domain.genesis_hash.hex()}"
            )
        if not set(self._public_keys) & set(greeting.public_keys):
            held = ", ".join(key.hex() for key in greeting.public_keys)
            raise PeerError(f"it holds {held}, expected the key {self._public_keys[0].hex()}")
        self._held = greeting.public_keys

    def _ask(self) -> None:
        """Send all that waits; a signer that takes nothing is found by the age of the oldest."""
        not_held: deque[Request] = deque()
        while self._writer is not None and not self._writer.is_closing() and self._waiting:
            request = self._waiting.take()
            if request.public_key not in self._held:
                not_held.append(request)
                continue
            self._number += 1
            ask = Ask(self._number, request.public_key, request.payload, self._holder)
            self._under_way.append((ask, request, time.monotonic()))
            self._writer.write(frame(encode_ask(ask)))
        self._waiting.put_back(not_held)

    async def _answers(
        self, reader: asyncio.StreamReader, buffer: bytearray, deliver: Callable[[Event], None]
    ) -> None:
        reading = asyncio.ensure_future(_read(reader))
        try:
            while True:
                await asyncio.wait((reading,), timeout=self._place.timeout_s / 4)
                if reading.done():
                    buffer += reading.result()
                    for body in take_frames(buffer):
                        self._answered(decode_answer(body), deliver)
                    reading = asyncio.ensure_future(_read(reader))
                elif self._overdue():
                    raise TimeoutError(f"no answer within {self._place.timeout_s:g} s")
        finally:
            reading.cancel()

    def _overdue(self) -> bool:
        oldest = self._under_way[0][2] if self._under_way else time.monotonic()
        return time.monotonic() - oldest > self._place.timeout_s

    def _answered(self, answer: Answer, deliver: Callable[[Event], None]) -> None:
        if not self._under_way or self._under_way[0][0].number != answer.number:
            raise PeerError(f"an answer to a question that was not asked: {answer.number}")
        ask, request, _ = self._under_way.popleft()
        if answer.refusal:
            self._refusal = answer.refusal
            log.error("signer.refused", height=request.height, reason=answer.refusal)
            return
        if not verify_ed25519(ask.public_key, ask.payload, answer.signature):
            raise PeerError("its signature does not hold")
        self._refusal = None
        event = request.signed(answer.signature)
        if event is not None:
            deliver(event)


async def _read(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(READ_BYTES)
    if not data:
        raise PeerError("it closed the connection")
    return data
