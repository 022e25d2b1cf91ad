"""What deciding costs with many persons: microseconds and rows of a step.

Run `python -m tests.bench.governance_micro [--persons N]`. The real registry of stakeholders is
asked, so the figures hold what a node would do; one PyNaCl verification of the same run stands
first, so that machines compare.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial

from governance.chambers import CHAMBER_LANDOWNERS, CHAMBER_PARTICIPANTS, INSTITUTIONAL
from governance.proposals.delegation import DELEGATE
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import progress_of
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.proposals_module import ProposalsModule
from governance.proposals.voting import VOTE
from governance.stakeholders import legal_bases, membership
from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State
from tests.support.deciding_town import BUDGET, CLASS_OF, DOCUMENT, FakeRouter, message

DAY_MS = 86_400_000
DELEGATORS = 500
VOTERS = 2_000


class CountingStore:
    """A store that counts the rows read."""

    def __init__(self, inner: MemoryStore) -> None:
        self.inner, self.reads = inner, 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self.inner.get(key)

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        for item in self.inner.iterate(start, stop):
            self.reads += 1
            yield item


def person(index: int) -> Address:
    return Address(b"\xee" + index.to_bytes(8, "big") + bytes(11))


def organisation(index: int) -> Address:
    return Address(b"\xaa" + index.to_bytes(8, "big") + bytes(11))


class Town:
    def __init__(self, persons: int) -> None:
        mandate = Mandate(membership, FakeRouter(), legal_bases, CLASS_OF)
        self.module = ProposalsModule(mandate)
        self.store, self.time_ms = MemoryStore(), 1_000 * DAY_MS
        state = State(self.store)
        self.module.init_genesis(self.context(state), {"parameters": {}})
        for index, chamber in enumerate(INSTITUTIONAL):
            membership.create(state, b"org%d" % index, organisation(index))
            membership.begin(state, b"org%d" % index, chamber)
        for index in range(persons):
            member = index.to_bytes(8, "big")
            membership.create(state, member, person(index))
            chamber = CHAMBER_PARTICIPANTS if index < persons // 2 else CHAMBER_LANDOWNERS
            membership.begin(state, member, chamber)
        self.write(state)

    def context(self, state: State, sender: Address | None = None) -> Context:
        block = BlockInfo(1, 1, self.time_ms, ZERO_HASH, 0, 0, Participation(None))
        return Context(state, block, sender, DOCUMENT)

    def write(self, state: State) -> int:
        batch = WriteBatch()
        batch.operations.extend(state.changes())
        self.store.write(batch, sync=True)
        return len(batch.operations)

    def send(self, state: State, sender: Address, found: MessageType, *values: object) -> None:
        self.module.handlers[found](self.context(state, sender), *values)

    def measure(self, name: str, calls: int, step: Callable[[State, int], None]) -> None:
        """A block of `calls` steps, each with its share of encoding; rows are of the whole."""
        store = CountingStore(self.store)
        state = State(store)
        start = time.perf_counter()
        for index in range(calls):
            step(state, index)
        written = self.write(state)
        microseconds = (time.perf_counter() - start) / calls * 1e6
        rows = f"{store.reads / calls:6.2f} read {written / calls:6.2f} written"
        print(f"{name:<44}{microseconds:8.2f} us {rows} a step")

    def until_due(self, number: int) -> None:
        due_ms = progress_of(State(self.store), number).due_ms
        assert due_ms is not None
        self.time_ms = due_ms

    def end_block(self, state: State, _: int) -> None:
        self.module.end_block(self.context(state))


def verification() -> None:
    signer = Ed25519Signer(b"e" * 32)
    signature = signer.sign(b"text")
    verify = partial(verify_ed25519, signer.public_key, b"text", signature)
    start = time.perf_counter()
    for _ in range(2_000):
        verify()
    print(f"{'PyNaCl verify':<44}{(time.perf_counter() - start) / 2_000 * 1e6:8.2f} us")


def main(persons: int) -> None:
    verification()
    town = Town(persons)
    delegators = min(DELEGATORS, persons // 2 * 5 // 100)
    town.measure(
        "delegate",
        delegators,
        lambda state, n: town.send(state, person(n + 1), DELEGATE, "B", person(0)),
    )
    state = State(town.store)
    town.send(state, organisation(0), SUBMIT, "T", DOCUMENT, 0, (message(BUDGET, 1),))
    town.send(state, organisation(1), SPONSOR, 1)
    town.write(state)
    town.until_due(1)
    town.measure("open a vote", 1, town.end_block)
    town.measure("a block in which nothing is due", 1, town.end_block)
    first = delegators + 1
    town.measure(
        "the first vote of a block", 1, lambda s, _: town.send(s, person(first), VOTE, 1, "yes")
    )
    voters = min(VOTERS, persons // 2 - first - 1)
    town.measure("vote", voters, lambda s, n: town.send(s, person(first + 1 + n), VOTE, 1, "yes"))
    town.measure(
        f"a delegate's vote for {delegators + 1}",
        1,
        lambda s, _: town.send(s, person(0), VOTE, 1, "no"),
    )
    town.measure(
        "a delegator's own vote",
        delegators,
        lambda s, n: town.send(s, person(n + 1), VOTE, 1, "yes"),
    )
    town.measure(
        "change a vote", voters, lambda s, n: town.send(s, person(first + 1 + n), VOTE, 1, "no")
    )
    town.until_due(1)
    town.measure("close a vote", 1, town.end_block)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=100_000)
    main(parser.parse_args().persons)
