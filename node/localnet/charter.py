"""Who is there on day one of a local town that its stakeholders govern.

An organisation in each institutional chamber, a registrar of persons, reporters and certifiers, and
the act that decisions rest on. Nobody is registered as a person: that is done on the running town.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from governance.chambers import (
    CHAMBER_ACADEMIA,
    CHAMBER_BUILDERS,
    CHAMBER_LAND,
    CHAMBER_PUBLIC,
)
from governance.proposals.classes import DAY_MS
from ledger.crypto import checksum_address, sha256
from ledger.primitives import Address
from node.localnet import officials
from node.network.tls import NodeIdentity
from tokenomics import roles

FOUNDING_ACT: Final = 1
"""Number of the legal basis that genesis registers."""
AUDITOR: Final = "Auditor 감사"
"""An observer of genesis without a node in the town: it hands in what it saw, as any peer may."""
MOTION_MS: Final = 3 * DAY_MS
"""The longest time to gather agreement to a pause: people of a fast town sign one after another."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """day_ms: block time of a day of the calendar. block_ms: least time between two blocks, which
    bounds how many heights a time may have."""

    day_ms: int = 500
    block_ms: int = 200


@dataclass(frozen=True, slots=True)
class Chartered:
    """An organisation as the registry names it."""

    name_ko: str
    name_en: str
    chamber: str


@dataclass(frozen=True, slots=True)
class Founder:
    """What an organisation of genesis brings: its account and the keys of its validator."""

    account: Address
    validator_key: bytes
    node_key: bytes


ORGANISATIONS: Final[Mapping[str, Chartered]] = MappingProxyType(
    {
        "city-hall": Chartered("시청", "City hall", CHAMBER_PUBLIC),
        "gist": Chartered("광주과학기술원", "GIST", CHAMBER_ACADEMIA),
        "land-corporation": Chartered("토지공사", "Land corporation", CHAMBER_LAND),
        "builder": Chartered("건설사", "Builder", CHAMBER_BUILDERS),
        "district-office": Chartered("구청", "District office", CHAMBER_PUBLIC),
    }
)
"""By folder, which is the id too. The last one joins later."""
FOUNDERS: Final = tuple(ORGANISATIONS)[:4]
JOINING: Final = "district-office"


def auditor() -> NodeIdentity:
    """Its node key; like every key of a local town it is public knowledge."""
    return NodeIdentity.from_seed(sha256(b"poyong/local/auditor"))


def governed(
    sections: Mapping[str, Any],
    founders: Mapping[str, Founder],
    calendar: Calendar,
    balance: int,
) -> dict[str, Any]:
    """The sections of a local town's genesis with stakeholders in place of the authority.

    founders: by id. balance: of each organisation's account.
    """
    found = {name: section for name, section in sections.items() if name != "governance"}
    held = [
        {"address": checksum_address(founder.account), "balance": str(balance)}
        for founder in founders.values()
    ]
    found["accounts"] = {"accounts": [*sections["accounts"]["accounts"], *held]}
    found["stakeholders"] = _stakeholders(founders)
    found["proposals"] = {"parameters": {"day_ms": calendar.day_ms, "motion_ms": MOTION_MS}}
    return found


def _stakeholders(founders: Mapping[str, Founder]) -> dict[str, Any]:
    section = officials.genesis_section()
    granted = (roles.RATE_REPORTER, roles.SALES_REGISTRAR, roles.CERTIFIER)
    return {
        "organisations": [
            {
                "id": name,
                "name_ko": ORGANISATIONS[name].name_ko,
                "name_en": ORGANISATIONS[name].name_en,
                "chamber": ORGANISATIONS[name].chamber,
                "account": checksum_address(founder.account),
                "validator_key": founder.validator_key.hex(),
                "node_key": founder.node_key.hex(),
            }
            for name, founder in founders.items()
        ],
        "registrars": section["roles"][roles.PERSON_REGISTRAR],
        "roles": {role: section["roles"][role] for role in granted},
        "certifiers": section["certifiers"],
        "legal_bases": [
            {
                "kind": "act",
                "issuer": "대한민국 국회",
                "number": "가상 법률 제1호",
                "article": "제12조",
                "document_hash": sha256("포용타운 특별법, 시연용 가상 본문".encode()).hex(),
            }
        ],
    }
