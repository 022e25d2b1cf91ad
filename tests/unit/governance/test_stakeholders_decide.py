"""Stakeholders and proposals together, with no fake between them: who is who decides how, and what
is decided changes who is who."""

from typing import Any

from governance.admissible import GOVERNANCE
from governance.chambers import (
    CHAMBER_ACADEMIA,
    CHAMBER_BUILDERS,
    CHAMBER_LAND,
    CHAMBER_LANDOWNERS,
    CHAMBER_PARTICIPANTS,
    CHAMBER_PUBLIC,
)
from governance.proposals.classes import DAY_MS, ProposalClass
from governance.proposals.delegation import DELEGATE
from governance.proposals.lifecycle import Status
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import ballot_of, find
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.proposals_module import ProposalsModule
from governance.proposals.voting import VOTE
from governance.stakeholders import legal_bases, membership, organisations, rebinding
from governance.stakeholders.credentials import GRANT, REVOKE
from governance.stakeholders.organisations import REGISTER
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger import invariants
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, ErrorCode, TransactionError
from ledger.kv import MemoryStore, WriteBatch
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context, Handler, StateModule
from ledger.primitives import ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State
from tests.support.deciding_town import message
from tests.support.stakeholder_town import DOCUMENT, REGISTRAR, account, granted, hash_of

ORGANISATIONS = {
    "city": CHAMBER_PUBLIC,
    "gist": CHAMBER_ACADEMIA,
    "land": CHAMBER_LAND,
    "build": CHAMBER_BUILDERS,
}
GENESIS: dict[str, Any] = {
    "registrars": [checksum_address(REGISTRAR)],
    "organisations": [
        {
            "id": name,
            "name_ko": f"{name} 기관",
            "name_en": name,
            "chamber": chamber,
            "account": checksum_address(account(name)),
        }
        for name, chamber in ORGANISATIONS.items()
    ],
    "legal_bases": [
        {
            "kind": "ordinance",
            "issuer": "광주광역시",
            "number": "제5000호",
            "article": "제7조",
            "document_hash": DOCUMENT.hex(),
        }
    ],
}
CLASS_OF = {
    REGISTER.name: ProposalClass.B,
    legal_bases.SET_STATUS.name: ProposalClass.B,
    organisations.REMOVE.name: ProposalClass.C,
}
Sent = tuple[Address, MessageType, tuple[Any, ...]]


class ModulesRouter:
    """Router over the handlers of both modules, as the executor will be."""

    def __init__(self) -> None:
        self.routes: dict[str, tuple[MessageType, Handler]] = {}

    def types(self) -> set[str]:
        return set(self.routes)

    def check(self, message_type: str, body: object) -> None:
        try:
            self.routes[message_type][0].decode(body)
        except DecodeError as error:
            raise TransactionError(ErrorCode.INVALID_MESSAGE, str(error)) from error

    def execute(self, context: Context, message_type: str, body: object, sender: Address) -> None:
        found, handler = self.routes[message_type]
        assert context.sender == sender == GOVERNANCE
        handler(context, *found.decode(body))


class Town:
    def __init__(self) -> None:
        router = ModulesRouter()
        mandate = Mandate(membership, router, legal_bases, CLASS_OF)
        self.modules: tuple[StateModule, ...] = (StakeholdersModule(), ProposalsModule(mandate))
        self.handlers = {t: h for module in self.modules for t, h in module.handlers.items()}
        router.routes = {t.name: (t, h) for t, h in self.handlers.items()}
        self.store, self.height, self.time_ms = MemoryStore(), 0, 1_000 * DAY_MS
        state = State(self.store)
        for module in self.modules:
            section = GENESIS if isinstance(module, StakeholdersModule) else {}
            module.init_genesis(self.context(state), section)
        self.commit(state)

    @property
    def state(self) -> State:
        return State(self.store)

    def context(self, state: State, sender: Address | None = None) -> Context:
        info = BlockInfo(1, self.height, self.time_ms, ZERO_HASH, 0, 0, Participation(None))
        return Context(state, info, sender, None if sender is None else DOCUMENT)

    def commit(self, state: State) -> None:
        batch = WriteBatch()
        batch.operations.extend(state.changes())
        self.store.write(batch, sync=True)
        found = invariants.collect(self.modules)
        invariants.check(found, self.state, self.context(self.state).block)

    def block(self, *sent: Sent, after_ms: int = 1_000) -> list[ErrorCode]:
        self.height, self.time_ms = self.height + 1, self.time_ms + after_ms
        state, codes = State(self.store), []
        for module in self.modules:
            module.begin_block(self.context(state))
        for sender, found, values in sent:
            state.begin()
            try:
                self.handlers[found](
                    self.context(state, sender), *found.decode(found.encode(*values))
                )
            except TransactionError as error:
                state.rollback()
                codes.append(error.code)
                continue
            state.commit()
            codes.append(ErrorCode.OK)
        for module in self.modules:
            module.end_block(self.context(state))
        self.commit(state)
        return codes

    def must(self, *sent: Sent) -> None:
        assert set(self.block(*sent)) == {ErrorCode.OK}

    def status(self, number: int) -> Status:
        return find(self.state, number)[1].status

    def run_until(self, number: int, *statuses: Status) -> Status:
        for _ in range(50):
            if self.status(number) in statuses:
                break
            due = [module.next_deadline_ms(self.state) for module in self.modules]
            next_ms = min(each for each in due if each is not None)
            self.block(after_ms=max(0, next_ms - self.time_ms))
        assert self.status(number) in statuses, self.status(number)
        return self.status(number)

    def propose(self, number: int, *messages: tuple[str, bytes]) -> None:
        self.must(
            (account("city"), SUBMIT, ("A title", DOCUMENT, 1, messages)),
            (account("land"), SPONSOR, (number,)),
        )
        self.run_until(number, Status.VOTING)

    def vote(self, number: int, *names: str, choice: str = "yes") -> list[ErrorCode]:
        return self.block(*[(account(name), VOTE, (number, choice)) for name in names])


def people(prefix: str, count: int) -> list[str]:
    return [f"{prefix} {index}" for index in range(count)]


def seat_persons(town: Town) -> None:
    town.must(
        *[(REGISTRAR, GRANT, granted(n, CHAMBER_PARTICIPANTS)) for n in people("resident", 40)],
        *[(REGISTRAR, GRANT, granted(n, CHAMBER_LANDOWNERS)) for n in people("owner", 30)],
    )


def register(name: str) -> tuple[str, bytes]:
    given = (name, f"{name} 기관", name, CHAMBER_ACADEMIA, account(name), b"", b"", ())
    return message(REGISTER, *given)


def test_a_fifth_organisation_joins_by_vote_and_votes_itself() -> None:
    town = Town()
    town.propose(1, register("institute"))
    assert town.vote(1, "city", "land", "build") == [ErrorCode.OK] * 3
    assert town.vote(1, "institute") == [ErrorCode.UNAUTHORISED]
    town.run_until(1, Status.EXECUTED)
    assert membership.seated(town.state, CHAMBER_ACADEMIA) == 2
    # Persons are seated; now they count too.
    seat_persons(town)
    town.propose(2, register("institute-2"))
    assert town.vote(2, "institute", "city", "land", "build") == [ErrorCode.OK] * 4
    town.run_until(2, Status.NO_QUORUM)
    town.propose(3, register("institute-2"))
    town.vote(3, "institute", "city", "land", "build", *people("resident", 4))
    town.run_until(3, Status.EXECUTED)


def test_a_revoked_credential_takes_its_delegation_with_it() -> None:
    town = Town()
    seat_persons(town)
    town.must(*[(account(f"resident {n}"), DELEGATE, ("B", account("resident 0"))) for n in (1, 2)])
    town.propose(1, register("institute"))
    town.must((REGISTRAR, REVOKE, (account("resident 1"), 1)))
    town.propose(2, register("institute-2"))
    for number, expected in ((1, 3), (2, 2)):
        assert town.vote(number, "resident 0") == [ErrorCode.OK]
        assert ballot_of(town.state, number, 1)[1].yes[4] == expected
    # Frozen: who left after voting had started still votes there, and only there.
    assert town.vote(1, "resident 1") == [ErrorCode.OK]
    assert town.vote(2, "resident 1") == [ErrorCode.UNAUTHORISED]
    assert ballot_of(town.state, 1, 1)[1].yes[4] == 3


def test_a_vote_stays_one_vote_through_a_re_binding() -> None:
    town = Town()
    seat_persons(town)
    old, new = account("resident 0"), account("new key")
    town.must((REGISTRAR, rebinding.PROPOSE, (old, new, hash_of("case"))))
    town.block(after_ms=10 * DAY_MS)
    town.propose(1, register("institute"))
    assert town.vote(1, "resident 0") == [ErrorCode.OK]
    town.block(after_ms=2 * DAY_MS)
    assert membership.member_id(town.state, old) is None
    assert town.vote(1, "new key") == [ErrorCode.CONFLICT]
    assert town.vote(1, "resident 0", choice="no") == [ErrorCode.UNAUTHORISED]
    assert town.vote(1, "new key", choice="no") == [ErrorCode.OK]
    _, ballot = ballot_of(town.state, 1, 1)
    assert (ballot.yes[4], ballot.no[4]) == (0, 1)


def test_revoking_the_ordinance_by_vote_blocks_what_is_queued() -> None:
    town = Town()
    town.propose(1, message(legal_bases.SET_STATUS, 1, "revoked", hash_of("gazette")))
    town.vote(1, "city", "land", "build")
    town.block(after_ms=5 * DAY_MS)
    town.propose(2, message(organisations.REMOVE, "gist", "dissolved"))
    town.vote(2, "city", "land", "build")
    town.run_until(1, Status.EXECUTED)
    assert not legal_bases.in_force(town.state, 1)
    assert town.run_until(2, Status.BLOCKED, Status.EXECUTED) is Status.BLOCKED
    assert membership.seated(town.state, CHAMBER_ACADEMIA) == 1
