"""Grafana's dashboards of deploy/grafana, written from the tables of dashboard_tables.py.

`python -m tests.docs.dashboards` writes them. tests/docs/test_dashboards.py holds the files to the
tables, and tests/integration/test_prometheus.py asks a live Prometheus every query.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.docs.dashboard_tables import DASHBOARDS, Dashboard, Query

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "grafana"
_COLUMNS: Final = 24
_SCHEMA_VERSION: Final = 38  # Grafana 10
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def _targets(queries: Sequence[Query]) -> list[dict[str, Any]]:
    return [
        {
            "refId": chr(ord("A") + at),
            "datasource": _SOURCE,
            "expr": query.promql,
            "legendFormat": query.legend,
        }
        for at, query in enumerate(queries)
    ]


def _panels(dashboard: Dashboard) -> Iterator[Mapping[str, Any]]:
    width, height = _COLUMNS // dashboard.across, 8
    for at, panel in enumerate(dashboard.panels):
        row, column = divmod(at, dashboard.across)
        yield {
            "id": at + 1,
            "type": "stat" if panel.now else "timeseries",
            "title": panel.title,
            "description": panel.meaning,
            "datasource": _SOURCE,
            "gridPos": {"x": column * width, "y": row * height, "w": width, "h": height},
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
            "targets": _targets(panel.queries),
        }


def rendered(dashboard: Dashboard) -> str:
    """The dashboard as Grafana imports it."""
    variables = [
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
        {
            "name": "instance",
            "type": "query",
            "datasource": _SOURCE,
            "query": 'label_values(poyong_consensus_height{job="poyong"}, instance)',
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        },
    ]
    page = {
        "uid": f"poyong-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["poyong"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": variables},
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every file."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.name}.json").write_text(rendered(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
