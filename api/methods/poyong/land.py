"""poyong_*: zones, appraisal rounds, the land index and issuance, as the economy's module tells
them. Token amounts and KRW are decimal strings."""

from collections.abc import Mapping
from typing import Annotated, Any

from api import parameters
from api.registry import Context, method

View = dict[str, Any]

_ZONE: View = {
    "id": "wolchul",
    "name": "월출동",
    "legal_dong_code": "2917013900",
    "area_dm2": "60280880",
    "base_price_krw": "250000",
    "accepted_price_krw": "255000",
    "round": 4,
    "state": "FINAL",
}


def _plain(view: Mapping[str, object]) -> View:
    return dict(view)


@method("poyong", example={}, result=[_ZONE])
async def get_zones(context: Context) -> list[dict[str, Any]]:
    """Every zone of the district: area, base price, accepted price and the state of its round."""
    return [_plain(zone) for zone in context.node.zones()]


@method(
    "poyong",
    example={"zone": "wolchul", "number": 4},
    result={
        "zone": "wolchul",
        "number": 4,
        "state": "FINAL",
        "median_krw": "256200",
        "accepted_price_krw": "255000",
        "reports": [{"appraiser": "0x" + "00" * 19 + "01", "price_krw": "256200"}],
    },
)
async def get_round(
    context: Context,
    zone: Annotated[str, parameters.ZONE, "Zone id, as poyong_getZones gives it."],
    number: Annotated[
        int | None, parameters.ROUND, "Number of the round; the latest by default."
    ] = None,
) -> dict[str, Any] | None:
    """An appraisal round of a zone: every report, the median, and what was accepted. Null for an
    unknown zone or round."""
    found = context.node.round(zone, number)
    return None if found is None else _plain(found)


@method(
    "poyong",
    example={},
    result={
        "index": 102000,
        "value_krw": "922080000000",
        "base_value_krw": "904000000000",
        "rounds_final": 4,
        "history": [{"number": 4, "index": 102000}],
    },
)
async def get_land_index(context: Context) -> dict[str, Any]:
    """The town's land index now, where 100000 is the base, and for each closed town round."""
    return _plain(context.node.land_index())


@method(
    "poyong",
    example={},
    result={
        "ceiling": "4520000000000000000000000",
        "issued": "2260000000000000000000000",
        "burned": "0",
        "headroom": "2260000000000000000000000",
        "recognised_krw": "18080000000",
        "live_krw": "20000000000",
        "parameters": {"lambda_bps": 2500, "price_krw_per_token": 1000},
    },
)
async def get_issuance(context: Context) -> dict[str, Any]:
    """Ceiling, issued, burned and headroom, with every input of the formula, so that anyone can
    recompute them (economy: uplift, ceiling, mint)."""
    return _plain(context.node.issuance())


METHODS = (get_zones, get_round, get_land_index, get_issuance)
