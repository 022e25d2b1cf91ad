"""What executing a block of transfers costs, beyond verifying signatures.

Run `python -m tests.bench.executor_micro [--accounts N] [--profile]`. Prints microseconds a
transaction by part, and one PyNaCl verification of the same run to compare machines by.
"""

import argparse
import cProfile
import gc
import pstats
import random
import statistics
import time
from collections.abc import Callable

from ledger.accounts import ACCOUNTS, SUPPLY, Account, AccountsModule
from ledger.block import build_block, decode_block
from ledger.commitment import DEFAULT_BUCKET_COUNT, StateCommitment
from ledger.crypto import Ed25519Signer, ed25519_address, sha256
from ledger.executor import BlockExecutor, ExecutedBlock
from ledger.kv import MemoryStore, WriteBatch
from ledger.module import BlockInfo
from ledger.primitives import UNIT, ZERO_HASH
from ledger.registry import Participation
from ledger.state import State
from ledger.threshold import ThresholdModule
from ledger.transaction import Draft, Transaction, sign, verify_transaction
from ledger.transfers import SEND, TransfersModule

CHAIN_ID = 82062
SENDERS = 1_000
BALANCE = 1_000 * UNIT


def timed(function: Callable[[], object], repeat: int = 7) -> float:
    """Median seconds of one call."""
    samples = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def make_state(addresses: list[bytes]) -> tuple[MemoryStore, StateCommitment]:
    store = MemoryStore()
    state = State(store)
    for address in addresses:
        state.put(ACCOUNTS, address, Account(0, BALANCE))
    state.put(SUPPLY, b"", BALANCE * len(addresses))
    changes = state.changes()
    batch = WriteBatch()
    for key, value in changes:
        batch.operations.append((key, value))
    store.write(batch, sync=True)
    return store, StateCommitment.build(changes, DEFAULT_BUCKET_COUNT)


def make_transfers(
    signers: list[Ed25519Signer], receivers: list[bytes], chance: random.Random
) -> list[Transaction]:
    return [
        sign(
            Draft(
                chain_id=CHAIN_ID,
                nonce=0,
                type=SEND.name,
                body=SEND.encode(chance.choice(receivers), chance.randrange(1, UNIT), b""),
                valid_until=1_000,
            ),
            signer,
        )
        for signer in signers
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    chance = random.Random(1)
    signers = [Ed25519Signer(sha256(number.to_bytes(8, "big"))) for number in range(SENDERS)]
    addresses: list[bytes] = [ed25519_address(signer.public_key) for signer in signers]
    addresses += [sha256(b"a%d" % number)[:20] for number in range(options.accounts - SENDERS)]
    store, commitment = make_state(addresses)
    transfers = make_transfers(signers, addresses, chance)
    executor = BlockExecutor([AccountsModule(), ThresholdModule(), TransfersModule()])
    info = BlockInfo(CHAIN_ID, 1, 1, ZERO_HASH, 0, 0, Participation(None))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the node does

    def execute() -> ExecutedBlock:
        return executor.execute(store, commitment, info, transfers, skip_inapplicable=False)

    executed = execute()
    assert all(receipt.code == 0 for receipt in executed.receipts)
    block = build_block(
        info, executed.included, executed.state_root, executed.receipts_root, ZERO_HASH
    )
    raw = block.encoded
    scale = 1e6 / SENDERS
    whole = timed(execute) * scale
    part = timed(lambda: commitment.compute(executed.changes)) * scale
    print(f"execute: {whole:.1f} us a transaction, of it commitment {part:.1f}")
    print(f"execute without commitment: {whole - part:.1f} us a transaction")
    print(f"decode block: {timed(lambda: decode_block(raw, CHAIN_ID)) * scale:.1f}")
    verified = timed(lambda: [verify_transaction(item) for item in transfers], 3) * scale
    print(f"verify: {verified:.1f}")
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(execute)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
