"""The folder of a validator that is alone, whose chain has decided an upgrade: every step of the
vote is in its blocks, which the node's own executor made and its own key sealed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import find
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.voting import VOTE
from governance.stakeholders.credentials import GRANT
from governance.stakeholders.upgrades import MIN_NOTICE_HEIGHTS, SCHEDULE
from ledger.crypto import sha256
from node.localnet.creation import Wish, prepare
from node.localnet.layout import TownNode
from tests.support.governed_town import (
    BASIS,
    DOCUMENT,
    ORGANISATIONS,
    OWNERS,
    RESIDENTS,
    credential,
    messages,
    stakeholders_section,
)
from tests.support.sealed_chain import SealedChain

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
    govern((folder / node.name,), heartbeat_ms)
    return node


def govern(homes: Iterable[Path], heartbeat_ms: int, block_ms: int = 10) -> None:
    """Put stakeholders into the genesis of these homes, in place of the authority. block_ms: least
    time between two blocks."""
    for home in homes:
        path = home / "genesis.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        del document["modules"]["governance"]
        document["modules"] |= {
            "stakeholders": stakeholders_section(),
            "proposals": {"parameters": {"day_ms": DAY_MS}},
        }
        document["time_ms"] -= AN_HOUR_MS
        document["parameters"] = {
            "heartbeat_interval_ms": heartbeat_ms,
            "min_block_interval_ms": block_ms,
        }
        path.write_text(json.dumps(document), encoding="utf-8")


def decide_upgrade(*homes: Path, notice: int, from_version: str, below_version: str) -> int:
    """Sixty persons are seated, and all vote twice for the upgrade, which the chain schedules; its
    height, `notice` above the head that this leaves."""
    with SealedChain(*homes) as made:
        for names in (RESIDENTS, OWNERS):
            for name in names:
                made.block(("registrar", GRANT, credential(name)))
        height = made.height + BLOCKS_TO_DECIDE + max(notice, MIN_NOTICE_HEIGHTS)
        carried: tuple[Any, ...] = ("named", height, from_version, below_version, RELEASE)
        made.block(("city", SUBMIT, ("A title", DOCUMENT, BASIS, messages((SCHEDULE, carried)))))
        made.block(("gist", SPONSOR, (1,)))
        everybody = (*ORGANISATIONS, *RESIDENTS, *OWNERS)
        for _ in range(2):
            made.run_until(1, Status.VOTING, Status.SECOND_VOTING)
            made.block(*[(name, VOTE, (1, "yes")) for name in everybody])
            made.run_until(1, Status.INTERVAL, Status.QUEUED)
        made.run_until(1, Status.EXECUTED, Status.FAILED)
        progress = find(made.state, 1)[1]
        assert progress.status is Status.EXECUTED, progress
        while made.height < height - notice:
            made.block()
        assert made.height == height - notice
    return height
