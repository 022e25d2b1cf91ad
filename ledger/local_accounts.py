"""Accounts of local towns, from the development mnemonic that every wallet developer knows.

Their keys are public knowledge: a genesis that is not local must refuse these addresses
(forbidden_local_keys).
"""

from functools import cache
from typing import Final

import msgspec
from mnemonic import Mnemonic
from slip10 import SLIP10

from ledger.crypto import (
    Ed25519Signer,
    Secp256k1Signer,
    Signer,
    ed25519_address,
    secp256k1_address,
)
from ledger.primitives import Address

DEVELOPMENT_MNEMONIC: Final = "test test test test test test test test test test test junk"
LOCAL_ACCOUNTS_OF_EACH_KIND: Final = 10
LOCAL_OFFICIALS: Final = 12
LOCAL_APPRAISERS: Final = 15


class LocalAccount(msgspec.Struct, frozen=True):
    """path: derivation path. secret: Ed25519 seed or secp256k1 secret key, 32 bytes."""

    path: str
    secret: bytes
    address: Address
    signer: Signer


@cache
def secp256k1_accounts() -> tuple[LocalAccount, ...]:
    """BIP-44 m/44'/60'/0'/0/i: the first is 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266."""
    return tuple(
        _secp256k1_account(f"m/44'/60'/0'/0/{index}")
        for index in range(LOCAL_ACCOUNTS_OF_EACH_KIND)
    )


@cache
def ed25519_accounts() -> tuple[LocalAccount, ...]:
    """SLIP-10 m/44'/60'/0'/0'/i', for the native envelope."""
    return tuple(
        _ed25519_account(f"m/44'/60'/0'/0'/{index}'")
        for index in range(LOCAL_ACCOUNTS_OF_EACH_KIND)
    )


@cache
def official_accounts() -> tuple[LocalAccount, ...]:
    """SLIP-10 m/44'/60'/2'/0'/i': who holds the roles of a local town."""
    return tuple(_ed25519_account(f"m/44'/60'/2'/0'/{index}'") for index in range(LOCAL_OFFICIALS))


@cache
def appraiser_accounts() -> tuple[LocalAccount, ...]:
    """SLIP-10 m/44'/60'/1'/0'/i': a local town's appraisers, who send nothing but reports, so that
    nobody else uses their nonces."""
    return tuple(_ed25519_account(f"m/44'/60'/1'/0'/{index}'") for index in range(LOCAL_APPRAISERS))


def local_accounts() -> tuple[LocalAccount, ...]:
    """Every account whose key everybody has: a genesis that is not local refuses them."""
    return secp256k1_accounts() + ed25519_accounts() + appraiser_accounts() + official_accounts()


def forbidden_local_keys() -> frozenset[Address]:
    """Addresses of local_accounts()."""
    return frozenset(account.address for account in local_accounts())


def _secret(curve: str, path: str) -> bytes:
    master = SLIP10.from_seed(Mnemonic.to_seed(DEVELOPMENT_MNEMONIC), curve_name=curve)
    secret: bytes = master.get_privkey_from_path(path)
    return secret


def _secp256k1_account(path: str) -> LocalAccount:
    secret = _secret("secp256k1", path)
    signer = Secp256k1Signer(secret)
    return LocalAccount(path, secret, secp256k1_address(signer.public_key), signer)


def _ed25519_account(path: str) -> LocalAccount:
    secret = _secret("ed25519", path)
    signer = Ed25519Signer(secret)
    return LocalAccount(path, secret, ed25519_address(signer.public_key), signer)
