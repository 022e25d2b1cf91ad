"""Real nodes of an idle local town, in this process, over loopback TLS and real disks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from api.ports import FinalReceipt
from ledger.local_accounts import ed25519_accounts
from ledger.message_registry import MessageType
from ledger.primitives import Address
from ledger.threshold import Witness
from ledger.transaction import Draft, Transaction, sign, sign_threshold
from ledger.transfers import SEND
from node import assembly, config
from node.assembly import Node
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.localnet.creation import (
    ACCOUNT_KEY,
    CHAIN_ID,
    PASSWORD,
    Wish,
    authority_of,
    prepare,
    read_keys,
)
from node.opening import CHAIN_FOLDER, VOTES_FOLDER
from node.watch.metrics import Metrics
from tests.support.transfers import draft as transfer_draft

WAIT_S: Final = 20.0
PAYER: Final = ed25519_accounts()[1]
PAYEE: Final = ed25519_accounts()[2].address


class RunningNodes:
    """Starts and stops nodes of one town by name; `nodes` are those that run."""

    def __init__(self, folder: Path, validators: int, base_port: int) -> None:
        self.folder = folder
        self.town = prepare(folder, Wish(validators=validators, idle=True, base_port=base_port))
        self.validators = [node.name for node in self.town.validators]
        self.observer = self.town.observer.name
        self.nodes: dict[str, Node] = {}
        self.chain_id = CHAIN_ID
        """Of the chain that transfers are signed for."""
        self._nonce = 0

    def settings(self, name: str) -> config.Config:
        """Configuration of a node."""
        return config.load(self.folder / name / config.CONFIG_FILE, {})

    def data(self, name: str, part: str) -> Path:
        """CHAIN_FOLDER or VOTES_FOLDER of a node."""
        assert part in (CHAIN_FOLDER, VOTES_FOLDER)
        settings = self.settings(name)
        return settings.path(settings.storage.path) / part

    async def start(self, *names: str) -> None:
        """Start nodes; they connect by themselves."""
        for name in names:
            node = assembly.build_node(self.settings(name), Metrics())
            self.nodes[name] = node
            await node.runtime.start()

    async def start_validators(self) -> None:
        """Start all of them; returns when each is connected with every other."""
        await self.start(*self.validators)
        for name in self.validators:
            await self.connected(name, self.validators)

    async def stop(self, *names: str) -> None:
        """Stop nodes as SIGTERM does."""
        for name in names:
            node = self.nodes.pop(name)
            await node.runtime.stop()
            node.compactor.stop()
            node.opened.chain.blocks.close()

    def transfer(self, amount: int = 1) -> Transaction:
        """The next transfer of PAYER."""
        draft = Draft(
            chain_id=self.chain_id,
            nonce=self._nonce,
            type=SEND.name,
            body=SEND.encode(PAYEE, amount, b""),
            valid_until=10_000,
        )
        self._nonce += 1
        return sign(draft, PAYER.signer)

    async def finalise(self, through: str, blocks: int = 1) -> FinalReceipt:
        """So many blocks, each with one transfer sent to the node `through`."""
        service = self.nodes[through].service
        receipt: FinalReceipt | None = None
        for _ in range(blocks):
            (outcome,) = await service.submit([self.transfer().raw])
            assert isinstance(outcome, bytes), outcome
            receipt = await service.wait_for_receipt(outcome, int(WAIT_S * 1000))
            assert receipt is not None
        assert receipt is not None
        return receipt

    async def decide(self, through: str, message: MessageType, *body: object) -> FinalReceipt:
        """A decision of the town's authority, signed by as many as it needs; final."""
        service = self.nodes[through].service
        nonce = service.account(self.authority().address).nonce
        (outcome,) = await service.submit([self.decision(nonce, message, *body).raw])
        assert isinstance(outcome, bytes), outcome
        receipt = await service.wait_for_receipt(outcome, int(WAIT_S * 1000))
        assert receipt is not None
        assert receipt.receipt.code == 0, receipt.receipt.reason
        return receipt

    def authority(self) -> Witness:
        """The account that decides."""
        keys = {node.name: read_keys(self.folder, node) for node in self.town.nodes}
        return authority_of(self.town, keys).witness

    def decision(self, nonce: int, message: MessageType, *body: object) -> Transaction:
        """What decide() sends, signed."""
        witness = self.authority()
        made = transfer_draft(nonce=nonce, type=message.name, body=message.encode(*body))
        signers = [
            keystore.open_signer(self.folder / name / ACCOUNT_KEY, PASSWORD, KeyKind.ACCOUNT)
            for name in self.validators[: witness.members.threshold]
        ]
        return sign_threshold(made, witness, signers)

    def height(self, name: str) -> int:
        """Height of a running node."""
        return self.nodes[name].service.height()

    async def at_height(self, height: int, *names: str, within_s: float = WAIT_S) -> None:
        """Return once all these nodes have committed `height`."""
        async with asyncio.timeout(within_s):
            for name in names:
                await self.nodes[name].service.wait_for_height(height)

    async def connected(self, name: str, to: Iterable[str]) -> None:
        """Return once a node is connected with these others."""
        keys = {self.nodes[other].opened.identity.node_key for other in to} - {
            self.nodes[name].opened.identity.node_key
        }
        peers = self.nodes[name].runtime.peers
        await until(lambda: keys <= {peer.node_key for peer in peers.peers()})

    def balance(self, name: str, owner: Address = PAYEE) -> int:
        """Balance of an account as a node sees it."""
        return self.nodes[name].service.account(owner).balance


async def until(condition: Callable[[], bool], within_s: float = WAIT_S) -> None:
    """Return once the condition holds, looked at every ms; for what no event tells."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # there is no one event for any condition
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running_nodes(
    folder: Path, base_port: int, validators: int = 4
) -> AsyncIterator[RunningNodes]:
    """A new town, of which nothing runs yet; at the end nothing has failed, and all is stopped."""
    nodes = RunningNodes(folder, validators, base_port)
    try:
        yield nodes
        for name, node in nodes.nodes.items():
            failure = node.runtime.failure
            assert failure is None, f"{name}: {failure!r}"
    finally:
        await nodes.stop(*nodes.nodes)
