"""What must hold in every run, checked as it happens and only where something changed.

Written apart from production code where a shared mistake would hide: the quorum, the count of
seals, the sum of balances.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from consensus.messages import SigningDomain
from ledger import accounts, codec
from ledger.block import Block, decode_block
from ledger.invariants import first_broken
from ledger.module import BlockInfo
from ledger.primitives import Hash
from ledger.receipt import Receipt, decode_leaves, decode_receipt
from ledger.registry import Certificate, Phase, ValidatorSet
from ledger.validators import admitted_node_keys
from node.modules import TOKEN
from node.reads.chain_proofs import stored_certificate
from node.replica.execution import AppliedBlock, Chain
from tests.simulation.chains import ChainTemplate
from tests.simulation.sets import SetWatch, required_seals
from tests.simulation.violation import Violation
from tests.simulation.vote_files import Durable
from tokenomics.issuance.views import summary


def _stored(chain: Chain) -> tuple[Block, Certificate, tuple[Receipt, ...]]:
    """The head of a store, as it was written."""
    blocks, height = chain.blocks, chain.head.height
    raw, certificate = blocks.block_bytes(height), stored_certificate(blocks, height)
    leaves = decode_leaves(blocks.receipts_bytes(height) or b"")
    if raw is None or certificate is None:
        raise Violation("durability", f"the store lacks its own head {height}")
    block = decode_block(raw, chain.chain_id, chain.executor.contracts.decode_call)
    return block, certificate, tuple(decode_receipt(leaf) for leaf in leaves[:-1])


def require_at_most(node: int, payload: bytes, height: int) -> None:
    """A drained node signs no height above this one."""
    signed = codec.decode(payload)[4]
    if signed > height:
        raise Violation("drained", f"node {node} signs at {signed}, it was drained at {height}")


class VoteRecord(Protocol):
    """What is on a node's disk of its votes."""

    def is_durable(self, vote: Durable) -> bool:
        """Whether a restart after loss of power would find this vote."""


@dataclass
class Signed:
    """All that one honest key ever signed, across crashes."""

    claims: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    """By (phase, height, view)."""
    asked_for: dict[int, int] = field(default_factory=dict)
    """Highest new view of a ViewChange, by height."""
    sealed: int = 0
    """Highest height of a Commit."""


class Monitor:
    """Watches all honest nodes of a seed; every method raises Violation."""

    def __init__(self, template: ChainTemplate) -> None:
        self._template = template
        self._domain = SigningDomain(template.document.chain_id, template.genesis_hash)
        self.final: dict[int, Hash] = {0: template.genesis_hash}
        """Hash of the one final block of each height."""
        self.final_nonces: dict[bytes, int] = {}
        """Next nonce by account, as of the highest final block."""
        self.applied: dict[int, int] = {}
        """Highest height that each node has made durable, by endpoint."""
        self.minted = 0
        self.not_held = 0
        """How often a peer lacked the old blocks that it was asked for."""
        self.on_final: Callable[[int, int], None] = lambda node, height: None
        """(node, height): the first node makes this height final."""
        self.sets = SetWatch(template)
        self.admitted: frozenset[bytes] = frozenset()
        """Node keys that may connect after the highest final block; empty before the first."""
        self._signed: dict[bytes, Signed] = {}
        self._verified: set[bytes] = set()

    @property
    def height(self) -> int:
        """Highest height that any honest node finalised."""
        return len(self.final) - 1

    def started(self, node: int, chain: Chain) -> None:
        """A node opened its store: nothing that it had finalised is gone."""
        head, known = chain.head.height, self.applied.get(node, 0)
        if head not in (known, known + 1):
            raise Violation(
                "durability", f"node {node} had applied {known} and starts again at {head}"
            )
        self.applied[node] = head
        first = head not in self.final
        self._agree(node, head, chain.head.hash)
        if first:  # it died between the write and telling anybody
            self._first_final(node, chain, *_stored(chain))

    def wiped(self, node: int) -> None:
        """An operator took a node's damaged database away: it begins with genesis."""
        self.applied[node] = 0

    def replaced(self, node: int, height: int) -> None:
        """An operator began a node again from a snapshot of this height."""
        if height not in self.final:
            raise Violation("snapshot", f"node {node} begins at {height}, which is not final")
        self.applied[node] = height

    def block_applied(self, node: int, chain: Chain, applied: AppliedBlock) -> None:
        """A node made a block durable and applied it."""
        block, height = applied.block, applied.block.height
        known = self.applied.get(node, 0)
        if height != known + 1:
            raise Violation("applied once", f"node {node} applied {height} after {known}")
        self.applied[node] = height
        first = height not in self.final
        self._agree(node, height, block.hash)
        certificate = applied.certified.certificate
        self._require_certificate(node, certificate, block)
        if chain.commitment.root != block.header.state_root:
            raise Violation("state", f"node {node} holds another state than block {height} names")
        if first:
            self._first_final(node, chain, block, certificate, applied.executed.receipts)
            self.on_final(node, height)

    def _first_final(
        self,
        node: int,
        chain: Chain,
        block: Block,
        certificate: Certificate,
        receipts: Sequence[Receipt],
    ) -> None:
        """Heights come one after the other: nobody applies what nobody has written before."""
        self._check_state(node, chain, block)
        self.sets.final(node, chain, block, certificate, receipts)
        self.admitted = admitted_node_keys(chain.state(), block.height)

    def _agree(self, node: int, height: int, block_hash: Hash) -> None:
        final = self.final.setdefault(height, block_hash)
        if final != block_hash:
            raise Violation(
                "agreement",
                f"node {node} finalised {block_hash.hex()[:16]} at height {height}, "
                f"another node {final.hex()[:16]}",
            )

    def _require_certificate(self, node: int, certificate: Certificate, block: Block) -> None:
        if (certificate.height, certificate.block_hash) != (block.height, block.hash):
            raise Violation("certificate", f"node {node}: not of block {block.height}")
        encoded = codec.encode(certificate.to_wire())
        if encoded in self._verified:
            return
        members = self.sets.at(block.height)
        sealers = {
            index
            for index, seal in certificate.seals
            if self._seals(members, certificate, index, seal)
        }
        if len(sealers) < required_seals(len(members)):
            raise Violation(
                "certificate",
                f"node {node} finalised height {block.height} with {len(sealers)} valid seals of "
                f"view {certificate.view}, {required_seals(len(members))} are needed",
            )
        self._verified.add(encoded)

    def _seals(
        self, members: ValidatorSet, certificate: Certificate, index: int, seal: bytes
    ) -> bool:
        payload = self._domain.payload(
            Phase.COMMIT, certificate.height, certificate.view, certificate.block_hash
        )
        return index < len(members) and self._template.verify(
            members.validators[index].public_key, payload, seal
        )

    def _check_state(self, node: int, chain: Chain, block: Block) -> None:
        """All registered invariants, and the sum of balances counted here."""
        state = chain.state()
        self.check_invariants(node, chain, block)
        for transaction in block.transactions:
            self.final_nonces[transaction.sender] = transaction.nonce + 1
        if self._template.kind.economy:
            figures = summary(state, TOKEN)
            issued, ceiling = int(figures["issued"]), int(figures["ceiling"])
            # Balances of genesis count as issued and are backed by no land.
            if issued > ceiling:
                raise Violation("ceiling", f"{issued} issued, the ceiling is {ceiling}")
            self.minted = int(figures["minted"])

    def check_invariants(self, node: int, chain: Chain, block: Block) -> None:
        """Every registered invariant on the whole state of a node."""
        state = chain.state()
        info = BlockInfo(
            chain_id=chain.chain_id,
            height=block.height,
            time_ms=block.time_ms,
            parent_hash=block.parent_hash,
            parent_time_ms=0,
            proposer=block.proposer,
            participation=block.participation,
        )
        broken = first_broken(chain.executor.invariants, state, info)
        if broken is not None:
            raise Violation("invariant", f"node {node}, {broken[0]}: {broken[1]}")
        held = sum(account.balance for _, account in state.iterate(accounts.ACCOUNTS))
        if held != accounts.supply(state):
            raise Violation("supply", f"balances hold {held} of {accounts.supply(state)}")

    def signing(self, node: int, public_key: bytes, payload: bytes, log: VoteRecord) -> None:
        """An honest key is about to sign: never two claims, never back, never before durable."""
        _, _, _, number, height, view, claim = codec.decode(payload)
        phase = Phase(number)
        if self.sets.at(height).index_of(public_key) is None:
            raise Violation(
                "signs outside its heights",
                f"node {node} signed {phase.name} at height {height}, whose set lacks its key",
            )
        signed = self._signed.setdefault(public_key, Signed())
        before = signed.claims.setdefault((number, height, view), claim)
        if before != claim:
            raise Violation(
                "double vote",
                f"node {node} signed two claims for {phase.name}, height {height}, view {view}",
            )
        if phase is Phase.VIEW_CHANGE:
            signed.asked_for[height] = max(view, signed.asked_for.get(height, 0))
            needed: Durable = (phase, height, view, b"")
        else:
            if view < signed.asked_for.get(height, 0):
                raise Violation(
                    "never back",
                    f"node {node} signed {phase.name} in view {view} of height {height} after "
                    f"asking for view {signed.asked_for[height]}",
                )
            needed = (phase, height, view, claim)
        if phase is Phase.COMMIT:
            signed.sealed = max(height, signed.sealed)
        if not log.is_durable(needed):
            raise Violation(
                "durable before sent",
                f"node {node} signed {phase.name}, height {height}, view {view} before its record "
                "was synced",
            )

    def refused(self, source: int, target: int, reason: str) -> None:
        """An honest node found fault with what another honest node sent: it would be shut out."""
        raise Violation("refused", f"node {target} refuses what node {source} sent: {reason}")

    def compare_states(self, chains: dict[int, Chain]) -> None:
        """At the end: nodes at one height hold the same rows, and every invariant holds."""
        rows: dict[int, tuple[int, list[tuple[bytes, bytes]]]] = {}
        for node, chain in chains.items():
            height = chain.head.height
            own = list(chain.blocks.state().iterate(b"", b"\xff" * 64))
            other = rows.setdefault(height, (node, own))
            if other[1] != own:
                raise Violation("state", f"nodes {other[0]} and {node} differ at height {height}")
            self.sets.require_proof(node, chain)

    def has_sealed(self, public_key: bytes, height: int) -> bool:
        """Whether an honest key has signed a Commit at this height or above."""
        signed = self._signed.get(public_key)
        return signed is not None and signed.sealed >= height
