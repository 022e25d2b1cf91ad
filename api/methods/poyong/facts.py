"""poyong_*: the facts beside appraisals: official rates, certified events, sales, roles, and the
registry of appraisers."""

from typing import Annotated, cast

from api import fact_examples, fact_results, parameters
from api.registry import Context, method


@method("poyong", example={"region": "29"}, result=fact_examples.RATES)
async def get_rates(
    context: Context,
    region: Annotated[
        str | None, parameters.REGION, "Only this one; 00 is the nation. By default all."
    ] = None,
) -> fact_results.Rates:
    """Official land-price change rates (지가변동률) of each region and the index that they make,
    month by month, and the reports that wait for a second one."""
    return cast(fact_results.Rates, context.node.rates(region))


@method("poyong", example={"zone": "wolchul"}, result=[fact_examples.ZONE_EVENT])
async def get_zone_events(
    context: Context,
    zone: Annotated[str, parameters.ZONE, "Zone id, as poyong_getZones gives it."],
) -> list[fact_results.ZoneEvent] | None:
    """Certified land-use events of a zone: how far each lets the price rise, in which rounds, and
    what it cost. Null for an unknown zone."""
    return cast(list[fact_results.ZoneEvent] | None, context.node.zone_events(zone))


@method("poyong", example={"round": 9}, result=fact_examples.SALES)
async def get_sales(
    context: Context,
    round: Annotated[
        int | None, parameters.ROUND, "Whose study; by default of the newest round that opened."
    ] = None,
) -> fact_results.Sales | None:
    """Arm's-length sales that a round's ratio study counts, and those that were struck from its
    months. Null for a round that has not opened."""
    return cast(fact_results.Sales | None, context.node.sales(round))


@method("poyong", example={"role": "rate_reporter"}, result=[fact_examples.ROLE])
async def get_roles(
    context: Context,
    role: Annotated[str | None, parameters.ROLE, "Only this one. By default all."] = None,
) -> list[fact_results.RoleHolders]:
    """Who holds each role now. Empty for a name that is no role."""
    return cast(list[fact_results.RoleHolders], list(context.node.roles(role)))


@method("poyong", example={}, result=fact_examples.APPRAISERS)
async def get_appraisers(context: Context) -> fact_results.Appraisers:
    """The registry of appraisers: who nominated each, until when the licence is valid, who is
    suspended, and in which seats each is now."""
    return cast(fact_results.Appraisers, context.node.appraisers())


METHODS = (get_rates, get_zone_events, get_sales, get_roles, get_appraisers)
