"""Operators of nodes whose validators change: who starts a node, ends it, and gives it new keys.

Some have the new keys loaded beside the old ones from the start, and nothing is left to do. For the
others new keys need a restart: an operator restarts as soon as its own node has the block before
the first height of the new consensus key: the old one is of no use from then on, and until then the
chain may need it. A node that lags is shut out with its old node key by those who have that block,
and gets the new node key first.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from tests.simulation.chains import validator_keys
from tests.simulation.node import SimulatedNode, Site
from tests.simulation.organisations import Organisations, new_seat
from tests.simulation.plan import Change, Plan

LOOKS_EVERY_MS: Final = 100
HASTE_MS: Final = 200
"""Longest restart once everything is healed."""


class Operators:
    """Acts by the plan."""

    def __init__(
        self,
        site: Site,
        nodes: Sequence[SimulatedNode],
        plan: Plan,
        organisations: Organisations,
    ) -> None:
        self._site = site
        self._nodes = nodes
        self._plan = plan
        self._organisations = organisations
        rotations = [change for change in plan.changes if change.kind == "rotate"]
        self._switching = [change for change in rotations if not change.held]
        for change in rotations:
            if change.held:
                signer, _ = validator_keys(plan.kind, change.organisation, 1)
                seat = new_seat(change)
                organisations.node_of(change).hold_next_keys(signer, seat.node_key)
        self._healed = False
        for endpoint in range(plan.endpoints - plan.joiners, plan.endpoints):
            nodes[endpoint].absent = True
        self._gone = {index for index, at_ms in plan.gone if at_ms == 0}
        for index in self._gone:
            nodes[index].absent = True

    def start(self) -> None:
        """Schedule what the plan says."""
        world = self._site.world
        for change in self._joins():
            world.later(change.at_ms // 2 * 1000, partial(self._arrive, change))
        for index, at_ms in self._plan.gone:
            world.later(at_ms * 1000, partial(self._end, index))
        self._look()

    def heal(self) -> None:
        """Who was to come comes now, and everybody hurries."""
        self._healed = True
        for change in self._joins():
            self._arrive(change)
        for index, _ in self._plan.gone:
            self._end(index)

    def _joins(self) -> list[Change]:
        return [each for each in self._plan.changes if each.kind == "join" and each.runs]

    def _arrive(self, change: Change) -> None:
        node = self._organisations.node_of(change)
        if node.absent:
            node.absent = False
            node.start()

    def _end(self, index: int) -> None:
        node = self._nodes[index]
        node.absent = True
        node.crash()

    def _look(self) -> None:
        for change in list(self._switching):
            node = self._organisations.node_of(change)
            # Another node's word is not enough for the new consensus key: that one may be lost, and
            # with it the last block that needs the old key.
            if node.process is not None and new_seat(change) in node.process.validators.validators:
                self._switching.remove(change)
                self._switch(change, 1)
            elif self._is_shut_out(change):
                self._switch(change, 0)
        self._site.world.later(LOOKS_EVERY_MS * 1000, self._look)

    def _is_shut_out(self, change: Change) -> bool:
        """Whether others refuse the old node key, while this node has not come so far."""
        monitor, seat = self._site.monitor, new_seat(change)
        key = self._site.keys[self._organisations.node_of(change).endpoint]
        return key != (seat.node_key,) and seat in monitor.sets.at(monitor.height + 1).validators

    def _switch(self, change: Change, generation: int) -> None:
        """Restart with the new node key, and the consensus key of this generation."""
        node = self._organisations.node_of(change)
        node.crash()
        signer, _ = validator_keys(self._plan.kind, change.organisation, generation)
        node.take_keys(signer, new_seat(change).node_key)
        self._site.world.note("new keys", node.endpoint)
        down_ms = min(change.restart_ms, HASTE_MS) if self._healed else change.restart_ms

        def come_back() -> None:
            if node.process is None:
                node.start()

        self._site.world.later(down_ms * 1000, come_back)
