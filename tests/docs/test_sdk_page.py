"""Every example of docs/sdk.md runs, as a program of its own, against a running chain."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from api.client import DEFAULT_TIMEOUT_S
from node.wallet.folder import FOLDER_VARIABLE
from tests.docs.documents import text
from tests.support.served_town import served_town
from tests.support.town import base_port

URL_OF_THE_PAGE = "http://127.0.0.1:8545"
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[str]:
    return EXAMPLE.findall(text("docs/sdk.md"))


def run(example: str, url: str, folder: Path) -> str:
    """What it prints; it has to end well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example.replace(URL_OF_THE_PAGE, url)],
        cwd=folder,
        env={**os.environ, FOLDER_VARIABLE: str(folder / "wallet")},
        capture_output=True,
        text=True,
        timeout=DEFAULT_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{example}\n{done.stderr}"
    return done.stdout


async def test_every_example_runs(tmp_path: Path) -> None:
    async with served_town(tmp_path / "town", base_port() + 900) as served:
        printed = [
            await asyncio.to_thread(run, example, served.url, tmp_path) for example in examples()
        ]
    assert len(printed) == 7
    said = "\n".join(printed)
    for expected in ("final in block ", "OK in block ", "10,000", "-32000 malformed"):
        assert expected in said


def test_the_examples_ask_the_node_that_the_page_names() -> None:
    """Else the test would run them against something else than a reader does."""
    for example in examples():
        assert "Client(" not in example or URL_OF_THE_PAGE in example
