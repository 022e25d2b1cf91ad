"""The scenario from its first to its last step; what does not depend on each other overlaps."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from api.client import ClientError
from ledger.local_accounts import ed25519_accounts
from node.constitution import council, persons, supply, suspension
from node.constitution.assembly import Assembly
from node.constitution.chain import StepError, TownChain
from node.constitution.fifth import Joining
from node.constitution.people import people_of
from node.constitution.record import Record
from node.localnet.charter import Calendar
from node.localnet.fleet import Fleet
from node.localnet.layout import Town
from node.play.outbox import Sender

FILLERS: Final = (5, 6)
"""Local accounts whose transfers make blocks; nobody else uses them."""


class Story:
    """Plays the steps on a town that runs; `town` grows by the fifth organisation."""

    def __init__(
        self,
        folder: Path,
        town: Town,
        calendar: Calendar,
        fleet: Fleet,
        chain: TownChain,
        record: Record,
    ) -> None:
        self.town = town
        self._folder = folder
        self._calendar = calendar
        self._chain = chain
        self._record = record
        self._people = people_of(folder)
        self._assembly = Assembly(chain, self._people)
        self._joining = Joining(folder, fleet, chain, self._assembly, self._people, record)

    async def play(self) -> None:
        """Every step; what keeps one from being seen is put down in the record."""
        chain, people, record = self._chain, self._people, self._record
        await self._noted(persons.day_one(chain, people, record))
        await self._noted(persons.seat_persons(chain, people, record))
        if record.problems:
            return
        payers = [Sender.of_key(ed25519_accounts()[number].signer) for number in FILLERS]
        await asyncio.gather(
            *map(
                self._noted,
                (
                    self._supply(),
                    self._validators(),
                    self._interests(),
                    persons.petition(chain, self._assembly, people, record),
                    council.pause(chain, people, record),
                    supply.upgrade(chain, self._assembly, self._calendar, record, payers),
                ),
            )
        )

    async def _supply(self) -> None:
        basis = await supply.ordinance(self._chain, self._assembly, self._record)
        await supply.lower_lambda(self._chain, self._assembly, basis, self._record)

    async def _validators(self) -> None:
        self.town, node, keys = await self._joining.admit(self.town)
        await self._joining.synced(node)
        await self._joining.seated(node, keys)
        chain, record = self._chain, self._record
        await suspension.signed_twice(chain, self._folder, self.town, record)
        await suspension.suspension_decided(chain, self._assembly, self._people, self.town, record)

    async def _interests(self) -> None:
        await persons.recall(self._chain, self._assembly, self._people, self._record)
        await supply.zone_event(self._chain, self._assembly, self._people, self._record)

    async def _noted(self, step: Coroutine[Any, Any, None]) -> None:
        try:
            await step
        except (StepError, ClientError) as error:
            self._record.problems.append(str(error))
