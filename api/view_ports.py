"""What the API needs of a running node to tell of the economy and of decisions; part of api.ports.

Each answer is a view of tokenomics or governance on the state of the head, passed on as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

View = Mapping[str, object]
"""Ints, strings, bools, None, lists and maps of them. Token amounts and KRW are decimal strings."""


class EconomyPort(Protocol):
    """The part of api.ports.NodePort that is about land, issuance and pools."""

    def zones(self) -> Sequence[View]:
        """Every zone with its accepted value and the state of its round."""

    def round(self, zone: str, number: int | None) -> View | None:
        """Round `number` of a zone with its reports; None: the newest whose appraisal has begun."""

    def land_index(self) -> View:
        """The town's index (100000 = the base) now and for each closed town round."""

    def rounds(self, first: int, count: int) -> Sequence[View]:
        """Closed town rounds from number `first` on, each with what issuance made of it; count is
        at most 256."""

    def issuance(self, number: int | None) -> View | None:
        """Ceiling, issued, burned, headroom and every input of the formula in round `number`; None:
        of the last settled round."""

    def rates(self, region: str | None) -> View:
        """Official change rates and indices, of one region or of all."""

    def zone_events(self, zone: str) -> Sequence[View] | None:
        """Certified events of a zone."""

    def sales(self, round_number: int | None) -> View | None:
        """Sales that a round's ratio study counts, None: of the newest round that opened. None for
        one that has not."""

    def roles(self, role: str | None) -> Sequence[View]:
        """Who holds each role, or the one that is named."""

    def appraisers(self) -> View:
        """The registry of appraisers and their seats."""

    def pools(self) -> View | None:
        """Every pool with its shares; None on a chain without distribution."""

    def position(self, account: bytes) -> View | None:
        """A person's shares, grants and certificates; None for who was never enrolled."""


class GovernancePort(Protocol):
    """The part of api.ports.NodePort that is about stakeholders and their decisions."""

    def proposals(self, status: str | None, before: int | None, count: int) -> View:
        """The newest `count` proposals below number `before`, of one status or of all."""

    def proposal(self, number: int) -> View | None:
        """A proposal with its votes; messages as type and encoded body. None for an unknown one."""

    def chambers(self) -> Sequence[View]:
        """Every chamber; empty on a chain where nobody was ever seated."""

    def organisations(self, after: str, count: int) -> Sequence[View]:
        """Organisations with an id above `after`, by id."""

    def person(self, account: bytes) -> View | None:
        """Public record of the credential that an account holds; None when it holds none."""

    def agreements(self, after: int, count: int) -> Sequence[View]:
        """Agreements with a number above `after`."""

    def legal_bases(self, after: int, count: int) -> Sequence[View]:
        """Legal bases with a number above `after`."""

    def parameters(self, module: str | None, name: str | None, changes: int) -> Sequence[View]:
        """Parameters of all modules, of one, or with one name; of each module's changes the newest
        `changes`."""

    def challenge_petitions(self, after: int, count: int) -> Sequence[View]:
        """Petitions that challenge land values, with numbers above `after`, in order."""

    def council(self) -> View | None:
        """The emergency council; None on a chain without proposals."""
