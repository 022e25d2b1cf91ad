"""docs/economy.md holds the figures that the formula and the playback give."""

import re

from ledger.primitives import UNIT
from node.scenarios.catalogue import scenario
from node.scenarios.gwangju import quarterly_prices
from node.scenarios.noise import DEFAULT_SEED
from node.scenarios.offline import play_scenario, with_noise
from tests.docs.documents import text
from tests.unit.tokenomics.test_gwangju_figures import through_the_formula
from tokenomics.oracle.phases import Phase, diagram
from tokenomics.oracle.zone_rounds import Outcome


def tokens(amount: int) -> str:
    """As the page writes token amounts."""
    whole, rest = divmod(amount, UNIT)
    return f"{whole:,}.{rest:018}".rstrip("0")


def test_the_page_shows_what_the_formula_gives() -> None:
    page = text("docs/economy.md")
    rounds = through_the_formula(net=False)
    first, ninth, last = rounds[0], rounds[8], rounds[-1]
    for figure in (
        f"{quarterly_prices()[0]:,} KRW/m²",
        f"{quarterly_prices()[8]:,} KRW/m²",
        f"{first.base_value_krw:,} KRW",
        f"{first.value_krw:,} KRW",
        f"{first.live_krw:,} KRW",
        f"{ninth.value_krw:,} KRW",
        f"{ninth.live_krw:,} KRW",
        f"{ninth.recognised_krw:,} KRW",
        f"{tokens(ninth.ceiling)} tokens",
        f"{tokens(ninth.cover)} tokens",
        f"{tokens(ninth.town_scale)} tokens",
        f"{tokens(ninth.limit)} tokens",
        f"{tokens(ninth.minted)} tokens",
        f"{tokens(last.issued)} tokens are issued",
        f"live entitlement of {tokens(last.cover)}",
        f"land index is {last.value_krw * 100_000 // last.base_value_krw}",
    ):
        assert figure in page, figure


def part_issued(seed: int | None, quarters: int) -> float:
    """Of the assumed district's live entitlement, with noise when there is a seed."""
    made = scenario("district")
    row = play_scenario(made if seed is None else with_noise(made, seed))[quarters - 1].row
    return row.issued / row.cover


def test_the_page_shows_what_the_district_issues() -> None:
    page = text("docs/economy.md")
    for quarters, design in ((41, "0.48"), (53, "0.77")):
        noisy = [part_issued(seed, quarters) for seed in range(1, 25)]
        row = (
            f"| after {quarters} quarters | {design} | {part_issued(None, quarters):.3f} | "
            f"{min(noisy):.3f} to {max(noisy):.3f} |"
        )
        assert row in page, row


def test_the_page_shows_what_the_invented_scenarios_and_noise_give() -> None:
    page = text("docs/economy.md")
    attacked = play_scenario(scenario("colluding-appraisers"))
    assert f"{attacked[-1].row.issued / UNIT / 10**6:.1f} million are issued by 2025" in page
    assert [row.coverage_bps for row in attacked].count(0) == 2
    crashed = play_scenario(scenario("crash-and-recover"))
    assert f"{crashed[-1].burned / UNIT / 10**6:.1f} million of the reserve" in page
    for name, mode in (("gwangju", "GROSS"), ("gwangju-net", "NET")):
        seeds = (DEFAULT_SEED, *range(1, 25))
        issued = [play_scenario(with_noise(scenario(name), seed))[-1].row.issued for seed in seeds]
        lowest, highest = (f"{found / UNIT / 10**6:.1f}" for found in (min(issued), max(issued)))
        assert f"{lowest} to {highest} million in mode {mode}" in page


def test_the_page_holds_the_diagram_of_the_table() -> None:
    """It is what tokenomics.oracle.phases.diagram() returns."""
    (found,) = re.findall(r"^```mermaid\n(.*?)^```", text("docs/economy.md"), re.M | re.S)
    assert found == diagram()


def test_the_page_names_every_phase_and_outcome() -> None:
    page = text("docs/economy.md")
    for name in (*Phase.__members__, *Outcome.__members__):
        assert name in page, name
