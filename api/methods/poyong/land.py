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


@method("poyong", example={"first": 9, "count": 1}, result=[land_examples.LISTED_ROUND])
async def list_rounds(
    context: Context,
    first: Annotated[int, parameters.ROUND, "Number of the first one, from 1."],
    count: Annotated[int, parameters.ROUNDS, "How many, at most."],
) -> list[land_results.ListedRound]:
    """Closed town rounds in order, each with what issuance made of it: L, S, R, E, ceiling, cover,
    mint, issued, burned, outstanding. Fewer than asked for at the end of the list."""
    return cast(list[land_results.ListedRound], list(context.node.rounds(first, count)))


@method("poyong", example={"round": 9}, result=land_examples.ISSUANCE)
async def get_issuance(
    context: Context,
    round: Annotated[
        int | None, parameters.ROUND, "Whose derivation; by default of the last settled round."
    ] = None,
) -> land_results.Issuance | None:
    """Ceiling, issued, burned and headroom now, with every input and result of a settled round, so
    that anyone can recompute the mint. Null for a round that is not settled."""
    return cast(land_results.Issuance | None, context.node.issuance(round))


METHODS = (get_zones, get_round, get_land_index, list_rounds, get_issuance)
