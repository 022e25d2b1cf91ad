"""Chains that stakeholders govern: their organisations, their keys, and their part of genesis.

Each validator of genesis belongs to an organisation with a seat in an institutional chamber; no
person is seated. The calendar is scaled, so that a decision takes some seconds.
"""

from functools import cache
from typing import Any, Final

from governance.chambers import INSTITUTIONAL
from governance.proposals.classes import DAY_MS
from ledger.crypto import Ed25519Signer, checksum_address, ed25519_address, sha256
from ledger.primitives import Address

JOINERS: Final = 2
"""Organisations that may join, with a node that genesis admits as an observer."""
CHAMBERS: Final = tuple(sorted(INSTITUTIONAL))


def organisation(index: int) -> str:
    """Name of the organisation that a validator of genesis belongs to."""
    return f"o{index}"


def joiner(number: int) -> str:
    """Name of an organisation that may join."""
    return f"j{number}"


@cache
def account_signer(name: str) -> Ed25519Signer:
    """Key of an organisation's account."""
    return Ed25519Signer(sha256(b"account of " + name.encode()))


def account(name: str) -> Address:
    """An organisation's account."""
    return ed25519_address(account_signer(name).public_key)


@cache
def consensus_signer(name: str, generation: int = 0) -> Ed25519Signer:
    """Consensus key of an organisation's validator; generation 1 is the one after a rotation."""
    return Ed25519Signer(sha256(b"consensus key %d of " % generation + name.encode()))


def node_key(name: str, generation: int = 0) -> bytes:
    """Node key of an organisation's node."""
    return sha256(b"node key %d of " % generation + name.encode())


def chamber(name: str) -> str:
    """Where an organisation sits."""
    return CHAMBERS[int(name[1:]) % len(CHAMBERS)]


def observers() -> dict[bytes, str]:
    """Nodes of those who may join."""
    return {node_key(joiner(number)): joiner(number) for number in range(JOINERS)}


def sections(validators: int, day_ms: int) -> dict[str, Any]:
    """The sections of genesis that make a governed chain. day_ms: block time of a calendar day."""
    names = [organisation(index) for index in range(validators)]
    return {
        "stakeholders": {
            "organisations": [
                {
                    "id": name,
                    "name_ko": f"{name} 기관",
                    "name_en": name,
                    "chamber": chamber(name),
                    "account": checksum_address(account(name)),
                    "validator_key": consensus_signer(name).public_key.hex(),
                    "node_key": node_key(name).hex(),
                }
                for name in names
            ]
        },
        "proposals": {
            "parameters": {
                "day_ms": day_ms,
                "review_ms": DAY_MS // 2,
                "voting_ms": [days * DAY_MS for days in (7, 20, 21, 30)],
                "timelock_ms": [days * DAY_MS for days in (0, 3, 14, 60)],
                "open_a_sponsor": 10,
            }
        },
    }
