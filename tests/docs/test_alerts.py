"""Each alert fires for the node that it is about and for no other, says what to do, and has a
page that starts with commands."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docs.documents import FENCED, ROOT, text
from tests.support.alert_cases import CASES, Case, Series
from tests.support.alert_rules import RULES_FILE, rules, with_short_waits

RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = {rule.name: rule for rule in rules()}
SEVERITIES = {"critical", "warning", "info"}
TOOL_TIMEOUT_S = 120
TOOLS = {
    "chronyc", "curl", "df", "du", "iostat", "journalctl", "poyong", "sha256sum", "ss",
    "systemctl", "timedatectl",
}  # fmt: skip
"""First words of commands that a page may tell somebody to run; Debian has all but one."""

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


def labelled(series: str, instance: str) -> str:
    name, _, given = series.rstrip("}").partition("{")
    return f'{name}{{job="poyong",instance="{instance}"{"," if given else ""}{given}}}'


def of_node(series: Series, instance: str) -> Iterable[Mapping[str, str]]:
    return (
        {"series": labelled(name, instance), "values": values} for name, values in series.items()
    )


def as_promtool(case: Case) -> dict[str, Any]:
    rule = RULES[case.alert]
    labels = {
        "job": "poyong",
        "instance": "ill",
        "severity": rule.severity,
        **case.labels,
    }
    raised = {
        "exp_labels": labels,
        "exp_annotations": rule.annotations_for(labels, case.value),
    }
    return {
        "name": case.alert,
        "interval": case.interval,
        "input_series": [
            *of_node(case.ill, "ill"),
            *(one for at, well in enumerate(case.well) for one in of_node(well, f"well {at}")),
        ],
        "alert_rule_test": [
            {"eval_time": case.before, "alertname": case.alert, "exp_alerts": []},
            {"eval_time": case.after, "alertname": case.alert, "exp_alerts": [raised]},
        ],
    }


def what_promtool_says(
    folder: Path, cases: Iterable[Case], evaluated_every: str = "10s"
) -> subprocess.CompletedProcess[str]:
    # JSON is YAML.
    page = {
        "rule_files": [str(RULES_FILE)],
        "evaluation_interval": evaluated_every,
        "tests": [as_promtool(case) for case in cases],
    }
    file = folder / "cases.yml"
    file.write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
    return subprocess.run(
        ["promtool", "test", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=TOOL_TIMEOUT_S,
        check=False,
    )


@needs_promtool
def test_each_alert_fires_for_the_node_that_it_is_about_and_for_no_other(tmp_path: Path) -> None:
    for quick, every in ((True, "10s"), (False, "1m")):  # some last two days
        cases = [case for case in CASES if (case.interval == "10s") == quick]
        done = what_promtool_says(tmp_path, cases, every)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_would_notice_an_alert_that_does_not_fire(tmp_path: Path) -> None:
    (down,) = (case for case in CASES if case.alert == "PoyongNodeDown")
    healthy = Case(down.alert, down.well[0], down.well, down.before, down.after)
    assert what_promtool_says(tmp_path, [healthy]).returncode != 0


def test_every_alert_has_a_case() -> None:
    assert {case.alert for case in CASES} == set(RULES)


def test_a_name_stands_for_one_alert() -> None:
    assert len(rules()) == len(RULES)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_how_bad_it_is_what_to_do_and_where_more_stands(name: str) -> None:
    rule = RULES[name]
    assert rule.severity in SEVERITIES
    assert rule.expression
    assert set(rule.annotations) == {"summary", "action", "runbook"}
    assert rule.annotations["runbook"] == f"docs/runbooks/{name}.md"


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_page_begins_with_commands_that_exist(name: str) -> None:
    """Those of poyong are followed to the last option by test_commands."""
    page = text(RUNBOOKS / f"{name}.md")
    assert re.match(rf"# {name}\n\n```sh\n", page), f"{name}.md does not begin with commands"
    block = FENCED.search(page)
    assert block is not None
    for line in block.group(1).splitlines():
        assert line.split()[0] in TOOLS, line
    for part in ("What it means.", "What to do", "It ends"):
        assert f"**{part}**" in page, f"{name}.md lacks {part}"


def test_the_list_of_pages_has_each_once_with_its_severity_and_summary() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", text(RUNBOOKS / "README.md"), re.M)
    assert rows == [(rule.name, rule.name, rule.severity) for rule in rules()]


def test_rules_with_short_waits_differ_in_nothing_else() -> None:
    shipped = RULES_FILE.read_text(encoding="utf-8")
    short = with_short_waits(shipped)
    changed = [
        (before.split(":")[0].strip(), after.strip())
        for before, after in zip(shipped.splitlines(), short.splitlines(), strict=True)
        if before != after
    ]
    assert changed == [("for", "for: 1s")] * shipped.count("\n        for: ")
    assert [rule.name for rule in rules(short)] == list(RULES)
