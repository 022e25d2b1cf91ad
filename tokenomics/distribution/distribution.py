"""Distribution as a state module: what a mint splits over, who holds shares, and what vests."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from ledger.errors import ensure
from ledger.message_registry import MessageType
from ledger.module import Context, Handler, Invariant
from ledger.primitives import Address
from ledger.rows import key
from ledger.state import State
from tokenomics.distribution.certificates import certificate_handlers
from tokenomics.distribution.claims import claim_handlers
from tokenomics.distribution.distribution_rules import distribution_rule_handlers, take_effect
from tokenomics.distribution.following import follow
from tokenomics.distribution.leaving import leaving_handlers
from tokenomics.distribution.persons import person_handlers
from tokenomics.distribution.pool_invariants import distribution_invariants
from tokenomics.distribution.pool_params import (
    DISTRIBUTION_PARAMETERS,
    DistributionParameters,
    distribution_parameters,
    has_distribution,
)
from tokenomics.distribution.pools import (
    CLOSES,
    PERSON_POOLS,
    POOL_ACCOUNTS,
    POOL_KEYS,
    POOLS,
    TOWN,
    Close,
    Pool,
    after_mint,
    open_pools,
    pool_totals,
    require_covered,
    split,
    town,
)
from tokenomics.distribution.reserve import add_tranche, mature
from tokenomics.distribution.spending import spending_handlers
from tokenomics.distribution.weights import next_weight
from tokenomics.issuance.issuance import MINT_ACCOUNT
from tokenomics.params import GENESIS, parameters_from
from tokenomics.ports import Credentials, RoleBook, Token
from tokenomics.standins import NoCredentials, TreasuryDistribution

NO_CREDENTIALS: Final = NoCredentials()


class DistributionModule:
    """StateModule of pools, shares, vesting and reserve; the Distribution that issuance calls.

    A chain whose genesis has no distribution section mints to the treasury alone.
    """

    name: Final = "distribution"

    def __init__(
        self, roles: RoleBook, token: Token, credentials: Credentials = NO_CREDENTIALS
    ) -> None:
        self._token = token
        self._without = TreasuryDistribution(token)
        self.handlers: Final[Mapping[MessageType, Handler]] = {
            **person_handlers(roles, credentials),
            **certificate_handlers(roles),
            **claim_handlers(roles, token),
            **leaving_handlers(roles, token),
            **spending_handlers(roles, token),
            **distribution_rule_handlers(),
        }
        self.invariants: Final[Mapping[str, Invariant]] = distribution_invariants(token)

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Write the parameters and empty pools. An empty section is a chain without distribution.
        Raises LocalError that names the wrong field."""
        if not section:
            return
        given = GENESIS.fields(section, "distribution", required=("parameters",))
        parameters = parameters_from(
            given["parameters"], "distribution.parameters", DistributionParameters
        )
        context.state.put(DISTRIBUTION_PARAMETERS, b"", parameters)
        open_pools(context.state)

    def begin_block(self, context: Context) -> None:
        """Nothing to do."""

    def end_block(self, context: Context) -> None:
        """Check what is cheap: each pool holds what it owes."""
        if has_distribution(context.state):
            require_covered(context.state, self._token)

    def rebound(self, context: Context, old: Address, new: Address) -> None:
        """A person whose key was lost has another account: shares and vesting move there (the port
        of governance's re-bindings). TransactionError when `new` has shares of its own."""
        follow(context, old, new)

    def next_deadline_ms(self, state: State) -> int | None:
        """None: it follows issuance."""
        del state
        return None

    def mature(self, context: Context, round_number: int, *, is_final: bool, uncovered: int) -> int:
        """Settle the reserve tranches that are due, when the round is FINAL."""
        if not has_distribution(context.state):
            return self._without.mature(
                context, round_number, is_final=is_final, uncovered=uncovered
            )
        return mature(context, self._token, round_number, uncovered) if is_final else 0

    def distribute(self, context: Context, round_number: int, minted: int) -> None:
        """Split a mint, pay the active shares, then make the pending ones active. O(pools)."""
        state, token = context.state, self._token
        if not has_distribution(state):
            self._without.distribute(context, round_number, minted)
            return
        now, parameters = town(state), distribution_parameters(state)
        ensure(
            round_number == now.quarter,
            f"round {round_number} is distributed after round {now.round}",
        )
        parts, accumulators = split(minted), []
        for pool, part in zip(Pool, parts, strict=True):
            token.transfer(state, MINT_ACCOUNT, POOL_ACCOUNTS[pool], part)
            before = pool_totals(state, pool)
            if pool in PERSON_POOLS:
                after = after_mint(before, part)
            else:
                after = replace(before, received=before.received + part)
            state.put(POOLS, POOL_KEYS[pool], after)
            accumulators.append(after.accumulator)
            if part:
                context.emit(
                    "pool.received",
                    pool=pool.label,
                    round=round_number,
                    amount=part,
                    shares=before.active,
                    accumulator=after.accumulator,
                )
        add_tranche(state, now, parts[Pool.RESERVE], parameters)
        state.put(CLOSES, key(round_number), Close(minted, parts, tuple(accumulators)))
        weight_ppm = next_weight(now.weight_ppm, parameters)
        state.put(TOWN, b"", replace(now, round=round_number, weight_ppm=weight_ppm))
        take_effect(state)
