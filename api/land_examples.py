"""Examples of the land and issuance results, from one settled round of one zone."""

from typing import Final

from api import land_results
from api.encoding import address, hex_of
from api.examples import TIME_MS
from ledger.crypto import sha256

_REPORT_HASH: Final = hex_of(sha256(b"example/reports"))
_POOL: Final = address(bytes(19) + b"\x01")
APPRAISER: Final = address(bytes(19) + b"\xa1")
_AREA_TENTH_M2: Final = 2_000_000

ZONE: Final[land_results.Zone] = {
    "zone": "wolchul",
    "legal_dong_code": "2917013900",
    "name_ko": "월출동",
    "name_en": "Wolchul-dong",
    "rate_region": "29",
    "parcel_root": hex_of(bytes(32)),
    "area_tenth_m2": _AREA_TENTH_M2,
    "base_krw_per_m2": 250_000,
    "accepted_krw_per_m2": 259_000,
    "counted_krw_per_m2": 259_000,
    "recent_krw_per_m2": [254_000, 259_000],
    "certified_krw_per_m2": 0,
    "value_krw": "51800000000",
    "final_round": 9,
    "last_round": 9,
    "last_outcome": "FINAL",
    "dispersion_ppm": 8_000,
    "phase": "FINAL",
}

ROUND: Final[land_results.Round] = {
    "zone": "wolchul",
    "round": 9,
    "is_anchor": True,
    "opened_ms": TIME_MS,
    "end_ms": TIME_MS + 1000,
    "deadline_ms": TIME_MS + 2020,
    "length_ms": 1000,
    "state": "FINAL",
    "phase": "FINAL",
    "phase_deadline_ms": TIME_MS + 1500,
    "reveal_ms": None,
    "panel": [APPRAISER],
    "further": [],
    "blind": [],
    "missing": [],
    "closed_ms": TIME_MS + 1500,
    "median_krw_per_m2": 259_000,
    "dispersion_ppm": 8_000,
    "limit_krw_per_m2": 263_000,
    "accepted_krw_per_m2": 259_000,
    "counted_krw_per_m2": 259_000,
    "reports": [
        {
            "appraiser": APPRAISER,
            "seat": "PANEL",
            "price_krw_per_m2": 259_000,
            "valuation_date_ms": TIME_MS,
            "method": "comparison",
            "comparables": 8,
            "document_hash": hex_of(sha256(b"example/document")),
            "transaction": hex_of(sha256(b"example/transaction")),
        }
    ],
    "challenge": None,
}

_TOWN_ROUND: Final[land_results.TownRound] = {
    "round": 9,
    "is_anchor": True,
    "closed_ms": TIME_MS + 1500,
    "land_index": 103_600,
    "value_krw": "51800000000",
    "zones_final": 1,
    "reports": 5,
    "reports_hash": _REPORT_HASH,
}

LAND_INDEX: Final[land_results.LandIndex] = {
    "land_index": 103_600,
    "value_krw": "51800000000",
    "base_value_krw": "50000000000",
    "newest_round": 10,
    "closed_rounds": 9,
    "rounds_final": 9,
    "open_rounds": [
        {
            "round": 10,
            "is_anchor": True,
            "opened_ms": TIME_MS + 1000,
            "end_ms": TIME_MS + 2000,
            "deadline_ms": TIME_MS + 3020,
            "length_ms": 1000,
            "zones": [
                {
                    "zone": "wolchul",
                    "phase": "COMMIT",
                    "deadline_ms": TIME_MS + 2220,
                    "panel": [APPRAISER],
                    "further": [],
                    "blind": [],
                    "missing": [APPRAISER],
                }
            ],
        }
    ],
    "rates": [
        {"region": "00", "official_until": 2014_03},
        {"region": "29", "official_until": 2014_03},
    ],
    "rounds": [_TOWN_ROUND],
}

LISTED_ROUND: Final[land_results.ListedRound] = {
    **_TOWN_ROUND,
    "recognition_open": True,
    "live_krw": "1800000000",
    "lasting_krw": "200000000",
    "recognised_krw": "200000000",
    "entitlement": "50000000000000000000000",
    "ceiling": "50000000000000000000000",
    "cover": "450000000000000000000000",
    "minted": "50000000000000000000000",
    "issued": "50000000000000000000000",
    "burned": "0",
    "outstanding": "50000000000000000000000",
    "coverage_bps": None,
    "mode": "GROSS",
}

_PARAMETERS: Final[land_results.IssuanceParameters] = {
    "mode": "GROSS",
    "lambda_bps": 2500,
    "price_krw_per_token": 1000,
    "hard_cap": "1000000000000000000000000000",
    "window_anchors": 9,
    "limit_bps": 80,
    "limit_room_divisor": 24,
    "limit_bound_bps": 500,
}

ISSUANCE: Final[land_results.Issuance] = {
    "round": 9,
    "ceiling": "50000000000000000000000",
    "issued": "50000000000000000000000",
    "minted": "50000000000000000000000",
    "burned": "0",
    "headroom": "0",
    "genesis_allocation": "0",
    "treasury_pool": _POOL,
    "parameters": _PARAMETERS,
    "derivation": {
        "round": 9,
        "parameters": _PARAMETERS,
        "reports": 5,
        "reports_hash": _REPORT_HASH,
        "zones": [
            {
                "zone": "wolchul",
                "area_tenth_m2": _AREA_TENTH_M2,
                "base_krw_per_m2": 250000,
                "outcome": "FINAL",
                "median_krw_per_m2": 259000,
                "accepted_krw_per_m2": 259000,
                "counted_krw_per_m2": 259000,
                "certified_krw_per_m2": 0,
            },
        ],
        "value_krw": "51800000000",
        "base_value_krw": "50000000000",
        "costs_krw": "0",
        "normal_growth_index": None,
        "normal_growth_krw": "0",
        "mode": "GROSS",
        "is_anchor": True,
        "live_krw": "1800000000",
        "certified_rise_krw": "0",
        "certified_krw": "0",
        "window_live_krw": [
            "200000000",
            "400000000",
            "600000000",
            "800000000",
            "1000000000",
            "1200000000",
            "1400000000",
            "1600000000",
            "1800000000",
        ],
        "window_certified_krw": ["0"] * 9,
        "lasting_krw": "200000000",
        "certified_lasting_krw": "0",
        "recognition_open": True,
        "recognised_before_krw": "0",
        "recognised_krw": "200000000",
        "entitlement_before": "0",
        "entitlement": "50000000000000000000000",
        "certified_recognised_before_krw": "0",
        "certified_recognised_krw": "0",
        "certified_entitlement_before": "0",
        "certified_entitlement": "0",
        "genesis_allocation": "0",
        "ceiling": "50000000000000000000000",
        "issued_before": "0",
        "room": "50000000000000000000000",
        "certified_issued_before": "0",
        "room_certified": "0",
        "cover": "450000000000000000000000",
        "burned_in_round": "0",
        "burned_in_all": "0",
        "outstanding": "0",
        "coverage_bps": None,
        "town_scale": "12500000000000000000000000",
        "quarter_limit": "100000000000000000000000",
        "elapsed_ms": 1000,
        "length_ms": 1000,
        "limit": "100000000000000000000000",
        "paused": False,
        "minted": "50000000000000000000000",
        "certified_minted": "0",
        "issued": "50000000000000000000000",
    },
}
