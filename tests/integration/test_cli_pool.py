"""`poyong pool` against a served node: what it shows, and that a claim is sent signed."""

import asyncio
import json
from typing import Any

import pytest

from api import pool_examples
from ledger.local_accounts import ed25519_accounts
from node import cli
from tests.support.api_servers import Served, serving
from tokenomics.distribution.claims import CLAIM

PERSON = pool_examples.POSITION["account"]


async def run(served: Served, *arguments: str) -> int:
    """The command in a thread of its own, since it has its own event loop."""
    return await asyncio.to_thread(cli.run, ["pool", *arguments, "--rpc", served.url])


async def test_show_prints_pools_and_a_position(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as served:
        assert await run(served, "show") == 0
        table = capsys.readouterr().out
        assert "participation" in table
        assert "12,500" in table
        assert await run(served, "show", "--json") == 0
        assert json.loads(capsys.readouterr().out) == pool_examples.POOLS
        assert await run(served, "show", PERSON) == 0
        assert "to claim, in BJT" in capsys.readouterr().out
        assert await run(served, "show", PERSON, "--json") == 0
        assert json.loads(capsys.readouterr().out) == pool_examples.POSITION


async def test_an_account_that_is_not_enrolled_is_said_to_be_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving() as served:
        assert await run(served, "show", "0x" + "00" * 20) == cli.EXIT_FAILED
        assert "is not enrolled" in capsys.readouterr().err


async def test_a_chain_without_distribution_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as served:
        monkeypatch.setattr(served.node, "pools", lambda: None)
        assert await run(served, "show") == cli.EXIT_FAILED
        assert "has no distribution" in capsys.readouterr().err


async def test_claim_sends_a_signed_claim_and_waits(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as served:
        claiming = asyncio.create_task(run(served, "claim", "founders", "--local", "3", "--json"))
        await served.node.until_waiting(1)
        (waiting,) = served.node.pending.values()
        assert waiting.type == CLAIM.name
        assert CLAIM.decode(waiting.body) == ("founders",)
        assert waiting.sender == ed25519_accounts()[3].address
        await served.node.commit()
        assert await claiming == 0
        receipt: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert receipt["transaction_hash"] == "0x" + waiting.hash.hex()
        assert receipt["code"] == 0


async def test_a_claim_without_a_key_or_of_no_pool_is_refused_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving() as served:
        assert await run(served, "claim", "founders") == cli.EXIT_FAILED
        assert "--key FILE, or --local N" in capsys.readouterr().err
        assert await run(served, "claim", "reserve", "--local", "0") == cli.EXIT_USAGE
        assert "participation" in capsys.readouterr().err
        assert not served.node.submitted
