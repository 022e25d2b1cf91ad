"""What the state commitment costs: a block's delta, memory, and a restart.

Run `python -m tests.bench.commitment_micro [--keys N] [--blocks N]`. Prints microseconds a
transaction beside the time of one SHA-256 of the same run, so that machines compare.
"""

import argparse
import gc
import random
import resource
import statistics
import time
from hashlib import sha256

from ledger.commitment import DEFAULT_BUCKET_COUNT, StateCommitment

TRANSACTIONS = 1_000
KEYS_A_BLOCK = 2_000


def key_of(number: int) -> bytes:
    return b"accounts/account/" + sha256(number.to_bytes(8, "big")).digest()[:20]


def resident_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def sha256_us() -> float:
    data = bytes(512)
    start = time.perf_counter()
    for _ in range(100_000):
        sha256(data).digest()
    return (time.perf_counter() - start) * 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    before = resident_mib()
    start = time.perf_counter()
    commitment = StateCommitment.build(
        ((key_of(number), b"v") for number in range(options.keys)), DEFAULT_BUCKET_COUNT
    )
    print(f"build: {time.perf_counter() - start:.1f} s for {options.keys} keys")
    print(f"peak resident: {resident_mib() - before:.0f} MiB above the start")
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the node does
    computed, applied = [], []
    for _ in range(options.blocks):
        changes = sorted(
            (key_of(chance.randrange(options.keys)), chance.randbytes(12))
            for _ in range(KEYS_A_BLOCK)
        )
        unique = list(dict(changes).items())
        start = time.perf_counter()
        delta = commitment.compute(unique)
        computed.append(time.perf_counter() - start)
        start = time.perf_counter()
        commitment.apply(delta)
        applied.append(time.perf_counter() - start)
    scale = 1e6 / TRANSACTIONS
    for name, samples in (("compute", computed), ("apply", applied)):
        print(f"{name}: {statistics.median(samples) * scale:.2f} us a transaction")
    print(f"one SHA-256 of 512 bytes: {sha256_us():.2f} us")
    start = time.perf_counter()
    saved = b"".join(commitment.save())
    print(f"save: {time.perf_counter() - start:.2f} s, {len(saved) >> 20} MiB")
    start = time.perf_counter()
    StateCommitment.restore(saved)
    print(f"restore: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
