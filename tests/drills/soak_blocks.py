"""A long life in blocks: one validator whose every block holds one transfer, as fast as it can.

The node is the production process; only `consensus.max_block_transactions = 1` makes it need a
block for each transaction, so that a million of them take hours and not years.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from api import calls
from api.client import NodeError
from api.sync_client import SyncClient
from ledger.errors import LocalError, ensure
from ledger.local_accounts import ed25519_accounts
from tests.drills.samples import Sample, sample, state_rows
from tests.support.town_processes import ProcessTown, running_town
from tests.support.transfers import payments

SENDERS: Final = 8
BATCH: Final = 100
WAITING: Final = 400
VALID_BLOCKS: Final = 5_000
STALLED_S: Final = 60.0
SAMPLES: Final = 80
POLL_S: Final = 0.02
ONE_TRANSACTION: Final = "POYONG_CONSENSUS_MAX_BLOCK_TRANSACTIONS"


@dataclass
class Life:
    """samples: of the node. height, seconds: how far it came, and in what time."""

    samples: list[Sample] = field(default_factory=list)
    height: int = 0
    seconds: float = 0.0


def live(folder: Path, blocks: int, seconds: float, told: Callable[[str, Sample], None]) -> Life:
    """Until so many blocks, or the time is up. LocalError when no block comes for a minute, or when
    the node is not sound afterwards."""
    os.environ[ONE_TRANSACTION] = "1"
    with running_town(folder, 1, observer=False) as town:
        (name,) = town.nodes
        life = _feed(town, name, blocks, seconds, told)
        codes = town.stop(name)
        ensure(codes == {name: 0}, f"the node ended with {codes}")
        found = town.audit(name)
        if found.invariants != "ok":
            raise LocalError(f"{found.invariants} is broken: {found.found}")
        ensure(found.height >= life.height, f"height {found.height} of {life.height}")
    return life


def _feed(
    town: ProcessTown, name: str, blocks: int, seconds: float, told: Callable[[str, Sample], None]
) -> Life:
    life, node = Life(), town.nodes[name]
    pid = node.process.pid if node.process else 0
    every_blocks, every_s = max(1, blocks // SAMPLES), seconds / SAMPLES
    began = moved = time.monotonic()
    sampled = (0, began)
    accounts = ed25519_accounts()[: SENDERS + 1]
    nonces, sent = [0] * SENDERS, 0
    with SyncClient(town.rpc(name)) as client:
        while life.height < blocks and life.seconds < seconds:
            height = client.call(calls.status())["height"]
            now = time.monotonic()
            moved = now if height > life.height else moved
            if now - moved > STALLED_S:
                raise LocalError(f"no block for {STALLED_S:g} s at height {height}")
            life.height, life.seconds = height, now - began
            if height - sampled[0] >= every_blocks or now - sampled[1] >= every_s:
                sampled = (height, now)
                life.samples.append(
                    sample(pid, height, node.home / "data", state_rows(node.plan.metrics_port))
                )
                told(name, life.samples[-1])
            if sent - height > WAITING:
                time.sleep(POLL_S)
                continue
            turn = sent // BATCH % SENDERS
            made = payments(
                accounts[turn].signer,
                accounts[turn + 1].address,
                BATCH,
                nonce=nonces[turn],
                valid_until=height + VALID_BLOCKS,
            )
            for answer in client.send([item.raw for item in made]):
                if isinstance(answer, NodeError):
                    raise LocalError(f"the node refused a transfer: {answer}")
            nonces[turn] += BATCH
            sent += BATCH
    return life
