"""Organisations of a governed chain: they propose changes of the validator set, vote, and probe.

Each looks at the state of some node, as it would by the API, and sends what is next: what was lost
with a crashed node, or decided differently from what it hoped for, is sent anew.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from governance.deciding import ADD_VALIDATOR, LIFT_SUSPENSION, REMOVE_VALIDATOR, ROTATE_KEY
from governance.proposals.lifecycle import TAKING_VOTES, Status
from governance.proposals.proposal_rows import (
    CHAMBER_INDEX,
    PROPOSALS,
    VOTES,
    book,
    progress_of,
    vote_key,
)
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.voting import VOTE
from governance.stakeholders.key_rotation import ROTATE_OWN_KEY
from governance.stakeholders.organisations import REGISTER
from ledger import accounts, codec, transaction
from ledger.crypto import Ed25519Signer, ed25519_address, sha256
from ledger.message_registry import MessageType
from ledger.registry import Validator, ValidatorSet
from ledger.rows import key
from ledger.set_changes import PROBE
from ledger.state import State
from ledger.transaction import Draft
from ledger.validator_tables import PROBES, PROBES_NEEDED, history_of, seat_of, set_at
from tests.simulation import governed
from tests.simulation.chains import CHAIN_ID
from tests.simulation.governed import organisation
from tests.simulation.node import SimulatedNode, Site
from tests.simulation.plan import Change, Plan
from tests.simulation.process import Process

TURN_MS: Final = (150, 350)
MAX_TRIES: Final = 12
"""Proposals of one change at most."""
GENERATION: Final = {"join": 0, "rotate": 1}
Wanted = tuple[MessageType, tuple[Any, ...]]


def new_seat(change: Change) -> Validator:
    """The seat that a join or a rotation brings."""
    name, generation = change.organisation, GENERATION[change.kind]
    public_key = governed.consensus_signer(name, generation).public_key
    node_generation = 0 if change.same_node_key else generation
    return Validator(name, public_key, governed.node_key(name, node_generation))


def changed(before: ValidatorSet, change: Change) -> ValidatorSet | None:
    """The set after a change; None when it has nothing to change there."""
    seats, seat = list(before.validators), seat_of(before, change.organisation)
    match change.kind:
        case "join" if seat is None:
            seats.append(new_seat(change))
        case "remove" if seat is not None:
            del seats[seat]
        case "rotate" if seat is not None and seats[seat] != new_seat(change):
            seats[seat] = new_seat(change)
        case _:
            return None
    return ValidatorSet(tuple(seats))


class Organisations:
    """Everybody who wants or decides something about validators, until `pursued` says enough."""

    def __init__(self, site: Site, nodes: Sequence[SimulatedNode], plan: Plan, rng: Random) -> None:
        self._site = site
        self._nodes = nodes
        self._plan = plan
        self._rng = rng
        self._names = [organisation(index) for index in range(plan.n)]
        self.everybody_proves = False
        """Whether those who did not prove that they follow the chain do so now."""
        if plan.kind.governed:
            site.monitor.sets.is_planned = self._is_planned

    def _is_planned(self, before: ValidatorSet, after: ValidatorSet) -> bool:
        return any(changed(before, change) == after for change in self._plan.changes)

    def start(self) -> None:
        """Act for ever."""
        self._site.world.later(self._rng.randint(*TURN_MS) * 1000, self._turn)

    def _turn(self) -> None:
        running = [node.process for node in self._nodes if node.honest and node.process]
        begun = [each for each in self._plan.changes if each.at_ms <= self._site.world.elapsed_ms]
        if running and begun:
            entry = self._rng.choice(running)
            wanted: dict[str, list[Wanted]] = {}
            for change in begun:
                self._pursue(entry.chain.state(), entry.chain.head.height, change, wanted)
            for name, messages in wanted.items():
                self._send(entry, governed.account_signer(name), messages)
            for change in begun:
                self._prove(change)
        self.start()

    def open_change(self, state: State, height: int, change: Change) -> bool:
        """Whether there is still something to decide, by the state after this height."""
        if change.kind == "lift":
            seat = seat_of(set_at(state, height + 1), change.organisation)
            return seat is not None and history_of(state).members[seat].suspended_at > 0
        return changed(set_at(state, height + 2), change) is not None

    def _pursue(
        self, state: State, height: int, change: Change, wanted: dict[str, list[Wanted]]
    ) -> None:
        """What is to be sent for a change now, by organisation."""
        if not self.open_change(state, height, change):
            return
        if change.by_itself:
            seat = new_seat(change)
            message = (ROTATE_OWN_KEY, (seat.public_key, seat.node_key))
            wanted.setdefault(change.organisation, []).append(message)
            return
        title = f"{change.kind} {change.organisation}"
        numbers = [
            number
            for number in range(1, book(state).proposals + 1)
            if (found := state.get(PROPOSALS, key(number))) is not None and found.title == title
        ]
        first, second = self._sponsors(change, len(numbers))
        progress = progress_of(state, numbers[-1]) if numbers else None
        if progress is None or progress.status >= Status.EXECUTED:
            if len(numbers) < MAX_TRIES:
                wanted.setdefault(first, []).append((SUBMIT, self._proposal(title, change)))
            return
        number = numbers[-1]
        first, second = self._sponsors(change, len(numbers) - 1)
        if progress.status is Status.SUBMITTED:
            wanted.setdefault(second, []).append((SPONSOR, (number,)))
        elif progress.status in TAKING_VOTES:
            for name in self._names:
                chamber = CHAMBER_INDEX[governed.chamber(name)]
                place = vote_key(number, progress.votes, chamber, name.encode())
                if state.get(VOTES, place) is None:
                    wanted.setdefault(name, []).append((VOTE, (number, "yes")))

    def _sponsors(self, change: Change, tried: int) -> tuple[str, str]:
        """A key is rotated at its organisation's own wish; others take turns."""
        names = self._names
        at = names.index(change.organisation) if change.kind == "rotate" else tried % len(names)
        return names[at], names[(at + 1) % len(names)]

    def _proposal(self, title: str, change: Change) -> tuple[Any, ...]:
        carried: list[Wanted] = []
        if change.kind in GENERATION:
            seat = new_seat(change)
            values = (seat.organisation, seat.public_key, seat.node_key)
            if change.registers:
                name = change.organisation
                chamber, account = governed.chamber(name), governed.account(name)
                about = (name, f"{name} 기관", name, chamber, account, b"", b"", ())
                carried.append((REGISTER, about))
            carried.append((ADD_VALIDATOR if change.kind == "join" else ROTATE_KEY, values))
        elif change.kind == "remove":
            carried.append((REMOVE_VALIDATOR, (change.organisation,)))
        else:
            carried.append((LIFT_SUSPENSION, (change.organisation,)))
        messages = tuple((found.name, codec.encode(found.encode(*said))) for found, said in carried)
        return title, sha256(title.encode()), 0, messages

    def _send(self, entry: Process, signer: Ed25519Signer, messages: Sequence[Wanted]) -> None:
        first = accounts.nonce(entry.chain.state(), ed25519_address(signer.public_key))
        raws = []
        for nonce, (message, values) in enumerate(messages, start=first):
            draft = Draft(
                chain_id=CHAIN_ID,
                nonce=nonce,
                type=message.name,
                body=message.encode(*values),
                valid_until=1_000,
            )
            raws.append(transaction.sign(draft, signer).raw)
        entry.submit(raws)

    def _prove(self, change: Change) -> None:
        """A probe with the new key, of the head of the node that is to use it."""
        process = self.node_of(change).process
        proves = change.proves or self.everybody_proves
        if change.kind not in GENERATION or process is None or not proves:
            return
        signer = governed.consensus_signer(change.organisation, GENERATION[change.kind])
        state, head = process.chain.state(), process.chain.head
        probes = state.get(PROBES, signer.public_key) or ()
        seated = set_at(state, head.height + 2).index_of(signer.public_key) is not None
        if seated or len(probes) == PROBES_NEEDED or (probes and head.height <= probes[-1]):
            return
        probe = (signer.public_key, head.height, head.state_root)
        self._send(process, signer, [(PROBE, probe)])

    def node_of(self, change: Change) -> SimulatedNode:
        """The node whose seat a change is about."""
        name, plan = change.organisation, self._plan
        joins = [governed.joiner(number) for number in range(plan.joiners)]
        if name in joins:
            return self._nodes[plan.endpoints - plan.joiners + joins.index(name)]
        return self._nodes[self._names.index(name)]
