"""Steps of persons: the first are registered, some petition, some recall, one delegates."""

import secrets

from api import calls
from governance.chambers import PERSONS
from governance.proposals.delegation import DELEGATE
from governance.proposals.petitions import PETITION, RECALL, SIGN
from governance.proposals.proposals import SUBMIT
from governance.stakeholders.credentials import GRANT, commitment, nullifier
from governance.stakeholders.role_grants import GRANT_ROLE
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode
from node.constitution.assembly import (
    EXECUTED,
    QUEUED,
    REJECTED,
    Assembly,
    content,
    moved_at,
    tally_of,
)
from node.constitution.chain import StepError, TownChain, value_of
from node.constitution.people import People
from node.constitution.record import Record
from node.localnet.charter import FOUNDING_ACT
from node.play.outbox import Message, Sender
from tokenomics import roles
from tokenomics.issuance.issuance import SET_ISSUANCE_PARAMETER


async def day_one(chain: TownChain, people: People, record: Record) -> None:
    """Nobody is seated as a person, so what touches the constitution cannot be proposed."""
    chambers = await chain.call(calls.get_chambers())
    vacant = [each["chamber"] for each in chambers if each["vacant"]]
    persons = sum(each["members"] for each in chambers if each["chamber"] in PERSONS)
    if vacant != list(PERSONS) or persons:
        raise StepError(f"day one: expected nobody in {PERSONS}, found {chambers}")
    change = Message.of(SET_ISSUANCE_PARAMETER, "lambda_bps", 2_000)
    proposal = Message.of(SUBMIT, *content("On day one", [change], FOUNDING_ACT))
    (receipt,) = await chain.refused(
        [(people.organisations["city-hall"], proposal)], ErrorCode.NOT_NOW.name
    )
    record.saw("day_one", receipt["height"], receipt["reason"])


async def seat_persons(chain: TownChain, people: People, record: Record) -> None:
    """The registrar gives each person a credential: a salted commitment, and nothing personal."""
    shared_key = secrets.token_bytes(32)
    grants = []
    for number, (person, chamber) in enumerate(people.persons):
        record_of = f"person {number} of {chamber}".encode()
        values = (
            person.address,
            chamber,
            commitment(secrets.token_bytes(32), record_of),
            nullifier(shared_key, record_of),
        )
        grants.append((people.registrar, Message.of(GRANT, *values)))
    receipts = await chain.accepted(grants)
    seated = {
        each["chamber"]: each["members"]
        for each in await chain.call(calls.get_chambers())
        if not each["vacant"] and each["chamber"] in PERSONS
    }
    if set(seated) != set(PERSONS):
        raise StepError(f"persons' chambers: expected all of {PERSONS} seated, found {seated}")
    what = ", ".join(f"{members} in {chamber}" for chamber, members in seated.items())
    record.saw("persons_seated", receipts[-1]["height"], what)


async def delegate(chain: TownChain, giver: Sender, taker: Sender) -> None:
    """One participant leaves votes of class C to another."""
    await chain.accepted([(giver, Message.of(DELEGATE, "C", taker.address))])


async def petition(chain: TownChain, assembly: Assembly, people: People, record: Record) -> None:
    """Twenty persons sign; nobody else has to sponsor it."""
    first, *others = [*people.participants[:10], *people.owners[:10]]
    values = content("A night bus to the station", [], 0)
    (receipt,) = await chain.accepted([(first, Message.of(PETITION, *values))])
    number = int(value_of(receipt, "proposals.submitted", "proposal"))
    await chain.accepted([(person, Message.of(SIGN, number)) for person in others])
    done = await assembly.follow(number, people.consent, until=EXECUTED)
    if done["origin"] != "petition" or done["signatures"] < done["signatures_needed"]:
        raise StepError(f"petition {number}: found {done['origin']}, {done['signatures']} signed")
    record.saw(
        "petition",
        await moved_at(chain, number, done),
        f"{done['signatures']} of {done['signatures_needed']} signatures needed",
        proposal=number,
        tally=tally_of(done),
    )


async def recall(chain: TownChain, assembly: Assembly, people: People, record: Record) -> None:
    """A role is granted by a vote that passes; persons call it back in its timelock."""
    builder = people.organisations["builder"].address
    grant = Message.of(GRANT_ROLE, roles.RATE_REPORTER, builder)
    sponsors, title = ("land-corporation", "builder"), "The builder as a reporter of rates"
    number = await assembly.propose(sponsors, title, [grant], FOUNDING_ACT)
    await assembly.follow(number, people.consent, until=QUEUED)
    callers = people.participants[20:26]
    await chain.accepted([(person, Message.of(RECALL, number)) for person in callers])
    done = await assembly.follow(number, people.refusal, until=REJECTED, after_votes=1)
    (holders,) = await chain.call(calls.get_roles(roles.RATE_REPORTER))
    if not done["is_recalled"] or checksum_address(builder) in holders["holders"]:
        raise StepError(f"proposal {number}: expected it recalled without effect, found {done}")
    record.saw(
        "recall",
        await moved_at(chain, number, done),
        f"{done['recalls']} persons recalled it, {done['recalls_needed']} were needed",
        proposal=number,
        tally=tally_of(done),
    )
