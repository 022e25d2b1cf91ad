"""Blocks on the folders of validators that do not run: built by the node's own executor, sealed by
the folders' own keys, applied to each folder as its node would."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from consensus.effects import BuildProposal
from consensus.messages import CertifiedBlock, SigningDomain
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import find
from ledger import accounts
from ledger.mempool import Mempool
from ledger.primitives import HASH_BYTES, Address
from ledger.receipt import Receipt
from ledger.registry import Certificate, Evidence, Participation, Phase
from ledger.state import State
from ledger.steps import finish
from ledger.transaction import Draft, Transaction, sign
from node import config, opening
from node.replica.execution import AppliedBlock, Chain
from tests.support.governed_town import Sent, account, signer


class SealedChain:
    """homes: of the validators, in the order of their seats. A block goes to all of them."""

    def __init__(self, *homes: Path) -> None:
        self._open = ExitStack()
        self.opened = []
        self.chains = list[Chain]()
        self.applied: AppliedBlock | None = None
        self.mempool = Mempool(0, lambda _: True)
        for home in homes:
            opened = opening.open_files(config.load(home / config.CONFIG_FILE, {}))
            self._open.callback(opened.chain.blocks.close)
            self._open.callback(opened.votes.log.close)
            mempool = Mempool(opened.chain.head.height, lambda _: True)
            if not self.chains:
                self.mempool = mempool
            self.opened.append(opened)
            self.chains.append(
                Chain(opened.chain, mempool, lambda _: True, opened.votes.log, self._on_applied)
            )
        self.chain = self.chains[0]
        first = self.opened[0].chain
        self.domain = SigningDomain(first.chain_id, first.genesis_hash)
        self.certificate: Certificate | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every folder, as a node does that is told to stop."""
        self._open.close()

    def _on_applied(self, applied: AppliedBlock) -> None:
        self.applied = applied

    @property
    def height(self) -> int:
        return self.chain.head.height

    @property
    def time_ms(self) -> int:
        return self.chain.head.time_ms

    @property
    def state(self) -> State:
        return self.chain.state()

    def block(
        self,
        *sent: Sent,
        after_ms: int = 1,
        also: Sequence[Transaction] = (),
        evidence: tuple[Evidence, ...] = (),
    ) -> tuple[Receipt, ...]:
        """One block, of all that was given; the receipts of those that are in it."""
        given = [*also, *self.signed(sent)]
        for each in given:
            self.mempool.admit(each, accounts.nonce(self.state, each.sender), True)
        request = BuildProposal(
            height=self.height + 1,
            view=0,
            time_ms=self.time_ms + after_ms,
            proposer=self.height % len(self.chains),
            participation=Participation(self.certificate, evidence=evidence),
            allow_empty=True,
        )
        made = finish(self.chain.build(request))
        assert made is not None
        payload = self.domain.payload(Phase.COMMIT, made.height, 0, made.hash)
        seals = list[bytes]()
        for opened in self.opened:
            (key,) = opened.ring.public_keys
            opened.ring.sign(key, made.height, payload, seals.append)
        self.certificate = Certificate(made.height, 0, made.hash, tuple(enumerate(seals)))
        for chain in self.chains:
            chain.apply(CertifiedBlock(self.certificate, made), signs_from=1)
        assert self.applied is not None
        assert len(made.transactions) == len(given), "some were not executable"
        return tuple(self.applied.executed.receipts)

    def contradicted(self, seat: int) -> Evidence:
        """Two votes of a validator for the head's height, for its block and for another."""
        phase, height, signed = Phase.PREPARE, self.height, list[bytes]()
        claims = sorted((bytes(self.chain.head.hash), bytes(HASH_BYTES)))
        ring = self.opened[seat].ring
        for claim in claims:
            payload = self.domain.payload(phase, height, 0, claim)
            ring.sign(ring.public_keys[0], height, payload, signed.append)
        return Evidence(phase, height, 0, seat, claims[0], signed[0], claims[1], signed[1])

    def signed(self, sent: Iterable[Sent]) -> list[Transaction]:
        """Each with its sender's next nonce."""
        nonces: dict[Address, int] = {}
        found = []
        for name, message, values in sent:
            sender = account(name)
            nonce = nonces.setdefault(sender, accounts.nonce(self.state, sender))
            nonces[sender] += 1
            draft = Draft(
                chain_id=self.chain.chain_id,
                nonce=nonce,
                type=message.name,
                body=message.encode(*values),
                valid_until=self.height + 10,
            )
            found.append(sign(draft, signer(name)))
        return found

    def run_until(self, number: int, *statuses: Status) -> Status:
        """Blocks whenever something is due, until the proposal has one of these."""
        for _ in range(200):
            found = find(self.state, number)[1]
            if found.status in statuses:
                return found.status
            assert found.due_ms is not None
            self.block(after_ms=max(1, found.due_ms - self.time_ms))
        raise AssertionError(find(self.state, number)[1])
