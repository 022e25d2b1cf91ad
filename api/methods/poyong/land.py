"""poyong_*: zones, appraisal rounds, the land index and issuance, as the economy's modules tell
them. Token amounts and KRW sums are decimal strings, prices per m2 integers."""

from typing import Annotated, cast

from api import land_examples, land_results, parameters
from api.registry import Context, method


@method("poyong", example={}, result=[land_examples.ZONE])
async def get_zones(context: Context) -> list[land_results.Zone]:
    """Every zone of the district: area, base price, accepted price, how its last round ended."""
    return cast(list[land_results.Zone], list(context.node.zones()))


@method("poyong", example={"zone": "wolchul", "number": 9}, result=land_examples.ROUND)
async def get_round(
    context: Context,
    zone: Annotated[str, parameters.ZONE, "Zone id, as poyong_getZones gives it."],
    number: Annotated[
        int | None,
        parameters.ROUND,
        "Number; by default of the newest whose appraisal began.",
    ] = None,
) -> land_results.Round | None:
    """An appraisal round of a zone: phase and seats, who is missing, every report, the median, a
    challenge, and what was accepted. Null for an unknown zone or round."""
    return cast(land_results.Round | None, context.node.round(zone, number))


@method("poyong", example={}, result=land_examples.LAND_INDEX)
async def get_land_index(context: Context) -> land_results.LandIndex:
    """The town's land index now, where 100000 is the base, and at each closed town round, and whose
    commitments and reveals the open rounds still wait for."""
    return cast(land_results.LandIndex, context.node.land_index())


@method("poyong", example={}, result=land_examples.ISSUANCE)
async def get_issuance(context: Context) -> land_results.Issuance:
    """Ceiling, issued, burned and headroom, with every input and result of the last settled round,
    so that anyone can recompute the mint."""
    return cast(land_results.Issuance, context.node.issuance())


METHODS = (get_zones, get_round, get_land_index, get_issuance)
