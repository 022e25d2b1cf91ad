"""Structured logs on standard error: lines for people, or one JSON object a line.

An event is a message and some values: `structlog.get_logger(__name__).info("peer", key=...)`. The
caller only puts the event into a bounded queue; a thread formats and writes it, so a slow terminal
or a full pipe never holds the node's loop. What the queue cannot take is dropped and counted.
Values are cut to a length, and what peers sent cannot break a line or control a terminal.
"""

import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Callable, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

from node.config import LogConfig

QUEUE_EVENTS: Final = 4_096
STOP_S: Final = 2.0
"""How long the end of the program waits for a stuck output."""
MAX_VALUES: Final = 32
MAX_TRACEBACK_CHARACTERS: Final = 16_384

EventDict = MutableMapping[str, Any]
_TRACEBACK: Final = "exception"
_PLAIN: Final = (bool, int, float, type(None))
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))}


def configure_logging(config: LogConfig, stream: TextIO | None = None) -> Callable[[], None]:
    """Send everything that this process logs to `stream` (standard error by default).

    Returns the function that writes out what is queued and ends logging; call it last.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    human = config.format == "human" or (config.format == "auto" and terminal)
    output = logging.StreamHandler(stream)
    output.setFormatter(_formatter(human, terminal, config.max_value_characters))
    events = _BoundedHandler(QUEUE_EVENTS)
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(events)
    set_level(config.level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_preparation(human, config.max_value_characters),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    writer = threading.Thread(target=events.write_to, args=(output,), name="log", daemon=True)
    writer.start()

    def stop() -> None:
        root.removeHandler(events)
        events.end()
        writer.join(STOP_S)

    return stop


def set_level(level: str) -> None:
    """Change the least important level that is shown (a value of the option log.level)."""
    logging.getLogger().setLevel(level.upper())


class _BoundedHandler(logging.Handler):
    """Queues records; drops and counts them while the queue is full."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._queue: queue.Queue[logging.LogRecord | None] = queue.Queue(size)
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Called under the handler's lock. Values are immutable by now, so formatting can wait."""
        try:
            if self._dropped:
                self._queue.put_nowait(_dropped_notice(self._dropped))
                self._dropped = 0
            self._queue.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def write_to(self, output: logging.Handler) -> None:
        """Body of the writing thread; ends after end()."""
        while (record := self._queue.get()) is not None:
            output.handle(record)

    def end(self) -> None:
        """Let the thread end once it wrote what is queued; give up when the output is stuck."""
        with contextlib.suppress(queue.Full):
            if self._dropped:
                self._queue.put(_dropped_notice(self._dropped), timeout=STOP_S)
            self._queue.put(None, timeout=STOP_S)


def _dropped_notice(count: int) -> logging.LogRecord:
    message = f"{count} log events were dropped: the output is too slow for this log.level"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, None, None)


def _preparation(human: bool, max_characters: int) -> list[Any]:
    """What every event goes through, whichever library it comes from."""
    return [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(
            fmt="%H:%M:%S.%f" if human else "iso", utc=not human, key="time"
        ),
        structlog.processors.format_exc_info,
        _Bounds(max_characters, escape=human),
    ]


class _Bounds:
    """Processor that makes each value a short text or a number."""

    def __init__(self, max_characters: int, *, escape: bool) -> None:
        self._max_characters = max_characters
        self._escape = escape

    def __call__(self, _: object, __: str, event: EventDict) -> EventDict:
        """Bound all values but those that the formatter itself put there."""
        for surplus in list(event)[MAX_VALUES:]:
            if not surplus.startswith("_"):
                del event[surplus]
        for name, value in event.items():
            if not name.startswith("_"):
                event[name] = self._bounded(name, value)
        return event

    def _bounded(self, name: str, value: object) -> object:
        if isinstance(value, _PLAIN) and not (isinstance(value, int) and value.bit_length() > 256):
            return value
        if isinstance(value, bytes):
            text = value[: self._max_characters].hex()
        else:
            text = value if isinstance(value, str) else repr(value)
        if name == _TRACEBACK:
            return text[-MAX_TRACEBACK_CHARACTERS:]
        short = text[: self._max_characters]
        if self._escape:
            short = short.translate(_CONTROL)[: self._max_characters]
        return short if len(text) <= self._max_characters else f"{short}… ({len(text)} characters)"


def _formatter(human: bool, colours: bool, max_characters: int) -> ProcessorFormatter:
    renderer: Any
    if human:
        renderer = structlog.dev.ConsoleRenderer(
            colors=colours,
            timestamp_key="time",
            exception_formatter=structlog.dev.plain_traceback,
        )
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return ProcessorFormatter(
        foreign_pre_chain=_preparation(human, max_characters),
        processors=[ProcessorFormatter.remove_processors_meta, renderer],
    )
