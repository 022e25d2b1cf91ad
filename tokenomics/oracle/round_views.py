"""What others may read of closed town rounds and of what issuance made of them: plain maps."""

from typing import Any, Final

from ledger.errors import LocalError
from ledger.state import State
from tokenomics.issuance.ceiling import coverage_bps
from tokenomics.issuance.derivation import IssuanceRound, issuance_round, totals
from tokenomics.oracle.land_views import MAX_LISTED_ROUNDS, list_rounds
from tokenomics.oracle.rounds import town_round

View = dict[str, Any]

_UNSETTLED: Final[View] = dict.fromkeys(
    (
        "live_krw",
        "lasting_krw",
        "recognised_krw",
        "entitlement",
        "ceiling",
        "cover",
        "minted",
        "issued",
        "burned",
        "outstanding",
        "coverage_bps",
        "mode",
    )
)
"""Of a round that issuance has not settled, as on a chain without it."""


def listed_rounds(state: State, first: int, count: int) -> list[View]:
    """Closed town rounds from number `first` on, in order, each with what issuance made of it.

    LocalError when more than MAX_LISTED_ROUNDS are asked for.
    """
    if count > MAX_LISTED_ROUNDS:
        raise LocalError(
            f"at most {MAX_LISTED_ROUNDS} rounds are listed at once, found count {count}: ask for "
            f"the rest from round {first + MAX_LISTED_ROUNDS} on"
        )
    return [
        {**view, "recognition_open": _recognition_open(state, view["round"])}
        | _issuance(state, view["round"])
        for view in list_rounds(state, first, count)
    ]


def _recognition_open(state: State, number: int) -> bool | None:
    row = town_round(state, number)
    return None if row is None else row.recognition_open


def _issuance(state: State, number: int) -> View:
    """Totals are after the round; coverage is what the mint saw, before it."""
    row = issuance_round(state, number)
    if row is None:
        return _UNSETTLED
    return {
        "live_krw": _known(row.live_krw),
        "lasting_krw": _known(row.lasting_krw),
        "recognised_krw": str(row.recognised_krw),
        "entitlement": str(row.entitlement),
        "ceiling": str(row.ceiling),
        "cover": str(row.cover),
        "minted": str(row.minted),
        "issued": str(row.issued),
        "burned": str(row.burned_in_all),
        "outstanding": str(_outstanding(row, totals(state).genesis_allocation)),
        "coverage_bps": coverage_bps(row.cover, row.outstanding),
        "mode": row.mode.name,
    }


def _outstanding(row: IssuanceRound, genesis_allocation: int) -> int:
    """After the mint."""
    return max(0, row.issued - genesis_allocation - row.burned_in_all)


def _known(amount: int | None) -> str | None:
    return None if amount is None else str(amount)
