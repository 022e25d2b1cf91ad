"""Keystores of Ethereum, version 3 (Web3 Secret Storage): what its wallets export and import.

A password becomes a key by scrypt or PBKDF2; AES-128-CTR under its first half hides the 32-byte
secp256k1 secret, and keccak256 over the second half and the ciphertext tells a wrong password.
Nothing else in the file is authenticated, so the address it names is checked against the secret.
"""

import hashlib
import hmac
import secrets
import unicodedata
import uuid
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

# hashlib's and PyNaCl's own scrypt hold to RFC 7914's n < 2^16r, which the definition's published
# vector breaks; libsodium itself takes it.
from nacl._sodium import ffi, lib

from ledger.crypto import SECP256K1_ORDER, Secp256k1Signer, keccak256, secp256k1_address
from ledger.errors import LocalError
from ledger.primitives import ADDRESS_BYTES, Address
from node.keys.keystore import MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARACTERS

VERSION: Final = 3
MAX_KEYSTORE_BYTES: Final = 16 * 1024
SECRET_BYTES: Final = 32
_KEY_BYTES: Final = 32
_HALF: Final = _KEY_BYTES // 2
_IV_BYTES: Final = 16
_SALT_BYTES: Final = 32
_MAX_SALT_BYTES: Final = 64
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """What each guess of a password costs: 128 * n * r bytes of memory, p times over."""

    n: int
    r: int = 8
    p: int = 1

    @property
    def memory_bytes(self) -> int:
        """Held while a password is tried."""
        return 128 * self.n * self.r


STANDARD_COST: Final = ScryptCost(2**18)
"""What Ethereum's wallets write: about a second a guess and 256 MiB."""
MAX_MEMORY_BYTES: Final = 1024 * _MIB
MAX_SCRYPT_WORK: Final = 2**24
"""n * r * p; a file that asks for more is refused instead of holding the machine."""
MAX_PBKDF2_ROUNDS: Final = 10_000_000


class _CipherParams(msgspec.Struct, frozen=True):
    iv: str


class _Crypto(msgspec.Struct, frozen=True):
    cipher: Literal["aes-128-ctr"]
    cipherparams: _CipherParams
    ciphertext: str
    kdf: Literal["scrypt", "pbkdf2"]
    kdfparams: dict[str, Any]
    mac: str


class _File(msgspec.Struct, frozen=True):
    version: Literal[3]
    crypto: _Crypto
    address: str = ""


@dataclass(frozen=True, slots=True)
class EthereumKeystore:
    """A keystore that was read, still encrypted. address: as it says; None when it says none."""

    source: str
    address: Address | None
    _crypto: _Crypto

    def open(self, password: str) -> bytes:
        """The 32-byte secret; LocalError when the password is wrong or the file was changed."""
        iv = _hex(self._crypto.cipherparams.iv, _IV_BYTES, f"{self.source}: cipherparams.iv")
        ciphertext = _hex(self._crypto.ciphertext, SECRET_BYTES, f"{self.source}: ciphertext")
        mac = _hex(self._crypto.mac, _KEY_BYTES, f"{self.source}: mac")
        for encoded in _password_forms(password):
            key = _derived(self._crypto, encoded, self.source)
            if hmac.compare_digest(keccak256(key[_HALF:] + ciphertext), mac):
                secret = _aes(key[:_HALF], iv, ciphertext)
                self._check(secret)
                return secret
        raise LocalError(
            f"cannot open {self.source}: wrong password, or the file was changed; use a backup if "
            "you are sure of the password"
        )

    def _check(self, secret: bytes) -> None:
        if not 0 < int.from_bytes(secret, "big") < SECP256K1_ORDER:
            raise LocalError(f"{self.source} holds no secp256k1 key: use a backup")
        found = secp256k1_address(Secp256k1Signer(secret).public_key)
        if self.address not in (None, found):
            raise LocalError(
                f"{self.source} names another address than that of its key, so it was changed: "
                "use a backup"
            )


def read_keystore(content: bytes, source: str) -> EthereumKeystore:
    """Check the form of a keystore, without its password; LocalError names what is wrong."""
    try:
        raw = msgspec.json.decode(content)
        if isinstance(raw, dict) and "Crypto" in raw:  # as some wallets wrote it
            raw["crypto"] = raw.pop("Crypto")
        file = msgspec.convert(raw, _File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LocalError(
            f"{source} is no Ethereum keystore of version {VERSION} ({error!s:.120}): export it "
            "again from the wallet that made it"
        ) from error
    address = None
    if file.address:
        digits = file.address.removeprefix("0x")
        address = Address(_hex(digits, ADDRESS_BYTES, f"{source}: address"))
    _check_cost(file.crypto, source)
    return EthereumKeystore(source, address, file.crypto)


def write_keystore(secret: bytes, password: str, cost: ScryptCost = STANDARD_COST) -> bytes:
    """A secp256k1 secret as the content of a keystore, encrypted by scrypt. LocalError when the
    password is too short or too long, or the secret is no key."""
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise LocalError(f"the password has fewer than {MIN_PASSWORD_CHARACTERS} characters")
    if len(secret) != SECRET_BYTES or not 0 < int.from_bytes(secret, "big") < SECP256K1_ORDER:
        raise LocalError("these 32 bytes are no secp256k1 key: it is 0, or above the curve's order")
    salt, iv = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_IV_BYTES)
    key = _scrypt(_password_forms(password)[0], salt, cost)
    ciphertext = _aes(key[:_HALF], iv, secret)
    content = {
        "version": VERSION,
        "id": str(uuid.uuid4()),
        "address": secp256k1_address(Secp256k1Signer(secret).public_key).hex(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": iv.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": _KEY_BYTES,
                "n": cost.n,
                "r": cost.r,
                "p": cost.p,
                "salt": salt.hex(),
            },
            "mac": keccak256(key[_HALF:] + ciphertext).hex(),
        },
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _password_forms(password: str) -> tuple[bytes, ...]:
    """As ethers and this wallet encode it, then as it was typed, which is what geth takes."""
    forms = dict.fromkeys(
        text.encode(errors="surrogateescape")
        for text in (unicodedata.normalize("NFKC", password), password)
    )
    if any(len(form) > MAX_PASSWORD_BYTES for form in forms):
        raise LocalError(f"the password is longer than {MAX_PASSWORD_BYTES} bytes")
    return tuple(forms)


def _check_cost(crypto: _Crypto, source: str) -> None:
    """Refuse what would take too long, before any password is asked for."""
    if crypto.kdf == "scrypt":
        cost = _scrypt_cost(crypto, source)
        if (
            cost.n & (cost.n - 1)
            or cost.memory_bytes > MAX_MEMORY_BYTES
            or cost.n * cost.r * cost.p > MAX_SCRYPT_WORK
        ):
            raise LocalError(
                f"{source}: scrypt with n {cost.n}, r {cost.r}, p {cost.p} is refused: n is a "
                f"power of 2, 128nr at most {MAX_MEMORY_BYTES}, nrp at most {MAX_SCRYPT_WORK}"
            )
    else:
        _number(crypto, "c", MAX_PBKDF2_ROUNDS, source)
        if crypto.kdfparams.get("prf") != "hmac-sha256":
            raise LocalError(f"{source}: kdfparams.prf: expected hmac-sha256")
    if crypto.kdfparams.get("dklen") != _KEY_BYTES:
        raise LocalError(f"{source}: kdfparams.dklen: expected {_KEY_BYTES}")
    _salt(crypto, source)


def _scrypt_cost(crypto: _Crypto, source: str) -> ScryptCost:
    n, r, p = (_number(crypto, name, MAX_SCRYPT_WORK, source) for name in "nrp")
    if n < 2:
        raise LocalError(f"{source}: kdfparams.n: expected a power of 2, found {n}")
    return ScryptCost(n, r, p)


def _derived(crypto: _Crypto, password: bytes, source: str) -> bytes:
    salt = _salt(crypto, source)
    if crypto.kdf == "scrypt":
        return _scrypt(password, salt, _scrypt_cost(crypto, source))
    rounds = _number(crypto, "c", MAX_PBKDF2_ROUNDS, source)
    return hashlib.pbkdf2_hmac("sha256", password, salt, rounds, _KEY_BYTES)


def _scrypt(password: bytes, salt: bytes, cost: ScryptCost) -> bytes:
    key = ffi.new("uint8_t[]", _KEY_BYTES)
    failed = lib.crypto_pwhash_scryptsalsa208sha256_ll(
        password, len(password), salt, len(salt), cost.n, cost.r, cost.p, key, _KEY_BYTES
    )
    if failed:
        raise LocalError(
            f"scrypt needs {cost.memory_bytes // _MIB} MiB for this keystore, which this machine "
            "does not give: free memory and try again"
        )
    return bytes(ffi.buffer(key, _KEY_BYTES))


def _aes(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-128-CTR, its own inverse."""
    stream = Cipher(AES(key), CTR(iv)).encryptor()
    return stream.update(data) + stream.finalize()


def _number(crypto: _Crypto, name: str, maximum: int, source: str) -> int:
    value = crypto.kdfparams.get(name)
    if type(value) is not int or not 1 <= value <= maximum:
        raise LocalError(
            f"{source}: kdfparams.{name}: expected 1 to {maximum}, found {value!r:.40}"
        )
    return value


def _salt(crypto: _Crypto, source: str) -> bytes:
    return _hex(crypto.kdfparams.get("salt"), None, f"{source}: kdfparams.salt")


def _hex(text: object, length: int | None, place: str) -> bytes:
    """Bytes in hex without 0x; length None: any up to a salt's most."""
    try:
        value = bytes.fromhex(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if value is None or (len(value) > _MAX_SALT_BYTES if length is None else len(value) != length):
        wanted = f"at most {_MAX_SALT_BYTES}" if length is None else str(length)
        raise LocalError(f"{place}: expected {wanted} bytes in hex; use a backup of the file")
    return value
