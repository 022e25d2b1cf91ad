"""Zones of the town: what genesis says of each, and the value that the oracle last accepted."""

from dataclasses import dataclass
from typing import Final

from ledger.rows import key, present, table
from ledger.state import State
from tokenomics.params import (
    GENESIS,
    MAX_AREA_TENTH_M2,
    MAX_PRICE_KRW_PER_M2,
    MAX_ZONES,
)
from tokenomics.uplift import zone_value_krw
from tokenomics.valuation import RETURN_ANCHORS

MAX_ZONE_ID_BYTES: Final = 32
MAX_NAME_BYTES: Final = 64
LEGAL_DONG_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the town, fixed by genesis. The base price is its value of round 0.

    legal_dong_code: 법정동코드, ten digits. area in 0.1 m2, price in KRW/m2.
    """

    id: str
    legal_dong_code: str
    name_ko: str
    name_en: str
    area_tenth_m2: int
    base_krw_per_m2: int

    @property
    def base_value_krw(self) -> int:
        """Worth of the zone at its base price."""
        return zone_value_krw(self.area_tenth_m2, self.base_krw_per_m2)


@dataclass(frozen=True, slots=True)
class ZoneValue:
    """What the oracle holds of a zone.

    final_round is 0 as long as the base stands. valued_calendar_ms is the valuation date and
    final_calendar_ms the nominal round end of that round, both in calendar ms since round 1 began.
    recent: the accepted value at each of the last RETURN_ANCHORS town rounds, oldest first.
    """

    accepted_krw_per_m2: int
    final_round: int
    valued_calendar_ms: int
    final_calendar_ms: int
    recent: tuple[int, ...]

    def held(self) -> "ZoneValue":
        """After a round without a value: the accepted value stands for one more anchor."""
        return ZoneValue(
            self.accepted_krw_per_m2,
            self.final_round,
            self.valued_calendar_ms,
            self.final_calendar_ms,
            self.recent_with(self.accepted_krw_per_m2),
        )

    def recent_with(self, accepted: int) -> tuple[int, ...]:
        """`recent` one anchor later."""
        return (*self.recent, accepted)[-RETURN_ANCHORS:]


ZONES: Final = table("land", "zone", Zone)
"""Zone by its number, from 0 in the order of genesis."""
ZONE_VALUES: Final = table("land", "value", ZoneValue)
"""ZoneValue by the zone's number."""


def zones(state: State) -> tuple[Zone, ...]:
    """Every zone in the order of genesis; its position is its number."""
    return tuple(zone for _, zone in state.iterate(ZONES))


def find_zone(state: State, zone_id: str) -> tuple[int, Zone] | None:
    """Number and zone of an id."""
    for number, zone in enumerate(zones(state)):
        if zone.id == zone_id:
            return number, zone
    return None


def zone_value(state: State, number: int) -> ZoneValue:
    """Value of a zone that exists."""
    return present(state.get(ZONE_VALUES, key(number)), f"the value of zone {number}")


def base_value_krw(state: State) -> int:
    """V0: worth of the town at base prices."""
    return sum(zone.base_value_krw for zone in zones(state))


def _zone(value: object, place: str) -> Zone:
    given = GENESIS.fields(value, place, required=Zone.__slots__)

    def text(name: str, maximum_bytes: int) -> str:
        return GENESIS.text(given[name], f"{place}.{name}", maximum_bytes)

    def integer(name: str, highest: int) -> int:
        return GENESIS.integer(given[name], f"{place}.{name}", 1, highest)

    code = text("legal_dong_code", LEGAL_DONG_DIGITS)
    if len(code) != LEGAL_DONG_DIGITS or not (code.isascii() and code.isdigit()):
        raise GENESIS.error(f"{place}.legal_dong_code", f"{LEGAL_DONG_DIGITS} digits", code)
    return Zone(
        text("id", MAX_ZONE_ID_BYTES),
        code,
        text("name_ko", MAX_NAME_BYTES),
        text("name_en", MAX_NAME_BYTES),
        integer("area_tenth_m2", MAX_AREA_TENTH_M2),
        integer("base_krw_per_m2", MAX_PRICE_KRW_PER_M2),
    )


def write_zones(state: State, given: object) -> None:
    """Write the zones of genesis, each at its base price; LocalError names the wrong field."""
    items = GENESIS.items(given, "land.zones")
    if not 1 <= len(items) <= MAX_ZONES:
        raise GENESIS.error("land.zones", f"1 to {MAX_ZONES} zones", len(items))
    found = [_zone(item, f"land.zones[{i}]") for i, item in enumerate(items)]
    if len({zone.id for zone in found}) != len(found):
        raise GENESIS.error("land.zones", "distinct ids", [zone.id for zone in found])
    for number, zone in enumerate(found):
        base = zone.base_krw_per_m2
        state.put(ZONES, key(number), zone)
        state.put(ZONE_VALUES, key(number), ZoneValue(base, 0, 0, 0, (base,)))
