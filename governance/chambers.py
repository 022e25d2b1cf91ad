"""The six chambers of the town: their names, weights and kinds (governance.md, "Chambers").

In an institutional chamber members are organisations that weigh the same; in a persons' chamber
one credential is one vote. A chamber with fewer members than `min_members` is vacant.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

CHAMBER_PUBLIC: Final = "chamber.public"
CHAMBER_ACADEMIA: Final = "chamber.academia"
CHAMBER_LAND: Final = "chamber.land"
CHAMBER_BUILDERS: Final = "chamber.builders"
CHAMBER_PARTICIPANTS: Final = "chamber.participants"
CHAMBER_LANDOWNERS: Final = "chamber.landowners"


class ChamberKind(IntEnum):
    """Who sits in a chamber."""

    INSTITUTIONAL = 1
    PERSONS = 2


MIN_MEMBERS: Final = {ChamberKind.INSTITUTIONAL: 1, ChamberKind.PERSONS: 30}
"""Members below which a chamber of a kind is vacant."""


@dataclass(frozen=True, slots=True)
class Chamber:
    """weight: of 100, as long as every chamber is seated and none recused."""

    name: str
    name_ko: str
    name_en: str
    kind: ChamberKind
    weight: int

    @property
    def min_members(self) -> int:
        """With fewer members the chamber is vacant, and its weight does not count."""
        return MIN_MEMBERS[self.kind]


ALL_CHAMBERS: Final = (
    Chamber(CHAMBER_PUBLIC, "공공", "public bodies", ChamberKind.INSTITUTIONAL, 16),
    Chamber(
        CHAMBER_ACADEMIA, "대학·연구", "universities and research", ChamberKind.INSTITUTIONAL, 16
    ),
    Chamber(
        CHAMBER_LAND,
        "토지공사·시행자",
        "land corporation and developers",
        ChamberKind.INSTITUTIONAL,
        16,
    ),
    Chamber(CHAMBER_BUILDERS, "건설·기업", "builders and companies", ChamberKind.INSTITUTIONAL, 16),
    Chamber(
        CHAMBER_PARTICIPANTS, "입주자·참여자", "residents and participants", ChamberKind.PERSONS, 20
    ),
    Chamber(
        CHAMBER_LANDOWNERS,
        "토지수용대상자·원주민",
        "landowners and former residents",
        ChamberKind.PERSONS,
        16,
    ),
)
"""Every chamber, in the order of governance.md; the weights add up to 100."""

CHAMBERS: Final = {chamber.name: chamber for chamber in ALL_CHAMBERS}
INSTITUTIONAL: Final = tuple(
    chamber.name for chamber in ALL_CHAMBERS if chamber.kind is ChamberKind.INSTITUTIONAL
)
PERSONS: Final = tuple(
    chamber.name for chamber in ALL_CHAMBERS if chamber.kind is ChamberKind.PERSONS
)
