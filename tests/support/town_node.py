"""A node behind the API whose economy is a LandTown's: what is sent to it takes effect there."""

from collections.abc import Sequence

from api import ports
from api.view_ports import View
from ledger.errors import ErrorCode
from tests.support.api_fakes import FakeNode
from tests.support.land_town import LandTown
from tokenomics.facts import fact_views
from tokenomics.issuance import views
from tokenomics.oracle import appraiser_views, land_views, round_views


class TownNode(FakeNode):
    """Fills NodePort; commit() also runs what is pending as a block of the town."""

    def __init__(self, town: LandTown) -> None:
        super().__init__()
        self.town = town

    async def commit(self) -> ports.CommittedBlock:
        by_name = {message.name: message for message in self.town.land.handlers}
        calls = [
            (item.sender, by_name[item.type], by_name[item.type].decode(item.body))
            for item in self.pending.values()
        ]
        codes = self.town.soon(calls)
        assert set(codes) <= {ErrorCode.OK}, self.town.refusals
        return await super().commit()

    def zones(self) -> Sequence[View]:
        return land_views.zone_list(self.town.state)

    def round(self, zone: str, number: int | None) -> View | None:
        return land_views.zone_round(self.town.state, zone, number)

    def land_index(self) -> View:
        return land_views.land_index(self.town.state)

    def rounds(self, first: int, count: int) -> Sequence[View]:
        return round_views.listed_rounds(self.town.state, first, count)

    def issuance(self, number: int | None) -> View | None:
        return views.issuance(self.town.state, self.town.token, number)

    def rates(self, region: str | None) -> View:
        return fact_views.official_rates(self.town.state, region)

    def zone_events(self, zone: str) -> Sequence[View] | None:
        return fact_views.zone_events(self.town.state, zone)

    def sales(self, round_number: int | None) -> View | None:
        return fact_views.registered_sales(self.town.state, round_number)

    def appraisers(self) -> View:
        return appraiser_views.appraisers(self.town.state)
