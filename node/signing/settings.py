"""Where a validator's key lies: options of the node, and of the signer process.

The node's are the sections [signer] and [pkcs11] of config.toml; the signer process has a file of
its own, signer.toml, with [signer] and the same [pkcs11].
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from consensus.messages import SigningDomain
from ledger.crypto import ED25519_KEY_BYTES
from ledger.errors import LocalError
from ledger.primitives import HASH_BYTES, Hash
from node.options import option, read_section, read_text, render_sections, tables_of

SIGNER_FILE: Final = "signer.toml"
PIN_VARIABLE: Final = "POYONG_HSM_PIN"
MAX_SIGNER_FILE_BYTES: Final = 64 * 1024
MAX_PORT: Final = 65_535
MAX_KEY_ID_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class SignerConfig:
    """Where the key that signs votes lies."""

    kind: str = option(
        "file",
        "file: node.validator_key. remote: a signer process (`poyong signer run`). pkcs11: a\n"
        "hardware module, [pkcs11].",
        choices=("file", "remote", "pkcs11"),
    )
    public_key: str = option("", "The validator's public key in hex, for remote and pkcs11.")
    next_public_key: str = option(
        "", "Of the key that is to take its place; it signs from the height on that names it."
    )
    address: str = option(
        "", 'Of the signer process: "unix:PATH" on this machine, "tls:HOST:PORT" elsewhere.'
    )
    tls_key: str = option("", "Public TLS key of the signer process in hex, for tls.")
    timeout_ms: int = option(
        2_000,
        "A signer that has not answered for this long is connected with anew.",
        minimum=50,
        maximum=60_000,
    )


@dataclass(frozen=True, slots=True)
class Pkcs11Config:
    """A key in a hardware module that speaks PKCS#11, with Ed25519 (CKM_EDDSA)."""

    module: str = option("", "The vendor's library, for instance /usr/lib/softhsm/libsofthsm2.so.")
    token: str = option("", "Label of the token.")
    slot: int = option(
        -1,
        "Number of the slot, when labels are not unique; -1: any.",
        minimum=-1,
        maximum=2**63 - 1,
    )
    key_label: str = option("", "Label of the private key.")
    key_id: str = option("", "Id of the private key in hex; beside or in place of the label.")
    next_key_label: str = option("", "Label of the private key that is to take its place.")
    next_key_id: str = option("", "Id of that one.")
    pin_file: str = option(
        "",
        "File whose first line is the PIN; only its owner may read it.\n"
        "Empty: the variable POYONG_HSM_PIN, else a prompt.",
    )

    def of_next_key(self) -> "Pkcs11Config":
        """The same module with the key that is to take the place of the present one."""
        return replace(self, key_label=self.next_key_label, key_id=self.next_key_id)


@dataclass(frozen=True, slots=True)
class ProcessConfig:
    """The signer process: whose votes it signs, and who may ask."""

    chain_id: int = option(0, "Of the one chain that it signs for.", maximum=2**63 - 1)
    genesis_hash: str = option("", "Of that chain, in hex.")
    listen: str = option(
        "unix:signer.sock", '"unix:PATH" for a node on this machine, "tls:HOST:PORT" elsewhere.'
    )
    validator_key: str = option("keys/validator.json", "Key file; empty: the key is in [pkcs11].")
    next_validator_key: str = option("", "Key file of the key that is to take its place.")
    tls_key: str = option("keys/signer.json", "Key file of the identity that nodes know (TLS).")
    node_keys: tuple[str, ...] = option((), "Node keys in hex that may ask, for tls.")
    password_file: str = option(
        "",
        "File whose first line is the password of the key files; only its owner may read it.\n"
        "Empty: the variable POYONG_KEY_PASSWORD, else a prompt.",
    )
    public_key: str = option("", "The validator's public key in hex; required with [pkcs11].")
    next_public_key: str = option(
        "", "Of the key that is to take its place; required when that one is in [pkcs11]."
    )


@dataclass(frozen=True, slots=True)
class SignerHome:
    """What signer.toml says; paths are relative to its folder."""

    home: Path = field(default_factory=Path)
    signer: ProcessConfig = field(default_factory=ProcessConfig)
    pkcs11: Pkcs11Config = field(default_factory=Pkcs11Config)

    @property
    def domain(self) -> SigningDomain:
        """The chain that it signs for."""
        return SigningDomain(self.signer.chain_id, Hash(bytes.fromhex(self.signer.genesis_hash)))

    @property
    def state_path(self) -> Path:
        """The file that says what was signed last."""
        return self.home / "last-signed"


@dataclass(frozen=True, slots=True)
class Address:
    """A Unix socket, or host and port of TLS."""

    path: str = ""
    host: str = ""
    port: int = 0


def read_address(text: str, where: str) -> Address:
    """From "unix:PATH" or "tls:HOST:PORT"; LocalError for all else, naming `where` it stands."""
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest:
        return Address(path=rest)
    host, _, port = rest.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port[:6]) <= MAX_PORT
    if kind == "tls" and host and is_port:
        return Address(host=host, port=int(port))
    raise LocalError(f'{where}: expected "unix:PATH" or "tls:HOST:PORT", found {text!r:.160}')


def read_hex(text: str, length: int, where: str) -> bytes:
    """So many bytes in hex; LocalError naming `where` they stand."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != length:
        raise LocalError(f"{where}: expected {2 * length} hex digits, found {text!r:.160}")
    return found


def check_node(
    signer: SignerConfig, module: Pkcs11Config, validator_keys: tuple[str, str], source: str
) -> None:
    """What the options of a node must be together; LocalError for the first that is wrong.

    validator_keys: [node] validator_key and next_validator_key.
    """
    where = f"{source}: [signer]"
    if signer.kind == "file":
        if validator_keys[1] and not validator_keys[0]:
            raise LocalError(
                f"{source}: [node] next_validator_key is set and validator_key is empty: a key "
                "that takes no other's place is the validator_key"
            )
        return
    if any(validator_keys):
        raise LocalError(
            f'{where} kind is "{signer.kind}", and [node] validator_key names a key file too: '
            "empty it, so that the key is in one place"
        )
    read_hex(signer.public_key, ED25519_KEY_BYTES, f"{where} public_key")
    if signer.next_public_key:
        read_hex(signer.next_public_key, ED25519_KEY_BYTES, f"{where} next_public_key")
        if signer.next_public_key.lower() == signer.public_key.lower():
            raise LocalError(f"{where} next_public_key is public_key: empty it, or name another")
    if signer.kind == "pkcs11":
        check_module(module, source)
        if signer.next_public_key:
            check_module(module.of_next_key(), source, "next_")
    elif not read_address(signer.address, f"{where} address").path:
        read_hex(signer.tls_key, ED25519_KEY_BYTES, f"{where} tls_key")


def check_module(module: Pkcs11Config, source: str, prefix: str = "") -> None:
    """LocalError when options of [pkcs11] are missing or malformed. prefix: of the key's ones."""
    where = f"{source}: [pkcs11]"
    if not module.module:
        raise LocalError(f"{where} module is empty: name the library of the hardware module")
    if not module.token and module.slot < 0:
        raise LocalError(f"{where}: name the token by token, or by slot")
    if not module.key_label and not module.key_id:
        raise LocalError(
            f"{where}: name the private key by {prefix}key_label, {prefix}key_id or both"
        )
    digits = module.key_id
    if digits:
        read_hex(digits, min(max(len(digits) // 2, 1), MAX_KEY_ID_BYTES), f"{where} {prefix}key_id")


def load_home(home: Path) -> SignerHome:
    """Read signer.toml. LocalError for the first thing that is wrong."""
    file = home / SIGNER_FILE
    known = ("signer", "pkcs11")
    tables = tables_of(read_text(file, "poyong signer init", MAX_SIGNER_FILE_BYTES), file, known)
    found = SignerHome(
        home,
        read_section(ProcessConfig, "signer", tables.get("signer", {}), str(file)),
        read_section(Pkcs11Config, "pkcs11", tables.get("pkcs11", {}), str(file)),
    )
    _check_home(found, str(file))
    return found


def _check_home(found: SignerHome, source: str) -> None:
    signer, where = found.signer, f"{source}: [signer]"
    read_hex(signer.genesis_hash, HASH_BYTES, f"{where} genesis_hash")
    if signer.public_key or not signer.validator_key:
        read_hex(signer.public_key, ED25519_KEY_BYTES, f"{where} public_key")
    if not signer.validator_key:
        check_module(found.pkcs11, source)
    if signer.next_public_key:
        read_hex(signer.next_public_key, ED25519_KEY_BYTES, f"{where} next_public_key")
        if not signer.next_validator_key:
            check_module(found.pkcs11.of_next_key(), source, "next_")
    if read_address(signer.listen, f"{where} listen").path:
        return
    if not signer.node_keys:
        raise LocalError(f"{where} node_keys is empty: name the node keys that may ask over TLS")
    for key in signer.node_keys:
        read_hex(key, ED25519_KEY_BYTES, f"{where} node_keys")


def render_home(found: SignerHome) -> str:
    """signer.toml with every option explained."""
    sections = {"signer": found.signer, "pkcs11": found.pkcs11}
    return render_sections(("Configuration of a signer process.",), sections)
