"""Charts of town rounds as SVG: land index above, ceiling, issued and outstanding tokens below.

Text stays text, positions depend on no font of the machine, and nothing in the file depends on the
day: the same figures give the same bytes. Colours are those of Okabe and Ito, told apart by people
who see colours differently. Needs the optional extra `charts`; a node never imports this module.
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import LocalError
from ledger.primitives import BPS, UNIT
from node.scenarios.figures import RoundFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN: Final = 10.0
HEIGHT_IN: Final = 7.2
"""At 100 px an inch the chart is 1000 px wide."""
FONTS: Final = (
    "'Noto Sans KR', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', 'Malgun Gothic', 'NanumGothic', "
    "'DejaVu Sans', sans-serif"
)
"""Tried by whoever shows the chart, in this order: each has Korean and Latin letters but the last
two, which stand in for Latin alone."""
MEASURED_FONT: Final = "DejaVu Sans"
"""Comes with matplotlib, so that every machine places text alike; replaced by FONTS at the end."""
SALT: Final = "poyong"
MILLION: Final = 10**6
INDEX_OF_100: Final = 1_000
QUARTERS_A_YEAR: Final = 4

BLUE: Final = "#0072B2"
ORANGE: Final = "#C98500"
VERMILION: Final = "#D55E00"
GREEN: Final = "#00795A"
PURPLE: Final = "#A8538B"
INK: Final = "#222222"
MUTED: Final = "#5F6368"
FAINT: Final = "#DADCE0"

LEFT: Final = 0.075
RIGHT: Final = 0.805
"""Lines are named to the right of their ends, in place of a legend."""
UPPER: Final = (LEFT, 0.525, RIGHT - LEFT, 0.285)
LOWER: Final = (LEFT, 0.06, RIGHT - LEFT, 0.375)
"""Left, bottom, width and height of the panels, in parts of the chart."""
NAME_HEIGHT_IN: Final = 0.39
"""Of a line's name in two languages."""

_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": SALT,
    "font.family": [MEASURED_FONT],
    "font.size": 10.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "axes.unicode_minus": False,
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One series of a panel; `name` becomes the id of its element."""

    name: str
    label: str
    label_ko: str
    values: Sequence[float]
    colour: str
    width: float = 2.2
    dashes: str | tuple[int, tuple[float, ...]] = "-"


def chart(
    rounds: Sequence[RoundFigures],
    title: str,
    *,
    title_ko: str = "",
    assumption: str = "",
    beside: Sequence[RoundFigures] | None = None,
    beside_label: str = "issued before",
) -> bytes:
    """The rounds as an SVG document.

    assumption: printed on the chart when not empty. beside: another outcome of the same rounds,
    whose issued tokens are drawn for comparison. LocalError without matplotlib, or without rounds.
    """
    if not rounds:
        raise LocalError("there is no round to draw")
    matplotlib = _matplotlib()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The measured font has no Korean; whoever shows the chart takes another one.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = matplotlib.figure.Figure(figsize=(WIDTH_IN, HEIGHT_IN), facecolor="white")
        _head(figure, title, title_ko, assumption)
        upper, lower = figure.add_axes(UPPER), figure.add_axes(LOWER)
        years = _years(rounds)
        _panel(upper, years, _index_lines(rounds), "Land index, base = 100 · 지가지수")
        tokens = _token_lines(rounds, beside, beside_label)
        _panel(lower, years, tokens, "Million tokens · 백만 토큰", from_zero=True)
        _area(lower, years, rounds)
        _coverage(lower, years, rounds)
        out = io.BytesIO()
        figure.savefig(
            out, format="svg", metadata={"Date": None, "Creator": "Poyong", "Title": title}
        )
    return out.getvalue().replace(f"'{MEASURED_FONT}'".encode(), FONTS.encode())


def _matplotlib() -> Any:
    """Imported when something is drawn: it is optional, and slow to load."""
    try:
        import_module("matplotlib.figure")
        return import_module("matplotlib")
    except ImportError as error:
        raise LocalError(
            "drawing needs matplotlib, which is not installed: pip install 'poyong[charts]'"
        ) from error


def _years(rounds: Sequence[RoundFigures]) -> list[float]:
    """The end of each round's quarter, as a year."""
    year, quarter = rounds[0].quarter.split(" Q")
    start = int(year) + int(quarter) / QUARTERS_A_YEAR
    return [start + number / QUARTERS_A_YEAR for number in range(len(rounds))]


def _millions(units: int) -> float:
    return units / UNIT / MILLION


def _index_lines(rounds: Sequence[RoundFigures]) -> list[_Line]:
    return [
        _Line(
            "raw",
            "raw",
            "보고된 중앙값",
            [row.raw_index / INDEX_OF_100 for row in rounds],
            ORANGE,
            2.6,
            (0, (2, 1)),
        ),
        _Line(
            "accepted",
            "accepted",
            "인정 지가",
            [row.land_index / INDEX_OF_100 for row in rounds],
            BLUE,
        ),
    ]


def _token_lines(
    rounds: Sequence[RoundFigures], beside: Sequence[RoundFigures] | None, label: str
) -> list[_Line]:
    lines = [
        _Line(
            "cover",
            "live entitlement",
            "현재 상승분의 몫",
            [_millions(row.cover) for row in rounds],
            MUTED,
            1.4,
            (0, (1, 1.5)),
        ),
        _Line(
            "ceiling",
            "ceiling",
            "발행 한도",
            [_millions(row.ceiling) for row in rounds],
            GREEN,
            2.0,
            (0, (5, 2)),
        ),
        _Line("issued", "issued", "발행량", [_millions(row.issued) for row in rounds], BLUE, 3.4),
        _Line(
            "outstanding",
            "outstanding",
            "유통량 (소각 제외)",
            [_millions(row.outstanding) for row in rounds],
            VERMILION,
            1.6,
        ),
    ]
    if beside is not None:
        values = [_millions(row.issued) for row in beside]
        lines.append(_Line("beside", label, "현행 규칙의 발행량", values, PURPLE, 2.0, (0, (3, 1))))
    return lines


def _head(figure: "Figure", title: str, title_ko: str, assumption: str) -> None:
    figure.text(LEFT, 0.948, title, fontsize=15, fontweight="bold")
    figure.text(LEFT, 0.915, title_ko, fontsize=11.5, color=MUTED)
    if assumption:
        figure.text(
            LEFT, 0.876, assumption, fontsize=10, fontweight="bold", color=VERMILION, gid="assumed"
        )


def _panel(
    axes: "Axes", years: list[float], lines: list[_Line], caption: str, *, from_zero: bool = False
) -> None:
    axes.set_title(caption, loc="left", fontsize=10.5, color=MUTED, pad=8)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.tick_params(length=0, pad=5)
    axes.spines["left"].set_visible(False)
    for line in lines:
        axes.plot(
            years,
            line.values,
            color=line.colour,
            linewidth=line.width,
            linestyle=line.dashes,
            solid_capstyle="round",
            gid=line.name,
        )
    axes.set_xlim(years[0], max(years[-1], years[0] + 1 / QUARTERS_A_YEAR))
    every = next(step for step in (1, 2, 5, 10, 25, 50) if (years[-1] - years[0]) / step <= 12)
    first = -(-int(years[0]) // every) * every
    ticks = [year for year in range(first, int(years[-1]) + 1, every) if year >= years[0]]
    axes.set_xticks(ticks, [str(year) for year in ticks])
    if from_zero:
        axes.set_ylim(0, max(1.0, *(max(line.values) for line in lines)) * 1.06)
    else:
        values = [value for line in lines for value in line.values]
        margin = max(1.0, (max(values) - min(values)) * 0.06)
        axes.set_ylim(min(values) - margin, max(values) + margin)
    _name_ends(axes, lines)


def _name_ends(axes: "Axes", lines: list[_Line]) -> None:
    """The name of each line at its right end, moved apart where ends are close."""
    low, high = axes.get_ylim()
    gap = NAME_HEIGHT_IN / (axes.get_position().height * HEIGHT_IN)
    ends = sorted(((line.values[-1] - low) / (high - low), -at) for at, line in enumerate(lines))
    places = _apart([end for end, _ in ends], gap)
    for (_, at), place in zip(ends, places, strict=True):
        line = lines[-at]
        text = f"{line.label} {line.values[-1]:,.1f}"
        common: dict[str, Any] = {"transform": axes.transAxes, "color": line.colour}
        axes.text(1.02, place, text, va="bottom", fontsize=10.5, fontweight="bold", **common)
        axes.text(1.02, place - 0.01, line.label_ko, va="top", fontsize=9.5, **common)


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Ascending places in 0..1, moved to be at least `gap` apart and within the panel."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap if moved else gap / 2))
    highest = 1 - gap / 4
    for at in range(len(moved) - 1, -1, -1):
        moved[at] = min(moved[at], highest)
        highest = moved[at] - gap
    return moved


def _area(axes: "Axes", years: list[float], rounds: Sequence[RoundFigures]) -> None:
    values = [_millions(row.outstanding) for row in rounds]
    axes.fill_between(years, values, color=BLUE, alpha=0.10, linewidth=0, gid="outstanding-area")


def _coverage(axes: "Axes", years: list[float], rounds: Sequence[RoundFigures]) -> None:
    """Marks the quarters in which land covers less than what is outstanding."""
    known = [row.coverage_bps for row in rounds if row.coverage_bps is not None]
    if not known:
        return
    short = [row.coverage_bps is not None and row.coverage_bps < BPS for row in rounds]
    for number, (year, is_short) in enumerate(zip(years, short, strict=True)):
        if is_short:
            axes.axvspan(
                year - 1 / QUARTERS_A_YEAR,
                year,
                color=ORANGE,
                alpha=0.18,
                linewidth=0,
                gid=f"short-{rounds[number].round}",
            )
    last = rounds[-1].coverage_bps
    now = "" if last is None else f"coverage · 담보율: {last / 100:,.0f} % at the end"
    marked = f", lowest {min(known) / 100:,.0f} %, shaded below 100 %" if any(short) else ""
    axes.text(
        1.0,
        1.0,
        now + marked,
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        fontsize=10,
        color=VERMILION if marked else MUTED,
        gid="coverage",
    )
