"""/metrics, /healthz and /readyz as an operator's probe sees them."""

import aiohttp
import pytest

from ledger.errors import LocalError
from node.watch.health import HealthServer, Readiness
from node.watch.metrics import Metrics


async def test_the_three_answers_and_a_change_of_readiness() -> None:
    metrics, state = Metrics(), Readiness(False, "2 of 3 validators connected")
    server = HealthServer(metrics, lambda: state, "127.0.0.1", 0)
    await server.start()
    metrics.height.set(42)
    base = f"http://127.0.0.1:{server.port}"
    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{base}/metrics") as answer:
                assert answer.status == 200
                assert answer.content_type == "text/plain"
                assert "poyong_consensus_height 42.0" in await answer.text()
            async with session.get(f"{base}/healthz") as answer:
                assert (answer.status, await answer.text()) == (200, "alive\n")
            async with session.get(f"{base}/readyz") as answer:
                assert answer.status == 503
                assert await answer.text() == "not ready: 2 of 3 validators connected\n"
            state = Readiness(True, "")
            async with session.get(f"{base}/readyz") as answer:
                assert (answer.status, await answer.text()) == (200, "ready\n")
            async with session.get(f"{base}/other") as answer:
                assert answer.status == 404
            async with session.post(f"{base}/metrics", data=b"x" * 100) as answer:
                assert answer.status == 405
    finally:
        await server.stop()


async def test_a_taken_port_is_named_with_the_option() -> None:
    first = HealthServer(Metrics(), lambda: Readiness(True, ""), "127.0.0.1", 0)
    await first.start()
    second = HealthServer(Metrics(), lambda: Readiness(True, ""), "127.0.0.1", first.port)
    with pytest.raises(LocalError, match=r"cannot serve metrics on 127\.0\.0\.1:.*metrics\.port"):
        await second.start()
    await first.stop()
    await first.stop()  # stopping twice is no error
