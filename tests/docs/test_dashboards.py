"""The dashboards that are shipped are those of the tables, show every figure and no other.

tests/integration/test_prometheus.py asks a live Prometheus each of their queries.
"""

import json
import re

import pytest

from node.watch.metrics import Metrics
from tests.docs.dashboard_tables import DASHBOARDS, Dashboard, Panel
from tests.docs.dashboards import FOLDER, rendered

PANELS = [(dashboard.name, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]
NOT_SHOWN = {
    # Shown by others, or of interest only when something is looked for.
    "consensus_rounds", "consensus_num_txs", "consensus_round_duration_seconds",
    "consensus_block_size_bytes", "consensus_validators", "consensus_missing_validators",
    "consensus_vote_record_lost", "upgrade_ready", "mempool_size_bytes", "disk_size_bytes",
    "sync_syncing", "sync_blocks", "oracle_round_state",
    "p2p_refused_connections",
    "p2p_connections", "p2p_disconnections", "p2p_bad_frames", "p2p_bans", "gossip_sent_txs",
    "gossip_received_txs", "gossip_bad_txs", "gossip_dropped_txs",
    # Of the minutes before a node has a chain.
    "snapshot_joining", "snapshot_height", "snapshot_items", "snapshot_gathered_items",
    "snapshot_gathered_bytes", "snapshot_installed_items",
}  # fmt: skip


def families() -> dict[str, set[str]]:
    """Labels by the name of a family, without poyong_."""
    return {
        family.name.removeprefix("poyong_"): {
            label for sample in family.samples for label in sample.labels
        }
        for family in Metrics(["organisation"], ["zone"]).registry.collect()
        if family.name.startswith("poyong_")
    }


def named(panel: Panel) -> set[str]:
    text = " ".join(query.expression for query in panel.queries)
    return {
        re.sub(r"_(?:total|bucket|info)$", "", name)
        for name in re.findall(r"\bpoyong_(\w+)\{", text)
    }


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_the_file_that_is_shipped_is_current(dashboard: Dashboard) -> None:
    shipped = (FOLDER / f"{dashboard.name}.json").read_text(encoding="utf-8")
    assert shipped == rendered(dashboard), "run python -m tests.docs.dashboards"


def test_no_other_file_is_shipped() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {each.name for each in DASHBOARDS}


def test_every_series_is_on_a_dashboard_or_left_out_on_purpose() -> None:
    shown = set().union(*(named(panel) for _, panel in PANELS))
    assert shown | NOT_SHOWN == set(families())
    assert not shown & NOT_SHOWN


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=lambda each: getattr(each, "title", each))
def test_a_panel_chooses_nodes_and_names_what_its_series_have(name: str, panel: Panel) -> None:
    assert panel.meaning.endswith("."), name
    known = {"instance", *(label for series in named(panel) for label in families()[series])}
    for query in panel.queries:
        selectors = re.findall(r"\w+\{([^}]*)\}", query.expression)
        assert set(selectors) == {"NODES"}, query.expression
        assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= known, query.legend


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_panels_lie_beside_each_other_inside_the_page(dashboard: Dashboard) -> None:
    page = json.loads(rendered(dashboard))
    places = [tuple(panel["gridPos"].values()) for panel in page["panels"]]
    assert len({(x, y) for x, y, _, _ in places}) == len(places)
    assert all(x + width <= 24 for x, _, width, _ in places)
    assert [panel["id"] for panel in page["panels"]] == list(range(1, len(places) + 1))
