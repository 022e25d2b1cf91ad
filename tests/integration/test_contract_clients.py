"""Libraries and cast against the system contracts of a governed town, by the ABIs that are shipped:
a view, an action and its event, the reason of a revert, a proposal and a vote on it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.server import ApiConfig, ApiServer
from ledger.crypto import checksum_address
from ledger.local_accounts import secp256k1_accounts
from ledger.primitives import Address
from node.contract_files import FOLDER
from tests.fuzz.stores import EXECUTOR, contract_calls
from tests.support import client_programs
from tests.support.api_servers import fail
from tests.support.governed_town import stakeholders_section
from tests.support.running_nodes import RunningNodes, running_nodes
from tests.support.town import base_port

CITY, GIST, RECEIVER, *_ = secp256k1_accounts()
DAY_MS = 500
"""A proposal of class B is reviewed for 3 of these days and voted on for 14."""


def governed(nodes: RunningNodes) -> None:
    """Give the town stakeholders: its organisations hold the accounts of Ethereum wallets."""
    section = stakeholders_section()
    for item, account in zip(section["organisations"], secp256k1_accounts(), strict=False):
        item["account"] = checksum_address(account.address)
    for path in nodes.folder.glob("*/genesis.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        del document["modules"]["governance"]
        document["modules"] |= {
            "stakeholders": section,
            "proposals": {"parameters": {"day_ms": DAY_MS}},
        }
        path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """Of a governed chain of one validator."""
    async with running_nodes(tmp_path, base_port() + 1900, validators=1) as nodes:
        governed(nodes)
        (name,) = nodes.validators
        await nodes.start(name)
        server = ApiServer(nodes.nodes[name].service, ApiConfig(port=0), fail)
        _, port = await server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            await server.stop()


async def run(*command: str) -> dict[str, Any]:
    """The JSON that a program prints, while the node runs in this process."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=client_programs.PROGRAMS,
    )
    try:
        async with asyncio.timeout(client_programs.TIMEOUT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()[-3000:]
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def check(found: dict[str, Any]) -> None:
    """What every library has to see."""
    assert found["token"] == ["BJT", 18]
    assert (found["received"], found["transfers"]) == ("5", ["5"])
    assert found["zones"] > 0
    (code, reason), again = found["reasons"]
    assert code == "CALL_EXCEPTION"
    assert reason.startswith("pool: expected one of")
    assert again == [code, reason]
    assert found["voting"] == 1
    assert found["voted"] == [[checksum_address(CITY.address), "yes"]]
    assert found["tally"] == ["VOTING", 1]


def arguments(url: str) -> list[str]:
    secrets = ["0x" + account.secret.hex() for account in (CITY, GIST)]
    return [url, str(FOLDER), *secrets, checksum_address(RECEIVER.address)]


@pytest.mark.parametrize("major", [7, 8])
async def test_web3_py(url: str, major: int) -> None:
    check(await run(client_programs.web3_python(major), "web3_contracts.py", *arguments(url)))


async def test_ethers(url: str) -> None:
    node, folder = client_programs.node_with("ethers")
    found = await run(node, "ethers_contracts.mjs", folder, *arguments(url))
    check(found)
    assert found["carried"] == ["governance.add_observer"]


async def test_viem(url: str) -> None:
    node, folder = client_programs.node_with("viem")
    check(await run(node, "viem_contracts.mjs", folder, *arguments(url)))


async def test_cast(url: str) -> None:
    check(await run(sys.executable, "cast_contracts.py", client_programs.cast(), *arguments(url)))


def test_eth_abi_writes_the_calldata_of_every_function_alike() -> None:
    cases = []
    for raw in contract_calls():
        to, selector, data = raw[:20], raw[20:24], raw[24:]
        function = EXECUTOR.contracts.functions[Address(to)][selector]
        cases.append(([item.name for item in function.types], data.hex()))
    assert len(cases) > 60
    done = subprocess.run(
        [client_programs.web3_python(7), "eth_abi_client.py"],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=client_programs.TIMEOUT_S,
        check=True,
        cwd=client_programs.PROGRAMS,
    )
    assert json.loads(done.stdout) == [data for _, data in cases]


def test_the_interfaces_compile_to_the_abis_beside_them() -> None:
    node, folder = client_programs.node_with("solc")
    found = client_programs.run(node, "solc_client.mjs", folder, str(FOLDER))
    assert found["errors"] == []
    assert len(found["abis"]) == 6
    for name, entries in found["abis"].items():
        shipped = json.loads((FOLDER / f"{name[1:]}.json").read_text(encoding="utf-8"))
        assert sorted(map(canonical, entries)) == sorted(map(canonical, shipped)), name


def canonical(entry: object) -> str:
    """One text for one entry of an ABI."""
    return json.dumps(entry, sort_keys=True)
