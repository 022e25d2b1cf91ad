"""Examples of the distribution results: one person, paid by the mint of round 9."""

from typing import Final

from api import pool_results
from api.encoding import address, hex_of
from ledger.crypto import sha256

_PERSON: Final = address(bytes(19) + b"\xb1")
_CERTIFIER: Final = address(bytes(19) + b"\xc1")
_PARTS: Final = (
    ("participation", 25, "12500000000000000000000"),
    ("achievement", 15, "7500000000000000000000"),
    ("founders", 10, "5000000000000000000000"),
    ("owners", 10, "5000000000000000000000"),
    ("treasury", 10, "5000000000000000000000"),
    ("reserve", 30, "15000000000000000000000"),
)


def _pool(number: int, name: str, percent: int, part: str) -> pool_results.Pool:
    paid, persons = name == "participation", number < 4
    return {
        "pool": name,
        "account": address(bytes(19) + bytes((number + 1,))),
        "percent": percent,
        "balance": part,
        "received": part,
        "dividends": "0",
        "waiting": part if persons and not paid else "0",
        "owed": part if paid else "0",
        "active_shares": "1000" if paid else "0",
        "pending_shares": "0",
        "holders": int(paid),
        "accumulator": "230584300921369395200000000000000000000" if paid else "0",
    }


POOLS: Final[pool_results.Pools] = {
    "round": 9,
    "quarter": 10,
    "weight_ppm": 760_228,
    "certificates": 1,
    "vesting_account": address(bytes(19) + b"\x07"),
    "vesting": "0",
    "pools": [_pool(number, *part) for number, part in enumerate(_PARTS)],
}

POSITION: Final[pool_results.Position] = {
    "account": _PERSON,
    "enrolled_quarter": 1,
    "left_quarter": None,
    "cause": None,
    "quarter": 10,
    "weight_ppm": 760_228,
    "weight_quarter": 10,
    "pools": [
        {
            "pool": name,
            "active_shares": "1000" if name == "participation" else "0",
            "pending_shares": "0",
            "claimable": "12500000000000000000000" if name == "participation" else "0",
        }
        for name, _, _ in _PARTS[:4]
    ],
    "releasable": "0",
    "grants": [
        {
            "quarter": 8,
            "amount": "1000000000000000000",
            "vested": "0",
            "unvested": "1000000000000000000",
            "released": "0",
            "matured": "0",
            "next_vesting_quarter": 12,
        }
    ],
    "certificates": [
        {
            "certificate": 1,
            "round": 1,
            "kind": "work",
            "pool": "participation",
            "points": "1000",
            "shares": "1000",
            "certifier": _CERTIFIER,
            "evidence_hash": hex_of(sha256(b"example/evidence")),
            "revoked": False,
            "reason": "",
        }
    ],
}
