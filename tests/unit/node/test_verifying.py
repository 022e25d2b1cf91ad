"""Fetched blocks are verified ahead in another process, and nothing depends on it but time."""

from collections.abc import Iterator

import pytest

from consensus.message_wire import encode
from ledger.transaction import decode_transaction
from node.sync import verifying
from node.sync.verifying import AheadVerifier
from tests.support.applied_chain import AppliedChain
from tests.support.ledger_chain import CHAIN_ID
from tests.support.snapshots import transfers


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[AheadVerifier]:
    monkeypatch.setattr(verifying, "SMALLEST_BYTES", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    found = AheadVerifier(CHAIN_ID)
    yield found
    found.close()


def block_of(chain: AppliedChain, *, forged: bool = False) -> bytes:
    """The next certified block, or one whose last transaction its sender did not sign."""
    signed = transfers(chain, 3)
    if forged:
        raw = signed[-1].raw
        signed[-1] = decode_transaction(raw[:-1] + bytes((raw[-1] ^ 1,)), CHAIN_ID)
    return encode(chain.certified(chain.build(*signed)))


async def test_a_right_block_is_found_right_and_a_forged_one_is_not(ahead: AheadVerifier) -> None:
    chain = AppliedChain()
    right, forged = block_of(chain), block_of(AppliedChain(), forged=True)
    ahead.take([right, forged, b"rubbish"])
    assert await ahead.verified(right)
    assert not await ahead.verified(forged)
    assert not await ahead.verified(b"rubbish")
    assert not await ahead.verified(right), "each answer is given once"
    assert not await ahead.verified(b"never taken")


async def test_a_process_that_was_killed_costs_time_only(ahead: AheadVerifier) -> None:
    raw = block_of(AppliedChain())
    ahead.take([raw])
    assert await ahead.verified(raw)
    assert ahead._pool is not None
    for process in ahead._pool._processes.values():
        process.kill()
        process.join()
    ahead.take([raw])
    assert not await ahead.verified(raw)
    ahead.take([raw])
    assert ahead._pool is None, "it is not tried again"


async def test_small_blocks_and_single_cores_are_left_to_the_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    single = AheadVerifier(CHAIN_ID)
    single.take([bytes(verifying.SMALLEST_BYTES)])
    assert single._pool is None
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    several = AheadVerifier(CHAIN_ID)
    several.take([b"small"])
    assert several._pool is None


async def test_what_waits_is_bounded(ahead: AheadVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "MAX_AHEAD", 2)
    ahead.take([b"1", b"2", b"3"])
    assert len(ahead._results) == 2
