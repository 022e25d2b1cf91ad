"""The history of accounts of a real node: answered, switched off and on, filled in, examined."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from api import history
from api.errors import RpcError
from api.history import Cursor
from api.history_results import HistoryPage
from ledger.kv import WriteBatch
from node import audit
from node.cli.doctor import disk_use
from node.opening import CHAIN_FOLDER
from node.store.account_index import HistoryRules, row_key
from node.store.disk_shares import HISTORY, RECEIPTS, STATE, TRANSACTIONS
from node.store.stores import open_store
from tests.support.running_nodes import PAYEE, PAYER, RunningNodes, running_nodes
from tests.support.shell import Shell
from tests.support.town import base_port


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[RunningNodes]:
    """A single validator, not started."""
    async with running_nodes(tmp_path, base_port() + 740, validators=1) as nodes:
        yield nodes


class AfterLogs(Shell):
    """Leaves out what the nodes of this process have logged before a command."""

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        return super().__call__(*arguments)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return AfterLogs(capsys)


def keep_history(town: RunningNodes, enabled: bool) -> None:
    file = town.folder / town.validators[0] / "config.toml"
    text, found = re.subn(
        r"(\[history\](?:\n(?!\[).*)*\nenabled = )(true|false)",
        lambda match: match[1] + str(enabled).lower(),
        file.read_text(encoding="utf-8"),
    )
    assert found == 1
    file.write_text(text, encoding="utf-8")


async def page(town: RunningNodes, limit: int = 100, cursor: Cursor | None = None) -> HistoryPage:
    service = town.nodes[town.validators[0]].service
    return await history.page(service, PAYEE, cursor, limit, newest_first=True)


async def finalised(town: RunningNodes, blocks: int) -> int:
    """So many more transfers to PAYEE, in a run of the node; the height of the last."""
    name = town.validators[0]
    await town.start(name)
    receipt = await town.finalise(name, blocks)
    return receipt.height


async def test_a_node_tells_what_concerned_an_account_long_ago_and_just_now(
    town: RunningNodes,
) -> None:
    """More blocks than stay decoded: old ones are taken apart and only one item is decoded."""
    await finalised(town, 12)
    found = await page(town)
    assert len(found["items"]) == 12
    service = town.nodes[town.validators[0]].service
    for item in found["items"]:
        assert (item["change"], item["status"], item["position"]) == ("1", "OK", 0)
        assert item["transaction_hash"] is not None
        known = service.transaction(bytes.fromhex(item["transaction_hash"][2:]))
        assert known is not None
        assert (known.height, known.index) == (item["height"], item["position"])
        assert known.transaction.sender == PAYER.address
    heights = [item["height"] for item in found["items"]]
    assert heights == sorted(heights, reverse=True)
    first = await page(town, 5)
    assert first["next_cursor"] is not None
    rest = await page(town, 100, history.read_cursor(PAYEE, first["next_cursor"]))
    assert first["items"] + rest["items"] == found["items"]
    assert rest["next_cursor"] is None


async def test_switched_off_it_is_refused_and_switched_on_it_is_filled_in(
    town: RunningNodes, shell: Shell
) -> None:
    name, home = town.validators[0], town.folder / town.validators[0]
    await finalised(town, 2)
    await town.stop(name)

    keep_history(town, enabled=False)
    await finalised(town, 2)
    with pytest.raises(RpcError, match="poyong history rebuild") as caught:
        await page(town)
    assert caught.value.code == 4444
    await town.stop(name)
    assert "enabled = true" in shell.refusal("history", "rebuild", "--home", str(home))

    keep_history(town, enabled=True)
    with capture_logs() as logged:
        last = await finalised(town, 2)
    (said,) = (entry for entry in logged if entry["event"] == "history.incomplete")
    assert said["complete_from_height"] == last - 1
    assert "poyong history rebuild" in said["remedy"]
    found = await page(town)
    assert len(found["items"]) == 2
    assert found["complete_from_height"] == last - 1
    assert "another process" in shell.refusal("history", "rebuild", "--home", str(home))
    await town.stop(name)

    done = shell.json("history", "rebuild", "--home", str(home))
    assert done["complete_from_height"] == 1
    assert done["blocks_indexed"] >= last - 2
    assert shell.json("history", "rebuild", "--home", str(home))["blocks_indexed"] == 0
    await finalised(town, 1)
    found = await page(town)
    assert (len(found["items"]), found["complete_from_height"]) == (7, 1)


async def test_the_configuration_reaches_the_index(town: RunningNodes) -> None:
    name = town.validators[0]
    file = town.folder / name / "config.toml"
    text = file.read_text(encoding="utf-8")
    before, section, after = text.partition("\n[history]\n")
    changed = after.replace("keep_blocks = 0", "keep_blocks = 70000", 1)
    file.write_text(before + section + changed, encoding="utf-8")
    await finalised(town, 1)
    index = town.nodes[name].runtime.chain.blocks.index
    assert index.rules == HistoryRules(enabled=True, keep_blocks=70_000)


async def test_doctor_compares_the_history_with_the_blocks_and_says_what_uses_the_disk(
    town: RunningNodes, shell: Shell
) -> None:
    name, home = town.validators[0], town.folder / town.validators[0]
    height = await finalised(town, 4)
    await town.stop(name)
    told: dict[str, Any] = shell.json("doctor", "--home", str(home))
    assert told["ok"], told
    for kind in (RECEIPTS, STATE, TRANSACTIONS, HISTORY):
        assert told["disk_bytes"][f"chain: {kind}"] > 0
    assert told["disk_bytes"]["vote record"] > 0
    assert told["disk_bytes"].keys() == disk_use(home, audit.disk_shares(home)).keys()

    folder = town.data(name, CHAIN_FOLDER)
    with audit.opened(home) as (store, _):
        exact = sum(len(key) + len(value) for key, value in store.iterate(b"A", b"B"))
    assert abs(told["disk_bytes"][f"chain: {HISTORY}"] - exact) <= height
    store = open_store(folder)
    lacking = WriteBatch()
    lacking.delete(row_key(PAYEE, height))
    store.write(lacking, sync=True)
    store.close()
    code, out, _ = shell("doctor", "--home", str(home), "--json")
    assert code == 1
    assert f"store.history is broken at height {height}" in out
    assert f"the history of accounts lacks block {height}" in out
