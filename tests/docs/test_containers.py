"""deploy/container and deploy/kubernetes: what can be known without a daemon or a cluster.

The Dockerfile's steps run in plain folders and its program as a user without rights; the manifests
hold under their published schemas; what they tell the node is what the node understands. Nothing
here builds an image or starts a container.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from node import config
from node.keys import keystore
from node.version import VERSION
from tests.docs.documents import ROOT
from tests.support import client_programs
from tests.support.ceremony_homes import MEMBERS, PASSWORD, make_home
from tests.support.town import poyong

CONTAINER: Final = ROOT / "deploy" / "container"
DOCKERFILE: Final = CONTAINER / "Dockerfile"
COMPOSE: Final = CONTAINER / "compose.yaml"
KUBERNETES: Final = ROOT / "deploy" / "kubernetes" / "node.yaml"
KUBERNETES_VERSIONS: Final = ("1.30", "1.34")
STEP_S: Final = 300
UNREACHABLE: Final = re.compile(r"NewConnectionError|Temporary failure in name resolution")
NOBODY: Final = 65_534
USER: Final = 10_001


def instructions() -> list[tuple[str, str]]:
    """(instruction, the rest) of each line of the Dockerfile."""
    lines = DOCKERFILE.read_text(encoding="utf-8").splitlines()
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in lines
        if line and not line.startswith("#")
    ]


def of(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


# Dockerfile


def test_the_base_is_one_version_and_everything_copied_is_there() -> None:
    (base,) = of("ARG")
    assert re.fullmatch(r"BASE=python:3\.1[123]\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", base)
    assert {rest.split()[0] for rest in of("FROM")} == {"${BASE}"}
    for rest in of("COPY"):
        if not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source


def test_the_image_runs_a_node_without_rights_on_the_ports_of_its_defaults() -> None:
    assert of("USER") == [f"{USER}:{USER}"]
    assert instructions()[-1] == ("CMD", '["start", "--home", "/var/lib/poyong"]')
    ports = (config.NetworkConfig().port, config.RpcConfig().port, config.MetricsConfig().port)
    assert of("EXPOSE") == [" ".join(map(str, ports))]
    assert f"127.0.0.1:{config.MetricsConfig().port}/healthz" in of("HEALTHCHECK")[0]
    assert f"poyong:{VERSION} " in DOCKERFILE.read_text(encoding="utf-8")


@pytest.mark.timeout(STEP_S + 60)
def test_its_steps_make_a_program_that_a_user_without_rights_can_run() -> None:
    """The stage `build`, with each absolute path below a folder of this test."""
    place = Path(tempfile.mkdtemp())  # pytest's own folders may be entered by their owner alone
    try:
        place.chmod(0o755)
        (place / "src").mkdir()
        replay(place, python_of_everybody())
        program = place / "opt/poyong/bin/poyong"
        for path in place.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        said = subprocess.run(
            [program, "--version"],
            cwd="/",
            user=without_rights(),
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert said.stdout == f"poyong, version {VERSION}\n", said.stderr
        installed = {path.name for path in place.glob("opt/poyong/lib/python3*/site-packages/*")}
        assert {"aiohttp", "pkcs11", "sqlalchemy"} <= installed
        assert not installed & {"pytest", "mypy", "matplotlib", "hatchling", "tests"}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def without_rights() -> int | None:
    """A user for a process of a test that runs as root; None where it has no rights anyway."""
    return NOBODY if os.geteuid() == 0 else None


def python_of_everybody() -> str:
    """An interpreter that such a user can run, as that of the image is; skips without one."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        command = [candidate, "-c", "import ensurepip, sys; print(sys.version_info < (3, 11))"]
        try:
            said = subprocess.check_output(
                command, cwd="/", user=without_rights(), stderr=subprocess.DEVNULL, text=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        if said == "False\n":
            return candidate
    pytest.skip("no Python 3.11 or later that a user without rights can run")


def replay(place: Path, python: str) -> None:
    """COPY and RUN of the first stage; `python` is the image's."""
    subprocess.run([python, "-m", "venv", place / "image"], check=True, timeout=STEP_S)
    stage = 0
    for instruction, rest in instructions():
        stage += instruction == "FROM"
        if stage != 1:
            continue
        if instruction == "COPY":
            *sources, target = rest.split()
            for source in sources:
                found, goal = ROOT / source, place / "src" / target
                if found.is_dir():
                    shutil.copytree(found, goal, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(found, goal / found.name)
        elif instruction == "RUN":
            command = re.sub(r"(?<![\w./])/(wheels|build|opt)\b", rf"{place}/\1", rest)
            done = subprocess.run(
                ["sh", "-ec", command],
                cwd=place / "src",
                env={**os.environ, "PATH": f"{place / 'image/bin'}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                timeout=STEP_S,
                check=False,
            )
            if UNREACHABLE.search(done.stderr):
                pytest.skip("the package index cannot be reached")
            assert done.returncode == 0, f"{command}\n{done.stderr[-3_000:]}"


# Compose


def documents_of(kind: str, against: str, file: Path) -> list[dict[str, Any]]:
    """The file's documents, which hold under the published schema."""
    python, schema = client_programs.schemas()
    found: list[dict[str, Any]] = client_programs.run(
        *(python, str(client_programs.PROGRAMS / "manifests.py")),
        *(kind, against or schema, str(file)),
    )
    return found


def understood(environment: Mapping[str, str]) -> config.Config:
    """What a node makes of these variables; an unknown one is an error."""
    return config.parse("", Path("config.toml"), environment)


def test_compose_has_four_organisations_with_a_home_each() -> None:
    (compose,) = documents_of("compose", "", COMPOSE)
    services = compose["services"]
    assert list(services) == [member.name for member in MEMBERS]
    published: list[str] = []
    for name, service in services.items():
        assert service["image"] == f"poyong:{VERSION}"
        assert service["volumes"] == [f"./{name}/node:/var/lib/poyong"]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["build"]["dockerfile"] == str(DOCKERFILE.relative_to(ROOT))
        assert (CONTAINER / service["build"]["context"]).resolve() == ROOT
        node = understood(service["environment"])
        assert node.network.port == 26656
        for port in service["ports"]:
            address, outside, inside = port.split(":")
            assert address == "127.0.0.1", "nobody outside this machine is served by itself"
            assert int(inside) in (node.rpc.port, node.metrics.port)
            published.append(outside)
    assert len(set(published)) == len(published) == 2 * len(MEMBERS)


# Kubernetes


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict[str, Any]]:
    """By kind and name."""
    documents = [
        each
        for version in KUBERNETES_VERSIONS
        for each in documents_of("kubernetes", version, KUBERNETES)
    ]
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in documents}


def test_kubernetes_never_runs_two_of_a_validator(manifests: dict[str, dict[str, Any]]) -> None:
    (spec,) = [each["spec"] for name, each in manifests.items() if name.startswith("StatefulSet")]
    assert spec["replicas"] == 1
    assert spec["updateStrategy"] == {"type": "OnDelete"}
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"


def test_kubernetes_names_fit_each_other(manifests: dict[str, dict[str, Any]]) -> None:
    pod = manifests["StatefulSet/poyong"]["spec"]["template"]
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    services = [each["spec"] for name, each in manifests.items() if name.startswith("Service/")]
    for service in services:
        assert service["selector"].items() <= pod["metadata"]["labels"].items()
        for port in service["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    assert manifests["StatefulSet/poyong"]["spec"]["serviceName"] == "poyong"
    assert manifests["Service/poyong-peers"]["spec"]["publishNotReadyAddresses"] is True
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]} | {"data"}
    for container in (*pod["spec"]["initContainers"], *pod["spec"]["containers"]):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert container["image"] == f"poyong:{VERSION}"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    exposed = {
        port["port"]
        for rule in manifests["NetworkPolicy/poyong"]["spec"]["ingress"]
        for port in rule["ports"]
    }
    assert exposed == set(ports.values())


def test_a_node_starts_on_what_the_pod_has(
    manifests: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The init container's command on files as a Secret mounts them, then `poyong doctor` with the
    pod's variables; all paths lie below a folder of this test."""
    pod = manifests["StatefulSet/poyong"]["spec"]["template"]["spec"]
    home = make_home(tmp_path, MEMBERS[0], 7_700)
    secret, configuration = tmp_path / "secret", tmp_path / "etc/poyong"
    for folder in (secret, tmp_path / "keys", configuration):
        folder.mkdir(parents=True)
    for file in ("validator.json", "node.json", "password"):
        (secret / f"..{file}").write_bytes((home / "keys" / file).read_bytes())
        (secret / f"..{file}").chmod(0o440)
        (secret / file).symlink_to(f"..{file}")
    shutil.copy(home / "config.toml", configuration)
    write_genesis(tmp_path, configuration / "genesis.json")

    def here(text: str) -> str:
        return re.sub(r"(?<![\w./])/(secret|keys|etc|var)\b", rf"{tmp_path}/\1", text)

    (keys,) = pod["initContainers"]
    subprocess.run([here(word) for word in keys["command"]], check=True, timeout=60)
    (node,) = pod["containers"]
    variables = {each["name"]: here(each["value"]) for each in node["env"]}
    loaded = config.load(configuration / "config.toml", variables)
    keystore.open_signer(Path(loaded.node.validator_key), PASSWORD, keystore.KeyKind.VALIDATOR)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = poyong("doctor", "--home", here(node["args"][2]))
    assert said.returncode == 0, said.stdout + said.stderr
    assert node["args"][:2] == ["start", "--home"]


def write_genesis(folder: Path, file: Path) -> None:
    """A chain of the one validator whose keys are there."""
    node = folder / MEMBERS[0].name / "node" / "keys"
    seat = {
        "organisation": "City hall",
        "public_key": keystore.read_key_info(node / "validator.json").public_key.hex(),
        "node_key": keystore.read_key_info(node / "node.json").public_key.hex(),
    }
    document = {"chain_id": 7, "name": "pod", "time_ms": 0, "validators": [seat]}
    file.write_text(json.dumps(document), encoding="utf-8")
