"""A Prometheus server of its own for tests: on a free loopback port, in a scratch folder."""

import json
import math
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from ledger.errors import ensure

SCRAPE_S: Final = 1
READY_S: Final = 30.0
ANSWER_S: Final = 10.0
END_S: Final = 20.0
POLL_S: Final = 0.2


def program() -> str | None:
    """The server, None where there is none. Debian's package of the same name has it."""
    return shutil.which("prometheus")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, path: str, **parameters: str) -> Any:
        """`data` of an answer of the HTTP API; ValueError with what it says of a wrong query."""
        status, body = self._get(f"/api/v1/{path}?{urlencode(parameters)}")
        answer = json.loads(body)
        if status != 200:
            raise ValueError(f"{parameters}: {answer['error']}")
        return answer["data"]

    def values(self, query: str) -> list[float]:
        """What a query gives now, without what is no number."""
        found = [float(each["value"][1]) for each in self.ask("query", query=query)["result"]]
        return [value for value in found if not math.isnan(value)]

    def firing(self, alert: str) -> list[Mapping[str, str]]:
        """Labels of each alert of this name that fires now."""
        return [
            each["labels"]
            for each in self.ask("alerts")["alerts"]
            if each["labels"]["alertname"] == alert and each["state"] == "firing"
        ]

    def until(self, condition: Callable[[], bool], what: str, within_s: float) -> None:
        """Wait until the condition holds; TimeoutError with `what` otherwise."""
        end = time.monotonic() + within_s
        while not condition():
            ensure(self.process.poll() is None, f"Prometheus ended: {self.log.read_text()}")
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {within_s:g} s")
            time.sleep(POLL_S)

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._get("/-/ready")[0] == 200
        except (OSError, HTTPException):
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def server(
    folder: Path, rules: str, targets: Sequence[tuple[str, Mapping[str, str]]]
) -> Iterator[Prometheus]:
    """A server that scrapes every second and judges the rules as often; ended with the block.

    targets: HOST:PORT of /metrics, with the labels that it gets beside job and instance.
    """
    binary = program()
    ensure(binary is not None, "prometheus is not installed")
    folder.mkdir(exist_ok=True)
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    every = f"{SCRAPE_S}s"
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {
                "job_name": "poyong",
                "static_configs": [
                    {"targets": [target], "labels": dict(labels)} for target, labels in targets
                ],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    port, log = free_port(), folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(binary),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        running = Prometheus(port, process, log)
        running.until(running.is_ready, "Prometheus ready", READY_S)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_S)
