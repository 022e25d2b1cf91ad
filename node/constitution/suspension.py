"""Steps of a validator that signed twice: the chain suspends it, and a vote decides."""

from pathlib import Path
from typing import Final

from api import calls
from consensus.messages import SigningDomain
from governance.deciding import LIFT_SUSPENSION
from ledger.crypto import checksum_address
from ledger.primitives import Hash
from node.constitution import offence
from node.constitution.assembly import Assembly, moved_at, tally_of
from node.constitution.chain import Found, StepError, TownChain, seat_of
from node.constitution.people import People
from node.constitution.record import Record
from node.keys.keystore import KeyKind, open_signer
from node.localnet import creation
from node.localnet.charter import JOINING, auditor
from node.localnet.layout import Town, TownNode
from node.play.outbox import Message

OFFENDER: Final = "builder"
HEIGHTS_AHEAD: Final = 3
"""Votes are signed for so many heights: the node may be further than its last notice."""
HEIGHTS_TO_RECORD: Final = 16
"""Within which the next proposers have put the evidence into a block."""
TRIES: Final = 5


async def signed_twice(chain: TownChain, folder: Path, town: Town, record: Record) -> None:
    """For this step alone the scenario opens the validator's key file, as a thief would."""
    (guilty,) = [node for node in town.validators if node.name == OFFENDER]
    target = town.validators[0]
    status = await chain.call(calls.status())
    domain = SigningDomain(creation.CHAIN_ID, Hash(bytes.fromhex(status["genesis_hash"][2:])))
    file = folder / OFFENDER / creation.VALIDATOR_KEY
    signer = open_signer(file, creation.PASSWORD, KeyKind.VALIDATOR)
    seat = await seat_of(chain, guilty.organisation)
    for _ in range(TRIES):
        first = chain.height + 1
        hello = offence.hello_of(domain, chain.height)
        node_key = creation.read_keys(folder, target).node
        async with offence.connected(auditor(), target, node_key, hello) as writer:
            for height in range(first, first + HEIGHTS_AHEAD):
                votes = offence.conflicting_votes(domain, signer, seat["index"], height)
                await offence.send(writer, votes)
            found = await _suspended(chain, guilty, first + HEIGHTS_TO_RECORD)
        if found is not None:
            break
    else:
        raise StepError(f"two votes of {OFFENDER} were handed in {TRIES} times without a record")
    if (await seat_of(chain, guilty.organisation))["eligible"]:
        raise StepError(f"{OFFENDER} is suspended and proposes in turn all the same")
    record.saw(
        "signed_twice",
        found.height,
        f"{guilty.organisation} signed twice at height {found.values['height']}",
    )


async def suspension_decided(
    chain: TownChain, assembly: Assembly, people: People, town: Town, record: Record
) -> None:
    """The chambers hear the case and lift the suspension."""
    (guilty,) = [node for node in town.validators if node.name == OFFENDER]
    message = Message.of(LIFT_SUSPENSION, guilty.organisation)
    done = await assembly.decide(
        ("city-hall", "land-corporation"), "A standby with the same key", [message]
    )
    lifted = await chain.event("validators.suspension_lifted")
    joined = checksum_address(people.organisations[JOINING].address)
    voted = await chain.event(
        "proposals.voted",
        lambda values: int(values["proposal"]) == done["number"] and values["account"] == joined,
    )
    if not (await seat_of(chain, guilty.organisation))["eligible"]:
        raise StepError(f"{OFFENDER} does not propose in turn after its suspension was lifted")
    record.saw(
        "suspension_decided",
        await moved_at(chain, done["number"], done),
        f"{lifted.values['organisation']} proposes in turn again; the fifth organisation voted "
        f"{voted.values['choice']}",
        proposal=done["number"],
        tally=tally_of(done),
    )


async def _suspended(chain: TownChain, guilty: TownNode, until_height: int) -> Found | None:
    """The event, or None when it is not there at a height."""

    async def look() -> tuple[Found | None] | None:
        for found in chain.events:
            if (
                found.name == "validators.suspended"
                and found.values["organisation"] == guilty.organisation
            ):
                return (found,)
        return (None,) if chain.height >= until_height else None

    return (await chain.until(look))[0]
