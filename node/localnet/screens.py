"""Shows a running town: a table that redraws itself in a terminal, lines elsewhere."""

import sys
from typing import Final, Self

from rich.console import Console
from rich.live import Live

from node.localnet.view import TownView, live_table, plain_line

LINE_INTERVAL_S: Final = 2.0
REFRESH_PER_SECOND: Final = 4


class LiveScreen:
    """A table in a terminal."""

    def __init__(self) -> None:
        self._live = Live(refresh_per_second=REFRESH_PER_SECOND, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, town: TownView) -> None:
        """Redraw."""
        self._live.update(live_table(town, self._live.console.width), refresh=True)


class LineScreen:
    """A line every LINE_INTERVAL_S, and at once when a node comes or goes."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._stream = sys.stderr if to_stderr else sys.stdout
        self._next_s = 0.0
        self._states: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.flush()

    def show(self, town: TownView) -> None:
        """Print when it is time."""
        states = [node.state for node in town.nodes]
        if town.running_s < self._next_s and states == self._states:
            return
        self._next_s = town.running_s + LINE_INTERVAL_S
        self._states = states
        print(plain_line(town), file=self._stream, flush=True)


def screen_for(as_json: bool) -> LiveScreen | LineScreen:
    """The live table where somebody watches; lines otherwise, beside stdout when that is JSON."""
    if not as_json and Console().is_terminal:
        return LiveScreen()
    return LineScreen(to_stderr=as_json)
