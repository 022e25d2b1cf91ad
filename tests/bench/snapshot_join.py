"""How long a new observer needs: from a snapshot of a long chain, and block by block from genesis.

python -m tests.bench.snapshot_join [--blocks 50000] [--accounts 100000] [--transfers 200000]

Both chains are built by the executor without a network, with real keys and certificates. One
validator serves them, the observer is a process of its own (`poyong start`), and what is measured
is the time from its start until it answers with the head. The rate from genesis is held against
what a town of four finalises live on this machine in the same run, before and after it. Prints one
JSON line a part.
"""

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from api import calls
from api.client import Client, ClientError
from consensus.effects import BuildProposal
from consensus.messages import CertifiedBlock, SigningDomain
from ledger import accounts
from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.kv import KeyValueStore, WriteBatch
from ledger.mempool import Mempool
from ledger.registry import Certificate, Participation, Phase
from ledger.steps import finish
from ledger.transaction import decode_transaction
from node import config, opening
from node.bench import run
from node.bench.workload import Workload
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.localnet import creation, processes
from node.localnet.layout import DEFAULT_VALIDATORS, Town
from node.localnet.processes import NodeProcess
from node.modules import build_executor
from node.replica.execution import Chain
from node.snapshots.joining import start_of
from node.snapshots.making import SnapshotMaker, make_at_once
from node.snapshots.shelf import FOLDER, Shelf
from node.store.block_store import BlockStore
from node.store.storage import open_chain
from node.store.stores import open_store
from node.votes.wal_format import Marker

SENDERS = 500
FULL_BLOCK = 1_000
POLL_S = 0.05
LONGEST_S = 600.0
BEGINNING_MS = 1_700_000_000_000
STEP_MS = 1_000
VERIFIES = 5_000


class Unsynced:
    """A store that leaves syncing to the end: only how a chain is built here."""

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store
        self.get, self.iterate, self.snapshot = store.get, store.iterate, store.snapshot
        self.last, self.size_bytes, self.close = store.last, store.size_bytes, store.close
        self.compact = store.compact

    def write(self, batch: WriteBatch, *, sync: bool) -> None:
        del sync
        self._store.write(batch, sync=False)


class NoVotes:
    """The vote record of a chain that nobody voted for."""

    def marker(self) -> Marker:
        return Marker(b"b" * 16, 1, 1, 1)

    def cut(self, committed: Marker) -> None:
        del committed


def make_town(folder: Path, workload: Workload) -> Town:
    """Keys and configurations of four validators and an observer; one genesis for the two used."""
    town = creation.prepare(folder, creation.Wish(validators=4, idle=True))
    keys = {node.name: creation.read_keys(folder, node) for node in town.nodes}
    genesis = creation.genesis_of(town, keys, BEGINNING_MS)
    genesis = replace(
        genesis, sections={**genesis.sections, "accounts": workload.genesis_section()}
    )
    for node in (town.validators[0], town.observer):
        document = json.dumps(genesis.document(), ensure_ascii=False)
        (folder / node.name / "genesis.json").write_text(document, encoding="utf-8")
    return town


def grow(folder: Path, town: Town, raws: Iterator[bytes], blocks: int, each: int) -> float:
    """Build the first validator's chain; seconds that making a snapshot of it took."""
    home = folder / town.validators[0].name
    settings = config.load(home / config.CONFIG_FILE, {})
    document = opening.read_genesis(settings.path(settings.node.genesis))
    executor = build_executor()
    data = settings.path(settings.storage.path)
    store = open_store(data / opening.CHAIN_FOLDER)
    opened = open_chain(
        BlockStore(Unsynced(store), "bench", opening.history_rules(settings)), document, executor
    )
    domain = SigningDomain(document.chain_id, opened.genesis_hash)
    signers = [
        keystore.open_signer(
            folder / node.name / creation.VALIDATOR_KEY, creation.PASSWORD, KeyKind.VALIDATOR
        )
        for node in town.validators
    ][: document.validators.quorum]
    mempool = Mempool(0, lambda _: True)
    chain = Chain(opened, mempool, lambda _: True, NoVotes(), lambda _: None)
    certificate: Certificate | None = None
    for height in range(1, blocks + 1):
        for raw in islice(raws, each):
            transaction = decode_transaction(raw, document.chain_id)
            account = accounts.get(chain.state(), transaction.sender)
            mempool.admit(transaction, account.nonce, account.balance == 0)
        request = BuildProposal(
            height=height,
            view=0,
            time_ms=chain.head.time_ms + STEP_MS,
            proposer=(chain.head.proposer + 1) % len(document.validators),
            participation=Participation(certificate),
            allow_empty=True,
        )
        block = finish(chain.build(request))
        if block is None:
            raise SystemExit("a block was not built")
        payload = domain.payload(Phase.COMMIT, height, 0, block.hash)
        seals = tuple((index, signer.sign(payload)) for index, signer in enumerate(signers))
        certificate = Certificate(height, 0, block.hash, seals)
        chain.apply(CertifiedBlock(certificate, block))
    shelf = Shelf(data / FOLDER, 1)
    shelf.tidy()
    start = start_of(document, executor)
    started_s = time.perf_counter()
    make_at_once(
        SnapshotMaker(
            chain.blocks,
            document.chain_id,
            start.header.hash,
            document.bucket_count,
            shelf.path_of(blocks),
        )
    )
    took_s = time.perf_counter() - started_s
    store.close()
    return took_s


@dataclass(frozen=True, slots=True)
class Joined:
    """took_s: from the observer's start until it is at the height. blocks_a_second: from the first
    block on that it had. CPU seconds of a block, also from there on: of the observer, of the
    process in which it has signatures verified, and of the one that serves it."""

    took_s: float
    blocks_a_second: float
    observer_s: float
    verifier_s: float
    source_s: float

    def most_a_second(self, cores: int) -> float:
        """Blocks a second with this CPU time, if nothing else ran: bounded by the observer's own
        thread, and by all three on these cores."""
        return min(1 / self.observer_s, cores / (self.observer_s + self.verifier_s + self.source_s))


def cpu_now_s(observer: NodeProcess, source: NodeProcess) -> tuple[float, float, float]:
    """CPU seconds so far: of the observer, of what it has started, of the source."""
    own, ended = used_s(observer.pid)
    living = Path(f"/proc/{observer.pid}/task/{observer.pid}/children").read_text().split()
    return own, ended + sum(used_s(int(pid))[0] for pid in living), used_s(source.pid)[0]


def used_s(pid: int) -> tuple[float, float]:
    """User and system CPU seconds of a process, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks, (int(fields[13]) + int(fields[14])) / ticks


async def joined(folder: Path, town: Town, height: int, *, by_snapshot: bool) -> Joined:
    """An observer joins until it is at `height`."""
    home = folder / town.observer.name
    settings = config.load(home / config.CONFIG_FILE, {})
    changed = replace(settings, snapshots=replace(settings.snapshots, join=by_snapshot))
    (home / config.CONFIG_FILE).write_text(config.render(changed), encoding="utf-8")
    shutil.rmtree(home / "data", ignore_errors=True)
    source = town.validators[0]
    serving = await processes.start(
        source.name, folder / source.name, folder / source.name / "node.log"
    )
    running = [serving]
    try:
        await reaches(source.rpc_url, height)
        started_s = time.perf_counter()
        observer = await processes.start(town.observer.name, home, home / "node.log")
        running.append(observer)
        first = await reaches(town.observer.rpc_url, 1)
        first_s, before = time.perf_counter(), cpu_now_s(observer, serving)
        await reaches(town.observer.rpc_url, height)
        now_s, after = time.perf_counter(), cpu_now_s(observer, serving)
        blocks = max(1, height - first)
        used = [(now - then) / blocks for now, then in zip(after, before, strict=True)]
        return Joined(now_s - started_s, blocks / (now_s - first_s), *used)
    finally:
        await processes.stop(running)


async def reaches(url: str, height: int) -> int:
    """The node's height once it is so high."""
    async with asyncio.timeout(LONGEST_S), Client(url) as client:
        while True:
            try:
                found = (await client.call(calls.status()))["height"]
                if found >= height:
                    return found
            except ClientError:
                pass  # it has not come so far
            await asyncio.sleep(POLL_S)


def verify_us() -> float:
    """Microseconds of one verified signature, in this run."""
    signer = Ed25519Signer(bytes(32))
    message, signature = bytes(200), signer.sign(bytes(200))
    started_s = time.perf_counter()
    for _ in range(VERIFIES):
        verify_ed25519(signer.public_key, message, signature)
    return (time.perf_counter() - started_s) / VERIFIES * 1e6


def from_snapshot(folder: Path, blocks: int, count: int) -> None:
    workload = Workload(creation.CHAIN_ID, count, SENDERS)
    town = make_town(folder, workload)
    started_s = time.perf_counter()
    making_s = grow(folder, town, workload.transactions(0, blocks), blocks, 1)
    built_s = time.perf_counter() - started_s
    took_s = asyncio.run(joined(folder, town, blocks, by_snapshot=True)).took_s
    (made,) = (folder / town.validators[0].name / "data" / FOLDER).glob("*.snapshot")
    show(
        part="from a snapshot",
        blocks=blocks,
        accounts=count,
        built_s=round(built_s, 1),
        snapshot_mib=round(made.stat().st_size / 2**20, 1),
        making_s=round(making_s, 2),
        start_to_head_s=round(took_s, 2),
    )


def live(seconds: float) -> tuple[float, float]:
    """Transfers a second that a town of four finalises at most, as `poyong bench --seconds`
    measures it: with 100,000 accounts, the load on the same machine. And how many it could by the
    CPU time of its validators, if the load took none and nothing else ran."""
    found = asyncio.run(run.short(DEFAULT_VALIDATORS, seconds, lambda _: None))
    rate = found.throughput.per_second
    if rate == 0:
        raise SystemExit("the town finalised nothing: let nothing else run, or try --live-seconds")
    by_cpu = run.cores() / (DEFAULT_VALIDATORS * found.throughput.cpu_us / 1e6)
    show(
        part="live",
        accounts=run.SHORT_ACCOUNTS,
        validators=DEFAULT_VALIDATORS,
        transfers_a_second=round(rate),
        of_signature_bound=round(rate / found.limits.signature_bound, 2),
        cpu_us=round(found.throughput.cpu_us, 1),
        most_by_cpu=round(by_cpu),
        verify_us=round(found.limits.verify_us, 1),
    )
    return rate, by_cpu


def from_genesis(folder: Path, transfers: int, count: int, live_seconds: float) -> None:
    workload = Workload(creation.CHAIN_ID, count, SENDERS)
    town = make_town(folder, workload)
    blocks = transfers // FULL_BLOCK
    grow(folder, town, workload.transactions(0, transfers), blocks, FULL_BLOCK)
    before = live(live_seconds)
    found = asyncio.run(joined(folder, town, blocks, by_snapshot=False))
    took_s, rate = found.took_s, found.blocks_a_second * FULL_BLOCK
    verify = verify_us()
    most, by_cpu = (max(pair) for pair in zip(before, live(live_seconds), strict=True))
    joins_by_cpu = found.most_a_second(run.cores()) * FULL_BLOCK
    show(
        part="from genesis",
        blocks=blocks,
        transfers=transfers,
        accounts=count,
        start_to_head_s=round(took_s, 2),
        transfers_a_second_start_included=round(transfers / took_s),
        transfers_a_second=round(rate),
        observer_cpu_us=round(found.observer_s * 1e6 / FULL_BLOCK, 1),
        verifier_cpu_us=round(found.verifier_s * 1e6 / FULL_BLOCK, 1),
        source_cpu_us=round(found.source_s * 1e6 / FULL_BLOCK, 1),
        most_by_cpu=round(joins_by_cpu),
        times_live_start_included=round(transfers / took_s / most, 2),
        times_live=round(rate / most, 2),
        times_live_by_cpu=round(joins_by_cpu / by_cpu, 2),
        verify_us=round(verify, 1),
        of_one_cores_verifies=round(rate * verify / 1e6, 2),
    )


def show(**found: object) -> None:
    print(json.dumps(found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=50_000)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--transfers", type=int, default=200_000)
    parser.add_argument("--live-seconds", type=float, default=10.0)
    parser.add_argument("--only", choices=("snapshot", "genesis"))
    given = parser.parse_args()
    if given.only != "genesis":
        with tempfile.TemporaryDirectory(prefix="poyong-join-") as name:
            from_snapshot(Path(name), given.blocks, given.accounts)
    if given.only != "snapshot":
        with tempfile.TemporaryDirectory(prefix="poyong-join-") as name:
            from_genesis(Path(name), given.transfers, given.accounts, given.live_seconds)


if __name__ == "__main__":
    main()
