"""What the state of a town sets in the series of land and issuance."""

from dataclasses import replace

from prometheus_client import CollectorRegistry

from ledger.rows import key
from node.watch.economy_metrics import EconomyMetrics
from node.watch.instruments import show_economy
from tests.support.land_town import LandTown, land_section, zone_section
from tests.unit.api.test_land_results import town_after
from tokenomics.oracle.rounds import TOWN_ROUNDS, opened_round, town_round


class Scraped:
    """The series of a town, read by name."""

    def __init__(self, town: LandTown) -> None:
        self.town, self.registry = town, CollectorRegistry()
        self.metrics = EconomyMetrics(self.registry)

    def __call__(self, name: str, **labels: str) -> float:
        show_economy(self.metrics, self.town.state, self.town.time_ms, 0)
        found = self.registry.get_sample_value(f"poyong_{name}", labels)
        assert found is not None, name
        return found


def test_open_rounds_their_age_and_what_they_wait_for() -> None:
    town = LandTown(land_section(zone_section("east"), zone_section("west")))
    scraped = Scraped(town)
    assert scraped("oracle_open_rounds") == scraped("oracle_oldest_open_round_age_seconds") == 0
    town.block(100)
    assert scraped("oracle_open_rounds") == 1
    number = town.begin_appraisal()
    opened_ms = opened_round(town.state, number).opened_ms
    assert scraped("oracle_open_rounds") == 2
    assert scraped("oracle_oldest_open_round_age_seconds") == (town.time_ms - opened_ms) / 1000
    assert scraped("oracle_waiting_zones", phase="COMMIT") == 2
    town.commit_and_reveal(number, {"east": [1_000] * 5})
    assert scraped("oracle_waiting_zones", phase="CHALLENGE") == 1
    town.finish(number)
    assert scraped("oracle_waiting_zones", phase="CHALLENGE") == 0
    assert (scraped("oracle_closed_rounds"), scraped("oracle_rounds_final")) == (1, 0)


def test_zones_by_state_and_the_gate() -> None:
    town = LandTown(land_section(zone_section("east"), zone_section("west")))
    scraped = Scraped(town)
    town.block(1)
    assert (scraped("oracle_zones", state="HELD"), scraped("oracle_recognition_open")) == (2, 1)
    town.play({"east": [1_000] * 5})
    assert scraped("oracle_zones", state="FINAL") == scraped("oracle_zones", state="HELD") == 1
    state = town.state
    row = town_round(state, 1)
    assert row is not None
    state.put(TOWN_ROUNDS, key(1), replace(row, recognition_open=False))
    town._commit(state)
    assert scraped("oracle_recognition_open") == 0


def test_coverage_of_the_last_settled_round() -> None:
    scraped = Scraped(town_after(9))
    assert scraped("issuance_coverage_bps") == scraped("issuance_outstanding_tokens") == 0
    scraped = Scraped(town_after(10))
    assert scraped("issuance_outstanding_tokens") > 0
    assert scraped("issuance_coverage_bps") > 0
