"""docs/operating.md, "From four bare folders to a consortium", done as it stands there.

The commands of the page are one shell session, and print what the page shows. Where the machine
allows it, the session has a network of its own, so that the page's ports are free whatever else
runs. That each alert fires, and for whom, is proved in test_prometheus.py and in promtool's tests.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from node.signing.fence import Standing, read_fence
from tests.docs import documents
from tests.docs.documents import ROOT

PAGE: Final = "docs/operating.md"
SECTION: Final = "From four bare folders to a consortium"
WATCHING: Final = ("prometheus", "promtool", "amtool")
"""Commands of a step that watches have one of these words."""
NEXT_STEP: Final = "-- next step --"
WALK_S: Final = 900
LOG_LINES: Final = 12
OWN_NETWORK: Final = ("unshare", "--user", "--map-root-user", "--net")

pytestmark = pytest.mark.timeout(WALK_S + 30)


class Step(NamedTuple):
    """Commands, and the lines that the page shows below them."""

    commands: str
    shown: tuple[str, ...]


def steps() -> list[Step]:
    """The section's commands; those that watch only where Prometheus and its like are installed."""
    found = re.findall(
        r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?",
        documents.section(SECTION, PAGE),
        re.M | re.S,
    )
    read = [Step(commands, tuple(shown.splitlines())) for commands, shown in found]
    if any(shutil.which(name) is None for name in (*WATCHING, "prometheus-alertmanager")):
        read = [step for step in read if not any(word in step.commands for word in WATCHING)]
    return read


def not_shown(step: Step, printed: str) -> list[str]:
    """Lines that the page shows and the commands did not print, in this order; … stands for what
    differs, and space counts once."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    patterns = [
        (shown, re.escape(" ".join(shown.split())).replace("…", ".*")) for shown in step.shown
    ]
    return [
        shown
        for shown, pattern in patterns
        if not any(re.fullmatch(pattern, line) for line in lines)
    ]


def own_network() -> tuple[str, ...]:
    """What to put before a command so that it has a loopback of its own; empty where the machine
    does not allow it."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return ()
    tried = subprocess.run(
        [*OWN_NETWORK, "ip", "link", "set", "lo", "up"], capture_output=True, check=False
    )
    return OWN_NETWORK if tried.returncode == 0 else ()


def script(network: tuple[str, ...]) -> str:
    """Stops at the first command that fails, as a careful reader would, and leaves no process."""
    head = ["set -eu", "trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT", "set -x"]
    if network:
        head.append("ip link set lo up")
    return "\n".join([*head, *(f"echo {NEXT_STEP}\n{step.commands}" for step in steps())])


def logs(folder: Path) -> str:
    """The end of each node's log."""
    return "\n".join(
        f"-- {log.relative_to(folder)}\n" + "\n".join(log.read_text().splitlines()[-LOG_LINES:])
        for log in sorted(folder.glob("*/*.log"))
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the page was followed, and what was printed."""
    folder, network = tmp_path_factory.mktemp("walk"), own_network()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("POYONG_")
    }
    environment |= {
        "CHECKOUT": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}",
    }
    with (folder / "printed").open("wb") as printed:
        session = subprocess.Popen(
            [*network, "bash", "-c", script(network)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = session.wait(WALK_S)
        finally:
            if session.poll() is None:
                os.killpg(session.pid, signal.SIGKILL)
                session.wait()
    said = (folder / "printed").read_text(encoding="utf-8", errors="replace")
    assert code == 0, f"{said[-6_000:]}\n{logs(folder)}"
    return folder, said


def test_every_step_prints_what_the_page_shows(walked: tuple[Path, str]) -> None:
    _, said = walked
    _, *printed = re.split(f"^{NEXT_STEP}$", said, flags=re.MULTILINE)
    assert len(printed) == len(steps())
    missing = [not_shown(step, each) for step, each in zip(steps(), printed, strict=True)]
    assert [each for each in missing if each] == []
    assert sum(bool(step.shown) for step in steps()) >= 8


def test_all_nodes_stand_on_one_genesis_and_stopped_cleanly(walked: tuple[Path, str]) -> None:
    folder, _ = walked
    homes = [path.parent for path in folder.glob("*/*/genesis.json")]
    assert len(homes) == 4 + 1 + 1  # the builder has two
    assert len({(home / "genesis.json").read_bytes() for home in homes}) == 1
    for home in homes:
        log = home.with_name(f"{home.name}.log").read_text(encoding="utf-8")
        assert "node.stopping" in log, home


def test_the_right_to_sign_is_with_the_restored_folder(walked: tuple[Path, str]) -> None:
    folder, _ = walked
    old, new = (read_fence(folder / "builder" / name / "data") for name in ("node", "new"))
    assert old is not None
    assert new is not None
    assert (old.standing, new.standing) == (Standing.RELEASED, Standing.HELD)
    assert (old.given_to, old.number) == (new.place, new.number)


def test_every_organisation_saw_the_same_genesis_hash(walked: tuple[Path, str]) -> None:
    """Assembled, checked and signed by four, in the status, and installed by five."""
    _, said = walked
    seen = re.findall(r"^genesis[ _]hash +(0x[0-9a-f]{64})$", said, re.MULTILINE)
    assert len(seen) == 1 + 4 * 2 + 1 + 5
    assert len(set(seen)) == 1
