"""What committing to the state costs a transaction, at a million accounts."""

import gc
import secrets
import statistics
import time
from typing import Final

from ledger.commitment import DEFAULT_BUCKET_COUNT, StateCommitment
from node.assembly import GC_THRESHOLD

ROUNDS: Final = 5
BLOCKS: Final = 12
TRANSACTIONS: Final = 1_000
ROW_BYTES: Final = 12


def commitment_us(accounts: int) -> float:
    """Microseconds of CPU a transaction, in blocks of 1,000 transfers that each change two of
    `accounts` random rows: computing the root and applying.

    The lowest of ROUNDS medians of BLOCKS blocks: what else the machine does only adds to it.
    """
    keys = [b"accounts/account/" + secrets.token_bytes(20) for _ in range(accounts)]
    commitment = StateCommitment.build(
        ((key, secrets.token_bytes(ROW_BYTES)) for key in keys), DEFAULT_BUCKET_COUNT
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)  # as a running node does
    return min(_round_us(commitment, keys) for _ in range(ROUNDS))


def _round_us(commitment: StateCommitment, keys: list[bytes]) -> float:
    costs = []
    for _ in range(BLOCKS):
        changed = {secrets.choice(keys) for _ in range(2 * TRANSACTIONS)}
        changes = [(key, secrets.token_bytes(ROW_BYTES)) for key in sorted(changed)]
        started = time.process_time()
        delta = commitment.compute(changes)
        commitment.apply(delta)
        costs.append((time.process_time() - started) / TRANSACTIONS * 1e6)
    return statistics.median(costs)
