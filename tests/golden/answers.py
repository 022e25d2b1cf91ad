"""What a node of a golden chain answers by JSON-RPC about what is final."""

import json
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

CITY: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CALLS: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("eth_chainId", ()),
    ("eth_blockNumber", ()),
    ("eth_getBalance", (CITY, "latest")),
    ("eth_getTransactionCount", (CITY, "latest")),
    ("poyong_getAccount", (CITY,)),
    ("poyong_getLandIndex", ()),
    ("poyong_getZones", ()),
    ("poyong_listRounds", (1, 3)),
    ("poyong_getIssuance", ()),
    ("poyong_getPools", ()),
    ("poyong_getRoles", ()),
    ("poyong_listOrganisations", ()),
    ("poyong_listLegalBases", ()),
    ("poyong_listAgreements", ()),
    ("poyong_getProposal", (1,)),
    ("poyong_getProposal", (2,)),
    ("poyong_getProposal", (3,)),
    ("poyong_getProposal", (4,)),
    ("poyong_getTally", (3,)),
    ("poyong_getCouncil", ()),
    ("poyong_getRates", ()),
    ("poyong_getSales", ()),
    ("poyong_listChallengePetitions", ()),
    ("poyong_getZoneEvents", ("daechon-dong",)),
)
"""Beside blocks and receipts; nothing in the answers depends on the clock."""


def wanted(head: int, hashes: Iterable[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every call: method and parameters."""
    yield from CALLS
    for height in (1, 2, 3, head // 2, head):
        yield "poyong_getBlock", (height,)
        yield "eth_getBlockByNumber", (hex(height), True)
    for found in sorted(set(hashes))[::60]:
        yield "poyong_getReceipt", (f"0x{found}",)
        yield "poyong_getTransaction", (f"0x{found}",)
        yield "eth_getTransactionReceipt", (f"0x{found}",)


def ask(url: str, method: str, parameters: tuple[Any, ...]) -> Any:
    """The result of one call; AssertionError with the node's sentence when it is refused."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = json.load(answer)
    assert "error" not in found, (method, parameters, found)
    return found["result"]


def ask_all(url: str, head: int, hashes: Iterable[str]) -> list[dict[str, Any]]:
    """Every call with its answer."""
    return [
        {"method": method, "params": parameters, "result": ask(url, method, parameters)}
        for method, parameters in wanted(head, hashes)
    ]


def missing(expected: object, found: object, place: str = "") -> str:
    """Where `found` lacks something of `expected`, or says otherwise; empty when it says all of
    it. A later release may add names to an answer."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name, value in expected.items():
            if name not in found:
                return f"{place}.{name} is missing"
            if reason := missing(value, found[name], f"{place}.{name}"):
                return reason
        return ""
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        reasons = (missing(old, new, f"{place}[{at}]") for at, (old, new) in pairs)
        return next((reason for reason in reasons if reason), "")
    return "" if expected == found else f"{place}: expected {expected!r:.80}, found {found!r:.80}"
