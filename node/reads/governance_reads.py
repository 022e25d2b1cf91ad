"""What a node tells of proposals and stakeholders: governance's views on the state of the head.

Bytes are 0x hex in all of them, as everywhere in JSON-RPC.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from api.view_ports import View
from governance.proposals import challenge_views, proposal_views
from governance.proposals.lifecycle import Status
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import BOOK
from governance.stakeholders import membership, stakeholder_views
from ledger.primitives import Address
from ledger.state import State
from node.reads import parameter_reads

_BARE_HEX: Final = frozenset(
    (
        "validator_key",
        "node_key",
        "observers",
        "commitment",
        "document_hash",
        "gazette_hash",
        "transaction",
    )
)
"""Members of stakeholder_views that are hex without 0x."""


class GovernanceReads:
    """The part of api.ports.NodePort that is about governance; `state` gives that of the head."""

    def __init__(self, state: Callable[[], State], mandate: Mandate) -> None:
        """mandate: whose electorate holds the seats of the emergency council."""
        self._governed = state
        self._mandate = mandate

    def proposals(self, status: str | None, before: int | None, count: int) -> View:
        """A page of proposals, newest first."""
        state = self._governed()
        if not decides(state):
            return {"proposals": [], "next_before": None}
        wanted = None if status is None else Status[status]
        page = proposal_views.proposal_list(state, wanted, before)
        found = page["proposals"]
        if len(found) <= count:
            return page
        return {"proposals": found[:count], "next_before": found[count - 1]["number"]}

    def proposal(self, number: int) -> View | None:
        """A proposal with its votes."""
        state = self._governed()
        return proposal_views.proposal(state, number) if decides(state) else None

    def chambers(self) -> Sequence[View]:
        """Every chamber and who sits there."""
        state = self._governed()
        if membership.snapshot(state) == 0:
            return []
        return stakeholder_views.chamber_list(state)

    def organisations(self, after: str, count: int) -> Sequence[View]:
        """Organisations by id."""
        listed = stakeholder_views.organisation_list(self._governed(), after)
        return [prefixed(view) for view in islice(listed, count)]

    def person(self, account: bytes) -> View | None:
        """The public record of a credential."""
        found = stakeholder_views.person(self._governed(), Address(account))
        return None if found is None else prefixed(found)

    def agreements(self, after: int, count: int) -> Sequence[View]:
        """Agreements in order."""
        listed = stakeholder_views.agreement_list(self._governed(), after)
        return [prefixed(view) for view in islice(listed, count)]

    def legal_bases(self, after: int, count: int) -> Sequence[View]:
        """Legal bases in order."""
        listed = stakeholder_views.legal_basis_list(self._governed(), after)
        return [prefixed(view) for view in islice(listed, count)]

    def parameters(self, module: str | None, name: str | None, changes: int) -> Sequence[View]:
        """Parameters with bounds, class and history."""
        return parameter_reads.parameters(self._governed(), module, name, changes)

    def challenge_petitions(self, after: int, count: int) -> Sequence[View]:
        """Petitions that challenge land values, in order."""
        return list(islice(challenge_views.challenge_petitions(self._governed(), after), count))

    def council(self) -> View | None:
        """Seats, pauses and reports of the emergency council."""
        state = self._governed()
        return proposal_views.council(self._mandate, state) if decides(state) else None


def decides(state: State) -> bool:
    """Whether the chain has proposals: their genesis writes the book."""
    return state.get(BOOK, b"") is not None


def prefixed(view: Mapping[str, Any]) -> dict[str, Any]:
    """A view of stakeholders with 0x before its hex."""
    return {name: _prefixed(name, value) for name, value in view.items()}


def _prefixed(name: str, value: Any) -> Any:
    match value:
        case str() if name in _BARE_HEX:
            return f"0x{value}"
        case list() if name in _BARE_HEX:
            return [f"0x{item}" for item in value]
        case [{}, *_]:
            return [prefixed(item) for item in value]
        case _:
            return value
