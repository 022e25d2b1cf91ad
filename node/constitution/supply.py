"""Steps about what the chain issues and runs: the ordinance, lambda, a zone event, an upgrade."""

from typing import Final

from api import calls, land_results
from governance.chambers import CHAMBER_BUILDERS, CHAMBER_LAND
from governance.proposals.voting import VOTE
from governance.stakeholders.legal_bases import REGISTER as REGISTER_BASIS
from governance.stakeholders.upgrades import MIN_NOTICE_HEIGHTS
from governance.stakeholders.upgrades import SCHEDULE as SCHEDULE_UPGRADE
from ledger.crypto import sha256
from ledger.errors import ErrorCode
from ledger.primitives import UNIT
from ledger.transfers import SEND
from node.constitution.assembly import Assembly, moved_at, tally_of
from node.constitution.chain import StepError, TownChain
from node.constitution.people import People
from node.constitution.persons import delegate
from node.constitution.record import Record
from node.localnet.charter import FOUNDING_ACT, Calendar
from node.play.outbox import Message, Sender
from node.scenarios.gwangju import ZONES
from node.version import VERSION
from tokenomics.facts.land_events import CERTIFY_EVENT
from tokenomics.issuance.issuance import SET_ISSUANCE_PARAMETER

LOWER_LAMBDA_BPS: Final = 2_000
CONSTITUTIONAL_DAYS: Final = 150
"""From a proposal of class D to its execution: review 3, votes 30 and 30, 14 between, timelock 60;
the rest for blocks that come late."""
UPGRADE: Final = "first-upgrade"


async def ordinance(chain: TownChain, assembly: Assembly, record: Record) -> int:
    """The council's ordinance becomes a legal basis by a vote; its number."""
    text, gazette = sha256("조례 본문".encode()), sha256("관보".encode())
    values = ("ordinance", "광주광역시의회", "가상 조례 제1호", "제7조", text, gazette)
    done = await assembly.decide(
        ("city-hall", "gist"), "The ordinance", [Message.of(REGISTER_BASIS, *values)]
    )
    bases = await chain.call(calls.list_legal_bases())
    found = [each for each in bases if each["document_hash"] == f"0x{text.hex()}"]
    if [each["status"] for each in found] != ["in force"]:
        raise StepError(f"the ordinance: expected one in force, found {bases}")
    basis = found[0]["basis"]
    record.saw(
        "ordinance",
        await moved_at(chain, done["number"], done),
        f"legal basis {basis} is in force",
        proposal=done["number"],
        tally=tally_of(done),
    )
    return basis


async def lower_lambda(chain: TownChain, assembly: Assembly, basis: int, record: Record) -> None:
    """Class D: two votes and sixty days; in force from the next round that closes on."""
    change = Message.of(SET_ISSUANCE_PARAMETER, "lambda_bps", LOWER_LAMBDA_BPS)
    done = await assembly.decide(("city-hall", "gist"), "Lower lambda", [change], basis)
    before = await chain.call(calls.get_issuance())
    if int(before["minted"]) == 0:
        raise StepError("lambda was lowered before anything was issued")

    async def settled() -> land_results.Issuance | None:
        found = await chain.call(calls.get_issuance())
        row = found["derivation"]
        lowered = row is not None and row["parameters"]["lambda_bps"] == LOWER_LAMBDA_BPS
        return found if lowered else None

    after = await chain.until(settled)
    if int(after["issued"]) > int(after["ceiling"]):
        raise StepError(f"issued {after['issued']} is above the ceiling {after['ceiling']}")
    record.saw(
        "lambda_lowered",
        await moved_at(chain, done["number"], done),
        f"{len(done['votes'])} votes; round {after['round']} used {LOWER_LAMBDA_BPS} bps; issued "
        f"{int(after['issued']) // UNIT:,} of {int(after['ceiling']) // UNIT:,} BJT",
        proposal=done["number"],
        tally=tally_of(done),
    )


async def zone_event(chain: TownChain, assembly: Assembly, people: People, record: Record) -> None:
    """The land corporation and a builder bring it, and have no vote on it."""
    giver, taker = people.participants[29], people.participants[0]
    await delegate(chain, giver, taker)
    zone, stage = ZONES[0].id, "completion"
    event = Message.of(CERTIFY_EVENT, zone, stage, 14_000, 10**9, sha256(b"approval"))
    interested = ("land-corporation", "builder")
    number = await assembly.propose(interested, "Completion", [event], FOUNDING_ACT)
    await assembly.voting(number)
    vote = Message.of(VOTE, number, "yes")
    refused = await chain.refused(
        [(people.organisations[name], vote) for name in interested], ErrorCode.UNAUTHORISED.name
    )
    done = await assembly.follow(number, lambda: people.consent(without=interested))
    found = tally_of(done)
    events = await chain.call(calls.get_zone_events(zone)) or []
    if [each["stage"] for each in events] != [stage]:
        raise StepError(f"zone {zone}: expected the event {stage}, found {events}")
    if found is None or set(found["recused"]) != {CHAMBER_LAND, CHAMBER_BUILDERS}:
        raise StepError(f"proposal {number}: expected two chambers recused, found {found}")
    height = await moved_at(chain, number, done)
    record.saw("recusal", height, refused[0]["reason"], proposal=number, tally=found)
    await _delegated(chain, number, taker, record)


async def _delegated(chain: TownChain, number: int, taker: Sender, record: Record) -> None:
    voted = await chain.event(
        "proposals.voted",
        where=lambda values: (
            int(values["proposal"]) == number
            and values["account"].lower() == f"0x{taker.address.hex()}"
        ),
    )
    if int(voted.values["votes"]) != 2:
        raise StepError(f"a delegate's vote: expected to count 2, found {voted.values}")
    record.saw(
        "delegation",
        voted.height,
        f"{voted.values['account']} voted {voted.values['choice']} for two",
        proposal=number,
    )


def _next_minor(version: str) -> str:
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) + 1}.0"


async def upgrade(
    chain: TownChain, assembly: Assembly, calendar: Calendar, record: Record, payers: list[Sender]
) -> None:
    """Scheduled by class D for a height that cannot be passed before; transfers make the blocks
    that are missing until then."""
    most_heights = CONSTITUTIONAL_DAYS * calendar.day_ms // calendar.block_ms
    height = chain.height + most_heights + MIN_NOTICE_HEIGHTS
    values = (UPGRADE, height, VERSION, _next_minor(VERSION), sha256(b"the release"))
    done = await assembly.decide(
        ("gist", "builder"), "The upgrade", [Message.of(SCHEDULE_UPGRADE, *values)], FOUNDING_ACT
    )
    scheduled = await chain.event("stakeholders.upgrade_scheduled")
    await fill(chain, height, payers)
    executed = await chain.event("stakeholders.upgrade_executed")
    await fill(chain, height + 2, payers)
    times = sum(found.name == executed.name for found in chain.events)
    if (executed.height, executed.values["upgrade"], times) != (height, UPGRADE, 1):
        raise StepError(f"the upgrade: expected once at {height}, found {times}: {executed}")
    record.saw(
        "upgrade",
        executed.height,
        f"scheduled at height {scheduled.height} for {height}, versions {VERSION} to below "
        f"{_next_minor(VERSION)}",
        proposal=done["number"],
        tally=tally_of(done),
    )


async def fill(chain: TownChain, height: int, payers: list[Sender]) -> None:
    """Transfers, one after another, until the chain has a height."""
    payer, payee = payers
    while chain.height < height:
        await chain.accepted([(payer, Message.of(SEND, payee.address, 1, b""))])
