"""The sections of genesis in which a scenario's town begins."""

from collections.abc import Sequence
from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.primitives import BPS, Address
from node.scenarios.model import Scenario
from tokenomics.oracle.registry import NOMINATORS
from tokenomics.oracle.zones import Zone
from tokenomics.params import QUARTER_MS

PHASES_MS: Final = {
    "commit_ms": QUARTER_MS,
    "reveal_ms": QUARTER_MS,
    "reappraisal_ms": 2 * QUARTER_MS,
    "challenge_ms": 2 * QUARTER_MS // 5,
    "dispute_ms": 2 * QUARTER_MS,
    "grace_bps": BPS,
}
"""Of a town whose quarters last a second: a phase ends as soon as everybody has spoken, so its
length is for late ones. Only a challenge runs its whole time."""
DEFAULT_QUARTER_MS: Final = 1_000
QUARTER_MS_A_ZONE: Final = 100
"""With many zones a quarter lasts longer: each has ten messages of appraisers in it."""


def patient_quarter_ms(scenario: Scenario) -> int:
    """Half as long again, for a run whose figures count: on a busy machine no appraiser is late."""
    return usual_quarter_ms(scenario) * 3 // 2


def usual_quarter_ms(scenario: Scenario) -> int:
    """How long a quarter lasts on a local town when nobody says otherwise."""
    return max(DEFAULT_QUARTER_MS, QUARTER_MS_A_ZONE * len(scenario.zones))


def genesis_sections(
    scenario: Scenario,
    appraisers: Sequence[Address],
    *,
    quarter_ms: int = DEFAULT_QUARTER_MS,
    is_idle: bool = False,
) -> dict[str, dict[str, Any]]:
    """Sections `land` and `issuance`; the appraisers are nominated in turn.

    The scenario runs at `quarter_ms` a quarter; afterwards a quarter is a real one again, so that
    no zone goes stale within seconds. A town that nobody plays to (is_idle) has real quarters from
    the start, and the usual phases.
    """
    parameters: dict[str, int] = {"anchor_every_rounds": scenario.anchor_every}
    if not is_idle:
        parameters |= PHASES_MS
        parameters |= {"scaled_quarter_ms": quarter_ms, "scaled_rounds": scenario.rounds}
    land: dict[str, Any] = {
        "parameters": parameters,
        "zones": [_zone(zone) for zone in scenario.zones],
        "appraisers": [
            {
                "account": checksum_address(address),
                "nominator": NOMINATORS[number % len(NOMINATORS)],
            }
            for number, address in enumerate(appraisers)
        ],
    }
    if scenario.rates:
        land["rates"] = {"first_month": scenario.first_month}
    return {"land": land, "issuance": {"parameters": _issuance(scenario)}}


def _zone(zone: Zone) -> dict[str, Any]:
    fields = {name: getattr(zone, name) for name in Zone.__slots__}
    return fields | {"parcel_root": "0x" + zone.parcel_root.hex()}


def _issuance(scenario: Scenario) -> dict[str, Any]:
    parameters = {
        name: getattr(scenario.parameters, name) for name in type(scenario.parameters).__slots__
    }
    # Decimal text: JSON numbers lose digits in other languages.
    return parameters | {
        "mode": scenario.parameters.mode.name,
        "hard_cap": str(scenario.parameters.hard_cap),
    }
