"""What others may read of the registry of appraisers: plain maps, as in land_views."""

from collections import defaultdict
from typing import Any

from ledger.crypto import checksum_address
from ledger.primitives import MAX_UINT64, Address
from ledger.rows import key
from ledger.state import State
from tokenomics.oracle.appraisals import Appraisal, running
from tokenomics.oracle.panels import SEATS, term_of
from tokenomics.oracle.registry import Appraiser, registered
from tokenomics.oracle.reports import Seat
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.zones import Zone, zones

View = dict[str, Any]


def appraisers(state: State) -> View:
    """Everybody on the registry, and in which seats each is now.

    "panels" are the zones on whose panel of the running term somebody sits, "seats" the places in
    appraisals that are not at an end. A suspension ends with a registration, which also forgets
    the outliers.
    """
    # The panel of a round is seated when its appraisal begins, so the newest round has none yet.
    term, town = term_of(max(1, schedule(state).newest - 1)), zones(state)
    panels, seats = _panels(state, term, town), _seats(state, town)
    return {
        "term": term,
        "appraisers": [
            _appraiser(account, row, panels[account], seats[account])
            for account, row in registered(state).items()
        ],
    }


def _panels(state: State, term: int, town: tuple[Zone, ...]) -> defaultdict[Address, list[str]]:
    found: defaultdict[Address, list[str]] = defaultdict(list)
    for number, zone in enumerate(town):
        seated = state.get(SEATS, key(number, term))
        for member in () if seated is None else seated.members:
            found[member].append(zone.id)
    return found


def _seats(state: State, town: tuple[Zone, ...]) -> defaultdict[Address, list[View]]:
    found: defaultdict[Address, list[View]] = defaultdict(list)
    for row, number, appraisal in running(state):
        for seat, members in _seated(appraisal):
            for member in members:
                found[member].append(
                    {"round": row.number, "zone": town[number].id, "seat": seat.name}
                )
    return found


def _seated(appraisal: Appraisal) -> tuple[tuple[Seat, tuple[Address, ...]], ...]:
    return (
        (Seat.PANEL, appraisal.panel),
        (Seat.FURTHER, appraisal.further),
        (Seat.BLIND, appraisal.blind),
    )


def _appraiser(account: Address, row: Appraiser, panels: list[str], seats: list[View]) -> View:
    unlimited = row.valid_until_ms == MAX_UINT64  # what genesis writes for a licence without end
    return {
        "account": checksum_address(account),
        "nominator": row.nominator,
        "licence_hash": "0x" + row.licence_hash.hex(),
        "valid_until_ms": None if unlimited else row.valid_until_ms,
        "suspended": row.suspended,
        "outliers": list(row.outliers),
        "panels": panels,
        "seats": seats,
    }
