"""The built wheel holds the six packages and nothing else, and works away from the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT

BUILD_TIMEOUT_S = 60
IMPORT_ALL = """
import importlib, pathlib, sys
site = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(site))
for name in sys.argv[2:]:
    origin = pathlib.Path(importlib.import_module(name).__file__)
    assert origin.is_relative_to(site), f"{name} comes from {origin}, not from the wheel"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with the backend itself, which needs no network."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=BUILD_TIMEOUT_S,
    )
    (built,) = target.glob("*.whl")
    return built


def test_it_holds_the_six_packages_with_their_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    data = {str(path.relative_to(ROOT)) for path in (ROOT / "node" / "data").glob("*.csv")}
    data |= {str(path.relative_to(ROOT)) for path in (ROOT / "api/ethereum/abi").iterdir()}
    assert {name.split("/")[0] for name in names} == set(PACKAGES)
    assert data <= names


def test_its_packages_import_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    completed = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL, site, *PACKAGES],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr


def test_it_installs_the_command_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = {
            name.split(".dist-info/")[1]: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }
    assert "poyong = node.cli:main" in metadata["entry_points.txt"]
    assert metadata["licenses/LICENSE"] == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Requires-Python: <3.14,>=3.11" in metadata["METADATA"]
