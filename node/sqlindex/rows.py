"""From a block, as JSON-RPC gives it in full, to the rows that it adds to each table. Pure.

A block's rows depend on that block alone, and no row is ever changed by a later block: to index a
block is to insert its rows, and to index it again gives the same ones. Tables and columns are
described in node.sqlindex.schema.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api import land_results, results
from ledger.errors import LocalError
from ledger.primitives import ADDRESS_BYTES
from node.sqlindex.event_rows import READERS, Place, Row

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_BIGINT: Final = 2**63 - 1
_ADDRESS: Final = re.compile(rf"0x[0-9a-fA-F]{{{2 * ADDRESS_BYTES}}}")


@dataclass(frozen=True, slots=True)
class BlockRows:
    """What a block adds. tables: rows by table name, in the order in which they happened."""

    height: int
    block_hash: str
    tables: Mapping[str, list[Row]]

    @property
    def transactions(self) -> int:
        """Transactions of the block."""
        return len(self.tables["transactions"])

    @property
    def row_count(self) -> int:
        """Rows in all tables."""
        return sum(len(rows) for rows in self.tables.values())


def rows_of(block: results.Block) -> BlockRows:
    """The rows of a block given with detail "full".

    LocalError when an event lacks what its table needs, which a chain of a newer release may do.
    """
    time = time_of(block["time_ms"])
    found: dict[str, list[Row]] = {"blocks": [block_row(block)], "transactions": [], "events": []}
    receipts = block["receipts"]
    for index, transaction in enumerate(block["transactions"]):
        place = (block["height"], index)
        found["transactions"].append(_transaction_row(place, transaction, receipts[index], time))
    for row in event_rows(block):
        found["events"].append(row)
        reader = READERS.get(row["name"])
        if reader is None:
            continue
        at = Place(block["height"], row["position"], row["transaction_hash"], time)
        try:
            for table, derived in reader(at, row["payload"]):
                found.setdefault(table, []).append(derived)
        except (KeyError, ValueError) as error:
            raise LocalError(
                f"block {block['height']}: event {row['name']} is not as this release knows it "
                f"({type(error).__name__}: {error}); install the release that the node runs"
            ) from error
    return BlockRows(block["height"], block["hash"], found)


def zone_rows(zones: Sequence[land_results.Zone]) -> list[Row]:
    """Rows of `zones`, which come with the chain and not with a block."""
    return [
        {
            "zone": zone["zone"],
            "name_ko": zone["name_ko"],
            "name_en": zone["name_en"],
            "legal_dong_code": zone["legal_dong_code"],
            "area_tenth_m2": zone["area_tenth_m2"],
            "base_krw_per_m2": zone["base_krw_per_m2"],
        }
        for zone in zones
    ]


def time_of(time_ms: int) -> datetime:
    """Block time as UTC, exact to the millisecond."""
    return EPOCH + timedelta(milliseconds=time_ms)


def block_row(block: results.Block) -> Row:
    """Row of `blocks`; detail "hashes" is enough for it."""
    participation = block["participation"]
    return {
        "height": block["height"],
        "hash": block["hash"],
        "parent_hash": block["parent_hash"],
        "time_ms": block["time_ms"],
        "time": time_of(block["time_ms"]),
        "proposer": block["proposer"],
        "transaction_count": block["transaction_count"],
        "parent_view": participation["parent_view"],
        "parent_signers": len(participation["parent_signers"]),
        "evidence_count": len(participation["evidence"]),
        "transactions_root": block["transactions_root"],
        "state_root": block["state_root"],
        "receipts_root": block["receipts_root"],
        "validators_hash": block["validators_hash"],
    }


def event_rows(block: results.Block) -> Iterator[Row]:
    """Rows of `events`: of each transaction in order, then of the block's hooks."""
    time = time_of(block["time_ms"])
    position = 0
    for receipt in block["receipts"]:
        for event in receipt["events"]:
            yield _event_row(block["height"], position, receipt["transaction_hash"], event, time)
            position += 1
    for event in block["hook_events"]:
        yield _event_row(block["height"], position, None, event, time)
        position += 1


def _transaction_row(
    place: tuple[int, int],
    transaction: results.Transaction,
    receipt: results.Receipt,
    time: datetime,
) -> Row:
    valid_until = transaction["valid_until"]
    return {
        "hash": transaction["hash"],
        "height": place[0],
        "position": place[1],
        "time": time,
        "sender": transaction["sender"],
        "nonce": transaction["nonce"],
        "message_type": transaction["message_type"],
        "module": transaction["message_type"].partition(".")[0],
        "fee": transaction["fee"],
        "valid_until": valid_until if valid_until <= MAX_BIGINT else None,
        "code": receipt["code"],
        "status": receipt["status"],
        "reason": receipt["reason"],
        "fields": transaction["fields"],
    }


def _event_row(
    height: int, position: int, transaction_hash: str | None, event: results.Event, time: datetime
) -> Row:
    name, values = event["name"], event["values"]
    module, _, type_name = name.partition(".")
    return {
        "height": height,
        "position": position,
        "time": time,
        "transaction_hash": transaction_hash,
        "name": name,
        "module": module,
        "type": type_name,
        "account": _first_account(values),
        "payload": values,
    }


def _first_account(values: Mapping[str, Any]) -> str | None:
    """The first value that is an address: whom the event is about, in every event of the chain."""
    for value in values.values():
        if _ADDRESS.fullmatch(value):
            return str(value)
    return None
