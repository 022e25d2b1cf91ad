"""What the supervisor knows of a running town, and how it looks: a live table or plain lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ledger.primitives import UNIT

_HUNDRED_MILLION: Final = 10**8


@dataclass(slots=True)
class NodeView:
    """One node's row. `height` and the rest are what it said last; None before its first answer.

    pid: of the town's own process; None when that has ended, even if the node answers again.
    """

    name: str
    organisation: str
    rpc_url: str
    pid: int | None
    state: str = "starting"  # starting, up, syncing, down, failed
    height: int | None = None
    view: int | None = None
    peers: int | None = None
    mempool: int | None = None


@dataclass(slots=True)
class TownView:
    """The town as a whole; economic figures are those of the chain's state, None without them."""

    nodes: list[NodeView]
    scenario: str = ""
    transactions: int = 0
    transactions_per_second: float = 0.0
    running_s: float = 0.0
    quarter: str = ""
    economy: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def height(self) -> int:
        """The highest committed height that any node told."""
        return max((node.height or 0 for node in self.nodes), default=0)

    @property
    def up(self) -> int:
        """Nodes that answer."""
        return sum(node.state in ("up", "syncing") for node in self.nodes)


_STYLES: Final = {
    "up": "green",
    "syncing": "yellow",
    "starting": "yellow",
    "down": "red",
    "failed": "bold red",
}


def whole_tokens(units: object) -> str:
    """Token units (int or decimal text) as whole tokens."""
    return f"{int(str(units)) // UNIT:,} BJT"


def won(amount: object) -> str:
    """KRW (int or decimal text) in 억 (10^8)."""
    return f"{int(str(amount)) // _HUNDRED_MILLION:,} 억원"


def index_text(land_index: int) -> str:
    """100000 is the base: "104.321"."""
    return f"{land_index // 1000}.{land_index % 1000:03d}"


def _economy_cells(town: TownView) -> dict[str, str]:
    known = town.economy
    cells = {}
    if "land_index" in known:
        cells["land index"] = index_text(int(known["land_index"]))
    for name in ("ceiling", "issued"):
        if name in known:
            cells[name] = whole_tokens(known[name])
    if "rounds_final" in known:
        cells["rounds final"] = f"{known['rounds_final']}"
    return cells


def live_table(town: TownView) -> Group:
    """The table of a terminal: one row a node, and the town's figures below."""
    nodes = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("node", "state"):
        nodes.add_column(column)
    for column in ("height", "view", "peers", "mempool", "pid"):
        nodes.add_column(column, justify="right")
    nodes.add_column("JSON-RPC")
    for node in town.nodes:
        numbers = (node.height, node.view, node.peers, node.mempool)
        nodes.add_row(
            node.organisation,
            Text(node.state, style=_STYLES[node.state]),
            *("-" if number is None else f"{number:,}" for number in numbers),
            "-" if node.pid is None else str(node.pid),
            node.rpc_url,
        )
    figures = Table.grid(padding=(0, 3))
    cells = {
        "height": f"{town.height:,}",
        "transactions": f"{town.transactions:,} ({town.transactions_per_second:.1f}/s)",
        **_economy_cells(town),
    }
    for _ in cells:
        figures.add_column()
    figures.add_row(*(Text(name, style="dim") for name in cells))
    figures.add_row(*(Text(value, style="bold") for value in cells.values()))
    title = " · ".join(
        part for part in ("Poyong town 포용타운", town.scenario, town.quarter) if part
    )
    lines: list[RenderableType] = [Text(title, style="bold"), nodes, figures]
    if town.note:
        lines.append(Text(town.note, style="yellow"))
    lines.append(Text(f"{town.running_s:,.0f} s · Ctrl-C stops all nodes cleanly", style="dim"))
    return Group(*lines)


def plain_line(town: TownView) -> str:
    """One line for a log: the same figures."""
    views = [node.view for node in town.nodes if node.view is not None]
    peers = [node.peers for node in town.nodes if node.peers is not None]
    down = [node.name for node in town.nodes if node.state in ("down", "failed")]
    parts = {
        "t": f"{town.running_s:.0f}s",
        "nodes": f"{town.up}/{len(town.nodes)}",
        "height": f"{town.height}",
        "view": f"{max(views, default=0)}",
        "peers": f"{min(peers, default=0)}",
        "transactions": f"{town.transactions}",
        **{name.replace(" ", "_"): text for name, text in _economy_cells(town).items()},
    }
    line = "  ".join(f"{name}={text.replace(' BJT', '')}" for name, text in parts.items())
    line += f"  quarter={town.quarter}" if town.quarter else ""
    line += f"  down={','.join(down)}" if down else ""
    return line + (f"  ({town.note})" if town.note else "")
