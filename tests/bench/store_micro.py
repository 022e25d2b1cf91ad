"""Cost of the store for each transaction, at 1,000,000 accounts in state.

python -m tests.bench.store_micro [--engine leveldb] [--accounts N] [--blocks N] [--folder DIR]
                                  [--no-history]

Each block is one synced batch of BlockStore: 1,000 transactions, two random accounts each,
one index row each, one row of history for each account (--no-history leaves them out), block and
receipts of random bytes. CPU is that of all threads, so compaction
counts; making the input is not measured. Prints one JSON line.
"""

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from ledger.concerned import POSITION_BYTES
from ledger.primitives import Address, Hash
from node.store.account_index import HistoryRules
from node.store.block_store import BlockParts, BlockStore
from node.store.stores import WRITE_BUFFER_BYTES, open_store
from node.votes.wal_format import Marker

TRANSACTIONS = 1_000
TRANSACTION_BYTES = 200
RECEIPT_BYTES = 40
ACCOUNT_ROW_BYTES = 24
ACCOUNT_PREFIX = b"accounts/a/"
LOAD_ROWS = 10_000
MARKER = Marker(b"m" * 16, 1, 1, 1)


def addresses(count: int) -> list[bytes]:
    return [sha256(b"account %d" % number).digest()[:20] for number in range(count)]


def blocks(known: list[bytes], count: int, first: int, seed: int) -> Iterator[BlockParts]:
    """Random transfers among `known`."""
    choose = random.Random(seed)
    row = os.urandom(ACCOUNT_ROW_BYTES)
    body = os.urandom(TRANSACTIONS * TRANSACTION_BYTES)
    for height in range(first, first + count):
        pairs = [(choose.choice(known), choose.choice(known)) for _ in range(TRANSACTIONS)]
        touched = {address for pair in pairs for address in pair}
        concerned: dict[Address, bytes] = {}
        for position, pair in enumerate(pairs):
            for address in {Address(named) for named in pair}:
                place = position.to_bytes(POSITION_BYTES, "big")
                concerned[address] = concerned.get(address, b"") + place
        yield BlockParts(
            height,
            Hash(sha256(b"block %d" % height).digest()),
            body,
            body[:400],
            body[: TRANSACTIONS * RECEIPT_BYTES],
            [Hash(sha256(b"%d %d" % (height, i)).digest()) for i in range(TRANSACTIONS)],
            [(ACCOUNT_PREFIX + address, row) for address in sorted(touched)],
            concerned=concerned,
        )


def load(store: BlockStore, known: list[bytes]) -> None:
    """Write all accounts and as many transaction rows, without measuring."""
    row = os.urandom(ACCOUNT_ROW_BYTES)
    store.commit(store.batch_for(BlockParts(0, Hash(bytes(32)), b"genesis"), MARKER))
    for height, at in enumerate(range(0, len(known), LOAD_ROWS), 1):
        part = known[at : at + LOAD_ROWS]
        parts = BlockParts(
            height,
            Hash(sha256(b"load %d" % height).digest()),
            b"block",
            b"certificate",
            b"receipts",
            [Hash(sha256(address).digest()) for address in part],
            [(ACCOUNT_PREFIX + address, row) for address in part],
        )
        store.commit(store.batch_for(parts, MARKER))


def measure(
    folder: Path, engine: str, buffer: int, accounts: int, count: int, *, history: bool
) -> dict[str, object]:
    known = addresses(accounts)
    store = BlockStore(
        open_store(folder, engine, write_buffer_bytes=buffer), str(folder), HistoryRules(history)
    )
    load(store, known)
    head = store.head()
    first = 1 if head is None else head.height + 1
    cpu = wall = making = worst = 0.0
    started = time.process_time()
    for parts in blocks(known, count, first, seed=1):
        before, cpu_before = time.perf_counter(), time.process_time()
        store.commit(store.batch_for(parts, MARKER))
        took = time.perf_counter() - before
        cpu += time.process_time() - cpu_before
        wall, worst = wall + took, max(worst, took)
    whole = time.process_time() - started
    started = time.process_time()
    for _ in blocks(known, min(count, 50), first, seed=2):
        pass
    making = (time.process_time() - started) / min(count, 50) * count
    reads = locate_us(store, count, first)
    size = store.size_bytes()
    store.close()
    total = count * TRANSACTIONS
    return {
        "engine": engine,
        "history": history,
        "write_buffer_mib": buffer >> 20,
        "transactions": total,
        # Compaction also runs while the next block is made: what was not making was the store.
        "cpu_us_per_transaction": round((whole - making) / total * 1e6, 2),
        "cpu_in_commit_us_per_transaction": round(cpu / total * 1e6, 2),
        "wall_us_per_transaction": round(wall / total * 1e6, 2),
        "worst_block_ms": round(worst * 1e3, 1),
        "locate_us": reads,
        "size_mib": size >> 20,
    }


def locate_us(store: BlockStore, count: int, first: int) -> float:
    """Microseconds of one look-up of a transaction by hash."""
    wanted = [
        Hash(sha256(b"%d %d" % (height, 7)).digest()) for height in range(first, first + count)
    ]
    started = time.perf_counter()
    for transaction in wanted:
        if store.locate_transaction(transaction) is None:
            raise SystemExit("a committed transaction was not found")
    return round((time.perf_counter() - started) / len(wanted) * 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--blocks", type=int, default=500)
    parser.add_argument("--buffer-mib", type=int, default=WRITE_BUFFER_BYTES >> 20)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--no-history", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="poyong-store-", dir=given.folder))
    try:
        result = measure(
            folder,
            given.engine,
            given.buffer_mib << 20,
            given.accounts,
            given.blocks,
            history=not given.no_history,
        )
    finally:
        shutil.rmtree(folder)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
