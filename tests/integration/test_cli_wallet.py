"""`poyong wallet` with a node: balances, sending in both envelopes, pages of history."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from api import calls
from api.sync_client import SyncClient
from ledger.crypto import checksum_address
from ledger.local_accounts import ed25519_accounts, secp256k1_accounts
from ledger.primitives import UNIT
from node.keys import keystore
from node.wallet import folder
from node.wallet.ethereum_keystore import ScryptCost
from node.wallet.folder import Cost, WalletFolder
from node.wallet.phrases import Curve
from tests.support.api_servers import serving
from tests.support.served_town import served_town
from tests.support.shell import Shell
from tests.support.town import answer, base_port, poyong

PASSWORD = "correct horse battery"
NATIVE, ETHEREUM = ed25519_accounts()[3], secp256k1_accounts()[3]
STRANGER = "0x" + "77" * 20


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    """With a wallet of one account of each kind."""
    path = tmp_path / "wallet"
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.setenv(folder.FOLDER_VARIABLE, str(path))
    wallet = WalletFolder(path, Cost(keystore.LOCAL_COST, ScryptCost(2)))
    wallet.add_key("native", Curve.ED25519, NATIVE.secret, PASSWORD)
    wallet.add_key("ethereum", Curve.SECP256K1, ETHEREUM.secret, PASSWORD)
    return Shell(capsys)


@pytest.mark.usefixtures("shell")
async def test_tokens_are_sent_from_both_kinds_of_account(tmp_path: Path) -> None:
    async with served_town(tmp_path / "town", base_port() + 880) as served:
        await asyncio.to_thread(use, served.url)


def use(url: str) -> None:
    """Commands as processes: the node in this one may print at any time."""
    rpc = ("--rpc", url)
    before = {row["name"]: int(row["balance"]) for row in answer("wallet", "balance", *rpc)}
    assert set(before) == {"native", "ethereum"}
    first = answer("wallet", "send", "native", STRANGER, "1.5", *rpc)
    second = answer("wallet", "send", "ethereum", STRANGER, "7wei", *rpc)
    third = answer("wallet", "send", "ethereum", "native", "2 BJT", *rpc)
    sent = answer("wallet", "send", "native", STRANGER, "0", "--no-wait", *rpc)
    with SyncClient(url) as client:
        receipts = client.wait_final([sent["hash"]])
        found = [
            client.call(calls.get_transaction(item["transaction_hash"]))
            for item in (first, second, third, receipts[sent["hash"]])
        ]
    first_bytes = [item["raw"][:4] for item in found if item is not None]
    assert first_bytes == ["0x98", "0x02", "0x02", "0x98"], "native, EIP-1559"
    after = {
        row["name"]: int(row["balance"])
        for row in answer("wallet", "balance", "native", "ethereum", STRANGER, *rpc)
    }
    assert after == {
        "native": before["native"] - 15 * UNIT // 10 + 2 * UNIT,
        "ethereum": before["ethereum"] - 7 - 2 * UNIT,
        STRANGER: 15 * UNIT // 10 + 7,
    }
    assert "1.500000000000000007" in poyong("wallet", "balance", STRANGER, *rpc).stdout
    refused = poyong("wallet", "send", "native", STRANGER, "340000000000000000000", *rpc)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "were to be sent" in refused.stderr


def test_a_secp256k1_account_signs_every_message_of_this_chain(
    shell: Shell, tmp_path: Path
) -> None:
    """Any command that signs takes the name of an account; here `tx sign`, offline."""
    offline = ("--nonce", "0", "--chain-id", "7", "--valid-until", "9")
    draft = tmp_path / "draft"
    _, built, _ = shell("tx", "build", "transfer.send", f"to={STRANGER}", "amount=1", *offline)
    draft.write_text(built)
    for name, account in (("native", NATIVE), ("ethereum", ETHEREUM)):
        for key in (name, str(tmp_path / "wallet" / f"{name}.json")):
            signed = shell.json("tx", "sign", str(draft), "--key", key)
            assert signed["sender"] == checksum_address(account.address)
            assert signed["raw"].startswith("0x98")
    assert "did you mean 'native'" in shell.refusal("tx", "sign", str(draft), "--key", "natve")


def test_accounts_of_a_wallet_sign_in_turns_for_an_account_of_several_keys(
    shell: Shell, tmp_path: Path
) -> None:
    """One member of each kind, each on what the other signed; two are needed."""
    names = ("native", "ethereum")
    keys = [shell.json("wallet", "show", name, "--public-key")["public_key"] for name in names]
    account, draft = str(tmp_path / "authority"), str(tmp_path / "draft")
    members = [word for key in keys for word in ("--key", key)]
    made = shell.json("keys", "threshold", account, "--threshold", "2", *members)
    offline = ("--nonce", "0", "--chain-id", "7", "--valid-until", "9", "--from", account)
    _, built, _ = shell("tx", "build", "transfer.send", f"to={STRANGER}", "amount=1", *offline)
    Path(draft).write_text(built)
    for name in names:
        code, _, said = shell("tx", "sign", draft, "--key", name, "--output", draft)
        assert code == 0, said
        assert "1 BJT" in said
        assert "has signed already" in shell.refusal("tx", "sign", draft, "--key", name)
    found = shell.json("tx", "decode", draft, "--chain-id", "7")
    assert (found["sender"], found["signature_valid"]) == (made["address"], True)


# History

Answer = Callable[[dict[str, Any]], Any]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """A node that knows one method, poyong_getAccountHistory."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        (call,) = orjson.loads(await request.read())
        assert call["method"] == "poyong_getAccountHistory"
        body = {"jsonrpc": "2.0", "id": call["id"], "result": answer(call["params"])}
        return web.Response(body=orjson.dumps([body]))

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def page_of(params: dict[str, Any]) -> dict[str, Any]:
    """Five transactions, newest first; the cursor is the height below which it goes on."""
    assert params["account"].lower() == checksum_address(NATIVE.address).lower()
    top = int(params.get("cursor", "5"))
    heights = list(range(top, max(0, top - params["limit"]), -1))
    left = heights[-1] - 1
    return {
        "account": checksum_address(NATIVE.address),
        "items": [item_of(height) for height in heights],
        "next_cursor": str(left) if left else None,
        "more": left > 0,
        "complete_from_height": 2,
    }


def item_of(height: int) -> dict[str, Any]:
    """A transfer at an odd height, what the chain itself did at an even one."""
    by_chain = height % 2 == 0
    return {
        "height": height,
        "position": None if by_chain else 0,
        "time_ms": 1_700_000_000_000 + height,
        "transaction_hash": None if by_chain else f"0x{height:064x}",
        "message_type": None if by_chain else "transfer.send",
        "sender": None,
        "status": "OK",
        "counterparty": None if by_chain else checksum_address(ETHEREUM.address),
        "change": str(-15 * UNIT // 10) if height == 5 else str(UNIT),
        "events": [],
    }


async def test_history_comes_in_pages_that_join(shell: Shell) -> None:
    def read(url: str) -> list[int]:
        heights, cursor = [], None
        for _ in range(3):
            more = () if cursor is None else ("--cursor", cursor)
            page = shell.json("wallet", "history", "native", "--limit", "2", "--rpc", url, *more)
            heights += [item["height"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert cursor is None
        _, table, _ = shell("wallet", "history", "native", "--limit", "2", "--rpc", url)
        assert all(text in table for text in ("transfer.send", "-1.5", "+1", "by the chain"))
        assert "ethereum" in table, "the other account is one of the wallet"
        assert "nothing of blocks below 2" in table
        assert "poyong wallet history native --cursor 3" in table
        return heights

    async with answering(page_of) as url:
        assert await asyncio.to_thread(read, url) == [5, 4, 3, 2, 1]


async def test_a_node_without_history_is_said_to_be_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as served:
        monkeypatch.setattr(served.node, "history_start", lambda: None)
        said = await asyncio.to_thread(
            shell.refusal, "wallet", "history", STRANGER, "--rpc", served.url
        )
    assert "keeps no history of accounts" in said


def test_an_empty_wallet_says_how_to_begin(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(folder.FOLDER_VARIABLE, str(tmp_path / "none"))
    assert "poyong wallet new" in shell.refusal("wallet", "balance")
    assert json.loads(shell("wallet", "list", "--json")[1]) == []
