"""Memberships agree with a naive model that copies the whole town at every snapshot."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from governance.admissible import GOVERNANCE
from governance.chambers import ALL_CHAMBERS, CHAMBERS, INSTITUTIONAL, PERSONS
from governance.stakeholders import membership
from governance.stakeholders.credentials import GRANT, REVOKE
from governance.stakeholders.organisations import CHANGE, REGISTER, REINSTATE, REMOVE, SUSPEND
from governance.stakeholders.rebinding import MAX_MOVES_A_BLOCK, OBJECT, PROPOSE
from ledger.message_registry import MessageType
from ledger.primitives import Address
from tests.support.stakeholder_town import (
    EVIDENCE,
    OBJECTION_MS,
    REGISTRAR,
    StakeholderTown,
    account,
    hash_of,
)

NAMES = st.integers(0, 7)
ACCOUNTS = st.integers(0, 11).map(lambda number: account(f"account {number}"))
Town = dict[str, str | None]
"""The chamber where each member sits, by the model's name of the member."""


@dataclass
class Move:
    """An open re-binding."""

    number: int
    member: str
    old: Address
    new: Address
    due_ms: int


@dataclass
class Model:
    """Members by name, and a copy of all of them for every snapshot number."""

    now: Town = field(default_factory=dict)
    account: dict[str, Address] = field(default_factory=dict)
    used: set[Address] = field(default_factory=set)
    past: list[Town] = field(default_factory=lambda: [{}])
    suspended: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    open: list[Move] = field(default_factory=list)
    moves: int = 0

    def sit(self, member: str, chamber: str | None) -> None:
        self.now[member] = chamber
        self.past.append(dict(self.now))

    def who(self, holder: Address) -> str | None:
        return next((name for name, bound in self.account.items() if bound == holder), None)

    def settle(self, time_ms: int) -> None:
        due = [move for move in self.open if move.due_ms <= time_ms]
        for move in sorted(due, key=lambda item: (item.due_ms, item.number))[:MAX_MOVES_A_BLOCK]:
            self.account[move.member] = move.new
            self.open.remove(move)


class Memberships(RuleBasedStateMachine):
    """Random organisations, persons and clocks; refusals are part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.town = StakeholderTown()
        self.model = Model()

    def tried(self, sender: Address, message: MessageType, *values: Any, after_ms: int = 1) -> bool:
        (error,) = self.town.block((sender, message, values), after_ms=after_ms)
        return error is None

    def settled(self) -> None:
        self.model.settle(self.town.time_ms)

    @rule(name=NAMES, chamber=st.sampled_from(INSTITUTIONAL), holder=ACCOUNTS)
    def register(self, name: int, chamber: str, holder: Address) -> None:
        member = f"o{name}"
        done = self.tried(
            GOVERNANCE, REGISTER, member, "기관", "body", chamber, holder, b"", b"", ()
        )
        assert done == (member not in self.model.now and holder not in self.model.used)
        if done:
            self.model.account[member] = holder
            self.model.used.add(holder)
            self.model.sit(member, chamber)
        self.settled()

    @rule(name=NAMES, chamber=st.sampled_from(INSTITUTIONAL))
    def change(self, name: int, chamber: str) -> None:
        member, model = f"o{name}", self.model
        done = self.tried(GOVERNANCE, CHANGE, member, "기관", "body", chamber, b"", b"", ())
        assert done == (member in model.now and member not in model.removed)
        if done and member in model.suspended:
            model.suspended[member] = chamber
        elif done and model.now[member] != chamber:
            model.sit(member, None)
            model.sit(member, chamber)
        self.settled()

    @rule(name=NAMES, verb=st.sampled_from(["suspend", "reinstate", "remove"]))
    def change_status(self, name: int, verb: str) -> None:
        member, model = f"o{name}", self.model
        lives = member in model.now and member not in model.removed
        if verb == "suspend":
            done = self.tried(GOVERNANCE, SUSPEND, member, "why")
            assert done == (lives and member not in model.suspended)
            if done:
                model.suspended[member] = model.now[member] or ""
                model.sit(member, None)
        elif verb == "reinstate":
            done = self.tried(GOVERNANCE, REINSTATE, member)
            assert done == (lives and member in model.suspended)
            if done:
                model.sit(member, model.suspended.pop(member))
        else:
            done = self.tried(GOVERNANCE, REMOVE, member, "why")
            assert done == lives
            if done:
                model.removed.add(member)
                if member not in model.suspended:
                    model.sit(member, None)
        self.settled()

    @rule(name=NAMES, chamber=st.sampled_from(PERSONS), holder=ACCOUNTS)
    def grant(self, name: int, chamber: str, holder: Address) -> None:
        member = f"person {name}"
        done = self.tried(
            REGISTRAR, GRANT, holder, chamber, hash_of(f"{member} {chamber}"), hash_of(member)
        )
        assert done == (member not in self.model.now and holder not in self.model.used)
        if done:
            self.model.account[member] = holder
            self.model.used.add(holder)
            self.model.sit(member, chamber)
        self.settled()

    @rule(holder=ACCOUNTS)
    def revoke(self, holder: Address) -> None:
        done = self.tried(REGISTRAR, REVOKE, holder, 1)
        member = self.model.who(holder) or ""
        assert done == (member.startswith("person") and self.model.now[member] is not None)
        if done:
            self.model.sit(member, None)
        self.settled()

    @rule(old=ACCOUNTS, new=ACCOUNTS, after_ms=st.integers(1, OBJECTION_MS))
    def propose_move(self, old: Address, new: Address, after_ms: int) -> None:
        done = self.tried(REGISTRAR, PROPOSE, old, new, EVIDENCE, after_ms=after_ms)
        member, model = self.model.who(old) or "", self.model
        assert done == (
            member.startswith("person")
            and new not in model.used
            and all(move.member != member for move in model.open)
        )
        if done:
            model.moves += 1
            model.used.add(new)
            due_ms = self.town.time_ms + OBJECTION_MS
            model.open.append(Move(model.moves, member, old, new, due_ms))
        self.settled()

    @precondition(lambda self: self.model.open)
    @rule(data=st.data())
    def object_to_move(self, data: st.DataObject) -> None:
        move = data.draw(st.sampled_from(self.model.open))
        assert self.tried(move.old, OBJECT, move.number)
        self.model.open.remove(move)
        self.model.used.discard(move.new)
        self.settled()

    @rule(after_ms=st.integers(1, 2 * OBJECTION_MS))
    def wait(self, after_ms: int) -> None:
        self.town.block(after_ms=after_ms)
        self.settled()

    @invariant()
    def counts_and_seats_agree(self) -> None:
        state, model = self.town.state, self.model
        assert membership.snapshot(state) == len(model.past) - 1
        for name in CHAMBERS:
            members = list(model.now.values()).count(name)
            assert membership.seated(state, name) == members
        for number in range(12):
            holder = account(f"account {number}")
            member = model.who(holder)
            assert (membership.member_id(state, holder) is None) == (member is None)
            sits = None if member is None else model.now[member]
            assert membership.chamber_of(state, holder) == sits

    @invariant()
    def every_past_moment_is_as_it_was(self) -> None:
        state, model = self.town.state, self.model
        for number in range(12):
            holder = account(f"account {number}")
            member = model.who(holder)
            for at, town in enumerate(model.past):
                sat = None if member is None else town.get(member)
                for chamber in ALL_CHAMBERS:
                    expected = sat == chamber.name
                    assert membership.was_member(state, holder, chamber.name, at) is expected


TestMemberships = Memberships.TestCase
TestMemberships.settings = settings(max_examples=40, stateful_step_count=40)
