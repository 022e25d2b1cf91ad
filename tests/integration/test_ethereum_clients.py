"""Programs that exist today against a running town: network, balance, send, wait, errors, events,
following. Skipped where a library is not installed (.ci/clients installs them)."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.crypto import checksum_address
from ledger.local_accounts import secp256k1_accounts
from ledger.primitives import UNIT
from tests.support import client_programs
from tests.support.ethereum import RICH_ADDRESS, RICH_KEY
from tests.support.town_processes import running_town
from tests.support.transfers import CHAIN_ID

SENDER = checksum_address(RICH_ADDRESS)
RECEIVER = checksum_address(secp256k1_accounts()[1].address)


@pytest.fixture
def arguments(tmp_path: Path) -> Iterator[list[str]]:
    """URL, WebSocket URL, secret key and receiver, of a town of one validator."""
    with running_town(tmp_path, validators=1, observer=False) as town:
        url = town.rpc(town.validators[0])
        yield [url, url.replace("http:", "ws:"), "0x" + RICH_KEY.hex(), RECEIVER]


def check(found: dict[str, Any]) -> None:
    """What every library has to see."""
    assert (found["chain_id"], int(found["balance"])) == (CHAIN_ID, 10_000 * UNIT)
    assert found["status"] == 1
    assert found["in_block"]
    assert [*found["event"][:2], int(found["event"][2])] == [SENDER, RECEIVER, UNIT]
    assert found["logs"] == [True]


@pytest.mark.parametrize("major", [7, 8])
def test_web3_py(arguments: list[str], major: int) -> None:
    found = client_programs.run(client_programs.web3_python(major), "web3_client.py", *arguments)
    check(found)
    assert (found["followed"], found["heads"], found["filled_in"]) == (1, 1, UNIT)
    assert (found["other_topics"], found["batched"], found["polled"]) == (0, 2, [True])
    too_low, too_much, wrong_chain = found["errors"]
    assert too_low.startswith("nonce too low: next nonce 1, tx nonce 0")
    assert too_much.startswith("insufficient funds for gas * price + value")
    assert wrong_chain.startswith("invalid chain id for signer")


def test_ethers(arguments: list[str]) -> None:
    """Errors are those that ethers makes of geth's words."""
    node, folder = client_programs.node_with("ethers")
    found = client_programs.run(node, "ethers_client.mjs", folder, *arguments)
    check(found)
    assert (found["heads"], found["other_topics"]) == ("number", 0)
    assert (found["batched"], found["polled"]) == ("number", ["number", True])
    *known, wrong_chain = found["errors"]
    assert known == ["NONCE_EXPIRED", "INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS"]
    assert wrong_chain == "UNKNOWN_ERROR", "ethers has no error of its own for it"


def test_viem(arguments: list[str]) -> None:
    """Errors are those that viem makes of geth's words."""
    node, folder = client_programs.node_with("viem")
    found = client_programs.run(node, "viem_client.mjs", folder, *arguments)
    check(found)
    assert (found["heads"], found["other_topics"]) == ("bigint", 0)
    assert (found["batched"], found["polled"]) == ("bigint", ["bigint", True])
    too_low, too_much, estimated, wrong_chain = found["errors"]
    assert "NonceTooLowError" in too_low
    assert "InsufficientFundsError" in too_much
    assert "InsufficientFundsError" in estimated
    assert "InvalidInputRpcError" in wrong_chain, "viem has no error of its own for it"


def test_cast(arguments: list[str]) -> None:
    """A person at a terminal; cast shows the node's own words."""
    url, websocket_url, secret, receiver = arguments
    found = client_programs.run(
        sys.executable, "cast_client.py", client_programs.cast(), url, websocket_url, secret,
        SENDER, receiver,
    )  # fmt: skip
    found["event"] = [*map(checksum_address, map(bytes.fromhex, found["event"][:2])), UNIT]
    check(found)
    assert found["legacy"] == "0x0"
    assert found["heads"]
    too_low, too_much, estimated, wrong_chain = found["errors"]
    assert "nonce too low" in too_low
    assert "insufficient funds for gas * price + value" in too_much
    assert "insufficient funds for transfer" in estimated
    assert "invalid chain id for signer" in wrong_chain
