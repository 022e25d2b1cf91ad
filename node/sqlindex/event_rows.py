"""Which events become rows of tables of their own, beside their row in `events`. Pure.

Values are as JSON-RPC gives them: every integer is a decimal string. A KeyError or ValueError here
means that an event is not as this release writes it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.encoding import address
from tokenomics.distribution.pools import POOL_ACCOUNTS, VESTING_ACCOUNT, Pool
from tokenomics.issuance.issuance import MINT_ACCOUNT

Row = dict[str, Any]
Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands: position counts the events of its block from 0; transaction_hash is
    None for a hook."""

    height: int
    position: int
    transaction_hash: str | None
    time: datetime

    @property
    def columns(self) -> Row:
        """The columns that every row made from an event has."""
        return {"height": self.height, "position": self.position, "time": self.time}


Reader = Callable[[Place, Values], Iterator[tuple[str, Row]]]
"""Gives (table, row) pairs."""

_MINT: Final = address(MINT_ACCOUNT)
_VESTING: Final = address(VESTING_ACCOUNT)
_POOLS: Final = {pool.label: address(POOL_ACCOUNTS[pool]) for pool in Pool}
_TREASURY: Final = _POOLS[Pool.TREASURY.label]
_RESERVE: Final = _POOLS[Pool.RESERVE.label]


def _moved(
    place: Place,
    kind: str,
    *moves: tuple[str | None, str | None, int],
) -> Iterator[tuple[str, Row]]:
    """Rows of `transfers` for (sender, receiver, amount); nothing for an amount of 0."""
    number = 0
    for sender, receiver, amount in moves:
        if amount:
            yield (
                "transfers",
                {
                    **place.columns,
                    "number": number,
                    "transaction_hash": place.transaction_hash,
                    "kind": kind,
                    "sender": sender,
                    "receiver": receiver,
                    "amount": amount,
                },
            )
            number += 1


def _sent(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    # An amount of 0 is a transfer all the same: someone signed it.
    yield (
        "transfers",
        {
            **place.columns,
            "number": 0,
            "transaction_hash": place.transaction_hash,
            "kind": "transfer",
            "sender": values["from"],
            "receiver": values["to"],
            "amount": int(values["amount"]),
        },
    )


def _claimed(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    move = (_POOLS[values["pool"]], _VESTING, int(values["amount"]))
    yield from _moved(place, "claim", move)


def _released(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield from _moved(place, "release", (_VESTING, values["person"], int(values["amount"])))


def _spent(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield from _moved(place, "spend", (_TREASURY, values["to"], int(values["amount"])))


def _dividend(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    move = (_TREASURY, _POOLS[values["pool"]], int(values["amount"]))
    yield from _moved(place, "dividend", move)


def _pool_received(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield from _moved(place, "pool", (_MINT, _POOLS[values["pool"]], int(values["amount"])))


def _matured(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield from _moved(
        place,
        "reserve",
        (_RESERVE, None, int(values["burned"])),
        (_RESERVE, _TREASURY, int(values["to_treasury"])),
    )


def _left(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    """Who leaves is paid what has vested; the rest is kept, or goes to the reserve.

    The event sums what several pools owed, so the sender of that part is not known here.
    """
    person, forfeited = values["person"], int(values["to_reserve"])
    rest = _RESERVE if forfeited else person
    yield from _moved(
        place,
        "leave",
        (_VESTING, person, int(values["vested"])),
        (_VESTING, rest, int(values["unvested"])),
        (None, rest, int(values["unclaimed"])),
    )


def _zone_closed(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield (
        "zone_rounds",
        {
            **place.columns,
            "round": int(values["round"]),
            "zone": values["zone"],
            "outcome": values["outcome"],
            "reports": int(values["reports"]),
            "median_krw_per_m2": int(values["median_krw_per_m2"]),
            "dispersion_ppm": int(values["dispersion_ppm"]),
            "last_krw_per_m2": int(values["last_krw_per_m2"]),
            "accepted_krw_per_m2": int(values["accepted_krw_per_m2"]),
            "counted_krw_per_m2": int(values["counted_krw_per_m2"]),
            "certified_krw_per_m2": int(values["certified_krw_per_m2"]),
        },
    )


def _town_closed(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield (
        "rounds",
        {
            **place.columns,
            "round": int(values["round"]),
            "is_anchor": _flag(values["is_anchor"]),
            "zones_final": int(values["zones_final"]),
            "reports": int(values["reports"]),
            "value_krw": int(values["value_krw"]),
            "costs_krw": int(values["costs_krw"]),
            "certified_krw": int(values["certified_krw"]),
            "normal_growth_krw": _known(values, "normal_growth_krw"),
            "recognition_open": _flag(values["recognition_open"]),
            "elapsed_ms": int(values["elapsed_ms"]),
        },
    )


def _recognised(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield (
        "recognitions",
        {
            **place.columns,
            "round": int(values["round"]),
            "mode": values["mode"],
            "value_krw": int(values["value_krw"]),
            "base_value_krw": int(values["base_value_krw"]),
            "costs_krw": int(values["costs_krw"]),
            "live_krw": _known(values, "live_krw"),
            "lasting_krw": _known(values, "lasting_krw"),
            "recognised_krw": int(values["recognised_krw"]),
            "entitlement": int(values["entitlement"]),
            "ceiling": int(values["ceiling"]),
            "burned": int(values["burned"]),
            "is_paused": _flag(values["paused"]),
        },
    )


def _minted(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    amount = int(values["amount"])
    yield (
        "mints",
        {
            **place.columns,
            "round": int(values["round"]),
            "amount": amount,
            "certified_amount": int(values["certified_amount"]),
            "issued": int(values["issued"]),
            "outstanding": int(values["outstanding"]),
            "quarter_limit": int(values["quarter_limit"]),
        },
    )
    yield from _moved(place, "mint", (None, _MINT, amount))


def _submitted(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield (
        "proposals",
        {
            **place.columns,
            "proposal": int(values["proposal"]),
            "transaction_hash": place.transaction_hash,
            "origin": values["origin"],
            "account": values["account"],
            "class": values["proposal_class"],
            "content_hash": values["content_hash"],
            "document_hash": values["document_hash"],
        },
    )


def _proposal_moved(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    due_ms = int(values["due_ms"])
    yield (
        "proposal_moves",
        {
            **place.columns,
            "proposal": int(values["proposal"]),
            "before": values["before"],
            "after": values["after"],
            "due_ms": due_ms or None,
            "reason": values["reason"],
        },
    )


def _voted(place: Place, values: Values) -> Iterator[tuple[str, Row]]:
    yield (
        "votes",
        {
            **place.columns,
            "transaction_hash": place.transaction_hash,
            "proposal": int(values["proposal"]),
            "vote": int(values["vote"]),
            "chamber": values["chamber"],
            "account": values["account"],
            "choice": values["choice"],
            "votes": int(values["votes"]),
        },
    )


def _known(values: Values, name: str) -> int | None:
    """A value that its event leaves out while it is not known."""
    value = values.get(name)
    return None if value is None else int(value)


def _flag(value: str) -> bool:
    return int(value) != 0


READERS: Final[Mapping[str, Reader]] = {
    "transfer.sent": _sent,
    "distribution.claimed": _claimed,
    "distribution.released": _released,
    "distribution.spent": _spent,
    "distribution.dividend": _dividend,
    "distribution.reserve_matured": _matured,
    "distribution.left": _left,
    "pool.received": _pool_received,
    "land.zone_round_closed": _zone_closed,
    "land.town_round_closed": _town_closed,
    "issuance.recognised": _recognised,
    "issuance.minted": _minted,
    "proposals.submitted": _submitted,
    "proposals.moved": _proposal_moved,
    "proposals.voted": _voted,
}
"""By event name."""
