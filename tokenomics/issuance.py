"""Issuance as a state module: each closed town round is recognised, then minted.

The mint is a transition at a round's end; no message, key or vote can mint.
"""

from collections.abc import Mapping
from typing import Any, Final

from ledger.accounts import module_address
from ledger.message_registry import MessageType
from ledger.module import Context, Handler, Invariant
from ledger.state import State
from tokenomics.derivation import (
    ISSUANCE_ROUNDS,
    TOTALS,
    IssuanceRound,
    IssuanceState,
    derive,
    has_issuance,
    live_history,
    totals,
)
from tokenomics.invariants import issuance_invariants
from tokenomics.params import (
    GENESIS,
    ISSUANCE_PARAMETERS,
    IssuanceParameters,
    Mode,
    issuance_parameters,
    parameters_from,
)
from tokenomics.ports import Oracle, Token
from tokenomics.rounds import TownRound
from tokenomics.rows import key, present

TREASURY_POOL: Final = module_address("pool.treasury")
"""Receives every mint for now; an account without a key."""
NO_NORMAL_GROWTH_KRW: Final = 0
"""N in mode GROSS, the only one until the nation's change rate is reported on chain."""


class IssuanceModule:
    """StateModule of recognition, ceiling and mint. Its end_block runs after the oracle's."""

    name: Final = "issuance"
    handlers: Final[Mapping[MessageType, Handler]] = {}

    def __init__(self, oracle: Oracle, token: Token) -> None:
        self._oracle = oracle
        self._token = token
        self.invariants: Final[Mapping[str, Invariant]] = issuance_invariants(oracle, token)

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Write the parameters; what accounts hold by now is the genesis allocation.

        So the accounts' module comes before this one. An empty section is a chain without
        issuance. Raises LocalError that names the wrong field.
        """
        if not section:
            return
        place = "issuance.parameters"
        given = GENESIS.fields(section, "issuance", required=("parameters",))
        parameters = parameters_from(given["parameters"], place, IssuanceParameters)
        if parameters.mode is not Mode.GROSS:
            # NET needs the nation's change rate on chain, which nobody reports yet.
            raise GENESIS.error(f"{place}.mode", "GROSS, the only mode yet", parameters.mode.name)
        allocation = self._token.supply(context.state)
        if allocation > parameters.hard_cap:
            expected = f"at least {allocation}, which accounts hold at genesis"
            raise GENESIS.error(f"{place}.hard_cap", expected, parameters.hard_cap)
        context.state.put(ISSUANCE_PARAMETERS, b"", parameters)
        context.state.put(TOTALS, b"", IssuanceState(0, 0, 0, allocation, allocation))

    def begin_block(self, context: Context) -> None:
        """Nothing to do."""

    def end_block(self, context: Context) -> None:
        """Settle each town round that closed in this block, in order."""
        state = context.state
        if not has_issuance(state):
            return
        for number in range(totals(state).round + 1, self._oracle.closed_rounds(state) + 1):
            town = self._oracle.town_round(state, number)
            self._settle(context, present(town, f"town round {number}"))

    def next_deadline_ms(self, state: State) -> int | None:
        """None: it follows the oracle."""
        del state
        return None

    def _settle(self, context: Context, town: TownRound) -> None:
        state = context.state
        before, parameters = totals(state), issuance_parameters(state)
        row = derive(
            before,
            town,
            self._oracle.base_value_krw(state),
            NO_NORMAL_GROWTH_KRW,
            live_history(state, before.round, parameters.window_anchors - 1),
            before.issued - self._token.supply(state),
            parameters,
        )
        self._token.mint(state, TREASURY_POOL, row.minted)
        state.put(ISSUANCE_ROUNDS, key(row.number), row)
        state.put(
            TOTALS,
            b"",
            IssuanceState(
                row.number,
                row.recognised_krw,
                row.entitlement,
                before.genesis_allocation,
                row.issued,
            ),
        )
        _emit(context, row, before, town, parameters)


def _emit(
    context: Context,
    row: IssuanceRound,
    before: IssuanceState,
    town: TownRound,
    parameters: IssuanceParameters,
) -> None:
    """One event for recognition and, when something was minted, one for the mint."""
    context.emit(
        "issuance.recognised",
        round=row.number,
        mode=parameters.mode.name,
        value_krw=row.value_krw,
        base_value_krw=row.base_value_krw,
        normal_growth_krw=row.normal_growth_krw,
        costs_krw=row.costs_krw,
        live_krw=row.live_krw,
        window_anchors=parameters.window_anchors,
        # Absent before W anchors; an event holds no null.
        **({} if row.lasting_krw is None else {"lasting_krw": row.lasting_krw}),
        recognised_before_krw=before.recognised_krw,
        recognised_krw=row.recognised_krw,
        lambda_bps=parameters.lambda_bps,
        price_krw_per_token=parameters.price_krw_per_token,
        entitlement=row.entitlement,
        ceiling=row.ceiling,
    )
    if row.minted == 0:
        return
    context.emit(
        "issuance.minted",
        round=row.number,
        to=TREASURY_POOL,
        amount=row.minted,
        room=row.room,
        cover=row.cover,
        outstanding=row.outstanding,
        quarter_limit=row.quarter_limit,
        elapsed_ms=row.elapsed_ms,
        length_ms=row.length_ms,
        limit=row.limit,
        issued=row.issued,
        reports=town.reports,
        reports_hash=town.reports_hash,
    )
