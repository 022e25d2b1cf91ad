"""Logs: two formats, bounded values, no injected lines, and a loop that is never held."""

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest
import structlog

from node.config import LogConfig
from node.watch import log_setup
from node.watch.log_setup import configure_logging, set_level


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(config: LogConfig, **values: object) -> str:
    return logged_to(io.StringIO(), config, **values)


def logged_to(stream: io.StringIO, config: LogConfig, **values: object) -> str:
    stop = configure_logging(config, stream)
    structlog.get_logger("node.network.peers").info("connected", **values)
    stop()
    return stream.getvalue()


def test_json_lines_carry_all_values() -> None:
    line = json.loads(logged(LogConfig(format="json"), height=7, organisation="시청", key=b"\xab"))
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "connected",
        "level": "info",
        "logger": "node.network.peers",
        "height": 7,
        "organisation": "시청",
        "key": "ab",
    }


def test_auto_is_json_without_a_terminal_and_coloured_lines_in_one() -> None:
    assert json.loads(logged(LogConfig()))["event"] == "connected"
    shown = logged_to(Terminal(), LogConfig(), height=7)
    assert "connected" in shown
    assert "\x1b[" in shown


def test_human_lines_have_no_colour_outside_a_terminal() -> None:
    shown = logged(LogConfig(format="human"), height=7, organisation="GIST")
    assert "\x1b" not in shown
    assert "height=7" in shown
    assert "organisation=GIST" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("format_name", ["human", "json"])
def test_what_a_peer_sent_cannot_make_a_line_or_control_the_terminal(format_name: str) -> None:
    hostile = "x\n12:00 [error] forged\r\x1b[2J\x07\x9b"
    shown = logged(LogConfig(format=format_name), said=hostile)
    assert shown.count("\n") == 1
    assert not {"\r", "\x1b", "\x07"} & set(shown)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x" * 5_000, "x" * 100 + "… (5000 characters)"),
        (b"\xab" * 5_000, "ab" * 50 + "… (200 characters)"),
        (["y" * 50] * 100, repr(["y" * 50] * 100)[:100] + "… (5400 characters)"),
        (2**300, str(2**300)),
        (2**64, 2**64),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_values_are_cut_to_the_limit(value: object, expected: object) -> None:
    line = json.loads(logged(LogConfig(format="json", max_value_characters=100), value=value))
    assert line["value"] == expected


def test_the_number_of_values_is_bounded() -> None:
    values = {f"v{number}": number for number in range(100)}
    assert len(json.loads(logged(LogConfig(format="json"), **values))) <= log_setup.MAX_VALUES


def test_levels_follow_the_configuration_and_can_change() -> None:
    stream = io.StringIO()
    stop = configure_logging(LogConfig(format="json", level="warning"), stream)
    log = structlog.get_logger("a")
    log.info("hidden")
    log.warning("shown")
    set_level("debug")
    log.debug("now shown")
    stop()
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["shown", "now shown"]


@pytest.mark.parametrize("format_name", ["human", "json"])
def test_logs_of_libraries_come_the_same_way(format_name: str) -> None:
    stream = io.StringIO()
    stop = configure_logging(LogConfig(format=format_name), stream)
    logging.getLogger("aiohttp.server").warning("odd request %s", "a\nb" * 2_000)
    stop()
    shown = stream.getvalue()
    assert shown.count("\n") == 1
    assert "odd request" in shown
    assert "aiohttp.server" in shown
    assert len(shown) < 4_000


@pytest.mark.parametrize("format_name", ["human", "json"])
def test_a_traceback_is_shown_and_bounded(format_name: str) -> None:
    stream = io.StringIO()
    stop = configure_logging(LogConfig(format=format_name), stream)
    try:
        raise ValueError("z" * 100_000 + "end")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    stop()
    assert "end" in stream.getvalue()
    assert len(stream.getvalue()) < 20_000


class Blocked(io.StringIO):
    """A pipe that nobody reads, until released."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.release = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        assert self.release.wait(30)
        return super().write(text)


def test_a_blocked_output_holds_nobody_and_the_loss_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_setup, "QUEUE_EVENTS", 8)
    stream = Blocked()
    stop = configure_logging(LogConfig(format="json"), stream)
    log = structlog.get_logger("a")
    log.info("first")
    assert stream.entered.wait(30)
    for number in range(50):  # returns although nothing can be written
        log.info("event", number=number)
    stream.release.set()
    stop()
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events[:-1] == ["first", *["event"] * 8]
    assert "42 log events were dropped" in events[-1]


def test_a_stuck_output_does_not_hold_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_setup, "STOP_S", 0.01)
    monkeypatch.setattr(log_setup, "QUEUE_EVENTS", 1)
    stream = Blocked()
    stop = configure_logging(LogConfig(format="json"), stream)
    structlog.get_logger("a").info("first")
    assert stream.entered.wait(30)
    structlog.get_logger("a").info("second")
    stop()
    stream.release.set()
