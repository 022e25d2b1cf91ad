"""With 100,000 persons a grant, a re-binding and a count touch as many rows as with a hundred."""

from collections.abc import Iterator
from typing import Any

import pytest

from governance.chambers import CHAMBER_LANDOWNERS, CHAMBER_PARTICIPANTS, PERSONS
from governance.stakeholders import membership
from governance.stakeholders.credentials import GRANT, REVOKE
from governance.stakeholders.rebinding import PROPOSE
from governance.stakeholders.role_book import Roles
from ledger.kv import KeyValueReader, WriteBatch
from ledger.message_registry import MessageType
from ledger.primitives import Address
from ledger.state import State
from tests.support.stakeholder_town import (
    EVIDENCE,
    OBJECTION_MS,
    REGISTRAR,
    StakeholderTown,
    account,
    granted,
)

FEW, MANY = 100, 100_000


class CountedReads:
    """A reader that counts the rows it hands out."""

    def __init__(self, rows: KeyValueReader) -> None:
        self._rows = rows
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self._rows.get(key)

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        for row in self._rows.iterate(start, stop):
            self.reads += 1
            yield row


def town_of(persons: int) -> StakeholderTown:
    """Written in one block: what is measured comes after it."""
    town = StakeholderTown()
    town.is_checked = False
    state = town.state
    context = town.context(state, REGISTRAR)
    handler = town.module.handlers[GRANT]
    for number in range(persons):
        handler(context, *granted(f"p{number}", PERSONS[number % 2]))
    batch = WriteBatch()
    batch.operations.extend(state.changes())
    town.store.write(batch, sync=True)
    return town


def touched(
    town: StakeholderTown, *calls: tuple[Address, MessageType, tuple[Any, ...]], after_ms: int = 1
) -> tuple[int, int]:
    """(rows read, rows written) by a block with these messages; it becomes the head."""
    reader = CountedReads(town.store)
    state = State(reader)
    town.height, town.time_ms = town.height + 1, town.time_ms + after_ms
    hooks = town.context(state)
    town.module.begin_block(hooks)
    for sender, message, values in calls:
        town.module.handlers[message](town.context(state, sender), *values)
    town.module.end_block(hooks)
    town.module.next_deadline_ms(state)
    batch = WriteBatch()
    batch.operations.extend(state.changes())
    town.store.write(batch, sync=True)
    return reader.reads, len(batch.operations)


def costs(persons: int) -> dict[str, tuple[int, int]]:
    """Rows read and written by each deed in a town of so many persons."""
    town = town_of(persons)
    found = {
        "nothing": touched(town),
        "grant": touched(town, (REGISTRAR, GRANT, granted("new"))),
        "revoke": touched(town, (REGISTRAR, REVOKE, (account("p1"), 1))),
        "propose": touched(town, (REGISTRAR, PROPOSE, (account("p2"), account("x"), EVIDENCE))),
        "move": touched(town, after_ms=OBJECTION_MS),
    }
    assert town.followed.moves == [(account("p2"), account("x"))]
    reader = CountedReads(town.store)
    state = State(reader)
    assert membership.seated(state, CHAMBER_LANDOWNERS) == persons // 2 - 1
    assert membership.seated(state, CHAMBER_PARTICIPANTS) == persons // 2 + 1
    found["count"] = (reader.reads, 0)
    before = reader.reads
    assert membership.was_member(state, account("p3"), CHAMBER_LANDOWNERS, persons)
    assert Roles().holds(state, CHAMBER_LANDOWNERS, account("p3"))
    found["ask"] = (reader.reads - before, 0)
    return found


@pytest.mark.timeout(300)
def test_the_rows_touched_do_not_depend_on_how_many_persons_there_are() -> None:
    many = costs(MANY)
    assert many == costs(FEW)
    assert max(reads for reads, _ in many.values()) <= 16, many
    assert max(writes for _, writes in many.values()) <= 16, many
