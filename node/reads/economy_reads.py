"""What a node tells of land and issuance: the views of tokenomics on the state of the head."""

from collections.abc import Callable, Sequence

from api.view_ports import View
from ledger.primitives import Address
from ledger.state import State
from tokenomics.distribution import pool_views
from tokenomics.facts import fact_views
from tokenomics.issuance import views
from tokenomics.oracle import appraiser_views, land_views, round_views
from tokenomics.ports import RoleBook, Token


class EconomyReads:
    """The part of api.ports.NodePort that is about the economy; `state` gives that of the head."""

    def __init__(self, state: Callable[[], State], token: Token, roles: RoleBook) -> None:
        self._state = state
        self._token = token
        self._roles = roles

    def zones(self) -> Sequence[View]:
        """Every zone."""
        return land_views.zone_list(self._state())

    def round(self, zone: str, number: int | None) -> View | None:
        """A round of a zone, None: the latest."""
        return land_views.zone_round(self._state(), zone, number)

    def land_index(self) -> View:
        """The town's index."""
        return land_views.land_index(self._state())

    def rounds(self, first: int, count: int) -> Sequence[View]:
        """Closed town rounds with what issuance made of them."""
        return round_views.listed_rounds(self._state(), first, count)

    def issuance(self, number: int | None) -> View | None:
        """Ceiling, issued, headroom and the inputs of a round."""
        return views.issuance(self._state(), self._token, number)

    def rates(self, region: str | None) -> View:
        """Official change rates."""
        return fact_views.official_rates(self._state(), region)

    def zone_events(self, zone: str) -> Sequence[View] | None:
        """Certified events of a zone."""
        return fact_views.zone_events(self._state(), zone)

    def sales(self, round_number: int | None) -> View | None:
        """Sales that a round's study counts."""
        return fact_views.registered_sales(self._state(), round_number)

    def roles(self, role: str | None) -> Sequence[View]:
        """Who holds which role."""
        return fact_views.all_roles(self._state(), self._roles, role)

    def appraisers(self) -> View:
        """The registry of appraisers."""
        return appraiser_views.appraisers(self._state())

    def pools(self) -> View | None:
        """Every pool with its shares."""
        return pool_views.pools(self._state(), self._token)

    def position(self, account: bytes) -> View | None:
        """A person's shares, grants and certificates."""
        return pool_views.position(self._state(), Address(account))
