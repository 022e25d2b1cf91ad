"""The youth of a chain on which some nodes remove old blocks, and who comes after it.

A node that comes late asks peers that lack what it needs, and finds an archive; one that meets no
archive reads that nobody holds its next block, and its operator follows the sentence: it begins
again from a snapshot that another node makes, checked and written by the program's own parts.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from api.light import TrustedGenesis
from ledger import genesis
from ledger.kv import MemoryStore
from node.snapshots.checking import ChainRules, CheckedManifest
from node.snapshots.file import SnapshotFile
from node.snapshots.format import MANIFEST
from node.snapshots.making import SnapshotMaker, make_at_once
from node.snapshots.restoring import JoinFolder
from node.store.block_store import BlockStore
from node.sync.peer_heads import UNHELD_REMEDY
from tests.simulation.node import SimulatedNode, Site
from tests.simulation.process import Process
from tests.simulation.pruning_plan import Late, PruningPlan
from tests.simulation.violation import Violation

LOOKS_EVERY_MS: Final = 500
PATIENCE: Final = 2
"""So often an operator reads that nobody holds a block before a snapshot is taken."""
LONG_PATIENCE: Final = 6
"""The same once the network heals, until every link is back."""
AGE: Final = 4
"""Heights that a snapshot is behind the newest block at most."""


class Newcomers:
    """Starts every node at its time. Without a plan all of them start at once."""

    def __init__(
        self, plan: PruningPlan | None, site: Site, nodes: Sequence[SimulatedNode], rng: Random
    ) -> None:
        self._plan = plan
        self._site = site
        self._nodes = nodes
        self._rng = rng
        self._late: tuple[Late, ...] = () if plan is None else plan.late
        self._told: Counter[int] = Counter()
        self._healed = False
        self.first: dict[int, int] = {}
        """The lowest block that a node had after it began from a snapshot, by endpoint."""

    def start(self) -> None:
        """Start who is there from the beginning; those who lie come with the faults."""
        absent = {late.endpoint for late in self._late if not late.falls_at}
        for node in self._nodes:
            if self._plan is None or (node.honest and node.endpoint not in absent):
                node.start()

    def grow(self) -> None:
        """A height of the youth may have become final: some nodes fall behind from there on."""
        for late in self._late:
            if late.falls_at and self._site.monitor.height >= late.falls_at:
                self._nodes[late.endpoint].crash()

    def grown(self) -> None:
        """The youth is over."""
        for node in self._nodes:
            if not node.honest:
                node.start()
        for late in self._late:
            self._site.world.later(late.back_ms * 1000, partial(self._come, late))
            if late.from_snapshot and self._plan is not None:
                archive = self._plan.archive
                pair = [(late.endpoint, archive), (archive, late.endpoint)]
                self._site.network.block(pair)

    def heal(self) -> None:
        """Everybody comes now, and meets the archive. Should that one have been away until nobody
        held what it lacks, operators help all whom nobody can help."""
        self._healed = True
        self._told.clear()
        if self._plan is not None:
            for node in self._nodes:
                if node.honest:
                    self._look(node, LONG_PATIENCE)

    def _come(self, late: Late) -> None:
        node = self._nodes[late.endpoint]
        if node.process is None and not self._healed:
            node.start()
        if late.from_snapshot and not self._healed:
            self._look(node, PATIENCE)

    def _look(self, node: SimulatedNode, patience: int) -> None:
        """What the operator of a node that does not get on reads so often is followed."""
        if self._healed and patience != LONG_PATIENCE:
            return
        process = node.process
        # A program that waits for its disk answers nobody.
        if process is not None and not process.turns.waits_for_disk:
            found = process.synchronisation.unheld()
            if found is not None:
                if UNHELD_REMEDY not in found.sentence:
                    raise Violation("sentence", f"node {node.endpoint}: {found.sentence}")
                self._told[node.endpoint] += 1
                self._site.world.note("held by nobody", node.endpoint, found.wanted, found.lowest)
                if self._told[node.endpoint] >= patience and self._begin_again(node):
                    return
        self._site.world.later(LOOKS_EVERY_MS * 1000, partial(self._look, node, patience))

    def _begin_again(self, node: SimulatedNode) -> bool:
        """False when nobody can make a snapshot."""
        height = self._site.monitor.height
        makers = [
            other.process
            for other in self._nodes
            if other.honest
            and other.process is not None
            and other.process.chain.head.height + AGE >= height
        ]
        if not makers:
            return False
        maker = self._rng.choice(makers)
        rows = self._snapshot_of(maker)
        blocks = BlockStore(rows, "joined")
        lowest, height = blocks.lowest_height, maker.chain.head.height
        self._site.world.note("from snapshot", node.endpoint, maker.node.endpoint, height)
        node.lose_power()
        node.votes.lose()
        node.store.replace(rows)
        self._site.monitor.replaced(node.endpoint, height)
        self.first[node.endpoint] = lowest
        node.start()
        return True

    def _snapshot_of(self, maker: Process) -> MemoryStore:
        """The rows of the store that a snapshot of a running node makes."""
        template = self._site.template
        document, executor = template.document, template.executor
        rules = ChainRules(
            TrustedGenesis(document.chain_id, template.genesis_hash, document.validators),
            document.bucket_count,
            executor.contracts.decode_call,
            verify=template.verify,
        )
        with TemporaryDirectory() as name, maker.node.disk.at_work(False):
            file = Path(name) / "made" / "head.snapshot"
            file.parent.mkdir()
            make_at_once(
                SnapshotMaker(
                    maker.chain.blocks,
                    document.chain_id,
                    template.genesis_hash,
                    document.bucket_count,
                    file,
                )
            )
            items = SnapshotFile(file)
            folder = JoinFolder(Path(name), rules)
            folder.begin(CheckedManifest(rules, items.read(MANIFEST)))
            for item in folder.missing():
                folder.keep(item, items.read(item))
            rows = MemoryStore()
            header = genesis.header(document, executor)
            blocks = BlockStore(rows, "joined")
            blocks.begin(folder.beginning(header, blocks.live_state()))
        return rows
