"""Wires for Linux and root: each node in a network namespace, and its packets through our hands.

The interface of a namespace is a TUN device whose other end is a file of this process: a thread
takes each IP packet of a node and hands it to the node it is for, late, or not at all. So the
kernel's own TCP deals with loss, as with `tc netem`, which not every kernel has. Users reach a node
by a second interface, which no weather touches.
"""

import asyncio
import fcntl
import os
import re
import shutil
import struct
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node.localnet.layout import TownNode
from tests.drills.weather import Weather

TUN: Final = "/dev/net/tun"
TUNSETIFF: Final = 0x400454CA
IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000
MTU: Final = 1_500
PACKETS_A_TURN: Final = 64
STOP_S: Final = 10.0
INTERFACE: Final = "peers"

_VERSION: Final = 4
_DESTINATION_LAST_BYTE: Final = 19
_HEADER_BYTES: Final = 20


def ip(*arguments: str) -> None:
    """Run iproute2; LocalError with what it says."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def allowed() -> bool:
    """Whether this machine lets us make namespaces with devices of our own."""
    if os.geteuid() != 0 or shutil.which("ip") is None or not Path(TUN).exists():
        return False
    name = f"poyong{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode:
        return False
    ip("netns", "del", name)
    return True


def remove_left_over() -> None:
    """Namespaces of a run that was killed before it could remove them, known by its process id."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    for name in re.findall(r"^poyong\d+-\w+", listed.stdout, re.MULTILINE):
        if not Path("/proc", name[len("poyong") :].partition("-")[0]).exists():
            ip("netns", "del", name)


class NamespaceWires:
    """See above."""

    kind = "network namespaces, each packet lost or delayed by itself"

    def __init__(self, nodes: Sequence[TownNode], weather: Weather) -> None:
        remove_left_over()
        self._weather = weather
        self._names = [node.name for node in nodes]
        # Those of other runs must not be in the way: the process id is in everything.
        self._key = os.getpid()
        self._files: list[int] = []
        self._made: list[str] = []
        self._outer: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wires", daemon=True)
        try:
            for number in range(len(nodes)):
                self._make(number)
        except BaseException:
            self._remove()
            self._loop.close()
            raise
        self._thread.start()

    def listen_host(self, name: str) -> str:
        """The node's address among peers."""
        return f"10.82.62.{self._names.index(name) + 1}"

    def users_host(self, name: str) -> str:
        """The namespace's end of the second interface."""
        return self._users_address(self._names.index(name), 2)

    def address(self, of: str, to: TownNode) -> str:
        """The same for everybody."""
        return f"{self.listen_host(to.name)}:{to.p2p_port}"

    def command(self, name: str) -> list[str]:
        """Enter the namespace."""
        return ["ip", "netns", "exec", self._namespace(self._names.index(name))]

    def close(self) -> None:
        """End the thread; namespaces and devices are gone afterwards."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        self._remove()

    def _namespace(self, number: int) -> str:
        return f"poyong{self._key}-{number}"

    def _users_address(self, number: int, end: int) -> str:
        high, low = divmod(self._key % 8_192 * 8 + number, 256)
        return f"10.{128 + high // 4}.{low}.{high % 4 * 64 + end}"

    def _make(self, number: int) -> None:
        space, device = self._namespace(number), f"pyd{self._key}.{number}"
        ip("netns", "add", space)
        self._made.append(space)
        file = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._files.append(file)
        wanted = struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI)
        fcntl.ioctl(file, TUNSETIFF, wanted)
        ip("link", "set", device, "netns", space, "name", INTERFACE)
        ip("-n", space, "addr", "add", f"10.82.62.{number + 1}/24", "dev", INTERFACE)
        ip("-n", space, "link", "set", INTERFACE, "mtu", str(MTU), "up")
        ip("-n", space, "link", "set", "lo", "up")
        outer = f"pyu{self._key}.{number}"
        ip("link", "add", outer, "type", "veth", "peer", "name", "users", "netns", space)
        self._outer.append(outer)
        ip("addr", "add", f"{self._users_address(number, 1)}/30", "dev", outer)
        ip("link", "set", outer, "up")
        ip("-n", space, "addr", "add", f"{self._users_address(number, 2)}/30", "dev", "users")
        ip("-n", space, "link", "set", "users", "up")

    def _run(self) -> None:
        for number, file in enumerate(self._files):
            self._loop.add_reader(file, self._take, number)
        self._loop.run_forever()
        self._loop.close()

    def _take(self, number: int) -> None:
        for _ in range(PACKETS_A_TURN):
            try:
                packet = os.read(self._files[number], MTU)
            except BlockingIOError:
                return
            self._forward(number, packet)

    def _forward(self, number: int, packet: bytes) -> None:
        if len(packet) < _HEADER_BYTES or packet[0] >> 4 != _VERSION:
            return  # IPv6 looks for neighbours by itself; nobody here speaks it
        to = packet[_DESTINATION_LAST_BYTE] - 1
        if not 0 <= to < len(self._names):
            return
        weather = self._weather
        if not weather.reaches(self._names[number], self._names[to]) or weather.loses():
            return
        if weather.delay_s:
            self._loop.call_later(weather.delay_s, self._hand, to, packet)
        else:
            self._hand(to, packet)

    def _hand(self, to: int, packet: bytes) -> None:
        try:
            os.write(self._files[to], packet)
        except BlockingIOError:
            return  # its queue is full: a packet is lost, as on any wire

    def _remove(self) -> None:
        for file in self._files:
            os.close(file)
        for outer in self._outer:
            ip("link", "del", outer)  # the kernel takes its time to empty a namespace
        for space in self._made:
            ip("netns", "del", space)
        self._files, self._made, self._outer = [], [], []
