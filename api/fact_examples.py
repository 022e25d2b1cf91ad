"""Examples of the results about facts beside appraisals, in the town of api.land_examples."""

from typing import Final

from api import fact_results
from api.encoding import address, hex_of
from api.land_examples import APPRAISER
from ledger.crypto import sha256

_REPORTERS: Final = [address(bytes(19) + bytes([number])) for number in (0xB1, 0xB2)]
_DOCUMENT: Final = hex_of(sha256(b"example/document"))
_TRANSACTION: Final = hex_of(sha256(b"example/transaction"))

RATES: Final[fact_results.Rates] = {
    "first_month": 2012_01,
    "regions": [
        {
            "region": "29",
            "official_until": 2012_01,
            "index": "1000570000000",
            "months": [
                {
                    "month": 2012_01,
                    "index_step": 100_057,
                    "index": "1000570000000",
                    "reports": [
                        {
                            "reporter": reporter,
                            "index_step": 100_057,
                            "gazette_hash": _DOCUMENT,
                            "transaction": _TRANSACTION,
                        }
                        for reporter in _REPORTERS
                    ],
                    "corrections": [],
                }
            ],
            "waiting": [
                {
                    "month": 2012_02,
                    "index_step": None,
                    "index": None,
                    "reports": [
                        {
                            "reporter": _REPORTERS[0],
                            "index_step": 100_067,
                            "gazette_hash": _DOCUMENT,
                            "transaction": _TRANSACTION,
                        }
                    ],
                    "corrections": [],
                }
            ],
        }
    ],
}

ZONE_EVENT: Final[fact_results.ZoneEvent] = {
    "stage": "site works",
    "factor_bps": 15_000,
    "cost_krw": "12500000000",
    "accepted_krw_per_m2": 259_000,
    "limit_krw_per_m2": 388_500,
    "from_round": 10,
    "last_round": 13,
    "document_hash": _DOCUMENT,
    "transaction": _TRANSACTION,
}

_SALE: Final[fact_results.Sale] = {
    "zone": "wolchul",
    "pnu": "2917013900100170004",
    "sold_month": 2014_02,
    "price_krw_per_m2": 262_000,
    "document_hash": _DOCUMENT,
    "transaction": _TRANSACTION,
}

SALES: Final[fact_results.Sales] = {
    "round": 9,
    "first_month": 2012_04,
    "last_month": 2014_03,
    "kept": 2,
    "sales": [_SALE],
    "struck": [
        {
            **_SALE,
            "sold_month": 2013_11,
            "price_krw_per_m2": 26_200,
            "reason": "a digit is missing",
            "struck_by": _TRANSACTION,
        }
    ],
}

ROLE: Final[fact_results.RoleHolders] = {"role": "rate_reporter", "holders": _REPORTERS}

APPRAISERS: Final[fact_results.Appraisers] = {
    "term": 3,
    "appraisers": [
        {
            "account": APPRAISER,
            "nominator": "chamber.land",
            "licence_hash": hex_of(bytes(32)),
            "valid_until_ms": None,
            "suspended": False,
            "outliers": [],
            "panels": ["wolchul"],
            "seats": [{"round": 10, "zone": "wolchul", "seat": "PANEL"}],
        }
    ],
}
