"""Issuance as a state module: each closed town round is recognised, then minted.

The mint is a transition at a round's end; no message, key or vote can mint. A vote may change the
parameters of the rounds to come. Order within a round
(economy.md section 1): values, recognition, matured reserve tranches, mint, pools.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from ledger.accounts import module_address
from ledger.errors import ErrorCode, TransactionError, ensure
from ledger.message_registry import MessageType
from ledger.module import Context, Handler, Invariant
from ledger.rows import key, present
from ledger.state import State
from tokenomics.invariants import issuance_invariants
from tokenomics.issuance import ceiling as rules
from tokenomics.issuance.derivation import (
    ISSUANCE_ROUNDS,
    TOTALS,
    IssuanceRound,
    IssuanceState,
    has_issuance,
    opening_totals,
    recognise,
    settle,
    totals,
    totals_after,
    window,
)
from tokenomics.oracle.rounds import TownRound
from tokenomics.parameter_changes import (
    note_changes,
    require_vote,
    set_parameter_type,
    with_parameter,
)
from tokenomics.params import (
    GENESIS,
    ISSUANCE_PARAMETERS,
    IssuanceParameters,
    Mode,
    issuance_parameters,
    parameters_from,
)
from tokenomics.ports import Distribution, Emergency, Oracle, Token

MINT_ACCOUNT: Final = module_address("issuance.mint")
"""Receives a mint and is emptied by its distribution in the same block; nobody has its key."""


SET_ISSUANCE_PARAMETER: Final = set_parameter_type("issuance", "from the next round to close on")


class IssuanceModule:
    """StateModule of recognition, ceiling and mint. Its end_block runs after the oracle's."""

    name: Final = "issuance"

    def __init__(
        self, oracle: Oracle, token: Token, distribution: Distribution, emergency: Emergency
    ) -> None:
        self._oracle = oracle
        self._token = token
        self._distribution = distribution
        self._emergency = emergency
        self.handlers: Final[Mapping[MessageType, Handler]] = {
            SET_ISSUANCE_PARAMETER: partial(_set_parameter, oracle)
        }
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
        if parameters.mode is Mode.NET and not self._oracle.takes_rates(context.state):
            # N is unknown without the nation's rates: nothing would ever be recognised.
            expected = "GROSS, or land.rates beside it, which mode NET needs"
            raise GENESIS.error(f"{place}.mode", expected, parameters.mode.name)
        allocation = self._token.supply(context.state)
        if allocation > parameters.hard_cap:
            expected = f"at least {allocation}, which accounts hold at genesis"
            raise GENESIS.error(f"{place}.hard_cap", expected, parameters.hard_cap)
        context.state.put(ISSUANCE_PARAMETERS, b"", parameters)
        context.state.put(TOTALS, b"", opening_totals(allocation))

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
        state, token = context.state, self._token
        before, parameters = totals(state), issuance_parameters(state)
        base_value = self._oracle.base_value_krw(state)
        earlier = window(state, before.round, parameters.mode, parameters.window_anchors)
        found = recognise(before, town, base_value, earlier, parameters)
        burned_before = before.issued - token.supply(state)
        outstanding = rules.outstanding(before.issued, before.genesis_allocation, burned_before)
        burned = self._distribution.mature(
            context,
            town.number,
            is_final=town.is_anchor and town.zones_final > 0 and found.live_krw is not None,
            uncovered=max(0, outstanding - found.cover),
        )
        row = settle(
            before,
            town,
            base_value,
            found,
            burned,
            burned_before + burned,
            parameters,
            paused=self._emergency.minting_paused(state),
        )
        token.mint(state, MINT_ACCOUNT, row.minted)
        self._distribution.distribute(context, town.number, row.minted)
        left = token.balance(state, MINT_ACCOUNT)
        ensure(left == 0, f"round {row.number}: {left} of the mint went to no pool")
        state.put(ISSUANCE_ROUNDS, key(row.number), row)
        state.put(TOTALS, b"", totals_after(before, row))
        _emit(context, row, before, town, parameters)


def set_parameters(context: Context, parameters: IssuanceParameters) -> None:
    """Put other parameters in force from the next round on. A change of mode restarts the window,
    which holds rounds of one mode alone.

    TransactionError when HARD_CAP would be below what is
    issued; the bounds of each parameter are those of IssuanceParameters. Who may is the caller's.
    """
    state = context.state
    now, old = totals(state), issuance_parameters(state)
    if parameters.hard_cap < now.issued:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"hard_cap: {parameters.hard_cap} is below the {now.issued} that are issued",
        )
    state.put(ISSUANCE_PARAMETERS, b"", parameters)
    note_changes(context, "issuance", old, parameters, now.round + 1)


def _set_parameter(oracle: Oracle, context: Context, name: str, value: int) -> None:
    require_vote(context)
    state = context.state
    if not has_issuance(state):
        raise TransactionError(
            ErrorCode.NOT_NOW, "this chain has no issuance: its genesis has no such section"
        )
    parameters = with_parameter(issuance_parameters(state), name, value)
    if parameters.mode is Mode.NET and not oracle.takes_rates(state):
        raise TransactionError(
            ErrorCode.CONFLICT,
            "mode: NET needs the nation's rates, and genesis has no land.rates: nothing would ever "
            "be recognised",
        )
    set_parameters(context, parameters)


def _emit(
    context: Context,
    row: IssuanceRound,
    before: IssuanceState,
    town: TownRound,
    parameters: IssuanceParameters,
) -> None:
    """One event for recognition and, when something was minted, one for the mint."""
    # Absent: N and L while official rates are missing, S before W anchors; an event holds no null.
    known = {
        "normal_growth_krw": row.normal_growth_krw,
        "live_krw": row.live_krw,
        "certified_krw": row.certified_krw,
        "lasting_krw": row.lasting_krw,
        "certified_lasting_krw": row.certified_lasting_krw,
    }
    context.emit(
        "issuance.recognised",
        round=row.number,
        mode=row.mode.name,
        is_anchor=int(row.is_anchor),
        recognition_open=int(row.recognition_open),
        value_krw=row.value_krw,
        base_value_krw=row.base_value_krw,
        costs_krw=row.costs_krw,
        certified_rise_krw=town.certified_krw,
        window_anchors=parameters.window_anchors,
        **{name: value for name, value in known.items() if value is not None},
        recognised_before_krw=before.recognised_krw,
        recognised_krw=row.recognised_krw,
        certified_recognised_krw=row.certified_recognised_krw,
        lambda_bps=parameters.lambda_bps,
        price_krw_per_token=parameters.price_krw_per_token,
        entitlement=row.entitlement,
        certified_entitlement=row.certified_entitlement,
        ceiling=row.ceiling,
        burned=row.burned,
        paused=int(row.paused),
    )
    if row.minted == 0:
        return
    context.emit(
        "issuance.minted",
        round=row.number,
        amount=row.minted,
        certified_amount=row.certified_minted,
        room=row.room,
        room_certified=row.room_certified,
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
