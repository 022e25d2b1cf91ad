"""What stands for a network in the drills does what the weather says."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from node.localnet import ports
from node.localnet.layout import TownNode
from tests.drills import namespaces
from tests.drills.namespaces import NamespaceWires
from tests.drills.proxies import ProxyWires
from tests.drills.weather import Weather, Wires
from tests.support.town_processes import base_port

PATIENCE_S = 20.0
ECHO = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    while data := connection.recv(65536):
        connection.sendall(data)
"""
ASK = """
import socket, sys, time
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60) as connection:
    for line in sys.stdin:
        began = time.monotonic()
        data = b"x" * int(line)
        connection.sendall(data)
        left = len(data)
        while left:
            left -= len(connection.recv(65536))
        print(time.monotonic() - began, flush=True)
"""


class Asked:
    """A connection from the first node to the echo of the second."""

    def __init__(self, wires: Wires, nodes: tuple[TownNode, TownNode]) -> None:
        one, other = nodes
        self.processes: list[subprocess.Popen[str]] = []
        server = self._run(
            wires.command(other.name), ECHO, wires.listen_host(other.name), str(other.p2p_port)
        )
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        host, _, port = wires.address(one.name, other).rpartition(":")
        self._client = self._run(wires.command(one.name), ASK, host, port)

    def _run(self, around: list[str], program: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*around, sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def send(self, size: int) -> None:
        assert self._client.stdin is not None
        print(size, file=self._client.stdin, flush=True)

    def took_s(self) -> float:
        """Until everything was back."""
        assert self._client.stdout is not None
        return float(self._client.stdout.readline())

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture(params=[ProxyWires, NamespaceWires])
def asked(request: pytest.FixtureRequest) -> Iterator[tuple[Asked, Weather]]:
    make: Callable[[list[TownNode], Weather], Wires] = request.param
    if make is NamespaceWires and not namespaces.allowed():
        pytest.skip("needs root, iproute2 and /dev/net/tun")
    numbers = ports.choose(6, base_port())
    nodes = (
        TownNode("one", "One", True, *numbers[:3]),
        TownNode("other", "Other", True, *numbers[3:]),
    )
    weather = Weather()
    wires = make(list(nodes), weather)
    asking = Asked(wires, nodes)
    try:
        asking.send(1)
        asking.took_s()
        yield asking, weather
    finally:
        asking.close()
        wires.close()


def test_bytes_take_as_long_as_the_weather_says(asked: tuple[Asked, Weather]) -> None:
    asking, weather = asked
    weather.delay_s = 0.3
    asking.send(100)
    assert asking.took_s() >= 2 * weather.delay_s


def test_a_cut_holds_everything_back_until_it_is_healed(asked: tuple[Asked, Weather]) -> None:
    asking, weather = asked
    weather.cut(["one"], ["other"])
    asking.send(100)
    time.sleep(1.0)  # the length of the cut is the input of this test
    weather.heal()
    assert asking.took_s() >= 1.0


def test_what_is_lost_comes_late_and_all_of_it(asked: tuple[Asked, Weather]) -> None:
    asking, weather = asked
    weather.loss = 0.2
    asking.send(500_000)
    assert asking.took_s() >= 0.2  # the least time after which TCP sends again


@pytest.mark.skipif(not namespaces.allowed(), reason="needs root, iproute2 and /dev/net/tun")
def test_namespaces_that_a_killed_run_left_are_removed() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    theirs, ours = f"poyong{ended.pid}-0", f"poyong{os.getpid()}-kept"
    namespaces.ip("netns", "add", theirs)
    namespaces.ip("netns", "add", ours)
    try:
        namespaces.remove_left_over()
        left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
        assert theirs not in left.stdout
        assert ours in left.stdout
    finally:
        namespaces.ip("netns", "del", ours)


def test_a_host_that_is_down_is_known_at_once_behind_a_proxy() -> None:
    """As its kernel would refuse; a node must not wait for a machine that answers."""
    numbers = ports.choose(6, base_port())
    nodes = [TownNode("one", "", True, *numbers[:3]), TownNode("other", "", True, *numbers[3:])]
    wires = ProxyWires(nodes, Weather())
    try:
        host, _, port = wires.address("one", nodes[1]).rpartition(":")
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection,
        ):
            assert connection.recv(1) == b""
    finally:
        wires.close()


def test_a_node_that_no_side_names_hears_nobody() -> None:
    weather = Weather()
    weather.cut(["one", "two"], ["three"])
    assert weather.reaches("one", "two")
    assert not weather.reaches("one", "three")
    assert not weather.reaches("four", "one")
    weather.heal()
    assert weather.reaches("four", "one")
