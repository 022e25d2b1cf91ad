"""One seed: safety phase with faults, liveness phase without, then a last look at all nodes."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from unittest.mock import patch

from ledger.errors import ensure
from node.store.pruning import PruningRules
from tests.simulation.byzantine import ByzantineNode, Coven, TwinNode
from tests.simulation.chains import chain_template, validator_keys, verify_once
from tests.simulation.changing import changing_plan_of, is_tolerated
from tests.simulation.clients import Clients
from tests.simulation.disk_faults import DiskFaults
from tests.simulation.disk_plan import DiskFault, disk_faults_of, may_lose
from tests.simulation.drains import Drain, Drains, with_drains
from tests.simulation.faults import Faults
from tests.simulation.governed import joiner
from tests.simulation.monitor import Monitor
from tests.simulation.network import Network
from tests.simulation.newcomers import Newcomers
from tests.simulation.node import SimulatedNode, Site
from tests.simulation.operators import Operators
from tests.simulation.organisations import Organisations, changed
from tests.simulation.plan import Plan, plan_of, stream
from tests.simulation.pruned import require_pruned
from tests.simulation.pruning_plan import (
    YOUTH,
    YOUTH_LOAD_MS,
    YOUTH_MS,
    PruningPlan,
    with_pruning,
)
from tests.simulation.violation import Violation
from tests.simulation.world import START_MS, World

MAX_SEED: Final = 2**63 - 1
MAX_DELIVERIES: Final = 5_000
"""Up to seven nodes; beyond, with the third power: each may lack each one's vote at each other."""
SAFETY_HEIGHTS: Final = 14
"""So most seeds end below 20 heights; blocks that fall due while somebody catches up may add to
them, and deliveries bound those."""
CHANGING_HEIGHTS: Final = 60
"""Likewise where the validator set changes: a decision takes some blocks."""
CHANGING_TIMES: Final = 8
"""So many times more deliveries are allowed there."""
ATTEMPTS_MS: Final = 20_000
"""So long organisations go on trying what may never be possible."""
CHANGED_MS: Final = 120_000
"""So soon after the liveness phase every change that is possible has come about."""
SAFETY_DELIVERIES: Final = 2_000
"""The rest is left to the liveness phase."""
NEXT_BLOCK_MS: Final = 10_000
"""Rule 3: so soon after healing the next block comes, with one faulty proposer in a row; fetching
what was missed is part of it."""
CAP_MS: Final = 16_000
RECONNECT_AND_RESEND_MS: Final = 2_500
LIVE_LOAD_MS: Final = (50, 300)
LAST_SYNCS_MS: Final = 60_000
"""Syncs of slow disks that are under way when these are mended end sooner than that."""
NEW_HEIGHTS: Final = 2
"""How far above the height at healing every honest node has to come."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a seed. reason: None when it passed. digest: hash of everything that
    happened. changing: whether the validator set was to change; changes: how often it did. disk:
    the kinds of faults of disks that were asked for, None for those that the seed itself has.
    next_block_ms, all_ms: from healing to the next block, and until all had it. stops: how often
    a node gave up for its disk; losses: how often an operator moved a damaged folder away; struck:
    kinds of faults of disks that took effect. pruning: whether nodes were to remove old blocks,
    None when the seed itself said so; removed: blocks that the honest ones lack at the end;
    not_held: how often a peer lacked what it was asked for; joins: how often a node began from a
    snapshot. drains: whether validators were to be drained, likewise; drained: how often one was.
    """

    seed: int
    n: int
    changing: bool
    disk: tuple[str, ...] | None
    reason: str | None
    rule: str | None
    digest: str
    heights: int
    deliveries: int
    crashes: int
    minted: int
    changes: int
    next_block_ms: int | None
    all_ms: int | None
    stops: int
    losses: int
    struck: frozenset[str]
    pruning: bool | None
    removed: int
    not_held: int
    joins: int
    drains: bool | None
    drained: int


class Seed:
    """One world, from its plan."""

    def __init__(
        self,
        plan: Plan,
        trace: Callable[[str], None] | None = None,
        disk_faults: Sequence[DiskFault] = (),
        pruning: PruningPlan | None = None,
        drains: Sequence[Drain] = (),
    ) -> None:
        self.plan = plan
        self.pruning = pruning
        self.world = World(trace)
        self.template = chain_template(plan.kind)
        self.network = Network(self.world, stream(plan.seed, plan.n, "network"), plan.weather)
        self.monitor = Monitor(self.template)
        self.site = Site(self.world, self.network, self.monitor, self.template)
        self.coven = Coven()
        self.nodes = self._make_nodes()
        self.faults = Faults(
            plan, self.world, self.network, self.nodes, stream(plan.seed, plan.n, "faults")
        )
        self.disk_faults = DiskFaults(
            disk_faults, may_lose(plan), self.world, self.monitor, self.nodes
        )
        self.newcomers = Newcomers(
            pruning, self.site, self.nodes, stream(plan.seed, plan.n, "newcomers")
        )
        self.drains = Drains(drains, self.world, self.nodes)
        self.out_of_service = {drain.endpoint for drain in drains}
        self.monitor.on_final = self.faults.final
        load = stream(plan.seed, plan.n, "load")
        self.clients = Clients(self.site, self.nodes, load, plan.load_ms, plan.removal)
        wishes = stream(plan.seed, plan.n, "organisations")
        self.organisations = Organisations(self.site, self.nodes, plan, wishes)
        self.operators = Operators(self.site, self.nodes, plan, self.organisations)
        self.youth = 0
        """Height at which the faults began, and deliveries until then."""
        self.youth_deliveries = 0
        self.goal = 0
        """First height that becomes final after healing."""
        self.changes_at_healing = 0
        """Changes of the validator set that were decided in the safety phase."""
        self.next_block_ms: int | None = None
        self.all_ms: int | None = None

    @property
    def removed(self) -> int:
        """Blocks that honest nodes which run have removed, or never had."""
        running = [item.process for item in self.honest if item.process is not None]
        return sum(process.chain.blocks.lowest_height - 1 for process in running)

    @property
    def honest(self) -> list[SimulatedNode]:
        """Nodes that keep all rules."""
        return [item for item in self.nodes if item.honest]

    def _make_nodes(self) -> list[SimulatedNode]:
        plan, keys = self.plan, self.template.keys
        seats = [*range(plan.n), *plan.twins, *[None] * (plan.observers + plan.joiners)]
        joins = [validator_keys(plan.kind, joiner(number)) for number in range(plan.joiners)]
        nodes: list[SimulatedNode] = []
        for endpoint, seat in enumerate(seats):
            rng = stream(plan.seed, plan.n, f"node {endpoint}")
            if seat is None:
                joins_at = endpoint - plan.endpoints + plan.joiners
                own = joins[joins_at] if joins_at >= 0 else None
                made = SimulatedNode(self.site, endpoint, own, rng)
            elif seat in plan.twins:
                made = TwinNode(self.site, endpoint, keys[seat], rng, self.coven)
            elif seat in plan.byzantine:
                habits = plan.byzantine[seat]
                made = ByzantineNode(self.site, endpoint, keys[seat], rng, habits, self.coven)
            else:
                made = SimulatedNode(self.site, endpoint, keys[seat], rng)
            made.disk.rng = stream(plan.seed, plan.n, f"disk of {endpoint}")
            made.skew_ms, made.work_us = plan.skew_ms[endpoint], plan.work_us[endpoint]
            if self.pruning is not None:
                made.pruning = PruningRules(self.pruning.keeps.get(endpoint, 0))
            nodes.append(made)
        return nodes

    def run(self) -> None:
        """Both phases; raises Violation."""
        self.world.note("plan", self.plan)
        if self.pruning is not None:
            self.world.note("pruning", self.pruning)
        self.newcomers.start()
        self.clients.start()
        if self.plan.kind.governed:
            self.organisations.start()
            self.operators.start()
        if self.pruning is not None:
            self._grow(self.pruning.youth)
        self.faults.start()
        self.disk_faults.start()
        self.drains.start()
        self._safety_phase()
        self._liveness_phase()
        if self.plan.kind.governed:
            self._changes_come_about()
        chains = {item.endpoint: item.process.chain for item in self.honest if item.process}
        self.monitor.compare_states(chains)
        if self.pruning is not None:
            for endpoint, chain in chains.items():
                first = self.newcomers.first.get(endpoint, 1)
                require_pruned(self.template, self.nodes[endpoint], chain, self.monitor.sets, first)

    def _grow(self, youth: int) -> None:
        """Without faults up to the height at which some nodes have removed blocks."""
        world, clients = self.world, self.clients
        self.network.conditions, clients.interval_ms = YOUTH, YOUTH_LOAD_MS
        end_us = world.now_us + YOUTH_MS * 1000
        while self.monitor.height < youth:
            if not world.step(end_us):
                raise Violation("youth", f"no block {youth} within {YOUTH_MS} ms; {self._where()}")
            self.newcomers.grow()
        world.note("grown")
        self.youth, self.youth_deliveries = self.monitor.height, self.network.deliveries
        self.network.conditions, clients.interval_ms = self.plan.weather, self.plan.load_ms
        self.newcomers.grown()

    def _safety_phase(self) -> None:
        end_us = self.world.now_us + self.plan.safety_ms * 1000
        limit = SAFETY_DELIVERIES * max_deliveries(self.plan) // MAX_DELIVERIES
        heights = CHANGING_HEIGHTS if self.plan.kind.governed else SAFETY_HEIGHTS
        while (
            self.monitor.height < self.youth + heights
            and self.network.deliveries - self.youth_deliveries < limit
            and self.world.step(end_us)
        ):
            pass

    def _liveness_phase(self) -> None:
        """Faults stop; what rule 3 promises has to happen in its time."""
        plan, world = self.plan, self.world
        self.disk_faults.mend()
        self._until(world.now_ms + LAST_SYNCS_MS, lambda: self.disk_faults.settled)
        world.note("healed")
        healed_ms, goal = world.now_ms, self.monitor.height + 1
        self.goal, self.changes_at_healing = goal, self.monitor.sets.changes
        self.coven.silent = not plan.byzantine_stays
        last = goal + NEW_HEIGHTS - 1
        self.clients.interval_ms, self.clients.until_height = LIVE_LOAD_MS, last
        self.newcomers.heal()
        self.faults.heal()
        self.operators.heal()
        promised_ms = promised_next_block_ms(plan, len(self.out_of_service))
        if not self._until(healed_ms + promised_ms, lambda: self.monitor.height >= goal):
            raise Violation(
                "liveness",
                f"no block {goal} within {promised_ms} ms of healing at "
                f"{healed_ms - START_MS} ms; {self._where()}",
            )
        self.next_block_ms = world.now_ms - healed_ms
        if not self._until(
            healed_ms + 2 * promised_ms,
            lambda: all(self.monitor.applied[item.endpoint] >= last for item in self._expected()),
        ):
            raise Violation(
                "catch-up",
                f"not everybody has block {last} within {2 * promised_ms} ms of healing at "
                f"{healed_ms - START_MS} ms; {self._where()}",
            )
        self.all_ms = world.now_ms - healed_ms

    def _changes_come_about(self) -> None:
        """All faults are over: what was wanted and is possible happens, and new keys vote."""
        self.clients.until_height = None
        self.organisations.everybody_proves = True
        plan, start_ms = self.plan, self.world.now_ms
        promised = is_tolerated(plan)
        if not promised:
            # Who never runs may be refused for ever: the chain has to outlive the attempts.
            self._until(start_ms + ATTEMPTS_MS, lambda: False)
        if not self._until(
            start_ms + CHANGED_MS,
            lambda: self._everybody_votes() and (not promised or self._all_changed()),
        ):
            members = [each.organisation for each in self.monitor.sets.newest[1].validators]
            raise Violation(
                "changes",
                f"{CHANGED_MS} ms after healing the set is {members} since "
                f"{self.monitor.sets.newest[0]}; wanted: {self.plan.changes}; {self._where()}",
            )

    def _all_changed(self) -> bool:
        newest = self.monitor.sets.newest[1]
        return all(changed(newest, change) is None for change in self.plan.changes)

    def _everybody_votes(self) -> bool:
        """Each honest validator that runs has sealed since its key is in the set."""
        since, newest = self.monitor.sets.newest
        if self.monitor.height < since:
            return False
        seated = {member.public_key for member in newest.validators}
        held = [(item.signer, item.next_signer) for item in self._expected()]
        keys = [signer.public_key for pair in held for signer in pair if signer is not None]
        return all(
            self.monitor.has_sealed(key, max(since, self.goal)) for key in keys if key in seated
        )

    def _expected(self) -> list[SimulatedNode]:
        """Honest nodes that the newest set still admits: others are shut out by their peers."""
        return [item for item in self.honest if not item.absent and self._is_admitted(item)]

    def _is_admitted(self, node: SimulatedNode) -> bool:
        keys, admitted = self.site.keys[node.endpoint], self.monitor.admitted
        return not keys or not admitted or not admitted.isdisjoint(keys)

    def _until(self, end_ms: int, done: Callable[[], bool]) -> bool:
        limit = max_deliveries(self.plan)
        while not done():
            if not self.world.step(end_ms * 1000):
                return done()
            if self.network.deliveries - self.youth_deliveries > limit:
                raise Violation("storm", f"more than {limit} deliveries; {self._where()}")
        return True

    def _where(self) -> str:
        found = []
        for item in self.honest:
            if item.process is None:
                found.append(f"{item.endpoint}: down")
                continue
            snapshot = item.process.driver.replica.describe()
            found.append(
                f"{item.endpoint}: height {snapshot.height} view {snapshot.view} {snapshot.step}"
                + (f" ({snapshot.no_vote_reason})" if snapshot.no_vote_reason else "")
            )
        return "; ".join(found)


def max_deliveries(plan: Plan) -> int:
    """What a seed may take: more is a storm, in which nodes answer answers."""
    times = CHANGING_TIMES if plan.kind.governed else 1
    return times * MAX_DELIVERIES * max(7, plan.endpoints) ** 3 // 7**3


def promised_next_block_ms(plan: Plan, drained: int = 0) -> int:
    """Rule 3, last sentences, for the faulty proposers that the plan may put in a row; a drained
    one proposes nothing."""
    never = sum(not change.runs for change in plan.changes)
    faulty = len(plan.byzantine) + len(plan.twins) + len(plan.gone) + never + drained
    if faulty <= 1:
        return NEXT_BLOCK_MS
    return (faulty + 1) * CAP_MS + RECONNECT_AND_RESEND_MS


def run_seed(
    seed: int,
    n: int,
    trace: Callable[[str], None] | None = None,
    *,
    changes: bool = False,
    disk: tuple[str, ...] | None = None,
    pruning: bool | None = None,
    drains: bool | None = None,
) -> Outcome:
    """Run one seed to its end, or to what must not happen.

    changes: on a governed chain whose validator set changes. disk: kinds of faults of disks (none
    when it is empty); None: those that the seed itself has. pruning: whether nodes remove old
    blocks, drains: whether validators are drained; None: as the seed itself says.
    """
    ensure(n >= 1, "a chain has a validator")
    with (
        patch("node.transactions.ingest.verify_transaction", verify_once),
        # What a part of the node costs in CPU is of no interest here, and asking is a system call.
        patch("node.meter.time.thread_time_ns", lambda: 0),
    ):
        plan = (changing_plan_of if changes else plan_of)(seed, n)
        plan, drained = with_drains(plan, drains)
        disk_faults = disk_faults_of(plan, disk)
        plan, pruned = with_pruning(plan, pruning)
        world = Seed(plan, trace, disk_faults, pruned, drained)
        reason = rule = None
        try:
            world.run()
        except Violation as violation:
            reason, rule = str(violation), violation.rule
        except Exception as error:  # noqa: BLE001 - whatever production raises is a finding
            reason, rule = f"{type(error).__name__}: {error}", "error"
            if trace is not None:
                trace(traceback.format_exc())
        world.world.note("end", reason)
        return Outcome(
            seed=seed,
            n=n,
            changing=changes,
            disk=disk,
            reason=reason,
            rule=rule,
            digest=world.world.digest(),
            heights=world.monitor.height,
            deliveries=world.network.deliveries,
            crashes=sum(item.crashes for item in world.nodes),
            minted=world.monitor.minted,
            changes=world.monitor.sets.changes,
            next_block_ms=world.next_block_ms,
            all_ms=world.all_ms,
            stops=world.disk_faults.stops,
            losses=world.disk_faults.losses,
            struck=frozenset(world.disk_faults.struck),
            pruning=pruning,
            removed=world.removed,
            not_held=world.monitor.not_held,
            joins=len(world.newcomers.first),
            drains=drains,
            drained=world.drains.drained,
        )
