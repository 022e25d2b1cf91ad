"""Who appraises which zone: three seats of the chambers and two by lot, seated anew each year.

A seat goes to the chamber's nominee, else by lot to somebody the chamber nominated for the
registry, else to anybody on it. Nobody sits more than two terms running in a zone. Lots are drawn
by the salts that the chambers committed to and then revealed (economy.md section 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import key, table
from ledger.state import State
from tokenomics.oracle import lots, registry
from tokenomics.oracle.registry import NOMINATORS, find, is_eligible, registered, why_not
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.zones import find_zone
from tokenomics.params import PANEL_SEATS, ROUNDS_A_YEAR
from tokenomics.ports import Voices
from tokenomics.roles import CHAMBERS

ROUNDS_A_TERM: Final = ROUNDS_A_YEAR
MAX_TERMS_RUNNING: Final = 2
LOT_SEATS: Final = PANEL_SEATS - len(NOMINATORS)
MAX_CHAMBER_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Seats:
    """A zone's panel in a term, in the order of seats."""

    members: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Nomination:
    """Whom a chamber wants on a zone's panel in a term."""

    appraiser: Address


@dataclass(frozen=True, slots=True)
class ChamberSalt:
    """salt is empty until it is revealed."""

    commitment: Hash
    salt: bytes


SEATS: Final = table("land", "seats", Seats)
"""Seats by zone and term, as of the newest appraisal in the term."""
NOMINATIONS: Final = table("land", "nomination", Nomination)
"""Nomination by term, zone and position of the chamber in NOMINATORS."""
SALTS: Final = table("land", "salt", ChamberSalt)
"""ChamberSalt by term and position of the chamber in CHAMBERS."""

NOMINATE: Final = MessageType(
    "land.nominate",
    "Names whom a chamber wants on a zone's panel in a coming term.",
    (
        Field("chamber", Kind.TEXT, "the chamber", MAX_CHAMBER_BYTES),
        Field("zone", Kind.TEXT, "the zone's id", 64),
        Field("term", Kind.UINT64, "from 1; four rounds each", 2**20),
        Field("appraiser", Kind.ADDRESS, "somebody whom the chamber nominated for the registry"),
    ),
)
COMMIT_SALT: Final = MessageType(
    "land.commit_salt",
    "Commits a chamber to its salt for the lots of a coming term.",
    (
        Field("chamber", Kind.TEXT, "the chamber", MAX_CHAMBER_BYTES),
        Field("term", Kind.UINT64, "from 2; four rounds each", 2**20),
        Field("commitment", Kind.HASH, "lots.salt_commitment"),
    ),
)
REVEAL_SALT: Final = MessageType(
    "land.reveal_salt",
    "Reveals a chamber's salt in the last round before the term.",
    (
        Field("chamber", Kind.TEXT, "the chamber", MAX_CHAMBER_BYTES),
        Field("term", Kind.UINT64, "from 2; four rounds each", 2**20),
        Field("salt", Kind.HASH, "32 bytes"),
    ),
)


def term_of(round_number: int) -> int:
    """The term that a round belongs to, from 1."""
    return (round_number - 1) // ROUNDS_A_TERM + 1


def last_round_before(term: int) -> int:
    """The round after which the term begins; 0 for the first."""
    return (term - 1) * ROUNDS_A_TERM


class RegistryPanels:
    """ports.Panels by the registry, the chambers' nominations and lots."""

    def panel(self, context: Context, zone: int, round_number: int) -> tuple[Address, ...]:
        """The zone's panel for a round, seated in the term's first; who is no longer eligible is
        replaced by lot. Fewer than five when the registry has no more."""
        state, term = context.state, term_of(round_number)
        row = state.get(SEATS, key(zone, term))
        if row is None:
            members = _seat(context, zone, term)
        else:
            members = _refill(context, zone, round_number, row.members)
            if members == row.members:
                return members
        state.put(SEATS, key(zone, term), Seats(members))
        context.emit(
            "land.panel_seated",
            zone_number=zone,
            term=term,
            round=round_number,
            members=b"".join(members),
            seed=_seed(context, term),
        )
        return members

    def draw(
        self,
        context: Context,
        zone: int,
        round_number: int,
        purpose: str,
        mark: Hash,
        count: int,
        exclude: Sequence[Address],
    ) -> tuple[Address, ...]:
        """Further or blind appraisers, drawn when they are needed: `mark` takes part, so that
        nobody knows them earlier. Fewer when the registry has no more."""
        label = f"{purpose}/{zone}/{round_number}/{mark.hex()}"
        chosen = set(exclude)
        candidates = [account for account in _eligible(context) if account not in chosen]
        return lots.draw(_seed(context, term_of(round_number)), label, candidates, count)

    def note_outlier(
        self, context: Context, appraiser: Address, zone: int, round_number: int
    ) -> None:
        """A report of theirs lay far outside the others."""
        del zone  # two zones of one round are one slip
        registry.note_outlier(context, appraiser, round_number)


def _eligible(context: Context) -> dict[Address, registry.Appraiser]:
    time_ms = context.block.time_ms
    everybody = registered(context.state)
    return {account: row for account, row in everybody.items() if is_eligible(row, time_ms)}


def _seed(context: Context, term: int) -> Hash:
    """Of the salts that were revealed; without any it can be foretold, but by nobody chosen."""
    revealed = [
        (chamber, row.salt)
        for number, chamber in enumerate(CHAMBERS)
        if (row := context.state.get(SALTS, key(term, number))) is not None and row.salt
    ]
    return lots.term_seed(context.block.chain_id, term, revealed)


def _has_served(state: State, zone: int, term: int, account: Address) -> bool:
    """Whether the last MAX_TERMS_RUNNING terms before `term` all had this account on the panel."""
    if term <= MAX_TERMS_RUNNING:
        return False
    before = (state.get(SEATS, key(zone, term - back)) for back in range(1, MAX_TERMS_RUNNING + 1))
    return all(row is not None and account in row.members for row in before)


def _seat(context: Context, zone: int, term: int) -> tuple[Address, ...]:
    state, seed = context.state, _seed(context, term)
    _tell_withheld(context, zone, term)
    free = {
        account: row
        for account, row in _eligible(context).items()
        if not _has_served(state, zone, term, account)
    }
    members: list[Address] = []

    def take(label: str, candidates: Sequence[Address], count: int = 1) -> bool:
        drawn = lots.draw(seed, f"{label}/{zone}", candidates, count)
        members.extend(drawn)
        for account in drawn:
            del free[account]
        return bool(drawn)

    for number, chamber in enumerate(NOMINATORS):
        named = state.get(NOMINATIONS, key(term, zone, number))
        if named is not None and named.appraiser in free:
            members.append(named.appraiser)
            del free[named.appraiser]
            continue
        own = [account for account, row in free.items() if row.nominator == chamber]
        if not take(chamber, own):
            take(chamber, list(free))
    take("lot", list(free), LOT_SEATS)
    return tuple(members)


def _refill(
    context: Context, zone: int, round_number: int, members: tuple[Address, ...]
) -> tuple[Address, ...]:
    """Seats of those who are suspended, expired or removed go by lot to others."""
    term, eligible = term_of(round_number), _eligible(context)
    kept = [member for member in members if member in eligible]
    missing = PANEL_SEATS - len(kept)
    if missing == 0:
        return members
    others = [
        account
        for account in eligible
        if account not in members and not _has_served(context.state, zone, term, account)
    ]
    label = f"refill/{zone}/{round_number}"
    return (*kept, *lots.draw(_seed(context, term), label, others, missing))


def _tell_withheld(context: Context, zone: int, term: int) -> None:
    """Once a term: which chambers committed to a salt and kept it."""
    if zone:
        return
    for number, chamber in enumerate(CHAMBERS):
        row = context.state.get(SALTS, key(term, number))
        if row is not None and not row.salt:
            context.emit("land.salt_withheld", term=term, chamber=chamber)


def panel_handlers(voices: Voices) -> Mapping[MessageType, Handler]:
    """Nominations and salts; who sends them speaks for the chamber."""
    return {
        NOMINATE: partial(_nominate, voices),
        COMMIT_SALT: partial(_commit_salt, voices),
        REVEAL_SALT: partial(_reveal_salt, voices),
    }


def _require_chamber(voices: Voices, context: Context, chamber: str, of: Sequence[str]) -> int:
    if chamber not in of:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"chamber: expected one of {', '.join(of)}, found {chamber!r}",
        )
    if not voices.acts_for(context.state, chamber, context.require_sender()):
        raise TransactionError(ErrorCode.UNAUTHORISED, f"the sender does not act for {chamber}")
    return list(of).index(chamber)


def _nominate(
    voices: Voices, context: Context, chamber: str, zone: str, term: int, appraiser: Address
) -> None:
    number = _require_chamber(voices, context, chamber, NOMINATORS)
    state = context.state
    found = find_zone(state, zone)
    if found is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no zone {zone!r}")
    if state.get(SEATS, key(found[0], term)) is not None or term < _current_term(state):
        raise TransactionError(
            ErrorCode.NOT_NOW, f"the panel of zone {zone} in term {term} is seated already"
        )
    row = find(state, appraiser)
    who = checksum_address(appraiser)
    if not is_eligible(row, context.block.time_ms):
        reason = why_not(row, context.block.time_ms)
        raise TransactionError(ErrorCode.CONFLICT, f"{who} {reason}")
    if row is not None and row.nominator != chamber:
        raise TransactionError(
            ErrorCode.CONFLICT, f"{who} is on the registry for {row.nominator}, not {chamber}"
        )
    if _has_served(state, found[0], term, appraiser):
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{who} sat on the panel of zone {zone} for {MAX_TERMS_RUNNING} terms running",
        )
    state.put(NOMINATIONS, key(term, found[0], number), Nomination(appraiser))
    context.emit("land.nominated", chamber=chamber, zone=zone, term=term, appraiser=appraiser)


def _commit_salt(
    voices: Voices, context: Context, chamber: str, term: int, commitment: Hash
) -> None:
    number = _require_chamber(voices, context, chamber, CHAMBERS)
    state, newest = context.state, schedule(context.state).newest
    if newest >= last_round_before(term):
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"salts of term {term} are committed before round {last_round_before(term)} "
            f"opens; round {newest} is open",
        )
    if state.get(SALTS, key(term, number)) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"{chamber} has committed to its salt of term {term} already"
        )
    state.put(SALTS, key(term, number), ChamberSalt(commitment, b""))
    context.emit("land.salt_committed", chamber=chamber, term=term, commitment=commitment)


def _reveal_salt(voices: Voices, context: Context, chamber: str, term: int, salt: bytes) -> None:
    number = _require_chamber(voices, context, chamber, CHAMBERS)
    state, newest = context.state, schedule(context.state).newest
    row = state.get(SALTS, key(term, number))
    if row is None or newest != last_round_before(term):
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"{chamber} reveals a salt of term {term} that it committed to, while round "
            f"{last_round_before(term)} is the newest; round {newest} is",
        )
    found = lots.salt_commitment(context.block.chain_id, chamber, term, salt)
    if found != row.commitment:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"the salt does not match: expected {row.commitment.hex()}, found {found.hex()}",
        )
    state.put(SALTS, key(term, number), ChamberSalt(row.commitment, salt))
    context.emit("land.salt_revealed", chamber=chamber, term=term, salt=salt)


def _current_term(state: State) -> int:
    return term_of(max(1, schedule(state).newest))
