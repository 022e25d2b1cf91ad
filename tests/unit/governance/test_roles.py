"""The stand-in role book: who may grant what, its bounds, and its genesis."""

from collections.abc import Mapping
from typing import Any

import pytest

from governance.authority import write_authority
from governance.deciding import DecidingModule
from governance.roles import (
    GRANT_ROLE,
    HOLDERS,
    LIMIT_CERTIFIER,
    LIMITS,
    MAX_HOLDERS,
    MAX_KINDS,
    REVOKE_ROLE,
    RoleBook,
    RoleNames,
)
from ledger.crypto import checksum_address, sha256
from ledger.errors import ErrorCode, LocalError, TransactionError
from ledger.kv import MemoryStore
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH, Address
from ledger.registry import Participation
from ledger.state import State
from ledger.validators import ValidatorsModule
from node.localnet import officials
from node.modules import ROLE_BOOK
from tokenomics import ports, roles
from tokenomics.facts.fact_views import role_holders

NAMES = RoleNames("authority", "certifier", ("chamber.land", "registrar"), ("research", "work"))
GOVERNANCE, STRANGER = Address(b"\xf0" * 20), Address(b"\x0f" * 20)
NOW_MS = 1_000


def account(number: int) -> Address:
    return Address(sha256(b"holder %d" % number)[:20])


class Office:
    """A state with an authority, and messages sent to the module of decisions."""

    def __init__(self, names: RoleNames = NAMES) -> None:
        self.state = State(MemoryStore())
        self.book = RoleBook(names)
        self.module = DecidingModule(ValidatorsModule(), self.book)
        write_authority(self.state, "0x" + GOVERNANCE.hex())

    def context(self, sender: Address | None = None) -> Context:
        info = BlockInfo(7, 5, NOW_MS, ZERO_HASH, 0, 0, Participation(None))
        return Context(self.state, info, sender)

    def send(self, message: MessageType, *values: object, sender: Address = GOVERNANCE) -> Context:
        context = self.context(sender)
        decoded = message.decode(message.encode(*values))
        self.state.begin()
        try:
            self.module.handlers[message](context, *decoded)
        except TransactionError:
            self.state.rollback()
            raise
        self.state.commit()
        return context

    def refused(
        self, message: MessageType, *values: object, sender: Address = GOVERNANCE
    ) -> TransactionError:
        before = dict(self.state.changes())
        with pytest.raises(TransactionError) as raised:
            self.send(message, *values, sender=sender)
        assert dict(self.state.changes()) == before
        return raised.value

    def genesis(self, section: Mapping[str, Any]) -> None:
        self.module.init_genesis(self.context(), section)


def test_a_granted_role_is_held_until_it_is_revoked() -> None:
    office = Office()
    context = office.send(GRANT_ROLE, "chamber.land", account(1))
    assert dict(context.events[0].values) == {
        "role": "chamber.land",
        "account": account(1),
        "holders": 1,
    }
    assert office.book.holds(office.state, "chamber.land", account(1))
    assert not office.book.holds(office.state, "registrar", account(1))
    assert not office.book.holds(office.state, "chamber.land", account(2))
    office.send(REVOKE_ROLE, "chamber.land", account(1))
    assert not office.book.holds(office.state, "chamber.land", account(1))
    assert office.refused(REVOKE_ROLE, "chamber.land", account(1)).code is ErrorCode.NOT_FOUND


def test_holders_are_listed_in_ascending_order_whatever_the_order_of_grants() -> None:
    office = Office()
    for number in range(9):
        office.send(GRANT_ROLE, "registrar", account(number))
    office.send(GRANT_ROLE, "chamber.land", account(50))
    expected = sorted(account(number) for number in range(9))
    assert list(office.book.holders(office.state, "registrar")) == expected
    assert list(office.book.holders(office.state, "registra")) == []
    shown = role_holders(office.state, office.book, "registrar")
    assert shown["holders"] == [checksum_address(address) for address in expected]


def test_the_authority_is_the_account_of_genesis_and_no_grant() -> None:
    office = Office()
    assert office.book.holds(office.state, "authority", GOVERNANCE)
    assert not office.book.holds(office.state, "authority", STRANGER)
    assert office.book.holders(office.state, "authority") == (GOVERNANCE,)
    for message in (GRANT_ROLE, REVOKE_ROLE):
        error = office.refused(message, "authority", STRANGER)
        assert error.code is ErrorCode.INVALID_MESSAGE
        assert "that of the account that genesis names" in error.reason


def test_without_an_authority_nobody_is_it_and_nobody_grants() -> None:
    module = RoleBook(NAMES)
    state = State(MemoryStore())
    assert not module.holds(state, "authority", STRANGER)
    assert module.holders(state, "authority") == ()


@pytest.mark.parametrize(
    ("message", "values"),
    [
        (GRANT_ROLE, ("registrar", STRANGER)),
        (REVOKE_ROLE, ("registrar", account(0))),
        (LIMIT_CERTIFIER, (account(0), "work", 5)),
    ],
)
def test_only_the_authority_decides(message: MessageType, values: tuple[object, ...]) -> None:
    error = Office().refused(message, *values, sender=STRANGER)
    assert error.code is ErrorCode.UNAUTHORISED


def test_what_is_no_role_is_refused_with_the_nearest_name() -> None:
    office = Office()
    error = office.refused(GRANT_ROLE, "chamber.lnad", STRANGER)
    assert error.code is ErrorCode.INVALID_MESSAGE
    assert "did you mean 'chamber.land'" in error.reason
    assert "known are" in office.refused(GRANT_ROLE, "x", STRANGER).reason
    office.send(GRANT_ROLE, "registrar", STRANGER)
    again = office.refused(GRANT_ROLE, "registrar", STRANGER)
    assert again.code is ErrorCode.CONFLICT


def test_a_role_has_256_holders_at_most() -> None:
    office = Office()
    for number in range(MAX_HOLDERS):
        office.send(GRANT_ROLE, "registrar", account(number))
    error = office.refused(GRANT_ROLE, "registrar", account(MAX_HOLDERS))
    assert error.code is ErrorCode.LIMIT_EXCEEDED
    assert len(office.book.holders(office.state, "registrar")) == 256
    office.send(REVOKE_ROLE, "registrar", account(0))
    office.send(GRANT_ROLE, "registrar", account(MAX_HOLDERS))


def test_a_certifier_has_limits_by_kind_as_long_as_it_holds_the_role() -> None:
    office = Office()
    early = office.refused(LIMIT_CERTIFIER, account(1), "work", 5)
    assert early.code is ErrorCode.CONFLICT
    assert "grant it first" in early.reason
    office.send(GRANT_ROLE, "certifier", account(1))
    office.send(LIMIT_CERTIFIER, account(1), "work", 5)
    context = office.send(LIMIT_CERTIFIER, account(1), "work", 7)
    assert dict(context.events[0].values)["points_before"] == 5
    office.send(LIMIT_CERTIFIER, account(1), "research", 3)
    kinds = ("work", "research", "residence")
    assert [office.book.certifier_limit(office.state, account(1), k) for k in kinds] == [7, 3, 0]
    assert office.book.certifier_limits(office.state, account(1)) == (("research", 3), ("work", 7))
    office.send(LIMIT_CERTIFIER, account(1), "research", 0)
    assert office.book.certifier_limits(office.state, account(1)) == (("work", 7),)
    office.send(REVOKE_ROLE, "certifier", account(1))
    office.send(GRANT_ROLE, "certifier", account(1))
    assert office.book.certifier_limits(office.state, account(1)) == ()


def test_a_limit_of_no_known_kind_is_refused() -> None:
    office = Office()
    office.send(GRANT_ROLE, "certifier", account(1))
    error = office.refused(LIMIT_CERTIFIER, account(1), "reserch", 5)
    assert error.code is ErrorCode.INVALID_MESSAGE
    assert "did you mean 'research'" in error.reason


def test_kinds_of_a_certifier_are_bounded_where_any_name_will_do() -> None:
    office = Office(RoleNames("authority", "certifier", ()))
    office.send(GRANT_ROLE, "certifier", account(1))
    for number in range(MAX_KINDS):
        office.send(LIMIT_CERTIFIER, account(1), f"kind {number}", 5)
    error = office.refused(LIMIT_CERTIFIER, account(1), "one more", 5)
    assert error.code is ErrorCode.LIMIT_EXCEEDED
    assert office.refused(LIMIT_CERTIFIER, account(1), "", 5).code is ErrorCode.INVALID_MESSAGE
    for number in range(MAX_KINDS):
        office.send(LIMIT_CERTIFIER, account(1), f"kind {number}", 0)
    assert office.state.get(LIMITS, account(1)) is None


def test_rows_are_read_again() -> None:
    office = Office()
    office.send(GRANT_ROLE, "certifier", account(1))
    office.send(LIMIT_CERTIFIER, account(1), "work", 5)
    assert [HOLDERS.decode(HOLDERS.encode(at)) for _, at in office.state.iterate(HOLDERS)] == [
        NOW_MS
    ]
    ((_, limits),) = office.state.iterate(LIMITS)
    assert LIMITS.decode(LIMITS.encode(limits)) == limits


WHO = "0x" + account(1).hex()


def certifier(**changes: object) -> dict[str, Any]:
    return {
        "roles": {"certifier": [WHO]},
        "certifiers": [{"account": WHO, "kind": "work", "points_a_round": 5, **changes}],
    }


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"roles": []}, "governance.roles: expected an object"),
        ({"roles": {"authority": [WHO]}}, r"governance\.roles\.authority: unknown option"),
        ({"roles": {"registrer": [WHO]}}, "did you mean 'registrar'"),
        ({"roles": {"registrar": WHO}}, "expected a list"),
        ({"roles": {"registrar": ["0x12"]}}, r"registrar\[0\]: expected 0x and 40 hex"),
        ({"roles": {"registrar": [WHO, WHO]}}, "distinct accounts"),
        ({"roles": {"registrar": ["0x" + f"{i:040x}" for i in range(257)]}}, "at most 256"),
        ({"certifiers": {}}, "expected a list"),
        (certifier(points_a_round=0), r"points_a_round: expected an integer in 1"),
        (certifier(kind="sleep"), r"kind: expected one of \['research', 'work'\]"),
        (certifier(account="0x" + "1" * 40), r"listed in governance\.roles\.certifier"),
        (certifier(points=1), "unknown option"),
        ({**certifier(), "certifiers": certifier()["certifiers"] * 2}, "a kind once"),
        ({"role": {}}, "did you mean 'roles'"),
    ],
)
def test_a_wrong_section_is_named(section: dict[str, Any], reason: str) -> None:
    with pytest.raises(LocalError, match=reason):
        Office().genesis(section)


def test_genesis_names_holders_and_limits() -> None:
    office = Office()
    office.genesis({**certifier(), "authority": "0x" + STRANGER.hex()})
    assert office.book.holds(office.state, "authority", STRANGER)
    assert office.book.holders(office.state, "certifier") == (account(1),)
    assert office.book.certifier_limit(office.state, account(1), "work") == 5


def test_the_book_of_the_node_answers_for_every_role_that_the_economy_asks_for() -> None:
    book: ports.RoleBook = ROLE_BOOK
    names = {value for name, value in vars(roles).items() if name.isupper() and type(value) is str}
    assert len(names) == 11
    assert names == {*ROLE_BOOK.names.grantable, roles.AUTHORITY}
    assert book.certifier_limit(State(MemoryStore()), account(1), "work") == 0


def test_a_local_town_names_somebody_for_every_role() -> None:
    office = Office(ROLE_BOOK.names)
    office.genesis(officials.genesis_section())
    counts = {
        role: len(office.book.holders(office.state, role)) for role in ROLE_BOOK.names.grantable
    }
    two = {roles.RATE_REPORTER: 2, roles.CERTIFIER: 2}
    assert counts == {role: two.get(role, 1) for role in ROLE_BOOK.names.grantable}
    for official in officials.holders(roles.CERTIFIER):
        for kind, points in officials.CERTIFIER_POINTS.items():
            assert office.book.certifier_limit(office.state, official.address, kind) == points
