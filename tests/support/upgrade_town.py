"""The folder of a validator that is alone, whose chain has decided an upgrade: every step of the
vote is in its blocks, which the node's own executor made and its own key sealed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from consensus.effects import BuildProposal
from consensus.messages import CertifiedBlock, SigningDomain
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import find
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.voting import VOTE
from governance.stakeholders.credentials import GRANT
from governance.stakeholders.upgrades import MIN_NOTICE_HEIGHTS, SCHEDULE
from ledger import accounts
from ledger.crypto import sha256
from ledger.mempool import Mempool
from ledger.registry import Certificate, Participation, Phase
from ledger.steps import finish
from ledger.transaction import Draft, Transaction, sign
from node import assembly, config
from node.execution import Chain
from node.localnet.creation import Wish, prepare
from node.localnet.layout import TownNode
from tests.support.governed_town import (
    BASIS,
    DOCUMENT,
    ORGANISATIONS,
    OWNERS,
    RESIDENTS,
    Sent,
    account,
    credential,
    messages,
    signer,
    stakeholders_section,
)

RELEASE: Final = sha256(b"the release")
QUICK_MS: Final = 100
"""Between blocks of a node that has nothing else to do."""
DAY_MS: Final = 10
"""Block time of a day: all votes and the timelock take a second and a half."""
BLOCKS_TO_DECIDE: Final = 12
"""At most, from the proposal to its execution."""
AN_HOUR_MS: Final = 3_600_000


def governed_node(folder: Path, base_port: int, heartbeat_ms: int = QUICK_MS) -> TownNode:
    """A validator's folder, never started, of a chain that its stakeholders govern."""
    (node,) = prepare(folder, Wish(validators=1, idle=True, base_port=base_port)).validators
    path = folder / node.name / "genesis.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["modules"]["governance"]
    document["modules"] |= {
        "stakeholders": stakeholders_section(),
        "proposals": {"parameters": {"day_ms": DAY_MS}},
    }
    document["time_ms"] -= AN_HOUR_MS
    document["parameters"] = {"heartbeat_interval_ms": heartbeat_ms, "min_block_interval_ms": 10}
    path.write_text(json.dumps(document), encoding="utf-8")
    return node


class _Chain:
    """Blocks on the head of a node that does not run."""

    def __init__(self, home: Path) -> None:
        self.opened = assembly.open_files(config.load(home / config.CONFIG_FILE))
        chain = self.opened.chain
        self.mempool = Mempool(chain.head.height, lambda _: True)
        self.chain = Chain(
            chain, self.mempool, lambda _: True, self.opened.votes.log, lambda _: None
        )
        self.domain = SigningDomain(chain.chain_id, chain.genesis_hash)
        self.certificate: Certificate | None = None

    def close(self) -> None:
        self.opened.votes.log.close()
        self.opened.chain.blocks.close()

    def block(self, *sent: Sent, after_ms: int = 1) -> None:
        head, state = self.chain.head, self.chain.state()
        for each in self._signed(sent):
            self.mempool.admit(each, accounts.nonce(state, each.sender), True)
        request = BuildProposal(
            height=head.height + 1,
            view=0,
            time_ms=head.time_ms + after_ms,
            proposer=0,
            participation=Participation(self.certificate),
            allow_empty=True,
        )
        made = finish(self.chain.build(request))
        assert made is not None
        (key,), seals = self.opened.ring.public_keys, list[bytes]()
        payload = self.domain.payload(Phase.COMMIT, made.height, 0, made.hash)
        self.opened.ring.sign(key, made.height, payload, seals.append)
        self.certificate = Certificate(made.height, 0, made.hash, ((0, seals[0]),))
        self.chain.apply(CertifiedBlock(self.certificate, made), signs_from=1)

    def _signed(self, sent: Iterable[Sent]) -> list[Transaction]:
        state = self.chain.state()
        return [
            sign(
                Draft(
                    chain_id=self.chain.chain_id,
                    nonce=accounts.nonce(state, account(name)),
                    type=message.name,
                    body=message.encode(*values),
                    valid_until=self.chain.head.height + 10,
                ),
                signer(name),
            )
            for name, message, values in sent
        ]

    def run_until(self, *statuses: Status) -> None:
        """Blocks whenever something is due, until proposal 1 has one of these."""
        for _ in range(200):
            if (found := find(self.chain.state(), 1)[1]).status in statuses:
                return
            assert found.due_ms is not None
            self.block(after_ms=max(1, found.due_ms - self.chain.head.time_ms))
        raise AssertionError(find(self.chain.state(), 1)[1])


def decide_upgrade(home: Path, *, notice: int, from_version: str, below_version: str) -> int:
    """Sixty persons are seated, and all vote twice for the upgrade, which the chain schedules; its
    height, `notice` above the head that this leaves."""
    made = _Chain(home)
    try:
        for names in (RESIDENTS, OWNERS):
            for name in names:
                made.block(("registrar", GRANT, credential(name)))
        height = made.chain.head.height + BLOCKS_TO_DECIDE + MIN_NOTICE_HEIGHTS
        carried: tuple[Any, ...] = ("named", height, from_version, below_version, RELEASE)
        made.block(("city", SUBMIT, ("A title", DOCUMENT, BASIS, messages((SCHEDULE, carried)))))
        made.block(("gist", SPONSOR, (1,)))
        everybody = (*ORGANISATIONS, *RESIDENTS, *OWNERS)
        for _ in range(2):
            made.run_until(Status.VOTING, Status.SECOND_VOTING)
            made.block(*[(name, VOTE, (1, "yes")) for name in everybody])
            made.run_until(Status.INTERVAL, Status.QUEUED)
        made.run_until(Status.EXECUTED, Status.FAILED)
        progress = find(made.chain.state(), 1)[1]
        assert progress.status is Status.EXECUTED, progress
        while made.chain.head.height < height - notice:
            made.block()
        assert made.chain.head.height == height - notice
    finally:
        made.close()
    return height
