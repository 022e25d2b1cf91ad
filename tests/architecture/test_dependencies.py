"""The lock pins what pyproject.toml asks for, on every platform and Python the project supports."""

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source_tree import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

ENGINES = {"plyvel", "rocksdict"}
SUPPORTED = [
    {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_machine": machine,
    }
    for python in ("3.11", "3.12", "3.13")
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
]
on_every_platform = pytest.mark.parametrize(
    "environment", SUPPORTED, ids=lambda e: f"{e['python_version']}-{e['platform_machine']}"
)


def declared(extra: str = "") -> list[Requirement]:
    """The requirements that pyproject.toml states for the runtime, or for an extra."""
    project = PYPROJECT["project"]
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [Requirement(line) for line in lines]


def pinned() -> dict[str, Requirement]:
    """Each package of the lock by its canonical name."""
    lines = [line.removesuffix(" \\") for line in LOCK.splitlines() if line[:1].isalnum()]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


@on_every_platform
def test_the_lock_satisfies_every_declared_dependency(environment: dict[str, str]) -> None:
    locked = pinned()
    for requirement in [*declared(), *declared("charts"), *declared("sql"), *declared("dev")]:
        if not applies(requirement, environment):
            continue
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not in requirements.lock: run `make lock`"
        assert applies(locked[name], environment), f"the lock leaves {name} out here"
        (pin,) = locked[name].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), f"{name} {pin.version} is not allowed"


@on_every_platform
def test_every_environment_gets_exactly_one_store_engine(environment: dict[str, str]) -> None:
    """docs/adr/0004: LevelDB where plyvel has wheels, RocksDB elsewhere."""
    engines = [r.name for r in declared() if r.name in ENGINES and applies(r, environment)]
    leveldb = (
        environment["python_version"] in {"3.11", "3.12"}
        and environment["sys_platform"] == "linux"
        and environment["platform_machine"] == "x86_64"
    )
    assert engines == ["plyvel" if leveldb else "rocksdict"]


def test_a_node_and_the_list_of_commands_load_no_optional_package() -> None:
    optional = ("sqlalchemy", "psycopg", "matplotlib")
    program = f"import sys, node.assembly, node.cli; print({{*sys.modules}} & {{*{optional}}})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_every_pin_carries_a_hash_and_no_registry_is_named() -> None:
    lines = [line for line in LOCK.splitlines() if not line.startswith("#")]
    entries = "\n".join(lines).replace(" \\\n", " ").splitlines()
    assert len(entries) == len(pinned())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK
    assert "--index-url" not in LOCK
    assert "--find-links" not in LOCK
