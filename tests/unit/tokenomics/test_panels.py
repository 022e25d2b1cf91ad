"""Registry, panels and lots (economy.md section 1): who sits, for how long, and by whose salts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.crypto import sha256
from ledger.errors import ErrorCode, LocalError, TransactionError
from ledger.kv import MemoryStore
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.state import State
from tokenomics.oracle import lots, rounds
from tokenomics.oracle.panels import (
    COMMIT_SALT,
    MAX_TERMS_RUNNING,
    NOMINATE,
    REVEAL_SALT,
    ROUNDS_A_TERM,
    RegistryPanels,
    panel_handlers,
    term_of,
)
from tokenomics.oracle.registry import (
    NOMINATORS,
    REGISTER,
    REMOVE,
    find,
    registered,
    registry_handlers,
    write_registry,
)
from tokenomics.oracle.zones import write_zones
from tokenomics.roles import AUTHORITY, CHAMBER_LAND, CHAMBER_PUBLIC, CHAMBERS
from tokenomics.standins import EveryHolder

CHAIN = 7
PANELS = RegistryPanels()
NOW = 1_000_000
GOVERNANCE, CITY = Address(b"\xf0" * 20), Address(b"\xf1" * 20)


def account(number: int) -> Address:
    return Address(sha256(b"appraiser %d" % number)[:20])


class Book:
    """Governance is the authority, the city acts for every chamber."""

    def holds(self, state: State, role: str, holder: Address) -> bool:
        del state
        return holder == (GOVERNANCE if role == AUTHORITY else CITY)

    def holders(self, state: State, role: str) -> list[Address]:
        del state
        return [GOVERNANCE if role == AUTHORITY else CITY]

    def certifier_limit(self, state: State, holder: Address, kind: str) -> int:
        del state, holder, kind
        return 0


class Desk:
    """A state with zones and a registry, and messages sent to it in blocks of `time_ms`."""

    def __init__(self, appraisers: int) -> None:
        self.state = State(MemoryStore())
        self.time_ms = NOW
        self.handlers = {**registry_handlers(Book()), **panel_handlers(EveryHolder(Book()))}
        zone = {
            "legal_dong_code": "2917013900",
            "name_ko": "동",
            "name_en": "dong",
            "area_tenth_m2": 10,
            "base_krw_per_m2": 100,
        }
        write_zones(self.state, [{**zone, "id": "a"}, {**zone, "id": "b"}])
        write_registry(
            self.state,
            [
                {"account": "0x" + account(i).hex(), "nominator": NOMINATORS[i % 3]}
                for i in range(appraisers)
            ],
            3,
        )
        self.newest(1)

    def newest(self, number: int) -> None:
        self.state.put(rounds.SCHEDULE, b"", replace(rounds.NO_SCHEDULE, newest=number))

    def context(self, sender: Address | None = None) -> Context:
        info = BlockInfo(CHAIN, 5, self.time_ms, ZERO_HASH, 0, 0, Participation(None))
        return Context(self.state, info, sender)

    def send(self, sender: Address, message: MessageType, *values: object) -> Context:
        context = self.context(sender)
        self.handlers[message](context, *values)
        return context

    def refused(self, sender: Address, message: MessageType, *values: object) -> TransactionError:
        with pytest.raises(TransactionError) as raised:
            self.send(sender, message, *values)
        return raised.value

    def panel(self, zone: int, number: int) -> tuple[Address, ...]:
        return PANELS.panel(self.context(), zone, number)


def nominators(desk: Desk, members: tuple[Address, ...]) -> list[str]:
    return [row.nominator for member in members if (row := find(desk.state, member))]


def test_a_panel_has_a_seat_for_each_nominating_chamber_and_two_by_lot() -> None:
    desk = Desk(12)
    members = desk.panel(0, 1)
    assert len(set(members)) == 5
    assert nominators(desk, members)[:3] == list(NOMINATORS)
    assert desk.panel(0, 2) == desk.panel(0, 4) == members
    assert desk.panel(1, 1) != members


def test_nobody_sits_more_than_two_terms_running_in_a_zone() -> None:
    desk = Desk(20)
    panels = [set(desk.panel(0, 1 + ROUNDS_A_TERM * term)) for term in range(12)]
    for first in range(len(panels) - MAX_TERMS_RUNNING):
        assert not set.intersection(*panels[first : first + MAX_TERMS_RUNNING + 1])


def test_a_small_registry_leaves_seats_empty_rather_than_break_the_rule() -> None:
    desk = Desk(5)
    sizes = [len(desk.panel(0, 1 + ROUNDS_A_TERM * term)) for term in range(4)]
    assert sizes == [5, 5, 0, 5]


def test_a_nominee_takes_the_chambers_seat() -> None:
    desk = Desk(12)
    own = [who for who, row in registered(desk.state).items() if row.nominator == CHAMBER_LAND]
    desk.send(CITY, NOMINATE, CHAMBER_LAND, "a", 2, own[-1])
    assert desk.panel(0, 1 + ROUNDS_A_TERM)[0] == own[-1]


@pytest.mark.parametrize(
    ("sender", "values", "code", "reason"),
    [
        (GOVERNANCE, (CHAMBER_LAND, "a", 2, account(0)), ErrorCode.UNAUTHORISED, "does not act"),
        (CITY, (CHAMBERS[1], "a", 2, account(0)), ErrorCode.INVALID_MESSAGE, "expected one of"),
        (CITY, (CHAMBER_LAND, "x", 2, account(0)), ErrorCode.NOT_FOUND, "no zone 'x'"),
        (CITY, (CHAMBER_LAND, "a", 2, account(99)), ErrorCode.CONFLICT, "not on the registry"),
        (CITY, (CHAMBER_LAND, "a", 2, account(1)), ErrorCode.CONFLICT, "not chamber.land"),
        (CITY, (CHAMBER_LAND, "a", 1, account(0)), ErrorCode.NOT_NOW, "seated already"),
    ],
)
def test_a_nomination_that_cannot_stand_is_refused(
    sender: Address, values: tuple[object, ...], code: ErrorCode, reason: str
) -> None:
    desk = Desk(12)
    desk.panel(0, 1)
    error = desk.refused(sender, NOMINATE, *values)
    assert error.code is code
    assert reason in error.reason


def test_who_expires_or_is_removed_is_replaced_by_lot_from_the_next_round_on() -> None:
    desk = Desk(12)
    first = desk.panel(0, 1)
    desk.send(GOVERNANCE, REMOVE, first[0], "moved away")
    desk.send(GOVERNANCE, REGISTER, first[1], CHAMBER_PUBLIC, ZERO_HASH, NOW + 10)
    desk.time_ms = NOW + 11
    second = desk.panel(0, 2)
    assert len(set(second)) == 5
    assert not {first[0], first[1]} & set(second)
    assert set(first[2:]) <= set(second)


def test_two_outliers_in_four_rounds_suspend_until_the_registry_is_renewed() -> None:
    desk = Desk(12)
    who = desk.panel(0, 1)[0]
    PANELS.note_outlier(desk.context(), who, 0, 3)
    PANELS.note_outlier(desk.context(), who, 1, 3)  # another zone, the same round
    PANELS.note_outlier(desk.context(), who, 0, 7)  # four rounds later: the first is forgotten
    assert who in desk.panel(0, 2)
    context = desk.context()
    PANELS.note_outlier(context, who, 0, 10)
    assert [event.name for event in context.events] == [
        "land.outlier",
        "land.appraiser_suspended",
    ]
    assert who not in desk.panel(0, 3)
    assert "suspended" in desk.refused(CITY, NOMINATE, CHAMBER_LAND, "b", 9, who).reason
    desk.send(GOVERNANCE, REGISTER, who, CHAMBER_LAND, ZERO_HASH, NOW * 2)
    desk.send(CITY, NOMINATE, CHAMBER_LAND, "b", 9, who)


def test_the_registry_changes_by_governance_alone_and_says_what_is_wrong() -> None:
    desk = Desk(12)
    values = (account(0), CHAMBER_LAND, ZERO_HASH, NOW + 1)
    assert desk.refused(CITY, REGISTER, *values).code is ErrorCode.UNAUTHORISED
    assert desk.refused(CITY, REMOVE, account(0), "").code is ErrorCode.UNAUTHORISED
    wrong = (account(0), "chamber.builders", ZERO_HASH, NOW + 1)
    assert "expected one of" in desk.refused(GOVERNANCE, REGISTER, *wrong).reason
    expired = (account(0), CHAMBER_LAND, ZERO_HASH, NOW)
    assert "not after the block's time" in desk.refused(GOVERNANCE, REGISTER, *expired).reason
    unknown = desk.refused(GOVERNANCE, REMOVE, account(99), "")
    assert unknown.code is ErrorCode.NOT_FOUND
    for number in range(12, 64):
        desk.send(GOVERNANCE, REGISTER, account(number), CHAMBER_LAND, ZERO_HASH, NOW + 1)
    full = desk.refused(GOVERNANCE, REGISTER, account(64), CHAMBER_LAND, ZERO_HASH, NOW + 1)
    assert full.code is ErrorCode.LIMIT_EXCEEDED


def salted(desk: Desk, chamber: str, term: int, salt: bytes) -> None:
    commitment = lots.salt_commitment(CHAIN, chamber, term, salt)
    desk.send(CITY, COMMIT_SALT, chamber, term, commitment)


def test_the_salts_that_are_revealed_decide_the_lots_and_one_that_is_withheld_is_recorded() -> None:
    panels = set()
    for revealed in (b"\x01" * 32, b"\x02" * 32, None):
        desk = Desk(30)
        salted(desk, CHAMBER_LAND, 2, revealed or b"\x01" * 32)
        desk.newest(4)
        if revealed is not None:
            desk.send(CITY, REVEAL_SALT, CHAMBER_LAND, 2, revealed)
        context = desk.context()
        panels.add(PANELS.panel(context, 0, 5))
        withheld = [event for event in context.events if event.name == "land.salt_withheld"]
        assert len(withheld) == (revealed is None)
    assert len(panels) == 3


def test_salts_come_in_their_time_and_match() -> None:
    desk = Desk(12)
    salted(desk, CHAMBER_LAND, 2, b"\x01" * 32)
    again = desk.refused(CITY, COMMIT_SALT, CHAMBER_LAND, 2, ZERO_HASH)
    assert again.code is ErrorCode.CONFLICT
    early = desk.refused(CITY, REVEAL_SALT, CHAMBER_LAND, 2, b"\x01" * 32)
    assert early.code is ErrorCode.NOT_NOW
    desk.newest(4)
    wrong = desk.refused(CITY, REVEAL_SALT, CHAMBER_LAND, 2, b"\x02" * 32)
    assert wrong.code is ErrorCode.CONFLICT
    assert "expected" in wrong.reason
    late = desk.refused(CITY, COMMIT_SALT, CHAMBER_PUBLIC, 2, ZERO_HASH)
    assert late.code is ErrorCode.NOT_NOW
    unsaid = desk.refused(CITY, REVEAL_SALT, CHAMBER_PUBLIC, 2, b"\x01" * 32)
    assert unsaid.code is ErrorCode.NOT_NOW
    desk.send(CITY, REVEAL_SALT, CHAMBER_LAND, 2, b"\x01" * 32)


def test_blind_appraisers_are_others_and_not_known_before_the_mark() -> None:
    desk = Desk(40)
    panel = desk.panel(0, 1)
    drawn = {
        PANELS.draw(desk.context(), 0, 1, "blind", Hash(bytes((n,)) * 32), 3, panel)
        for n in range(8)
    }
    assert len(drawn) > 1
    for members in drawn:
        assert len(set(members)) == 3
        assert not set(members) & set(panel)
    rest = PANELS.draw(desk.context(), 0, 1, "blind", ZERO_HASH, 3, [account(i) for i in range(38)])
    assert len(rest) == 2


@given(st.permutations(range(20)), st.integers(0, 20), st.binary(min_size=32, max_size=32))
def test_a_draw_does_not_depend_on_the_order_of_candidates(
    order: list[int], count: int, seed: bytes
) -> None:
    drawn = lots.draw(Hash(seed), "x", [account(n) for n in order], count)
    assert drawn == lots.draw(Hash(seed), "x", [account(n) for n in range(20)], count)
    assert len(set(drawn)) == count


def test_a_draw_favours_nobody() -> None:
    """Of 3,000 draws of 2 out of 10 each is expected in 600; six deviations are 125."""
    taken = [0] * 10
    everybody = [account(number) for number in range(10)]
    for number in range(3_000):
        for member in lots.draw(sha256(b"%d" % number), "x", everybody, 2):
            taken[everybody.index(member)] += 1
    assert all(abs(count - 600) < 125 for count in taken)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"nominator": "chamber.builders"}, "expected one of"),
        ({"account": "0x12"}, "expected 0x and 40 hex digits"),
        ({"valid_until_ms": 0}, "expected an integer"),
        ({"account": "0x" + account(1).hex()}, "an account once"),
        ({"salary": 1}, "unknown option"),
    ],
)
def test_a_wrong_registry_in_genesis_is_named(change: dict[str, object], reason: str) -> None:
    items: list[dict[str, object]] = [
        {"account": "0x" + account(i).hex(), "nominator": CHAMBER_LAND} for i in range(3)
    ]
    items[0] |= change
    with pytest.raises(LocalError, match=reason):
        write_registry(State(MemoryStore()), items, 3)
    with pytest.raises(LocalError, match="3 to 64 appraisers"):
        write_registry(State(MemoryStore()), items[:2], 3)


def test_terms_are_years() -> None:
    assert [term_of(number) for number in (1, 4, 5, 8, 9)] == [1, 1, 2, 2, 3]
