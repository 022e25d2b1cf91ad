"""The stakeholders of a town and a store: messages in blocks, no consensus, no other module."""

from collections.abc import Mapping
from typing import Any

from governance.admissible import GOVERNANCE
from governance.chambers import CHAMBER_PARTICIPANTS
from governance.stakeholders.credentials import GRANT
from governance.stakeholders.organisations import REGISTER
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger.crypto import checksum_address, sha256
from ledger.errors import TransactionError
from ledger.kv import KeyValueReader, MemoryStore, WriteBatch
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context, Event
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.state import State

START_MS = 1_000
OBJECTION_MS = 500
DOCUMENT, GAZETTE, EVIDENCE = sha256(b"document"), sha256(b"gazette"), sha256(b"evidence")


def account(name: str) -> Address:
    """The account of somebody called `name`."""
    return Address(sha256(b"account " + name.encode())[:20])


def hash_of(text: str) -> Hash:
    return sha256(text.encode())


REGISTRAR = account("registrar")


def genesis_section(**changes: Any) -> dict[str, Any]:
    """One registrar and a short time for objections."""
    section: dict[str, Any] = {
        "parameters": {"objection_ms": OBJECTION_MS},
        "registrars": [checksum_address(REGISTRAR)],
    }
    return section | changes


class Followed:
    """A Rebound that remembers who moved, and refuses to follow those in `refuse`."""

    def __init__(self) -> None:
        self.moves: list[tuple[Address, Address]] = []
        self.refuse: dict[Address, TransactionError] = {}

    def rebound(self, context: Context, old: Address, new: Address) -> None:
        if old in self.refuse:
            raise self.refuse[old]
        context.emit("shares.moved", old=old, new=new)
        self.moves.append((old, new))


class StakeholderTown:
    """Every block is committed to the store and checked against all invariants."""

    def __init__(
        self, section: Mapping[str, Any] | None = None, kinds: tuple[str, ...] = ()
    ) -> None:
        self.store = MemoryStore()
        self.followed = Followed()
        self.module = StakeholdersModule((self.followed,), kinds)
        self.roles = self.module.roles
        self.height = 0
        self.time_ms = START_MS
        self.events: list[Event] = []
        self.is_checked = True
        state = State(self.store)
        self.module.init_genesis(
            self.context(state), genesis_section() if section is None else section
        )
        self._commit(state)

    @property
    def state(self) -> State:
        return State(self.store)

    def context(self, state: State, sender: Address | None = None) -> Context:
        info = BlockInfo(
            82062, self.height, self.time_ms, ZERO_HASH, self.time_ms, 0, Participation(None)
        )
        return Context(state, info, sender, None if sender is None else hash_of(str(self.height)))

    def block(
        self, *calls: tuple[Address, MessageType, tuple[Any, ...]], after_ms: int = 1
    ) -> list[TransactionError | None]:
        """One block; for each call, in order, None or how it was refused."""
        self.height += 1
        self.time_ms += after_ms
        state = State(self.store)
        hooks = self.context(state)
        self.events = hooks.events
        self.module.begin_block(hooks)
        outcomes = [self._call(state, *call) for call in calls]
        self.module.end_block(hooks)
        self._commit(state)
        return outcomes

    def send(self, sender: Address, message: MessageType, *values: Any) -> None:
        """A block with one message that succeeds."""
        (error,) = self.block((sender, message, values))
        assert error is None, error

    def decide(self, message: MessageType, *values: Any) -> None:
        """send() of what a vote decided."""
        self.send(GOVERNANCE, message, *values)

    def refused(self, sender: Address, message: MessageType, *values: Any) -> TransactionError:
        """How a message is refused; the state is as it was before."""
        before = self.rows()
        (error,) = self.block((sender, message, values))
        assert error is not None, f"{message.name}{values} was not refused"
        assert self.rows() == before
        assert not self.events
        return error

    def rows(self, reader: KeyValueReader | None = None) -> list[tuple[bytes, bytes]]:
        return list((reader or self.store).iterate(b"", b"\xff"))

    def named(self, name: str) -> list[dict[str, Any]]:
        """Values of the last block's events called `name`."""
        return [dict(event.values) for event in self.events if event.name == name]

    def register(self, name: str, chamber: str) -> Address:
        """Register an organisation by vote; its account."""
        self.decide(REGISTER, name, f"{name} 기관", name, chamber, account(name), b"", b"", ())
        return account(name)

    def grant(self, name: str, chamber: str = CHAMBER_PARTICIPANTS) -> Address:
        """Give a person a credential; the account."""
        self.send(REGISTRAR, GRANT, *granted(name, chamber))
        return account(name)

    def check(self) -> None:
        block = self.context(self.state).block
        for invariant in self.module.invariants.values():
            invariant(self.state, block)

    def _call(
        self, state: State, sender: Address, message: MessageType, values: tuple[Any, ...]
    ) -> TransactionError | None:
        """As the executor does: overlay, rollback on TransactionError."""
        call = self.context(state, sender)
        state.begin()
        try:
            self.module.handlers[message](call, *message.decode(message.encode(*values)))
        except TransactionError as error:
            state.rollback()
            return error
        state.commit()
        self.events.extend(call.events)
        return None

    def _commit(self, state: State) -> None:
        batch = WriteBatch()
        batch.operations.extend(state.changes())
        self.store.write(batch, sync=True)
        if self.is_checked:
            self.check()


def granted(name: str, chamber: str = CHAMBER_PARTICIPANTS) -> tuple[Any, ...]:
    """Values of a GRANT for the person called `name`."""
    return account(name), chamber, hash_of(f"commitment {name}"), hash_of(f"nullifier {name}")
