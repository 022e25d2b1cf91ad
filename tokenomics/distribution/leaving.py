"""Leaving: shares end, what had vested stays the holder's, the rest goes back to the reserve.

To the reserve and not to the pool, so that nobody gains by a colleague's leaving. Hardship
accelerates: then everything vests at once.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from msgspec.structs import replace

from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address
from tokenomics.distribution.persons import (
    PERSON_FIELD,
    PERSONS,
    require_person,
    require_role,
    running_town,
)
from tokenomics.distribution.pool_params import distribution_parameters
from tokenomics.distribution.pools import PERSON_POOLS, POOL_ACCOUNTS, VESTING_ACCOUNT, Pool
from tokenomics.distribution.reserve import add_tranche
from tokenomics.distribution.shares import end_shares
from tokenomics.distribution.vesting import end_grants, release_vested
from tokenomics.ports import RoleBook, Token
from tokenomics.roles import PERSON_REGISTRAR

LEFT: Final = "left"
ACCELERATING: Final = ("death", "illness", "relocation")
"""Hardships; relocation is a forced one."""
CAUSES: Final = (LEFT, *ACCELERATING)
MAX_CAUSE_BYTES: Final = 32

LEAVE: Final = MessageType(
    "distribution.leave",
    "Ends a person's shares; sent by a registrar, or by the person who leaves.",
    (PERSON_FIELD, Field("cause", Kind.TEXT, "one of " + ", ".join(CAUSES), MAX_CAUSE_BYTES)),
)


def leaving_handlers(roles: RoleBook, token: Token) -> Mapping[MessageType, Handler]:
    """The message that ends shares."""
    return {LEAVE: partial(_leave, roles, token)}


def _leave(roles: RoleBook, token: Token, context: Context, account: Address, cause: str) -> None:
    state = context.state
    now = running_town(state)
    if cause not in CAUSES:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"cause: expected one of {', '.join(CAUSES)}, found {cause!r}",
        )
    if context.sender != account or cause != LEFT:
        deed = f"records this leaving ({cause}); only the one who left may send {LEFT!r} as well"
        require_role(roles, context, PERSON_REGISTRAR, deed)
    person = require_person(state, account)
    parameters, reserve = distribution_parameters(state), POOL_ACCOUNTS[Pool.RESERVE]
    keeps = cause in ACCELERATING
    unclaimed = 0
    for pool in PERSON_POOLS:
        amount = end_shares(state, pool, account, now)
        token.transfer(state, POOL_ACCOUNTS[pool], account if keeps else reserve, amount)
        unclaimed += amount
    vested = release_vested(state, account, now, parameters)
    unvested = end_grants(state, account)
    token.transfer(state, VESTING_ACCOUNT, account, vested)
    token.transfer(state, VESTING_ACCOUNT, account if keeps else reserve, unvested)
    if not keeps:
        add_tranche(state, now, unclaimed + unvested, parameters)
    state.put(PERSONS, account, replace(person, left_round=now.quarter, cause=cause))
    context.emit(
        "distribution.left",
        person=account,
        cause=cause,
        quarter=now.quarter,
        vested=vested,
        unvested=unvested,
        unclaimed=unclaimed,
        to_reserve=0 if keeps else unclaimed + unvested,
    )
