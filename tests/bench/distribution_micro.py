"""What distribution costs: the close of a round with many participants, and a claim.

Run `python -m tests.bench.distribution_micro [--participants N]`. The close is timed with N holders
and with one; a claim stands beside a transfer of the same run, both as blocks of 1,000 with their
state commitment. Each claimant has a pending entry to settle and an old grant to fold away.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence

from ledger import accounts
from ledger.accounts import ACCOUNTS, SUPPLY, Account, AccountsModule
from ledger.commitment import DEFAULT_BUCKET_COUNT, StateCommitment
from ledger.crypto import Ed25519Signer, ed25519_address, sha256
from ledger.executor import BlockExecutor, ExecutedBlock
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import PPM, UNIT, ZERO_HASH, Address
from ledger.registry import Participation
from ledger.rows import key
from ledger.state import State
from ledger.threshold import ThresholdModule
from ledger.transaction import Draft, Transaction, sign, verify_transaction
from ledger.transfers import SEND, TransfersModule
from tokenomics.distribution.claims import CLAIM
from tokenomics.distribution.distribution import DistributionModule
from tokenomics.distribution.persons import PERSONS, Person
from tokenomics.distribution.pools import (
    CLOSES,
    POOL_ACCOUNTS,
    POOL_KEYS,
    POOLS,
    SCALE_BITS,
    TOWN,
    VESTING_ACCOUNT,
    Close,
    Pool,
    PoolTotals,
    Town,
)
from tokenomics.distribution.shares import HOLDINGS, Holding, holding_key
from tokenomics.distribution.vesting import GRANTS, Grant, grant_key
from tokenomics.distribution.weights import STANDINGS, Standing
from tokenomics.issuance.issuance import IssuanceModule
from tokenomics.oracle.rounds import TownRound
from tokenomics.ports import Token
from tokenomics.standins import NobodyHolds, NothingPaused

CHAIN_ID = 82062
CLAIMANTS = 1_000
CLOSED = 30
OLD_GRANT_QUARTER = CLOSED + 1 - 17
BALANCE = 1_000 * UNIT
SHARES = 1_000
TOKEN: Token = accounts
INFO = BlockInfo(CHAIN_ID, 1, 1, ZERO_HASH, 0, 0, Participation(None))


class Land:
    """Oracle whose newest round closes when told to, and mints."""

    def __init__(self) -> None:
        self.closed = CLOSED

    def closed_rounds(self, state: State) -> int:
        del state
        return self.closed

    def town_round(self, state: State, number: int) -> TownRound:
        del state
        value = 2 * 10**12
        return TownRound(number, 1, 1, 1, value, 6, 30, ZERO_HASH, True, 0, 0, None, True)

    def takes_rates(self, state: State) -> bool:
        del state
        return False

    def base_value_krw(self, state: State) -> int:
        del state
        return 10**12


class World:
    """A chain of `holders` participants, just after round CLOSED."""

    def __init__(self, holders: Sequence[Address]) -> None:
        self.land = Land()
        distribution = DistributionModule(NobodyHolds(), TOKEN)
        issuance = IssuanceModule(self.land, TOKEN, distribution, NothingPaused())
        self.executor = BlockExecutor(
            [AccountsModule(), ThresholdModule(), TransfersModule(), issuance, distribution]
        )
        state = State(MemoryStore())
        context = Context(state, INFO)
        _write_accounts(state, holders)
        issuance.init_genesis(context, {"parameters": {"window_anchors": 1}})
        distribution.init_genesis(context, {"parameters": {}})
        for number in range(1, CLOSED + 1):  # issuance keeps a row of each round
            self.land.closed = number
            issuance.end_block(context)
        _write_holders(state, holders)
        changes = state.changes()
        batch = WriteBatch()
        batch.operations.extend(changes)
        self.store = MemoryStore()
        self.store.write(batch, sync=True)
        self.commitment = StateCommitment.build(
            [(row_key, raw) for row_key, raw in changes if raw is not None], DEFAULT_BUCKET_COUNT
        )

    def execute(self, transactions: Sequence[Transaction], closed: int = CLOSED) -> ExecutedBlock:
        """A block on this state, in which rounds up to `closed` close; nothing is kept."""
        self.land.closed = closed
        return self.executor.execute(
            self.store, self.commitment, INFO, transactions, skip_inapplicable=False
        )


def _write_accounts(state: State, holders: Sequence[Address]) -> None:
    """Everybody's balance, and what the pools of _write_holders owe: the genesis allocation."""
    for holder in holders:
        state.put(ACCOUNTS, holder, Account(0, BALANCE))
    for account in (*POOL_ACCOUNTS, VESTING_ACCOUNT):
        state.put(ACCOUNTS, account, Account(0, BALANCE * len(holders)))
    state.put(SUPPLY, b"", BALANCE * len(holders) * (2 + len(POOL_ACCOUNTS)))


def _write_holders(state: State, holders: Sequence[Address]) -> None:
    """Each with shares that became active at the last close, and an old grant."""
    count, raised = len(holders), (UNIT << SCALE_BITS) // SHARES
    totals = PoolTotals(3 * raised, 2 * SHARES * count, 0, count, 0, 0, 0, 3 * UNIT * count)
    state.put(POOLS, POOL_KEYS[Pool.PARTICIPATION], totals)
    accumulators = (2 * raised, 0, 0, 0, 0, 0)
    state.put(CLOSES, key(CLOSED), Close(0, (0,) * 6, accumulators))
    state.put(TOWN, b"", Town(CLOSED, 400_000, count, CLOSED + 1))
    for holder in holders:
        state.put(PERSONS, holder, Person(sha256(holder), 1, 1, 0, ""))
        state.put(STANDINGS, holder, Standing(PPM, 1, CLOSED, CLOSED, 1, PPM, 1))
        holding = Holding(SHARES, SHARES, CLOSED, raised, 0)
        state.put(HOLDINGS, holding_key(Pool.PARTICIPATION, holder), holding)
        grant = Grant(OLD_GRANT_QUARTER, UNIT, UNIT // 2, 0)
        state.put(GRANTS, grant_key(holder, OLD_GRANT_QUARTER), grant)


def timed(functions: Sequence[Callable[[], object]], repeat: int = 9) -> list[float]:
    """Median seconds of a call of each, taken in turns."""
    samples: list[list[float]] = [[] for _ in functions]
    for _ in range(repeat):
        for function, found in zip(functions, samples, strict=True):
            start = time.perf_counter()
            function()
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in samples]


def transactions_of(
    signers: Sequence[Ed25519Signer], message: MessageType, values: Callable[[], tuple[object, ...]]
) -> list[Transaction]:
    return [
        sign(
            Draft(
                chain_id=CHAIN_ID,
                nonce=0,
                type=message.name,
                body=message.encode(*values()),
                valid_until=1_000,
            ),
            signer,
        )
        for signer in signers
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=100_000)
    options = parser.parse_args()
    chance = random.Random(1)
    signers = [Ed25519Signer(sha256(number.to_bytes(8, "big"))) for number in range(CLAIMANTS)]
    holders = [ed25519_address(signer.public_key) for signer in signers]
    holders += [
        Address(sha256(b"p%d" % number)[:20])
        for number in range(max(0, options.participants - CLAIMANTS))
    ]
    town, village = World(holders), World(holders[:1])
    claims = transactions_of(signers, CLAIM, lambda: ("participation",))
    transfers = transactions_of(
        signers, SEND, lambda: (chance.choice(holders), chance.randrange(1, UNIT), b"")
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the node does
    for block in (claims, transfers):
        assert all(receipt.code == 0 for receipt in town.execute(block).receipts)
    assert any(event.name == "pool.received" for event in town.execute([], CLOSED + 1).hook_events)

    many, one, empty = timed(
        [
            lambda: town.execute([], CLOSED + 1),
            lambda: village.execute([], CLOSED + 1),
            lambda: town.execute([]),
        ]
    )
    print(
        f"close of a round with {len(holders):,} participants: {(many - empty) * 1e3:.2f} ms more "
        f"than an empty block (bound 50), {many / one:.2f} of a close with one participant"
    )
    claim, transfer, verify = timed(
        [
            lambda: town.execute(claims),
            lambda: town.execute(transfers),
            lambda: [verify_transaction(item) for item in transfers],
        ]
    )
    scale = 1e6 / CLAIMANTS
    print(
        f"claim: {claim * scale:.1f} us, transfer {transfer * scale:.1f} us, verifying either "
        f"{verify * scale:.1f} us: a claim costs {claim / transfer:.2f} transfers executed, "
        f"{(claim + verify) / (transfer + verify):.2f} with its signature (bound 2)"
    )


if __name__ == "__main__":
    main()
