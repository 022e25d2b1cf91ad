"""What others may read of distribution: plain maps of a state, as in tokenomics.issuance.views.

Token amounts are decimal strings, and so are shares and accumulators, which may pass 2^53.
"""

from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.primitives import Address
from ledger.state import State
from tokenomics.distribution.certificates import KINDS, Certificate, certificates_of
from tokenomics.distribution.persons import find_person
from tokenomics.distribution.pool_params import (
    DistributionParameters,
    distribution_parameters,
    has_distribution,
)
from tokenomics.distribution.pools import (
    PERCENT,
    PERSON_POOLS,
    POOL_ACCOUNTS,
    VESTING_ACCOUNT,
    Pool,
    Town,
    pool_totals,
    town,
)
from tokenomics.distribution.shares import settled
from tokenomics.distribution.vesting import Grant, grants_of, next_vesting, releasable, vested
from tokenomics.distribution.weights import in_quarter, standing
from tokenomics.ports import Token

View = dict[str, Any]

MAX_LISTED_CERTIFICATES: Final = 64
"""Of one person, the newest."""


def pools(state: State, token: Token) -> View | None:
    """Every pool with its balance and its shares; None on a chain without distribution."""
    if not has_distribution(state):
        return None
    now = town(state)
    return {
        "round": now.round,
        "quarter": now.quarter,
        "weight_ppm": now.weight_ppm,
        "certificates": now.certificates,
        "vesting_account": checksum_address(VESTING_ACCOUNT),
        "vesting": str(token.balance(state, VESTING_ACCOUNT)),
        "pools": [_pool(state, token, pool) for pool in Pool],
    }


def position(state: State, account: Address) -> View | None:
    """What a person holds, may claim and may release; None for who was never enrolled."""
    person = find_person(state, account)
    if person is None:
        return None
    now, parameters = town(state), distribution_parameters(state)
    row = in_quarter(standing(state, account), now, parameters.idle_quarters)
    grants = sorted((grant for _, grant in grants_of(state, account)), key=lambda g: g.round)
    return {
        "account": checksum_address(account),
        "enrolled_quarter": person.enrolled_round,
        "left_quarter": person.left_round or None,
        "cause": person.cause or None,
        "quarter": now.quarter,
        "weight_ppm": row.open_weight_ppm,
        "weight_quarter": row.open_since,
        "pools": [_share(state, pool, account, now) for pool in PERSON_POOLS],
        "releasable": str(sum(releasable(grant, now, parameters) for grant in grants)),
        "grants": [_grant(grant, now, parameters) for grant in grants],
        "certificates": [
            _certificate(number, found)
            for number, found in certificates_of(state, person, MAX_LISTED_CERTIFICATES)
        ],
    }


def _pool(state: State, token: Token, pool: Pool) -> View:
    row = pool_totals(state, pool)
    return {
        "pool": pool.label,
        "account": checksum_address(POOL_ACCOUNTS[pool]),
        "percent": PERCENT[pool],
        "balance": str(token.balance(state, POOL_ACCOUNTS[pool])),
        "received": str(row.received),
        "dividends": str(row.dividends),
        "waiting": str(row.waiting),
        "owed": str(row.owed),
        "active_shares": str(row.active),
        "pending_shares": str(row.pending),
        "holders": row.holders,
        "accumulator": str(row.accumulator),
    }


def _share(state: State, pool: Pool, account: Address, now: Town) -> View:
    holding = settled(state, pool, pool_totals(state, pool), now, account)
    return {
        "pool": pool.label,
        "active_shares": str(holding.active if holding else 0),
        "pending_shares": str(holding.pending if holding else 0),
        "claimable": str(holding.claimable if holding else 0),
    }


def _grant(row: Grant, now: Town, parameters: DistributionParameters) -> View:
    ripe = vested(row.amount, now.quarter - row.round, parameters)
    return {
        "quarter": row.round,
        "amount": str(row.amount),
        "vested": str(ripe),
        "unvested": str(row.amount - ripe),
        "released": str(row.released),
        "matured": str(row.matured),
        "next_vesting_quarter": next_vesting(row, now, parameters),
    }


def _certificate(number: int, row: Certificate) -> View:
    return {
        "certificate": number,
        "round": row.round,
        "kind": row.kind,
        "pool": KINDS[row.kind].label,
        "points": str(row.points),
        "shares": str(row.shares),
        "certifier": checksum_address(row.certifier),
        "evidence_hash": "0x" + row.evidence_hash.hex(),
        "revoked": row.revoked,
        "reason": row.reason,
    }
