"""docs/operating.md, "From four bare folders to a consortium", done as it stands there.

The commands of the page are one shell session. Where the machine allows it, the session has a
network of its own, so that the page's ports are free whatever else runs.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.docs import documents
from tests.docs.documents import ROOT
from tests.support import prometheus

PAGE: Final = "docs/operating.md"
SECTION: Final = "From four bare folders to a consortium"
WATCHING: Final = "prometheus.yml"
WALK_S: Final = 600
LOG_LINES: Final = 12
OWN_NETWORK: Final = ("unshare", "--user", "--map-root-user", "--net")

pytestmark = pytest.mark.timeout(WALK_S + 30)


def blocks() -> list[str]:
    """The section's commands; those that watch only where Prometheus is installed."""
    found = re.findall(r"^```sh\n(.*?)^```", documents.section(SECTION, PAGE), re.M | re.S)
    if prometheus.program() is None or shutil.which("promtool") is None:
        found = [block for block in found if WATCHING not in block]
    return found


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
    return "\n".join([*head, *blocks()])


def logs(folder: Path) -> str:
    """The end of each node's log."""
    return "\n".join(
        f"-- {log.parent.name}\n" + "\n".join(log.read_text().splitlines()[-LOG_LINES:])
        for log in sorted(folder.glob("*/node.log"))
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


def test_the_page_leads_to_five_validators_that_agree(walked: tuple[Path, str]) -> None:
    folder, said = walked
    assert len(blocks()) >= 9
    assert re.search(r"^5 validators of height", said, re.MULTILINE)
    assert said.count("Not stalled: ") == 2
    documents_of_nodes = {path.read_bytes() for path in folder.glob("*/node/genesis.json")}
    assert len(documents_of_nodes) == 1
    for log in folder.glob("*/node.log"):
        assert "node.stopping" in log.read_text(encoding="utf-8"), log


def test_every_organisation_saw_the_same_genesis_hash(walked: tuple[Path, str]) -> None:
    """Assembled, checked and signed by four, in the status, and installed by five."""
    _, said = walked
    seen = re.findall(r"^genesis[ _]hash +(0x[0-9a-f]{64})$", said, re.MULTILINE)
    assert len(seen) == 1 + 4 * 2 + 1 + 5
    assert len(set(seen)) == 1
