"""One real node that finalises alone: what it tells the API and operators."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api import ports
from api.light import TrustedGenesis, verify_state_proof, verify_transaction_proof
from api.ports import FinalReceipt, Refusal, RefusalReason
from governance.deciding import ADD_OBSERVER, REMOVE_OBSERVER
from ledger.block import transactions_root
from ledger.crypto import ed25519_address
from ledger.executor import ExecutedBlock
from ledger.primitives import UNIT, Address
from ledger.steps import Steps
from ledger.validator_tables import set_at
from node.assembly import Node
from node.localnet.creation import CHAIN_ID, read_keys
from node.reads.block_reader import CACHED_BLOCKS
from node.replica.requests import PeerRequests
from node.replica.turns import LONG_TURN_S, TURNS_AFTER_A_LONG_ONE
from node.watch.health import Readiness
from node.watch.metrics import Total
from tests.support.running_nodes import PAYEE, PAYER, RunningNodes, running_nodes, until
from tests.support.town import base_port

PAYER_ADDRESS = ed25519_address(PAYER.signer.public_key)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[RunningNodes]:
    """A single validator, started, with three transfers final."""
    async with running_nodes(tmp_path, base_port() + 700, validators=1) as nodes:
        await nodes.start(*nodes.validators)
        await nodes.finalise(nodes.validators[0], 3)
        yield nodes


@pytest.fixture
def node(town: RunningNodes) -> Node:
    return town.nodes[town.validators[0]]


@pytest.fixture
async def last(town: RunningNodes) -> FinalReceipt:
    """Receipt of one more transfer."""
    return await town.finalise(town.validators[0])


# The loop


async def test_who_asks_while_a_block_is_executed_is_answered_between_its_pieces(
    node: Node, town: RunningNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read over HTTP needs three turns of the loop (docs/performance.md, "JSON-RPC")."""
    turns, seen = itertools.count(), list[int]()
    executor = node.runtime.chain.executor
    execution = executor.execution

    def in_long_pieces(*args: Any, **options: Any) -> Steps[ExecutedBlock]:
        for _ in range(3):
            seen.append(next(turns))
            time.sleep(LONG_TURN_S)  # the work of a piece, which blocks the loop
            yield
        return (yield from execution(*args, **options))

    async def reader() -> None:
        while True:
            next(turns)
            await asyncio.sleep(0)

    monkeypatch.setattr(executor, "execution", in_long_pieces)
    reading = asyncio.create_task(reader())
    await town.finalise(town.validators[0])
    reading.cancel()
    gaps = [after - before for before, after in itertools.pairwise(seen[:3])]
    assert len(gaps) == 2
    assert min(gaps) > TURNS_AFTER_A_LONG_ONE


# The chain


async def test_status_says_where_the_node_stands(node: Node, last: FinalReceipt) -> None:
    status, head = node.service.status(), node.runtime.chain.head
    assert (status.height, status.block_hash, status.block_time_ms) == (
        head.height,
        head.hash,
        head.time_ms,
    )
    assert status.height >= last.height
    assert status.target_height == status.height
    assert (status.role, status.organisation) == ("validator", "City hall 시청")
    assert (status.chain_id, status.version) == (CHAIN_ID, "0.1.0")
    assert status.genesis_hash == node.opened.chain.genesis_hash
    assert (status.peers, status.mempool_transactions, status.mempool_bytes) == (0, 0, 0)


async def test_blocks_are_read_by_height_and_by_hash(node: Node, last: FinalReceipt) -> None:
    service = node.service
    found = service.block(last.height)
    assert found is not None
    header, compact = service.header(last.height), service.compact_block(last.height)
    assert header == found.block.header
    assert compact == found.block.compact()
    assert transactions_root(found.block.transactions) == found.block.header.transactions_root
    assert found.receipts[last.index] == last.receipt
    assert service.height_of_block(found.block.hash) == last.height
    certificate = service.certificate(last.height)
    assert certificate is not None
    assert (certificate.height, certificate.block_hash) == (last.height, found.block.hash)


async def test_what_does_not_exist_is_none(node: Node) -> None:
    service = node.service
    for height in (-1, 0, service.height() + 1, 2**70):
        assert service.block(height) is None
        assert service.header(height) is None
        assert service.compact_block(height) is None
        assert service.certificate(height) is None
    assert service.height_of_block(bytes(32)) is None
    assert service.transaction(bytes(32)) is None
    assert service.receipt(bytes(32)) is None
    assert service.prove_transaction(bytes(32)) is None
    assert service.validators(0) is None
    assert service.validators(service.height() + 3) is None


async def test_old_blocks_are_read_from_the_store_like_recent_ones(
    town: RunningNodes, node: Node, last: FinalReceipt
) -> None:
    found = node.service.block(last.height)
    await town.finalise(town.validators[0], CACHED_BLOCKS + 1)
    assert not node.service._reader.is_cached(last.height)
    assert node.service.block(last.height) == found
    assert node.service.receipt(last.receipt.transaction_hash) == last


async def test_a_transaction_is_known_while_it_waits_and_when_it_is_final(
    town: RunningNodes, node: Node, last: FinalReceipt
) -> None:
    known = node.service.transaction(last.receipt.transaction_hash)
    assert known is not None
    assert (known.height, known.index) == (last.height, last.index)
    town.transfer()  # a nonce is left out, so that the next one has to wait
    waiting = town.transfer()
    assert await node.service.submit([waiting.raw]) == [waiting.hash]
    assert node.service.transaction(waiting.hash) == ports.KnownTransaction(waiting, None, None)
    assert node.service.receipt(waiting.hash) is None
    assert node.service.status().mempool_transactions == 1


async def test_an_account_is_read_with_its_pending_nonce(town: RunningNodes, node: Node) -> None:
    before = node.service.account(PAYEE).balance
    raws = [town.transfer(2 * UNIT).raw for _ in range(3)]
    await node.service.submit(raws)
    sender = node.service.account(PAYER_ADDRESS)
    assert sender.pending_nonce == 6
    await until(lambda: node.service.account(PAYER_ADDRESS).nonce == 6)
    paid = node.service.account(PAYEE)
    assert paid.balance == before + 6 * UNIT
    assert paid.height == node.service.height()
    unused = node.service.account(Address(bytes(20)))
    assert (unused.balance, unused.nonce, unused.pending_nonce) == (0, 0, 0)


# Submitting and waiting


async def test_what_is_final_is_no_error_when_it_is_sent_again(
    node: Node, last: FinalReceipt
) -> None:
    known = node.service.transaction(last.receipt.transaction_hash)
    assert known is not None
    assert await node.service.submit([known.transaction.raw]) == [known.transaction.hash]


async def test_a_rival_for_a_used_nonce_is_refused(town: RunningNodes, node: Node) -> None:
    town._nonce = 0
    (outcome,) = await node.service.submit([town.transfer(77).raw])
    assert isinstance(outcome, Refusal)
    assert outcome.reason is RefusalReason.NONCE_TOO_LOW


async def test_waiting_ends_with_the_receipt_or_the_time(town: RunningNodes, node: Node) -> None:
    wanted = town.transfer()
    waiting = asyncio.create_task(node.service.wait_for_receipt(wanted.hash, 20_000))
    await asyncio.sleep(0)
    await node.service.submit([wanted.raw])
    found = await waiting
    assert found is not None
    assert found == node.service.receipt(wanted.hash)
    assert await node.service.wait_for_receipt(wanted.hash, 1) == found  # at once
    assert await node.service.wait_for_receipt(bytes(32), 1) is None
    assert node.service._receipt_waiters == {}


async def test_waiting_for_a_height_can_be_given_up(town: RunningNodes, node: Node) -> None:
    height = node.service.height()
    await node.service.wait_for_height(height)
    next_height = asyncio.create_task(node.service.wait_for_height(height + 1))
    given_up = asyncio.create_task(node.service.wait_for_height(height + 9))
    await asyncio.sleep(0)
    given_up.cancel()
    await town.finalise(town.validators[0])
    async with asyncio.timeout(5):
        await next_height
    await asyncio.gather(given_up, return_exceptions=True)
    assert node.service._height_waiters == {}


# Proofs


async def test_proofs_hold_against_genesis(node: Node, last: FinalReceipt) -> None:
    service = node.service
    genesis = TrustedGenesis(
        CHAIN_ID, node.opened.chain.genesis_hash, node.opened.genesis.validators
    )
    of_transaction = service.prove_transaction(last.receipt.transaction_hash)
    assert of_transaction is not None
    found = verify_transaction_proof(
        genesis,
        of_transaction.chain,
        of_transaction.transaction,
        of_transaction.index,
        of_transaction.proof,
    )
    assert (found.block.header.height, found.index) == (last.height, last.index)
    of_row = service.prove_account(PAYEE)
    assert of_row is not None
    row = verify_state_proof(genesis, of_row.chain, of_row.key, of_row.value, of_row.proof)
    assert row.block.header.height == service.height()


# Consensus, network, economy


async def test_validators_of_this_height_and_of_those_around_it(node: Node) -> None:
    now = node.service.validators(None)
    assert now is not None
    assert now.height == node.service.height() + 1
    assert now.hash == set_at(node.runtime.state, now.height).hash()
    (member,) = now.members
    assert (member.organisation, member.eligible) == ("City hall 시청", True)
    assert member.last_signed_height >= 1
    for height in (1, now.height - 1, now.height + 1):
        assert node.service.validators(height) is not None


async def test_consensus_state_is_that_of_the_running_height(node: Node) -> None:
    await until(lambda: node.service.consensus_state().phase == "idle")
    state = node.service.consensus_state()
    assert (state.height, state.view) == (node.service.height() + 1, 0)
    assert (state.quorum, state.signing, state.proposal_hash) == (1, True, None)


async def test_a_lone_validator_has_no_peers_and_is_not_stalled(node: Node) -> None:
    assert node.service.peers() == ()
    report = node.service.why_stalled()
    assert (report.stalled, report.causes) == (False, ())


async def test_the_economy_is_passed_on(node: Node) -> None:
    zones = node.service.zones()
    assert len(zones) == 6
    assert node.service.round(str(zones[0]["zone"]), None) is not None
    assert node.service.round("no such zone", None) is None
    assert node.service.land_index()["closed_rounds"] == 0
    assert node.service.issuance(None) is not None
    assert node.service.messages.find("transfer.send") is not None


# What operators see


async def test_a_scrape_shows_a_running_node(town: RunningNodes, node: Node) -> None:
    """Every series is fed by somebody: what a lone idle town cannot move stays at 0 by name."""
    before = sample_names(node)
    await node.service.submit([b"rubbish"])
    await town.finalise(town.validators[0], 2)
    found = samples(node)
    assert {name for name, _ in found} == before
    assert found["poyong_consensus_height", ""] == node.service.height()
    for name in (
        "poyong_consensus_total_txs_total",
        "poyong_consensus_round_duration_seconds_count",
        "poyong_consensus_block_interval_seconds_count",
        "poyong_consensus_block_size_bytes_count",
        "poyong_consensus_head_timestamp_seconds",
        "poyong_consensus_signing",
        "poyong_consensus_validators",
        "poyong_state_block_execution_seconds_count",
        "poyong_state_block_commit_seconds_count",
        "poyong_wal_sync_seconds_count",
        "poyong_wal_size_bytes",
        "poyong_store_size_bytes",
        "poyong_disk_size_bytes",
        "poyong_disk_free_bytes",
        "poyong_sync_target_height",
        "poyong_oracle_land_index",
        "poyong_issuance_supply_tokens",
    ):
        assert found[name, ""] > 0, name
    for step in ("idle", "preparing", "committing", "applying"):
        assert found["poyong_consensus_step_duration_seconds_count", step] > 0, step
    for part in ("verify", "execute", "store", "vote_log", "consensus"):
        assert found["poyong_cpu_seconds_total", part] > 0, part
    assert found["poyong_mempool_rejected_txs_total", "malformed"] == 1
    assert found["poyong_consensus_validator_connected", "0"] == 1
    assert found["poyong_consensus_quorum_margin", ""] == 0
    assert found["poyong_sync_syncing", ""] == 0
    assert found[f"poyong_{Total.SYNC_BLOCKS}_total", ""] == 0


def samples(node: Node) -> dict[tuple[str, str], float]:
    """Value by name and by the last label, buckets left out."""
    return {
        (sample.name, list(sample.labels.values())[-1] if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(node.metrics.render().decode())
        for sample in family.samples
        if "le" not in sample.labels
    }


def sample_names(node: Node) -> set[str]:
    return {name for name, _ in samples(node)}


async def test_a_lone_validator_is_ready(node: Node) -> None:
    assert node.instruments.readiness() == Readiness(True, f"height {node.service.height()}")


async def test_a_validator_that_connects_is_sent_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is its turn it sees the work, and nobody waits in vain. Neither of the two proposes
    first, and two of four never do; what is relayed after a timeout is left out."""
    monkeypatch.setattr(PeerRequests, "relay_work", lambda self: None)
    async with running_nodes(tmp_path, base_port() + 850) as nodes:
        _, early, late, _ = nodes.validators
        await nodes.start(early)
        transfer = nodes.transfer()
        (outcome,) = await nodes.nodes[early].service.submit([transfer.raw])
        assert outcome == transfer.hash
        await nodes.start(late)
        await until(lambda: len(nodes.nodes[late].runtime.mempool) == 1)


async def test_one_of_four_waits_for_a_quorum_and_says_so(tmp_path: Path) -> None:
    async with running_nodes(tmp_path, base_port() + 800) as nodes:
        first, second, third, _ = nodes.validators
        await nodes.start(first)
        alone = nodes.nodes[first]
        assert alone.instruments.readiness() == Readiness(
            False, "1 validators connected, a quorum is 3"
        )
        assert "no peer is connected" in alone.service.why_stalled().causes[0].finding
        await nodes.start(second)
        await nodes.connected(first, [second])
        cause, *_ = alone.service.why_stalled().causes
        assert cause.finding.startswith("2 of 4 validators are connected, 3 are needed")
        await nodes.start(third)
        await nodes.connected(first, [second, third])
        assert alone.instruments.readiness().ready
        assert not alone.service.why_stalled().stalled
        # The second block says who sealed the first.
        final = await nodes.finalise(second, 2)
        await nodes.at_height(final.height, first)
        # Each vote tells where its sender is.
        third_key = nodes.nodes[third].opened.identity.node_key
        await until(
            lambda: any(
                peer.node_key == third_key and peer.height >= final.height - 1
                for peer in alone.service.peers()
            )
        )
        # Who goes is named with its last sign of life.
        await nodes.stop(second, third)
        await until(lambda: not alone.service.peers())
        cause, *_ = alone.service.why_stalled().causes
        assert "last seal in height" in cause.finding
        assert "no seal yet" in cause.finding  # of the fourth, which never ran


async def test_the_registry_names_a_node_without_its_restart(tmp_path: Path) -> None:
    """An observer starts from genesis, where it has another name than at the head."""
    async with running_nodes(tmp_path, base_port() + 900, validators=1) as nodes:
        (validator,), name = nodes.validators, nodes.observer
        key = read_keys(nodes.folder, nodes.town.observer).node
        await nodes.start(validator)
        await nodes.decide(validator, REMOVE_OBSERVER, key)
        await nodes.decide(validator, ADD_OBSERVER, key, "Civic archive 시민기록관")
        await nodes.start(name)
        observer = nodes.nodes[name].service
        assert observer.status().organisation == nodes.town.observer.organisation
        await nodes.at_height(nodes.height(validator), name)
        assert observer.status().organisation == "Civic archive 시민기록관"


async def test_a_node_that_the_registry_does_not_know_has_no_name(tmp_path: Path) -> None:
    async with running_nodes(tmp_path, base_port() + 900, validators=1) as nodes:
        (validator,) = nodes.validators
        await nodes.start(validator)
        node = nodes.nodes[validator]
        runtime = node.runtime
        runtime._roles = {}
        assert runtime.own_role is None
        assert node.service.status().organisation == ""
