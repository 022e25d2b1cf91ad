"""Frames between nodes: four bytes of length, one byte of kind, the payload. Pure: no IO.

Each kind has its own maximum size, and which kinds are accepted depends on the state of the
connection: until the peer's HELLO has been read, nothing else is. A header outside the accepted
kinds and sizes is refused before its payload is read (consensus.md rule 12).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from ledger import codec
from ledger.errors import DecodeError, PeerError, ensure
from ledger.primitives import HASH_BYTES, Hash
from node.version import SOFTWARE

OLDEST_PROTOCOL: Final = 1
NEWEST_PROTOCOL: Final = 1
"""What this release speaks, both included (docs/compatibility.md). Two nodes speak the newest
version that both know."""
MAX_PROTOCOL: Final = 2**16 - 1
MAX_SOFTWARE_BYTES: Final = 64
MAX_LISTEN_BYTES: Final = 255

_HEADER: Final = Struct(">IB")
HEADER_BYTES: Final = _HEADER.size

Frame = tuple["FrameKind", bytes]


class FrameKind(IntEnum):
    """What a frame carries; the number is its byte on the wire. Lower numbers of the three data
    kinds go first when a connection is full."""

    CONSENSUS = 1  # node.network.consensus_wire
    SYNC = 2  # node.sync.sync_wire
    TRANSACTIONS = 3  # node.transactions.gossip
    HELLO = 16  # first frame of both sides
    PING = 17  # empty; sent now and then, answered at once
    GOODBYE = 18  # why the sender closes, as text for the log
    PONG = 19  # empty; the answer to a PING


DATA_KINDS: Final = (FrameKind.CONSENSUS, FrameKind.SYNC, FrameKind.TRANSACTIONS)
"""In the order of their priority."""

MAX_PAYLOAD_BYTES: Final[Mapping[FrameKind, int]] = {
    FrameKind.CONSENSUS: 8 * 1024 * 1024,
    FrameKind.SYNC: 8 * 1024 * 1024,
    FrameKind.TRANSACTIONS: 1024 * 1024,
    FrameKind.HELLO: 4 * 1024,
    FrameKind.PING: 0,
    FrameKind.PONG: 0,
    FrameKind.GOODBYE: 512,
}
MAX_FRAME_BYTES: Final = HEADER_BYTES + max(MAX_PAYLOAD_BYTES.values())

_BEFORE_HELLO: Final = frozenset({FrameKind.HELLO, FrameKind.GOODBYE})
_AFTER_HELLO: Final = frozenset(FrameKind) - {FrameKind.HELLO}


def encode_frame(kind: FrameKind, payload: bytes) -> bytes:
    """Header and payload. InvariantViolation when the payload is over the maximum of its kind."""
    limit = MAX_PAYLOAD_BYTES[kind]
    ensure(
        len(payload) <= limit,
        f"a {kind.name} frame of {len(payload)} bytes was about to be sent, the maximum is {limit}",
    )
    return _HEADER.pack(len(payload), kind) + payload


class FrameDecoder:
    """Cuts the bytes of one connection into frames; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._accepted = _BEFORE_HELLO

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the unfinished frame, header included."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield each frame that `data` completes; PeerError at the first bad header.

        After the first HELLO a second one is refused and the data kinds are accepted. After a
        PeerError the stream has no known frame boundary: the connection has to be closed.
        """
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEADER_BYTES:
            size, number = _HEADER.unpack_from(buffer)
            kind = self._check(number, size)
            end = HEADER_BYTES + size
            if len(buffer) < end:
                return
            with memoryview(buffer) as view:
                payload = bytes(view[HEADER_BYTES:end])
            del buffer[:end]
            if kind is FrameKind.HELLO:
                self._accepted = _AFTER_HELLO
            yield kind, payload

    def _check(self, number: int, size: int) -> FrameKind:
        try:
            kind = FrameKind(number)
        except ValueError:
            raise PeerError(f"unknown frame kind {number}") from None
        if kind not in self._accepted:
            when = "before the HELLO" if self._accepted is _BEFORE_HELLO else "after the HELLO"
            raise PeerError(f"frame kind {kind.name} is not accepted {when}")
        if size > MAX_PAYLOAD_BYTES[kind]:
            raise PeerError(
                f"{kind.name} frame of {size} bytes, at most {MAX_PAYLOAD_BYTES[kind]} are accepted"
            )
        return kind


class OtherProtocolError(DecodeError):
    """No protocol version is spoken by both: nobody's fault, and no reason to think ill of a peer
    that will be upgraded."""


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame of both sides.

    head_height: last committed height, a bare claim (consensus.md rule 6: it decides nothing).
    software and listen (host:port, or empty): for people only. oldest, newest: the protocol
    versions that the sender speaks. later: fields that a newer version added; kept unread.
    """

    chain_id: int
    genesis_hash: Hash
    head_height: int
    software: str
    listen: str = ""
    oldest: int = OLDEST_PROTOCOL
    newest: int = NEWEST_PROTOCOL
    later: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        codec.as_uint(self.oldest, "hello.oldest", MAX_PROTOCOL)
        codec.as_uint(self.newest, "hello.newest", MAX_PROTOCOL)
        codec.as_text(self.software, "hello.software", MAX_SOFTWARE_BYTES)
        codec.as_uint(self.chain_id, "hello.chain_id")
        codec.as_bytes(self.genesis_hash, "hello.genesis_hash", HASH_BYTES)
        codec.as_uint(self.head_height, "hello.head_height")
        codec.as_text(self.listen, "hello.listen", MAX_LISTEN_BYTES)

    @property
    def spoken(self) -> int:
        """The protocol version of a connection with the sender."""
        return min(self.newest, NEWEST_PROTOCOL)

    def encode(self) -> bytes:
        """Canonical [oldest, newest, software, chain_id, genesis_hash, head_height, listen], then
        what later versions add."""
        return codec.encode(
            (
                self.oldest,
                self.newest,
                self.software,
                self.chain_id,
                self.genesis_hash,
                self.head_height,
                self.listen,
                *self.later,
            )
        )

    @staticmethod
    def decode(data: bytes) -> "Hello":
        """Inverse of encode; OtherProtocolError when no version is common, DecodeError for anything
        else."""
        value = codec.decode(data, MAX_PAYLOAD_BYTES[FrameKind.HELLO])
        if type(value) is not tuple or len(value) < _FIXED_FIELDS:
            raise DecodeError("hello: expected an array that begins with versions and software")
        # These stay where they are in every version: whoever is too old or too new can be named.
        oldest = codec.as_uint(value[0], "hello.oldest", MAX_PROTOCOL)
        newest = codec.as_uint(value[1], "hello.newest", MAX_PROTOCOL)
        software = codec.as_text(value[2], "hello.software", MAX_SOFTWARE_BYTES)
        if oldest > newest:
            raise DecodeError(f"hello: the oldest version {oldest} is above the newest {newest}")
        if oldest > NEWEST_PROTOCOL or newest < OLDEST_PROTOCOL:
            raise OtherProtocolError(_no_common_version(oldest, newest, software))
        rest, later = value[_FIXED_FIELDS:_HELLO_FIELDS], value[_HELLO_FIELDS:]
        if later and newest <= NEWEST_PROTOCOL:
            raise DecodeError(f"hello: {len(value)} fields, version {newest} has {_HELLO_FIELDS}")
        chain_id, genesis_hash, head_height, listen = codec.as_array(rest, "hello", len(_REST))
        return Hello(chain_id, genesis_hash, head_height, software, listen, oldest, newest, later)


_FIXED_FIELDS: Final = 3
_REST: Final = ("chain_id", "genesis_hash", "head_height", "listen")
_HELLO_FIELDS: Final = _FIXED_FIELDS + len(_REST)


def _no_common_version(oldest: int, newest: int, software: str) -> str:
    is_newer = oldest > NEWEST_PROTOCOL
    name = "".join(char if char.isprintable() else "?" for char in software)
    return (
        f"the peer ({name}) speaks protocol versions {oldest} to {newest}, this node ({SOFTWARE}) "
        f"{OLDEST_PROTOCOL} to {NEWEST_PROTOCOL}: install a later release on "
        f"{'this node' if is_newer else 'the peer'}"
    )


def check_hello(own: Hello, theirs: Hello) -> None:
    """PeerError with expected, found and the remedy unless both follow the same chain."""
    if theirs.chain_id != own.chain_id:
        raise PeerError(
            f"the peer is on chain id {theirs.chain_id}, this node on {own.chain_id}: "
            "one of the two was started with another network's genesis file"
        )
    if theirs.genesis_hash != own.genesis_hash:
        raise PeerError(
            f"the peer's genesis hash is {theirs.genesis_hash.hex()}, this node's "
            f"{own.genesis_hash.hex()}: compare the genesis files (`poyong genesis show`)"
        )


def encode_goodbye(reason: str) -> bytes:
    """UTF-8 of `reason`, cut to the maximum of a GOODBYE."""
    return reason.encode()[: MAX_PAYLOAD_BYTES[FrameKind.GOODBYE]]


def decode_goodbye(payload: bytes) -> str:
    """The reason as printable text: a peer may not write control characters into the log."""
    text = payload.decode(errors="replace")
    return "".join(char if char.isprintable() else "?" for char in text)
