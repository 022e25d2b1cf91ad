"""A key that signs slowly (a hardware module in this process): in a thread, off the loop."""

import asyncio
from collections.abc import Callable
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
    """VoteSigner over a Signer that blocks; one vote at a time, in order."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._waiting = WaitingVotes()
        self._arrived = asyncio.Event()
        self._problem: str | None = None

    @property
    def public_key(self) -> bytes:
        """Ed25519 public key, 32 bytes."""
        return self._signer.public_key

    @property
    def problem(self) -> str | None:
        """Why votes are not signed now, a sentence; None while they are."""
        return self._problem

    def request(self, height: int, payload: bytes, signed: Signed) -> None:
        """Ask for a signature; returns at once."""
        self._waiting.add(Request(height, payload, signed))
        self._arrived.set()

    async def run(self, deliver: Callable[[Event], None]) -> None:
        """Until cancelled: sign what waits. A vote that cannot be signed waits, unless newer ones
        have made it useless."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                request = self._waiting.take()
                try:
                    signature = await asyncio.to_thread(self._signer.sign, request.payload)
                except LocalError as error:
                    if self._problem is None:
                        log.error("signer.away", reason=str(error))
                    self._problem = str(error)
                    self._waiting.add(request)
                    await asyncio.sleep(AGAIN_S)
                    continue
                self._problem = None
                deliver(request.signed(signature))
