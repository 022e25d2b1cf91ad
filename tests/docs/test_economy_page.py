"""The worked example of docs/economy.md holds the figures that the formula gives."""

import re

from ledger.primitives import UNIT
from node.scenarios.gwangju import quarterly_prices
from tests.docs.documents import text
from tests.unit.tokenomics.test_gwangju_figures import through_the_formula
from tokenomics.phases import Phase, diagram
from tokenomics.zone_rounds import Outcome


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


def test_the_page_holds_the_diagram_of_the_table() -> None:
    """Print it with `python -c "from tokenomics.phases import diagram; print(diagram())"`."""
    (found,) = re.findall(r"^```mermaid\n(.*?)^```", text("docs/economy.md"), re.M | re.S)
    assert found == diagram()


def test_the_page_names_every_phase_and_outcome() -> None:
    page = text("docs/economy.md")
    for name in (*Phase.__members__, *Outcome.__members__):
        assert name in page, name
