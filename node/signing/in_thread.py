"""Keys that sign slowly (a hardware module in this process): in a thread, off the loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from consensus.events import Event
from ledger.crypto import Signer
from ledger.errors import LocalError
from node.signing.waiting import Request, Signed, WaitingVotes

AGAIN_S: Final = 1.0
"""Between two attempts of a vote that the module could not sign."""

log = structlog.get_logger(__name__)


class ThreadSigner:
    """VoteSigner over signers that block; one vote at a time, in order."""

    def __init__(self, signers: Sequence[Signer]) -> None:
        self._signers = {signer.public_key: signer for signer in signers}
        self._waiting = WaitingVotes()
        self._arrived = asyncio.Event()
        self._problems: dict[bytes, str] = {}

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """Ed25519 public keys, 32 bytes each; the present one first."""
        return tuple(self._signers)

    @property
    def signers(self) -> Mapping[bytes, Signer]:
        """The signers by public key."""
        return self._signers

    def problem(self, public_key: bytes) -> str | None:
        """Why nothing is signed with this key now, a sentence; None while it is."""
        return self._problems.get(public_key)

    def replace(self, signers: Sequence[Signer]) -> None:
        """Other keys from now on; what waits for one that is gone is dropped."""
        self._signers = {signer.public_key: signer for signer in signers}
        self._problems = {key: it for key, it in self._problems.items() if key in self._signers}

    def request(self, public_key: bytes, height: int, payload: bytes, signed: Signed) -> None:
        """Ask for a signature; returns at once."""
        self._waiting.add(Request(public_key, height, payload, signed))
        self._arrived.set()

    async def run(self, deliver: Callable[[Event], None]) -> None:
        """Until cancelled: sign what waits. A vote that cannot be signed waits, unless newer ones
        have made it useless."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                request = self._waiting.take()
                key = request.public_key
                signer = self._signers.get(key)
                if signer is None:
                    continue
                try:
                    signature = await asyncio.to_thread(signer.sign, request.payload)
                except LocalError as error:
                    if key not in self._problems:
                        log.error("signer.away", reason=str(error))
                    self._problems[key] = str(error)
                    self._waiting.add(request)
                    await asyncio.sleep(AGAIN_S)
                    continue
                self._problems.pop(key, None)
                event = request.signed(signature)
                if event is not None:
                    deliver(event)
