"""deploy/ fits the release: its configurations parse, its unit is valid, its rules name series that
exist."""

import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from grp import getgrgid
from pathlib import Path
from pwd import getpwuid

import click
import pytest

from node import cli, config
from node.watch.metrics import Metrics
from tests.docs.documents import ROOT, text
from tests.support.alert_rules import rules

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "poyong.service"
SIGNER_UNIT = DEPLOY / "systemd" / "poyong-signer.service"
BACKUP_TIMER = DEPLOY / "systemd" / "poyong-backup.timer"
UNITS = (UNIT, SIGNER_UNIT, BACKUP_TIMER.with_suffix(".service"))
ALERTMANAGER = DEPLOY / "prometheus" / "alertmanager.yml"
RULES = ("deploy/prometheus/alerts.yml", "deploy/prometheus/prometheus.yml")
SAMPLES = sorted((DEPLOY / "samples").glob("*.toml"))
TOOL_TIMEOUT_S = 60


def samples_of_metrics() -> dict[str, set[str]]:
    """Every sample name that /metrics shows, with its labels."""
    found: dict[str, set[str]] = {}
    for family in Metrics(["organisation"], ["zone"]).registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def run(*arguments: str | Path) -> None:
    completed = subprocess.run(
        arguments, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_sample_configurations_parse(sample: Path) -> None:
    loaded = config.load(sample, {})
    assert loaded.is_validator == (sample.name == "validator.toml")
    assert loaded.network.peers


@pytest.mark.parametrize("page", RULES)
def test_every_series_that_the_rules_name_exists(page: str) -> None:
    named = set(re.findall(r"poyong_\w+", text(page)))
    assert named <= samples_of_metrics().keys()


def test_labels_that_a_rule_shows_are_labels_of_its_series() -> None:
    for rule in rules():
        for label in re.findall(r"\$labels\.(\w+)", "".join(rule.annotations.values())):
            series = re.findall(r"poyong_\w+", rule.expression)
            assert any(label in samples_of_metrics().get(item, ()) for item in series), rule.name


def test_every_command_that_the_rules_name_exists() -> None:
    for command in re.findall(
        r"[Pp]oyong ([a-z]+(?:-[a-z]+)*)", text(RULES[0]).split("groups:")[1]
    ):
        assert command in cli.root.list_commands(click.Context(cli.root)), command


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_accepts_its_configuration() -> None:
    run("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")


needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not installed (prometheus-alertmanager)"
)


@needs_amtool
def test_alertmanager_accepts_its_configuration() -> None:
    run("amtool", "check-config", ALERTMANAGER)


@needs_amtool
@pytest.mark.parametrize(
    ("severity", "receiver"),
    [("critical", "on-call"), ("warning", "operators"), ("info", "council")],
)
def test_an_alert_reaches_whom_its_severity_is_for(severity: str, receiver: str) -> None:
    run(
        *("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}"),
        f"--verify.receivers={receiver}",
        f"severity={severity}",
    )


def test_alertmanager_knows_the_alerts_that_it_names_and_every_severity() -> None:
    page = ALERTMANAGER.read_text(encoding="utf-8")
    assert set(re.findall(r"Poyong[A-Z]\w+", page)) <= {rule.name for rule in rules()}
    routed = set(re.findall(r'severity="(\w+)"', page)) | {"warning"}
    assert routed == {rule.severity for rule in rules()}


def unit_options(unit: Path = UNIT) -> ConfigParser:
    # strict: an option that stands there twice is a mistake here.
    parser = ConfigParser(interpolation=None, strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case of names
    parser.read(unit, encoding="utf-8")
    return parser


def test_the_unit_starts_a_node_and_keeps_a_broken_one_stopped() -> None:
    service = unit_options()["Service"]
    arguments = service["ExecStart"].split()
    assert arguments[1:3] == ["start", "--home"]
    assert arguments[3] == f"/var/lib/{service['StateDirectory']}"
    reload = service["ExecReload"].split()
    assert reload == [arguments[0], "admin", "reload", "--home", arguments[3]]
    admin = cli.root.get_command(click.Context(cli.root), reload[1])
    assert isinstance(admin, click.Group)
    assert reload[2] in admin.list_commands(click.Context(admin))
    kept_stopped = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert kept_stopped == {cli.EXIT_USAGE, cli.EXIT_INVARIANT, cli.EXIT_UPGRADE}
    assert service["Restart"] == "on-failure"


def test_the_signers_unit_starts_before_the_node_and_for_the_same_user() -> None:
    """Its socket is made for one user (docs/operating.md, "Keys outside the node")."""
    signer, node = unit_options(SIGNER_UNIT), unit_options()
    home = f"/var/lib/{signer['Service']['StateDirectory']}"
    assert signer["Service"]["ExecStart"].endswith(f"poyong signer run --home {home}")
    assert signer["Service"]["User"] == node["Service"]["User"]
    assert signer["Unit"]["Before"] == UNIT.name


needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)


@needs_systemd
@pytest.mark.parametrize("unit", [*UNITS, BACKUP_TIMER], ids=lambda path: path.name)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    # It also looks for the program, which is here and not in /opt; a timer's service lies beside.
    program = Path(sys.executable).with_name("poyong")
    for file in (unit, unit.with_suffix(".service")):
        content = file.read_text(encoding="utf-8")
        (tmp_path / file.name).write_text(
            content.replace("/opt/poyong/.venv/bin/poyong", str(program))
        )
    run("systemd-analyze", "verify", tmp_path / unit.name)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_little_that_a_unit_exposes(unit: Path) -> None:
    """20 of 100: a network service that keeps state; one without any option has 96."""
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)


LOGROTATE = shutil.which("logrotate") or shutil.which("logrotate", path="/usr/sbin")


@pytest.mark.skipif(LOGROTATE is None, reason="logrotate is not installed")
def test_logrotate_keeps_the_file_that_a_node_writes(tmp_path: Path) -> None:
    """The sample, on a folder of this test: the old lines are in a rotated file, and what is
    written to the open file goes on into an empty one."""
    content = (DEPLOY / "logrotate" / "poyong").read_text(encoding="utf-8")
    owner = f"su {getpwuid(os.getuid()).pw_name} {getgrgid(os.getgid()).gr_name}"
    content = content.replace("/var/log/poyong/", f"{tmp_path}/").replace("su poyong poyong", owner)
    sample = tmp_path / "poyong"
    sample.write_text(content, encoding="utf-8")
    sample.chmod(0o644)
    tmp_path.chmod(0o755)
    command = [str(LOGROTATE), "--state", str(tmp_path / "state")]
    run(*command, "--debug", sample)
    with (tmp_path / "node.log").open("a", encoding="utf-8") as log:
        log.write("before\n")
        log.flush()
        run(*command, "--force", sample)
        log.write("after\n")
        log.flush()
        (rotated,) = tmp_path.glob("node.log-*")
        assert rotated.read_text(encoding="utf-8") == "before\n"
        assert (tmp_path / "node.log").read_text(encoding="utf-8") == "after\n"


def test_every_file_of_deploy_is_on_its_page() -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for file in DEPLOY.rglob("*"):
        if file.is_file() and file.name != "README.md":
            assert f"({file.relative_to(DEPLOY)})" in page, file
