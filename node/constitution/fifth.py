"""Steps of a fifth organisation: admitted, synced, ready, and a validator that signs.

Its folder is made and its node started while the town runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api import calls, results
from api.client import Client, ClientError
from governance.deciding import ADD_OBSERVER, ADD_VALIDATOR
from governance.stakeholders.organisations import REGISTER as REGISTER_ORGANISATION
from ledger.validator_tables import PROBES_NEEDED
from node.constitution.assembly import Assembly, moved_at, tally_of
from node.constitution.chain import Found, StepError, TownChain, seat_of
from node.constitution.people import People
from node.constitution.record import Record
from node.localnet import joining
from node.localnet.cast import organisation_sender
from node.localnet.charter import JOINING, ORGANISATIONS
from node.localnet.creation import NodeKeys
from node.localnet.fleet import Fleet
from node.localnet.layout import Town, TownNode
from node.play.outbox import Message

SPONSORS: Final = ("city-hall", "land-corporation")


class Joining:
    """The fifth organisation, from the registry to certificates."""

    def __init__(
        self,
        folder: Path,
        fleet: Fleet,
        chain: TownChain,
        assembly: Assembly,
        people: People,
        record: Record,
    ) -> None:
        self._folder = folder
        self._fleet = fleet
        self._chain = chain
        self._assembly = assembly
        self._people = people
        self._record = record

    async def admit(self, town: Town) -> tuple[Town, TownNode, NodeKeys]:
        """Make its home, and register it by a vote, its node as an observer; start the node."""
        grown, node, keys = joining.prepare_validator(self._folder, town, JOINING)
        sender, chartered = organisation_sender(self._folder / JOINING), ORGANISATIONS[JOINING]
        registered = (
            *(JOINING, chartered.name_ko, chartered.name_en, chartered.chamber),
            *(sender.address, keys.validator, keys.node, ()),
        )
        messages = [
            Message.of(REGISTER_ORGANISATION, *registered),
            Message.of(ADD_OBSERVER, keys.node, node.organisation),
        ]
        done = await self._assembly.decide(SPONSORS, "A district office joins", messages)
        listed = await self._chain.call(calls.list_organisations())
        if JOINING not in {each["id"] for each in listed}:
            raise StepError(f"the registry: expected {JOINING}, found {listed}")
        self._people.organisations[JOINING] = sender
        self._record.saw(
            "fifth_admitted",
            await moved_at(self._chain, done["number"], done),
            f"{chartered.name_en} sits in {chartered.chamber}",
            proposal=done["number"],
            tally=tally_of(done),
        )
        await self._fleet.start(node)
        return grown, node, keys

    async def synced(self, node: TownNode) -> None:
        """Its node answers, and has the chain's newest block."""
        async with Client(node.rpc_url, timeout_s=5) as client:

            async def there() -> results.Block | None:
                try:
                    status = await client.call(calls.status())
                    if status["syncing"] or status["height"] == 0:
                        return None
                    return await client.call(calls.get_block())
                except ClientError:
                    return None  # it is starting

            own = await self._chain.until(there)
        other = await self._chain.call(calls.get_block(own["height"]))
        if other is None:
            raise StepError(f"the fifth node has block {own['height']}, the others have not")
        if other["hash"] != own["hash"]:
            raise StepError(f"block {own['height']}: the fifth node has another one")
        self._record.saw("fifth_synced", own["height"], f"block {own['hash']} is the others' too")

    async def seated(self, node: TownNode, keys: NodeKeys) -> None:
        """A vote makes it a validator, for which its node has to have proved itself ready."""
        message = Message.of(ADD_VALIDATOR, node.organisation, keys.validator, keys.node)
        number = await self._assembly.propose(SPONSORS, "Its validator", [message])
        probes = await self._probed(keys)
        self._record.saw(
            "fifth_ready", probes[-1].height, f"{len(probes)} probes, sent by its own node"
        )
        done = await self._assembly.follow(number, self._people.consent)
        change = await self._chain.event("validators.set_change_decided")
        since = int(change.values["since"])
        await self._chain.until_height(since)
        height = await self._signing(node, since)
        self._record.saw(
            "fifth_votes",
            height,
            f"decided at height {change.height}, a validator from {since} on",
            proposal=number,
            tally=tally_of(done),
        )

    async def _probed(self, keys: NodeKeys) -> Sequence[Found]:
        key = f"0x{(keys.validator or b'').hex()}"

        async def enough() -> Sequence[Found] | None:
            found = [
                event
                for event in self._chain.events
                if event.name == "validators.probed" and event.values["public_key"] == key
            ]
            return found[:PROBES_NEEDED] if len(found) >= PROBES_NEEDED else None

        return await self._chain.until(enough)

    async def _signing(self, node: TownNode, since: int) -> int:
        """A height from `since` on whose certificate, as another node holds it, has its seal."""

        index = (await seat_of(self._chain, node.organisation))["index"]

        async def sealed() -> int | None:
            for height in range(since, self._chain.height + 1):
                certificate = await self._chain.call(calls.get_certificate(height))
                if certificate and index in {seal["validator"] for seal in certificate["seals"]}:
                    return height
            return None

        return await self._chain.until(sealed)
