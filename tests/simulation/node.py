"""One node: what outlives its processes - key, disk, clock and place on the network."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random

from ledger.crypto import Signer
from ledger.errors import InvariantViolation, LocalError
from ledger.registry import ValidatorSet
from ledger.validator_tables import seat_of
from node.network.wire import FrameKind
from node.store.pruning import PruningRules
from tests.simulation.chains import ChainTemplate, copy_rows
from tests.simulation.disk import Crash, Disk, Fuse
from tests.simulation.monitor import Monitor, require_at_most
from tests.simulation.network import Network
from tests.simulation.process import Process
from tests.simulation.store import VirtualStore
from tests.simulation.violation import Violation
from tests.simulation.vote_files import VirtualFiles
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Site:
    """What all nodes of a seed share.

    decoded: payloads that were decoded already; they are frozen values, so that nodes may share
    them. keys: node keys by endpoint, the present one first, none for an observer that everybody
    admits; two endpoints may share one. registries: node keys that each endpoint's registry names.
    honest: endpoints that keep all rules.
    """

    world: World
    network: Network
    monitor: Monitor
    template: ChainTemplate
    decoded: dict[bytes, object] = field(default_factory=dict)
    keys: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    registries: dict[int, frozenset[bytes]] = field(default_factory=dict)
    honest: set[int] = field(default_factory=set)

    def seat_of(self, endpoint: int, validators: ValidatorSet, coming: ValidatorSet) -> int | None:
        """Index of the validator that an endpoint speaks for, by its key or by the coming one."""
        keys = self.keys[endpoint]
        for index, member in enumerate(validators.validators):
            if member.node_key in keys:
                return index
        names = [member.organisation for member in coming.validators if member.node_key in keys]
        return seat_of(validators, names[0]) if names else None

    def endpoints_of(
        self, validator: int, validators: ValidatorSet, coming: ValidatorSet
    ) -> list[int]:
        """Endpoints that speak for a validator."""
        return [
            endpoint
            for endpoint in self.keys
            if self.seat_of(endpoint, validators, coming) == validator
        ]


class WatchedSigner:
    """The key of an honest node: the monitor sees what it is about to sign."""

    def __init__(self, node: "SimulatedNode", signer: Signer) -> None:
        self._node = node
        self._signer = signer

    @property
    def public_key(self) -> bytes:
        """Consensus key."""
        return self._signer.public_key

    def sign(self, message: bytes) -> bytes:
        """Sign what may be signed."""
        node = self._node
        if node.honest and node.process is not None:
            if node.signs_up_to is not None:
                require_at_most(node.endpoint, message, node.signs_up_to)
            look = partial(
                node.site.monitor.signing, node.endpoint, self.public_key, message, node.votes
            )
            node.process.turns.when_synced(look)
        return self._signer.sign(message)


class SimulatedNode:
    """What stays of a node when its process ends. `endpoint` names it on the network.

    keys: vote signer and node key, None for an observer that everybody admits. honest: the monitor
    holds it to all rules.
    """

    honest = True

    def __init__(
        self,
        site: Site,
        endpoint: int,
        keys: tuple[Signer, bytes] | None,
        rng: Random,
        disk_rng: Random | None = None,
    ) -> None:
        self.site = site
        self.endpoint = endpoint
        self.rng = rng
        self.absent = False
        """There is no such node: not yet, or no longer."""
        self.skew_ms = 0
        self.work_us = (0, 0)
        """Least and most CPU time of building or checking a block."""
        self.pruning = PruningRules()
        """Which old blocks it removes; none at first."""
        self.signs_up_to: int | None = None
        """The last height that its running program may sign, while it is drained."""
        self.fuse = Fuse()
        self.disk = Disk(site.world, disk_rng or Random(0))
        name, chain_id = f"node {endpoint}", site.template.document.chain_id
        self.store = VirtualStore(copy_rows(site.template.rows), self.fuse, self.disk, name)
        self.votes = VirtualFiles(rng, self.fuse, self.disk, chain_id, name)
        self.on_stopped: Callable[[SimulatedNode, Exception], None] = unexpected
        """What happens when production gives up."""
        self.process: Process | None = None
        self.crashes = 0
        self.signer: Signer | None = None
        self.next_signer: Signer | None = None
        site.keys[endpoint] = ()
        if keys is not None:
            self.take_keys(*keys)
        if self.honest:
            site.honest.add(endpoint)
        site.network.join(endpoint, self._receive)

    def take_keys(self, signer: Signer, node_key: bytes) -> None:
        """The keys that the next start of the program uses."""
        self.signer = signer
        self.site.keys[self.endpoint] = (node_key,)

    def hold_next_keys(self, signer: Signer, node_key: bytes) -> None:
        """Keys that the program has beside the present ones from its next start on."""
        self.next_signer = signer
        self.site.keys[self.endpoint] += (node_key,)

    def clock_ms(self) -> int:
        """This node's idea of the time."""
        return self.site.world.now_ms + self.skew_ms

    def watched_signers(self) -> list[WatchedSigner]:
        """The keys as the program gets them, the present one first."""
        held = [signer for signer in (self.signer, self.next_signer) if signer is not None]
        return [WatchedSigner(self, signer) for signer in held]

    def start(self) -> None:
        """Start the program on what the disk holds, where there is such a node."""
        if self.absent:
            return
        self.site.world.note("start", self.endpoint)
        try:
            with self.disk.at_work(True):
                self.process = self.make_process()
        except Crash:
            self.lose_power()
        except (LocalError, InvariantViolation) as error:
            self.stop(error)
        else:
            self.process.start()

    def make_process(self) -> Process:
        """The program that this node runs."""
        return Process(self)

    def crash(self) -> None:
        """The process ends now; the disk keeps what was synced."""
        if self.process is None:
            return
        self.lose_power()

    def lose_power(self) -> None:
        """As crash, and whether the program runs or not: what is only in memory is gone."""
        self.site.world.note("crash", self.endpoint)
        self._end()
        self.crashes += 1
        self.store.crash()
        self.votes.crash()

    def stop(self, error: Exception) -> None:
        """Production gives up: the process ends, and what it wrote is still in memory."""
        self.site.world.note("stop", self.endpoint, str(error))
        process = self.process
        self._end()
        if process is not None:
            # As node/runtime.py does; a disk that still refuses changes nothing.
            try:
                with suppress(LocalError):
                    process.vote_log.close()
            except Crash:  # power fails in its last write
                self.lose_power()
        self.on_stopped(self, error)

    def _end(self) -> None:
        self.signs_up_to = None
        if self.process is not None:
            self.process.turns.ended = True
        self.process = None
        self.fuse.left = None
        self.disk.process_ended()

    def _receive(self, source: int, kind: FrameKind, payload: bytes) -> None:
        if self.process is not None:
            self.process.frame_arrived(source, kind, payload)


def unexpected(node: SimulatedNode, error: Exception) -> None:
    """A node gives up although its disk is healthy."""
    raise Violation("stopped", f"node {node.endpoint}: {error}") from error
