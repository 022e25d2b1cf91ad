"""`poyong land` and `poyong issuance show` against a served node: what people are told of land."""

import asyncio
import json
from typing import Any

import pytest

from api import fact_examples, land_examples
from node import cli
from tests.support.api_servers import Served, serving
from tests.support.calculator import read_line
from tests.support.town_node import TownNode
from tests.unit.api.test_land_results import town_after, town_with_facts


async def run(served: Served, *arguments: str) -> int:
    """The command in a thread of its own, since it has its own event loop."""
    return await asyncio.to_thread(cli.run, [*arguments, "--rpc", served.url])


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    def read() -> str:
        return capsys.readouterr().out

    return read


JSON = [
    (("land", "zones"), [land_examples.ZONE]),
    (("land", "rounds"), [land_examples.LISTED_ROUND]),
    (("land", "rounds", "--first", "9", "--count", "1"), [land_examples.LISTED_ROUND]),
    (("land", "rounds", "--first", "10"), []),
    (("land", "round", "wolchul"), land_examples.ROUND),
    (("land", "round", "wolchul", "9"), land_examples.ROUND),
    (("land", "index"), land_examples.LAND_INDEX),
    (("land", "rates"), fact_examples.RATES),
    (("land", "rates", "--region", "29"), fact_examples.RATES),
    (("land", "events", "wolchul"), [fact_examples.ZONE_EVENT]),
    (("land", "sales"), fact_examples.SALES),
    (("land", "sales", "--round", "9"), fact_examples.SALES),
    (("land", "appraisers"), fact_examples.APPRAISERS),
    (("issuance", "show"), land_examples.ISSUANCE),
    (("issuance", "show", "9"), land_examples.ISSUANCE),
]


@pytest.mark.parametrize(("command", "answer"), JSON)
async def test_json_is_what_the_node_answers(
    command: tuple[str, ...], answer: object, printed: Any
) -> None:
    async with serving() as served:
        assert await run(served, *command, "--json") == 0
        assert json.loads(printed()) == answer


TABLES = [
    (("land", "zones"), ("월출동", "200,000.0", "259,000", "FINAL")),
    (("land", "rounds"), ("103,600", "1,800,000,000", "50,000", "open")),
    (("land", "rounds", "--first", "10"), ("No round from number 10 on has closed",)),
    (("land", "round", "wolchul"), ("263,000", "0.8000 %", "PANEL", "comparison")),
    (("land", "index"), ("103,600", "29 until 2014-03", "COMMIT")),
    (("land", "rates"), ("Region 29: index 100,057", "2012-01", "0.057", "0.067")),
    (("land", "events", "wolchul"), ("site works", "× 1.5000", "388,500", "10 to 13")),
    (("land", "sales"), ("2012-04 to 2014-03", "2917013900100170004", "a digit is missing")),
    (("land", "appraisers"), ("chamber.land", "without end", "10 PANEL: wolchul")),
]


@pytest.mark.parametrize(("command", "told"), TABLES)
async def test_tables_tell_people_what_matters(
    command: tuple[str, ...], told: tuple[str, ...], printed: Any
) -> None:
    async with serving() as served:
        assert await run(served, *command) == 0
        out = printed()
        for text in told:
            assert text in out, out


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        (("land", "round", "nowhere"), "see poyong land zones"),
        (("land", "events", "nowhere"), "see poyong land zones"),
        (("land", "sales", "--round", "90"), "name an earlier one"),
        (("issuance", "show", "90"), "the last one that is is 9"),
    ],
)
async def test_what_is_not_there_is_said_in_a_sentence(
    command: tuple[str, ...], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving() as served:
        assert await run(served, *command) == cli.EXIT_FAILED
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert remedy in err


async def test_more_rounds_than_a_node_lists_are_a_mistyped_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving() as served:
        assert await run(served, "land", "rounds", "--count", "257") == cli.EXIT_USAGE
        assert "256" in capsys.readouterr().err


async def test_a_towns_rounds_are_shown_with_a_dispute_and_with_what_is_missing(
    printed: Any,
) -> None:
    """Ten closed rounds, one disputed; the eleventh's appraisal waits for two commitments."""
    async with serving(node=TownNode(town_after(10))) as served:
        assert await run(served, "land", "rounds") == 0
        assert "Rounds 1 to 10" in printed()
        assert await run(served, "land", "rounds", "--count", "3") == 0
        assert "Rounds 8 to 10" in printed()
        assert await run(served, "land", "round", "east", "3") == 0
        disputed = printed()
        for text in ("DISPUTED", "BLIND", "challenged by", "method", "UNDECIDED"):
            assert text in disputed
        assert await run(served, "land", "round", "east") == 0
        assert "5 seats, 0 reports, 2 missing" in printed()
        assert await run(served, "land", "round", "east", "12") == 0
        assert "the round has to end first" in printed()
        assert await run(served, "land", "index") == 0
        assert "its appraisal begins then" in printed()
        assert await run(served, "land", "appraisers") == 0
        assert "11 PANEL: east, west" in printed()


async def test_issuance_is_shown_so_that_it_can_be_recomputed(printed: Any) -> None:
    async with serving(node=TownNode(town_after(10))) as served:
        assert await run(served, "issuance", "show", "9") == 0
        lines = [read_line(line) for line in printed().splitlines() if line.startswith("  ")]
        computed = [line for line in lines if line.computation]
        assert len(computed) > 20
        assert [line.name for line in computed if line.recomputed() != line.result] == []
    async with serving(node=TownNode(town_after(0))) as served:
        assert await run(served, "issuance", "show") == 0
        assert "No round is settled yet" in printed()
        assert await run(served, "land", "round", "east") == 0
        assert await run(served, "land", "index") == 0
        assert "this chain takes none" in printed()
        assert await run(served, "land", "rates") == 0
        assert "takes no official rates" in printed()
        assert await run(served, "land", "sales") == 0
        assert "no calendar of months" in printed()
        assert await run(served, "issuance", "show", "1") == cli.EXIT_FAILED


async def test_facts_of_a_town_are_shown(printed: Any) -> None:
    async with serving(node=TownNode(town_with_facts())) as served:
        for command in (("rates",), ("events", "east"), ("events", "west"), ("sales",), ("index",)):
            assert await run(served, "land", *command) == 0
        out = printed()
        for text in ("official until 2012-01", "0.096", "no month yet", "0 certified events"):
            assert (text in out) == (text != "no month yet"), text
        assert await run(served, "land", "rates", "--region", "99") == cli.EXIT_FAILED
