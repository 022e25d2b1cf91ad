"""The guide for wallets names the values that a local town really has, in both languages."""

import re

import pytest

from ledger.crypto import checksum_address
from ledger.local_accounts import LOCAL_ACCOUNTS_OF_EACH_KIND, secp256k1_accounts
from ledger.primitives import UNIT
from node.localnet import ports
from node.localnet.creation import BALANCE, CHAIN_ID
from tests.docs.documents import text

ENGLISH, KOREAN = text("docs/metamask.md").split("## 한국어\n")


def cells(page: str) -> list[str]:
    """The code in each row's last cell."""
    return re.findall(r"^\|[^|\n]+\| `([^`]+)` \|$", page, re.M)


@pytest.mark.parametrize("page", [ENGLISH, KOREAN], ids=["english", "korean"])
def test_the_fields_to_fill_in(page: str) -> None:
    expected = ["Poyong town", f"http://{ports.LOOPBACK}:{ports.WALLET_PORT}", str(CHAIN_ID), "BJT"]
    assert cells(page)[:4] == expected


def test_what_a_page_asks_a_wallet_for() -> None:
    assert f'"chainId": "{hex(CHAIN_ID)}"' in ENGLISH
    assert '"decimals": 18' in ENGLISH
    assert UNIT == 10**18


def test_the_accounts_have_these_keys() -> None:
    shown = re.findall(r"^\| `(0x[0-9a-zA-Z]{40})` \| `(0x[0-9a-f]{64})` \|$", ENGLISH, re.M)
    assert shown == [
        (checksum_address(account.address), "0x" + account.secret.hex())
        for account in secp256k1_accounts()[: len(shown)]
    ]
    assert len(shown) == 2
    assert (BALANCE, LOCAL_ACCOUNTS_OF_EACH_KIND) == (10_000 * UNIT, 10)


@pytest.mark.parametrize("page", [ENGLISH, KOREAN], ids=["english", "korean"])
def test_the_line_that_the_town_prints(page: str) -> None:
    line = f"Wallets connect to http://{ports.LOOPBACK}:{ports.WALLET_PORT}, chain id {CHAIN_ID}"
    assert line in page
