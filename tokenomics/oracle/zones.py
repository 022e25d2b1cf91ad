"""Zones of the town: what genesis says of each, and the value that the oracle last accepted."""

from dataclasses import dataclass
from typing import Final

from ledger.primitives import ZERO_HASH, Hash
from ledger.rows import key, present, table
from ledger.state import State
from tokenomics.oracle.uplift import zone_value_krw
from tokenomics.oracle.valuation import RETURN_ANCHORS
from tokenomics.params import (
    GENESIS,
    MAX_AREA_TENTH_M2,
    MAX_PRICE_KRW_PER_M2,
    MAX_ZONES,
)

MAX_ZONE_ID_BYTES: Final = 32
MAX_NAME_BYTES: Final = 64
LEGAL_DONG_DIGITS: Final = 10
PROVINCE_DIGITS: Final = 2
"""A legal-dong code starts with its province or metropolitan city: the region by default."""
MAX_REGION_BYTES: Final = 16
_OPTIONAL: Final = ("rate_region", "parcel_root")


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the town, fixed by genesis. The base price is its value of round 0.

    legal_dong_code: 법정동코드, ten digits. area in 0.1 m2, price in KRW/m2. rate_region: whose
    official change rate (지가변동률) rolls the zone's value. parcel_root: of its list of parcels
    (tokenomics.oracle.parcels); 32 zero bytes for none.
    """

    id: str
    legal_dong_code: str
    name_ko: str
    name_en: str
    area_tenth_m2: int
    base_krw_per_m2: int
    rate_region: str
    parcel_root: Hash = ZERO_HASH

    @property
    def base_value_krw(self) -> int:
        """Worth of the zone at its base price."""
        return zone_value_krw(self.area_tenth_m2, self.base_krw_per_m2)


@dataclass(frozen=True, slots=True)
class ZoneValue:
    """What the oracle holds of a zone; prices in KRW/m2.

    accepted: the basis of the clip. counted: at which the zone entered V last, rolled by official
    rates; anchored: the same at the last anchor. final_round is 0 as long as the base stands.
    valued_calendar_ms is the valuation date and final_calendar_ms the nominal round end of that
    round, both in calendar ms since round 1 began. certified: what only certified events let the
    accepted price rise, so far. recent: the accepted price at each of the last RETURN_ANCHORS
    anchors, oldest first.
    """

    accepted_krw_per_m2: int
    counted_krw_per_m2: int
    anchored_krw_per_m2: int
    final_round: int
    valued_calendar_ms: int
    final_calendar_ms: int
    certified_krw_per_m2: int
    recent: tuple[int, ...]

    def recent_with(self, accepted: int) -> tuple[int, ...]:
        """`recent` one anchor later."""
        return (*self.recent, accepted)[-RETURN_ANCHORS:]


_REQUIRED: Final = tuple(name for name in Zone.__slots__ if name not in _OPTIONAL)

ZONES: Final = table("land", "zone", Zone)
"""Zone by its number, from 0 in the order of genesis."""
ZONE_VALUES: Final = table("land", "value", ZoneValue)
"""ZoneValue by the zone's number."""


def zones(state: State) -> tuple[Zone, ...]:
    """Every zone in the order of genesis; its position is its number."""
    found: list[Zone] = []
    while zone := state.get(ZONES, key(len(found))):
        found.append(zone)
    return tuple(found)


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
    given = GENESIS.fields(value, place, _REQUIRED, _OPTIONAL)

    def text(name: str, maximum_bytes: int) -> str:
        return GENESIS.text(given[name], f"{place}.{name}", maximum_bytes)

    def integer(name: str, highest: int) -> int:
        return GENESIS.integer(given[name], f"{place}.{name}", 1, highest)

    code = text("legal_dong_code", LEGAL_DONG_DIGITS)
    if len(code) != LEGAL_DONG_DIGITS or not (code.isascii() and code.isdigit()):
        raise GENESIS.error(f"{place}.legal_dong_code", f"{LEGAL_DONG_DIGITS} digits", code)
    given = {"rate_region": code[:PROVINCE_DIGITS], "parcel_root": ZERO_HASH.hex(), **given}
    return Zone(
        text("id", MAX_ZONE_ID_BYTES),
        code,
        text("name_ko", MAX_NAME_BYTES),
        text("name_en", MAX_NAME_BYTES),
        integer("area_tenth_m2", MAX_AREA_TENTH_M2),
        integer("base_krw_per_m2", MAX_PRICE_KRW_PER_M2),
        text("rate_region", MAX_REGION_BYTES),
        GENESIS.hash(given["parcel_root"], f"{place}.parcel_root"),
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
        state.put(ZONE_VALUES, key(number), ZoneValue(base, base, base, 0, 0, 0, 0, (base,)))
