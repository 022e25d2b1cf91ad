"""Hashes, signature checks and the Signer port.

PyNaCl alone verifies Ed25519 (edge cases differ between libraries, and consensus needs one rule
network-wide); coincurve verifies secp256k1, low-s only.
"""

from functools import lru_cache
from hashlib import sha256 as _sha256
from typing import Final, Protocol

import coincurve
import sha3
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from ledger.primitives import SIGNATURE_BYTES, Address, Hash

ED25519_KEY_BYTES: Final = 32
SECP256K1_KEY_BYTES: Final = 33
ADDRESS_CACHE: Final = 16_384
"""Addresses of keys seen lately: most transactions come from few senders."""
SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECP256K1_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def sha256(data: bytes) -> Hash:
    """SHA-256 digest, 32 bytes."""
    return Hash(_sha256(data).digest())


def keccak256(data: bytes) -> Hash:
    """Keccak-256 (the pre-standard padding that Ethereum uses), 32 bytes."""
    return Hash(sha3.keccak_256(data).digest())


class Signer(Protocol):
    """Signs for one key, which may live in a file, another process or a hardware module."""

    @property
    def public_key(self) -> bytes:
        """Ed25519 public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Signature of `message`, 64 bytes."""


class Ed25519Signer:
    """Signer over a 32-byte seed held in memory."""

    def __init__(self, seed: bytes) -> None:
        self._public_key, self._secret_key = crypto_sign_seed_keypair(seed)

    @property
    def public_key(self) -> bytes:
        """Ed25519 public key, 32 bytes."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Deterministic Ed25519 signature (RFC 8032), 64 bytes."""
        return crypto_sign(message, self._secret_key)[:SIGNATURE_BYTES]


class Secp256k1Signer:
    """Signer over a 32-byte secp256k1 secret held in memory; wallets' kind of key."""

    def __init__(self, secret: bytes) -> None:
        self._private_key = coincurve.PrivateKey(secret)
        self._public_key = self._private_key.public_key.format(compressed=True)

    @property
    def public_key(self) -> bytes:
        """Compressed secp256k1 public key, 33 bytes."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Deterministic signature (RFC 6979) r||s, low-s, of keccak256(message), 64 bytes."""
        return self.sign_recoverable(message)[:SIGNATURE_BYTES]

    def sign_recoverable(self, message: bytes) -> bytes:
        """The same with its parity: r||s||parity, 65 bytes, from which the key can be recovered."""
        return self._private_key.sign_recoverable(keccak256(message), hasher=None)


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """True when `signature` (64 bytes) by `public_key` (32 bytes) covers `message`."""
    if len(signature) != SIGNATURE_BYTES or len(public_key) != ED25519_KEY_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except (BadSignatureError, ValueError):
        return False
    return True


def verify_secp256k1(public_key: bytes, digest: bytes, signature: bytes) -> bool:
    """True when the 64-byte r||s signature, low-s, by the compressed key covers `digest`."""
    if len(signature) != SIGNATURE_BYTES or len(public_key) != SECP256K1_KEY_BYTES:
        return False
    r, s = signature[:32], signature[32:]
    if int.from_bytes(s, "big") > SECP256K1_HALF_ORDER:
        return False
    try:
        key = coincurve.PublicKey(public_key)
        return key.verify(_der(r, s), digest, hasher=None)
    except ValueError:
        return False


def recover_secp256k1_address(digest: bytes, signature: bytes) -> Address | None:
    """Address of the key that signed `digest` with r || s || parity (65 bytes), or None when there
    is no such key. Whether s is the low one is the caller's question."""
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except ValueError:
        return None
    return Address(keccak256(key.format(compressed=False)[1:])[-20:])


def _der(r: bytes, s: bytes) -> bytes:
    """ASN.1 DER form of r||s, the form that the library reads."""

    def integer(raw: bytes) -> bytes:
        stripped = raw.lstrip(b"\0") or b"\0"
        padded = b"\0" + stripped if stripped[0] & 0x80 else stripped
        return bytes((2, len(padded))) + padded

    body = integer(r) + integer(s)
    return bytes((0x30, len(body))) + body


@lru_cache(maxsize=ADDRESS_CACHE)
def ed25519_address(public_key: bytes) -> Address:
    """Last 20 bytes of keccak256(0x01 || public key) (interfaces.md, "Accounts")."""
    return Address(keccak256(b"\x01" + public_key)[-20:])


def secp256k1_address(public_key: bytes) -> Address:
    """Ethereum's address of a compressed key: last 20 bytes of keccak256(x || y)."""
    return Address(keccak256(coincurve.PublicKey(public_key).format(compressed=False)[1:])[-20:])


def checksum_address(address: bytes) -> str:
    """0x hex with the EIP-55 mixed-case checksum."""
    digits = address.hex()
    digest = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        char.upper() if int(nibble, 16) >= 8 else char
        for char, nibble in zip(digits, digest, strict=False)
    )
