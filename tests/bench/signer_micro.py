"""What a vote costs by where its key lies: microseconds, alone and three under way.

Run `python -m tests.bench.signer_micro [--votes N]`. The signer runs in a process of its own and
syncs its record to disk, as an operator's does; the module is SoftHSM2, where it is installed.
"""

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from consensus.events import Event, VoteSigned
from consensus.messages import Vote
from ledger.crypto import Ed25519Signer
from ledger.primitives import Hash
from ledger.registry import Phase
from node.network.tls import NodeIdentity
from node.signing.remote import Place, RemoteSigner
from node.signing.settings import SignerHome, read_address
from tests.support.running_nodes import until
from tests.support.signer_homes import DOMAIN, HOLDER, SEED, own_home
from tests.support.softhsm import MODULES, UTIL, opened_module

NODE = NodeIdentity.from_seed(b"n" * 32)
SIGNER_TLS = NodeIdentity.from_seed(b"t" * 32).node_key
KEY = Ed25519Signer(SEED)
PORT = 25_950
PHASES = (Phase.PRE_PREPARE, Phase.PREPARE, Phase.COMMIT)


def payload(height: int, phase: Phase) -> bytes:
    return DOMAIN.payload(phase, height, 0, b"a" * 32)


def _told(vote: Vote, _: bytes) -> Event:
    return VoteSigned(vote)


class Votes:
    """Asks for the three votes of a height, one after the other or at once."""

    def __init__(self, home: SignerHome) -> None:
        place = Place(home.home, read_address(home.signer.listen, "listen"), SIGNER_TLS, 5.0)
        self.signer = RemoteSigner(place, (KEY.public_key,), DOMAIN, NODE, HOLDER)
        self.height = 0
        self._answered = asyncio.Event()
        self._wanted = 0

    def deliver(self, event: Event) -> None:
        self._wanted -= 1
        if not self._wanted:
            self._answered.set()

    async def ask(self, *phases: Phase) -> None:
        self._wanted = len(phases)
        self._answered.clear()
        for phase in phases:
            vote = Vote(phase, self.height, 0, Hash(b"a" * 32), 0)
            self.signer.request(
                KEY.public_key, self.height, payload(self.height, phase), partial(_told, vote)
            )
        await self._answered.wait()

    async def measure(self, count: int) -> tuple[float, float]:
        """Microseconds a vote: alone, and when all three of a height are under way."""
        found = []
        for groups in (tuple((phase,) for phase in PHASES), (PHASES,)):
            started = time.perf_counter()
            for _ in range(count // 3):
                self.height += 1
                for group in groups:
                    await self.ask(*group)
            found.append((time.perf_counter() - started) / (count // 3 * 3) * 1e6)
        return found[0], found[1]


def remote(folder: Path, listen: str, count: int) -> tuple[float, float]:
    home = own_home(folder, listen, (NODE.node_key.hex(),))
    command = [sys.executable, "-m", "node.cli", "signer", "run", "--home", str(folder)]
    process = subprocess.Popen([*command, "--parent", str(os.getpid())], stderr=subprocess.DEVNULL)
    try:
        return asyncio.run(asked(home, count))
    finally:
        process.kill()
        process.wait()


async def asked(home: SignerHome, count: int) -> tuple[float, float]:
    votes = Votes(home)
    task = asyncio.create_task(votes.signer.run(votes.deliver))
    try:
        await until(lambda: votes.signer.problem(KEY.public_key) is None)
        return await votes.measure(count)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=600)
    count = parser.parse_args().votes
    message = secrets.token_bytes(120)
    started = time.perf_counter()
    for _ in range(count):
        KEY.sign(message)
    print(f"key file in the node  {(time.perf_counter() - started) / count * 1e6:8.0f} us a vote")
    with tempfile.TemporaryDirectory() as folder:
        for name, listen in (("Unix socket", "unix:s"), ("TLS 1.3", f"tls:127.0.0.1:{PORT}")):
            alone, together = remote(Path(folder) / name[:3], listen, count)
            print(f"signer by {name:11} {alone:8.0f} us a vote, {together:.0f} us three under way")
        if UTIL is None or not MODULES:
            print("SoftHSM2 is not installed")
            return
        signer = opened_module(Path(folder))
        started = time.perf_counter()
        for _ in range(count):
            signer.sign(message)
        spent = (time.perf_counter() - started) / count * 1e6
        print(f"SoftHSM2 in the node  {spent:8.0f} us a vote, checked")
        signer.close()


if __name__ == "__main__":
    main()
