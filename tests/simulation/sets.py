"""Which validators every height has, watched from the final blocks: rule 10 and what rests on it.

The watcher knows genesis and believes headers alone: a header of h that names another set has to be
final under the set of h, and that set votes from h + 2 on. What production's state says is
compared with it. Who is alive is counted here again, from the seals and probes of the blocks.
"""

from collections.abc import Callable, Sequence
from typing import Final

from consensus.light import (
    SET_DELAY_HEIGHTS,
    CertifiedHeader,
    SetChange,
    SetHistory,
    verify_final,
)
from consensus.messages import SigningDomain
from ledger import codec
from ledger.block import Block, Header
from ledger.errors import ErrorCode, PeerError
from ledger.receipt import Receipt
from ledger.registry import Certificate, Participation, ValidatorSet
from ledger.set_changes import PROBE
from ledger.validator_tables import set_at
from node.reads.chain_proofs import chain_proof
from node.replica.execution import Chain
from tests.simulation.chains import ChainTemplate
from tests.simulation.violation import Violation

PROBES: Final = 3
PROBE_LASTS: Final = 1_000
"""Heights."""


def required_seals(n: int) -> int:
    """Fewest voters such that any two groups of them share an honest one: 2q - n > f."""
    faulty = (n - 1) // 3
    return next(q for q in range(1, n + 1) if 2 * q - n > faulty)


class SetWatch:
    """The set of each height up to two above the highest final one."""

    def __init__(self, template: ChainTemplate) -> None:
        self._template = template
        self._genesis = template.document.validators
        self._domain = SigningDomain(template.document.chain_id, template.genesis_hash)
        self._light = SetHistory(self._domain, self._genesis, template.verify)
        self._sets: list[tuple[int, ValidatorSet]] = [(1, self._genesis)]
        self._sealed: dict[int, set[bytes]] = {}
        """Consensus keys of which a block embeds a seal, by its height."""
        self._probed: dict[bytes, list[int]] = {}
        """Heights that a key's probes named, by consensus key."""
        self.is_planned: Callable[[ValidatorSet, ValidatorSet], bool] = lambda old, new: True
        """(set before, set after): whether somebody wanted this change."""

    @property
    def changes(self) -> int:
        """Changes that were decided so far."""
        return len(self._sets) - 1

    @property
    def decided(self) -> list[int]:
        """Heights whose blocks named another set than their parents did."""
        return [since - SET_DELAY_HEIGHTS for since, _ in self._sets[1:]]

    @property
    def newest(self) -> tuple[int, ValidatorSet]:
        """(first height, set) of the newest change, or of genesis."""
        return self._sets[-1]

    def at(self, height: int) -> ValidatorSet:
        """The set that votes on `height`, as far as final headers say."""
        return next(members for since, members in reversed(self._sets) if since <= height)

    def since(self, public_key: bytes) -> int | None:
        """First height of the newest set at which this key votes without a break until now."""
        first = None
        for since, members in reversed(self._sets):
            if members.index_of(public_key) is None:
                break
            first = since
        return first

    def final(
        self,
        node: int,
        chain: Chain,
        block: Block,
        certificate: Certificate,
        receipts: Sequence[Receipt],
    ) -> None:
        """A height is final for the first time; heights come one after the other."""
        height = block.height
        certified = CertifiedHeader(block.header, certificate)
        self._verify(node, height, lambda: self._light.require_final(certified))
        self._remember(block, receipts)
        named = set_at(chain.state(), height + 2)
        if named.hash() != block.header.validators_hash:
            raise Violation("set", f"the header of {height} names another set than its state")
        since, current = self._sets[-1]
        if named == current:
            return
        if since > height:
            raise Violation("set", f"a change is decided at {height}, one is pending until {since}")
        if not self.is_planned(current, named):
            raise Violation("set", f"nobody wanted the set that is decided at {height}: {named}")
        self._require_live_quorum(height, named)
        change = SetChange(certified, named)
        self._verify(node, height, lambda: self._light.accept(change))
        self._sets.append((height + 2, named))

    def _verify(self, node: int, height: int, check: Callable[[], None]) -> None:
        try:
            check()
        except PeerError as error:
            raise Violation("light", f"node {node}, block {height}: {error}") from error

    def _remember(self, block: Block, receipts: Sequence[Receipt]) -> None:
        """What the block embeds of seals and probes."""
        self._sealed[block.height] = self._sealers(block.height, block.participation)
        for receipt, transaction in zip(receipts, block.transactions, strict=True):
            if transaction.type == PROBE.name and receipt.code is ErrorCode.OK:
                public_key, height, _ = transaction.body
                self._probed.setdefault(public_key, []).append(height)

    def _sealers(self, height: int, participation: Participation) -> set[bytes]:
        certificate = participation.certificate
        seals = [(seal.height, seal.validator) for seal in participation.late_seals]
        if certificate is not None:
            seals += [(height - 1, index) for index, _ in certificate.seals]
        return {self.at(at).validators[index].public_key for at, index in seals}

    def _require_live_quorum(self, height: int, named: ValidatorSet) -> None:
        """Rule 10: those of the new set that are seen to be alive are a quorum of it."""
        voting = self.at(height + 1)
        window = range(height - 2 * len(voting) + 1, height + 1)
        live = 0
        for member in named.validators:
            if voting.index_of(member.public_key) is not None:
                live += any(member.public_key in self._sealed.get(at, ()) for at in window)
            else:
                probes = self._probed.get(member.public_key, [])[-PROBES:]
                live += len(probes) == PROBES and probes[0] + PROBE_LASTS >= height
        needed = required_seals(len(named))
        if live < needed:
            raise Violation(
                "live quorum",
                f"block {height} decides on a set of {len(named)} of whom {live} are seen to be "
                f"alive, {needed} are needed",
            )

    def require_proof(self, node: int, chain: Chain) -> None:
        """What a node tells light clients of its head is enough, from genesis on."""
        if chain.head.height == 0:
            return
        proof = chain_proof(chain.blocks, chain.head)
        changes = [
            SetChange(
                CertifiedHeader(Header.from_wire(codec.decode(each.header)), each.certificate),
                each.validators,
            )
            for each in proof.set_changes
        ]
        head = CertifiedHeader(chain.head, proof.certificate)

        def check() -> None:
            history = SetHistory(self._domain, self._genesis, self._template.verify)
            voted = verify_final(history, changes, head)
            if voted != self.at(chain.head.height):
                raise Violation("set", f"node {node} proves another set of {chain.head.height}")

        self._verify(node, chain.head.height, check)
