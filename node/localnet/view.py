"""What the supervisor knows of a running town, and how it looks: a live table or plain lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich import box
from rich.cells import cell_len
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from ledger.primitives import UNIT

_HUNDRED_MILLION: Final = 10**8
_NUMBERS: Final = ("height", "view", "peers", "mempool", "pid")
_DROPPED_FIRST: Final = ("mempool", "view", "peers", "pid")
_GAP: Final = 2
"""Between columns: one of padding, one of the box."""


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
    started_height: int = 0

    @property
    def waiting(self) -> str:
        """What the start of this run still waits for; "" once a block was finalised in it."""
        if self.height > self.started_height:
            return ""
        starting = sum(node.state == "starting" for node in self.nodes)
        if starting:
            return f"waiting for {starting} of {len(self.nodes)} nodes to start"
        return "waiting for the first block"

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


def _node_table(nodes: Sequence[NodeView], width: int) -> Table:
    """One row a node; on a narrow terminal without the columns that matter least there."""
    columns: dict[str, list[str]] = {
        "node": [node.organisation for node in nodes],
        "state": [node.state for node in nodes],
        "height": [_number(node.height) for node in nodes],
        "view": [_number(node.view) for node in nodes],
        "peers": [_number(node.peers) for node in nodes],
        "mempool": [_number(node.mempool) for node in nodes],
        "pid": ["-" if node.pid is None else str(node.pid) for node in nodes],
        "JSON-RPC": [node.rpc_url for node in nodes],
    }
    for name in _DROPPED_FIRST:
        widths = [max(map(cell_len, (head, *cells))) for head, cells in columns.items()]
        if sum(widths) + _GAP * len(widths) > width:
            del columns[name]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        justify: JustifyMethod = "right" if name in _NUMBERS else "left"
        # Only names give way when there is no room at all: an address that is cut reaches nobody.
        table.add_column(name, justify=justify, no_wrap=name != "node", overflow="fold")
    for node, row in zip(nodes, zip(*columns.values(), strict=True), strict=True):
        style = _STYLES[node.state]
        table.add_row(*(Text(cell, style=style if cell == node.state else "") for cell in row))
    return table


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def live_table(town: TownView, width: int) -> Group:
    """The table of a terminal with `width` columns: one row a node, the town's figures below."""
    nodes = _node_table(town.nodes, width)
    figures = Table.grid(padding=(0, 2))
    cells = {
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
    if remark := town.note or town.waiting:
        lines.append(Text(remark, style="yellow"))
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
    remark = town.note or town.waiting
    return line + (f"  ({remark})" if remark else "")
