"""What the appraisers of a scenario owe the chain: commitments, and the reports they open."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ledger.crypto import sha256
from ledger.primitives import PPM, Address
from node.play.outbox import Message
from node.scenarios.model import Scenario
from node.scenarios.noise import deviation_ppm
from tokenomics.oracle.phases import COMMITTING
from tokenomics.oracle.reports import COMMIT, REVEAL, Statement, commitment_of
from tokenomics.params import PANEL_SEATS

METHOD: Final = "comparison"
COMPARABLES: Final = 8
_COMMITTING: Final = frozenset(phase.name for phase in COMMITTING)


def owed(
    scenario: Scenario,
    row: Mapping[str, Any],
    addresses: Mapping[str, Address],
    chain_id: int,
    seed: int | None,
) -> Iterator[tuple[Address, Message]]:
    """What an open round still waits for, by appraiser.

    row: of tokenomics.oracle.land_views.land_index. addresses: accounts that the player signs for,
    by their text. seed: of the reports' deviations; None for none.
    """
    numbers = {zone.id: number for number, zone in enumerate(scenario.zones)}
    for zone in row["zones"]:
        for text in zone["missing"]:
            # An appraiser whose key is not at hand is none of this player's.
            if text not in addresses or zone["zone"] not in numbers:
                continue
            price = _price(scenario, row["round"], numbers[zone["zone"]], _seat(zone, text), seed)
            if price is not None:
                address = addresses[text]
                yield address, _message(row, zone, address, price, chain_id)


def _seat(zone: Mapping[str, Any], appraiser: str) -> int | None:
    """0 to 4 on the panel, from 5 on asked later; None for a blind appraiser."""
    if appraiser in zone["panel"]:
        return int(zone["panel"].index(appraiser))
    if appraiser in zone["further"]:
        return PANEL_SEATS + int(zone["further"].index(appraiser))
    return None


def _price(
    scenario: Scenario, number: int, zone: int, seat: int | None, seed: int | None
) -> int | None:
    """Whoever is blind says what the land is worth."""
    if seat is None:
        return scenario.prices[number - 1][zone]
    price = scenario.report(number, zone, seat)
    if price is None or seed is None:
        return price
    return price * (PPM + deviation_ppm(seed, number, scenario.zones[zone].id, seat)) // PPM


def _message(
    row: Mapping[str, Any], zone: Mapping[str, Any], address: Address, price: int, chain_id: int
) -> Message:
    """The commitment or the reveal that the zone's phase asks for.

    All of it follows from what the chain says, so a player that restarts can open what it
    committed to; a real appraiser's salt is secret.
    """
    where = f"{zone['zone']}, round {row['round']}, appraiser 0x{address.hex()}"
    salt = sha256(f"poyong/play/salt/{where}".encode())
    statement = Statement(
        price,
        row["opened_ms"],  # the start of a round never moves
        METHOD,
        COMPARABLES,
        sha256(f"{where}: {price} per m2".encode()),
    )
    if zone["phase"] in _COMMITTING:
        commitment = commitment_of(chain_id, zone["zone"], row["round"], address, statement, salt)
        return Message.of(COMMIT, zone["zone"], row["round"], commitment)
    return Message.of(
        REVEAL,
        zone["zone"],
        row["round"],
        statement.price_krw_per_m2,
        statement.valuation_date_ms,
        statement.method,
        statement.comparables,
        statement.document_hash,
        salt,
    )
