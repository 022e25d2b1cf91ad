"""Distribution over a state, without blocks: messages as the executor runs them, and closes."""

from collections.abc import Sequence
from typing import Any

from ledger import accounts
from ledger.crypto import sha256
from ledger.errors import ErrorCode, TransactionError
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context, Event
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.state import State
from tokenomics.distribution.certificates import CERTIFY, KINDS, REVOKE
from tokenomics.distribution.claims import CLAIM, DIVIDEND, RELEASE
from tokenomics.distribution.distribution import DistributionModule
from tokenomics.distribution.leaving import LEAVE
from tokenomics.distribution.persons import ENROL
from tokenomics.distribution.pools import POOL_ACCOUNTS, VESTING_ACCOUNT, Pool
from tokenomics.issuance.issuance import MINT_ACCOUNT
from tokenomics.ports import Token
from tokenomics.roles import AUTHORITY, CERTIFIER, PERSON_REGISTRAR

GOVERNANCE, REGISTRAR = Address(b"\xf0" * 20), Address(b"\xf1" * 20)
CERTIFIERS = (Address(b"\xf2" * 20), Address(b"\xf3" * 20))
EVIDENCE = sha256(b"evidence")
BLOCK = BlockInfo(7, 1, 1, ZERO_HASH, 0, 0, Participation(None))
TOKEN: Token = accounts


def person(number: int) -> Address:
    return Address(sha256(b"person %d" % number)[:20])


def nullifier(number: int) -> Hash:
    return sha256(b"record %d" % number)


class Book:
    """Who holds which role; certifiers may certify `limit` points of each kind a round."""

    def __init__(self, limit: int = 10**15) -> None:
        self.limit = limit
        self.roles: dict[str, Sequence[Address]] = {
            AUTHORITY: (GOVERNANCE,),
            PERSON_REGISTRAR: (REGISTRAR,),
            CERTIFIER: CERTIFIERS,
        }

    def holds(self, state: State, role: str, account: Address) -> bool:
        return account in self.holders(state, role)

    def holders(self, state: State, role: str) -> Sequence[Address]:
        del state
        return self.roles.get(role, ())

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        del state, account
        return self.limit if kind in KINDS else 0


class PoolTown:
    """One state; `refusal` holds the sentence of the last message that failed."""

    def __init__(
        self,
        limit: int = 10**15,
        *,
        state: State | None = None,
        distributes: bool = True,
        **parameters: int,
    ) -> None:
        """distributes: whether genesis has a distribution section."""
        self.state = State(MemoryStore()) if state is None else state
        self.book = Book(limit)
        self.module = DistributionModule(self.book, TOKEN)
        self.refusal = ""
        self.last: tuple[Any, ...] = ()
        self.events: list[Event] = []
        self.round = 0
        section = {"parameters": parameters} if distributes else {}
        self.module.init_genesis(Context(self.state, BLOCK), section)

    def send(self, sender: Address, message: MessageType, *values: Any) -> ErrorCode:
        """As the executor does: overlay, rollback on TransactionError."""
        self.last = (sender, message, *values)
        context = Context(self.state, BLOCK, sender)
        self.state.begin()
        try:
            self.module.handlers[message](context, *message.decode(message.encode(*values)))
        except TransactionError as error:
            self.state.rollback()
            self.refusal, self.events = error.reason, []
            return error.code
        self.state.commit()
        self.events = context.events
        return ErrorCode.OK

    def close(self, minted: int = 0, *, is_final: bool = True, uncovered: int = 0) -> int:
        """Close a round as issuance does; what the reserve burned."""
        context = Context(self.state, BLOCK)
        self.round += 1
        burned = self.module.mature(context, self.round, is_final=is_final, uncovered=uncovered)
        accounts.mint(self.state, MINT_ACCOUNT, minted)
        self.module.distribute(context, self.round, minted)
        self.module.end_block(context)
        self.events = context.events
        return burned

    def stored(self) -> MemoryStore:
        """The rows so far."""
        store, batch = MemoryStore(), WriteBatch()
        batch.operations.extend(self.state.changes())
        store.write(batch, sync=True)
        return store

    def check(self) -> None:
        accounts.check_balances_sum_to_supply(self.state, BLOCK)
        for invariant in self.module.invariants.values():
            invariant(self.state, BLOCK)

    def enrol(self, *numbers: int) -> None:
        for number in numbers:
            code = self.send(REGISTRAR, ENROL, person(number), nullifier(number))
            assert code is ErrorCode.OK, self.refusal

    def certify(self, number: int, kind: str = "work", points: int = 100) -> ErrorCode:
        return self.send(CERTIFIERS[0], CERTIFY, person(number), kind, points, EVIDENCE)

    def revoke(self, certificate: int, reason: str = "a mistake") -> ErrorCode:
        return self.send(CERTIFIERS[0], REVOKE, certificate, reason)

    def claim(self, number: int, pool: str = "participation") -> ErrorCode:
        return self.send(person(number), CLAIM, pool)

    def release(self, number: int) -> ErrorCode:
        return self.send(person(number), RELEASE)

    def leave(self, number: int, cause: str = "left") -> ErrorCode:
        return self.send(REGISTRAR, LEAVE, person(number), cause)

    def dividend(self, amount: int, pool: str = "participation") -> ErrorCode:
        return self.send(GOVERNANCE, DIVIDEND, pool, amount)

    def balance(self, number: int) -> int:
        return accounts.balance(self.state, person(number))

    def pool(self, pool: Pool) -> int:
        return accounts.balance(self.state, POOL_ACCOUNTS[pool])

    def vesting(self) -> int:
        return accounts.balance(self.state, VESTING_ACCOUNT)


def working_town() -> PoolTown:
    """Two persons with equal shares of work, active since round 1 closed, and a third without."""
    town = PoolTown()
    town.enrol(0, 1, 2)
    town.certify(0)
    town.certify(1)
    town.close()
    return town
