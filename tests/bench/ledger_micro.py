"""What one transaction costs before and after its block: microseconds an operation.

Run `python -m tests.bench.ledger_micro [--generated N]`. The time of one PyNaCl verification of
the same run stands first, so that machines compare.
"""

import argparse
import gc
import math
import resource
import time
from collections.abc import Callable
from functools import partial

from ledger import accounts, threshold
from ledger.accounts import ACCOUNTS, Account, AccountsModule
from ledger.contracts import ContractTable
from ledger.crypto import Ed25519Signer, Secp256k1Signer, ed25519_address, keccak256, verify_ed25519
from ledger.kv import MemoryStore
from ledger.mempool import Mempool
from ledger.message_registry import MessageRegistry
from ledger.module import BlockInfo, Context
from ledger.primitives import UNIT, ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State
from ledger.transaction import (
    Draft,
    KeySignature,
    Transaction,
    decode_transaction,
    sign,
    sign_threshold,
    verify_transaction,
)
from ledger.transfers import SEND
from tests.support import ethereum

CHAIN_ID = 82062
REPEATS = 5
SENDERS = 1_000
ROUNDS = 40
TURNS, CALLS_A_TURN = 40, 100
ED25519 = Ed25519Signer(b"e" * 32)
SECP256K1 = Secp256k1Signer(b"s" * 32)
TO = Address(b"t" * 20)
CONTRACTS = ContractTable(MessageRegistry((SEND,)))


def best_us(operation: Callable[[], object], calls: int) -> float:
    """Fastest of several runs: what the code costs, not what else the machine did."""
    runs = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(calls):
            operation()
        runs.append(time.perf_counter() - start)
    return min(runs) / calls * 1e6


def show(name: str, microseconds: float) -> None:
    print(f"{name:<44}{microseconds:8.2f} us")


def decoded(raw: bytes) -> Transaction:
    """As a node decodes it."""
    return decode_transaction(raw, CHAIN_ID, CONTRACTS.decode_call)


def transactions() -> None:
    draft = Draft(
        chain_id=CHAIN_ID,
        nonce=7,
        type=SEND.name,
        body=SEND.encode(TO, 5 * UNIT, b""),
        valid_until=1000,
    )
    witness = threshold.create(bytes(32), 2, (ED25519.public_key, SECP256K1.public_key, b"x" * 32))
    signed = {
        "Ed25519": sign(draft, ED25519),
        "secp256k1": sign(draft, SECP256K1),
        "threshold 2 of 3": sign_threshold(draft, witness, (ED25519, SECP256K1)),
    }
    raw = signed["Ed25519"].raw
    signature = ED25519.sign(raw)
    show("PyNaCl verify", best_us(lambda: verify_ed25519(ED25519.public_key, raw, signature), 3000))
    raws = {name: transaction.raw for name, transaction in signed.items()}
    raws |= {
        name: ethereum.raw(kind=kind)
        for name, kind in (("legacy", 0), ("EIP-2930", 1), ("EIP-1559", 2))
    }
    to, data = CONTRACTS.encode_call(draft.type, draft.body)
    raws["call of a contract"] = ethereum.raw(to=to, value=0, data=data, gas=60_000)
    for name, each in raws.items():
        show(f"decode {name}", best_us(partial(decoded, each), 10000))
    for name, transaction in signed.items():
        show(f"verify {name}", best_us(partial(verify_transaction, transaction), 2000))
    entering(raws)


def entering(raws: dict[str, bytes]) -> None:
    """Decode, find the sender, verify and admit: all that differs between envelopes. In turns, so
    that what else the machine does weighs on all alike; in brackets compared with Ed25519."""
    pool = Mempool(0, lambda _: False)

    def enter(raw: bytes) -> None:
        transaction = decoded(raw)
        verify_transaction(transaction)
        pool.admit(transaction, transaction.nonce, False)
        pool.discard([transaction.hash])

    costs = dict.fromkeys(raws, math.inf)
    for _ in range(TURNS):
        for name, raw in raws.items():
            start = time.perf_counter()
            for _ in range(CALLS_A_TURN):
                enter(raw)
            costs[name] = min(costs[name], (time.perf_counter() - start) / CALLS_A_TURN * 1e6)
    for name, microseconds in costs.items():
        show(f"enter {name} ({microseconds / costs['Ed25519']:.2f})", microseconds)


def state_operations() -> None:
    state = State(MemoryStore())
    sender = ed25519_address(ED25519.public_key)
    accounts.mint(state, sender, UNIT)
    show("accounts.transfer", best_us(lambda: accounts.transfer(state, sender, TO, 1), 20000))
    show("accounts.bump_nonce", best_us(lambda: accounts.bump_nonce(state, sender), 20000))
    row = ACCOUNTS.encode(Account(7, 5 * UNIT))
    show("account encode", best_us(lambda: ACCOUNTS.encode(Account(7, 5 * UNIT)), 20000))
    show("account decode", best_us(lambda: ACCOUNTS.decode(row), 20000))
    for index in range(2000):
        accounts.transfer(state, sender, accounts.generated_address("bench", index), 1)
    whole = best_us(lambda: accounts.check_block_conserves(state), 20)
    show("block's conservation check, an account", whole / 2002)


def waiting(number: int) -> Transaction:
    """As verified; the mempool never looks at the signature."""
    return Transaction(
        hash=keccak256(number.to_bytes(8, "big")),
        raw=bytes(170),
        chain_id=CHAIN_ID,
        nonce=number // SENDERS,
        named_sender=accounts.generated_address("bench", number % SENDERS),
        type=SEND.name,
        body=(),
        fee=0,
        valid_until=1000 + number % 7,
        authority=KeySignature(bytes(32), bytes(64)),
    )


def mempool() -> None:
    """Admit 40 rounds of 1,000 senders, then take and apply blocks of 1,000."""
    costs = []
    for _ in range(3):
        pool, pending = Mempool(0, lambda _: False), [waiting(n) for n in range(SENDERS * ROUNDS)]
        marks = [time.perf_counter()]
        for transaction in pending:
            pool.admit(transaction, 0, False)
        marks.append(time.perf_counter())
        height, taking = 0, 0.0
        while pool.has_executable:
            height += 1
            start = time.perf_counter()
            block = pool.take(1_000, 2**20)
            taking += time.perf_counter() - start
            pool.applied(height, block)
        marks.append(time.perf_counter())
        costs.append((marks[1] - marks[0], taking, marks[2] - marks[1] - taking))
    for name, seconds in zip(("admit", "take", "applied"), min(costs, key=sum), strict=True):
        show(f"mempool {name}", seconds / (SENDERS * ROUNDS) * 1e6)


def generated_genesis(count: int) -> None:
    context = Context(
        State(MemoryStore()), BlockInfo(CHAIN_ID, 0, 0, ZERO_HASH, 0, 0, Participation(None))
    )
    section = {"generated": {"count": count, "balance": str(UNIT), "seed": "bench"}}
    start = time.perf_counter()
    AccountsModule().init_genesis(context, section)
    written = time.perf_counter()
    context.state.changes()
    end = time.perf_counter()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count} generated accounts: {written - start:.1f} s, "
        f"encoded in {end - written:.1f} s more, peak resident {peak_mib:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generated", type=int, default=1_000_000)
    options = parser.parse_args()
    gc.freeze()
    transactions()
    state_operations()
    mempool()
    generated_genesis(options.generated)


if __name__ == "__main__":
    main()
