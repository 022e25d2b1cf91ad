"""A node that proves what its chain holds, and whose validators change."""

from types import SimpleNamespace
from typing import cast

from api.light import TrustedGenesis
from governance.deciding import ADD_VALIDATOR
from ledger.kv import KeyValueStore
from ledger.message_registry import MessageType
from ledger.set_changes import PROBE
from node.modules import ROLE_BOOK, TOKEN
from node.runtime import Runtime
from node.service import Service
from node.store.pruning import PruningRules
from tests.support.applied_chain import DOCUMENT, AppliedChain
from tests.support.ledger_chain import AUTHORITY, CHAIN_ID, validator, validator_signer


class ProvingNode(AppliedChain):
    """An applied chain with the service over it; there is no network."""

    def __init__(
        self, store: KeyValueStore | None = None, pruning: PruningRules | None = None
    ) -> None:
        super().__init__(store, pruning=pruning)
        runtime = cast(Runtime, SimpleNamespace(chain=self.chain, mempool=self.mempool))
        self._runtime = runtime
        runtime.state = self.chain.state()
        self.service = Service(
            runtime,
            token=TOKEN,
            roles=ROLE_BOOK,
            genesis_hash=self.opened.genesis_hash,
        )
        self.changes: list[int] = []
        self.genesis = TrustedGenesis(CHAIN_ID, self.opened.genesis_hash, DOCUMENT.validators)

    def advance(self, heights: int = 1) -> None:
        for _ in range(heights):
            self.grow(self.signed())
            self._runtime.state = self.chain.state()

    def decide(self, message: MessageType, *body: object) -> int:
        """A decision of the authority; the height that names the new set."""
        self.grow(self.signed(message.name, message.encode(*body), AUTHORITY))
        (receipt,) = self.applied[-1].executed.receipts
        assert receipt.code == 0, receipt.reason
        self._runtime.state = self.chain.state()
        return self.chain.head.height

    def admit_joiner(self, name: str) -> int:
        """A validator joins: three probes, then the decision (rule 10)."""
        for _ in range(3):
            head = self.chain.head
            key = validator_signer(name).public_key
            body = PROBE.encode(key, head.height, head.state_root)
            self.grow(self.signed(PROBE.name, body, validator_signer(name)))
        joiner = validator(name)
        return self.decide(ADD_VALIDATOR, joiner.organisation, joiner.public_key, joiner.node_key)
