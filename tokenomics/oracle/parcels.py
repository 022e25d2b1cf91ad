"""Parcels of a zone and the Merkle root that binds its list of them (docs/formats.md, "Parcels").

Official prices only seed parcels and areas; the base of a zone is appraised (economy.md section 1).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ledger import codec, merkle
from ledger.errors import LocalError
from ledger.primitives import ZERO_HASH, Hash
from tokenomics.params import MAX_AREA_TENTH_M2, MAX_PRICE_KRW_PER_M2

PNU_DIGITS: Final = 19


@dataclass(frozen=True, slots=True)
class Parcel:
    """A piece of land. pnu: 필지고유번호, 19 digits. official_krw_per_m2: 개별공시지가, 0 for none.
    area_tenth_m2 is 0 when it is unknown: the official list of prices has no areas.

    LocalError for a value outside its bounds.
    """

    pnu: str
    area_tenth_m2: int
    official_krw_per_m2: int

    def __post_init__(self) -> None:
        if len(self.pnu) != PNU_DIGITS or not (self.pnu.isascii() and self.pnu.isdigit()):
            raise LocalError(f"parcel {self.pnu!r:.60}: expected a PNU of {PNU_DIGITS} digits")
        for name, lowest, highest in (
            ("area_tenth_m2", 0, MAX_AREA_TENTH_M2),
            ("official_krw_per_m2", 0, MAX_PRICE_KRW_PER_M2),
        ):
            found = getattr(self, name)
            if not lowest <= found <= highest:
                raise LocalError(
                    f"parcel {self.pnu}: {name} is {found}, expected {lowest}..{highest}"
                )

    def leaf(self) -> bytes:
        """Canonical [pnu, area_tenth_m2, official_krw_per_m2]."""
        return codec.encode((self.pnu, self.area_tenth_m2, self.official_krw_per_m2))


def ordered(parcels: Iterable[Parcel]) -> list[Parcel]:
    """Parcels in the order of the tree's leaves, by PNU; LocalError for a parcel listed twice."""
    found = sorted(parcels, key=lambda parcel: parcel.pnu)
    for before, after in pairwise(found):
        if before.pnu == after.pnu:
            raise LocalError(f"parcel {after.pnu} is listed twice")
    if len(found) > merkle.MAX_LEAVES:
        raise LocalError(f"{len(found)} parcels in a zone, at most {merkle.MAX_LEAVES}")
    return found


def parcel_root(parcels: Iterable[Parcel]) -> Hash:
    """Merkle root (ledger.merkle) over the leaves by PNU; 32 zero bytes for no parcels.

    LocalError for a parcel listed twice. merkle.prove over ordered() shows one parcel's inclusion.
    """
    found = ordered(parcels)
    return merkle.root(parcel.leaf() for parcel in found) if found else ZERO_HASH
