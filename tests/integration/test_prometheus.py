"""A live Prometheus watches a town of processes: every query of the dashboards has an answer,
every rule is judged, and the alert fires that names a validator when it is killed."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.dashboard_tables import DASHBOARDS, INSTANCE, RATE_INTERVAL, Query
from tests.support import prometheus
from tests.support.alert_rules import RULES_FILE, rules, with_short_waits
from tests.support.prometheus import Prometheus
from tests.support.town import RunningTown, base_port, plan_of, running

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(prometheus.program() is None, reason="prometheus is not installed"),
]
ANSWERS_S = 90.0
"""For what takes a round of the town: rates need two scrapes, blocks need work."""
ALERT_S = 30.0
KILLED = "gist"


class Watched(NamedTuple):
    """A town and the server that scrapes all of its nodes."""

    folder: Path
    town: RunningTown
    server: Prometheus

    def instance(self, name: str) -> str:
        (node,) = [node for node in plan_of(self.folder).nodes if node.name == name]
        return f"127.0.0.1:{node.metrics_port}"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with running(folder / "town", "--fresh", "--base-port", str(base_port() + 400)) as town:
        town.wait_for_height(1)
        targets = [
            (
                f"127.0.0.1:{node.metrics_port}",
                {"role": "validator" if node.is_validator else "observer"},
            )
            for node in plan_of(folder / "town").nodes
        ]
        short = with_short_waits(RULES_FILE.read_text(encoding="utf-8"))
        with prometheus.server(folder / "prometheus", short, targets) as server:
            server.until(
                lambda: server.values("sum(up)") == [len(targets)], "all nodes scraped", ALERT_S
            )
            yield Watched(folder / "town", town, server)


def asked(query: Query) -> str:
    """The query with Grafana's variables filled in: all nodes, and some scrapes for a rate."""
    return query.promql.replace(INSTANCE, ".*").replace(RATE_INTERVAL, "10s")


def test_no_panel_is_empty_and_no_query_is_wrong(watched: Watched) -> None:
    queries = [
        (f"{dashboard.name}: {panel.title}", asked(query))
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
        for query in panel.queries
    ]

    def all_answer() -> bool:
        for title, query in [*queries]:
            if watched.server.values(query):
                queries.remove((title, query))
        return not queries

    try:
        watched.server.until(all_answer, "panels with figures", ANSWERS_S)
    except TimeoutError:
        assert queries == []


def test_every_rule_is_judged_without_an_error(watched: Watched) -> None:
    def judged() -> list[dict[str, str]]:
        (group,) = watched.server.ask("rules")["groups"]
        found: list[dict[str, str]] = group["rules"]
        return found

    watched.server.until(
        lambda: all(rule["health"] != "unknown" for rule in judged()), "rules judged", ALERT_S
    )
    assert [(rule["name"], rule["health"]) for rule in judged()] == [
        (rule.name, "ok") for rule in rules()
    ]
    assert [rule.get("lastError", "") for rule in judged()] == [""] * len(rules())


def test_a_killed_validator_is_named_by_every_other_one(watched: Watched) -> None:
    """The last test: the town is one validator short from here on."""
    server, town = watched.server, plan_of(watched.folder)
    (gist,) = (node for node in town.nodes if node.name == KILLED)
    others = {watched.instance(node.name) for node in town.validators if node.name != KILLED}

    def telling(alert: str) -> set[str]:
        return {labels["instance"] for labels in server.firing(alert)}

    def all_is_well() -> bool:
        return not telling("PoyongValidatorMissing") | telling("PoyongNodeDown")

    server.until(all_is_well, "all validators connected", ALERT_S)
    watched.town.kill([KILLED])
    server.until(lambda: telling("PoyongValidatorMissing") == others, "the others tell", ALERT_S)
    named = {labels["organisation"] for labels in server.firing("PoyongValidatorMissing")}
    assert named == {gist.organisation}
    down = {watched.instance(KILLED)}
    server.until(lambda: telling("PoyongNodeDown") == down, "its scrapes fail", ALERT_S)
    server.until(lambda: telling("PoyongNoSpareValidator") >= others, "none to spare", ALERT_S)
