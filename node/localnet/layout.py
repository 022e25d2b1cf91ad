"""What a local town is made of, and where it lies on disk.

DIR/town.json         nodes, ports and scenario: what a second start goes on with
DIR/town.lock         held, with the process id inside, while the town runs
DIR/NAME/             home of one node (config.toml, genesis.json, keys/, data/)
DIR/NAME/node.log     what that node printed
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from ledger.errors import LocalError
from node.files.disk_errors import os_error
from node.files.file_locks import hold_file
from node.files.whole_files import replace_whole
from node.localnet import ports
from node.version import other_format

DEFAULT_FOLDER: Final = Path(".poyong/town")
TOWN_FILE: Final = "town.json"
LOCK_FILE: Final = "town.lock"
LOG_FILE: Final = "node.log"
PID_FILE: Final = "node.pid"
FORMAT_VERSION: Final = 1
MIN_VALIDATORS: Final = 1
DEFAULT_VALIDATORS: Final = 4
PORTS_OF_A_NODE: Final = 3
RPC_FROM_END: Final = 2
"""A node's ports are those of peers, JSON-RPC and metrics, in this order."""
OBSERVER: Final = ("observer", "Observer 관찰자")

ORGANISATIONS: Final = (
    ("city-hall", "City hall 시청"),
    ("gist", "GIST"),
    ("land-corporation", "Land corporation 토지공사"),
    ("builder", "Builder 건설사"),
    ("residents", "Residents 주민회"),
    ("land-owners", "Land owners 토지주"),
    ("district-office", "District office 구청"),
    ("hospital", "Hospital 병원"),
    ("startup-campus", "Startup campus 창업캠퍼스"),
    ("energy-company", "Energy company 에너지공사"),
    ("transit-authority", "Transit authority 교통공사"),
    ("merchants", "Merchants 상인회"),
    ("cooperative", "Cooperative 협동조합"),
    ("school-board", "School board 교육청"),
    ("mobility-company", "Mobility company 모빌리티"),
    ("appraisers-board", "Appraisers' board 감정평가사회"),
)
"""(folder, organisation) of validators, in order of their index."""
MAX_VALIDATORS: Final = len(ORGANISATIONS)


class TownNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node; all ports are on loopback. `name` is its folder."""

    name: str
    organisation: str
    is_validator: bool
    p2p_port: int
    rpc_port: int
    metrics_port: int

    @property
    def rpc_url(self) -> str:
        """JSON-RPC over HTTP."""
        return f"http://{ports.LOOPBACK}:{self.rpc_port}"

    @property
    def metrics_url(self) -> str:
        """Prometheus metrics."""
        return f"http://{ports.LOOPBACK}:{self.metrics_port}/metrics"

    @property
    def ports(self) -> tuple[int, int, int]:
        """All of them."""
        return (self.p2p_port, self.rpc_port, self.metrics_port)


class Town(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Validators by index, then the observer. `ready` is False while its folder is being made.

    scenario: whose economy genesis carries; "" for none. governed: its stakeholders decide, and no
    authority.
    """

    nodes: tuple[TownNode, ...]
    scenario: str
    ready: bool = False
    governed: bool = False
    version: int = FORMAT_VERSION

    @property
    def validators(self) -> tuple[TownNode, ...]:
        """Those that vote."""
        return tuple(node for node in self.nodes if node.is_validator)

    @property
    def observer(self) -> TownNode:
        """The one that follows and serves wallets."""
        return self.nodes[-1]


def plan(
    validators: int,
    scenario: str,
    base_port: int | None = None,
    *,
    governed: bool = False,
) -> Town:
    """A new town on ports that are free now, from `base_port` on. When nobody chose one, wallets
    find the observer at the port that they try by themselves, unless something else has it."""
    if not MIN_VALIDATORS <= validators <= MAX_VALIDATORS:
        raise LocalError(
            f"a local town has {MIN_VALIDATORS} to {MAX_VALIDATORS} validators, "
            f"{validators} were asked for: change --validators"
        )
    names = (*ORGANISATIONS[:validators], OBSERVER)
    numbers = _free_ports(len(names), base_port)
    nodes = tuple(
        TownNode(name, organisation, index < validators, *numbers[3 * index : 3 * index + 3])
        for index, (name, organisation) in enumerate(names)
    )
    return Town(nodes, scenario, governed=governed)


def _free_ports(nodes: int, base_port: int | None) -> list[int]:
    numbers = ports.choose(PORTS_OF_A_NODE * nodes, base_port or ports.BASE_PORT)
    if base_port is None and ports.is_free(ports.WALLET_PORT):
        numbers[-RPC_FROM_END] = ports.WALLET_PORT
    return numbers


def with_other_ports(town: Town, base_port: int | None = None) -> Town:
    """The same town on ports that are free now."""
    numbers = _free_ports(len(town.nodes), base_port)
    nodes = tuple(
        TownNode(node.name, node.organisation, node.is_validator, *numbers[3 * at : 3 * at + 3])
        for at, node in enumerate(town.nodes)
    )
    return msgspec.structs.replace(town, nodes=nodes)


def with_validator(town: Town, name: str) -> tuple[Town, TownNode]:
    """The same town and one more node, of an organisation of ORGANISATIONS, before the observer;
    its ports are free now and above all others."""
    highest = max(port for node in town.nodes for port in node.ports)
    node = TownNode(
        name, dict(ORGANISATIONS)[name], True, *ports.choose(PORTS_OF_A_NODE, highest + 1)
    )
    return msgspec.structs.replace(town, nodes=(*town.nodes[:-1], node, town.observer)), node


class _AnyTown(msgspec.Struct, frozen=True):
    """Of a town of any version: looked at first, since another one may be laid out otherwise."""

    version: int = FORMAT_VERSION


def with_ready(town: Town) -> Town:
    """The same town, whose folder is complete now."""
    return msgspec.structs.replace(town, ready=True)


def busy_ports(town: Town) -> list[int]:
    """Ports of the town that something else has taken."""
    return [port for node in town.nodes for port in node.ports if not ports.is_free(port)]


def load(folder: Path) -> Town | None:
    """The town in `folder`; None when nothing is there, LocalError when it is something else."""
    path = folder / TOWN_FILE
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        if folder.is_dir() and any(entry.name != LOCK_FILE for entry in folder.iterdir()):
            raise LocalError(
                f"{folder} is not empty and holds no town ({TOWN_FILE} is missing): "
                "choose another folder with --dir"
            ) from None
        return None
    except NotADirectoryError:
        raise LocalError(f"{folder} is no folder: choose another with --dir") from None
    try:
        version = msgspec.json.decode(raw, type=_AnyTown).version
        if version != FORMAT_VERSION:
            remedy = "Use the release that made the town, or start anew with --fresh"
            raise other_format(path, version, FORMAT_VERSION, remedy)
        return msgspec.json.decode(raw, type=Town)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LocalError(f"{path}: {error!s:.200}; start anew with --fresh") from error


def save(folder: Path, town: Town) -> None:
    """Write town.json so that a reader sees all of it or none."""
    content = msgspec.json.format(msgspec.json.encode(town), indent=2) + b"\n"
    replace_whole(folder / TOWN_FILE, content)


def wipe(folder: Path) -> None:
    """Remove a town: only what a town consists of, and only where town.json says it is one."""
    if not (folder / TOWN_FILE).exists():
        load(folder)  # refuses a folder that holds something else
        return
    known = {name for name, _ in (*ORGANISATIONS, OBSERVER)}
    try:
        for name in known:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
        # Last, so that an interrupted removal is still known as a town.
        (folder / TOWN_FILE).unlink()
    except OSError as error:
        raise os_error("remove", folder, error) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the town's folder; LocalError when a running town holds it. The kernel lets go of it
    when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = hold_file(folder / LOCK_FILE, mode=0o644)
    except OSError as error:
        raise os_error("create", folder / LOCK_FILE, error) from error
    if handle is None:
        raise LocalError(
            f"a town is running in {folder} (process {_pid_in(folder)}): "
            f"stop it with poyong town down --dir {folder}"
        )
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def node_pid(folder: Path, node: TownNode) -> int | None:
    """Process id of a node of a running town, or None."""
    try:
        text = (folder / node.name / PID_FILE).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None


def running_pid(folder: Path) -> int | None:
    """Process id of the town that runs in `folder`, or None."""
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid_in(folder)
    finally:
        os.close(handle)
    return None


def _pid_in(folder: Path) -> int | None:
    text = (folder / LOCK_FILE).read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() else None
