"""What people of a town do: deeds that mostly take effect, and slips that are mostly refused.

A deed draws from a random generator of its own; a slip is told two small numbers.
"""

from collections.abc import Callable, Sequence
from random import Random

from ledger import accounts
from ledger.crypto import sha256
from ledger.primitives import Address
from ledger.state import State
from ledger.transfers import SEND
from tests.support.economy_actors import HASH, HIGHEST_LEVEL, Actors
from tests.support.economy_audit import named
from tests.support.economy_chain import (
    APPRAISERS,
    BRAKE_ROLE,
    CERTIFIERS,
    CHAMBER_HOLDERS,
    CLOCK_BRAKE,
    EVERYBODY,
    FIRST_MONTH,
    GOVERNANCE,
    HOLDER,
    MINT_BRAKE,
    PEOPLE,
    PERSONS,
    REGION,
    REGISTRAR,
    REPORTERS,
    SALES,
    SET_ISSUANCE,
    STRANGER,
    Call,
    call,
)
from tests.support.land_town import appraiser
from tests.support.ledger_chain import CHAIN_ID
from tests.support.pool_reference import PERSON_POOLS
from tests.support.pool_town import nullifier, person
from tokenomics import roles
from tokenomics.distribution.certificates import CERTIFY, KINDS, REVOKE
from tokenomics.distribution.claims import CLAIM, DIVIDEND, RELEASE
from tokenomics.distribution.leaving import CAUSES, LEAVE
from tokenomics.distribution.persons import ENROL
from tokenomics.distribution.pools import POOL_ACCOUNTS
from tokenomics.facts import months
from tokenomics.facts.land_events import CERTIFY_EVENT, STAGES
from tokenomics.facts.rates import NATION, REPORT_RATE
from tokenomics.facts.sales import REGISTER_SALE, STRIKE_SALE
from tokenomics.oracle.appraisals import Appraisal, running
from tokenomics.oracle.challenges import CHALLENGE, GROUNDS
from tokenomics.oracle.lots import salt_commitment
from tokenomics.oracle.panels import COMMIT_SALT, NOMINATE, REVEAL_SALT, last_round_before, term_of
from tokenomics.oracle.phases import COMMITTING
from tokenomics.oracle.registry import NOMINATORS, REGISTER, REMOVE
from tokenomics.oracle.reports import COMMIT
from tokenomics.oracle.rounds import Round, schedule


def _pnu(parcel: int) -> str:
    return f"29170139001{parcel:08}"


def certify_event(actors: Actors, rng: Random) -> None:
    zone, stage = rng.randrange(2), rng.choice(STAGES)
    factor_bps = rng.choice([10_001, 12_000, 15_000, 30_000])
    cost_krw = rng.choice([0, 0, 10**9, 10**12])
    actors.add(call(GOVERNANCE, CERTIFY_EVENT, f"z{zone}", stage, factor_bps, cost_krw, HASH))
    actors.levels[zone] = min(HIGHEST_LEVEL, actors.levels[zone] * factor_bps // 10_000)


def register_sales(actors: Actors, rng: Random, permille: int | None = None) -> None:
    """Often a dozen well below what is appraised, which close the gate."""
    zone, back = rng.randrange(2), rng.randrange(6)
    base = actors.town.world.zones[zone][1]
    price = base * actors.levels[zone] * (permille or rng.choice([500, 700, 1_000, 1_400])) // 10**6
    month = months.month_at(FIRST_MONTH, 3 * schedule(actors.town.state).newest - back)
    for parcel in range(14 if permille else rng.choice([1, 12, 14])):
        actors.add(call(SALES, REGISTER_SALE, f"z{zone}", _pnu(parcel), price, month, HASH))


def strike_sales(actors: Actors, rng: Random) -> None:
    for (number, pnu), (zone, _) in list(actors.audit.sales.items())[-rng.randint(1, 12) :]:
        month = months.month_at(FIRST_MONTH, number)
        actors.add(call(GOVERNANCE, STRIKE_SALE, f"z{zone}", pnu, month, "a gift"))


def change_registry(actors: Actors, rng: Random) -> None:
    who, chamber = appraiser(rng.randrange(APPRAISERS + 2)), rng.choice(NOMINATORS)
    if rng.randrange(4) == 0:
        actors.add(call(GOVERNANCE, REMOVE, who, "moved away"))
    else:
        until_ms = actors.town.time_ms + rng.choice([1_500, 10**6])
        actors.add(call(GOVERNANCE, REGISTER, who, chamber, HASH, until_ms))


def seat_panels(actors: Actors, rng: Random) -> None:
    newest, chamber = schedule(actors.town.state).newest, rng.choice(roles.CHAMBERS)
    term, holder = term_of(max(1, newest)) + rng.randrange(3), CHAMBER_HOLDERS[chamber]
    salt = sha256(f"{chamber}/{term}".encode())
    if newest == last_round_before(term):
        actors.add(call(holder, REVEAL_SALT, chamber, term, salt))
    else:
        committed = salt_commitment(CHAIN_ID, chamber, term, salt)
        actors.add(call(holder, COMMIT_SALT, chamber, term, committed))
    actors.add(call(holder, NOMINATE, chamber, "z0", term, appraiser(rng.randrange(APPRAISERS))))


def brake(actors: Actors, rng: Random) -> None:
    """Pull one brake, let a while pass, and release it again."""
    account = rng.choice([CLOCK_BRAKE, MINT_BRAKE, MINT_BRAKE])
    actors.add((GOVERNANCE, "governance.grant_role", (BRAKE_ROLE, account)))
    actors.play_quarter(rng, (20, 20))
    actors.add((GOVERNANCE, "governance.revoke_role", (BRAKE_ROLE, account)))
    actors.next_block()


def set_parameters(actors: Actors, rng: Random) -> None:
    figures = actors.audit.figures.issued
    issued = figures[-1] if figures else actors.town.world.allocation
    actors.add(
        call(
            GOVERNANCE,
            SET_ISSUANCE,
            rng.choice([1, 2]),
            rng.choice([1, 2_500, 2_500, 10_000]),
            rng.choice([7, 1_000, 1_000, 10**6]),
            rng.choice([10**27, 10**27, issued, max(0, issued - 1), issued // 2]),
            rng.randint(1, 3),
        )
    )


def work(actors: Actors, rng: Random) -> None:
    """Some are enrolled, and everybody contributes about the same."""
    books = actors.audit.pools
    new = [n for n in range(PERSONS) if n not in books.enrolled][: rng.randint(1, 4)]
    for number in new:
        actors.add(call(REGISTRAR, ENROL, person(number), nullifier(number)))
    here = sorted((set(books.enrolled) | set(new)) - books.gone)
    kind = rng.choice(sorted(KINDS))
    for number in here:
        points = rng.randint(50, 80)
        actors.add(call(CERTIFIERS[number % 2], CERTIFY, person(number), kind, points, HASH))


def revoke(actors: Actors, rng: Random) -> None:
    """Mostly of the running round, so that it takes effect when it is in time."""
    papers = actors.audit.pools.papers
    number = max(0, len(papers) - rng.randrange(8))
    sender = papers[number - 1].certifier if number else 0
    actors.add(call((*CERTIFIERS, GOVERNANCE)[rng.choice([sender, 2])], REVOKE, number, "error"))


def claim(actors: Actors, rng: Random) -> None:
    """Who has shares claims from a pool, and releases what has vested."""
    pool, books = rng.choice(PERSON_POOLS), actors.audit.pools
    for number in books.enrolled:
        if books.earned.get((pool, number), 0) or rng.randrange(6) == 0:
            actors.add(call(person(number), CLAIM, pool))
        if any(grant.person == number for grant in books.grants):
            actors.add(call(person(number), RELEASE))


def leave(actors: Actors, rng: Random) -> None:
    """Mostly somebody who has something to lose."""
    earned = [number for (_, number), amount in actors.audit.pools.earned.items() if amount]
    number, cause = (
        rng.choice([rng.randrange(PERSONS), *earned]),
        rng.choice(["left", "left", *CAUSES]),
    )
    sender = person(number) if rng.randrange(2) else REGISTRAR
    actors.add(call(sender, LEAVE, person(number), cause))


def dividend(actors: Actors, rng: Random) -> None:
    held = actors.audit.pools.balances.get("treasury", 0)
    amount = held * rng.choice([1, 10, 50, 101]) // 100
    actors.add(call(GOVERNANCE, DIVIDEND, rng.choice(PERSON_POOLS), amount))


def transfer(actors: Actors, rng: Random) -> None:
    sender = rng.choice([HOLDER, *list(PEOPLE)[:5]])
    to = rng.choice([HOLDER, STRANGER, *list(PEOPLE)[:3], *POOL_ACCOUNTS])
    held = actors.audit.pools.balances.get(named(sender), 0)
    amount = rng.choice([0, held // 3, held // 10, held, held + 1])
    actors.add(call(sender, SEND, to, amount, b""))


# Out of place


def _nth(place: int, known: Sequence[Address] = EVERYBODY) -> Address:
    return known[place % len(known)]


def _oldest_case(state: State) -> tuple[Round, int, Appraisal] | None:
    return next(iter(running(state)), None)


def _commit_without_seat(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    number = max(1, actors.oldest - 1 + more % 3)
    return [call(_nth(place), COMMIT, f"z{more % 3}", number, HASH)]


def _report_without_seat(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    """Somebody from the registry commits, and reveals in the same zone whenever it is tried."""
    case = _oldest_case(state)
    if case is None:
        return []
    row, zone, appraisal = case
    outside = [who for who in map(appraiser, range(18)) if who not in appraisal.seats]
    who = outside[place % len(outside)]
    known = (f"z{zone}", row.number, who)
    if appraisal.phase in COMMITTING and known not in actors.said:
        actors.commit(row, zone, who, 1_100, Random(place))
        return []
    return [actors.reveal_call(*known)] if known in actors.said else []


def _reveal_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    """Another price than was committed to, or a right one that may be out of its phase."""
    if not actors.said:
        return []
    known = list(actors.said)[-10:]
    return [actors.reveal_call(*known[place % len(known)], more=more // 3)]


def _challenge_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    chamber = roles.CHAMBERS[more % 6]
    sender = CHAMBER_HOLDERS[chamber] if place % 2 else _nth(place)
    number = max(1, actors.oldest - place % 2)
    return [call(sender, CHALLENGE, f"z{place % 3}", number, chamber, GROUNDS[place % 5], HASH)]


def _rate_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    month = months.month_at(FIRST_MONTH, max(1, 3 * actors.oldest - 40 + place))
    step = (100_000, 100_100, 49_999, 200_001, 0, 100_001)[more]
    sender = REPORTERS[place % 3] if more < 4 else _nth(place)
    return [call(sender, REPORT_RATE, (NATION, REGION, "11")[place % 3], month, step, HASH)]


def _sale_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    month = months.month_at(FIRST_MONTH, max(1, 3 * actors.oldest - place))
    pnu = (_pnu(place), "1" * 19, "x")[more % 3]
    sender = SALES if more < 4 else _nth(place)
    return [call(sender, REGISTER_SALE, f"z{place % 3}", pnu, 10 ** (more + 1), month, HASH)]


def _event_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    stage = STAGES[place % 3] if more % 2 else "opening"
    sender = GOVERNANCE if more < 3 else _nth(place)
    return [call(sender, CERTIFY_EVENT, "z1", stage, (10_000, 30_001, 20_000)[more % 3], 1, HASH)]


def _enrol_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    """A second credential for the same record, the same person again, or a stranger's deed."""
    sender = REGISTRAR if more < 4 else _nth(place)
    return [call(sender, ENROL, person(place % PERSONS), nullifier((place + more) % PERSONS))]


def _certify_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    points = (1, 2, 10**6, 4_000, 400, 149)[more]
    sender = CERTIFIERS[place % 2] if more < 5 else _nth(place)
    kind = sorted(KINDS)[place % 6]
    return [call(sender, CERTIFY, person((place + more) % PERSONS), kind, points, HASH)]


def _revoke_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    papers = actors.audit.pools.papers
    number = max(0, len(papers) - place % 30)
    sender = (*CERTIFIERS, *CERTIFIERS, GOVERNANCE, _nth(place))[more]
    return [call(sender, REVOKE, number, "too late")]


def _claim_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    who = _nth(place)
    return [call(who, CLAIM, PERSON_POOLS[more % 4])] if more % 2 else [call(who, RELEASE)]


def _leave_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    return [call(_nth(place), LEAVE, person((place + more) % PERSONS), CAUSES[more % 4])]


def _pay_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    held = accounts.balance(state, POOL_ACCOUNTS[4])
    sender = GOVERNANCE if more < 4 else _nth(place)
    return [call(sender, DIVIDEND, PERSON_POOLS[place % 4], (0, held + 1, held // 3)[more % 3])]


def _govern_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    who = _nth(place)
    return [
        (who, "governance.grant_role", (roles.PERSON_REGISTRAR, who)),
        call(who, REMOVE, appraiser(more), "rival"),
    ] if who != GOVERNANCE else []  # fmt: skip


def _speak_wrongly(actors: Actors, state: State, place: int, more: int) -> list[Call]:
    bodies: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("land.reveal", ("z0",)),
        ("issuance.mint", (1,)),
        ("land.commit", ("z0", -1, HASH)),
        ("distribution.certified", ()),
        ("land.nominate", ("chamber.land", "z0", 1, b"short")),
        ("land.report_rate", (7, 7, 7, 7)),
    )
    return [(_nth(place), *bodies[more])]


DEEDS: Sequence[Callable[[Actors, Random], None]] = (
    certify_event,
    register_sales,
    strike_sales,
    change_registry,
    seat_panels,
    brake,
    brake,
    set_parameters,
    set_parameters,
    work,
    work,
    revoke,
    claim,
    leave,
    leave,
    dividend,
    transfer,
)
SLIPS: Sequence[Callable[[Actors, State, int, int], list[Call]]] = (
    _commit_without_seat,
    _report_without_seat,
    _reveal_wrongly,
    _challenge_wrongly,
    _rate_wrongly,
    _sale_wrongly,
    _event_wrongly,
    _enrol_wrongly,
    _certify_wrongly,
    _revoke_wrongly,
    _claim_wrongly,
    _leave_wrongly,
    _pay_wrongly,
    _govern_wrongly,
    _speak_wrongly,
)
