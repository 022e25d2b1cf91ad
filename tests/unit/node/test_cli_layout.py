"""A local town's folder and ports: what is planned, kept, refused and removed."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import LocalError
from node.localnet import layout, ports

BASE = 21_000


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of loopback that somebody else listens on."""
    port = ports.choose(1, BASE)[0]
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, port))
        server.listen()
        yield port


def test_ports_are_free_and_below_those_the_kernel_gives_out(taken_port: int) -> None:
    found = ports.choose(6, taken_port)
    assert taken_port not in found
    assert found == sorted(set(found))
    assert all(taken_port < port <= ports.MAX_PORT for port in found)


def test_running_out_of_ports_names_the_option() -> None:
    with pytest.raises(LocalError, match="--base-port"):
        ports.choose(10, ports.MAX_PORT - 4)
    with pytest.raises(LocalError, match="32768"):
        ports.choose(1, 32_768)


@pytest.mark.parametrize("validators", [1, 4, layout.MAX_VALIDATORS])
def test_a_plan_has_its_validators_and_one_observer(validators: int) -> None:
    town = layout.plan(validators, "gwangju", BASE)
    assert [node.is_validator for node in town.nodes] == [True] * validators + [False]
    assert len({node.name for node in town.nodes}) == validators + 1
    assert len({node.organisation for node in town.nodes}) == validators + 1
    assert len({port for node in town.nodes for port in node.ports}) == 3 * (validators + 1)
    assert town.observer.name == "observer"


@pytest.mark.parametrize("validators", [0, layout.MAX_VALIDATORS + 1])
def test_a_plan_outside_the_range_is_refused(validators: int) -> None:
    with pytest.raises(LocalError, match="--validators"):
        layout.plan(validators, "")


def test_a_saved_town_is_loaded_as_it_was(tmp_path: Path) -> None:
    town = layout.plan(4, "gwangju", BASE)
    layout.save(tmp_path, town)
    assert layout.load(tmp_path) == town
    assert [path.name for path in tmp_path.iterdir()] == [layout.TOWN_FILE]


def test_a_folder_without_town_is_nothing_yet_only_while_it_is_empty(tmp_path: Path) -> None:
    assert layout.load(tmp_path / "absent") is None
    with layout.locked(tmp_path):
        assert layout.load(tmp_path) is None
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(LocalError, match="holds no town"):
        layout.load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"nodes":[],"scenario":"","version":2}', b"\xff"]
)
def test_a_damaged_town_file_names_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / layout.TOWN_FILE).write_bytes(content)
    with pytest.raises(LocalError, match="--fresh"):
        layout.load(tmp_path)


def test_starting_anew_removes_the_town_and_nothing_else(tmp_path: Path) -> None:
    layout.save(tmp_path, layout.plan(4, "", BASE))
    (tmp_path / "gist" / "data").mkdir(parents=True)
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    layout.wipe(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_starting_anew_refuses_a_folder_that_is_no_town(tmp_path: Path) -> None:
    (tmp_path / "gist").mkdir()
    with pytest.raises(LocalError, match="--dir"):
        layout.wipe(tmp_path)
    assert (tmp_path / "gist").is_dir()


def test_other_ports_keep_everything_else(taken_port: int) -> None:
    town = layout.plan(2, "gwangju", taken_port + 1)
    assert layout.busy_ports(town) == []
    moved = layout.with_other_ports(town, town.nodes[-1].metrics_port + 1)
    assert not {p for n in town.nodes for p in n.ports} & {p for n in moved.nodes for p in n.ports}
    assert [node.name for node in moved.nodes] == [node.name for node in town.nodes]
    assert moved.scenario == "gwangju"


def test_only_one_town_runs_in_a_folder(tmp_path: Path) -> None:
    assert layout.running_pid(tmp_path) is None
    with layout.locked(tmp_path):
        assert layout.running_pid(tmp_path) is not None
        with pytest.raises(LocalError, match="poyong town down"), layout.locked(tmp_path):
            pass
    assert layout.running_pid(tmp_path) is None
